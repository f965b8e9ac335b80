"""crowd-semantic-segmentation in a real browser; every picture is compared pixel by pixel."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from .conftest import Desk, Site
from .masks import (
    BLUE,
    GREEN,
    ORANGE,
    WHITE,
    MaskDesk,
    differing,
    mask_form,
    painted,
    picture_of,
    pixels_of,
    png,
)

pytestmark = pytest.mark.browser

SIZE = (120, 80)


@pytest.fixture(autouse=True)
def _pictures(site: Site) -> None:
    """A small image: grey, with a dark block from 60, 20 to 90, 50 and a nearly equal one beside it."""
    image = Image.new("RGB", SIZE, (200, 200, 200))
    image.paste((60, 60, 60), (60, 20, 90, 50))
    image.paste((75, 75, 75), (90, 20, 100, 50))
    site.put("/small.png", png(image), "image/png")


@pytest.fixture
def tool(desk: Desk) -> MaskDesk:
    return MaskDesk(desk.open(mask_form()))


def test_the_answer_is_an_exact_picture(desk: Desk, tool: MaskDesk) -> None:
    tool.press("2")
    tool.box(10, 10, 40, 30)
    answer = desk.answer()
    assert list(answer) == ["mask"]
    assert list(answer["mask"]) == ["inputImageProperties", "labelMappings", "labeledImage"]
    assert answer["mask"]["inputImageProperties"] == {"height": 80, "width": 120}
    assert answer["mask"]["labelMappings"] == {"Tree": {"color": "#1f77b4"}}
    assert picture_of(answer["mask"]).mode == "P"
    assert differing(pixels_of(answer["mask"]), painted(SIZE, (BLUE, (10, 10, 40, 30)))) == 0


def test_a_brush_paints_the_same_disc_everywhere(tool: MaskDesk) -> None:
    tool.press("1")
    tool.brush(9)
    tool.click(30.4, 40.6)
    expected = Image.new("RGB", SIZE, WHITE)
    for y in range(80):
        for x in range(120):
            if (x - 30) ** 2 + (y - 40) ** 2 <= 4.5**2:
                expected.putpixel((x, y), GREEN)
    assert differing(tool.pixels, expected) == 0


def test_single_pixels_when_zoomed_in(tool: MaskDesk) -> None:
    for _ in range(8):
        tool.press("+")
    tool.press("1")
    tool.brush(1)
    for x, y in ((60, 40), (62, 41), (58, 39)):
        tool.click(x + 0.5, y + 0.5)
    expected = painted(SIZE, *((GREEN, (x, y, x + 1, y + 1)) for x, y in ((60, 40), (62, 41), (58, 39))))
    assert differing(tool.pixels, expected) == 0


def test_newer_paint_replaces_older_and_the_eraser_leaves_white(tool: MaskDesk) -> None:
    tool.press("1")
    tool.box(10, 10, 50, 50)
    tool.press("2")
    tool.box(30, 30, 70, 70)
    tool.press("e")
    tool.page.evaluate(f"{tool.element}.editor.brushSize = 2")
    tool.click(20, 20)
    expected = painted(SIZE, (GREEN, (10, 10, 50, 50)), (BLUE, (30, 30, 70, 70)), (WHITE, (19, 19, 21, 21)))
    assert differing(tool.pixels, expected) == 0


def test_other_labels_can_be_kept(tool: MaskDesk) -> None:
    tool.press("1")
    tool.box(10, 10, 50, 50)
    tool.page.get_by_label("Keep other labels").check()
    tool.press("2")
    tool.box(30, 30, 70, 70)
    expected = painted(SIZE, (BLUE, (30, 30, 70, 70)), (GREEN, (10, 10, 50, 50)))
    assert differing(tool.pixels, expected) == 0


def test_hidden_labels_are_kept_and_still_sent(tool: MaskDesk) -> None:
    tool.press("1")
    tool.box(10, 10, 50, 50)
    tool.page.get_by_role("button", name="Hide all Road").click()
    tool.press("2")
    tool.box(0, 0, 120, 80)
    assert differing(tool.pixels, painted(SIZE, (BLUE, (0, 0, 120, 80)), (GREEN, (10, 10, 50, 50)))) == 0


@pytest.mark.parametrize("finish", ["Enter", "start", "double"])
def test_polygons(tool: MaskDesk, finish: str) -> None:
    tool.press("1", "p")
    corners = [(10, 10), (50, 10), (50, 40), (10, 40)]
    for corner in corners:
        tool.click(*corner)
    if finish == "Enter":
        tool.press("Enter")
    elif finish == "start":
        tool.click(10, 10)
    else:
        tool.click(10, 40)
    assert differing(tool.pixels, painted(SIZE, (GREEN, (10, 10, 50, 40)))) == 0


def test_corners_can_be_taken_back_and_set_again(tool: MaskDesk) -> None:
    tool.press("1", "p")
    for corner in ((10, 10), (50, 10), (50, 40), (100, 70)):
        tool.click(*corner)
    tool.press("Control+z", "Control+z", "Control+y", "Backspace", "Control+y")
    tool.press("Backspace")
    tool.click(50, 40)
    tool.click(10, 40)
    tool.press("Enter")
    assert differing(tool.pixels, painted(SIZE, (GREEN, (10, 10, 50, 40)))) == 0
    tool.click(60, 60)
    tool.press("Escape", "Enter", "Control+z")
    assert tool.value["labelMappings"] == {}


def test_a_freehand_outline_is_filled_and_alt_erases(tool: MaskDesk) -> None:
    tool.press("1", "l")
    tool.drag((10, 10), (60, 10), (60, 50), (10, 50), (10, 10))
    inner = tool.pixels.crop((12, 12, 58, 48))
    assert inner.getcolors() == [(46 * 36, GREEN)]
    tool.press("b")
    tool.page.keyboard.down("Alt")
    tool.drag((20, 20), (30, 30))
    tool.page.keyboard.up("Alt")
    assert tool.pixels.crop((20, 20, 30, 30)).getcolors() == [(100, WHITE)]


def test_fill_by_colour(tool: MaskDesk) -> None:
    tool.press("1", "g")
    tool.page.get_by_label("Tolerance").fill("5")
    tool.click(70, 30)
    assert differing(tool.pixels, painted(SIZE, (GREEN, (60, 20, 90, 50)))) == 0
    tool.press("Control+z")
    tool.page.get_by_label("Tolerance").fill("20")
    tool.click(70, 30)
    assert differing(tool.pixels, painted(SIZE, (GREEN, (60, 20, 100, 50)))) == 0


def test_fill_what_an_outline_encloses(tool: MaskDesk) -> None:
    tool.press("1")
    tool.box(10, 10, 50, 50)
    tool.page.keyboard.down("Alt")
    tool.drag((15, 15), (45, 45))
    tool.page.keyboard.up("Alt")
    tool.press("g", "2")
    tool.page.get_by_label("Fill", exact=True).select_option("region")
    tool.click(30, 30)
    assert differing(tool.pixels, painted(SIZE, (GREEN, (10, 10, 50, 50)), (BLUE, (15, 15, 45, 45)))) == 0


def test_alt_takes_the_label_under_the_pointer(tool: MaskDesk) -> None:
    tool.press("2")
    tool.box(10, 10, 50, 50)
    tool.press("1", "r")
    tool.page.keyboard.down("Alt")
    tool.click(30, 30)
    tool.page.keyboard.up("Alt")
    assert "Tree" in tool.text(".label-button.selected")


def test_a_straight_line_with_shift(tool: MaskDesk) -> None:
    tool.press("1")
    tool.brush(4)
    tool.click(20, 20)
    tool.page.keyboard.down("Shift")
    tool.click(100, 20)
    tool.page.keyboard.up("Shift")
    assert tool.pixels.crop((20, 18, 100, 22)).getcolors() == [(320, GREEN)]


def test_undo_and_redo_give_back_every_pixel(tool: MaskDesk) -> None:
    states = [tool.pixels]
    tool.press("1")
    tool.brush(12)
    tool.drag((10, 10), (100, 60), (20, 70))
    states.append(tool.pixels)
    tool.press("2")
    tool.box(5, 5, 90, 70)
    states.append(tool.pixels)
    tool.page.locator("#delete").click()
    tool.settle()
    states.append(tool.pixels)
    for state in reversed(states[:-1]):
        tool.press("Control+z")
        assert differing(tool.pixels, state) == 0
    for state in states[1:]:
        tool.press("Control+Shift+z")
        assert differing(tool.pixels, state) == 0


def test_escape_drops_a_stroke(tool: MaskDesk) -> None:
    tool.press("1")
    x, y = tool.at(30, 30)
    tool.page.mouse.move(x, y)
    tool.page.mouse.down()
    tool.page.mouse.move(x + 50, y + 20)
    tool.press("Escape")
    tool.page.mouse.up()
    assert tool.value["labelMappings"] == {}
    assert tool.page.evaluate(f"{tool.inside}.querySelector('#undo').disabled")


def test_painting_without_a_label_asks_for_one(tool: MaskDesk) -> None:
    tool.press("b")
    tool.drag((10, 10), (50, 50))
    assert tool.count(".picker .pick") == 2
    tool.press("2")
    tool.drag((10, 10), (50, 50))
    assert differing(tool.pixels, painted(SIZE, (BLUE, (10, 10, 50, 50)))) == 0


def test_brush_sizes(tool: MaskDesk) -> None:
    def size() -> int:
        return int(tool.page.evaluate(f"{tool.element}.editor.brushSize"))

    tool.press("r")
    before = size()
    tool.press("]", "]", "]")
    assert size() > before
    for _ in range(40):
        tool.page.keyboard.press("[")
    assert size() == 1
    tool.press("]")
    assert size() == 2


def test_nothing_to_label(desk: Desk, tool: MaskDesk) -> None:
    assert desk.answer() is None
    assert "Nothing to label" in tool.page.get_by_role("alert").first.inner_text()
    tool.page.get_by_label("Nothing to label").check()
    answer = desk.answer()["mask"]
    assert answer["labelMappings"] == {}
    assert differing(pixels_of(answer), painted(SIZE)) == 0


def test_nothing_to_label_asks_before_deleting(tool: MaskDesk) -> None:
    tool.press("1")
    tool.box(10, 10, 50, 50)
    box = tool.page.get_by_label("Nothing to label")
    box.click()
    tool.page.get_by_role("button", name="Keep").click()
    assert not box.is_checked() and tool.value["labelMappings"]
    box.click()
    tool.page.get_by_role("button", name="Delete", exact=True).click()
    assert box.is_checked() and not tool.value["labelMappings"]
    tool.box(10, 10, 20, 20)
    assert not box.is_checked()


EARLIER = painted(
    SIZE, (ORANGE, (0, 0, 30, 30)), ((1, 2, 3), (40, 40, 60, 60)), ((1, 2, 4), (60, 60, 80, 80))
)


def test_an_earlier_mask_keeps_its_colours(desk: Desk, site: Site) -> None:
    site.put("/earlier.png", png(EARLIER), "image/png")
    mappings = {"Tree": {"color": "#ff7f0e"}, "Road": {"color": "#010203"}}
    tool = MaskDesk(desk.open(mask_form(initial={"labelMappings": mappings, "src": "/earlier.png"})))
    kept = painted(SIZE, (ORANGE, (0, 0, 30, 30)), ((1, 2, 3), (40, 40, 60, 60)))
    assert differing(tool.pixels, kept) == 0
    answer = desk.answer()["mask"]
    assert list(answer) == ["initialValueModified", "inputImageProperties", "labelMappings", "labeledImage"]
    assert answer["initialValueModified"] is False
    assert answer["labelMappings"] == mappings
    tool.press("2")
    tool.box(100, 0, 110, 10)
    assert tool.value["initialValueModified"] is True
    tool.press("Control+z")
    assert tool.value["initialValueModified"] is False


def test_an_answer_can_be_fed_back(desk: Desk, tool: MaskDesk) -> None:
    tool.press("1")
    tool.brush(7)
    tool.drag((10, 10), (90, 60))
    answer = tool.value
    again = MaskDesk(desk.open(mask_form(initial=answer)))
    assert again.value == {"initialValueModified": False, **answer}


def test_labels_of_an_earlier_mask_that_are_not_offered_stay_away(desk: Desk, site: Site) -> None:
    site.put("/earlier.png", png(EARLIER), "image/png")
    mappings = {"Sky": {"color": "#ff7f0e"}, "Road": {"color": "#010203"}}
    tool = MaskDesk(desk.open(mask_form(initial={"labelMappings": mappings, "src": "/earlier.png"})))
    assert differing(tool.pixels, painted(SIZE, ((1, 2, 3), (40, 40, 60, 60)))) == 0
    assert list(tool.value["labelMappings"]) == ["Road"]
    assert tool.value["initialValueModified"] is False


@pytest.mark.parametrize("mode", ["P", "RGBA", "L", "LA"])
def test_earlier_masks_in_other_kinds_of_png(desk: Desk, site: Site, mode: str) -> None:
    image = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    image.paste((7, 7, 7, 255), (10, 10, 40, 40))
    if mode == "LA":
        image = image.convert("LA")
    elif mode != "RGBA":
        flat = Image.new("RGB", SIZE, WHITE)
        flat.paste(image, mask=image)
        image = flat.convert(mode, palette=Image.Palette.ADAPTIVE) if mode == "P" else flat.convert(mode)
    site.put("/earlier.png", png(image), "image/png")
    initial = {"labelMappings": {"Road": {"color": "#070707"}}, "src": "/earlier.png"}
    tool = MaskDesk(desk.open(mask_form(initial=initial)))
    assert differing(tool.pixels, painted(SIZE, ((7, 7, 7), (10, 10, 40, 40)))) == 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (png(painted((60, 40))), "60 x 40 pixels, and the image is 120 x 80"),
        (b"no picture", "not a PNG"),
        (None, "no image at this address"),
    ],
)
def test_an_earlier_mask_that_does_not_fit_is_refused(
    desk: Desk, site: Site, body: bytes | None, reason: str
) -> None:
    if body is not None:
        site.put("/earlier.png", body, "image/png")
    initial = {"labelMappings": {"Road": {"color": "#ff7f0e"}}, "src": "/earlier.png"}
    page = desk.open(mask_form(initial=initial))
    page.get_by_text("The earlier mask could not be loaded").wait_for()
    assert reason in page.get_by_role("alert").first.inner_text()
    assert page.get_by_role("button", name="Submit").is_disabled()
    site.put("/earlier.png", png(EARLIER), "image/png")
    page.locator("#retry-mask").click()
    tool = MaskDesk(page)
    assert list(tool.value["labelMappings"]) == ["Road"]
    assert page.get_by_role("button", name="Submit").is_enabled()


def test_an_initial_value_that_cannot_be_read_is_named(desk: Desk) -> None:
    page = desk.open(mask_form(attributes='initial-value="[1]"'))
    page.get_by_text('The attribute "initial-value" cannot be read').wait_for()
    assert page.get_by_role("button", name="Submit").is_disabled()


def test_an_image_that_may_not_be_read_stops_the_work(desk: Desk, other_site: Site) -> None:
    src = other_site.put("/closed.png", png(Image.new("RGB", SIZE)), "image/png", cors=False)
    page = desk.open(mask_form(src=src))
    page.get_by_text("cannot be segmented exactly").first.wait_for()
    assert page.get_by_role("button", name="Submit").is_disabled()


def test_colours_by_the_author(desk: Desk) -> None:
    attributes = "label-colors=\"['rebeccapurple', '#ffffff', '#663399']\""
    tool = MaskDesk(desk.open(mask_form(labels="['a', 'b', 'c']", attributes=attributes)))
    for key, left in (("1", 0), ("2", 20), ("3", 40)):
        tool.press(key)
        tool.box(left, 0, left + 10, 10)
    colors = {label: entry["color"] for label, entry in tool.value["labelMappings"].items()}
    assert colors == {"a": "#663399", "b": "#1f77b4", "c": "#ff7f0e"}


def test_labels_taken_away_and_given_back(tool: MaskDesk) -> None:
    tool.press("2")
    tool.box(10, 10, 40, 40)
    before = tool.value
    tool.page.evaluate(f"{tool.element}.labels = []")
    assert tool.value["labelMappings"] == {}
    assert differing(tool.pixels, painted(SIZE)) == 0
    tool.page.evaluate(f"{tool.element}.labels = \"['Road', 'Tree']\"")
    assert tool.value == before


def test_turned_pictures_keep_their_stored_size(desk: Desk) -> None:
    tool = MaskDesk(desk.open(mask_form(src="/turned-6.jpg")))
    tool.press("1")
    tool.box(0, 0, 640, 400)
    assert tool.value["inputImageProperties"] == {"height": 400, "width": 640}
    assert tool.pixels.getcolors() == [(640 * 400, GREEN)]


def test_pixels_are_the_same_on_a_dense_screen(open_desk: Callable[..., Desk]) -> None:
    tool = MaskDesk(open_desk(device_scale_factor=2).open(mask_form()))
    tool.press("1")
    tool.brush(9)
    tool.click(30.4, 40.6)
    tool.press("+", "+", "+")
    tool.click(60.4, 40.6)
    one = tool.pixels.crop((20, 30, 41, 51))
    assert differing(one, tool.pixels.crop((50, 30, 71, 51))) == 0


def test_what_is_shown_lies_over_its_pixels(tool: MaskDesk) -> None:
    tool.press("1")
    tool.box(10, 10, 40, 40)
    alpha = (
        f"(() => {{ const c = {tool.inside}.querySelector('.mask-canvas');"
        "const s = c.getBoundingClientRect();"
        "return ([x, y]) => c.getContext('2d').getImageData(x - s.x, y - s.y, 1, 1).data[3]; })()"
    )

    def shown(x: float, y: float) -> bool:
        return bool(tool.page.evaluate(f"p => {alpha}(p)", list(tool.at(x, y))))

    for _ in range(2):
        assert shown(11, 11) and shown(39, 39)
        assert not shown(8, 11) and not shown(42, 39)
        tool.press("+")
    tool.press("h")
    assert not shown(20, 20)


def test_drafts_bring_the_mask_back(desk: Desk, tool: MaskDesk) -> None:
    tool.press("1")
    tool.brush(7)
    tool.drag((10, 10), (90, 60))
    value = tool.value
    draft = tool.page.evaluate("document.querySelector('crowd-form').getDraft()")
    assert len(json.dumps(draft)) < 4000
    again = MaskDesk(desk.open(mask_form()))
    again.page.evaluate("draft => document.querySelector('crowd-form').restoreDraft(draft)", draft)
    again.page.wait_for_function(f"Object.keys({again.element}.value.labelMappings).length > 0")
    assert again.value == value


def test_change_events_follow_edits(tool: MaskDesk) -> None:
    tool.page.evaluate(
        f"window.seen = []; {tool.element}.addEventListener('change',"
        " e => seen.push(Object.keys(e.target.value.labelMappings).length))"
    )
    tool.press("1")
    tool.box(10, 10, 40, 40)
    tool.page.get_by_role("button", name="Clear Road").click()
    tool.press("Control+z")
    assert tool.page.evaluate("seen") == [1, 0, 1]


def test_hooks_for_scripts(desk: Desk, tool: MaskDesk) -> None:
    names = (
        "brush",
        "eraser",
        "polygon",
        "bounding-box",
        "zoom-in",
        "zoom-out",
        "move",
        "fit",
        "undo",
        "redo",
        "delete",
    )
    for name in names:
        assert tool.count(f"button#{name}") == 1, name
    assert tool.count(".label-pane-content .label-button") == 2
    assert tool.count(".awsui-app-layout__navigation") == 1
    value: Any = tool.page.evaluate(f"JSON.stringify({tool.element}._submittableValue)")
    assert json.loads(value) == tool.value


def test_a_value_is_there_before_the_image(desk: Desk) -> None:
    page = desk.open(mask_form(src="/none.png"))
    value = page.evaluate("document.querySelector('crowd-semantic-segmentation').value")
    assert value["labelMappings"] == {} and value["labeledImage"] == {"pngImageData": ""}


def test_a_finger_paints_and_two_zoom(open_desk: Callable[..., Desk]) -> None:
    tool = MaskDesk(open_desk(has_touch=True).open(mask_form(labels="['Only']")))
    client = tool.page.context.new_cdp_session(tool.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    x, y = tool.at(60, 40)
    touch("touchStart", (x - 60, y))
    touch("touchMove", (x, y))
    touch("touchEnd")
    tool.settle()
    first = tool.value
    assert first["labelMappings"]
    before = tool.rect
    touch("touchStart", (x - 40, y))
    touch("touchStart", (x - 40, y), (x + 40, y))
    touch("touchMove", (x - 80, y), (x + 80, y))
    touch("touchEnd")
    assert tool.rect["width"] > 1.5 * before["width"]
    assert tool.value == first


@pytest.mark.parametrize("by", ["points", "box"])
def test_an_object_is_found(tool: MaskDesk, by: str) -> None:
    tool.press("1", "a")
    if by == "points":
        for point in ((60, 35), (100, 35), (80, 20), (80, 50)):
            tool.click(*point)
    else:
        tool.drag((57, 17), (103, 53))
    tool.page.wait_for_function(f"Object.keys({tool.element}.value.labelMappings).length > 0")
    assert differing(tool.pixels, painted(SIZE, (GREEN, (60, 20, 100, 50)))) < 60
    tool.press("Control+z")
    assert tool.value["labelMappings"] == {}


def test_a_page_can_bring_its_own_segmenter(tool: MaskDesk) -> None:
    tool.page.evaluate(
        f"""() => {{ {tool.element}.segmenter = async ({{ image, points, label }}) => {{
            window.asked = [image.width, image.height, points.length, label];
            return new Uint8Array(120 * 80).fill(1, 120, 240);
        }} }}"""
    )
    tool.press("2", "a")
    tool.drag((57, 17), (103, 53))
    tool.page.wait_for_function(f"Object.keys({tool.element}.value.labelMappings).length > 0")
    assert tool.page.evaluate("asked") == [120, 80, 4, "Tree"]
    assert differing(tool.pixels, painted(SIZE, (BLUE, (0, 1, 120, 2)))) == 0


def test_a_segmenter_that_fails_is_said(tool: MaskDesk) -> None:
    tool.page.evaluate(f"() => {{ {tool.element}.segmenter = () => [1, 2, 3] }}")
    tool.press("1", "a")
    tool.drag((57, 17), (103, 53))
    tool.page.get_by_text("No outline was found here").first.wait_for()
    tool.press("b")
    tool.drag((57, 17), (103, 53))
    assert tool.value["labelMappings"]


def test_another_image_starts_anew(tool: MaskDesk, site: Site) -> None:
    tool.press("1")
    tool.box(10, 10, 50, 50)
    site.put("/next.png", png(Image.new("RGB", (40, 30))), "image/png")
    tool.page.evaluate(f"{tool.element}.src = '/next.png'")
    tool.page.wait_for_function(f"{tool.element}.value.inputImageProperties.width === 40")
    assert differing(tool.pixels, painted((40, 30))) == 0
    tool.press("2")
    tool.box(0, 0, 40, 30)
    assert tool.pixels.getcolors() == [(1200, BLUE)]


def test_an_inline_mask_that_is_damaged_is_refused(desk: Desk) -> None:
    page = desk.open(mask_form(initial={"labelMappings": {}, "src": "data:image/png;base64,%%%"}))
    page.get_by_text("its base64 text is damaged").wait_for()


def test_it_works_in_a_frame_without_an_origin(desk: Desk, site: Site) -> None:
    answer = {
        "labelMappings": {"Tree": {"color": "#1f77b4"}},
        "labeledImage": {"pngImageData": base64.b64encode(png(painted(SIZE, (BLUE, (0, 0, 9, 9))))).decode()},
    }
    body = mask_form(src=f"{site.base_url}/small.png", initial=answer)
    site.page("/inner", body)
    site.routes["/inner"][3]["Content-Security-Policy"] = (
        f"sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' {site.base_url};"
        f" style-src 'unsafe-inline'; img-src blob: data: {site.base_url}; connect-src {site.base_url}"
    )
    page = desk.page
    outer = "<iframe src='/inner' sandbox='allow-scripts' style='width: 1200px; height: 700px'></iframe>"
    page.goto(site.put("/outer", outer.encode(), "text/html"))
    frame = page.frames[1]
    element = "document.querySelector('crowd-semantic-segmentation')"

    def wait_for_labels(n: int) -> None:
        # Without `wait_for_function`: it needs eval in the page, which this policy forbids.
        for _ in range(500):
            if frame.evaluate(f"Object.keys({element}?.value?.labelMappings ?? {{}}).length") == n:
                return
            page.wait_for_timeout(20)
        raise AssertionError(f"not {n} labels after ten seconds")

    wait_for_labels(1)
    box = frame.locator(".upper-canvas").bounding_box()
    assert box is not None
    frame.locator(".stage").focus()
    page.keyboard.press("1")
    page.keyboard.press("g")
    page.mouse.click(box["x"] + box["width"] * 70 / 120, box["y"] + box["height"] * 30 / 80)
    wait_for_labels(2)
    expected = painted(SIZE, (GREEN, (60, 20, 100, 50)), (BLUE, (0, 0, 9, 9)))
    assert differing(pixels_of(frame.evaluate(f"{element}.value")), expected) == 0
