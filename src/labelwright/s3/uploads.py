"""Multipart uploads: parts are staged files that the index knows; completing one makes them an object."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import secrets
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from sqlalchemy.engine import Connection

from labelwright.s3 import checksums as cs
from labelwright.s3.files import StagedFile
from labelwright.s3.index import ObjectRow
from labelwright.s3.names import check_key
from labelwright.s3.problems import S3Problem
from labelwright.s3.store import Condition, NewObject, ObjectStore, details_text

__all__ = ["MAX_PARTS", "MIN_PART_BYTES", "Claim", "Part", "Upload", "Uploads"]

MIN_PART_BYTES = 5 * 1024**2
MAX_PARTS = 10_000
MAX_OBJECT_BYTES = 5 * 1024**4


@dataclasses.dataclass(frozen=True, slots=True)
class Upload:
    """An upload that is not complete. ``algorithm`` is a name of `checksums.ALGORITHMS` or None."""

    upload_id: str
    bucket: str
    key: str
    initiated_at: float
    content_type: str
    details: str | None
    algorithm: str | None
    checksum_type: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """A part on disk. ``checksums`` maps algorithm to Base64."""

    number: int
    size: int
    etag: str
    modified_at: float
    checksums: dict[str, str]
    staged: str


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """What the client says in CompleteMultipartUpload about one part."""

    number: int
    etag: str
    checksums: dict[str, str]


class Uploads:
    """Multipart uploads of a store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def create(
        self,
        bucket: str,
        key: str,
        *,
        content_type: str,
        details: str | None,
        algorithm: str | None,
        checksum_type: str | None,
    ) -> Upload:
        """Begin an upload.

        Raises
        ------
        S3Problem
            ``NoSuchBucket``, ``KeyTooLongError``, ``InvalidRequest``.
        """
        check_key(key)
        self._store.bucket(bucket)
        if algorithm is not None:
            cs.hasher(algorithm)
            default = "FULL_OBJECT" if algorithm == "crc64nvme" else "COMPOSITE"
            checksum_type = checksum_type or default
            is_hash = algorithm in ("sha1", "sha256")
            if checksum_type not in ("FULL_OBJECT", "COMPOSITE") or (
                is_hash if checksum_type == "FULL_OBJECT" else algorithm == "crc64nvme"
            ):
                raise S3Problem(
                    "InvalidRequest",
                    f"The {checksum_type[:40]} checksum type cannot be used with the {algorithm} "
                    "checksum algorithm.",
                )
        upload = Upload(
            secrets.token_urlsafe(24),
            bucket,
            key,
            self._store.clock(),
            content_type,
            details,
            algorithm,
            checksum_type if algorithm else None,
        )
        values = dataclasses.astuple(upload)

        def work(connection: Connection) -> None:
            connection.exec_driver_sql("INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

        self._store.write(work).result()
        return upload

    def get(self, bucket: str, key: str, upload_id: str) -> Upload:
        """The upload.

        Raises
        ------
        S3Problem
            ``NoSuchUpload``.
        """
        with self._store.index.reading() as connection:
            values = connection.execute(
                "SELECT * FROM uploads WHERE upload_id = ? AND bucket = ? AND key = ?",
                (upload_id, bucket, key),
            ).fetchone()
        if values is None:
            self._store.bucket(bucket)
            raise _no_such_upload(upload_id)
        return Upload(*values)

    def put_part(
        self, upload: Upload, number: int, staged: StagedFile, *, etag: str, checksums: dict[str, str]
    ) -> Future[Part]:
        """Keep a staged file as a part; replaces an earlier one of the number."""
        part = Part(number, staged.size, etag, round(self._store.clock(), 3), checksums, staged.name)

        def work(connection: Connection) -> str | None:
            if not _is_there(connection, upload.upload_id):
                raise _no_such_upload(upload.upload_id)
            replaced = connection.exec_driver_sql(
                "SELECT staged FROM parts WHERE upload_id = ? AND number = ?", (upload.upload_id, number)
            ).first()
            connection.exec_driver_sql(
                "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    upload.upload_id,
                    number,
                    part.size,
                    etag,
                    part.modified_at,
                    json.dumps(checksums) if checksums else None,
                    staged.name,
                ),
            )
            return None if replaced is None else str(replaced[0])

        outcome: Future[Part] = Future()
        outcome.set_running_or_notify_cancel()

        def done(future: Future[str | None]) -> None:
            try:
                replaced = future.result()
                if replaced is not None:
                    self._store.files.unlink_staged(replaced)
                outcome.set_result(part)
            except BaseException as error:
                staged.discard()
                outcome.set_exception(error)

        self._store.write(work).add_done_callback(done)
        return outcome

    def parts(self, upload: Upload, *, after: int = 0, limit: int = MAX_PARTS) -> list[Part]:
        """Parts by number, from the one behind ``after``."""
        with self._store.index.reading() as connection:
            rows = connection.execute(
                "SELECT number, size, etag, modified_at, checksums, staged FROM parts "
                "WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?",
                (upload.upload_id, after, limit),
            ).fetchall()
        return [_part(values) for values in rows]

    def uploads(self, bucket: str, *, prefix: str, key_after: str, id_after: str, limit: int) -> list[Upload]:
        """Uploads of a bucket in order of key and id."""
        with self._store.index.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM uploads WHERE bucket = ? AND (key > ? OR (key = ? AND upload_id > ?)) "
                "AND substr(key, 1, ?) = ? ORDER BY key, upload_id LIMIT ?",
                (bucket, key_after, key_after, id_after or "\U0010ffff", len(prefix), prefix, limit),
            ).fetchall()
        return [Upload(*values) for values in rows]

    def abort(self, upload: Upload) -> None:
        """Forget the upload and its parts."""
        removed = self._store.write(lambda connection: _take(connection, upload.upload_id)).result()
        for name in removed:
            self._store.files.unlink_staged(name)

    def complete(
        self,
        upload: Upload,
        claims: Sequence[Claim],
        *,
        condition: Condition | None = None,
        expected_size: int | None = None,
        expected_checksum: str | None = None,
    ) -> ObjectRow:
        """Put the parts together; runs as long as the disk needs to copy them.

        Raises
        ------
        S3Problem
            ``InvalidPart``, ``InvalidPartOrder``, ``EntityTooSmall``, ``NoSuchUpload`` (completed or
            aborted by somebody else meanwhile), ``BadDigest``, or what the condition raises.
        """
        parts = self._chosen(upload, claims)
        total = sum(part.size for part in parts)
        if expected_size is not None and expected_size != total:
            raise S3Problem(
                "InvalidRequest", f"x-amz-mp-object-size is {expected_size}, the parts have {total} bytes."
            )
        if total > MAX_OBJECT_BYTES:
            raise S3Problem("EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
        checksum = _whole_checksum(upload, parts)
        if expected_checksum is not None and checksum is not None and expected_checksum != checksum:
            raise S3Problem(
                "BadDigest", f"The {upload.algorithm} you specified did not match: it is {checksum}."
            )
        files = self._store.files
        staged = files.stage()
        try:
            for part in parts:
                source = files.open_staged(part.staged)
                staged.append_from(source, 0, part.size)
            files.finish(staged)
        except FileNotFoundError as error:
            staged.discard()
            raise _no_such_upload(upload.upload_id) from error
        except BaseException:
            staged.discard()
            raise
        removed: list[str] = []

        def also(connection: Connection) -> None:
            if not _is_there(connection, upload.upload_id):
                raise _no_such_upload(upload.upload_id)
            removed.extend(_take(connection, upload.upload_id))

        details = json.loads(upload.details) if upload.details else {}
        new = NewObject(
            upload.bucket,
            upload.key,
            multipart_etag([part.etag for part in parts]),
            upload.content_type,
            details_text(
                **details,
                checksums={upload.algorithm: checksum} if upload.algorithm and checksum else None,
                checksum_type=upload.checksum_type,
                parts=[part.size for part in parts],
            ),
        )
        row = self._store.commit(staged, new, condition=condition, also=also).result()
        for name in removed:
            files.unlink_staged(name)
        return row

    def _chosen(self, upload: Upload, claims: Sequence[Claim]) -> list[Part]:
        if not claims:
            raise S3Problem("MalformedXML", "CompleteMultipartUpload must name at least one part.")
        present = {part.number: part for part in self.parts(upload)}
        chosen: list[Part] = []
        for claim in claims:
            if chosen and claim.number <= chosen[-1].number:
                raise S3Problem(
                    "InvalidPartOrder",
                    "The list of parts was not in ascending order. Parts must be ordered by part number.",
                )
            part = present.get(claim.number)
            if part is None or (claim.etag and claim.etag != part.etag):
                raise _invalid_part(claim.number)
            for algorithm, value in claim.checksums.items():
                if part.checksums.get(algorithm, value) != value:
                    raise _invalid_part(claim.number)
            chosen.append(part)
        for part in chosen[:-1]:
            if part.size < MIN_PART_BYTES:
                raise S3Problem(
                    "EntityTooSmall",
                    "Your proposed upload is smaller than the minimum allowed size",
                    ProposedSize=str(part.size),
                    MinSizeAllowed=str(MIN_PART_BYTES),
                    PartNumber=str(part.number),
                    ETag=part.etag,
                )
        return chosen


def multipart_etag(etags: Sequence[str]) -> str:
    """MD5 of the MD5s of the parts, and their number."""
    whole = hashlib.md5(b"".join(bytes.fromhex(etag) for etag in etags), usedforsecurity=False)
    return f"{whole.hexdigest()}-{len(etags)}"


def _whole_checksum(upload: Upload, parts: Sequence[Part]) -> str | None:
    algorithm = upload.algorithm
    if algorithm is None or any(algorithm not in part.checksums for part in parts):
        return None
    raw = [base64.b64decode(part.checksums[algorithm]) for part in parts]
    if upload.checksum_type == "FULL_OBJECT":
        return cs.combine_full(
            algorithm, [(value, part.size) for value, part in zip(raw, parts, strict=True)]
        )
    return cs.composite(algorithm, raw)


def _part(values: Sequence[Any]) -> Part:
    number, size, etag, modified_at, checksums, staged = values
    return Part(number, size, etag, modified_at, json.loads(checksums) if checksums else {}, staged)


def _is_there(connection: Connection, upload_id: str) -> bool:
    found = connection.exec_driver_sql("SELECT 1 FROM uploads WHERE upload_id = ?", (upload_id,)).first()
    return found is not None


def _take(connection: Connection, upload_id: str) -> list[str]:
    """Remove an upload inside a write; names of its staged files."""
    rows = connection.exec_driver_sql("SELECT staged FROM parts WHERE upload_id = ?", (upload_id,)).all()
    connection.exec_driver_sql("DELETE FROM parts WHERE upload_id = ?", (upload_id,))
    connection.exec_driver_sql("DELETE FROM uploads WHERE upload_id = ?", (upload_id,))
    return [str(row[0]) for row in rows]


def _no_such_upload(upload_id: str) -> S3Problem:
    return S3Problem(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
        "been aborted "
        "or completed.",
        UploadId=upload_id[:200],
    )


def _invalid_part(number: int) -> S3Problem:
    return S3Problem(
        "InvalidPart",
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the "
        "specified entity tag may not match the part's entity tag.",
        PartNumber=str(number),
    )
