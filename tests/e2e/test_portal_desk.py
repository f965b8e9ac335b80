"""What the desk keeps from one task to the next, in the real portal."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Frame, expect

from labelwright.templates import builtin

pytestmark = pytest.mark.browser

CANVAS = "document.querySelector('crowd-bounding-box')?.shadowRoot.querySelector('canvas.upper-canvas')"
BOXES = "document.querySelector('crowd-bounding-box').value.boundingBoxes"
MASK = "document.querySelector('crowd-semantic-segmentation')"


def street_picture() -> bytes:
    """A red car on a grey street, as PNG."""
    image = Image.new("RGB", (640, 400), "#cfe3f2")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 280, 640, 400), fill="#888899")
    draw.rounded_rectangle((90, 210, 270, 300), 18, fill="#cc3333")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def start(office, team: str, task_type: str, *, n: int) -> Frame:
    pictures = {f"{team}-{i}.png": street_picture() for i in range(n)}
    office.job(
        team,
        task_type=task_type,
        labels=["car", "person"],
        template=builtin(
            task_type,
            header="Mark each car",
            short_instructions="<p>In short.</p>",
            full_instructions="<p>At length.</p>",
        ),
        files=pictures,
        lines=[{"source-ref": f"s3://test-data/{key}"} for key in pictures],
        label_attribute_name="label-ref" if task_type == "SemanticSegmentation" else "label",
    )
    name, password = office.worker(team)
    office.sign_in(name, password)
    return office.start_working()


def test_the_image_before_focus_and_colours_go_along_to_the_next_task(office, team):
    frame = start(office, team, "BoundingBox", n=3)
    page = office.page
    usable = f"{CANVAS}?.getBoundingClientRect().width > 100"
    frame.wait_for_function(usable)
    page.wait_for_selector("iframe.task-frame.is-waiting", state="attached")
    frame.evaluate("document.querySelector('crowd-bounding-box').focusControl()")

    # The portal's keys are in the list; from outside of the task the same key opens it.
    page.get_by_role("button", name="Skip").focus()
    page.keyboard.press("?")
    listed = frame.locator("dialog[open]")
    expect(listed).to_contain_text("Alt+S")
    expect(listed).to_contain_text("car")
    page.keyboard.press("Escape")
    expect(listed).to_have_count(0)

    for key in ("2", "Enter", "ArrowRight", "Shift+F", "Shift+D"):
        page.keyboard.press(key)
    expect(page.locator(".work-bar")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    drawn = frame.evaluate(BOXES)
    page.keyboard.press("Control+Enter")

    # The next task was loaded before the worker chose all that.
    office.wait("document.querySelector('.done-count').textContent === '1 done'")
    frame = office.task_frame()
    frame.wait_for_function(usable)
    expect(page.locator(".work-bar")).to_be_hidden()
    assert frame.evaluate("document.documentElement.dataset.labelwrightScheme") == "dark"
    frame.evaluate("document.querySelector('crowd-bounding-box').focusControl()")
    page.keyboard.press("c")
    frame.wait_for_function(f"{BOXES}.length === 1")
    assert frame.evaluate(BOXES) == drawn

    # A reload of the portal loses none of it either.
    page.reload()
    frame = office.task_frame()
    frame.wait_for_function(usable)
    frame.evaluate("document.querySelector('crowd-bounding-box').resetControl()")
    frame.evaluate("document.querySelector('crowd-bounding-box').focusControl()")
    page.keyboard.press("c")
    frame.wait_for_function(f"{BOXES}.length === 1")
    page.keyboard.press("Shift+F")
    expect(page.locator(".work-bar")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("User name").wait_for()
    assert (
        page.evaluate("Object.keys(sessionStorage).filter(key => key.startsWith('labelwright.last'))") == []
    )


def test_a_server_without_a_model_leaves_the_outline_to_the_page(office, team):
    frame = start(office, team, "SemanticSegmentation", n=1)
    page = office.page
    frame.wait_for_function(f"{MASK}?.value.inputImageProperties.width > 0")
    frame.evaluate(f"{MASK}.focusControl()")
    page.keyboard.press("1")
    page.keyboard.press("a")
    outer = page.locator("iframe.task-frame:not(.is-waiting)").bounding_box()
    canvas = frame.evaluate(
        f"(() => {{ const r = {MASK}.shadowRoot.querySelector('.upper-canvas').getBoundingClientRect();"
        "return [r.x, r.y, r.width]; })()"
    )
    scale = canvas[2] / 640

    def at(x: float, y: float) -> tuple[float, float]:
        return outer["x"] + canvas[0] + x * scale, outer["y"] + canvas[1] + y * scale

    page.mouse.move(*at(86, 206))
    page.mouse.down()
    page.mouse.move(*at(274, 304), steps=4)
    with page.expect_response("**/auto-segment") as asked:
        page.mouse.up()
    assert asked.value.status == 501
    frame.wait_for_function(f"{MASK}.editor.document.mask.count(1) > 8000")
    question = asked.value.request.post_data_json
    assert question["points"] is None and question["label"] == "car" and "test-data" in question["image"]
    assert [abs(a - b) <= 3 for a, b in zip(question["box"], (86, 206, 188, 98), strict=True)] == [True] * 4
