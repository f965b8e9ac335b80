# ruff: noqa: E501 - pieces of HTML read better in one line
"""Several categories for a text or an image: choosing, the exclusion entry, the filter, the answer."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Desk
from .test_accessibility import check

pytestmark = pytest.mark.browser

TAG = "crowd-classifier-multi-select"
INSTRUCTIONS = "<short-instructions>Short.</short-instructions><full-instructions>Long.</full-instructions>"


def text_form(categories: str = "['Sports', 'News', 'Weather', 'News']", extra: str = "") -> str:
    return (
        f'<crowd-form><{TAG} name="topics" header="What is it about?" categories="{categories}" {extra}>'
        f"<classification-target>It rained during the match.</classification-target>{INSTRUCTIONS}</{TAG}></crowd-form>"
    )


NONE = "exclusion-category=\"{ text: 'None of the above' }\""


def value(page: Any) -> Any:
    return page.evaluate(f"document.querySelector('{TAG}').value")


def test_it_is_accessible_in_every_state(desk: Desk) -> None:
    page = desk.open(text_form(extra=NONE))
    check(desk, "untouched")
    page.keyboard.press("1")
    check(desk, "chosen")
    page.keyboard.press("n")
    check(desk, "excluded")


def test_choosing_by_mouse_and_number_keys(desk: Desk) -> None:
    page = desk.open(text_form())
    page.evaluate(
        f"window.seen = []; document.querySelector('{TAG}').addEventListener('change', e => seen.push(e.target.value))"
    )
    page.get_by_role("checkbox", name="Weather").click()
    page.keyboard.press("1")
    page.keyboard.press("9")
    assert page.evaluate("seen") == [["Weather"], ["Sports", "Weather"]]
    assert desk.answer() == {"topics": {"labels": ["Sports", "Weather"]}}
    page.keyboard.press("3")
    page.keyboard.press("4")
    assert desk.answer() == {"topics": {"labels": ["Sports", "News"]}}
    assert page.locator(f"{TAG} [aria-checked=true]").count() == 3
    page.get_by_role("button", name="Clear").click()
    assert value(page) == []


def test_something_must_be_chosen(desk: Desk) -> None:
    page = desk.open(text_form())
    assert desk.answer() is None
    assert page.locator(f"{TAG} .problem").text_content() == "Choose at least one category."
    page = desk.open(text_form(extra=NONE))
    assert desk.answer() is None
    assert "None of the above" in page.locator(f"{TAG} .problem").text_content()


def test_the_exclusion_entry_clears_and_disables(desk: Desk) -> None:
    page = desk.open(text_form(extra=NONE))
    page.keyboard.press("2")
    page.get_by_role("checkbox", name="None of the above").click()
    assert page.get_by_role("checkbox", name="Sports").is_disabled()
    page.keyboard.press("1")
    assert desk.answer() == {"topics": {"labels": []}}
    page.keyboard.press("n")
    assert page.get_by_role("checkbox", name="Sports").is_enabled()
    assert desk.answer() == {"topics": {"labels": []}} or value(page) == []
    page.keyboard.press("1")
    assert desk.answer() == {"topics": {"labels": ["Sports"]}}


def test_the_exclusion_can_be_sent_as_a_label(desk: Desk) -> None:
    page = desk.open(text_form(extra=f"{NONE} exclusion-as-label"))
    page.keyboard.press("n")
    assert desk.answer() == {"topics": {"labels": ["None of the above"]}}


def test_arrows_move_and_space_ticks(desk: Desk) -> None:
    page = desk.open(text_form())
    page.get_by_role("checkbox", name="Sports").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    page.keyboard.press("ArrowUp")
    page.keyboard.press(" ")
    assert value(page) == ["Sports", "News"]


def test_long_lists_have_a_filter(desk: Desk) -> None:
    page = desk.open(text_form(categories=str([f"Topic {n}" for n in range(1, 201)])))
    page.get_by_role("searchbox").fill("topic 17")
    assert page.get_by_role("checkbox").count() == 11
    page.keyboard.press("Enter")
    assert value(page) == ["Topic 17"]
    assert page.get_by_role("checkbox").count() == 200


def test_scripts_set_categories_and_value(desk: Desk) -> None:
    page = desk.open(text_form(extra="initial-value=\"['News', 'Moon']\""))
    assert value(page) == ["News"]
    page.evaluate(f"document.querySelector('{TAG}').value = ['Weather', 'Sports']")
    assert value(page) == ["Sports", "Weather"]
    page.evaluate(f"document.querySelector('{TAG}').categories = ['Weather', 'Snow']")
    assert value(page) == ["Weather"]
    assert (
        page.evaluate(f"document.querySelector('{TAG}').getAttribute('categories')") == '["Weather","Snow"]'
    )
    assert desk.answer() == {"topics": {"labels": ["Weather"]}}


def test_an_unreadable_exclusion_is_named(desk: Desk) -> None:
    page = desk.open(text_form(extra='exclusion-category="{ txt: 1 }"'))
    assert '"exclusion-category" cannot be read' in page.locator(f"{TAG} .broken").text_content()


def test_a_draft_comes_back(desk: Desk) -> None:
    page = desk.open(text_form(extra=NONE))
    page.keyboard.press("2")
    draft = page.evaluate("document.querySelector('crowd-form').getDraft()")
    page = desk.open(text_form(extra=NONE))
    page.evaluate("draft => document.querySelector('crowd-form').restoreDraft(draft)", draft)
    assert desk.answer() == {"topics": {"labels": ["News"]}}


IMAGE = (
    '<crowd-form><crowd-image-classifier-multi-select name="animals" src="/scene.jpg" header="What is there?"'
    f""" categories='["Cat","Dog"]' {NONE}><worker-comment link-text="Say more">Why?</worker-comment>{INSTRUCTIONS}"""
    "</crowd-image-classifier-multi-select></crowd-form>"
)


def test_images(desk: Desk) -> None:
    page = desk.open(IMAGE)
    page.wait_for_function(
        "document.querySelector('crowd-image-classifier-multi-select').shadowRoot.querySelector('.stage-image')"
    )
    page.keyboard.press("2")
    page.keyboard.press("+")
    check(desk, "image")
    assert desk.answer() == {"animals": {"labels": ["Dog"]}}
    page.get_by_role("button", name="Say more").click()
    page.locator("#comment").fill("  a tail ")
    page.get_by_role("button", name="Save").click()
    assert desk.answer() == {"animals": {"labels": ["Dog"], "workerComment": "a tail"}}


def test_an_image_that_does_not_come_blocks_sending(desk: Desk) -> None:
    page = desk.open(IMAGE.replace("/scene.jpg", "/none.jpg"))
    page.get_by_role("button", name="Try again").wait_for()
    page.keyboard.press("1")
    assert desk.answer() is None
