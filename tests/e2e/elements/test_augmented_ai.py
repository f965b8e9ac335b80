"""The review elements: moderation labels of an image, key-value pairs of a form."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest

from .conftest import Desk
from .test_accessibility import check

pytestmark = pytest.mark.browser

MODERATION = "AWS/Rekognition/DetectModerationLabels/Image/V3"
FORMS = "AWS/Textract/AnalyzeDocument/Forms/V1"
CATEGORIES = [
    {"name": "Weapons", "parentName": "Violence"},
    {"name": "Alcohol", "parentName": ""},
    {"name": "Blood", "parentName": "Violence", "severity": 3},
]


def moderation(categories: Any = CATEGORIES, extra: str = "") -> str:
    tag = "crowd-rekognition-detect-moderation-labels"
    given = html.escape(json.dumps(categories))
    return (
        f'<crowd-form><{tag} header="What fits?" src="/scene.jpg" categories="{given}"'
        f" exclusion-category=\"{{ text: 'None' }}\" {extra}>"
        f'<short-instructions header="Instructions">Look closely.</short-instructions></{tag}></crowd-form>'
    )


def test_moderation_labels_are_given_back_whole(desk: Desk) -> None:
    page = desk.open(moderation())
    check(desk, "untouched")
    assert page.get_by_role("checkbox").all_text_contents()[0].split()[0] == "Alcohol"
    page.get_by_role("heading", name="Violence").wait_for()
    page.get_by_role("checkbox", name="Blood").click()
    page.keyboard.press("2")
    assert desk.answer() == {MODERATION: {"moderationLabels": [CATEGORIES[0], CATEGORIES[2]]}}
    page.keyboard.press("n")
    assert desk.answer() == {MODERATION: {"moderationLabels": []}}


def test_moderation_labels_as_texts_under_a_name(desk: Desk) -> None:
    page = desk.open(moderation(["Weapons", "Blood"], 'name="mine"'))
    assert desk.answer() is None
    page.keyboard.press("2")
    assert desk.answer() == {"mine": {"moderationLabels": ["Blood"]}}


def block(kind: str, block_id: str, box: tuple[float, float, float, float], **more: Any) -> dict[str, Any]:
    left, top, width, height = box
    geometry = {"boundingBox": {"left": left, "top": top, "width": width, "height": height}}
    entity = {"entityTypes": [kind]} if kind != "WORD" else {}
    block_type = "WORD" if kind == "WORD" else "KEY_VALUE_SET"
    return {
        "id": block_id,
        "blockType": block_type,
        "confidence": 88.4,
        "geometry": geometry,
        **entity,
        **more,
    }


BLOCKS = [
    block("KEY", "k1", (0.1, 0.1, 0.1, 0.1), text="Name:", relationships=[{"type": "VALUE", "ids": ["v1"]}]),
    block("VALUE", "v1", (0.3, 0.1, 0.2, 0.1), text="Ann Smit"),
    block("KEY", "k2", (0.1, 0.5, 0.1, 0.1), text="City:", relationships=[{"type": "VALUE", "ids": ["v2"]}]),
    block("VALUE", "v2", (0.3, 0.5, 0.2, 0.1), text="Bonn"),
]
KEYS = [{"importantFormKey": "Name", "importantFormKeyAliases": []}, {"importantFormKey": "Phone"}]


def review(extra: str = "no-key-edit no-geometry-edit") -> str:
    tag = "crowd-textract-analyze-document"
    return (
        f'<crowd-form><{tag} header="Check the pairs" src="/scene.jpg" block-types="[\'KEY_VALUE_SET\']"'
        f' initial-value="{html.escape(json.dumps(BLOCKS))}" keys="{html.escape(json.dumps(KEYS))}" {extra}>'
        f"<short-instructions>Check all.</short-instructions></{tag}></crowd-form>"
    )


def plain(*ids: str, **texts: str) -> list[dict[str, Any]]:
    """The blocks as the answer has them: without confidence and geometry."""
    hidden = ("confidence", "geometry")
    return [
        {**{k: v for k, v in given.items() if k not in hidden}, "text": texts.get(given["id"], given["text"])}
        for given in BLOCKS
        if given["id"] in ids
    ]


def as_sorted(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def test_reviewing_by_mouse(desk: Desk) -> None:
    page = desk.open(review())
    check(desk, "untouched")
    page.get_by_role("button", name="Yes").click()
    page.locator("textarea").fill("Ann Smith")
    page.locator(".pair-top", has_text="City:").click()
    page.get_by_role("button", name="No", exact=True).click()
    check(desk, "judged")
    assert as_sorted(desk.answer()) == as_sorted({FORMS: {"blocks": plain("k1", "v1", v1="Ann Smith")}})


def test_reviewing_by_keyboard(desk: Desk) -> None:
    page = desk.open(review())
    page.keyboard.press("y")
    page.keyboard.press("b")
    assert as_sorted(desk.answer()) == as_sorted({FORMS: {"blocks": plain("k1", "v1", "k2", "v2", v2="")}})
    page.keyboard.press("ArrowUp")
    page.keyboard.press("k")
    assert as_sorted(desk.answer()) == as_sorted({FORMS: {"blocks": plain("k2", "v2", v2="")}})


def test_every_pair_must_be_judged(desk: Desk) -> None:
    page = desk.open(review())
    page.keyboard.press("y")
    assert desk.answer() is None
    assert "City:" in str(page.locator(".problem").text_content())
    page.get_by_role("button", name="All others are right").click()
    assert len(desk.answer()[FORMS]["blocks"]) == 4


def test_a_missing_key_is_added(desk: Desk) -> None:
    page = desk.open(review("no-key-edit"))
    page.get_by_role("button", name="All others are right").click()
    choice = page.get_by_label("Add a key")
    assert choice.locator("option").all_text_contents() == ["Add a key…", "Phone"]
    choice.select_option("Phone")
    assert desk.answer() is None
    page.locator("textarea").fill("123")
    blocks = desk.answer()[FORMS]["blocks"]
    assert [(added["id"], added["text"]) for added in blocks[4:]] == [
        ("added-1", "Phone"),
        ("added-1-value", "123"),
    ]
    assert blocks[0]["confidence"] == 88.4


def test_a_click_in_the_document_goes_to_the_pair(desk: Desk) -> None:
    page = desk.open(review())
    page.wait_for_function(
        "document.querySelector('crowd-textract-analyze-document').shadowRoot.querySelector('.stage-image')"
    )
    image = page.locator("crowd-textract-analyze-document .upper-canvas").bounding_box()
    assert image is not None
    page.mouse.click(image["x"] + 0.4 * image["width"], image["y"] + 0.55 * image["height"])
    assert page.locator(".pair.current .pair-key").text_content() == "City:"


def test_a_key_may_be_edited_unless_it_is_forbidden(desk: Desk) -> None:
    assert desk.open(review()).get_by_label("Key", exact=True).count() == 0
    page = desk.open(review("no-geometry-edit"))
    page.get_by_label("Key", exact=True).fill("Full name:")
    page.get_by_role("button", name="All others are right").click()
    assert desk.answer()[FORMS]["blocks"][0]["text"] == "Full name:"


def test_a_draft_comes_back(desk: Desk) -> None:
    page = desk.open(review())
    page.keyboard.press("y")
    page.get_by_label("Add a key").select_option("Phone")
    page.locator("textarea").fill("123")
    draft = page.evaluate("document.querySelector('crowd-form').getDraft()")
    page = desk.open(review())
    page.evaluate("draft => document.querySelector('crowd-form').restoreDraft(draft)", draft)
    page.get_by_role("button", name="All others are right").click()
    assert [given["text"] for given in desk.answer()[FORMS]["blocks"]] == [
        "Name:",
        "Ann Smit",
        "City:",
        "Bonn",
        "Phone",
        "123",
    ]
