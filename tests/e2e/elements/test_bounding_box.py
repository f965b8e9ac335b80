"""crowd-bounding-box by mouse and by keyboard, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .boxes import INSIDE, BoxTool, box_form, near
from .conftest import Desk, Site

pytestmark = pytest.mark.browser


@pytest.fixture
def tool(desk: Desk) -> BoxTool:
    return BoxTool(desk.open(box_form()))


def test_drawing_gives_whole_pixels_of_the_original_image(desk: Desk, tool: BoxTool) -> None:
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    tool.press("2")
    tool.drag(700, 650, 500, 600)
    assert near(tool.boxes[0], ("Car", 100, 200, 200, 150))
    assert near(tool.boxes[1], ("House", 500, 600, 200, 50))
    answer = desk.answer()
    assert list(answer) == ["boundingBox"]
    assert list(answer["boundingBox"]) == ["boundingBoxes", "inputImageProperties"]
    assert answer["boundingBox"]["inputImageProperties"] == {"height": 720, "width": 1280}
    assert list(answer["boundingBox"]["boundingBoxes"][0]) == ["height", "label", "left", "top", "width"]


def test_a_box_drawn_past_the_border_stops_there(tool: BoxTool) -> None:
    tool.press("1")
    tool.drag(1200, 600, 1290, 735)
    label, left, top, width, height = tool.boxes[0]
    assert (label, left + width, top + height) == ("Car", 1280, 720)


def test_a_tiny_drag_creates_nothing(tool: BoxTool) -> None:
    tool.press("1")
    x, y = tool.at(400, 400)
    tool.page.mouse.move(x, y)
    tool.page.mouse.down()
    tool.page.mouse.move(x + 2, y + 2)
    tool.page.mouse.up()
    assert tool.boxes == []


def test_moving_keeps_the_size(tool: BoxTool) -> None:
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    before = tool.boxes[0]
    tool.drag(200, 275, 260, 335)
    after = tool.boxes[0]
    assert after[3:] == before[3:]
    assert near(after, ("Car", 160, 260, 200, 150))
    assert len(tool.boxes) == 1


@pytest.mark.parametrize(
    ("handle", "start", "expected"),
    [
        ("nw", (300, 200), (340, 230, 360, 270)),
        ("n", (500, 200), (300, 230, 400, 270)),
        ("ne", (700, 200), (300, 230, 440, 270)),
        ("e", (700, 350), (300, 200, 440, 300)),
        ("se", (700, 500), (300, 200, 440, 330)),
        ("s", (500, 500), (300, 200, 400, 330)),
        ("sw", (300, 500), (340, 200, 360, 330)),
        ("w", (300, 350), (340, 200, 360, 300)),
    ],
)
def test_each_handle_moves_its_own_edges(
    tool: BoxTool, handle: str, start: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    tool.press("1")
    tool.drag(300, 200, 700, 500)
    tool.drag(*start, start[0] + 40, start[1] + 30)
    assert near(tool.boxes[0], ("Car", *expected)), handle


def test_select_relabel_and_delete(tool: BoxTool) -> None:
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    tool.drag(500, 200, 700, 350)
    tool.click(200, 275)
    tool.press("2")
    assert [box[0] for box in tool.boxes] == ["House", "Car"]
    tool.click(600, 275)
    tool.press("Delete")
    assert [box[0] for box in tool.boxes] == ["House"]


def test_a_label_chosen_right_after_drawing_is_for_the_next_box(tool: BoxTool) -> None:
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    tool.press("2")
    assert [box[0] for box in tool.boxes] == ["Car"]
    tool.drag(500, 200, 700, 350)
    assert [box[0] for box in tool.boxes] == ["Car", "House"]


def test_drawing_without_a_label_asks_for_one(tool: BoxTool) -> None:
    tool.drag(100, 200, 300, 350)
    assert tool.boxes == []
    assert tool.count(".picker .pick") == 2
    tool.press("2")
    assert near(tool.boxes[0], ("House", 100, 200, 200, 150))
    assert tool.count(".picker") == 0


def test_cancelling_the_question_drops_the_box(tool: BoxTool) -> None:
    tool.drag(100, 200, 300, 350)
    tool.press("Escape")
    assert tool.boxes == []
    assert tool.count(".picker") == 0


def test_one_label_is_preselected(desk: Desk) -> None:
    tool = BoxTool(desk.open(box_form(labels="['Only']")))
    tool.drag(100, 200, 300, 350)
    assert near(tool.boxes[0], ("Only", 100, 200, 200, 150))


def test_undo_and_redo_cover_everything(tool: BoxTool) -> None:
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    drawn = tool.boxes
    tool.drag(200, 275, 260, 335)
    moved = tool.boxes
    tool.press("2")
    relabeled = tool.boxes
    assert relabeled[0][0] == "House"
    tool.press("Delete")
    assert tool.boxes == []
    for expected in (relabeled, moved, drawn, []):
        tool.press("Control+z")
        assert tool.boxes == expected
    for expected in (drawn, moved, relabeled, []):
        tool.press("Control+y")
        assert tool.boxes == expected
    tool.button("undo")
    assert tool.boxes == relabeled
    tool.press("Control+Shift+z")
    assert tool.boxes == []


def test_a_held_arrow_is_one_undo_step(tool: BoxTool) -> None:
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    before = tool.boxes
    for _ in range(5):
        tool.page.keyboard.down("ArrowRight")
    tool.page.keyboard.up("ArrowRight")
    assert tool.boxes[0][1] == before[0][1] + 5
    tool.press("Control+z")
    assert tool.boxes == before


def test_stacked_boxes_are_reached_by_clicking_again(tool: BoxTool) -> None:
    tool.press("1")
    tool.drag(100, 100, 600, 600)
    tool.press("Escape", "2")
    tool.page.keyboard.down("Control")
    tool.drag(200, 200, 500, 500)
    tool.page.keyboard.up("Control")
    tool.press("Escape")
    tool.click(350, 350)
    tool.press("Delete")
    assert [box[0] for box in tool.boxes] == ["Car"]
    tool.press("Control+z", "Escape")
    tool.click(350, 350)
    tool.click(350, 350)
    tool.press("Delete")
    assert [box[0] for box in tool.boxes] == ["House"]


def test_zooming_keeps_the_point_under_the_cursor_and_the_value(tool: BoxTool) -> None:
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    before, rect = tool.value, tool.rect
    x, y = tool.at(300, 350)
    tool.page.mouse.move(x, y)
    tool.page.mouse.wheel(0, -400)
    assert tool.rect["width"] > rect["width"] * 1.5
    after = tool.at(300, 350)
    assert abs(after[0] - x) < 1 and abs(after[1] - y) < 1
    assert tool.value == before
    tool.press("f")
    assert tool.rect == rect


@pytest.mark.parametrize("how", ["space", "middle", "tool"])
def test_panning(tool: BoxTool, how: str) -> None:
    tool.press("+", "+", "+")
    before = tool.rect
    tool.page.mouse.move(*tool.at(640, 360))
    if how == "space":
        tool.page.keyboard.down(" ")
    elif how == "tool":
        tool.press("m")
    x, y = tool.at(640, 360)
    tool.page.mouse.move(x, y)
    tool.page.mouse.down(button="middle" if how == "middle" else "left")
    tool.page.mouse.move(x + 60, y + 40, steps=3)
    tool.page.mouse.up(button="middle" if how == "middle" else "left")
    if how == "space":
        tool.page.keyboard.up(" ")
    after = tool.rect
    assert round(after["x"] - before["x"]) == 60
    assert round(after["y"] - before["y"]) == 40
    assert tool.boxes == []


@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("zoom", [0.5, 1, 4])
def test_coordinates_do_not_depend_on_zoom_or_pixel_ratio(
    open_desk: Callable[..., Desk], ratio: int, zoom: float
) -> None:
    tool = BoxTool(open_desk(device_scale_factor=ratio).open(box_form(labels="['Only']")))
    scale = tool.rect["width"] / 1280
    for _ in range(40):
        if abs(scale / zoom - 1) < 0.13:
            break
        tool.page.mouse.move(*tool.at(640, 360))
        tool.page.mouse.wheel(0, -60 if scale < zoom else 60)
        scale = tool.rect["width"] / 1280
    tool.drag(600, 320, 680, 400)
    assert near(tool.boxes[0], ("Only", 600, 320, 80, 80), by=1 if zoom >= 1 else 2)


def test_everything_by_keyboard_alone(desk: Desk, tool: BoxTool) -> None:
    page = tool.page
    page.evaluate(f"{INSIDE}.querySelector('.stage').focus()")
    tool.press("2", "Enter")
    label, left, top, width, height = tool.boxes[0]
    assert label == "House"
    assert abs(left + width / 2 - 640) <= 2 and abs(top + height / 2 - 360) <= 2
    tool.press(
        "ArrowRight", "Shift+ArrowDown", "Control+ArrowRight", "Control+Shift+ArrowUp", "Alt+ArrowDown"
    )
    assert tool.boxes[0] == ("House", left + 1, top + 10, width + 1, height - 10 + 1)
    tool.press("Escape", "1", "Enter")
    assert [box[0] for box in tool.boxes] == ["House", "Car"]
    # Tab goes through the boxes and then on, so that nobody is caught on the image.
    tool.press("Escape", "Tab", "Tab", "Delete")
    assert [box[0] for box in tool.boxes] == ["House"]
    tool.press("Escape", "Tab", "Tab")
    assert page.evaluate(f"{INSIDE}.activeElement?.id") == "bounding-box"
    tool.press("Control+Enter")
    assert desk.shown_answer()["boundingBox"]["boundingBoxes"][0]["label"] == "House"


def test_entering_a_box_without_a_label_asks_by_keyboard(tool: BoxTool) -> None:
    tool.page.evaluate(f"{INSIDE}.querySelector('.stage').focus()")
    tool.press("Enter", "ArrowDown", "Enter")
    assert [box[0] for box in tool.boxes] == ["House"]
    assert tool.page.evaluate(f"{INSIDE}.activeElement.className") == "stage"


def test_hiding_changes_no_answer(tool: BoxTool) -> None:
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    before = tool.value
    tool.press("Escape", "h")
    tool.click(200, 275)
    tool.press("Delete")
    assert tool.value == before


def test_nothing_to_label(desk: Desk, tool: BoxTool) -> None:
    page = tool.page
    assert desk.answer() is None
    assert "Nothing to label" in desk.status()
    page.get_by_label("Nothing to label").check()
    assert desk.answer() == {
        "boundingBox": {"boundingBoxes": [], "inputImageProperties": {"height": 720, "width": 1280}}
    }
    # Drawing takes the tick away; ticking with boxes there asks before it deletes them.
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    assert not page.get_by_label("Nothing to label").is_checked()
    page.get_by_label("Nothing to label").click()
    page.get_by_role("button", name="Keep").click()
    assert len(tool.boxes) == 1
    assert not page.get_by_label("Nothing to label").is_checked()
    page.get_by_label("Nothing to label").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    assert tool.boxes == []
    assert page.get_by_label("Nothing to label").is_checked()


INITIAL = """[
  {label: 'Car', left: 10, top: 20, width: 30, height: 40}, // first
  {label: 'Moon', left: 1, top: 1, width: 5, height: 5},
  {label: 'House', left: 1200, top: 600, width: 500, height: 50.5},
]"""


def test_initial_value_is_drawn_clamped_and_tracked(desk: Desk) -> None:
    tool = BoxTool(desk.open(box_form(attributes=f'initial-value="{INITIAL}"')))
    assert tool.boxes == [("Car", 10, 20, 30, 40), ("House", 1200, 600, 80, 51)]
    assert desk.answer()["boundingBox"]["initialValueModified"] is False
    tool.press("1")
    tool.drag(300, 200, 400, 300)
    assert tool.value["initialValueModified"] is True
    tool.press("Control+z")
    assert tool.value["initialValueModified"] is False
    tool.click(25, 40)
    tool.press("2")
    assert tool.value["initialValueModified"] is True


@pytest.mark.parametrize(
    ("given", "key"),
    [("[]", True), ("{boundingBoxes: []}", True), ("null", False), ("", False)],
)
def test_the_modified_key_is_there_only_with_an_initial_value(desk: Desk, given: str, key: bool) -> None:
    tool = BoxTool(desk.open(box_form(attributes=f'initial-value="{given}"')))
    assert ("initialValueModified" in tool.value) is key


def test_labels_may_be_taken_away_and_given_back(tool: BoxTool) -> None:
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    before = tool.boxes
    tool.page.evaluate("document.querySelector('crowd-bounding-box').labels = []")
    assert tool.boxes == []
    tool.page.evaluate("document.querySelector('crowd-bounding-box').labels = ['New', 'Car']")
    assert tool.boxes == before
    assert tool.count(".label-button") == 2


def test_scripts_read_labels_as_strict_json_and_values_as_copies(tool: BoxTool) -> None:
    page = tool.page
    assert (
        page.evaluate("document.querySelector('crowd-bounding-box').getAttribute('labels')")
        == '["Car","House"]'
    )
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    before = tool.value
    page.evaluate("document.querySelector('crowd-bounding-box').value.boundingBoxes[0].left = -5")
    page.evaluate("document.querySelector('crowd-bounding-box')._submittableValue.boundingBoxes.length = 0")
    assert tool.value == before
    assert page.evaluate("document.createElement('crowd-bounding-box').labels") == []


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_the_cameras_turning_note_is_ignored(desk: Desk, orientation: int) -> None:
    tool = BoxTool(desk.open(box_form(src=f"/turned-{orientation}.jpg", labels="['Only']")))
    assert tool.value["inputImageProperties"] == {"width": 640, "height": 400}
    rect = tool.rect
    assert abs(rect["width"] / rect["height"] - 1.6) < 0.01
    # The grey street lies at the bottom of the pixel grid as stored.
    shown = tool.page.evaluate(
        f"""(() => {{
            const image = {INSIDE}.querySelector('img.stage-image');
            const canvas = document.createElement('canvas');
            canvas.width = 640; canvas.height = 400;
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            return [...context.getImageData(320, 390, 1, 1).data].slice(0, 3);
        }})()"""
    )
    assert all(abs(a - b) < 12 for a, b in zip(shown, (120, 124, 128), strict=True))


def test_a_missing_image_blocks_sending_until_it_loads(
    desk: Desk, site: Site, pictures: dict[str, bytes]
) -> None:
    page = desk.open(box_form(src="/late.jpg"))
    retry = page.get_by_role("button", name="Try again")
    retry.wait_for()
    assert "There is no image at this address" in page.evaluate(
        f"{INSIDE}.querySelector('.stage-panel').textContent"
    )
    assert (
        page.evaluate(
            "document.querySelector('crowd-form').shadowRoot.querySelector('crowd-button').disabled"
        )
        is True
    )
    assert desk.answer() is None
    site.put("/late.jpg", pictures["/scene.jpg"], "image/jpeg")
    retry.click()
    tool = BoxTool(page)
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    assert len(desk.answer()["boundingBox"]["boundingBoxes"]) == 1


def test_an_image_without_cors_headers_still_works_with_a_warning(
    desk: Desk, other_site: Site, pictures: dict[str, bytes]
) -> None:
    url = other_site.put("/plain.jpg", pictures["/scene.jpg"], "image/jpeg", cors=False)
    tool = BoxTool(desk.open(box_form(src=url)))
    assert tool.count(".stage-warning") == 1
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    assert len(tool.boxes) == 1


def test_something_that_is_no_image_says_so(desk: Desk, site: Site) -> None:
    site.put("/text.jpg", b"hello", "image/jpeg")
    page = desk.open(box_form(src="/text.jpg"))
    page.get_by_role("button", name="Try again").wait_for()
    assert "not an image" in page.evaluate(f"{INSIDE}.querySelector('.stage-panel').textContent")


@pytest.mark.parametrize(
    ("attributes", "labels", "said"),
    [
        ("", "['Car' 'House']", '"labels" cannot be read (line 1, column 8)'),
        ("initial-value='[{label: Car}]'", "['Car']", '"initial-value" cannot be read'),
        ("", "{a: 1}", "expected a list"),
    ],
)
def test_an_unreadable_attribute_is_named_and_blocks(
    desk: Desk, attributes: str, labels: str, said: str
) -> None:
    page = desk.open(box_form(attributes=attributes, labels=labels))
    assert said in page.evaluate(f"{INSIDE}.querySelector('.broken').textContent")
    assert desk.answer() is None


def test_a_missing_attribute_is_named(desk: Desk) -> None:
    page = desk.open(
        '<crowd-form><crowd-bounding-box name="a" labels="[]"></crowd-bounding-box></crowd-form>'
    )
    assert '"src" is missing' in page.evaluate(f"{INSIDE}.querySelector('.broken').textContent")


def test_hooks_that_public_scripts_use(desk: Desk) -> None:
    content = (
        "<short-instructions>Be exact.</short-instructions>"
        "<full-instructions header='All about boxes'>Long text</full-instructions>"
    )
    tool = BoxTool(desk.open(box_form(content=content)))
    page = tool.page
    for selector in (
        "canvas.upper-canvas",
        ".awsui-app-layout__navigation",
        ".awsui-modal-dialog",
        ".moreInstructionsLink",
        ".label-pane-content",
        *(
            f"button#{name}"
            for name in ("bounding-box", "move", "zoom-in", "zoom-out", "fit", "undo", "redo", "delete")
        ),
    ):
        assert tool.count(selector) == 1, selector
    assert tool.count(".headerButtonsContainer button") == 2
    image = page.evaluate(
        f"(() => {{ const r = {INSIDE}.querySelector('img').getBoundingClientRect();"
        "return [r.x, r.y, r.width, r.height]; })()"
    )
    assert [round(n) for n in image] == [round(n) for n in tool.rect.values()]
    page.evaluate(f"{INSIDE}.querySelector('.label-button').click()")
    tool.settle()
    assert tool.count(".label-button.selected") == 1
    page.evaluate(f"{INSIDE}.querySelector('.headerButtonsContainer button').click()")
    tool.settle()
    assert page.evaluate(f"{INSIDE}.querySelector('.awsui-app-layout__navigation').hidden") is True
    page.evaluate(f"{INSIDE}.querySelectorAll('.headerButtonsContainer button')[1].click()")
    assert page.get_by_role("dialog").get_by_text("Keyboard shortcuts").is_visible()
    page.keyboard.press("Escape")
    page.evaluate(f"{INSIDE}.querySelector('.headerButtonsContainer button').click()")
    page.get_by_role("button", name="View full instructions").click()
    assert page.get_by_text("All about boxes").is_visible()
    assert page.get_by_text("Long text").is_visible()


def test_many_labels_get_a_filter_and_keep_their_keys(desk: Desk) -> None:
    labels = json.dumps([f"label {i}" for i in range(60)]).replace('"', "'")
    tool = BoxTool(desk.open(box_form(labels=labels)))
    box = tool.page.get_by_placeholder("Filter…")
    box.fill("label 5")
    assert tool.count(".label-button") == 11
    box.press("Enter")
    tool.drag(100, 200, 300, 350)
    assert tool.boxes[0][0] == "label 5"


def test_the_box_list_selects_hides_and_deletes(tool: BoxTool) -> None:
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    tool.press("Escape", "2")
    tool.drag(500, 200, 700, 350)
    assert tool.count(".shape-row") == 2
    row = tool.page.locator(".shape-row").first
    row.click()
    assert tool.count(".shape-row[aria-current]") == 1
    row.get_by_role("button", name="Delete box").click()
    assert [box[0] for box in tool.boxes] == ["House"]
    tool.page.locator(".shape-row").first.dblclick()
    tool.press("1")
    assert [box[0] for box in tool.boxes] == ["Car"]


def test_change_events_follow_edits(tool: BoxTool) -> None:
    tool.page.evaluate(
        "window.seen = []; document.querySelector('crowd-bounding-box')"
        ".addEventListener('change', e => seen.push(e.target.value.boundingBoxes.length))"
    )
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    tool.press("Delete", "Control+z")
    assert tool.page.evaluate("seen") == [1, 0, 1]


def test_pinching_zooms(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(has_touch=True)
    tool = BoxTool(desk.open(box_form(labels="['Only']")))
    before = tool.rect
    x, y = tool.at(640, 360)
    client = tool.page.context.new_cdp_session(tool.page)

    def touch(kind: str, points: list[tuple[float, float]]) -> None:
        at: list[dict[str, Any]] = [{"x": px, "y": py, "id": i} for i, (px, py) in enumerate(points)]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    touch("touchStart", [(x - 40, y)])
    touch("touchStart", [(x - 40, y), (x + 40, y)])
    touch("touchMove", [(x - 80, y), (x + 80, y)])
    touch("touchEnd", [])
    after = tool.rect
    assert 1.8 < after["width"] / before["width"] < 2.2
    assert tool.boxes == []


def test_drafts_bring_boxes_back(desk: Desk, tool: BoxTool) -> None:
    tool.press("1")
    tool.drag(100, 200, 300, 350)
    boxes = tool.boxes
    draft = tool.page.evaluate("document.querySelector('crowd-form').getDraft()")
    again = BoxTool(desk.open(box_form()))
    again.page.evaluate("draft => document.querySelector('crowd-form').restoreDraft(draft)", draft)
    assert again.boxes == boxes


def test_keys_belong_to_the_image_after_a_click_on_a_tool(tool: BoxTool) -> None:
    tool.page.locator(".label-button").first.click()
    tool.page.locator("#zoom-in").click()
    tool.press("Enter", "ArrowRight")
    assert [box[0] for box in tool.boxes] == ["Car"]


def test_a_frame_that_is_shown_later_is_fitted_then(desk: Desk, site: Site) -> None:
    site.page("/inner", box_form())
    page = desk.page
    page.goto(site.put("/outer", b"<iframe src='/inner' style='display:none'></iframe>", "text/html"))
    inner = page.frames[1]
    inner.wait_for_function(
        "document.querySelector('crowd-bounding-box')?.value.inputImageProperties.width > 0"
    )
    page.evaluate(
        "Object.assign(document.querySelector('iframe').style,"
        "{display: 'block', width: '1200px', height: '700px'})"
    )
    inner.wait_for_function(f"{INSIDE}.querySelector('.upper-canvas').getBoundingClientRect().width > 600")
