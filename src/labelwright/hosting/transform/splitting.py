"""From an object's pieces to its records.

================  =======================================================================================
``None``          the object is one record
``Line``          what stands between line feeds; lines of nothing but white space are passed over
``RecordIO``      payloads of the records
``TFRecord``      payloads of the records, checksums checked
================  =======================================================================================

An object that does not begin as its format should is one record, whole.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal, cast

from labelwright.errors import InvalidRequest
from labelwright.recordio import RecordIOError, frame, read

__all__ = ["SplitType", "framed", "lines_of", "records_of", "tfrecords_of"]

SplitType = Literal["None", "Line", "RecordIO", "TFRecord"]

_MASK_DELTA: Final = 0xA282EAD8
_HEADER: Final = struct.Struct("<QI")
_FOOTER: Final = struct.Struct("<I")
_LENGTH_MAX: Final = 1 << 40


class NotTFRecords(InvalidRequest):
    """The data are no TFRecord file, or end inside a record."""


def records_of(
    open_pieces: Callable[[], Iterable[bytes]], split: SplitType, *, bytes_max: int | None
) -> Iterator[bytes]:
    """The records of an object, read as a stream.

    Parameters
    ----------
    open_pieces : callable
        Opens the object; called again where it turns out to be one record.
    split : str
    bytes_max : int or None
        Most bytes of a record.

    Yields
    ------
    bytes

    Raises
    ------
    InvalidRequest
        A record is longer than that, or the data break off after records that were whole.
    """
    match split:
        case "None":
            yield _whole(open_pieces(), bytes_max)
        case "Line":
            yield from lines_of(open_pieces(), bytes_max=bytes_max)
        case "RecordIO" | "TFRecord":
            pieces = open_pieces()
            found = read(pieces) if split == "RecordIO" else tfrecords_of(pieces, bytes_max=bytes_max)
            try:
                first = next(found, None)
            except (RecordIOError, NotTFRecords):
                yield _whole(open_pieces(), bytes_max)
                return
            if first is not None:
                yield _checked(first, bytes_max)
            try:
                for record in found:
                    yield _checked(record, bytes_max)
            except RecordIOError as error:
                raise InvalidRequest(str(error)) from error


def lines_of(pieces: Iterable[bytes], *, bytes_max: int | None = None) -> Iterator[bytes]:
    """Lines that are not blank, without their ends.

    Raises
    ------
    InvalidRequest
        A line is longer than ``bytes_max``.

    Examples
    --------
    >>> list(lines_of([b"a,1\\n", b"b", b",2\\n\\nc,3"]))
    [b'a,1', b'b,2', b'c,3']
    """
    begun: list[bytes] = []
    n_begun = 0
    for piece in pieces:
        parts = piece.split(b"\n")
        begun.append(parts[0])
        n_begun += len(parts[0])
        if bytes_max is not None and n_begun > bytes_max:
            raise _too_long(n_begun, bytes_max)
        if len(parts) == 1:
            continue
        parts[0] = b"".join(begun)
        begun, n_begun = [parts.pop()], 0
        n_begun = len(begun[0])
        for part in parts:
            if part and not part.isspace():
                yield _checked(part, bytes_max)
    last = b"".join(begun)
    if last and not last.isspace():
        yield _checked(last, bytes_max)


def tfrecords_of(pieces: Iterable[bytes], *, bytes_max: int | None = None) -> Iterator[bytes]:
    """Payloads of a stream in TFRecord format.

    A record is its length (64 bits, little endian), the masked CRC-32C of these eight bytes, the payload and
    the masked CRC-32C of it.

    Raises
    ------
    InvalidRequest
        A payload is longer than ``bytes_max``.
    NotTFRecords
        A checksum is wrong, or the data end inside a record.
    """
    buffer = bytearray()
    source = iter(pieces)
    offset = 0

    def fill(n_bytes: int) -> bool:
        while len(buffer) < n_bytes:
            piece = next(source, None)
            if piece is None:
                return False
            buffer.extend(piece)
        return True

    while fill(1):
        if not fill(_HEADER.size):
            raise _not_tfrecords(offset, "the data end inside a header")
        length, length_crc = _HEADER.unpack_from(buffer)
        if length > _LENGTH_MAX or _masked_crc(bytes(buffer[:8])) != length_crc:
            raise _not_tfrecords(offset, "the checksum of its length is wrong")
        if bytes_max is not None and length > bytes_max:
            raise _too_long(length, bytes_max)
        stop = _HEADER.size + length
        if not fill(stop + _FOOTER.size):
            raise _not_tfrecords(offset, "the data end inside it")
        payload = bytes(buffer[_HEADER.size : stop])
        if _masked_crc(payload) != _FOOTER.unpack_from(buffer, stop)[0]:
            raise _not_tfrecords(offset, "the checksum of its data is wrong")
        yield payload
        del buffer[: stop + _FOOTER.size]
        offset += stop + _FOOTER.size


def framed(record: bytes, split: SplitType) -> bytes:
    """A record with the frame of its format, as requests of several records carry it."""
    if split == "RecordIO":
        return bytes(frame(record))
    if split == "TFRecord":
        length = struct.pack("<Q", len(record))
        return b"".join(
            (length, _FOOTER.pack(_masked_crc(length)), record, _FOOTER.pack(_masked_crc(record)))
        )
    return record


def _masked_crc(data: bytes) -> int:
    from awscrt.checksums import crc32c

    crc = cast(int, crc32c(data))
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def _whole(pieces: Iterable[bytes], bytes_max: int | None) -> bytes:
    taken, n_bytes = [], 0
    for piece in pieces:
        n_bytes += len(piece)
        if bytes_max is not None and n_bytes > bytes_max:
            raise _too_long(n_bytes, bytes_max)
        taken.append(piece)
    return taken[0] if len(taken) == 1 else b"".join(taken)


def _checked(record: bytes, bytes_max: int | None) -> bytes:
    if bytes_max is not None and len(record) > bytes_max:
        raise _too_long(len(record), bytes_max)
    return record


def _too_long(n_bytes: int, bytes_max: int) -> InvalidRequest:
    return InvalidRequest(
        f"A record has {n_bytes} bytes or more and a request may have {bytes_max}. Raise MaxPayloadInMB, or "
        "choose a SplitType that makes smaller records.",
        field="MaxPayloadInMB",
        value=n_bytes,
    )


def _not_tfrecords(offset: int, what: str) -> NotTFRecords:
    return NotTFRecords(f"There is no whole TFRecord at byte {offset}: {what}.", field="SplitType")
