# ruff: noqa: E501 - pieces of HTML read better in one line
"""Every element through axe, in light and dark, at rest and in its open states."""

from __future__ import annotations

import pytest

from .boxes import BoxTool, box_form
from .conftest import ROOT, Desk
from .masks import MaskDesk, mask_form
from .shapes import KINDS, Kind, ShapeTool

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: run `npm ci` in web/"),
]

INSTRUCTIONS = "<short-instructions>Short.</short-instructions><full-instructions>Long.</full-instructions>"
CLASSIFIER = (
    "<crowd-form><crowd-classifier name='a' header='How is it?' categories=\"['Good', 'Bad']\">"
    f"<classification-target>Text</classification-target>{INSTRUCTIONS}</crowd-classifier></crowd-form>"
)
IMAGE_CLASSIFIER = (
    "<crowd-form><crowd-image-classifier name='a' header='Right?' src='/scene.jpg' categories=\"['Good', 'Bad']\""
    " overlay=\"{boundingBox: {labels: ['x'], value: []}}\"><worker-comment>Why?</worker-comment>"
    f"{INSTRUCTIONS}</crowd-image-classifier></crowd-form>"
)
SMALL = """<crowd-form><h1>Small ones</h1>
<crowd-input name="a" label="Title" required></crowd-input><crowd-text-area name="b" label="Notes"></crowd-text-area>
<crowd-checkbox name="c">Scratch</crowd-checkbox><crowd-toggle-button name="d">On</crowd-toggle-button>
<crowd-radio-group aria-label="Size"><crowd-radio-button name="e" value="1">S</crowd-radio-button>
<crowd-radio-button name="e" value="2">M</crowd-radio-button></crowd-radio-group>
<crowd-slider name="f" pin editable></crowd-slider>
<crowd-button>Plain</crowd-button><crowd-button icon="star" variant="icon">Star</crowd-button>
<crowd-fab icon="search" title="Search"></crowd-fab><crowd-icon-button icon="delete" title="Delete"></crowd-icon-button>
<crowd-alert>Info</crowd-alert><crowd-alert type="error" dismissible>Error</crowd-alert>
<crowd-alert type="warning">Warning</crowd-alert><crowd-alert type="success">Success</crowd-alert>
<crowd-tabs><crowd-tab header="One">1</crowd-tab><crowd-tab header="Two">2</crowd-tab></crowd-tabs>
<crowd-card heading="Card"><p>Content</p></crowd-card><crowd-modal link-text="More">Inside</crowd-modal>
<crowd-instructions><short-summary>Sum</short-summary><positive-example>Good</positive-example></crowd-instructions>
</crowd-form>"""


def check(desk: Desk, where: str) -> None:
    page = desk.page
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    # A fragment of a page: its language and title are the template author's.
    rules = (
        "{'html-has-lang': {enabled: false}, 'document-title': {enabled: false}, region: {enabled: false}}"
    )
    for scheme in ("light", "dark"):
        # Without transitions no colour is looked at on its way from light to dark.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.wait_for_timeout(150)
        found = page.evaluate(
            f"async () => (await axe.run(document, {{ rules: {rules} }})).violations"
            ".map(v => [v.id, v.nodes.map(n => n.target.join(' ') + ' ' + n.html.slice(0, 120))])"
        )
        assert found == [], (where, scheme)
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")


def test_bounding_box(desk: Desk) -> None:
    gone = "initial-value=\"[{label: 'Gone', left: 1, top: 1, width: 5, height: 5}]\""
    tool = BoxTool(desk.open(box_form(content=INSTRUCTIONS, attributes=gone)))
    check(desk, "empty, with a label that is not offered")
    tool.page.get_by_role("button", name="Submit", exact=True).click()
    check(desk, "asking whether there is nothing")
    tool.press("Escape", "Shift+F")
    check(desk, "focus mode")
    tool.press("Shift+F")
    tool.drag(100, 200, 300, 350)
    check(desk, "asking for a label")
    tool.press("1")
    check(desk, "a box selected")
    tool.press("?")
    check(desk, "shortcuts")


def test_segmentation(desk: Desk) -> None:
    for kind in ("semantic", "instance"):
        tool = MaskDesk(desk.open(mask_form(kind, src="/scene.jpg", content=INSTRUCTIONS)), kind)
        check(desk, f"{kind} empty")
        tool.press("b")
        tool.drag((100, 200), (300, 350))
        check(desk, "asking for a label")
        tool.press("1")
        tool.drag((100, 200), (300, 350))
        check(desk, "painted")
        tool.press("g")
        tool.page.locator("#adjust").click()
        check(desk, "sliders")
        tool.press("?")
        check(desk, "shortcuts")


def test_failed_mask(desk: Desk) -> None:
    initial = {"labelMappings": {}, "src": "/none.png"}
    desk.open(mask_form(src="/scene.jpg", initial=initial)).locator("#retry-mask").wait_for()
    check(desk, "failed mask")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_shape_tools(desk: Desk, kind: Kind) -> None:
    tool = ShapeTool(desk.open(kind.form(content=INSTRUCTIONS)), kind)
    check(desk, "empty")
    tool.click(*kind.places[0])
    check(desk, "asking for a label")
    tool.press("1")
    for place in kind.places[1:]:
        tool.click(*place)
        check(desk, "drawing")
    tool.press(*kind.finish, "v")
    assert len(tool.shapes) == 1
    check(desk, "selected")
    tool.press("?")
    check(desk, "shortcuts")


def test_failed_image(desk: Desk) -> None:
    desk.open(box_form(src="/none.jpg")).get_by_role("button", name="Try again").wait_for()
    check(desk, "failed")


def test_classifiers(desk: Desk) -> None:
    for content in (CLASSIFIER, IMAGE_CLASSIFIER):
        page = desk.open(content)
        check(desk, "untouched")
        page.keyboard.press("1")
        check(desk, "chosen")
        page.get_by_role("button", name="View full instructions").click()
        check(desk, "instructions")
    page = desk.open(IMAGE_CLASSIFIER)
    page.get_by_role("button", name="Add a comment").click()
    check(desk, "comment")


def test_small_elements(desk: Desk) -> None:
    page = desk.open(SMALL)
    check(desk, "untouched")
    page.evaluate("document.querySelector('crowd-form').submit()")
    check(desk, "invalid")
    page.locator("crowd-input input").fill("x")
    page.evaluate("document.querySelector('crowd-form').submit()")
    check(desk, "answer shown")
    page.get_by_role("button", name="Click for instructions").click()
    check(desk, "instructions")
