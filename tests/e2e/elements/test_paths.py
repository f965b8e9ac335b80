"""Drawing and reshaping points, lines, polylines and polygons: what each does in its own way."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from .conftest import Desk
from .shapes import KEYPOINT, LINE, POLYGON, POLYLINE, Kind, ShapeTool, near

pytestmark = pytest.mark.browser

RED = (229, 32, 46)
GREEN = (18, 179, 71)


def start(desk: Desk, kind: Kind, labels: str = "['Only']", attributes: str = "") -> ShapeTool:
    return ShapeTool(desk.open(kind.form(labels=labels, attributes=attributes)), kind)


def pixel(tool: ShapeTool, x: float, y: float) -> tuple[int, ...]:
    """The colour on the screen at an image point."""
    left, top = tool.at(x, y)
    shot = tool.page.screenshot(clip={"x": round(left) - 1, "y": round(top) - 1, "width": 3, "height": 3})
    return tuple(Image.open(io.BytesIO(shot)).convert("RGB").getpixel((1, 1)))  # type: ignore[arg-type]


def is_color(found: tuple[int, ...], wanted: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 40 for a, b in zip(found, wanted, strict=True))


def hover(tool: ShapeTool, x: float, y: float) -> None:
    tool.page.mouse.move(*tool.at(x, y))
    tool.settle()


# ---- keypoint


def test_points_of_one_label_are_placed_one_after_the_other(desk: Desk) -> None:
    tool = start(desk, KEYPOINT, "['Eye', 'Nose']")
    tool.press("1")
    for x in (300, 400, 500):
        tool.click(x, 300)
    assert tool.labels == ["Eye"] * 3


def test_a_point_is_dragged_without_selecting_it_first(desk: Desk) -> None:
    tool = start(desk, KEYPOINT)
    tool.click(300, 300)
    tool.click(400, 300)
    tool.drag(300, 300, 350, 420)
    assert near([at[0] for _, at in tool.shapes], [(350, 420), (400, 300)])


def test_a_press_shows_the_point_and_letting_go_places_it(desk: Desk) -> None:
    tool = start(desk, KEYPOINT)
    tool.drag(300, 300, 340, 360)
    assert near(tool.shapes[0][1], [(340, 360)])


# ---- line


@pytest.mark.parametrize("how", ["clicks", "drag"])
def test_a_line_takes_two_clicks_or_a_drag(desk: Desk, how: str) -> None:
    tool = start(desk, LINE)
    if how == "clicks":
        tool.draw((300, 200), (700, 400))
    else:
        tool.drag(300, 200, 700, 400)
    assert near(tool.shapes[0][1], [(300, 200), (700, 400)])


def test_lines_can_start_at_the_end_of_another(desk: Desk) -> None:
    tool = start(desk, LINE)
    tool.drag(300, 200, 700, 400)
    tool.press("Escape")
    tool.drag(700, 400, 900, 200)
    assert len(tool.shapes) == 2


def test_an_end_is_moved_alone(desk: Desk) -> None:
    tool = start(desk, LINE)
    tool.draw()
    tool.drag(700, 400, 800, 300)
    assert near(tool.shapes[0][1], [(300, 200), (800, 300)])


# ---- polyline


@pytest.mark.parametrize("how", ["Enter", "last point", "double click"])
def test_a_polyline_is_finished_in_three_ways_and_may_cross_itself(desk: Desk, how: str) -> None:
    tool = start(desk, POLYLINE)
    places = [(300, 200), (700, 500), (700, 200), (300, 500)]
    for place in places[:-1]:
        tool.click(*place)
    if how == "double click":
        tool.page.mouse.dblclick(*tool.at(*places[-1]))
        tool.settle()
    else:
        tool.click(*places[-1])
        if how == "Enter":
            tool.press("Enter")
        else:
            tool.page.wait_for_timeout(450)
            tool.click(302, 499)
    assert near(tool.shapes[0][1], places)


def test_the_last_point_of_a_polyline_is_green(desk: Desk) -> None:
    tool = start(desk, POLYLINE)
    tool.click(300, 200)
    tool.click(500, 300)
    hover(tool, 600, 200)
    assert is_color(pixel(tool, 500, 300), GREEN)
    assert not is_color(pixel(tool, 300, 200), GREEN)


def test_undo_walks_through_points_while_drawing(desk: Desk) -> None:
    tool = start(desk, POLYLINE)
    for place in ((300, 200), (500, 300), (700, 200)):
        tool.click(*place)
    tool.press("Control+z", "Control+z", "Control+y")
    tool.click(600, 500)
    tool.press("Backspace")
    tool.click(650, 450)
    tool.press("Enter")
    assert near(tool.shapes[0][1], [(300, 200), (500, 300), (650, 450)])
    tool.press("Control+z")
    assert tool.shapes == []


def test_escape_drops_the_drawing_only(desk: Desk) -> None:
    tool = start(desk, POLYLINE)
    tool.draw()
    tool.press("Escape")
    tool.click(400, 600)
    tool.click(500, 600)
    tool.press("Escape", "Enter")
    assert len(tool.shapes) == 2 and near(tool.shapes[0][1], POLYLINE.places)


# ---- polygon


def test_a_polygon_is_closed_at_its_green_start(desk: Desk) -> None:
    tool = start(desk, POLYGON)
    places = [(300, 200), (700, 200), (700, 500), (300, 500)]
    for place in places:
        tool.click(*place)
    hover(tool, 500, 350)
    assert is_color(pixel(tool, 300, 200), GREEN)
    tool.click(303, 202)
    assert near(tool.shapes[0][1], places)
    assert tool.count(".label-button.selected") == 1


def test_a_double_click_closes_a_polygon(desk: Desk) -> None:
    tool = start(desk, POLYGON)
    tool.click(300, 200)
    tool.click(700, 200)
    tool.page.mouse.dblclick(*tool.at(500, 500))
    tool.settle()
    assert near(tool.shapes[0][1], POLYGON.places)


def test_a_crossing_edge_is_red_and_refused(desk: Desk) -> None:
    tool = start(desk, POLYGON)
    for place in ((300, 200), (700, 200), (700, 500)):
        tool.click(*place)
    hover(tool, 500, 100)
    assert is_color(pixel(tool, 600, 300), RED)
    tool.click(500, 100)
    assert tool.text(".hint") == "Edges must not cross."
    hover(tool, 400, 600)
    tool.click(400, 600)
    tool.press("Enter")
    assert near(tool.shapes[0][1], [(300, 200), (700, 200), (700, 500), (400, 600)])


def test_closing_across_an_edge_is_refused(desk: Desk) -> None:
    tool = start(desk, POLYGON)
    for place in ((300, 300), (600, 200), (600, 500), (450, 150)):
        tool.click(*place)
    # The last point lies beyond the first edge, so this one was refused already.
    tool.click(800, 400)
    tool.press("Enter")
    assert tool.text(".hint") == "Edges must not cross."
    assert tool.shapes == []


def test_dragging_a_vertex_across_an_edge_springs_back(desk: Desk) -> None:
    tool = start(desk, POLYGON)
    tool.draw((300, 200), (700, 200), (700, 500), (300, 500))
    tool.drag(300, 200, 500, 600)
    assert near(tool.shapes[0][1], [(300, 200), (700, 200), (700, 500), (300, 500)])
    assert tool.text(".hint") == "Edges must not cross."
    tool.drag(300, 200, 400, 300)
    assert near(tool.shapes[0][1][:1], [(400, 300)])


def test_the_label_is_chosen_anew_for_each_polygon(desk: Desk) -> None:
    tool = start(desk, POLYGON, "['Car', 'House']")
    tool.press("1")
    tool.draw()
    assert tool.count(".label-button.selected") == 0
    tool.click(900, 300)
    assert tool.count(".picker .pick") == 2
    tool.press("Escape")
    assert len(tool.shapes) == 1


def test_a_polygon_may_start_inside_another_and_is_selected_by_its_border(desk: Desk) -> None:
    tool = start(desk, POLYGON)
    tool.draw((200, 100), (1000, 100), (1000, 650), (200, 650))
    tool.draw((400, 300), (600, 300), (500, 500))
    assert len(tool.shapes) == 2
    tool.press("Escape")
    tool.click(350, 100)
    tool.press("Delete")
    assert near(tool.shapes[0][1], [(400, 300), (600, 300), (500, 500)])


def test_the_inside_of_a_selected_polygon_moves_it(desk: Desk) -> None:
    tool = start(desk, POLYGON)
    tool.draw()
    tool.drag(500, 300, 560, 340)
    assert near(tool.shapes[0][1], [(x + 60, y + 40) for x, y in POLYGON.places])


# ---- vertices


def test_vertices_are_added_on_rings_and_by_double_click_and_deleted(desk: Desk) -> None:
    tool = start(desk, POLYGON)
    tool.draw()
    tool.drag(500, 200, 500, 120)
    assert near(tool.shapes[0][1], [(300, 200), (500, 120), (700, 200), (500, 500)])
    # A double click on a vertex takes it away, one on an edge puts one there.
    tool.page.mouse.dblclick(*tool.at(500, 120))
    tool.settle()
    assert near(tool.shapes[0][1], POLYGON.places)
    tool.page.wait_for_timeout(450)
    tool.page.mouse.dblclick(*tool.at(400, 200))
    tool.settle()
    assert near(tool.shapes[0][1], [(300, 200), (400, 200), (700, 200), (500, 500)])
    tool.press("ArrowUp", "Delete")
    assert near(tool.shapes[0][1], POLYGON.places)


def test_a_clicked_vertex_is_moved_by_keys_and_deleted_alone(desk: Desk) -> None:
    tool = start(desk, POLYLINE)
    tool.draw()
    tool.click(500, 400)
    tool.press("Shift+ArrowDown", "Shift+ArrowRight")
    assert near(tool.shapes[0][1], [(300, 200), (510, 410), (700, 200)])
    tool.press("Delete")
    assert near(tool.shapes[0][1], [(300, 200), (700, 200)])
    # Two points are the least; the next Delete takes the whole.
    tool.press("Delete")
    assert tool.shapes == []


def test_moving_a_vertex_is_one_undo_step(desk: Desk) -> None:
    tool = start(desk, POLYLINE)
    tool.draw()
    before = tool.shapes
    tool.drag(500, 400, 520, 500, steps=8)
    assert tool.shapes != before
    tool.press("Control+z")
    assert tool.shapes == before


def test_snapping_joins_neighbours_and_the_border(desk: Desk) -> None:
    initial = "[{label: 'Only', vertices: [{x: 400, y: 300}, {x: 600, y: 300}, {x: 500, y: 500}]}]"
    tool = start(desk, POLYGON, attributes=f'initial-value="{initial}"')
    tool.press("s")
    assert tool.page.locator("#snap").get_attribute("aria-pressed") == "true"
    tool.click(5, 300)
    tool.click(5, 200)
    tool.click(404, 296)
    tool.press("Enter")
    vertices: list[Any] = tool.shapes[1][1]
    assert vertices[2] == (400, 300)
    assert [x for x, _ in vertices[:2]] == [0, 0]
