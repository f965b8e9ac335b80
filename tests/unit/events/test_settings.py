"""Settings of events that cannot be right are refused before anything starts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from labelwright.config import Settings
from labelwright.errors import InvalidRequest
from labelwright.events.delivery import kinds_of, sinks_of
from labelwright.events.shapes import KINDS

GOOD = "0123456789abcdef"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"events_webhook_url": "ftp://host/x", "events_webhook_secret": GOOD}, "http"),
        ({"events_webhook_url": "https://", "events_webhook_secret": GOOD}, "http"),
        ({"events_webhook_url": "http://host:x/", "events_webhook_secret": GOOD}, "http"),
        ({"events_webhook_url": "https://me:you@host/", "events_webhook_secret": GOOD}, "user name"),
        ({"events_webhook_url": "https://host/"}, "openssl rand"),
        ({"events_webhook_url": "https://host/", "events_webhook_secret": "short"}, "16 characters"),
        ({"events_file": "e", "events_file_kept": -1}, "KEPT"),
        ({"events_file": "e", "events_file_max_bytes": 0}, "MAX_BYTES"),
        ({"events_logs": "job-log,jobs"}, "LABELWRIGHT_EVENTS_LOGS to some of job-log, worker-activity"),
    ],
)
def test_bad_settings_name_what_to_do(settings: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        sinks_of(Settings(**settings), time.time)  # type: ignore[arg-type]


def test_a_relative_file_lies_in_the_data_directory(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, events_file="e.jsonl", events_kinds="job-state")
    logs, file = sinks_of(settings, time.time)
    assert (file.name, file.kinds) == (f"file:{tmp_path / 'e.jsonl'}", ("job-state",))
    assert (logs.name, logs.kinds) == ("logs", ("job-log", "worker-activity"))
    assert sinks_of(Settings(data_dir=tmp_path, events_logs="none"), time.time) == []


def test_secrets_are_not_shown() -> None:
    settings = Settings(events_webhook_secret=GOOD, metrics_token="a-token")
    assert GOOD not in repr(settings)
    assert "a-token" not in repr(settings)


def test_kinds() -> None:
    assert kinds_of("") == KINDS
    assert kinds_of(" job-state , task-status") == ("job-state", "task-status")
    with pytest.raises(InvalidRequest, match="no kind of events 'jobs'"):
        kinds_of("job-state,jobs")
