"""The template workbench: every example is alive, and templates can be tried out."""

from __future__ import annotations

from pathlib import Path

import pytest

from labelwright.portal.samples import samples

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"


def _open(office, team):
    page = office.page
    office.sign_in(*office.worker(team))
    page.get_by_role("link", name="Templates").click()
    page.locator(".stage iframe").wait_for()
    return page


def _sample(page, name):
    """The live document of an example, once its elements have drawn themselves."""
    page.locator(f'[data-sample="{name}"]').click()
    return _document(page, name)


def _document(page, name):
    frame = page.frame_locator(f'.stage iframe[title="Task: {name}"]')
    frame.locator("body").wait_for()
    return frame


def test_every_example_is_alive(office, team):
    page = _open(office, team)
    elements = {sample.name for sample in samples().values() if sample.group == "element"}
    for name in samples():
        body = _sample(page, name).locator("body")
        body.evaluate("() => customElements.whenDefined('crowd-form')")
        undefined = body.evaluate(
            "(body) => [...body.querySelectorAll('*')].map((e) => e.localName)"
            ".filter((name) => name.startsWith('crowd-') && !customElements.get(name))"
        )
        assert undefined == [], name
        assert page.locator(".problems .errors").count() == 0, name
        if name in elements:
            has_drawn = "async (e) => (await e.updateComplete, e.shadowRoot.childElementCount > 0)"
            assert body.locator(name).first.evaluate(has_drawn), name
        # An element that cannot read its attributes says so on the page.
        assert body.get_by_text("cannot be read", exact=False).count() == 0, name
    assert page.url.endswith(f"/portal/elements/{name}")


def test_a_submission_shows_the_answer(office, team):
    page = _open(office, team)
    frame = _sample(page, "crowd-checkbox")
    frame.get_by_text("The text is legible").click()
    frame.get_by_role("button", name="Submit").click()
    frame.get_by_text('"is-legible"').wait_for()


def test_a_template_can_be_changed(office, team):
    page = _open(office, team)
    _sample(page, "crowd-input").get_by_label("Number plate").wait_for()
    page.get_by_label("Template").fill("<h1>Hello {{ task.input.who }} {{ task.input.nobody }}</h1>")
    page.get_by_label("Data (task.input, JSON)").fill('{"who": "Ann"}')
    page.keyboard.press("Control+Enter")
    page.get_by_text("task.input.nobody is not in the data").wait_for()
    _document(page, "crowd-input").get_by_role("heading", name="Hello Ann").wait_for()
    page.get_by_label("Template").fill("{% if %}")
    page.get_by_role("button", name="Render").click()
    page.get_by_text("Line 1:").wait_for()
    page.get_by_label("Data (task.input, JSON)").fill("{who}")
    page.get_by_role("button", name="Render").click()
    page.get_by_text("Data is not JSON").wait_for()


def test_an_example_has_an_address_of_its_own(office, team):
    page = _open(office, team)
    page.goto(f"{office.server.url}/portal/elements/crowd-polygon")
    page.get_by_role("heading", name="crowd-polygon").wait_for()
    page.get_by_role("link", name="Tasks").click()
    page.get_by_role("heading", name="Your tasks").wait_for()


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed; run `make install`")
def test_the_page_is_accessible(office, team):
    page = _open(office, team)
    _sample(page, "crowd-input").get_by_label("Number plate").wait_for()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(AXE.read_text())
        found = page.evaluate(
            "async () => (await axe.run(document, { iframes: false })).violations"
            ".map((v) => [v.id, v.nodes.map((n) => n.target.join(' '))])"
        )
        assert found == [], scheme
