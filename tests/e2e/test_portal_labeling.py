"""From a picture in a bucket to a line of the output manifest, through a person's hands."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Frame, expect

from labelwright.templates import builtin
from labelwright.testing.jobs import aws, wait_for_job

pytestmark = pytest.mark.browser

CANVAS = "document.querySelector('crowd-bounding-box').shadowRoot.querySelector('canvas.upper-canvas')"
INSTRUCTIONS = {"short_instructions": "<p>In short.</p>", "full_instructions": "<p>At length.</p>"}


def street_picture(*, width: int = 640, height: int = 400) -> bytes:
    """A street with two cars, as PNG."""
    image = Image.new("RGB", (width, height), "#cfe3f2")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 280, width, height), fill="#888899")
    draw.rounded_rectangle((90, 210, 270, 300), 18, fill="#cc3333")
    draw.rounded_rectangle((390, 190, 590, 300), 18, fill="#3366aa")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def output_lines(server, job: str) -> list[dict]:
    done = wait_for_job(server, job, lambda j: j["LabelingJobStatus"] == "Completed")
    uri = done["LabelingJobOutput"]["OutputDatasetS3Uri"]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = aws(server, "s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return [json.loads(line) for line in body.splitlines()]


def draw(office, frame: Frame, box: tuple[int, int, int, int], *, size: tuple[int, int]) -> None:
    """Drag a box, in pixels of the picture, with the mouse."""
    frame.wait_for_function(f"{CANVAS}.getBoundingClientRect().width > 100")
    outer = office.page.locator("iframe.task-frame:not(.is-waiting)").bounding_box()
    canvas = frame.evaluate(
        f"(() => {{ const r = {CANVAS}.getBoundingClientRect(); return [r.x, r.y, r.width]; }})()"
    )
    scale = canvas[2] / size[0]
    left, top, width, height = box
    x, y = outer["x"] + canvas[0], outer["y"] + canvas[1]
    mouse = office.page.mouse
    mouse.move(x + left * scale, y + top * scale)
    mouse.down()
    mouse.move(x + (left + width / 2) * scale, y + (top + height / 2) * scale, steps=3)
    mouse.move(x + (left + width) * scale, y + (top + height) * scale, steps=3)
    mouse.up()


def test_boxes_by_mouse_and_by_keyboard_reach_the_manifest(office, team):
    pictures = {f"{team}-{i}.png": street_picture() for i in range(3)}
    job = office.job(
        team,
        task_type="BoundingBox",
        labels=["car", "person"],
        template=builtin("BoundingBox", header="Draw a box around each car", **INSTRUCTIONS),
        files=pictures,
        lines=[{"source-ref": f"s3://test-data/{key}"} for key in pictures],
        title="Boxes around cars",
    )
    name, temporary = office.worker(team, password=None)
    office.sign_in(name, temporary)
    page = office.page
    page.get_by_label("New password", exact=True).fill("My-0wn-choice")
    page.get_by_label("Repeat the new password").fill("My-0wn-choice")
    page.keyboard.press("Enter")
    frame = office.start_working()

    # By mouse. A reload in between loses nothing.
    frame.wait_for_function(f"{CANVAS} !== null")
    frame.get_by_text("car", exact=True).first.click()
    draw(office, frame, (90, 210, 180, 90), size=(640, 400))
    office.wait("Object.values(localStorage).some((draft) => draft.includes('\"height\"'))")
    page.reload()
    frame = office.task_frame()
    frame.wait_for_function("document.querySelector('crowd-bounding-box')?.value.boundingBoxes.length === 1")
    page.wait_for_selector("iframe.task-frame.is-waiting", state="attached")
    frame.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("1 done")).to_be_visible()

    # By keyboard alone, beginning where the page has put the focus.
    frame = office.task_frame()
    frame.wait_for_function(f"{CANVAS}.getBoundingClientRect().width > 100")
    stage = "document.querySelector('crowd-bounding-box').shadowRoot.querySelector('.stage')"
    for _ in range(30):
        if frame.evaluate(
            f"document.querySelector('crowd-bounding-box').shadowRoot.activeElement === {stage}"
        ):
            break
        page.keyboard.press("Tab")
    for key in ("2", "Enter", "ArrowRight", "Escape"):
        page.keyboard.press(key)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("2 done")).to_be_visible()

    # One that cannot be labeled.
    office.task_frame()
    page.get_by_role("button", name="Decline", exact=True).click()
    page.get_by_role("button", name="Decline task").click()
    expect(page.get_by_role("heading", name="No more tasks")).to_be_visible()
    page.get_by_role("button", name="Back to the list").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to label")).to_be_visible()

    lines = output_lines(office.server, job)
    assert [line["source-ref"] for line in lines] == [f"s3://test-data/{key}" for key in pictures]
    assert lines[0]["label"]["image_size"] == [{"width": 640, "height": 400, "depth": 3}]
    (box,) = lines[0]["label"]["annotations"]
    assert box["class_id"] == 0
    for name, expected in (("left", 90), ("top", 210), ("width", 180), ("height", 90)):
        assert abs(box[name] - expected) <= 2, box
    (box,) = lines[1]["label"]["annotations"]
    assert box["class_id"] == 1
    assert "label" not in lines[2]
    assert lines[2]["label-metadata"]["failure-reason"]


def test_classes_by_mouse_and_by_keyboard_reach_the_manifest(office, team):
    job = office.job(
        team,
        task_type="TextMultiClass",
        labels=["Praise", "Complaint"],
        template=builtin("TextMultiClass", header="What is the tone?", **INSTRUCTIONS),
        lines=[{"source": "All fine."}, {"source": "All broken."}],
    )
    office.sign_in(*office.worker(team))
    frame = office.start_working()
    page = office.page
    frame.get_by_text("Praise", exact=True).click()
    page.wait_for_selector("iframe.task-frame.is-waiting", state="attached")
    frame.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("1 done")).to_be_visible()
    frame = office.task_frame()
    frame.get_by_text("All broken.").wait_for()
    page.wait_for_selector("iframe.done-frame", state="detached")
    assert page.locator("iframe").count() == 1
    page.keyboard.press("2")  # no click first: the page gives the focus to the next task
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="No more tasks")).to_be_visible()
    names = [line["label-metadata"]["class-name"] for line in output_lines(office.server, job)]
    assert names == ["Praise", "Complaint"]


def test_shortcuts_of_the_bar_work_from_inside_the_task(office, team):
    office.job(team, lines=[{"source": "x"}])
    office.sign_in(*office.worker(team))
    frame = office.start_working()
    frame.locator("crowd-text-area").click()
    office.page.keyboard.press("Alt+X")
    expect(office.page.get_by_role("dialog", name="Decline this task?")).to_be_visible()
