"""Every page of the portal through axe, in light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
PLAIN = """<body lang="en"><main><h1>Task</h1><label>Note <input name="note"></label></main>
<script>
  const context = JSON.parse(document.getElementById("labelwright-task").textContent);
  parent.postMessage({ taskId: context.taskId, nonce: context.nonce, type: "labelwright.ready" }, "*");
</script></body>"""


def _check(page: Page, where: str) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(AXE.read_text())
        found = page.evaluate(
            "async () => (await axe.run(document, { iframes: false })).violations"
            ".map((v) => [v.id, v.nodes.map((n) => n.target.join(' '))])"
        )
        assert found == [], (where, scheme)


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed; run `make install`")
def test_pages_are_accessible(office, team):
    page = office.page
    name, temporary = office.worker(team, password=None)
    page.goto(f"{office.server.url}/portal")
    page.get_by_label("User name").wait_for()
    _check(page, "sign-in")
    office.sign_in(name, temporary)
    page.get_by_role("heading", name="Choose your password").wait_for()
    _check(page, "new password")
    page.get_by_label("New password", exact=True).fill("My-0wn-choice")
    page.get_by_label("Repeat the new password").fill("My-0wn-choice")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Nothing to label right now").wait_for()
    _check(page, "no jobs")
    office.job(team, lines=[{"source": "x"}], template=PLAIN)
    page.reload()
    page.get_by_role("button", name="Start working").wait_for()
    _check(page, "jobs")
    office.start_working()
    _check(page, "work")
    page.get_by_role("button", name="Decline").click()
    _check(page, "confirm")
    page.get_by_role("button", name="Decline task").click()
    page.get_by_role("heading", name="No tasks here right now").wait_for()
    _check(page, "nothing left")


def test_everything_can_be_reached_with_the_keyboard(office, team):
    office.job(team, lines=[{"source": "x"}], template=PLAIN)
    name, password = office.worker(team)
    page = office.page
    page.goto(f"{office.server.url}/portal")
    page.get_by_label("User name").wait_for()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    start = page.get_by_role("button", name="Start working")
    start.wait_for()
    for _ in range(10):
        if start.evaluate("(b) => b === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    office.task_frame()
    office.wait("document.activeElement?.tagName === 'IFRAME'")
    decline = page.get_by_role("button", name="Decline", exact=True)
    for _ in range(10):
        if decline.evaluate("(b) => b === document.activeElement"):
            break
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    office.wait("document.querySelector('dialog') === null")
    assert decline.evaluate("(b) => b === document.activeElement")
