"""The object store: atomic, durable puts and deletes over `Files` and `Index`, and consistent reads.

The order of a put is: write the bytes aside and flush them; commit the row; rename the file into place;
answer. The commit is the moment at which the new object takes the old one's place, for readers and after a
crash alike. What the rename left undone is done when the store is opened again (`_recover`), and what it
did is noted in the index later, many at a time (`_settle`).

One process owns a store. A lock per key (striped) orders "read the row, open the file" against "rename,
unlink", so a reader gets row and bytes of the same object whatever writers do.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from labelwright.errors import LabelwrightError
from labelwright.s3 import index as ix
from labelwright.s3.files import Files, OpenFile, StagedFile
from labelwright.s3.index import BucketRow, Index, ObjectRow
from labelwright.s3.names import check_bucket_name, check_key
from labelwright.s3.problems import S3Problem

__all__ = ["Condition", "Entry", "NewObject", "ObjectStore", "details_text"]

T = TypeVar("T")
Condition = Callable[[ObjectRow | None], None]
"""Looks at the object that is there now, inside the write; raises to refuse."""

_log = logging.getLogger(__name__)

_N_LOCKS = 256
_MAX_ENTRIES = 384
_SETTLE_EVERY = 256


class Entry:
    """A row and its open file, which belong together. ``answer`` is free for the door to keep headers in."""

    __slots__ = ("answer", "file", "row")

    def __init__(self, row: ObjectRow, file: OpenFile) -> None:
        self.row = row
        self.file = file
        self.answer: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class NewObject:
    """What a put says about the bytes it staged."""

    bucket: str
    key: str
    etag: str
    content_type: str = "application/octet-stream"
    details: str | None = None


class ObjectStore:
    """Objects as files under ``data_dir/objects``, their index in ``data_dir/objects.sqlite``.

    Parameters
    ----------
    data_dir : Path
    clock : callable
        Epoch seconds.

    Raises
    ------
    LabelwrightError
        When another process has the store open.
    """

    def __init__(self, data_dir: Path, *, clock: Callable[[], float] = time.time) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self._owner = _own(data_dir / "objects.lock")
        self.clock = clock
        self.files = Files(data_dir / "objects")
        self.index = Index(data_dir / "objects.sqlite")
        self._locks = [threading.Lock() for _ in range(_N_LOCKS)]
        self._entries: OrderedDict[tuple[str, str], Entry] = OrderedDict()
        self._entries_lock = threading.Lock()
        self._buckets: dict[str, BucketRow] = {}
        self._buckets_lock = threading.Lock()
        self._placed: list[tuple[ObjectRow, int]] = []
        self._removed: list[ObjectRow] = []
        self._settle_lock = threading.Lock()
        self._settler = ThreadPoolExecutor(1, "object-store-settle")
        self._recover()

    def close(self) -> None:
        """Finish, note what was placed, and let another process have the store."""
        self._settler.shutdown(wait=True)
        self._settle()
        self.index.close()
        with self._entries_lock:
            self._entries.clear()
        self.files.close()
        os.close(self._owner)

    # Buckets

    def bucket(self, name: str) -> BucketRow:
        """The bucket.

        Raises
        ------
        S3Problem
            ``NoSuchBucket``.
        """
        row = self._buckets.get(name)
        if row is None:
            with self._buckets_lock:
                row = self.index.bucket(name)
                if row is None:
                    raise _no_such_bucket(name)
                self._buckets[name] = row
        return row

    def create_bucket(self, name: str, *, region: str) -> bool:
        """Make a bucket; False when it was there already."""
        check_bucket_name(name)
        now = self.clock()

        def work(connection: Connection) -> bool:
            inserted = connection.exec_driver_sql(
                "INSERT OR IGNORE INTO buckets (name, region, created_at) VALUES (?, ?, ?)",
                (name, region, now),
            )
            return inserted.rowcount == 1

        self.files.make_bucket(name)
        return self.index.database.write(work)

    def delete_bucket(self, name: str) -> None:
        """Remove an empty bucket.

        Raises
        ------
        S3Problem
            ``NoSuchBucket`` or ``BucketNotEmpty``.
        """

        def work(connection: Connection) -> None:
            _need_bucket(connection, name)
            if connection.exec_driver_sql("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", (name,)).first():
                raise S3Problem(
                    "BucketNotEmpty", "The bucket you tried to delete is not empty", BucketName=name
                )
            connection.exec_driver_sql(
                "DELETE FROM parts WHERE upload_id IN (SELECT upload_id FROM uploads WHERE bucket = ?)",
                (name,),
            )
            connection.exec_driver_sql("DELETE FROM uploads WHERE bucket = ?", (name,))
            connection.exec_driver_sql("DELETE FROM buckets WHERE name = ?", (name,))

        self.index.database.write(work)
        with self._buckets_lock:
            self._buckets.pop(name, None)
        self.files.remove_bucket(name)

    def set_document(self, bucket: str, name: str, value: object | None) -> None:
        """Keep (or with None remove) a sub-resource of a bucket, such as its CORS rules."""

        def work(connection: Connection) -> None:
            row = connection.exec_driver_sql(
                "SELECT documents FROM buckets WHERE name = ?", (bucket,)
            ).first()
            if row is None:
                raise _no_such_bucket(bucket)
            documents = json.loads(row[0]) if row[0] else {}
            documents.pop(name, None)
            if value is not None:
                documents[name] = value
            connection.exec_driver_sql(
                "UPDATE buckets SET documents = ? WHERE name = ?", (json.dumps(documents), bucket)
            )

        self.index.database.write(work)
        with self._buckets_lock:
            self._buckets.pop(bucket, None)

    # Reading

    def entry(self, bucket: str, key: str) -> Entry:
        """Row and open file of an object.

        Raises
        ------
        S3Problem
            ``NoSuchKey``, ``NoSuchBucket``, or ``InternalError`` when the file was removed or changed by
            hand.
        """
        name = (bucket, key)
        entry = self._entries.get(name)
        if entry is not None:
            with self._entries_lock, contextlib.suppress(KeyError):
                self._entries.move_to_end(name)
            return entry
        with self._locks[hash(name) % _N_LOCKS]:
            row = self.index.object(bucket, key)
            if row is not None:
                try:
                    file = self.files.open(row)
                except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
                    raise _damaged(row, "is missing") from error
                if file.size != row.size:
                    raise _damaged(row, f"has {file.size} bytes instead of {row.size}")
                entry = Entry(row, file)
                with self._entries_lock:
                    self._entries[name] = entry
                    if len(self._entries) > _MAX_ENTRIES:
                        self._entries.popitem(last=False)
                return entry
        check_key(key)
        self.bucket(bucket)
        raise S3Problem("NoSuchKey", "The specified key does not exist.", Key=key)

    # Writing

    def commit(
        self,
        staged: StagedFile,
        new: NewObject,
        *,
        condition: Condition | None = None,
        also: Callable[[Connection], None] | None = None,
    ) -> Future[ObjectRow]:
        """Make a staged file, already finished, the object.

        Parameters
        ----------
        staged : StagedFile
            Removed again when the put is refused.
        new : NewObject
        condition : callable, optional
        also : callable, optional
            Further changes to the index in the same transaction.

        Returns
        -------
        Future of ObjectRow
            Done when the object is durable and visible.
        """
        check_key(new.key)
        row = ObjectRow(
            new.bucket,
            new.key,
            staged.size,
            new.etag,
            round(self.clock(), 3),
            self.files.first_place(new.key),
            staged.name,
            new.content_type,
            new.details,
        )

        def work(connection: Connection) -> ObjectRow | None:
            _need_bucket(connection, new.bucket)
            current = ix.get_object(connection, new.bucket, new.key)
            if condition is not None:
                condition(current)
            if also is not None:
                also(connection)
            ix.put_object(connection, row)
            return current

        def after(replaced: ObjectRow | None) -> ObjectRow:
            with self._lock(row):
                self._forget(row)
                if replaced is not None and replaced.staged is not None:
                    self.files.unlink_staged(replaced.staged)
                current = self.index.object(row.bucket, row.key)
                if current is None or current.staged != row.staged:
                    self.files.unlink_staged(staged.name)  # a later write has replaced it already
                else:
                    self._note(row, self.files.place(row))
            return row

        return self._submit(work, after, refused=staged.discard)

    def delete(
        self, bucket: str, keys: Sequence[str], *, condition: Condition | None = None
    ) -> Future[list[bool]]:
        """Delete objects; one transaction for all.

        Returns
        -------
        Future of list of bool
            Which of them were there.
        """

        def work(connection: Connection) -> list[ObjectRow | None]:
            _need_bucket(connection, bucket)
            rows: list[ObjectRow | None] = []
            for key in keys:
                current = ix.get_object(connection, bucket, key)
                if condition is not None:
                    condition(current)
                if current is not None:
                    ix.delete_object(connection, bucket, key)
                rows.append(current)
            return rows

        def after(rows: list[ObjectRow | None]) -> list[bool]:
            for row in rows:
                if row is None:
                    continue
                with self._lock(row):
                    self._forget(row)
                    if row.staged is not None:
                        self.files.unlink_staged(row.staged)
                    if row.place != ix.OWN_NAME and self.index.object(bucket, row.key) is None:
                        self.files.unlink_key(bucket, row.key)
                self._note_removed(row)
            return [row is not None for row in rows]

        return self._submit(work, after)

    def update_details(
        self, bucket: str, key: str, change: Callable[[dict[str, Any]], None]
    ) -> Future[ObjectRow]:
        """Change what is kept beside the bytes (tags)."""

        def work(connection: Connection) -> ObjectRow:
            _need_bucket(connection, bucket)
            current = ix.get_object(connection, bucket, key)
            if current is None:
                raise S3Problem("NoSuchKey", "The specified key does not exist.", Key=key)
            details = current.parsed
            change(details)
            row = dataclasses.replace(current, details=json.dumps(details) if details else None)
            ix.put_object(connection, row)
            return row

        def after(row: ObjectRow) -> ObjectRow:
            with self._lock(row):
                self._forget(row)
            return row

        return self._submit(work, after)

    def write(self, work: Callable[[Connection], T]) -> Future[T]:
        """Queue another change of the index (uploads use this)."""
        return self.index.database.submit(work)

    def _submit(
        self,
        work: Callable[[Connection], Any],
        after: Callable[[Any], T],
        *,
        refused: Callable[[], None] | None = None,
    ) -> Future[T]:
        # The steps after the commit run in the writer's thread, not in the caller's: they must happen even
        # when the caller is gone, or readers would keep the old object.
        outcome: Future[T] = Future()
        outcome.set_running_or_notify_cancel()

        def done(future: Future[Any]) -> None:
            try:
                try:
                    result = future.result()
                except BaseException:
                    if refused is not None:
                        refused()
                    raise
                outcome.set_result(after(result))
            except BaseException as error:
                outcome.set_exception(error)

        self.index.database.submit(work).add_done_callback(done)
        return outcome

    def _lock(self, row: ObjectRow) -> threading.Lock:
        return self._locks[hash((row.bucket, row.key)) % _N_LOCKS]

    def _forget(self, row: ObjectRow) -> None:
        with self._entries_lock:
            self._entries.pop((row.bucket, row.key), None)

    # Settling and recovery

    def _note(self, row: ObjectRow, place: int) -> None:
        if row.place == ix.MOVING and place != ix.MOVING:
            with self._settle_lock:
                self._placed.append((row, place))
                is_due = len(self._placed) == _SETTLE_EVERY
            if is_due:
                self._settle_soon()

    def _note_removed(self, row: ObjectRow) -> None:
        with self._settle_lock:
            self._removed.append(row)
            is_due = len(self._removed) == _SETTLE_EVERY
        if is_due:
            self._settle_soon()

    def _settle_soon(self) -> None:
        with contextlib.suppress(RuntimeError):  # closing; `close` settles
            self._settler.submit(self._settle)

    def _settle(self) -> None:
        with self._settle_lock:
            placed, self._placed = self._placed, []
            removed, self._removed = self._removed, []
        if not placed and not removed:
            return
        try:
            self.files.sync_directories([row for row, place in placed if place == ix.AT_KEY] + removed)

            def work(connection: Connection) -> None:
                for row, place in placed:
                    connection.exec_driver_sql(
                        "UPDATE objects SET place = ?, staged = ? WHERE bucket = ? AND key = ? AND "
                        "staged = ?",
                        (
                            place,
                            row.staged if place == ix.OWN_NAME else None,
                            row.bucket,
                            row.key,
                            row.staged,
                        ),
                    )
                for row in removed:
                    connection.exec_driver_sql(
                        "DELETE FROM removed WHERE bucket = ? AND key = ?", (row.bucket, row.key)
                    )

            self.index.database.write(work)
        except Exception:
            # Nothing is lost: the next start does the same from the index.
            _log.exception("settling failed", extra={"action": "settle", "objects": len(placed)})

    def _recover(self) -> None:
        """Do what a crash left undone: place committed files, remove deleted ones, sweep up the rest."""
        with self.index.reading() as connection:
            moving = connection.execute(
                "SELECT bucket, key, size, etag, modified_at, place, staged, content_type, details "
                "FROM objects WHERE place = 1"
            ).fetchall()
            removed = connection.execute("SELECT bucket, key FROM removed").fetchall()
        for values in moving:
            row = ix.object_row(values)
            self._note_recovered(row)
        for bucket, key in removed:
            row_now = self.index.object(bucket, key)
            if row_now is None:
                self.files.unlink_key(bucket, key)
            self._removed.append(ObjectRow(bucket, key, 0, "", 0.0, ix.AT_KEY, None, "", None))
        with self.index.reading() as connection:
            for name in self.files.staged_names():
                known = connection.execute(
                    "SELECT EXISTS (SELECT 1 FROM objects WHERE staged = ?1) "
                    "OR EXISTS (SELECT 1 FROM parts WHERE staged = ?1)",
                    (name,),
                ).fetchone()
                if not known[0]:
                    self.files.unlink_staged(name)
        for bucket_row in self.index.buckets():
            self.files.make_bucket(bucket_row.name)
        self._settle()

    def _note_recovered(self, row: ObjectRow) -> None:
        place = self.files.place(row)
        if place == ix.MOVING:
            _log.error(
                "the bytes of an object are missing", extra={"action": "recover", "bucket": row.bucket}
            )
        else:
            self._placed.append((row, place))


def details_text(
    *,
    headers: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    checksums: Mapping[str, str] | None = None,
    checksum_type: str | None = None,
    parts: Sequence[int] | None = None,
    tags: Mapping[str, str] | None = None,
) -> str | None:
    """JSON text for `ObjectRow.details`; None when there is nothing to keep."""
    members: dict[str, Any] = {}
    for name, value in (
        ("headers", headers),
        ("metadata", metadata),
        ("checksums", checksums),
        ("checksum_type", checksum_type if checksums else None),
        ("parts", parts),
        ("tags", tags),
    ):
        if value:
            members[name] = value
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")) if members else None


def _need_bucket(connection: Connection, name: str) -> None:
    if connection.exec_driver_sql("SELECT 1 FROM buckets WHERE name = ?", (name,)).first() is None:
        raise _no_such_bucket(name)


def _no_such_bucket(name: str) -> S3Problem:
    return S3Problem("NoSuchBucket", "The specified bucket does not exist", BucketName=name[:100])


def _damaged(row: ObjectRow, what: str) -> S3Problem:
    _log.error(
        "the file of an object is damaged",
        extra={"action": "open", "bucket": row.bucket, "key": row.key, "problem": what},
    )
    return S3Problem(
        "InternalError",
        f"The file of this object {what}: it was changed behind the store. Put the object again.",
        Key=row.key,
    )


def _own(path: Path) -> int:
    """Take the store for this process; the lock ends with the process, however it ends."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise LabelwrightError(
            f"The object store under {path.parent} is in use by another process. Stop the other "
            "server, or give "
            "this one another --data directory."
        ) from error
    return fd
