"""A job made with boto3, labeled through the worker API: the events that a webhook and a file get of it."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

from labelwright.testing.jobs import aws, start_job, wait_for_job
from labelwright.testing.server import running_server
from labelwright.testing.webhooks import SECRET, Receiver, receiving, until

TEAM = "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/night"


def story(events: list[dict[str, Any]]) -> list[str]:
    """One word an event."""
    words = []
    for event in events:
        detail = event["detail"]
        words.append(
            detail.get("State")
            or detail.get("LabelingJobStatus")
            or detail.get("event_type")
            or detail["event-name"]
        )
    return words


EXPECTED = [
    "CREATED",
    "STATUS_CHANGED",
    "BATCH_ANNOTATION_STATUS_EVALUATED",
    *("Accepted", "TasksAccepted", "Declined", "TasksDeclined"),
    *("Accepted", "TasksAccepted", "Returned", "TasksReturned"),
    *("Accepted", "TasksAccepted", "Submitted", "TasksSubmitted"),
    "BATCH_ANNOTATION_STATUS_EVALUATED",
    "EXPORTED_LABELED_MANIFEST",
    "STATUS_CHANGED",
    "Completed",
]


def test_webhook_and_file_tell_the_story_of_a_job(crew: Any, tmp_path: Path) -> None:
    with (
        receiving() as receiver,
        running_server(
            tmp_path / "data",
            events_file="events/all.jsonl",
            events_webhook_url=receiver.url,
            events_webhook_secret=SECRET,
        ) as server,
    ):
        ana, bob = crew.worker(server, "ana"), crew.worker(server, "bob")
        start_job(server, "Night-1", lines=[{"source": "one"}], team_arn=TEAM, n_workers=2)
        with contextlib.closing(ana), contextlib.closing(bob):
            task = crew.take(ana, "Night-1")
            assert ana.post(f"/portal/api/tasks/{task}/decline").status_code in (200, 204)
            task = crew.take(bob, "Night-1")
            assert bob.delete(f"/portal/api/tasks/{task}").status_code in (200, 204)
            task = crew.take(bob, "Night-1")
            crew.submit(bob, task)
        aws(server, "sagemaker").stop_labeling_job(LabelingJobName="Night-1")
        wait_for_job(server, "Night-1", lambda job: job["LabelingJobStatus"] == "Stopped")
        until(lambda: "Stopped" in story(receiver.events))
        file = tmp_path / "data" / "events" / "all.jsonl"
        until(lambda: file.exists() and '"LabelingJobStatus":"Stopped"' in file.read_text())
        logs = aws(server, "logs")
        until(lambda: _logged(logs, "/aws/sagemaker/LabelingJobs", "Stopped"))
        jobs = _logged(logs, "/aws/sagemaker/LabelingJobs")
        until(lambda: _logged(logs, "/aws/sagemaker/groundtruth/WorkerActivity", "TasksSubmitted"))
        activity = _logged(logs, "/aws/sagemaker/groundtruth/WorkerActivity")
    assert receiver.n_forged == 0
    assert receiver.headers["Content-Type"] == "application/json"
    told = story(receiver.events)
    at = told.index("Accepted")
    assert told[at : at + 12] == EXPECTED[3:15]
    assert told[:3] == EXPECTED[:3]
    assert [word for word in told if word in ("STATUS_CHANGED", "Stopped", "EXPORTED_LABELED_MANIFEST")] == [
        *("STATUS_CHANGED", "STATUS_CHANGED", "EXPORTED_LABELED_MANIFEST", "STATUS_CHANGED", "Stopped")
    ]
    assert [json.loads(line) for line in file.read_text().splitlines()] == receiver.events
    _check_forms(receiver)
    for lines, kind in ((jobs, "Labelwright Labeling Job Log"), (activity, "Labelwright Worker Activity")):
        assert lines == [e["detail"] for e in receiver.events if e["detail-type"] == kind][: len(lines)]


def _logged(logs: Any, group: str, word: str = "") -> list[dict[str, Any]]:
    try:
        events = logs.filter_log_events(logGroupName=group, filterPattern=word)["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(event["message"]) for event in events]


def _check_forms(receiver: Receiver) -> None:
    state = receiver.events[-1]
    arn = "arn:aws:sagemaker:us-east-1:000000000000:labeling-job/night-1"
    assert {**state, "id": "", "time": ""} == {
        "version": "0",
        "id": "",
        "detail-type": "SageMaker Ground Truth Labeling Job State Change",
        "source": "aws.sagemaker",
        "account": "000000000000",
        "time": "",
        "region": "us-east-1",
        "resources": [arn],
        "detail": {"LabelingJobStatus": "Stopped"},
    }
    time.strptime(state["time"], "%Y-%m-%dT%H:%M:%SZ")
    by_word = dict(zip(story(receiver.events), receiver.events, strict=True))
    assert by_word["Submitted"]["detail-type"] == "SageMaker Ground Truth Labeling Job Task Status Change"
    assert by_word["Submitted"]["detail"] == {
        "State": "Submitted",
        "labeling-job-arn": arn,
        "workteam-team-arn": TEAM,
    }
    activity = by_word["TasksSubmitted"]["detail"]
    assert all(isinstance(value, str) for value in activity.values())
    accepted = time.strptime(activity["task_accepted_time"], "%a %b %d %H:%M:%S UTC %Y")
    assert accepted <= time.strptime(activity["task_submitted_time"], "%a %b %d %H:%M:%S UTC %Y")
    assert activity["task_returned_time"] == activity["task_declined_time"] == ""
    assert activity["labeling_job_arn"] == arn
    assert activity["job_type"] == "Private"
    assert len(activity["worker_id"]) == 16
    assert activity["cognito_user_pool_id"].startswith("us-east-1_")
    assert by_word["CREATED"]["detail"]["labeling-job-name"] == "Night-1"
    batch = by_word["BATCH_ANNOTATION_STATUS_EVALUATED"]["detail"]["event-log-message"]
    assert "COMPLETED" in batch or "SUBMITTED" in batch


def test_a_dead_endpoint_delays_nothing_and_gets_everything_later(
    crew: Any, tmp_path: Path, quick_back_off: None
) -> None:
    with receiving() as receiver:
        port = int(receiver.url.rsplit(":", 1)[1].partition("/")[0])
    # Nobody listens there now.
    settings = {"events_webhook_url": receiver.url, "events_webhook_secret": SECRET}
    with running_server(tmp_path / "data", **settings) as server:
        worker = crew.worker(server, "ana")
        start_job(server, "Dead-1", lines=[{"source": str(i)} for i in range(5)], team_arn=TEAM)
        with contextlib.closing(worker):
            for _ in range(5):
                crew.submit(worker, crew.take(worker, "Dead-1"))
        wait_for_job(server, "Dead-1", lambda job: job["LabelingJobStatus"] == "Completed")
        state = next(one for one in server.app.delivery.states if one.name.startswith("webhook:"))
        until(lambda: state.n_failures > 2)
        assert state.n_delivered == 0
        with receiving(port) as receiver:
            receiver.statuses = [500, 302, 413, 404]
            until(lambda: "Completed" in story(receiver.events))
    told = story(receiver.events)
    assert told.count("Submitted") == 5
    assert told[0] == "CREATED"
    assert told[-1] == "Completed"
    assert receiver.n_requests == len(receiver.batches) + 4  # a redirect is refused, not followed


def test_only_the_kinds_that_are_wanted_are_sent(crew: Any, tmp_path: Path, quick_back_off: None) -> None:
    with receiving() as receiver:
        settings = {
            "events_webhook_url": receiver.url,
            "events_webhook_secret": SECRET,
            "events_kinds": "job-state",
        }
        with running_server(tmp_path / "data", **settings) as server:
            worker = crew.worker(server, "ana")
            start_job(server, "Few-1", lines=[{"source": "x"}], team_arn=TEAM)
            with contextlib.closing(worker):
                crew.submit(worker, crew.take(worker, "Few-1"))
            until(lambda: receiver.events)
    assert story(receiver.events) == ["Completed"]
