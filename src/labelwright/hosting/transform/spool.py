"""What came out, on its way from the program to the object store.

::

    done.jsonl        one line for each object that is finished, in order of finishing: {"i", "name",
                      "segment", "start", "size", "crc", "type"}, or {"i", "error"}
    segment-<n>       outputs one after the other, each at the place its line names
    published         {"offset": bytes of done.jsonl that the server has dealt with, ...}

The program is the one writer of the first two, the server of the third; it removes segments of which nothing
is left. An output is there when its line is. Lines carry a checksum, so that after a failure of power, which
may lose what was written last, a program takes up where all is whole. Nothing waits for the disk.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from labelwright.errors import LabelwrightError

__all__ = ["Finished", "SpoolDamaged", "SpoolReader", "SpoolWriter"]

SEGMENT_BYTES: Final = 32 << 20
_PIECE_BYTES: Final = 1 << 20


class SpoolDamaged(LabelwrightError):
    """An output is not what its line says."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finished:
    """One line: an object that is finished.

    Attributes
    ----------
    i : int
        Place of the object in the job.
    name : str
        Key of the output below S3OutputPath; empty when there is none.
    segment, start, size, crc : int
        Where it lies, and its CRC-32.
    content_type : str
    error : str
        Why there is none.
    """

    i: int
    name: str = ""
    segment: int = 0
    start: int = 0
    size: int = 0
    crc: int = 0
    content_type: str = ""
    error: str = ""

    def line(self) -> bytes:
        """As it is written."""
        if self.error:
            content: dict[str, Any] = {"i": self.i, "error": self.error}
        else:
            content = {
                "i": self.i,
                "name": self.name,
                "segment": self.segment,
                "start": self.start,
                "size": self.size,
                "crc": self.crc,
                "type": self.content_type,
            }
        return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def of_line(cls, raw: bytes) -> Finished:
        """As it is read."""
        content = orjson.loads(raw)
        if "error" in content:
            return cls(content["i"], error=content["error"])
        return cls(
            i=content["i"],
            name=content["name"],
            segment=content["segment"],
            start=content["start"],
            size=content["size"],
            crc=content["crc"],
            content_type=content["type"],
        )


class SpoolReader:
    """The server's side. Safe beside a writer, and to repeat.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._done = folder / "done.jsonl"
        self._published = folder / "published"

    def published(self) -> dict[str, int]:
        """``offset`` in bytes of ``done.jsonl``, and how many objects were ``n_done`` and ``n_failed``."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            content: dict[str, int] = orjson.loads(self._published.read_bytes())
            return content
        return {"offset": 0, "n_done": 0, "n_failed": 0}

    def take(self, n_max: int) -> tuple[list[Finished], int]:
        """Objects finished and not yet published, oldest first, and the offset behind them."""
        offset = self.published()["offset"]
        taken: list[Finished] = []
        with contextlib.suppress(FileNotFoundError), self._done.open("rb") as file:
            file.seek(offset)
            while len(taken) < n_max and (raw := file.readline()).endswith(b"\n"):
                taken.append(Finished.of_line(raw))
                offset += len(raw)
        return taken, offset

    def pieces(self, finished: Finished) -> Iterator[bytes]:
        """The bytes of an output.

        Raises
        ------
        SpoolDamaged
            At the end, when they are not what was written.
        """
        crc = at = 0
        try:
            with self.segment(finished.segment).open("rb") as file:
                file.seek(finished.start)
                while at < finished.size and (piece := file.read(min(_PIECE_BYTES, finished.size - at))):
                    crc = zlib.crc32(piece, crc)
                    at += len(piece)
                    yield piece
        except FileNotFoundError:
            at = -1
        if at != finished.size or crc != finished.crc:
            raise SpoolDamaged(
                f"The output {finished.name!r} was damaged on its way; the object is to be done again."
            )

    def mark(self, published: list[Finished], offset: int) -> None:
        """Note that these are in the object store, and remove segments that hold nothing else.

        Everything before ``offset`` must be durable there.
        """
        # What is noted as published must not vanish from the list, or the offset would point behind its end.
        with self._done.open("rb") as file:
            os.fsync(file.fileno())
        before = self.published()
        n_failed = sum(bool(finished.error) for finished in published)
        content = {
            "offset": offset,
            "n_done": before["n_done"] + len(published) - n_failed,
            "n_failed": before["n_failed"] + n_failed,
        }
        aside = self._published.with_suffix(".part")
        with aside.open("wb") as file:
            file.write(orjson.dumps(content))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._published)
        last = max((finished.segment for finished in published), default=0)
        for number in segments(self._folder):
            if number < last:  # outputs are taken in the order in which they were written
                self.segment(number).unlink(missing_ok=True)

    def segment(self, number: int) -> Path:
        """The file of a segment."""
        return self._folder / f"segment-{number:06d}"


class SpoolWriter:
    """The program's side; made once, before the first output.

    Parameters
    ----------
    folder : Path
    n_objects : int
        Of the job.

    Attributes
    ----------
    is_done : bytearray
        Of each object, 1 when nothing is left to do: 1 byte of memory an object.
    n_failed : int
    first_error : str
        Of the first object that failed.
    """

    def __init__(self, folder: Path, n_objects: int) -> None:
        self._folder = folder
        self._reader = SpoolReader(folder)
        self.is_done = bytearray(n_objects)
        self.n_failed = 0
        self.first_error = ""
        self._done = (folder / "done.jsonl").open("ab")
        self._recover()
        self._number = max(segments(folder), default=0) + 1
        self._segment = self._reader.segment(self._number).open("wb", buffering=1 << 16)
        self._start = self._crc = self._size = 0

    def _recover(self) -> None:
        """Take up what is whole: up to the first output that is damaged, or line that is torn."""
        offset, unpublished = 0, self._reader.published()["offset"]
        path = self._folder / "done.jsonl"
        with path.open("rb") as file:
            for raw in file:
                try:
                    finished = Finished.of_line(raw) if raw.endswith(b"\n") else None
                    if finished is None or finished.i >= len(self.is_done):
                        break
                    if offset >= unpublished and not finished.error:
                        for _ in self._reader.pieces(finished):
                            pass
                except (ValueError, KeyError, SpoolDamaged):
                    break
                self._note(finished)
                offset += len(raw)
        self._done.truncate(offset)
        self._done.seek(offset)

    def _note(self, finished: Finished) -> None:
        self.is_done[finished.i] = 1
        if finished.error:
            self.n_failed += 1
            self.first_error = self.first_error or finished.error

    def write(self, piece: bytes) -> None:
        """Go on with the output that is being written."""
        self._segment.write(piece)
        self._crc = zlib.crc32(piece, self._crc)
        self._size += len(piece)

    def finish(self, i: int, name: str, content_type: str) -> None:
        """The output is whole."""
        self._segment.flush()
        self._append(Finished(i, name, self._number, self._start, self._size, self._crc, content_type))
        self._start += self._size
        self._crc = self._size = 0
        if self._start >= SEGMENT_BYTES:
            self._segment.close()
            self._number += 1
            self._segment = self._reader.segment(self._number).open("wb", buffering=1 << 16)
            self._start = 0

    def fail(self, i: int, error: str) -> None:
        """There is no output; what was written of it is dropped."""
        if self._size:
            self._segment.flush()
            self._segment.truncate(self._start)
            self._segment.seek(self._start)
            self._crc = self._size = 0
        self._append(Finished(i, error=error[:2000] or "failed"))

    def _append(self, finished: Finished) -> None:
        self._done.write(finished.line())
        self._done.flush()
        self._note(finished)

    def n_bytes_waiting(self) -> int:
        """Bytes of all segments that are there; 0 when everything in them is published."""
        if self._reader.published()["offset"] == self._done.tell():
            return 0
        n_bytes = 0
        for number in segments(self._folder):
            with contextlib.suppress(FileNotFoundError):
                n_bytes += self._reader.segment(number).stat().st_size
        return n_bytes

    def close(self) -> None:
        """Make everything durable."""
        self._segment.close()
        self._done.close()
        for path in (*map(self._reader.segment, segments(self._folder)), self._folder / "done.jsonl"):
            # The server may remove a segment of which everything is published at any moment.
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                os.fsync(file.fileno())


def segments(folder: Path) -> list[int]:
    """Numbers of the segments of a spool."""
    return sorted(int(path.name[8:]) for path in folder.glob("segment-*"))
