"""SageMaker's protobuf records (``application/x-recordio-protobuf``): named tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from labelwright.recordio import protobuf_wire as wire
from labelwright.recordio.framing import Buffer, RecordIOError

__all__ = ["Blobs", "ProtoRecord", "Tensor", "Value", "decode_record", "encode_record"]

_NUMBERS: Final = {"float32": 2, "float64": 3, "int32": 7}
_DTYPES: Final[dict[int, np.dtype[np.generic]]] = {2: np.dtype("<f4"), 3: np.dtype("<f8"), 7: np.dtype("<i4")}
_BYTES = 9


@dataclass(frozen=True, slots=True)
class Tensor:
    """Numbers, dense or sparse.

    Attributes
    ----------
    values : ndarray of shape (n,), float32, float64 or int32
    keys : ndarray of shape (n,), uint64, optional
        Places of the values in a sparse vector.
    shape : tuple of int, optional
        Of the dense array; None where it was not written.
    """

    values: npt.NDArray[np.generic]
    keys: npt.NDArray[np.uint64] | None = None
    shape: tuple[int, ...] | None = None

    def dense(self, *, size_max: int = 100_000_000) -> npt.NDArray[np.generic]:
        """Return the array in its shape, zeros where a sparse one has no values.

        Raises
        ------
        RecordIOError
            Values, keys and shape do not fit together, or there would be more than ``size_max`` numbers.
        """
        n_values = self.values.size
        size = n_values if self.shape is None else 1
        for length in self.shape or ():
            size *= length
        if size > size_max:
            raise RecordIOError(
                f"a dense array of shape {self.shape} has more than the {size_max} numbers allowed."
            )
        if self.keys is None:
            if size != n_values:
                raise RecordIOError(f"{n_values} values do not fill the shape {self.shape}.")
            return self.values if self.shape is None else self.values.reshape(self.shape)
        if self.shape is None:
            raise RecordIOError("a sparse tensor without a shape has no dense form; use its keys and values.")
        if self.keys.size != n_values or (n_values and int(self.keys.max()) >= size):
            raise RecordIOError(
                f"{self.keys.size} keys do not place {n_values} values in the shape {self.shape}."
            )
        out = np.zeros(size, dtype=self.values.dtype)
        out[self.keys.astype(np.int64)] = self.values
        return out.reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Blobs:
    """Bytes, such as encoded images, and their content type."""

    values: tuple[bytes, ...]
    content_type: str | None = None


Value = Tensor | Blobs


@dataclass(frozen=True, slots=True)
class ProtoRecord:
    """One record.

    Attributes
    ----------
    features, label : mapping of str to Tensor or Blobs
        The usual key is ``values``.
    uid, metadata, configuration : str, optional
    """

    features: Mapping[str, Value] = field(default_factory=dict)
    label: Mapping[str, Value] = field(default_factory=dict)
    uid: str | None = None
    metadata: str | None = None
    configuration: str | None = None


Given = Value | npt.ArrayLike


def encode_record(
    features: Mapping[str, Given],
    label: Mapping[str, Given] | None = None,
    *,
    uid: str | None = None,
    metadata: str | None = None,
    configuration: str | None = None,
) -> bytes:
    """Encode a record, without framing.

    Parameters
    ----------
    features, label : mapping of str to Tensor, Blobs or array-like
        Arrays keep float32, float64 and int32; other whole numbers become int32 where they fit, other floats
        (Python's own too) float32. Arrays of more than one dimension are flattened by rows and their shape
        is written.
    uid, metadata, configuration : str, optional

    Raises
    ------
    RecordIOError
        A value cannot be held by such a record.

    Examples
    --------
    >>> encode_record({"values": [1.0, 2.0]}).hex(" ", -4)
    '0a160a06 76616c75 6573120c 120a0a08 0000803f 00000040'
    """
    out = []
    for number, group in ((1, features), (2, label or {})):
        for key, value in group.items():
            entry = wire.field(1, key.encode()) + wire.field(2, _encode_value(value, key))
            out.append(wire.field(number, entry))
    for number, text in ((3, uid), (4, metadata), (5, configuration)):
        if text is not None:
            out.append(wire.field(number, text.encode()))
    return b"".join(out)


def _encode_value(value: Given, key: str) -> bytes:
    if isinstance(value, Blobs):
        content = b"".join(wire.field(1, item) for item in value.values)
        if value.content_type is not None:
            content += wire.field(2, value.content_type.encode())
        return wire.field(_BYTES, content)
    tensor = value if isinstance(value, Tensor) else tensor_of(value, key)
    values = tensor.values
    number = _NUMBERS.get(values.dtype.name)
    if number is None:
        raise RecordIOError(f"{key!r} has values of type {values.dtype}; choose float32, float64 or int32.")
    if number == 7:
        payload = wire.pack_varints(values.ravel().astype(np.int64).view(np.uint64))
    else:
        payload = np.ascontiguousarray(values, dtype=_DTYPES[number]).tobytes()
    content = wire.field(1, payload) if payload else b""
    if tensor.keys is not None and len(tensor.keys):
        content += wire.field(2, wire.pack_varints(np.asarray(tensor.keys, dtype=np.uint64)))
    if tensor.shape:
        content += wire.field(3, wire.pack_varints(np.array(tensor.shape, dtype=np.uint64)))
    return wire.field(number, content)


def tensor_of(value: npt.ArrayLike, key: str) -> Tensor:
    """Make a dense tensor of an array, in the nearest type that records have."""
    array = np.asarray(value)
    is_plain = not hasattr(value, "dtype")  # Python's own floats are float64 only for want of a choice
    if is_plain and array.dtype.kind == "f":
        array = array.astype(np.float32)
    elif array.dtype.name not in _NUMBERS:
        if array.dtype.kind in "iub":
            if array.size and not (int(array.min()) >= -(2**31) and int(array.max()) < 2**31):
                raise RecordIOError(
                    f"{key!r} has whole numbers that do not fit 32 bits; give them as float64."
                )
            array = array.astype(np.int32)
        elif array.dtype.kind == "f":
            array = array.astype(np.float32)
        else:
            raise RecordIOError(f"{key!r} is of type {array.dtype}, which is no array of numbers.")
    return Tensor(array.ravel(), shape=array.shape if array.ndim > 1 else None)


def decode_record(data: Buffer) -> ProtoRecord:
    """Decode a record, without framing. Fields that are not known are passed over.

    Raises
    ------
    RecordIOError
        The bytes are no such record; the offset is that in the record.
    """
    groups: dict[int, dict[str, Value]] = {1: {}, 2: {}}
    texts: dict[int, str] = {}
    for number, kind, value, offset in wire.fields(memoryview(data), 0):
        if number in groups and isinstance(value, memoryview) and kind == wire.LENGTH:
            key, decoded = _decode_entry(value, offset)
            groups[number][key] = decoded
        elif number in (3, 4, 5) and isinstance(value, memoryview) and kind == wire.LENGTH:
            texts[number] = _text(value, offset)
    return ProtoRecord(groups[1], groups[2], texts.get(3), texts.get(4), texts.get(5))


def _decode_entry(data: memoryview, base: int) -> tuple[str, Value]:
    key, value = "", Tensor(np.empty(0, np.float32))
    decoded: Value = value
    for number, kind, content, offset in wire.fields(data, base):
        if kind != wire.LENGTH or not isinstance(content, memoryview):
            continue
        if number == 1:
            key = _text(content, offset)
        elif number == 2:
            for which, inner_kind, inner, at in wire.fields(content, offset):
                if inner_kind != wire.LENGTH or not isinstance(inner, memoryview):
                    continue
                if which in _DTYPES:
                    decoded = _decode_tensor(inner, at, _DTYPES[which])
                elif which == _BYTES:
                    decoded = _decode_blobs(inner, at)
    return key, decoded


def _decode_tensor(data: memoryview, base: int, dtype: np.dtype[np.generic]) -> Tensor:
    values: list[npt.NDArray[np.generic]] = []
    keys: list[npt.NDArray[np.uint64]] = []
    shape: list[npt.NDArray[np.uint64]] = []
    for number, kind, content, offset in wire.fields(data, base):
        if number == 1 and dtype.kind == "f":
            if not isinstance(content, memoryview) or len(content) % dtype.itemsize:
                raise RecordIOError(
                    f"the values are not whole numbers of {dtype.itemsize} bytes.", offset=offset
                )
            values.append(np.frombuffer(content, dtype))
        elif number in (1, 2, 3) and kind in (wire.LENGTH, wire.VARINT):
            # Packed, or one by one as writers without the option do.
            if isinstance(content, memoryview):
                numbers = wire.unpack_varints(content, offset)
            else:
                numbers = np.array([content], dtype=np.uint64)
            if number == 1:
                values.append((numbers & np.uint64(0xFFFFFFFF)).astype(np.uint32).view(np.int32))
            else:
                (keys if number == 2 else shape).append(numbers)
    merged_shape = tuple(int(n) for n in np.concatenate(shape)) if shape else None
    return Tensor(
        np.concatenate(values) if values else np.empty(0, dtype),
        np.concatenate(keys) if keys else None,
        merged_shape,
    )


def _decode_blobs(data: memoryview, base: int) -> Blobs:
    items, content_type = [], None
    for number, kind, content, offset in wire.fields(data, base):
        if kind == wire.LENGTH and isinstance(content, memoryview):
            if number == 1:
                items.append(bytes(content))
            elif number == 2:
                content_type = _text(content, offset)
    return Blobs(tuple(items), content_type)


def _text(data: memoryview, offset: int) -> str:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise RecordIOError(
            f"a text is not UTF-8: {error.reason}. This is no protobuf record, or it is damaged.",
            offset=offset,
        ) from None
