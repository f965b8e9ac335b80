"""A running job's page in the console: it keeps itself up to date, and passes axe."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from labelwright.core.labeling_job import Status
from labelwright.store import labeling_jobs

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"


def _sign_in(page: Page, office) -> None:
    keys = office.server.app.context.credentials
    page.goto(f"{office.server.url}/console")
    page.get_by_label("Access key ID").fill(keys.access_key_id)
    page.get_by_label("Secret access key").fill(keys.secret_access_key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Labeling jobs").wait_for()


def _answer(office, job: str, name: str, password: str) -> None:
    with httpx.Client(base_url=office.server.url, timeout=20) as client:
        client.post("/portal/api/session", json={"username": name, "password": password})
        task = client.post(f"/portal/api/jobs/{job}/tasks", json={}).json()["task"]["id"]
        sent = client.post(f"/portal/api/tasks/{task}/submission", json={"answer": {"note": "x"}})
        assert sent.is_success, sent.text


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed; run `make install`")
def test_a_running_jobs_page_follows_the_work(office, team):
    page = office.page
    name, password = office.worker(team)
    job = office.job(team, lines=[{"source": "one"}, {"source": "two"}, {"source": "three"}])
    _sign_in(page, office)
    page.goto(f"{office.server.url}/console/jobs/us-east-1/{job}")
    page.evaluate("window.wasHere = true")
    left = page.locator(".tile", has_text="left").locator("b")
    assert left.inner_text() == "3"
    _answer(office, job, name, password)
    page.get_by_role("img", name="Labels over time: 1 by people").wait_for()
    assert left.inner_text() == "2"
    assert page.locator(".ledger").get_by_text("Answers").is_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(AXE.read_text())
        found = page.evaluate(
            "async () => (await axe.run(document)).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
        )
        assert found == [], scheme
    for _ in range(2):
        _answer(office, job, name, password)
    page.get_by_text("Complete", exact=True).wait_for()
    assert page.evaluate("window.wasHere") is True
    row = office.server.app.context.database.read(lambda c: labeling_jobs.named(c, "us-east-1", job))
    assert row.status == Status.COMPLETED
