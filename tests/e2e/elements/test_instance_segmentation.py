"""crowd-instance-segmentation in a real browser; what both elements share is tested with the other one."""

from __future__ import annotations

import pytest
from PIL import Image

from .conftest import Desk, Site
from .masks import BLUE, GREEN, ORANGE, MaskDesk, differing, mask_form, painted, picture_of, pixels_of, png

pytestmark = pytest.mark.browser

SIZE = (120, 80)


@pytest.fixture(autouse=True)
def _pictures(site: Site) -> None:
    site.put("/small.png", png(Image.new("RGB", SIZE, (200, 200, 200))), "image/png")


@pytest.fixture
def tool(desk: Desk) -> MaskDesk:
    return MaskDesk(desk.open(mask_form("instance", labels="['Cell', 'Debris']")), "instance")


def test_each_object_has_its_own_colour(desk: Desk, tool: MaskDesk) -> None:
    tool.press("1")
    tool.box(0, 0, 20, 20)
    tool.press("1")
    tool.box(30, 0, 50, 20)
    tool.press("2")
    tool.box(60, 0, 80, 20)
    answer = desk.answer()["mask"]
    assert list(answer) == ["inputImageProperties", "instances", "labeledImage"]
    assert answer["instances"] == [
        {"color": "#2ca02c", "label": "Cell"},
        {"color": "#1f77b4", "label": "Cell"},
        {"color": "#ff7f0e", "label": "Debris"},
    ]
    expected = painted(SIZE, (GREEN, (0, 0, 20, 20)), (BLUE, (30, 0, 50, 20)), (ORANGE, (60, 0, 80, 20)))
    assert differing(pixels_of(answer), expected) == 0


def test_strokes_belong_to_one_object_until_the_next_begins(tool: MaskDesk) -> None:
    tool.press("1")
    tool.box(0, 0, 20, 20)
    tool.box(30, 0, 50, 20)
    tool.press("n")
    tool.box(60, 0, 80, 20)
    assert (
        differing(
            tool.pixels,
            painted(SIZE, (GREEN, (0, 0, 20, 20)), (GREEN, (30, 0, 50, 20)), (BLUE, (60, 0, 80, 20))),
        )
        == 0
    )


def test_instances_without_pixels_are_left_out(tool: MaskDesk) -> None:
    tool.page.get_by_role("button", name="Add an instance of Cell").click()
    tool.page.get_by_role("button", name="Add an instance of Debris").click()
    assert tool.count(".shape-row") == 2
    tool.box(0, 0, 20, 20)
    assert [item["label"] for item in tool.value["instances"]] == ["Debris"]
    # One that is still empty is taken first.
    tool.page.get_by_role("button", name="Add an instance of Cell").click()
    assert tool.count(".shape-row") == 2


def test_the_list_selects_deletes_hides_and_relabels(tool: MaskDesk) -> None:
    tool.press("1")
    tool.box(0, 0, 20, 20)
    tool.press("1")
    tool.box(30, 0, 50, 20)
    rows = tool.page.locator(".shape-row")
    rows.first.click()
    tool.box(0, 30, 20, 50)
    both = ((GREEN, (0, 0, 20, 20)), (GREEN, (0, 30, 20, 50)))
    assert differing(tool.pixels, painted(SIZE, *both, (BLUE, (30, 0, 50, 20)))) == 0
    rows.nth(1).hover()
    rows.nth(1).get_by_role("button", name="Delete instance").click()
    assert differing(tool.pixels, painted(SIZE, *both)) == 0
    tool.press("Control+z")
    assert len(tool.value["instances"]) == 2
    rows.nth(1).hover()
    rows.nth(1).get_by_role("button", name="Which label?").click()
    tool.press("2")
    assert [item["label"] for item in tool.value["instances"]] == ["Cell", "Debris"]
    rows.nth(1).hover()
    rows.nth(1).get_by_role("button", name="Hide").click()
    assert len(tool.value["instances"]) == 2


def test_undo_takes_the_new_object_too(tool: MaskDesk) -> None:
    tool.press("1")
    tool.box(0, 0, 20, 20)
    tool.press("1")
    tool.box(30, 0, 50, 20)
    tool.press("Control+z")
    assert tool.count(".shape-row") == 1
    assert differing(tool.pixels, painted(SIZE, (GREEN, (0, 0, 20, 20)))) == 0
    tool.press("Control+y")
    assert differing(tool.pixels, painted(SIZE, (GREEN, (0, 0, 20, 20)), (BLUE, (30, 0, 50, 20)))) == 0


def test_keys_go_through_the_objects_and_delete_them(tool: MaskDesk) -> None:
    for left in (0, 30, 60):
        tool.press("1")
        tool.box(left, 0, left + 20, 20)
    tool.page.locator(".stage").focus()
    tool.press("Shift+Tab", "Delete")
    assert differing(tool.pixels, painted(SIZE, (GREEN, (0, 0, 20, 20)), (ORANGE, (60, 0, 80, 20)))) == 0


def test_alt_takes_the_object_under_the_pointer(tool: MaskDesk) -> None:
    tool.press("1")
    tool.box(0, 0, 40, 40)
    tool.press("2")
    tool.box(60, 0, 80, 20)
    tool.press("r")
    tool.page.keyboard.down("Alt")
    tool.click(20, 20)
    tool.page.keyboard.up("Alt")
    tool.box(0, 50, 40, 60)
    assert tool.pixels.getpixel((10, 55)) == GREEN


def test_an_earlier_mask(desk: Desk, site: Site) -> None:
    earlier = painted(
        SIZE, ((1, 1, 1), (0, 0, 20, 20)), (GREEN, (30, 0, 50, 20)), ((3, 3, 3), (60, 0, 80, 20))
    )
    site.put("/earlier.png", png(earlier), "image/png")
    instances = [
        {"color": "#010101", "label": "Cell"},
        {"color": "#2ca02c", "label": "Cell"},
        {"color": "#030303", "label": "Debris"},
    ]
    form = mask_form(
        "instance", labels="['Cell', 'Debris']", initial={"instances": instances, "src": "/earlier.png"}
    )
    tool = MaskDesk(desk.open(form), "instance")
    assert tool.value["instances"] == instances
    assert tool.value["initialValueModified"] is False
    assert differing(tool.pixels, earlier) == 0
    tool.press("1")
    tool.box(90, 0, 100, 20)
    colors = [item["color"] for item in tool.value["instances"]]
    assert colors[-1] not in colors[:-1]
    assert tool.value["initialValueModified"] is True
    tool.press("Control+z")
    assert tool.value["initialValueModified"] is False
    again = MaskDesk(
        desk.open(mask_form("instance", labels="['Cell', 'Debris']", initial=tool.value)), "instance"
    )
    assert again.value["instances"] == instances


def test_more_objects_than_a_palette_holds(desk: Desk, site: Site) -> None:
    earlier = Image.new("RGB", SIZE, (255, 255, 255))
    instances = []
    for i in range(400):
        color = (1 + i % 250, 17 + i // 250, 99)
        earlier.putpixel((i % 120, i // 120), color)
        instances.append({"color": "#{:02x}{:02x}{:02x}".format(*color), "label": "Cell"})
    site.put("/earlier.png", png(earlier), "image/png")
    form = mask_form("instance", labels="['Cell']", initial={"instances": instances, "src": "/earlier.png"})
    tool = MaskDesk(desk.open(form), "instance")
    assert tool.value["instances"] == instances
    assert picture_of(tool.value).mode == "RGB"
    assert differing(tool.pixels, earlier) == 0
    assert tool.count(".shape-row") < 60
    tool.press("n")
    tool.box(0, 40, 20, 60)
    assert len(tool.value["instances"]) == 401
    draft = tool.page.evaluate("document.querySelector('crowd-form').getDraft()")
    value = tool.value
    again = MaskDesk(desk.open(form), "instance")
    again.page.evaluate("draft => document.querySelector('crowd-form').restoreDraft(draft)", draft)
    again.page.wait_for_function(f"{again.element}.value.instances.length === 401")
    assert again.value == value


def test_drafts_keep_the_objects(desk: Desk, tool: MaskDesk) -> None:
    tool.press("1")
    tool.box(0, 0, 20, 20)
    tool.press("2")
    tool.box(30, 0, 50, 20)
    value = tool.value
    draft = tool.page.evaluate("document.querySelector('crowd-form').getDraft()")
    again = MaskDesk(desk.open(mask_form("instance", labels="['Cell', 'Debris']")), "instance")
    again.page.evaluate("draft => document.querySelector('crowd-form').restoreDraft(draft)", draft)
    again.page.wait_for_function(f"{again.element}.value.instances.length === 2")
    assert again.value == value
    again.press("1")
    again.box(60, 0, 80, 20)
    assert len({item["color"] for item in again.value["instances"]}) == 3
