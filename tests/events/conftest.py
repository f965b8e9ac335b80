"""Fixtures of the tests of events."""

from __future__ import annotations

import time
from types import SimpleNamespace

import httpx
import pytest

from labelwright.store import workteams
from labelwright.testing.server import RunningServer
from labelwright.testing.webhooks import until


@pytest.fixture
def quick_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat soon what failed."""
    monkeypatch.setattr("labelwright.events.delivery._BACK_OFF_S", (0.02, 0.05))
    monkeypatch.setattr("labelwright.events.delivery._POLL_S", 0.05)


@pytest.fixture
def crew() -> SimpleNamespace:
    """What workers of the team ``night`` do through the worker API."""
    return SimpleNamespace(worker=_worker, take=_take, submit=_submit)


def _worker(server: RunningServer, name: str) -> httpx.Client:
    server.app.context.database.write(
        lambda c: workteams.add_worker(
            c,
            region="us-east-1",
            team_name="night",
            username=name,
            email="",
            password="Grass-9-house!",
            now=time.time(),
        )
    )
    worker = httpx.Client(base_url=server.url, timeout=20)
    signed = worker.post("/portal/api/session", json={"username": name, "password": "Grass-9-house!"})
    assert signed.status_code == 200, signed.text
    return worker


def _take(worker: httpx.Client, job: str) -> str:
    def ask() -> str:
        taken = worker.post(f"/portal/api/jobs/{job}/tasks", json={})
        return str(taken.json()["task"]["id"]) if taken.status_code == 200 else ""

    return str(until(ask))


def _submit(worker: httpx.Client, task: str) -> None:
    body = {"answer": {"note": "seen"}, "timeSpentInSeconds": 0.001}
    sent = worker.post(f"/portal/api/tasks/{task}/submission", json=body)
    assert sent.status_code == 200, sent.text
