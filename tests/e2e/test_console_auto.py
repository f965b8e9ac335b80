"""The job's page during automated labeling: what a team lead sees of it, live, and passing axe."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from labelwright.store import automated, labeling_jobs

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
N = 1250


def _sign_in(page: Page, office) -> None:
    keys = office.server.app.context.credentials
    page.goto(f"{office.server.url}/console")
    page.get_by_label("Access key ID").fill(keys.access_key_id)
    page.get_by_label("Secret access key").fill(keys.secret_access_key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Labeling jobs").wait_for()


def _add_pass(office, job: str, iteration: int, *, n_applied: int = 0, **report) -> None:
    """As if a batch and a training had been; the job itself still waits for its first answers."""

    def write(connection) -> None:
        row = labeling_jobs.named(connection, "us-east-1", job)
        automated.begin_pass(connection, row.id, iteration=iteration, n_labels=40, now=1.0)
        automated.set_pass(
            connection, row.id, iteration, status="done", run_name=f"{job}-{iteration}-0a1b2c3d",
            n_applied=n_applied, report=report,
        )  # fmt: skip
        detail = {"status": "SUBMITTED", "iteration": iteration, "set": "training", "objects": 20 + iteration}
        name = "BATCH_ANNOTATION_STATUS_EVALUATED"
        labeling_jobs.add_event(connection, row.id, at=1.0, name=name, detail=detail)

    office.server.app.context.database.write(write)


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed; run `make install`")
def test_a_lead_sees_what_the_machine_does_and_how_sure_that_is(office, team):
    page = office.page
    job = office.job(
        team,
        lines=[{"source": f"text {i}"} for i in range(N)],
        task_type="TextMultiClass",
        labels=("a", "b"),
        algorithm="text-classification",
    )
    _add_pass(office, job, 3, metrics={"expected_error": 0.21, "expected_coverage": 0.64})
    _sign_in(page, office)
    page.goto(f"{office.server.url}/console/jobs/us-east-1/{job}")
    panel = page.locator("[data-live=auto]")
    panel.get_by_text("People label the objects that the model is least sure of").wait_for()
    facts = panel.locator("dl")
    assert "64%" in facts.inner_text() and "at most 5.0%" in facts.inner_text()
    panel.get_by_role("img", name="last expected 0.210").wait_for()
    panel.get_by_text("All iterations").click()
    table = panel.get_by_role("region", name="Iterations").get_by_role("table")
    assert table.get_by_role("row").count() == 1 + 2  # the probes and the first pass
    page.get_by_role("heading", name="Automated labeling").click()  # what has the focus is not exchanged

    threshold = {
        "value": 0.8,
        "error_estimate": 0.01,
        "error_upper": 0.048,
        "support": 90,
        "confidence": 0.95,
    }
    _add_pass(office, job, 4, n_applied=900, threshold=threshold, metrics={"n_checked": 90})
    panel.get_by_role("img", name="last upper bound 0.048").wait_for()
    assert table.is_visible()  # what was opened stays open
    assert table.get_by_role("row").nth(1).inner_text().split()[-2:] == ["900", f"{job}-4-0a1b2c3d"]
    shown = facts.inner_text()
    for words in ("900", "72% of all objects", "1.0%", "at most 4.8%, 95% sure", "0.80"):
        assert words in shown
    panel.get_by_role("img", name="900 labeled by the machine").wait_for()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(AXE.read_text())
        found = page.evaluate(
            "async () => (await axe.run(document)).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
        )
        assert found == [], scheme
