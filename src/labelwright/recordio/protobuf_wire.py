"""The wire format of protocol buffers, as far as SageMaker's records need it. No generated code, no library.

Every length is checked against what there is before anything is read or made.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from labelwright.recordio.framing import RecordIOError

__all__ = [
    "FIXED32",
    "FIXED64",
    "LENGTH",
    "VARINT",
    "field",
    "fields",
    "pack_varints",
    "unpack_varints",
    "varint",
]

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_VARINT_BYTES_MAX = 10

FieldValue = int | memoryview


def varint(value: int) -> bytes:
    """Encode one number, 0 to 2**64 - 1."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, payload: bytes) -> bytes:
    """Encode a field with a length: text, bytes, a message or a packed array."""
    return b"".join((varint(number << 3 | LENGTH), varint(len(payload)), payload))


def fields(data: memoryview, base: int) -> Iterator[tuple[int, int, FieldValue, int]]:
    """Yield the fields of a message.

    Parameters
    ----------
    data : memoryview
        The message.
    base : int
        Its offset in the record, for messages.

    Yields
    ------
    number, wire_type : int
    value : int or memoryview
        An int for varints, the bytes for all others.
    offset : int
        Of the value, in the record.

    Raises
    ------
    RecordIOError
        The message ends inside a field, or a wire type is not known.
    """
    position, end = 0, len(data)
    while position < end:
        tag, value_at = _read_varint(data, position, base)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == VARINT:
            value, after = _read_varint(data, value_at, base)
            yield number, wire_type, value, base + value_at
        elif wire_type in (LENGTH, FIXED32, FIXED64):
            if wire_type == LENGTH:
                size, value_at = _read_varint(data, value_at, base)
            else:
                size = 4 if wire_type == FIXED32 else 8
            after = value_at + size
            if after > end:
                raise RecordIOError(
                    f"field {number} claims {size} bytes, but its message has only {end - value_at} left. "
                    "This is no "
                    "protobuf record, or it is damaged.",
                    offset=base + position,
                )
            yield number, wire_type, data[value_at:after], base + value_at
        else:
            raise RecordIOError(
                f"field {number} has the wire type {wire_type}, which these records do not use. This is no "
                "protobuf "
                "record, or it is damaged.",
                offset=base + position,
            )
        position = after


def _read_varint(data: memoryview, position: int, base: int) -> tuple[int, int]:
    value = 0
    for i, byte in enumerate(data[position : position + _VARINT_BYTES_MAX]):
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position + i + 1
    raise RecordIOError(
        "a number does not end where it should. This is no protobuf record, or it is damaged.",
        offset=base + position,
    )


def pack_varints(values: npt.NDArray[np.uint64]) -> bytes:
    """Encode numbers one after the other.

    Parameters
    ----------
    values : ndarray of shape (n,), uint64
    """
    if values.size == 0:
        return b""
    if int(values.max()) < 0x80:
        return values.astype(np.uint8).tobytes()
    shifts = np.arange(_VARINT_BYTES_MAX, dtype=np.uint64) * np.uint64(7)
    groups = values[:, None] >> shifts  # (n, 10)
    is_there = groups != 0
    is_there[:, 0] = True
    out = (groups & np.uint64(0x7F)).astype(np.uint8)
    out[:, :-1] |= is_there[:, 1:].astype(np.uint8) << 7
    packed: bytes = out[is_there].tobytes()
    return packed


def unpack_varints(data: memoryview, offset: int) -> npt.NDArray[np.uint64]:
    """Decode all numbers of a packed array.

    Returns
    -------
    ndarray of shape (n,), uint64

    Raises
    ------
    RecordIOError
        The last number does not end, or one has more than ten bytes.
    """
    raw = np.frombuffer(data, np.uint8)
    if raw.size == 0:
        return np.empty(0, np.uint64)
    ends = np.flatnonzero(raw < 0x80)
    if ends.size == raw.size:
        return raw.astype(np.uint64)
    starts = np.concatenate(([0], ends[:-1] + 1)) if ends.size else np.empty(0, np.intp)
    if not ends.size or ends[-1] != raw.size - 1 or (ends - starts).max() >= _VARINT_BYTES_MAX:
        raise RecordIOError(
            "a number of a packed array does not end where it should. This is no protobuf record, or it is "
            "damaged.",
            offset=offset,
        )
    places = np.arange(raw.size) - np.repeat(starts, ends - starts + 1)  # byte of its number, 0 to 9
    shifted = (raw & 0x7F).astype(np.uint64) << (places.astype(np.uint64) * np.uint64(7))
    return np.add.reduceat(shifted, starts)
