"""Events that are log streams."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labelwright.errors import Busy
from labelwright.events.log_sink import JOB_GROUP, WORKER_GROUP, LogSink
from labelwright.logstreams import LogStore, StreamWriter, stream_path


def entry(n: int, name: str = "valves-01") -> bytes:
    detail = {"labeling-job-name": name, "event-name": "CREATED", "event-log-message": str(n)}
    return _event("Labelwright Labeling Job Log", f"2026-03-04T08:16:{n:02d}Z", detail)


def activity(n: int, day: int) -> bytes:
    detail = {"worker_id": "9f3c", "event_type": "TasksSubmitted", "event_timestamp": str(n)}
    return _event("Labelwright Worker Activity", f"2026-03-{day:02d}T08:16:{n:02d}Z", detail)


def _event(kind: str, at: str, detail: dict[str, Any]) -> bytes:
    event = {"detail-type": kind, "time": at, "account": "000000000000", "region": "eu-west-1"}
    return json.dumps({**event, "detail": detail}).encode()


def messages(root: Path, group: str, stream: str) -> list[Any]:
    return [json.loads(event.message) for event in LogStore(root).events(group, stream).events]


def test_a_batch_that_comes_again_after_a_crash_is_written_once(tmp_path: Path) -> None:
    kinds = ["job-log", "worker-activity"]
    LogSink(tmp_path, kinds).take([entry(1), entry(2), entry(1, "other")])
    after = LogSink(tmp_path, kinds)
    after.take([entry(1), entry(2), entry(3)])
    after.take([entry(3)])  # the same words again: something that happened twice
    found = [message["event-log-message"] for message in messages(tmp_path, JOB_GROUP, "valves-01")]
    assert found == ["1", "2", "3", "3"]
    assert len(messages(tmp_path, JOB_GROUP, "other")) == 1
    [event] = LogStore(tmp_path).events(JOB_GROUP, "other").events
    assert event.timestamp_ms == 1_772_612_161_000


def test_a_batch_that_comes_again_after_an_error_is_written_once(tmp_path: Path) -> None:
    sink = LogSink(tmp_path, ["job-log"])
    sink.take([entry(1), entry(1, "other")])
    batch = [entry(2), entry(2, "other")]
    with StreamWriter(stream_path(tmp_path, JOB_GROUP, "other")) as writer:
        writer.write(1_772_612_161_500, "{}")  # somebody has the second stream
        with pytest.raises(Busy):
            sink.take(batch)
    sink.take(batch)
    assert len(messages(tmp_path, JOB_GROUP, "valves-01")) == 2
    assert len(messages(tmp_path, JOB_GROUP, "other")) == 3


def test_what_workers_do_is_a_stream_for_each_day(tmp_path: Path) -> None:
    LogSink(tmp_path, ["worker-activity"]).take([activity(1, 4), activity(2, 5), activity(3, 5)])
    folder = "aws/sagemaker/groundtruth/worker-activity/000000000000-eu-west-1"
    streams = [f"{folder}/2026-03-04", f"{folder}/2026-03-05"]
    assert list(LogStore(tmp_path).names(WORKER_GROUP)) == streams
    assert [m["event_timestamp"] for m in messages(tmp_path, WORKER_GROUP, streams[1])] == ["2", "3"]
