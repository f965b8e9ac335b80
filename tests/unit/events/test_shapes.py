"""What events look like."""

from __future__ import annotations

import dataclasses
import json

import pytest

from labelwright.events import events_of
from labelwright.store.answers import Identity
from labelwright.store.event_tables import OutboxKind
from labelwright.store.outbox import OutboxRow

ARN = "arn:aws:sagemaker:eu-west-1:000000000000:labeling-job/valves-01"
TEAM = "arn:aws:sagemaker:eu-west-1:000000000000:workteam/private-crowd/night-shift"
JOB = OutboxRow(
    id=7,
    kind=OutboxKind.JOB,
    at=1_772_612_172.9,
    job_name="Valves-01",
    job_arn=ARN,
    region="eu-west-1",
    workteam_arn=TEAM,
    reference_code="3f0c",
    event_id=3,
    name="STATUS_CHANGED",
    detail='{"status":"Completed"}',
)
TASK = dataclasses.replace(
    JOB,
    kind=OutboxKind.SUBMITTED,
    event_id=None,
    name="",
    detail="",
    task_id="t1",
    worker_id="0b7d6f0e-6f2f-4b0a-9d3e-7c1f5a2b9e11",
    accepted_at=1_772_612_130.0,
    identity=Identity(
        "private.eu-west-1.9f3c1d20ab47e655",
        "Cognito",
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E",
        "0b7d6f0e-6f2f-4b0a-9d3e-7c1f5a2b9e11",
    ),
)


def test_the_worker_activity_log_has_the_published_keys_and_forms() -> None:
    _, event = events_of(TASK)
    assert event["detail"] == {
        "worker_id": "9f3c1d20ab47e655",
        "cognito_user_pool_id": "eu-west-1_Ab12Cd34E",
        "cognito_sub_id": "0b7d6f0e-6f2f-4b0a-9d3e-7c1f5a2b9e11",
        "task_accepted_time": "Wed Mar 04 08:15:30 UTC 2026",
        "task_submitted_time": "Wed Mar 04 08:16:12 UTC 2026",
        "task_returned_time": "",
        "task_declined_time": "",
        "workteam_arn": TEAM,
        "labeling_job_arn": ARN,
        "work_requester_account_id": "000000000000",
        "job_reference_code": "3f0c",
        "job_type": "Private",
        "event_type": "TasksSubmitted",
        "event_timestamp": "1772612172",
    }


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (OutboxKind.ACCEPTED, "Accepted"),
        (OutboxKind.DECLINED, "Declined"),
        (OutboxKind.RETURNED, "Returned"),
        (OutboxKind.SUBMITTED, "Submitted"),
    ],
)
def test_task_events_say_what_happened(kind: OutboxKind, state: str) -> None:
    status, activity = events_of(dataclasses.replace(TASK, kind=kind))
    assert status["detail"] == {"State": state, "labeling-job-arn": ARN, "workteam-team-arn": TEAM}
    assert activity["detail"]["event_type"] == f"Tasks{state}"
    filled = [key for key, value in activity["detail"].items() if key.startswith("task_") and value]
    assert set(filled) == {"task_accepted_time", f"task_{state.lower()}_time"}


def test_oidc_workers_have_their_own_keys() -> None:
    identity = Identity("private.eu-west-1.9f3c1d20ab47e655", "Oidc", "https://idp.example", "sub-1")
    *_, event = events_of(dataclasses.replace(TASK, identity=identity))
    assert event["detail"]["cognito_sub_id"] == event["detail"]["cognito_user_pool_id"] == ""
    assert (event["detail"]["oidc_issuer"], event["detail"]["oidc_sub"]) == ("https://idp.example", "sub-1")


def test_the_activity_log_is_about_private_teams_only() -> None:
    public = "arn:aws:sagemaker:eu-west-1:394669845002:workteam/public-crowd/default"
    events = list(events_of(dataclasses.replace(TASK, workteam_arn=public)))
    assert [event["detail"]["State"] for event in events] == ["Submitted"]


def test_only_the_end_of_a_job_is_a_state_change() -> None:
    for status, n in [("InProgress", 1), ("Stopping", 1), ("Completed", 2), ("Failed", 2), ("Stopped", 2)]:
        row = dataclasses.replace(JOB, detail=json.dumps({"status": status}))
        assert len(list(events_of(row))) == n, status
    log, state = events_of(JOB)
    assert state["time"] == "2026-03-04T08:16:12Z"
    assert state["detail"] == {"LabelingJobStatus": "Completed"}
    assert log["detail"] == {
        "labeling-job-name": "Valves-01",
        "event-name": "STATUS_CHANGED",
        "event-log-message": "Status changed. Status: Completed.",
    }


def test_ids_are_stable_and_differ() -> None:
    rows = [JOB, TASK, dataclasses.replace(JOB, id=8), dataclasses.replace(JOB, reference_code="x")]
    once = [event["id"] for row in rows for event in events_of(row)]
    again = [event["id"] for row in rows for event in events_of(row)]
    assert once == again
    assert len(set(once)) == len(once)
    assert [event["id"] for event in events_of(JOB, ["job-state"])] == [once[1]]
