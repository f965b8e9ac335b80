"""What the tools for points, lines, polylines and polygons have in common, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Desk
from .shapes import KINDS, POLYGON, Kind, ShapeTool, near

pytestmark = pytest.mark.browser


@pytest.fixture(params=KINDS, ids=lambda kind: kind.noun)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
def tool(desk: Desk, kind: Kind) -> ShapeTool:
    return ShapeTool(desk.open(kind.form()), kind)


def test_drawing_gives_whole_pixels_in_the_documented_answer(desk: Desk, tool: ShapeTool, kind: Kind) -> None:
    tool.press("1")
    tool.draw()
    tool.press("2")
    tool.draw(*tool.shifted(100, 120))
    assert [
        near(at, expected)
        for (_, at), expected in zip(tool.shapes, (kind.places, tool.shifted(100, 120)), strict=True)
    ]
    assert tool.labels == ["Car", "House"]
    answer = desk.answer()["a"]
    assert list(answer) == sorted(["inputImageProperties", kind.list_key])
    assert answer["inputImageProperties"] == {"height": 720, "width": 1280}
    assert list(answer[kind.list_key][0]) == list(kind.entry("Car"))
    assert answer == tool.value == tool.page.evaluate(f"{tool.element}._submittableValue")


def test_undo_and_redo_cover_everything(tool: ShapeTool) -> None:
    tool.press("1")
    tool.draw()
    drawn = tool.shapes
    tool.press("Escape", "Tab", "ArrowRight")
    moved = tool.shapes
    assert moved[0][1][0][0] == drawn[0][1][0][0] + 1
    tool.press("2")
    relabeled = tool.shapes
    assert tool.labels == ["House"]
    tool.press("Delete")
    for expected in (relabeled, moved, drawn, []):
        tool.press("Control+z")
        assert tool.shapes == expected
    for expected in (drawn, moved, relabeled, []):
        tool.press("Control+y")
        assert tool.shapes == expected
    tool.button("undo")
    assert tool.shapes == relabeled
    tool.button("redo")
    assert tool.shapes == []


def test_select_move_relabel_and_delete_by_mouse(tool: ShapeTool, kind: Kind) -> None:
    tool.press("1")
    tool.draw()
    tool.press("Escape")
    (x0, y0), (x1, y1) = kind.places[0], kind.places[-1 if len(kind.places) < 3 else 1]
    # A third along the first edge: no vertex and no ring stands there.
    x, y = x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 3
    tool.click(x, y)
    assert tool.count(".shape-row[aria-current]") == 1
    tool.drag(x, y, x + 60, y + 40)
    assert near(tool.shapes[0][1], tool.shifted(60, 40), by=3)
    tool.press("2")
    assert tool.labels == ["House"]
    tool.button("delete")
    assert tool.shapes == []


def test_a_label_chosen_right_after_drawing_is_for_the_next_one(tool: ShapeTool) -> None:
    tool.press("1")
    tool.draw()
    tool.press("2")
    assert tool.labels == ["Car"]
    tool.draw(*tool.shifted(30, 160))
    assert tool.labels == ["Car", "House"]


def test_drawing_without_a_label_asks_for_one(tool: ShapeTool, kind: Kind) -> None:
    tool.click(*kind.places[0])
    assert tool.shapes == [] and tool.count(".picker .pick") == 2
    tool.press("2")
    for place in kind.places[1:]:
        tool.click(*place)
    tool.press(*kind.finish)
    assert tool.labels == ["House"]
    assert near(tool.shapes[0][1], kind.places)


def test_everything_by_keyboard_alone(desk: Desk, tool: ShapeTool, kind: Kind) -> None:
    tool.page.evaluate(f"{tool.inside}.querySelector('.stage').focus()")
    tool.press("2", "Enter")
    (label, before) = tool.shapes[0]
    assert label == "House"
    tool.press("ArrowRight", "Shift+ArrowDown")
    assert tool.shapes[0][1] == [(x + 1, y + 10) for x, y in before]
    if len(before) > 1:
        tool.press("v", "v", "Shift+ArrowUp", "Escape")
        assert tool.shapes[0][1][1] == (before[1][0] + 1, before[1][1])
    tool.press("Escape", "1", "Enter")
    assert tool.labels == ["House", "Car"]
    # Tab goes through the shapes and then on, so that nobody is caught on the image.
    tool.press("Escape", "Tab", "Tab", "Delete", "Escape", "Tab", "Tab")
    assert tool.labels == ["House"]
    assert tool.page.evaluate(f"{tool.inside}.activeElement?.id") == kind.button
    tool.press("Control+Enter")
    assert len(desk.shown_answer()["a"][kind.list_key]) == 1


def test_nothing_to_label(desk: Desk, tool: ShapeTool, kind: Kind) -> None:
    page = tool.page
    assert desk.answer() is None
    assert f"at least one {kind.noun}" in desk.status() + tool.text(".side > .problem")
    page.get_by_label("Nothing to label").check()
    assert desk.answer() == {"a": {kind.list_key: [], "inputImageProperties": {"height": 720, "width": 1280}}}
    tool.press("1")
    tool.draw()
    assert not page.get_by_label("Nothing to label").is_checked()
    page.get_by_label("Nothing to label").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    assert tool.shapes == []
    assert page.get_by_label("Nothing to label").is_checked()


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_initial_value_is_drawn_clamped_and_tracked(desk: Desk, kind: Kind, is_wrapped: bool) -> None:
    far = tuple((x + 2000.4, y) for x, y in kind.places)
    entries = [kind.entry("Car"), kind.entry("Moon"), kind.entry("House", (*kind.places[:-1], far[-1]))]
    given: Any = {kind.list_key: entries, "inputImageProperties": {}} if is_wrapped else entries
    attributes = f"initial-value='{json.dumps(given)}'"
    tool = ShapeTool(desk.open(kind.form(attributes=attributes)), kind)
    assert tool.entries == [
        kind.entry("Car"),
        kind.entry("House", (*kind.places[:-1], (1280, kind.places[-1][1]))),
    ]
    assert desk.answer()["a"]["initialValueModified"] is False
    tool.page.evaluate(f"{tool.inside}.querySelector('.stage').focus()")
    tool.press("Tab", "ArrowDown")
    assert tool.value["initialValueModified"] is True
    tool.press("Control+z")
    assert tool.value["initialValueModified"] is False


@pytest.mark.parametrize(("given", "key"), [("[]", True), ("null", False), ("", False)])
def test_the_modified_key_is_there_only_with_an_initial_value(desk: Desk, given: str, key: bool) -> None:
    tool = ShapeTool(desk.open(POLYGON.form(attributes=f'initial-value="{given}"')), POLYGON)
    assert ("initialValueModified" in tool.value) is key


def test_an_initial_value_that_is_no_list_is_named_and_blocks(desk: Desk, kind: Kind) -> None:
    page = desk.open(kind.form(attributes="initial-value='{other: []}'"))
    page.wait_for_function(f"document.querySelector('{kind.tag}').shadowRoot.querySelector('.broken')")
    assert desk.answer() is None


def test_labels_may_be_taken_away_and_given_back(tool: ShapeTool) -> None:
    tool.press("1")
    tool.draw()
    before = tool.shapes
    tool.page.evaluate(f"{tool.element}.labels = []")
    assert tool.shapes == []
    tool.page.evaluate(f"{tool.element}.labels = ['New', 'Car']")
    assert tool.shapes == before
    assert tool.page.evaluate(f"document.createElement('{tool.kind.tag}').labels") == []


def test_drafts_bring_shapes_and_points_back(desk: Desk, tool: ShapeTool, kind: Kind) -> None:
    tool.press("1")
    tool.draw()
    if len(kind.places) > 1:
        tool.press("2")
        tool.click(400, 550)
    before, draft = tool.shapes, tool.page.evaluate("document.querySelector('crowd-form').getDraft()")
    again = ShapeTool(desk.open(kind.form()), kind)
    again.page.evaluate("draft => document.querySelector('crowd-form').restoreDraft(draft)", draft)
    again.settle()
    assert again.shapes == before
    if len(kind.places) > 1:
        assert desk.answer() is None
        assert "Finish the drawing" in again.text(".side > .problem")
        again.click(500, 600)
        if kind.finish:
            again.click(400, 650)
        again.press(*kind.finish)
        assert again.labels == ["Car", "House"]
        assert near(again.shapes[1][1][:2], [(400, 550), (500, 600)])


def test_scripts_get_copies(tool: ShapeTool, kind: Kind) -> None:
    tool.press("1")
    tool.draw()
    before = tool.value
    tool.page.evaluate(
        f"{{ const list = {tool.element}.value.{kind.list_key};"
        "(list[0].vertices?.[0] ?? list[0]).x = -5; list.length = 0; }"
    )
    assert tool.value == before


def test_hooks_that_public_scripts_use(desk: Desk, kind: Kind) -> None:
    content = "<short-instructions>Be exact.</short-instructions><full-instructions>Long</full-instructions>"
    tool = ShapeTool(desk.open(kind.form(content=content)), kind)
    buttons = (kind.button, "move", "zoom-in", "zoom-out", "fit", "undo", "redo", "delete")
    for selector in (
        "canvas.upper-canvas",
        ".awsui-app-layout__navigation",
        ".awsui-modal-dialog",
        ".moreInstructionsLink",
        ".label-pane-content",
        *(f"button#{name}" for name in buttons),
    ):
        assert tool.count(selector) == 1, selector
    assert tool.count(".headerButtonsContainer button") == 2
    assert tool.count(".label-button") == 2


def test_hiding_and_the_list(tool: ShapeTool, kind: Kind) -> None:
    tool.press("1")
    tool.draw()
    tool.press("Escape", "2")
    tool.draw(*tool.shifted(120, 150))
    before = tool.value
    tool.press("Escape", "h")
    tool.click(*kind.places[0])
    tool.press("Escape")
    assert tool.value == before if kind.noun != "point" else len(tool.entries) == 3
    row = tool.page.locator(".shape-row").first
    row.click()
    row.get_by_role("button", name=f"Delete {kind.noun}").click()
    assert "Car" not in tool.labels[:1]
    tool.page.locator(".shape-row").first.dblclick()
    tool.press("1")
    assert tool.labels[0] == "Car"


def test_change_events_follow_edits(tool: ShapeTool, kind: Kind) -> None:
    tool.page.evaluate(
        f"window.seen = []; {tool.element}"
        f".addEventListener('change', e => seen.push(e.target.value.{kind.list_key}.length))"
    )
    tool.press("1")
    tool.draw()
    tool.press("Delete", "Control+z")
    assert tool.page.evaluate("seen") == [1, 0, 1]


def test_label_colors_and_counts(desk: Desk, kind: Kind) -> None:
    tool = ShapeTool(desk.open(kind.form(attributes="label-colors=\"['#ff0000']\"")), kind)
    chips = tool.page.evaluate(
        f"[...{tool.inside}.querySelectorAll('.label-button .chip')]"
        ".map(chip => getComputedStyle(chip).backgroundColor)"
    )
    assert chips == ["rgb(255, 0, 0)", "rgb(31, 119, 180)"]
    tool.press("1")
    tool.draw()
    assert tool.text(".label-button .count") == "1"


@pytest.mark.parametrize("zoom", ["out", "in"])
def test_coordinates_do_not_depend_on_zoom(tool: ShapeTool, kind: Kind, zoom: str) -> None:
    x, y = kind.places[0]
    tool.page.mouse.move(*tool.at(x, y))
    tool.page.mouse.wheel(0, 300 if zoom == "out" else -200)
    tool.press("1")
    places = (
        kind.places
        if zoom == "out"
        else tuple((x + (px - x) / 4, y + (py - y) / 4) for px, py in kind.places)
    )
    tool.draw(*places)
    assert near(tool.shapes[0][1], places, by=3 if zoom == "out" else 1)


def test_drawing_by_touch(open_desk: Callable[..., Desk], kind: Kind) -> None:
    tool = ShapeTool(open_desk(has_touch=True).open(kind.form(labels="['Only']")), kind)
    for place in kind.places:
        tool.page.touchscreen.tap(*tool.at(*place))
        tool.settle()
    if kind.finish:
        # Where the finish lies: a polygon's first point, a polyline's last.
        goal = kind.places[0] if kind is POLYGON else kind.places[-1]
        tool.page.touchscreen.tap(*tool.at(goal[0] + 8, goal[1] - 6))
        tool.settle()
    assert tool.labels == ["Only"]
    assert near(tool.shapes[0][1], kind.places)


def test_a_pinch_while_drawing_zooms_and_keeps_the_points(open_desk: Callable[..., Desk]) -> None:
    tool = ShapeTool(open_desk(has_touch=True).open(POLYGON.form(labels="['Only']")), POLYGON)
    for place in POLYGON.places[:2]:
        tool.page.touchscreen.tap(*tool.at(*place))
        tool.settle()
    before = tool.rect
    client = tool.page.context.new_cdp_session(tool.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        at: list[dict[str, Any]] = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    x, y = tool.at(640, 360)
    touch("touchStart", (x - 40, y))
    touch("touchStart", (x - 40, y), (x + 40, y))
    touch("touchMove", (x - 60, y), (x + 60, y))
    touch("touchEnd")
    assert tool.rect["width"] > before["width"] * 1.2
    tool.page.touchscreen.tap(*tool.at(*POLYGON.places[2]))
    tool.settle()
    tool.press("Enter")
    assert near(tool.shapes[0][1], POLYGON.places)
