"""crowd-question-answer-generation: pairs, references in the text, limits, the answer."""

from __future__ import annotations

import html
from typing import Any

import pytest

from .conftest import Desk
from .test_accessibility import check
from .texts import TextTool

pytestmark = pytest.mark.browser

TAG = "crowd-question-answer-generation"
TEXT = "😀 Ann won the race in 1960.\nBob came second, an hour later."


def form(extra: str = "question-tags=\"['Who', 'When']\" allow-custom-question-tags") -> str:
    return (
        f'<crowd-form><{TAG} name="qa" header="Ask about the text" text="{html.escape(TEXT)}" {extra}>'
        f"<short-instructions>Ask what can be answered.</short-instructions></{TAG}></crowd-form>"
    )


def fill(page: Any, nth: int, question: str, answer: str) -> None:
    pair = page.locator(f"{TAG} .pair").nth(nth)
    pair.locator("textarea").nth(0).fill(question)
    pair.locator("textarea").nth(1).fill(answer)


def test_it_is_accessible(desk: Desk) -> None:
    page = desk.open(form())
    check(desk, "untouched")
    TextTool(page, TAG).drag("Ann won")
    page.get_by_role("checkbox", name="Who", exact=True).click()
    page.evaluate("document.querySelector('crowd-form').submit()")
    check(desk, "a reference, a tag and a problem")


def test_a_pair_with_references_and_tags(desk: Desk) -> None:
    page = desk.open(form())
    tool = TextTool(page, TAG)
    fill(page, 0, "Who won?", "Ann")
    tool.drag("Ann won")
    tool.drag("Bob came")
    tool.drag("won the race")
    page.get_by_role("checkbox", name="Who", exact=True).click()
    page.get_by_label("Another tag…").fill("Sports")
    page.keyboard.press("Enter")
    pair = {
        "answer": "Ann",
        "question": "Who won?",
        "references": [
            {"endOffset": 18, "startOffset": 2, "text": "Ann won the race"},
            {"endOffset": 36, "startOffset": 28, "text": "Bob came"},
        ],
        "referencesEntireText": False,
        "tags": ["Who", "Sports"],
    }
    assert desk.answer() == {"qa": {"questionAnswerPairs": [pair]}}
    assert TEXT[2:18] == "Ann won the race"
    page.get_by_role("button", name="Remove the reference").nth(1).click()
    page.get_by_label("It is about the whole text").check()
    answer = desk.answer()["qa"]["questionAnswerPairs"][0]
    assert answer["references"] == [] and answer["referencesEntireText"] is True


def test_what_is_missing_is_named_and_focused(desk: Desk) -> None:
    limits = 'question-min-words="2" answer-max-words="3"'
    page = desk.open(form(f'question-tags="[]" allow-custom-question-tags="false" {limits}'))
    tool = TextTool(page, TAG)
    problem = page.locator(f"{TAG} .problem")
    assert desk.answer() is None
    assert problem.text_content() == "Question 1: question needs at least 2 words (now 0)."
    assert tool.in_shadow("root.activeElement.id").startswith("question-")
    fill(page, 0, "Who won?", "It was Ann Smith")
    assert desk.answer() is None
    assert problem.text_content() == "Question 1: answer may have at most 3 words (now 4)."
    fill(page, 0, "Who won?", "Ann")
    assert desk.answer() is None
    assert "mark a passage" in str(problem.text_content())
    assert page.locator(f"{TAG} .tag-list").count() == 0
    tool.click("Ann", times=2)
    assert len(desk.answer()["qa"]["questionAnswerPairs"]) == 1


def test_pairs_come_and_go_within_limits(desk: Desk) -> None:
    page = desk.open(
        form("question-tags='[]' allow-custom-question-tags min-questions='2' max-questions='3'")
    )
    pairs = page.locator(f"{TAG} .pair")
    assert pairs.count() == 2
    assert page.get_by_role("button", name="Delete question 1").is_disabled()
    page.get_by_role("button", name="Add a question").click()
    assert page.get_by_role("button", name="Add a question").is_disabled()
    fill(page, 2, "Third?", "Yes")
    page.get_by_role("button", name="Delete question 3").click()
    assert pairs.count() == 2
    page.locator(f"{TAG} .text").click()
    page.keyboard.press("Control+z")
    assert pairs.count() == 3
    assert pairs.nth(2).locator("textarea").nth(0).input_value() == "Third?"


def test_by_keyboard(desk: Desk) -> None:
    page = desk.open(form())
    tool = TextTool(page, TAG)
    tool.press("n")
    page.keyboard.type("When was it?")
    tool.press("Tab")
    page.keyboard.type("In 1960")
    tool.focus()
    tool.press("Control+End", "Home", " ", " ", "Enter")
    value = page.evaluate(f"document.querySelector('{TAG}').value.questionAnswerPairs[1]")
    assert value["question"] == "When was it?"
    assert [reference["text"] for reference in value["references"]] == ["Bob came"]


def test_marks_show_their_pair(desk: Desk) -> None:
    page = desk.open(form())
    tool = TextTool(page, TAG)
    tool.drag("Ann won")
    tool.press("n")
    tool.drag("Bob came")
    assert tool.in_shadow("[...root.querySelectorAll('.tag-name')].map(tag => tag.textContent)") == ["1", "2"]
    tool.click("Ann")
    assert tool.in_shadow("root.querySelector('.pair.current h3').textContent") == "Question 1"
    page.locator(f"{TAG} .tag.selected .cross").click()
    assert tool.in_shadow("root.querySelectorAll('.mark').length") == 1


def test_a_draft_comes_back(desk: Desk) -> None:
    page = desk.open(form())
    fill(page, 0, "Who won?", "Ann")
    TextTool(page, TAG).drag("Ann won")
    draft = page.evaluate("document.querySelector('crowd-form').getDraft()")
    page = desk.open(form())
    page.evaluate("draft => document.querySelector('crowd-form').restoreDraft(draft)", draft)
    (pair,) = desk.answer()["qa"]["questionAnswerPairs"]
    assert (pair["question"], pair["references"][0]["text"]) == ("Who won?", "Ann won")
