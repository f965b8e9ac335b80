"""Whole matrices as protobuf records: one record a row, written and read without a loop over rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from labelwright.recordio.framing import HEADER, MAGIC, RecordIOError, frame
from labelwright.recordio.protobuf import Tensor, decode_record, encode_record, tensor_of
from labelwright.recordio.writer import RecordWriter

__all__ = ["read_matrix", "write_matrix"]

_BLOCK_BYTES = 4 << 20


def write_matrix(writer: RecordWriter, features: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> None:
    """Write each row of a matrix as a record with ``features["values"]`` and ``label["values"]``.

    The bytes are those of one :func:`encode_record` a row.

    Parameters
    ----------
    writer : RecordWriter
    features : array-like of shape (n, n_features), float32 or float64
    labels : array-like of shape (n,), float32 or float64, optional

    Raises
    ------
    RecordIOError
        Shapes or types do not fit. Whole numbers have no fixed length in a record; convert them to float32.
    """
    rows = _floats(features, "features", 2)
    targets = None if labels is None else _floats(labels, "labels", 1)
    if targets is not None and len(targets) != len(rows):
        raise RecordIOError(f"{len(targets)} labels do not fit {len(rows)} rows of features.")
    if not len(rows):
        return
    # All records have the same bytes but for the numbers: frame one with zeros and fill in the others.
    label = None if targets is None else {"values": np.zeros(1, targets.dtype)}
    without = encode_record({"values": np.zeros(rows.shape[1], rows.dtype)})
    message = encode_record({"values": np.zeros(rows.shape[1], rows.dtype)}, label)
    template = np.frombuffer(frame(message), np.uint8)
    features_end = 8 + len(without)
    features_start = features_end - rows.shape[1] * rows.itemsize
    n_block = max(1, _BLOCK_BYTES // template.size)
    for first in range(0, len(rows), n_block):
        block = rows[first : first + n_block]
        out = np.tile(template, (len(block), 1))  # (n_block, record bytes)
        out[:, features_start:features_end] = np.ascontiguousarray(block).view(np.uint8)
        if targets is not None:
            values = np.ascontiguousarray(targets[first : first + n_block, None]).view(np.uint8)
            out[:, 8 + len(message) - values.shape[1] : 8 + len(message)] = values
        has_magic = (out.view("<u4")[:, 1:] == MAGIC).any(axis=1)
        if not has_magic.any():
            writer.write_framed(out.data.cast("B") if out.size else b"", len(out))
            continue
        for row in out:
            _, length = HEADER.unpack_from(row)
            writer.write(row[8 : 8 + length].tobytes())


def read_matrix(
    records: Iterable[bytes], *, n_block: int = 4096
) -> Iterator[tuple[npt.NDArray[np.generic], npt.NDArray[np.generic] | None]]:
    """Read records of dense vectors in blocks.

    Parameters
    ----------
    records : iterable of bytes
        Such as :func:`labelwright.recordio.read` gives them.
    n_block : int
        Most rows of a block.

    Yields
    ------
    features : ndarray of shape (n, n_features)
    labels : ndarray of shape (n,) or None

    Raises
    ------
    RecordIOError
        A record is broken, has no ``values``, or another number of them than the first.
    """
    block: list[bytes] = []
    for record in records:
        block.append(record)
        if len(block) == n_block:
            yield _matrix(block)
            block = []
    if block:
        yield _matrix(block)


def _matrix(records: list[bytes]) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.generic] | None]:
    decoded = decode_record(records[0])
    values, target = decoded.features.get("values"), decoded.label.get("values")
    if isinstance(values, Tensor) and values.keys is None and len(set(map(len, records))) == 1:
        quick = _same_form(records, values, target if isinstance(target, Tensor) else None)
        if quick is not None:
            return quick
    rows: list[npt.NDArray[np.generic]] = []
    targets: list[np.generic] = []
    for record in records:
        decoded = decode_record(record)
        values, target = decoded.features.get("values"), decoded.label.get("values")
        if not isinstance(values, Tensor) or (rows and values.dense().size != rows[0].size):
            raise RecordIOError(
                "a record has no vector of features named 'values', or one of another length than the "
                "records "
                "before it. Decode such records one by one with decode_record."
            )
        rows.append(values.dense().ravel())
        if isinstance(target, Tensor) and target.values.size == 1:
            targets.append(target.values[0])
    return np.stack(rows), np.array(targets) if len(targets) == len(rows) else None


def _same_form(
    records: list[bytes], values: Tensor, target: Tensor | None
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.generic] | None] | None:
    """Cut the numbers out of records that equal the first in all other bytes; None where they do not."""
    n_features, dtype = values.values.size, values.values.dtype
    if dtype.kind != "f" or (
        target is not None and (target.values.dtype.kind != "f" or target.values.size != 1)
    ):
        return None
    label = None if target is None else {"values": np.zeros(1, target.values.dtype)}
    without = len(encode_record({"values": np.zeros(n_features, dtype)}))
    message = encode_record({"values": np.zeros(n_features, dtype)}, label)
    if len(message) != len(records[0]):
        return None
    raw = np.frombuffer(b"".join(records), np.uint8).reshape(len(records), -1)
    first, last = without - n_features * dtype.itemsize, without
    is_form = np.ones(raw.shape[1], dtype=bool)
    is_form[first:last] = False
    label_bytes = 0 if target is None else target.values.dtype.itemsize
    if label_bytes:
        is_form[-label_bytes:] = False
    if (raw[:, is_form] != np.frombuffer(message, np.uint8)[is_form]).any():
        return None
    features = np.ascontiguousarray(raw[:, first:last]).view(dtype)
    if target is None:
        return features, None
    return features, np.ascontiguousarray(raw[:, -label_bytes:]).view(target.values.dtype)[:, 0]


def _floats(given: npt.ArrayLike, name: str, n_dimensions: int) -> npt.NDArray[np.generic]:
    array = np.asarray(given)
    if not hasattr(given, "dtype"):
        array = tensor_of(array.astype(np.float32), name).values.reshape(array.shape)
    if array.ndim != n_dimensions or array.dtype.name not in ("float32", "float64"):
        raise RecordIOError(
            f"{name} of shape {array.shape} and type {array.dtype} cannot be written: they must have "
            f"{n_dimensions} dimension{'s' * (n_dimensions > 1)} and be float32 or float64."
        )
    return array.astype(array.dtype.newbyteorder("<"), copy=False)
