"""Records by number or by key."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from labelwright.recordio.framing import HEADER, MAGIC, RECORD_BYTES_MAX, RecordIOError
from labelwright.recordio.indexes import Index, read_index
from labelwright.recordio.reader import joined, open_map, record_offsets, truncated
from labelwright.recordio.spans import Incomplete, one_record

__all__ = ["RecordFile"]


class RecordFile:
    """A file of records as a sequence.

    May be read by several threads at once, and sent to other processes (data loaders do): there it opens the
    file anew.

    Parameters
    ----------
    path : path
        The ``.rec`` file. It is mapped into memory: do not shorten it while it is open.
    index : path or Index, optional
        The ``.idx`` file. Where left out: the file of the same name with ``.idx``, if there is one; else the
        records are found by going through the headers, and keys are their numbers.

    Raises
    ------
    RecordIOError
        The index does not fit the file, or a record that is read is broken.

    Examples
    --------
    >>> import tempfile
    >>> from labelwright.recordio import RecordWriter
    >>> folder = tempfile.TemporaryDirectory()
    >>> with RecordWriter(f"{folder.name}/a.rec", index=f"{folder.name}/a.idx") as writer:
    ...     _ = writer.write(b"first", key=70), writer.write(b"second", key=7)
    >>> with RecordFile(f"{folder.name}/a.rec") as records:
    ...     len(records), records[1], records.by_key(70)
    (2, b'second', b'first')
    >>> folder.cleanup()
    """

    def __init__(
        self, path: str | os.PathLike[str], *, index: str | os.PathLike[str] | Index | None = None
    ) -> None:
        self.path = Path(path)
        self._index_path: Path | None = None
        if index is None:
            beside = self.path.with_suffix(".idx")
            self._index_path = beside if beside != self.path and beside.is_file() else None
        elif not isinstance(index, Index):
            self._index_path = Path(index)
        self._map: mmap.mmap | None = open_map(self.path, is_random=True)
        self._size = len(self._map) if self._map is not None else 0
        try:
            if isinstance(index, Index):
                self.index = index
            elif self._index_path is not None:
                self.index = read_index(self._index_path)
            else:
                offsets = np.fromiter(record_offsets(self.path), dtype=np.int64)
                self.index = Index(np.arange(len(offsets)), offsets)
            self._check_index()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, number: int) -> bytes:
        """Return a record by its number from 0; negative numbers count from the end."""
        n_records = len(self.index)
        if not -n_records <= number < n_records:
            raise IndexError(f"record {number} does not exist: {self.path} has {n_records} records")
        return self._at(int(self.index.offsets[number]))

    def __iter__(self) -> Iterator[bytes]:
        for offset in self.index.offsets:
            yield self._at(int(offset))

    def by_key(self, key: int | str) -> bytes:
        """Return a record by its key in the index.

        Raises
        ------
        KeyError
            There is none.
        """
        return self._at(int(self.index.offsets[self.index.place_of(key)]))

    def close(self) -> None:
        """Let go of the file; harmless when it is closed already."""
        if self._map is not None:
            self._map.close()
            self._map = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        return _reopened, (self.path, self._index_path or self.index)

    def _at(self, offset: int) -> bytes:
        if self._map is None:
            raise ValueError(f"{self.path} is closed")
        if offset + 8 <= self._size:
            magic, length = HEADER.unpack_from(self._map, offset)
            stop = offset + 8 + length
            if magic == MAGIC and length <= RECORD_BYTES_MAX and stop <= self._size:
                return self._map[offset + 8 : stop]
        parts, _ = self._parts(offset)
        return joined(self._map, parts)

    def _parts(self, offset: int) -> tuple[list[tuple[int, int]], int]:
        try:
            return one_record(self._map or b"", offset, self._size, path=str(self.path))
        except Incomplete as end:
            raise truncated(offset, self._size, end.needed, str(self.path)) from None

    def _check_index(self) -> None:
        """Compare the index with the file: the record that lies last must end where the file does."""
        is_good = self._map is None
        if len(self.index) and self._map is not None:
            last = int(self.index.offsets.max())
            try:
                is_good = last < self._size and self._parts(last)[1] == self._size
            except RecordIOError:
                is_good = False
        elif len(self.index):
            is_good = False
        if not is_good:
            raise RecordIOError(
                f"the index {self._index_path or ''} does not belong to this file of {self._size} bytes: "
                "its last "
                "record does not end where the file does. If the file is whole, make the index anew: "
                "labelwright "
                f"recordio index {self.path}.",
                path=str(self.path),
            )


def _reopened(path: Path, index: Path | Index) -> RecordFile:
    return RecordFile(path, index=index)
