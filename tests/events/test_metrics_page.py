"""``/metrics`` of a running server: its form, who may read it, and that it counts what happened."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from labelwright.app import create_app
from labelwright.config import Settings
from labelwright.metrics import Traffic
from labelwright.metrics.collect import collect
from labelwright.testing.jobs import start_job, wait_for_job
from labelwright.testing.server import RunningServer, running_server
from labelwright.testing.webhooks import until

TEAM = "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/night"
LINE = re.compile(
    r'[a-z_]+(\{[A-Za-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[A-Za-z_]+="(?:[^"\\\n]|\\["\\n])*")*\})? \S+'
)


def read(server: RunningServer) -> dict[str, float]:
    page = httpx.get(f"{server.url}/metrics")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert page.text.endswith("\n")
    found: dict[str, float] = {}
    for line in page.text.splitlines():
        if not line.startswith("#"):
            assert LINE.fullmatch(line), line
            name, _, value = line.rpartition(" ")
            assert name not in found, f"twice: {name}"
            found[name] = float(value)
    for name in {name.partition("{")[0] for name in found}:
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        assert f"# TYPE {family} " in page.text or f"# TYPE {name} " in page.text, name
    return found


def test_a_job_is_counted(crew: Any, tmp_path: Path) -> None:
    with running_server(tmp_path / "data", events_file="e.jsonl") as server:
        worker = crew.worker(server, "ana")
        start_job(server, "Count-1", lines=[{"source": str(i)} for i in range(4)], team_arn=TEAM)
        with contextlib.closing(worker):
            task = crew.take(worker, "Count-1")
            assert worker.post(f"/portal/api/tasks/{task}/decline").is_success
            for _ in range(3):
                crew.submit(worker, crew.take(worker, "Count-1"))
        wait_for_job(server, "Count-1", lambda job: job["LabelingJobStatus"] == "Completed")

        def counted() -> dict[str, float]:
            found = read(server)
            total = found.get(f'labelwright_worker_tasks_total{{Workteam="{TEAM}",metric="TasksSubmitted"}}')
            return found if total == 3 and found['labelwright_events_waiting{sink="file"}'] == 0 else {}

        found = until(counted)
        job = 'labelwright_labeling_job_objects{LabelingJobName="Count-1",region="us-east-1",metric='
        assert found[job + '"DatasetObjectsHumanAnnotated"}'] == 3
        assert found[job + '"DatasetObjectsLabelingFailed"}'] == 1
        assert found[job + '"DatasetObjectsAutoAnnotated"}'] == 0
        assert found[job + '"TotalDatasetObjectsLabeled"}'] == 3
        assert found['labelwright_labeling_jobs_ended_total{metric="JobsSucceeded"}'] == 1
        tasks = f'labelwright_worker_tasks_total{{Workteam="{TEAM}",metric='
        assert found[tasks + '"TasksAccepted"}'] == 4
        assert found[tasks + '"TasksDeclined"}'] == 1
        assert found['labelwright_active_workers{metric="ActiveWorkers"}'] == 1
        assert found['labelwright_http_request_seconds_count{door="portal"}'] >= 8
        assert found['labelwright_writer_group_size_bucket{le="+Inf"}'] >= 8
        assert found["labelwright_engine_step_seconds_count"] > 3
        assert found['labelwright_events_delivered_total{sink="file"}'] > 10


def test_a_scrape_never_looks_at_tasks_or_objects(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path / "data"))
    said: list[str] = []

    @sa.event.listens_for(app.context.database.engine, "before_cursor_execute")
    def hear(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    page = collect(app.context, Traffic(), app.delivery)
    app.close()
    assert "labelwright_active_workers" in page
    assert len(said) > 5
    assert [text for text in said if re.search(r"\b(tasks|data_objects|labels|job_events)\b", text)] == []


def test_a_token_is_asked_for_when_one_is_set(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", metrics_token="let-me-see") as server:
        closed = httpx.get(f"{server.url}/metrics")
        assert closed.status_code == 401
        assert closed.headers["www-authenticate"].startswith("Bearer")
        assert "labelwright_" not in closed.text
        page = httpx.get(f"{server.url}/metrics", headers={"Authorization": "Bearer let-me-see"})
        assert "labelwright_info" in page.text


def test_without_a_token_a_proxy_is_refused(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        closed = httpx.get(f"{server.url}/metrics", headers={"X-Forwarded-For": "10.0.0.7"})
        assert closed.status_code == 403
        assert "LABELWRIGHT_METRICS_TOKEN" in closed.text
