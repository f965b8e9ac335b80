"""The life of a transform job and the rules on its request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core.transform_job import (
    TERMINAL,
    Ended,
    Halted,
    JobState,
    Status,
    StopRequested,
    apply,
    check_request,
    is_processed,
    joins_lines,
)
from labelwright.errors import IllegalTransition, InvalidRequest

STEPS = {
    ("InProgress", "stop"): "Stopping",
    ("InProgress", "end"): "Completed",
    ("InProgress", "fail"): "Failed",
    ("Stopping", "end"): "Stopped",
    ("Stopping", "fail"): "Stopped",
    ("Stopping", "halt"): "Stopped",
}
EVENTS = {
    "stop": StopRequested(at=5.0),
    "end": Ended(at=5.0),
    "fail": Ended(at=5.0, failure_reason="ClientError: x" * 200),
    "halt": Halted(at=5.0),
}


def request(**changes: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}
    return {
        "TransformInput": {"DataSource": {"S3DataSource": source}, "ContentType": "text/csv"}
        | changes.pop("input", {}),
        "TransformOutput": {"S3OutputPath": "s3://b/out"} | changes.pop("output", {}),
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **changes,
    }


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("status", Status)
def test_every_event_in_every_state(status: Status, event: str) -> None:
    new = STEPS.get((status.value, event))
    if new is None:
        expected = InvalidRequest if event == "stop" else IllegalTransition
        with pytest.raises(expected, match=status.value):
            apply(JobState(status), EVENTS[event])
        return
    state = apply(JobState(status), EVENTS[event])
    assert state.status.value == new
    assert state.ended_at == (5.0 if state.status in TERMINAL else None)
    assert (state.failure_reason is not None) == (new == "Failed")
    assert len(state.failure_reason or "") <= 1024


def test_a_plain_request_is_fine() -> None:
    check_request(request())
    assert not is_processed(request(DataProcessing={"InputFilter": "$", "JoinSource": "None"}))


@given(st.integers(0, 120), st.integers(0, 120))
def test_payload_and_concurrency_have_a_product(payload: int, at_once: int) -> None:
    made = request(MaxPayloadInMB=payload, MaxConcurrentTransforms=at_once)
    if payload <= 100 and payload * at_once <= 100:
        check_request(made)
    else:
        with pytest.raises(InvalidRequest, match="100"):
            check_request(made)


LINES = {"SplitType": "Line"}


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (request(DataProcessing={"InputFilter": "$[1:"}), "DataProcessing.InputFilter"),
        (request(DataProcessing={"OutputFilter": "x"}), "DataProcessing.OutputFilter"),
        (request(input={"ContentType": "image/png"}, DataProcessing={"OutputFilter": "$.a"}), "ContentType"),
        (request(output={"Accept": "application/json"}, DataProcessing={"OutputFilter": "$[0]"}), "Accept"),
        (request(input=LINES, DataProcessing={"OutputFilter": "$[0]"}), "AssembleWith"),
        (request(input={"SplitType": "RecordIO"}, DataProcessing={"OutputFilter": "$[0]"}), "SplitType"),
        (request(DataProcessing={"OutputFilter": "$.a"}), "DataProcessing"),
    ],
)
def test_processing_that_does_not_fit(made: dict[str, Any], field: str) -> None:
    if made["TransformInput"].get("SplitType") == "Line":
        made["TransformInput"]["ContentType"] = "text/csv"
    with pytest.raises(InvalidRequest) as caught:
        check_request(made)
    assert caught.value.field is not None and caught.value.field.endswith(field)


def test_processing_that_fits() -> None:
    check_request(
        request(
            input={"ContentType": "application/jsonlines; charset=utf-8", "SplitType": "Line"},
            output={"Accept": "application/jsonlines", "AssembleWith": "Line"},
            DataProcessing={"InputFilter": "$.x", "OutputFilter": "$.y", "JoinSource": "Input"},
        )
    )


def test_pictures_of_an_augmented_manifest_may_be_joined_with_its_lines() -> None:
    made = request(output={"Accept": "application/json"}, DataProcessing={"JoinSource": "Input"})
    made["TransformInput"]["ContentType"] = "image/jpeg"
    with pytest.raises(InvalidRequest, match="ContentType"):
        check_request(made)
    made["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"] = "AugmentedManifestFile"
    assert joins_lines(made)
    check_request(made)
    made["TransformOutput"]["Accept"] = "image/png"
    with pytest.raises(InvalidRequest, match="Accept"):
        check_request(made)
