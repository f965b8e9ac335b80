"""crowd-text-ranking: ranks by dragging, clicking and keys; ties; the answer."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest

from .conftest import Desk
from .test_accessibility import check

pytestmark = pytest.mark.browser

RESPONSES = ["Water boils at 100 °C.", "It depends on the pressure.", "Ask a cook."]
DIMENSIONS = [{"name": "Clarity", "allowTie": True}, {"name": "Truth", "allowTie": False}]


def form(
    text: str = "When does water boil?", responses: Any = RESPONSES, dimensions: Any = DIMENSIONS
) -> str:
    return (
        f'<crowd-form><crowd-text-ranking name="textRanking" header="Rank them" text="{html.escape(text)}"'
        f' responses="{html.escape(json.dumps(responses))}"'
        f' ordinal-ranking-dimensions="{html.escape(json.dumps(dimensions))}">'
        "<short-instructions>Read all of them first.</short-instructions></crowd-text-ranking></crowd-form>"
    )


def drag(desk: Desk, dimension: int, letter: str, rank: int | None) -> None:
    section = desk.page.locator(f"crowd-text-ranking #dimension-{dimension}")
    slot = section.locator(".slot.pool" if rank is None else f".slot[data-rank='{rank}']")
    start = section.locator(".letter", has_text=letter).bounding_box()
    end = slot.bounding_box()
    assert start is not None and end is not None
    mouse = desk.page.mouse
    mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    mouse.down()
    mouse.move(end["x"] + end["width"] - 30, end["y"] + end["height"] / 2, steps=3)
    mouse.up()


def test_it_is_accessible(desk: Desk) -> None:
    desk.open(form())
    check(desk, "untouched")
    drag(desk, 0, "A", 2)
    desk.page.locator("#letter-1-0").click()
    check(desk, "a letter pressed")


def test_dragging(desk: Desk) -> None:
    desk.open(form())
    for letter, rank in (("A", 2), ("B", 1), ("C", 2)):
        drag(desk, 0, letter, rank)
    for letter, rank in (("A", 1), ("B", 1), ("C", 1)):
        drag(desk, 1, letter, rank)
    expected = [
        {"allowTie": True, "name": "Clarity", "responseRankings": [2, 1, 2]},
        {"allowTie": False, "name": "Truth", "responseRankings": [3, 2, 1]},
    ]
    assert desk.answer() == {
        "ordinalRankingDimensions": expected,
        "textRanking": {"ordinalRankingDimensions": expected},
    }


def test_by_keyboard_alone(desk: Desk) -> None:
    page = desk.open(form())
    for key in "311":
        page.keyboard.press(key)
    for key in ("2", "3", "1"):
        page.keyboard.press(key)
    value = page.evaluate("document.querySelector('crowd-text-ranking').value.ordinalRankingDimensions")
    assert [dimension["responseRankings"] for dimension in value] == [[2, 1, 1], [2, 3, 1]]
    page.locator("#letter-1-1").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    value = page.evaluate("document.querySelector('crowd-text-ranking').value.ordinalRankingDimensions")
    assert value[1]["responseRankings"] == [3, 1, 2]
    page.keyboard.press("Control+z")
    value = page.evaluate("document.querySelector('crowd-text-ranking').value.ordinalRankingDimensions")
    assert value[1]["responseRankings"] == [3, 2, 1]
    page.keyboard.press("Delete")
    assert desk.answer() is None


def test_clicking_a_letter_and_then_a_rank(desk: Desk) -> None:
    page = desk.open(form(dimensions=DIMENSIONS[:1], responses=RESPONSES[:2]))
    page.locator("#letter-0-1").click()
    page.locator(".slot[data-rank='1'] .place").click()
    page.locator("#letter-0-0").click()
    page.locator(".slot[data-rank='2'] .place").click()
    assert desk.answer()["ordinalRankingDimensions"][0]["responseRankings"] == [2, 1]


def test_every_response_must_be_ranked(desk: Desk) -> None:
    page = desk.open(form())
    page.keyboard.press("1")
    assert desk.answer() is None
    assert page.locator("crowd-text-ranking .problem").text_content() == "Clarity: give a rank to B, C."


def test_a_prompt_may_be_given_by_its_address(desk: Desk) -> None:
    address = desk.site.put("/prompt.txt", b"Why is the sky blue?", "text/plain")
    page = desk.open(form(text=address))
    page.get_by_text("Why is the sky blue?").wait_for()
    page = desk.open(form(text=f"{address}.gone"))
    page.get_by_text("The text could not be loaded.").wait_for()


def test_texts_are_never_html(desk: Desk) -> None:
    page = desk.open(form(text="<b>bold</b>", responses=["<img src=x onerror=alert(1)>", "b"]))
    assert page.locator("crowd-text-ranking .reading b, crowd-text-ranking .reading img").count() == 0
    assert page.get_by_text("<b>bold</b>").is_visible()


def test_unreadable_dimensions_are_named(desk: Desk) -> None:
    page = desk.open(form(dimensions=[{"allowTie": True}]))
    assert '"ordinal-ranking-dimensions" cannot be read' in page.locator(".broken").text_content()


def test_a_draft_comes_back(desk: Desk) -> None:
    page = desk.open(form())
    page.keyboard.press("2")
    draft = page.evaluate("document.querySelector('crowd-form').getDraft()")
    page = desk.open(form())
    page.evaluate("draft => document.querySelector('crowd-form').restoreDraft(draft)", draft)
    page.locator(".slot[data-rank='2'] .letter", has_text="A").wait_for()
