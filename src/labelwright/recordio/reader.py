"""Read records in order, from a file or a stream, in constant memory."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable

from labelwright.recordio.framing import MAGIC_BYTES, RecordIOError
from labelwright.recordio.spans import Incomplete, Readable, Span, Walk, next_record, one_record

__all__ = ["OnBroken", "PlacedRecord", "mapped", "read", "read_placed", "read_shard", "record_offsets"]

Source = str | os.PathLike[str] | BinaryIO | Iterable[bytes]
OnBroken = Callable[[RecordIOError], None]

_CHUNK_BYTES = 1 << 20


class PlacedRecord(NamedTuple):
    """One record and its place.

    Attributes
    ----------
    offset : int
        Byte offset of its first header.
    n_parts : int
        1, or more where the writer cut it.
    data : bytes
        The record, whole.
    """

    offset: int
    n_parts: int
    data: bytes


def read(source: Source, *, on_broken: OnBroken | None = None) -> Iterator[bytes]:
    """Read the records of a file or stream, one after the other.

    Parameters
    ----------
    source : path, open binary file, or iterable of bytes
        Files named by path are mapped into memory (do not shorten them meanwhile); named pipes and streams
        are read in chunks of at most 1 MiB.
    on_broken : callable, optional
        Called with each :class:`RecordIOError`; reading goes on at the next header of a record. Without it
        the error is raised.

    Yields
    ------
    bytes
        A record, its parts joined.

    Raises
    ------
    RecordIOError
        A part does not begin with the magic, the flags do not fit, or the data end inside a record.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> from labelwright.recordio import frame
    >>> list(read([frame(b"one"), frame(b""), frame(b"three")]))
    [b'one', b'', b'three']
    """
    if isinstance(source, str | os.PathLike) and Path(source).is_file():
        with mapped(source) as (buffer, name):
            yield from _read_buffer(buffer, 0, len(buffer), name, on_broken)
    else:
        for record in read_placed(source, on_broken=on_broken):
            yield record.data


def read_placed(source: Source, *, on_broken: OnBroken | None = None) -> Iterator[PlacedRecord]:
    """Like :func:`read`, with the place of each record."""
    if isinstance(source, str | os.PathLike):
        if Path(source).is_file():
            with mapped(source) as (buffer, name):
                for offset, parts in _walk_buffer(buffer, 0, len(buffer), name, on_broken):
                    yield PlacedRecord(offset, len(parts), joined(buffer, parts))
        else:  # a named pipe
            with Path(source).open("rb") as stream:
                yield from _read_stream(stream, on_broken)
    else:
        yield from _read_stream(source, on_broken)


def read_shard(
    path: str | os.PathLike[str], index: int, n_shards: int, *, on_broken: OnBroken | None = None
) -> Iterator[bytes]:
    """Read one of ``n_shards`` parts of a file, so that several workers share it without an index.

    The file is divided by bytes; a record belongs to the shard in which it begins. All shards together give
    every record once, in order.

    Parameters
    ----------
    path : path
    index : int
        0 to ``n_shards - 1``.
    n_shards : int
        At least 1.
    on_broken : callable, optional
        See :func:`read`.

    Raises
    ------
    ValueError
        ``index`` is not one of the shards.
    RecordIOError
        See :func:`read`.

    Notes
    -----
    A shard finds its beginning by searching for the magic, as MXNet's reader does, so the file's writer must
    have cut it out of the data. Writers that do not (that of the SageMaker Python SDK) can mislead it where
    data hold it.
    """
    if not 0 <= index < n_shards:
        raise ValueError(f"shard {index} of {n_shards} does not exist: index must be 0 to {n_shards - 1}")
    with mapped(path) as (buffer, name):
        size = len(buffer)
        step = ((size + n_shards - 1) // n_shards + 3) & ~3
        start, stop = (min(size, step * i) for i in (index, index + 1))
        if index:
            start, stop = (_first_record(buffer, at) for at in (start, stop))
        else:
            stop = _first_record(buffer, stop)
        yield from _read_buffer(buffer, start, stop, name, on_broken)


def record_offsets(
    path: str | os.PathLike[str],
    *,
    on_broken: OnBroken | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[int]:
    """Find where each record of a file begins, without reading the data.

    Parameters
    ----------
    path : path
    on_broken : callable, optional
        See :func:`read`.
    on_progress : callable, optional
        Called now and then with the number of bytes gone through.

    Yields
    ------
    int
        Byte offset of the first header of a record.
    """
    with mapped(path) as (buffer, name):
        for n, (offset, _) in enumerate(_walk_buffer(buffer, 0, len(buffer), name, on_broken)):
            if on_progress is not None and n % 4096 == 0:
                on_progress(offset)
            yield offset


class mapped:
    """Context manager: a file as a buffer that the system pages in, and its name."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._map: mmap.mmap | None = None

    def __enter__(self) -> tuple[Readable, str]:
        self._map = open_map(self._path)
        return (self._map if self._map is not None else b""), str(self._path)

    def __exit__(self, *exception: object) -> None:
        if self._map is not None:
            self._map.close()


def open_map(path: Path, *, is_random: bool = False) -> mmap.mmap | None:
    """Map a file for reading; None for an empty one, which the system does not map."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return None
        opened = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if hasattr(opened, "madvise"):
        opened.madvise(mmap.MADV_RANDOM if is_random else mmap.MADV_SEQUENTIAL)
    return opened


def joined(buffer: Readable, parts: list[Span]) -> bytes:
    """Put the parts of a record together, the magic between them."""
    if len(parts) == 1:
        start, stop = parts[0]
        return bytes(buffer[start:stop])
    return MAGIC_BYTES.join(bytes(buffer[start:stop]) for start, stop in parts)


def truncated(start: int, stop: int, needed: int, path: str) -> RecordIOError:
    """The error of a record that ``stop`` cuts off."""
    return RecordIOError(
        f"truncated: the data end at byte {stop}, inside the record that begins here, which needs at least "
        f"{needed - stop} bytes more. Fetch or make the file again, or keep the whole records before it "
        "(--skip-broken).",
        path=path,
        offset=start,
    )


def _first_record(buffer: Readable, start: int) -> int:
    found = next_record(buffer, start, len(buffer))
    return len(buffer) if found is None else found


def _read_buffer(
    buffer: Readable, start: int, stop: int, name: str, on_broken: OnBroken | None
) -> Iterator[bytes]:
    walk = Walk()
    while start < stop:
        starts, stops, start = walk.run(buffer, start, stop)
        for first, last in zip(starts, stops, strict=True):
            yield bytes(buffer[first:last])
        if start < stop:
            parts, start = _one_or_skip(buffer, start, stop, name, on_broken)
            if parts:
                yield joined(buffer, parts)


def _walk_buffer(
    buffer: Readable, start: int, stop: int, name: str, on_broken: OnBroken | None
) -> Iterator[tuple[int, list[Span]]]:
    walk = Walk()
    while start < stop:
        starts, stops, start = walk.run(buffer, start, stop)
        for span in zip(starts, stops, strict=True):
            yield span[0] - 8, [span]
        if start < stop:
            parts, start = _one_or_skip(buffer, start, stop, name, on_broken)
            if parts:
                yield parts[0][0] - 8, parts


def _one_or_skip(
    buffer: Readable, start: int, stop: int, name: str, on_broken: OnBroken | None
) -> tuple[list[Span], int]:
    """One record of a whole buffer; no parts where it was broken and the caller wants to go on."""
    try:
        try:
            return one_record(buffer, start, stop, path=name)
        except Incomplete as end:
            raise truncated(start, stop, end.needed, name) from None
    except RecordIOError as error:
        if on_broken is None:
            raise
        on_broken(error)
        found = next_record(buffer, start + 4, stop)
        return [], stop if found is None else found


@runtime_checkable
class _File(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _chunks(source: BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    if not isinstance(source, _File):
        yield from source
        return
    # A pipe gives what it has; ``read`` would wait for a full chunk.
    take = getattr(source, "read1", None) or source.read
    while chunk := take(_CHUNK_BYTES):
        yield chunk


def _read_stream(source: BinaryIO | Iterable[bytes], on_broken: OnBroken | None) -> Iterator[PlacedRecord]:
    """Records of a stream. Memory: one chunk and one record, and never more than has really arrived."""
    chunks, base, position = _chunks(source), 0, 0
    buffer, needed, is_seeking = b"", 8, False
    name = str(getattr(source, "name", ""))
    walk = Walk()
    while True:
        more, size = [buffer[position:]], len(buffer) - position
        while size < needed and (chunk := next(chunks, None)) is not None:
            more.append(chunk)
            size += len(chunk)
        is_end = size < needed
        base += position
        buffer, position = b"".join(more), 0
        while True:
            if is_seeking:
                found = next_record(buffer, position, size)
                if found is None:
                    # Keep what may be the beginning of a header, in step with the words of the stream.
                    position = max(position, (size - 7 + 3) & ~3) if not is_end else size
                    needed = size - position + 8
                    break
                position, is_seeking = found, False
            starts, stops, position = walk.run(buffer, position, size)
            for start, stop in zip(starts, stops, strict=True):
                yield PlacedRecord(base + start - 8, 1, buffer[start:stop])
            if position == size:
                needed = 8
                break
            try:
                parts, following = one_record(buffer, position, size, base=base, path=name)
            except Incomplete as end:
                if not is_end:
                    needed = end.needed - position
                    break
                broken = truncated(base + position, base + size, base + end.needed, name)
            except RecordIOError as error:
                broken = error
            else:
                yield PlacedRecord(base + position, len(parts), joined(buffer, parts))
                position = following
                continue
            if on_broken is None:
                raise broken
            on_broken(broken)
            position, is_seeking = position + 4, True
        if is_end:
            return
