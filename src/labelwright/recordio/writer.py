"""Write records, with an index if wanted."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from labelwright.recordio.atomic import atomic_file
from labelwright.recordio.framing import Buffer, frame_pieces

__all__ = ["RecordWriter"]

_PENDING_BYTES = 1 << 20


class RecordWriter:
    """Write records to a file or a stream.

    Parameters
    ----------
    target : path or binary file
        A path is replaced when the ``with`` block ends well, and left alone when it does not. A stream is
        flushed and stays open.
    index : path, optional
        Where the ``.idx`` goes: a line ``key \\t offset`` for each record, in the order of writing. Only
        together with a path.

    Attributes
    ----------
    n_written : int
        Records so far.
    position : int
        Bytes so far, where the next record will begin. Files may be larger than 4 GiB.

    Examples
    --------
    >>> import io
    >>> stream = io.BytesIO()
    >>> with RecordWriter(stream) as writer:
    ...     writer.write(b"hello"), writer.write(b"again")
    (0, 16)
    """

    def __init__(
        self, target: str | os.PathLike[str] | BinaryIO, *, index: str | os.PathLike[str] | None = None
    ) -> None:
        if index is not None and not isinstance(target, str | os.PathLike):
            raise ValueError("an index goes with a file named by its path, not with a stream")
        self._target = target
        self._index_path = None if index is None else Path(index)
        self._stack = contextlib.ExitStack()
        self._stream: BinaryIO | None = None
        self._index: BinaryIO | None = None
        self._pending: list[Buffer] = []
        self._pending_bytes = 0
        self.n_written = 0
        self.position = 0

    def __enter__(self) -> Self:
        if isinstance(self._target, str | os.PathLike):
            if self._index_path is not None:
                # Closed last to first: the records take their place before the index that points into them.
                # Between the two an old index may point into new records; `RecordFile` sees that and says so.
                self._index = self._stack.enter_context(atomic_file(self._index_path))
            self._stream = self._stack.enter_context(atomic_file(self._target, buffer_bytes=0))
        else:
            self._stream = self._target
        return self

    def write(self, data: Buffer, *, key: int | str | None = None) -> int:
        """Append one record.

        Parameters
        ----------
        data : bytes-like
            The record; may be empty.
        key : int or str, optional
            Its key in the index; the number of the record (from 0) where left out.

        Returns
        -------
        int
            Byte offset at which the record begins.

        Raises
        ------
        RecordIOError
            The record is 512 MiB or longer.
        """
        pieces = frame_pieces(data if isinstance(data, bytes) else bytes(data))
        return self._append(pieces, sum(map(len, pieces)), 1, key)

    def write_framed(self, framed: Buffer, n_records: int) -> int:
        """Append records that are framed already. They get no lines in the index."""
        return self._append([framed], len(framed), n_records, None)

    def _append(self, pieces: list[Buffer], size: int, n_records: int, key: int | str | None) -> int:
        if self._stream is None:
            raise ValueError("use the writer in a with block")
        offset = self.position
        if self._index is not None:
            self._index.write(f"{self.n_written if key is None else key}\t{offset}\n".encode())
        self._pending += pieces
        self._pending_bytes += size
        self.position += size
        self.n_written += n_records
        if self._pending_bytes >= _PENDING_BYTES:
            self._flush(self._stream)
        return offset

    def _flush(self, stream: BinaryIO) -> None:
        # One large write for many records: short ones would cost a system call each.
        joined = memoryview(b"".join(self._pending))
        self._pending.clear()
        self._pending_bytes = 0
        while joined:
            n_bytes = stream.write(joined)  # a file without buffer may take less
            joined = joined[len(joined) if n_bytes is None else n_bytes :]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stream, self._stream = self._stream, None
        if kind is None and stream is not None:
            try:
                self._flush(stream)
                if not isinstance(self._target, str | os.PathLike):
                    stream.flush()
            except BaseException as problem:
                self._stack.__exit__(type(problem), problem, problem.__traceback__)
                raise
        self._stack.__exit__(kind, error, trace)
