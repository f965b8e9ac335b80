"""SageMaker's protobuf records."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labelwright import recordio as rio
from labelwright.recordio.protobuf_wire import pack_varints, unpack_varints, varint

# The worked example of the format, compared with the classes of the SageMaker SDK.
GOLDEN = (
    "0a23d7ce 2c000000 0a16 0a0676616c756573 120c 120a 0a08 0000803f 00000040"
    "1212 0a0676616c756573 1208 1206 0a04 00000000"
)
MAGIC_FLOAT = float(np.frombuffer(bytes.fromhex("0a23d7ce"), "<f4")[0])

arrays = st.sampled_from([np.float32, np.float64, np.int32]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5))
)


def test_golden_bytes() -> None:
    record = rio.encode_record({"values": [1.0, 2.0]}, {"values": [0.0]})
    assert rio.frame(record) == bytes.fromhex(GOLDEN)
    decoded = rio.decode_record(record)
    values = decoded.features["values"]
    assert isinstance(values, rio.Tensor)
    assert (values.values.tolist(), values.values.dtype, values.shape) == ([1.0, 2.0], np.float32, None)
    assert (decoded.uid, decoded.metadata, decoded.configuration) == (None, None, None)


@given(st.dictionaries(st.text(max_size=5), arrays, max_size=3), arrays, st.none() | st.text(max_size=5))
@settings(deadline=None)
def test_round_trip(features: dict[str, np.ndarray], label: np.ndarray, text: str | None) -> None:
    record = rio.encode_record(features, {"values": label}, uid=text, metadata=text, configuration=text)
    decoded = rio.decode_record(record)
    assert list(decoded.features) == list(features)
    for name, given_array in (*features.items(), ("label", label)):
        tensor = (
            decoded.label["values"] if name == "label" and given_array is label else decoded.features[name]
        )
        assert isinstance(tensor, rio.Tensor)
        dense = tensor.dense()
        assert dense.dtype == given_array.dtype
        assert np.array_equal(dense, given_array, equal_nan=True)
    assert (decoded.uid, decoded.metadata, decoded.configuration) == (text, text, text)


@given(hnp.arrays(np.uint64, st.integers(0, 20)))
@settings(deadline=None)
def test_varints(values: np.ndarray) -> None:
    packed = pack_varints(values)
    assert packed == b"".join(varint(int(value)) for value in values)
    assert unpack_varints(memoryview(packed), 0).tolist() == values.tolist()


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_bytes_from_outside_decode_or_raise_ours(data: bytes) -> None:
    try:
        rio.decode_record(data)
    except rio.RecordIOError as error:
        assert error.offset is not None


def test_every_cut_of_a_record_decodes_or_raises_ours() -> None:
    record = rio.encode_record(
        {"values": np.arange(300, dtype=np.int32), "image": rio.Blobs((b"a", b""), "image/png")}, uid="é"
    )
    for i in range(len(record)):
        try:
            rio.decode_record(record[:i])
        except rio.RecordIOError:
            continue
        assert i in (0, len(record) - 4) or rio.decode_record(record[:i]).features


def test_claims_of_sizes_are_checked_before_anything_is_made() -> None:
    with pytest.raises(rio.RecordIOError, match="claims 1099511627776 bytes") as caught:
        rio.decode_record(b"\x0a" + varint(2**40))
    assert caught.value.offset == 0
    huge = rio.Tensor(np.ones(1, np.float32), np.zeros(1, np.uint64), (2**40, 2**40))
    with pytest.raises(rio.RecordIOError, match="allowed"):
        huge.dense()


def test_sparse() -> None:
    tensor = rio.Tensor(np.array([5, 6], np.float32), np.array([1, 300], np.uint64), (400,))
    decoded = rio.decode_record(rio.encode_record({"values": tensor})).features["values"]
    assert isinstance(decoded, rio.Tensor)
    dense = decoded.dense()
    assert (dense.shape, dense[[1, 300]].tolist(), np.count_nonzero(dense)) == ((400,), [5, 6], 2)
    for keys, shape in (([1, 400], (400,)), ([1], (400,)), ([1, 2], None)):
        wrong = rio.Tensor(np.array([5, 6], np.float32), np.array(keys, np.uint64), shape)
        with pytest.raises(rio.RecordIOError, match=r"keys|shape"):
            wrong.dense()


def test_numbers_one_by_one_and_unknown_fields_are_read() -> None:
    """Writers without the packed option repeat the tag; newer schemas may add fields."""
    tensor = b"\x08\x07" + b"\x08" + varint(2**64 - 3) + b"\x18\x02" + b"\x30\x01" + b"\x3d\0\0\0\0"
    value = b"\x3a" + varint(len(tensor)) + tensor
    entry = b"\x12" + varint(len(value)) + value
    got = rio.decode_record(b"\x0a" + varint(len(entry)) + entry).features[""]
    assert isinstance(got, rio.Tensor)
    assert (got.values.tolist(), got.shape) == ([7, -3], (2,))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("has_labels", [True, False])
def test_matrix_is_written_as_record_by_record(dtype: type, has_labels: bool) -> None:
    rows = np.random.default_rng(3).normal(size=(500, 7)).astype(dtype)
    # Magics at and off multiples of four, in features and label.
    rows.view("<u4")[3, 2:4] = rows.view("<u4")[400, 0] = 0xCED7230A
    labels = np.arange(500).astype(np.float32)
    labels[7] = MAGIC_FLOAT
    one_by_one, at_once = io.BytesIO(), io.BytesIO()
    with rio.RecordWriter(one_by_one) as writer:
        for row, label in zip(rows, labels, strict=True):
            writer.write(rio.encode_record({"values": row}, {"values": [label]} if has_labels else None))
    with rio.RecordWriter(at_once) as writer:
        rio.write_matrix(writer, rows, labels if has_labels else None)
        assert writer.n_written == 500
    assert at_once.getvalue() == one_by_one.getvalue()
    blocks = list(rio.read_matrix(rio.read([at_once.getvalue()]), n_block=300))
    assert [len(features) for features, _ in blocks] == [300, 200]
    got = np.concatenate([features for features, _ in blocks])
    assert got.dtype == dtype
    assert got.tobytes() == rows.tobytes()
    for block, (_, targets) in enumerate(blocks):
        expected = labels[block * 300 : block * 300 + 300]
        assert (targets is None) is not has_labels
        assert targets is None or targets.tolist() == expected.tolist()


def test_matrix_of_records_of_several_forms() -> None:
    records = [
        rio.encode_record({"values": [1.0, 2.0]}, {"values": [1.0]}),
        rio.encode_record({"values": np.array([3, 4], np.float32)}, {"values": [0.0]}, uid="x"),
        rio.encode_record(
            {"values": rio.Tensor(np.array([9], np.float32), np.array([1], np.uint64), (2,))},
            {"values": [2.0]},
        ),
    ]
    ((features, labels),) = rio.read_matrix(records)
    assert features.tolist() == [[1, 2], [3, 4], [0, 9]]
    assert labels is not None
    assert labels.tolist() == [1, 0, 2]
    with pytest.raises(rio.RecordIOError, match="another length"):
        list(rio.read_matrix([records[0], rio.encode_record({"values": [1.0]})]))


@pytest.mark.parametrize(
    ("features", "labels"),
    [(np.zeros((2, 2), int), None), (np.zeros(2, np.float32), None), ([[1.0]], [1.0, 2.0])],
)
def test_matrices_that_cannot_be_written(features: object, labels: object) -> None:
    with (
        pytest.raises(rio.RecordIOError, match=r"cannot be written|do not fit"),
        rio.RecordWriter(io.BytesIO()) as w,
    ):
        rio.write_matrix(w, features, labels)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [["a"], [2**31], np.zeros(2, complex)])
def test_values_that_cannot_be_encoded(value: object) -> None:
    with pytest.raises(rio.RecordIOError, match="'values'"):
        rio.encode_record({"values": value})  # type: ignore[dict-item]
