"""Filters and joins."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.errors import InvalidRequest
from labelwright.hosting.transform.plan import Plan, batch_environment
from labelwright.hosting.transform.processing import Processing

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=6)
CELLS = st.lists(TEXT, min_size=2, max_size=5)


def processing(kind: str, before: str = "$", after: str = "$", join: bool = False) -> Processing:
    return Processing(kind, before, after, is_joined=join)


def row(cells: list[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue().encode()


def test_the_documented_examples() -> None:
    joined = processing("application/json", join=True)
    assert joined.rows([b'{"key": 1}'], b'{"label": 1}') == [b'{"key":1,"SageMakerOutput":{"label":1}}']
    assert joined.rows([b"[1, 2]"], b"7") == [b'{"SageMakerInput":[1,2],"SageMakerOutput":7}']
    assert joined.rows([b'{"SageMakerOutput": 0}'], b"1") == [b'{"SageMakerOutput":1}']
    assert processing("text/csv", join=True).rows([b"1,2,3"], b"1\n") == [b"1,2,3,1"]
    both = processing("text/csv", "$[1:]", "$[0,-1]", join=True)
    assert both.prepare(b"17,a,b") == b"a,b"
    assert both.rows([b"17,a,b"], b"0.9") == [b"17,0.9"]


def test_a_filter_alone_applies_to_the_answer() -> None:
    alone = processing("application/jsonlines", after="$.score")
    assert alone.rows([b'{"x": 1}', b'{"x": 2}'], b'{"score": 0.5}\n\n{"score": 1e-3}\n') == [
        b"0.5",
        b"0.001",
    ]


def test_rows_of_several_records_in_one_request() -> None:
    joined = processing("application/jsonlines", "$.x", "$['id','SageMakerOutput']", join=True)
    records = [b'{"id": 1, "x": [1, 2]}', b'{"id": 2, "x": [3]}']
    assert [joined.prepare(record) for record in records] == [b"[1,2]", b"[3]"]
    assert joined.rows(records, b'"a"\n"b"\n') == [
        b'{"id":1,"SageMakerOutput":"a"}',
        b'{"id":2,"SageMakerOutput":"b"}',
    ]
    with pytest.raises(InvalidRequest, match="answered 1 rows to 2 records"):
        joined.rows(records, b'"a"\n')


def test_an_object_of_many_rows_is_filtered_row_by_row() -> None:
    columns = processing("text/csv", "$[1:]", "$[0]", join=True)
    assert columns.prepare(b"1,a,b\n2,c,d\n") == b"a,b\nc,d"
    assert columns.rows([b"1,a,b\n2,c,d\n"], b"x\ny\n") == [b"1", b"2"]


@pytest.mark.parametrize(
    ("made", "record", "answer"),
    [
        (processing("application/json", join=True), b"{", b"1"),
        (processing("application/json", join=True), b"1", b"\xff"),
        (processing("application/json", after="$.a"), b"1", b"[]"),
        (processing("text/csv", after="$[3]"), b"1", b"1,2"),
        (processing("text/csv", join=True), b'"1', b"1,2"),
    ],
)
def test_rows_that_cannot_be_made(made: Processing, record: bytes, answer: bytes) -> None:
    with pytest.raises(InvalidRequest):
        made.rows([record], answer)


@given(CELLS, CELLS)
def test_cells_come_through_a_join(before: list[str], after: list[str]) -> None:
    (joined,) = processing("text/csv", join=True).rows([row(before)], row(after))
    assert next(csv.reader([joined.decode()])) == before + after


@given(st.dictionaries(TEXT, st.integers() | TEXT, max_size=4), st.integers() | st.lists(TEXT, max_size=3))
def test_values_come_through_a_join(before: dict[str, Any], after: Any) -> None:
    (joined,) = processing("application/json", join=True).rows(
        [json.dumps(before).encode()], json.dumps(after).encode()
    )
    assert json.loads(joined) == {**before, "SageMakerOutput": after}


def test_half_a_surrogate_pair_stays_an_escape() -> None:
    assert processing("application/json", after="$.a").rows([b"1"], b'{"a": "\\ud800"}') == [b'"\\ud800"']


REQUEST: dict[str, Any] = {
    "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/i"}}},
    "TransformOutput": {"S3OutputPath": "s3://b/o"},
}


def test_the_request_comes_before_the_container_and_that_before_defaults() -> None:
    said = {"MaxConcurrentTransforms": "4", "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 2}
    assert Plan.of_request(REQUEST).describe() == (
        "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
    )
    assert Plan.of_request(REQUEST, said).describe() == (
        "MaxConcurrentTransforms=4, MaxPayloadInMB=2, BatchStrategy=SINGLE_RECORD"
    )
    mine = REQUEST | {"MaxConcurrentTransforms": 3, "BatchStrategy": "MultiRecord", "MaxPayloadInMB": 0}
    plan = Plan.of_request(mine, said)
    assert plan.describe() == "MaxConcurrentTransforms=3, MaxPayloadInMB=0, BatchStrategy=MULTI_RECORD"
    assert plan.bytes_max is None
    assert Plan.of_request(REQUEST | {"MaxConcurrentTransforms": 0}, said).n_at_once == 4


def test_the_container_is_told_what_the_user_set() -> None:
    assert batch_environment(REQUEST) == {"SAGEMAKER_BATCH": "true"}
    made = REQUEST | {
        "MaxConcurrentTransforms": 3,
        "BatchStrategy": "SingleRecord",
        "MaxPayloadInMB": 1,
        "Environment": {"MINE": "1", "SAGEMAKER_BATCH": "mine"},
    }
    assert batch_environment(made) == {
        "SAGEMAKER_BATCH": "mine",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "1",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "3",
        "MINE": "1",
    }


def test_classifiers_write_objects_unless_something_else_is_asked_for() -> None:
    assert Plan.of_request(REQUEST, algorithm="image-classification").accept == "application/jsonlines"
    assert Plan.of_request(REQUEST, algorithm="object-detection").accept is None
    output = {**REQUEST["TransformOutput"], "Accept": "application/json"}
    asked = {**REQUEST, "TransformOutput": output}
    assert Plan.of_request(asked, algorithm="image-classification").accept == "application/json"
