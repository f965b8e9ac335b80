# ruff: noqa: E501 - pieces of HTML read better in one line
"""Whatever is wrong with a task: every tool says so in a plain sentence, and keeps the work."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from .boxes import BoxTool, box_form
from .conftest import Desk, Site
from .masks import MaskDesk, mask_form, painted, png
from .portal import heard, open_in_portal, send
from .shapes import KINDS, POLYGON, ShapeTool
from .texts import TextTool, entity_page

pytestmark = pytest.mark.browser

TEXT = "Ada Lovelace lived in London."


def classifier(tag: str, *, categories: str = "['Cat', 'Dog']", src: str = "/scene.jpg") -> str:
    return f'<crowd-form><{tag} name="a" header="Which?" src="{src}" categories="{categories}"><classification-target>x</classification-target></{tag}></crowd-form>'


def page_of(
    tool: str, *, labels: str = "['Car', 'House']", src: str = "/scene.jpg", initial: Any = None
) -> str:
    """A page with one tool; `initial` is what its `initial-value` says."""
    value = "" if initial is None else 'initial-value="' + json.dumps(initial).replace('"', "&quot;") + '"'
    for kind in KINDS:
        if tool == kind.tag:
            return kind.form(labels=labels, src=src, attributes=value)
    if tool == "crowd-bounding-box":
        return box_form(labels=labels, src=src, attributes=value)
    if tool.endswith("segmentation"):
        return mask_form(tool.split("-")[1], src=src, labels=labels, attributes=value)
    if tool == "crowd-entity-annotation":
        return f'<{tool} name="ner" text="{TEXT}" labels="{labels}" {value}></{tool}>'
    return classifier(tool, categories=labels, src=src)


DRAWING = [
    "crowd-bounding-box",
    *(kind.tag for kind in KINDS),
    "crowd-semantic-segmentation",
    "crowd-instance-segmentation",
]
IMAGES = [*DRAWING, "crowd-image-classifier", "crowd-image-classifier-multi-select"]
ALL = [*IMAGES, "crowd-classifier", "crowd-classifier-multi-select", "crowd-entity-annotation"]


def submit_is_off(page: Any) -> bool:
    return bool(page.get_by_role("button", name="Submit", exact=True).is_disabled())


@pytest.mark.parametrize("tool", ALL)
def test_an_attribute_that_cannot_be_read(desk: Desk, tool: str) -> None:
    page = desk.open(page_of(tool, labels="['Car', 'Hou"))
    said = page.locator(f"{tool} .broken").text_content()
    attribute = "categories" if "classifier" in tool else "labels"
    assert (
        f'The attribute "{attribute}" cannot be read' in said
        and "Tell the person who made this task." in said
    )
    assert submit_is_off(page)


@pytest.mark.parametrize("tool", IMAGES)
def test_an_image_that_does_not_come(desk: Desk, site: Site, tool: str, pictures: dict[str, bytes]) -> None:
    page = desk.open(page_of(tool, src="/late.jpg"))
    panel = page.locator(f"{tool} .stage-panel")
    panel.get_by_text("There is no image at this address.").wait_for()
    assert submit_is_off(page)
    # Damaged, then there after all.
    site.put("/late.jpg", b"\xff\xd8 not an image", "image/jpeg")
    panel.get_by_role("button", name="Try again").click()
    panel.get_by_text("not an image that this browser can show").wait_for()
    site.put("/late.jpg", pictures["/scene.jpg"], "image/jpeg")
    panel.get_by_role("button", name="Try again").click()
    panel.wait_for(state="detached")
    assert not submit_is_off(page)


EARLIER: dict[str, tuple[Any, str, str]] = {
    "crowd-bounding-box": (
        [
            {"label": "Car", "left": 5, "top": 5, "width": 50, "height": 40},
            {"label": "Gone", "left": 0, "top": 0, "width": 9, "height": 9},
        ],
        "boundingBoxes",
        "One earlier annotation has a label that this task does not offer (Gone).",
    ),
    **{
        kind.tag: (
            [kind.entry("Car"), kind.entry("Gone")],
            kind.list_key,
            "that this task does not offer (Gone).",
        )
        for kind in KINDS
    },
    "crowd-entity-annotation": (
        [
            {"label": "Car", "startOffset": 0, "endOffset": 3},
            {"label": "Gone", "startOffset": 4, "endOffset": 12},
        ],
        "entities",
        "that this task does not offer (Gone).",
    ),
}


@pytest.mark.parametrize("tool", EARLIER)
def test_a_label_that_is_not_offered(desk: Desk, tool: str) -> None:
    initial, key, sentence = EARLIER[tool]
    page = desk.open(page_of(tool, initial=initial))
    page.locator(f"{tool} .aside-note", has_text=sentence).wait_for()
    entries = page.evaluate(f"document.querySelector('{tool}').value.{key}")
    assert [entry["label"] for entry in entries] == ["Car"]
    # A script that offers it brings the annotation back, and the sentence goes.
    page.evaluate(f"document.querySelector('{tool}').labels = ['Car', 'Gone']")
    page.locator(f"{tool} .aside-note").wait_for(state="detached")
    assert len(page.evaluate(f"document.querySelector('{tool}').value.{key}")) == 2


def test_a_mask_with_a_label_that_is_not_offered(desk: Desk, site: Site) -> None:
    site.put(
        "/mask.png",
        png(painted((1280, 720), ((0, 255, 0), (0, 0, 9, 9)), ((0, 0, 255), (20, 0, 29, 9)))),
        "image/png",
    )
    for kind in ("semantic", "instance"):
        initial: dict[str, Any] = {"src": "/mask.png"}
        if kind == "semantic":
            initial["labelMappings"] = {"Car": {"color": "#00ff00"}, "Gone": {"color": "#0000ff"}}
        else:
            initial["instances"] = [
                {"label": "Car", "color": "#00ff00"},
                {"label": "Gone", "color": "#0000ff"},
            ]
        page = desk.open(page_of(f"crowd-{kind}-segmentation", initial=initial))
        page.locator(".aside-note", has_text="does not offer (Gone)").wait_for()
        assert [
            r["label"]
            for r in page.evaluate(
                f"document.querySelector('crowd-{kind}-segmentation').editor.document.used"
            )
        ] == ["Car"]


def test_boxes_without_extent_and_entries_that_are_none(desk: Desk) -> None:
    initial = [
        {"label": "Car", "left": 50, "top": 60, "width": 0, "height": 30},
        {"label": "Car", "left": 90, "top": 60, "width": 20, "height": 0},
        {"label": "House", "left": 1, "top": 2, "width": 3, "height": 4},
        {"label": "House", "left": "here"},
    ]
    page = desk.open(page_of("crowd-bounding-box", initial=initial))
    page.locator(".aside-note", has_text="2 earlier boxes have no width or no height").wait_for()
    page.locator(".aside-note", has_text="One earlier annotation cannot be read and is left out.").wait_for()
    tool = BoxTool(page)
    assert tool.boxes == [("Car", 50, 60, 1, 30), ("Car", 90, 60, 20, 1), ("House", 1, 2, 3, 4)]
    # Drawn by hand, nothing so small comes about.
    tool.press("1")
    tool.drag(400, 400, 401, 400)
    assert len(tool.boxes) == 3


@pytest.mark.parametrize("tool", [*DRAWING, "crowd-classifier", "crowd-image-classifier"])
def test_an_element_outside_any_form(desk: Desk, tool: str) -> None:
    content = page_of(tool).replace("<crowd-form>", "<div>").replace("</crowd-form>", "</div>")
    page = desk.open(content + "<crowd-form><input name='x' value='1'></crowd-form>")
    page.locator(f"{tool} .aside-note", has_text="stands outside the form").wait_for()
    assert desk.answer() == {"x": "1"}
    page.evaluate(f"document.querySelector('crowd-form').append(document.querySelector('{tool}'))")
    page.evaluate(f"document.querySelector('{tool}').requestUpdate()")
    page.locator(f"{tool} .aside-note").wait_for(state="detached")


def work_on(tool: str, frame: Any) -> str:
    """Does something with the tool by keyboard; gives the expression of what it has then."""
    element = f"document.querySelector('{tool}')"
    frame.wait_for_function(f"{element}.value?.inputImageProperties?.width !== 0")
    frame.evaluate(f"{element}.focusControl()")
    page = frame.page
    if tool.endswith("segmentation"):
        page.keyboard.press("1")
        frame.evaluate(f"{element}.editor.fillBox({{left: 5, top: 5, width: 20, height: 10}}, false)")
        return f"{element}.editor.document.mask.count(1)"
    if tool == "crowd-entity-annotation":
        for key in ("Space", "1"):
            page.keyboard.press(key)
        return f"{element}.value.entities.length"
    if "classifier" in tool:
        page.keyboard.press("1")
        return f"String({element}.value)"
    for key in ("1", "Enter"):
        page.keyboard.press(key)
    return f"Object.values({element}.value).find(Array.isArray).length"


@pytest.mark.parametrize("tool", ALL)
def test_two_submits_a_refusal_and_the_end_of_the_time(desk: Desk, site: Site, tool: str) -> None:
    page = open_in_portal(desk, site, page_of(tool))
    frame = page.frames[1]
    has = work_on(tool, frame)
    done = frame.evaluate(has)
    assert done not in (0, "null", "")
    submit = frame.get_by_role("button", name="Submit", exact=True)
    submit.dblclick()
    page.keyboard.press("Control+Enter")
    page.wait_for_function("heard.some(m => m.type === 'labelwright.submit')")
    page.wait_for_timeout(30)
    assert len(heard(page, "submit")) == 1
    # Refused: a sentence, the work is there, and it can be sent again.
    send(page, {"type": "labelwright.refused", "taskId": "t1", "message": "The store is full."})
    frame.get_by_text("Your work is kept; try again.").wait_for()
    assert frame.evaluate(has) == done
    submit.click()
    page.wait_for_function("heard.filter(m => m.type === 'labelwright.submit').length === 2")
    first, second = heard(page, "submit")
    assert first == second
    # Over: a sentence, nothing can be done any more, nothing is thrown away.
    send(page, {"type": "labelwright.lock", "message": "The time for this task is over."})
    frame.get_by_text("The time for this task is over.").first.wait_for()
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Delete")
    page.keyboard.press("2")
    assert frame.evaluate(has) == done and len(heard(page, "submit")) == 2


def test_a_huge_image_stays_usable(desk: Desk, site: Site) -> None:
    """48 megapixels, in one colour so that the file is small; coordinates are those of the full picture."""
    out = io.BytesIO()
    Image.new("L", (8000, 6000), 120).save(out, "PNG")
    site.put("/huge.png", out.getvalue(), "image/png")
    tool = ShapeTool(desk.open(POLYGON.form(src="/huge.png")), POLYGON)
    tool.press("1")
    tool.draw((1000, 1000), (7900, 1000), (4000, 5900))
    [(label, vertices)] = tool.shapes
    assert label == "Car"
    assert all(
        abs(a - b) < 20
        for at, to in zip(vertices, ((1000, 1000), (7900, 1000), (4000, 5900)), strict=True)
        for a, b in zip(at, to, strict=True)
    )
    mask = MaskDesk(desk.open(mask_form(src="/huge.png")))
    mask.press("1")
    mask.box(100, 100, 7900, 5900)
    assert mask.value["labelMappings"] == {"Road": {"color": "#2ca02c"}}
    mask.press("Control+z")
    assert mask.value["labelMappings"] == {}


def test_a_text_tool_keeps_spans_that_do_not_fit(desk: Desk) -> None:
    initial = [
        {"label": "PER", "startOffset": 4, "endOffset": 12},
        {"label": "PER", "startOffset": 9, "endOffset": 9},
        {"label": "PER"},
    ]
    value = json.dumps(initial).replace('"', "&quot;")
    page = desk.open(entity_page(TEXT, extra=f'initial-value="{value}"'))
    page.locator(".aside-note", has_text="2 earlier annotations cannot be read and are left out.").wait_for()
    assert TextTool(page).marked(TEXT) == [("PER", "Lovelace")]
