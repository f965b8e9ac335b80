"""The framing of RecordIO: how one record becomes bytes of a file, and the errors of files that break it.

A file is a sequence of parts, each ``magic | lrec | data | padding``: two little-endian 32-bit words, the
data, and zero bytes up to a multiple of four. ``lrec`` holds a flag in its top three bits and the length of
the data in the others. Readers look for the magic at multiples of four, so it must not stand there inside
data: a record that has it is cut at each such place, the four bytes are left out, and the flags tell the
reader to put them back.

===== ==========================
flag  meaning
===== ==========================
0     a whole record
1     first part of a cut record
2     a part in the middle
3     the last part
===== ==========================
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from labelwright.errors import InvalidRequest

__all__ = [
    "FIRST",
    "HEADER",
    "LAST",
    "LENGTH_MASK",
    "MAGIC",
    "MAGIC_BYTES",
    "MIDDLE",
    "RECORD_BYTES_MAX",
    "Buffer",
    "RecordIOError",
    "frame",
    "frame_pieces",
    "framed_size",
]

MAGIC: Final = 0xCED7230A
MAGIC_BYTES: Final = MAGIC.to_bytes(4, "little")
RECORD_BYTES_MAX: Final = (1 << 29) - 1
"""Longest record: the length has 29 bits."""

LENGTH_MASK: Final = RECORD_BYTES_MAX
FIRST, MIDDLE, LAST = 1, 2, 3
HEADER: Final = struct.Struct("<II")

Buffer = bytes | bytearray | memoryview

_ZEROS = (b"", b"\0\0\0", b"\0\0", b"\0")  # by length % 4
# Below this ``bytes.find`` beats the fixed cost of numpy, above it numpy reads about eight times as fast.
_SMALL_BYTES = 4096


class RecordIOError(InvalidRequest):
    """A RecordIO file, a record of one, or a list file is not usable.

    Parameters
    ----------
    message : str
        What is wrong and what to do, without the place.
    path : str
        The file, empty where there is only a stream.
    offset : int, optional
        Byte offset of the part (or field) that is wrong.
    line_number : int, optional
        1-based line, for ``.lst`` and ``.idx`` files.
    """

    def __init__(
        self, message: str, *, path: str = "", offset: int | None = None, line_number: int | None = None
    ) -> None:
        super().__init__(message)
        self.path = path
        self.offset = offset
        self.line_number = line_number

    def __str__(self) -> str:
        place = [self.path] if self.path else []
        if self.line_number is not None:
            place.append(f"line {self.line_number}")
        if self.offset is not None:
            place.append(f"byte {self.offset}")
        return f"{', '.join(place)}: {self.message}" if place else self.message


def frame(data: Buffer) -> bytes:
    """Return a record as it stands in a file.

    Parameters
    ----------
    data : bytes-like
        At most :data:`RECORD_BYTES_MAX` bytes; may be empty.

    Raises
    ------
    RecordIOError
        The record is too long.

    Examples
    --------
    >>> frame(b"hello").hex(" ", 4)
    '0a23d7ce 05000000 68656c6c 6f000000'
    >>> frame(b"ABCD" + MAGIC_BYTES + b"EFG").hex(" ", 4)
    '0a23d7ce 04000020 41424344 0a23d7ce 03000060 45464700'
    """
    return b"".join(frame_pieces(data))


def frame_pieces(data: Buffer) -> list[Buffer]:
    """Return the bytes of :func:`frame` as pieces that do not copy ``data``, to be joined or written.

    Raises
    ------
    RecordIOError
        The record is too long.
    """
    length = len(data)
    if length > RECORD_BYTES_MAX:
        raise RecordIOError(
            f"a record of {length} bytes is too long: its length must fit 29 bits (at most "
            f"{RECORD_BYTES_MAX}). Split the object or make the image smaller."
        )
    cuts = _aligned_magics(data)
    if not cuts:
        return [HEADER.pack(MAGIC, length), data, _ZEROS[length & 3]]
    view = memoryview(data)
    pieces: list[Buffer] = []
    start, flag = 0, FIRST
    for cut in cuts:
        pieces += (HEADER.pack(MAGIC, flag << 29 | cut - start), view[start:cut])
        start, flag = cut + 4, MIDDLE
    rest = length - start
    pieces += (HEADER.pack(MAGIC, LAST << 29 | rest), view[start:], _ZEROS[rest & 3])
    return pieces


def framed_size(length: int) -> int:
    """Bytes on disk of an uncut record: header, data, padding."""
    return 8 + ((length + 3) & ~3)


def _aligned_magics(data: Buffer) -> list[int]:
    """Offsets, multiples of four, at which the magic stands in ``data``."""
    if len(data) < _SMALL_BYTES and isinstance(data, bytes | bytearray):
        found, at = [], data.find(MAGIC_BYTES)
        while at >= 0:
            if at & 3 == 0:
                found.append(at)
                at = data.find(MAGIC_BYTES, at + 4)
            else:
                at = data.find(MAGIC_BYTES, at + 1)
        return found
    words = np.frombuffer(data, "<u4", len(data) >> 2)
    is_magic = words == MAGIC
    if not is_magic.any():
        return []
    offsets: list[int] = (np.flatnonzero(is_magic) * 4).tolist()
    return offsets
