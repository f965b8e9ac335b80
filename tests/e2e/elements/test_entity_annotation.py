# ruff: noqa: E501 - pieces of HTML read better in one line
"""crowd-entity-annotation: marking by mouse and keyboard, overlaps, offsets, its own form."""

from __future__ import annotations

import html
import json

import pytest

from .conftest import Desk
from .test_accessibility import check
from .texts import TextTool, entity_page

pytestmark = pytest.mark.browser

TEXT = "On 4 March, Emma Reyes flew from Buenos Aires to Paris.\nShe died in Bordeaux."
INSTRUCTIONS = "<short-instructions>Short.</short-instructions><full-instructions>Long.</full-instructions>"


def open_tool(desk: Desk, text: str = TEXT, **options: object) -> TextTool:
    return TextTool(desk.open(entity_page(text, **options)))  # type: ignore[arg-type]


def initial(*entities: tuple[str, int, int]) -> str:
    given = [{"label": label, "startOffset": start, "endOffset": end} for label, start, end in entities]
    return f'initial-value="{html.escape(json.dumps(given))}"'


def test_it_is_accessible_in_every_state(desk: Desk) -> None:
    tool = open_tool(desk, content=INSTRUCTIONS)
    check(desk, "untouched")
    tool.drag("Emma Reyes")
    check(desk, "asking for a label")
    tool.press("1")
    check(desk, "an entity selected")
    tool.press("?")
    check(desk, "shortcuts")


def test_drag_with_a_label_chosen(desk: Desk) -> None:
    tool = open_tool(desk)
    desk.page.evaluate(
        "window.seen = 0; document.querySelector('crowd-entity-annotation').addEventListener('change', () => { seen += 1 })"
    )
    tool.press("1")
    tool.drag("Emma Reyes")
    tool.drag("Bordeaux", back=True)
    assert tool.marked(TEXT) == [("PER", "Emma Reyes"), ("PER", "Bordeaux")]
    assert desk.page.evaluate("seen") == 2
    assert tool.answer() == {
        "ner": {
            "entities": [
                {"endOffset": 22, "label": "PER", "startOffset": 12},
                {"endOffset": 76, "label": "PER", "startOffset": 68},
            ]
        }
    }


def test_mark_first_and_choose_then(desk: Desk) -> None:
    tool = open_tool(desk)
    tool.drag(" Buenos Aires ")
    desk.page.locator("crowd-entity-annotation .pick", has_text="Location").click()
    tool.click("Paris", times=2)
    tool.press("2")
    tool.click("Bordeaux", times=2)
    tool.press("Escape")
    assert tool.marked(TEXT) == [("LOC", "Buenos Aires"), ("LOC", "Paris")]


def test_a_passage_over_several_lines(desk: Desk) -> None:
    tool = open_tool(desk)
    tool.press("3")
    tool.drag("Paris.She died")
    assert tool.marked(TEXT) == [("DATE", "Paris.\nShe died")]


def test_white_space_alone_is_no_passage(desk: Desk) -> None:
    text = "a        b"
    tool = open_tool(desk, text)
    tool.press("1")
    tool.drag("       ")
    assert tool.entities() == []


def test_double_click_takes_the_word_even_if_part_of_it_is_marked(desk: Desk) -> None:
    tool = open_tool(desk, extra=initial(("LOC", 49, 51)))
    tool.press("1")
    tool.click("ris", times=2)
    assert tool.marked(TEXT) == [("LOC", "Pa"), ("PER", "Paris")]


def test_overlaps_and_several_labels_for_one_passage(desk: Desk) -> None:
    tool = open_tool(desk)
    tool.press("1")
    tool.drag("Emma Reyes flew")
    tool.drag("Reyes flew from")
    tool.press("Escape", "2")
    tool.drag("Reyes flew from")
    tool.drag("Reyes flew from")
    assert tool.marked(TEXT) == [
        ("PER", "Emma Reyes flew"),
        ("LOC", "Reyes flew from"),
        ("PER", "Reyes flew from"),
    ]
    tags = tool.in_shadow("[...root.querySelectorAll('.tag-name')].map(tag => tag.textContent)")
    assert tags == ["PER", "PER", "Loc"]


def test_clicks_go_from_the_inner_entity_to_the_outer(desk: Desk) -> None:
    tool = open_tool(desk, extra=initial(("PER", 12, 22), ("LOC", 12, 16)))
    current = "root.querySelector('.span-row[aria-current] .name').textContent"
    tool.click("mm")
    assert tool.in_shadow(current) == "Emma"
    tool.click("mm")
    assert tool.in_shadow(current) == "Emma Reyes"
    tool.click("flew")
    assert tool.in_shadow("root.querySelector('.span-row[aria-current]')") is None


def test_relabel_delete_and_undo(desk: Desk) -> None:
    tool = open_tool(desk, extra=initial(("PER", 12, 22), ("LOC", 49, 54)))
    tool.click("Emma")
    tool.press("3")
    assert tool.marked(TEXT) == [("DATE", "Emma Reyes"), ("LOC", "Paris")]
    tool.press("Delete")
    assert tool.marked(TEXT) == [("LOC", "Paris")]
    tool.press("Control+z", "Control+z")
    assert tool.marked(TEXT) == [("PER", "Emma Reyes"), ("LOC", "Paris")]
    tool.press("Control+y", "Control+Shift+z")
    assert tool.marked(TEXT) == [("LOC", "Paris")]
    tool.click("Paris")
    desk.page.locator("crowd-entity-annotation .tag.selected .cross").click()
    assert tool.entities() == []
    desk.page.locator("crowd-entity-annotation #undo").click()
    assert tool.marked(TEXT) == [("LOC", "Paris")]


def test_the_list_selects_and_deletes(desk: Desk) -> None:
    tool = open_tool(desk, extra=initial(("PER", 12, 22), ("LOC", 49, 54)))
    row = desk.page.locator("crowd-entity-annotation .span-row", has_text="Paris")
    row.click()
    assert tool.in_shadow("root.querySelector('.tag.selected').textContent") == "Loc×"
    row.get_by_role("button", name="Delete entity").click()
    assert tool.marked(TEXT) == [("PER", "Emma Reyes")]


def test_by_keyboard_alone(desk: Desk) -> None:
    tool = open_tool(desk)
    for _ in range(12):
        tool.press("Tab")
        if tool.in_shadow("root.activeElement?.className") == "text":
            break
    tool.press("Control+ArrowRight", "Control+ArrowRight", "Control+ArrowRight")
    tool.press("Control+Shift+ArrowRight", "Control+Shift+ArrowRight", "1")
    assert tool.marked(TEXT) == [("PER", "Emma Reyes")]
    tool.press("End", "Control+ArrowLeft", " ", "2")
    assert tool.marked(TEXT)[1:] == [("LOC", "Paris")]
    tool.press("Control+End", "ArrowLeft", "ArrowLeft", " ", "Enter")
    desk.page.wait_for_selector("crowd-entity-annotation .picker")
    tool.press("2")
    tool.press("Control+Home", "Control+ArrowRight", " ", " ", "3")
    assert tool.marked(TEXT) == [
        ("DATE", "4 March"),
        ("PER", "Emma Reyes"),
        ("LOC", "Paris"),
        ("LOC", "Bordeaux"),
    ]
    tool.press("Control+Home", "Tab", "Tab", "Tab", "Delete")
    assert [passage for _, passage in tool.marked(TEXT)] == ["4 March", "Emma Reyes", "Bordeaux"]
    tool.press("Control+Enter")
    assert tool.in_shadow(
        "root.querySelector('crowd-form').shadowRoot.querySelector('#answers-box').textContent !== ''"
    )


def test_the_caret_goes_up_and_down(desk: Desk) -> None:
    text = "one two three\nfour five six\n\nseven"
    tool = open_tool(desk, text)
    tool.focus()
    tool.press("Control+ArrowRight", "ArrowDown", " ", "1")
    tool.press("Home", "ArrowDown", "ArrowDown", " ", "2")
    tool.press("ArrowUp", "ArrowUp", "ArrowUp", " ", "3")
    assert tool.marked(text) == [("DATE", "two"), ("PER", "five"), ("LOC", "seven")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("😀 hi 🧵 there", "🧵 there"),
        ("cafe\u0301 noir", "cafe\u0301"),
        ("a\tb  c\td", "b  c"),
        ("naïve 👩‍🚀 pilot", "pilot"),
        ("<b>&amp; \"x\" 'y'", '&amp; "x"'),
        ("ends with\r\nboth\r\n", "both"),
    ],
)
def test_offsets_are_code_points_of_the_text(desk: Desk, text: str, words: str) -> None:
    page = desk.open("<div id='here'></div>")
    page.evaluate(
        """([text, page]) => {
            here.innerHTML = page;
            here.firstChild.setAttribute('text', text);
        }""",
        [text, entity_page("x")],
    )
    tool = TextTool(page)
    tool.in_shadow("null")
    tool.press("1")
    tool.drag(words)
    assert tool.marked(text) == [("PER", words)]


def test_right_to_left_text(desk: Desk) -> None:
    text = "היא גרה בירושלים עם Anna בשנת 1948"
    tool = open_tool(desk, text)
    tool.press("2")
    tool.drag("בירושלים")
    tool.click("Anna", times=2)
    assert tool.marked(text) == [("LOC", "בירושלים"), ("LOC", "Anna")]
    tool.press("Escape", "Escape")
    tool.press("Control+Home", "Control+ArrowLeft", " ", "3")
    assert tool.marked(text)[0] == ("DATE", "גרה")


def test_initial_values(desk: Desk) -> None:
    messages: list[str] = []
    desk.page.on("console", lambda message: messages.append(message.text))
    given = initial(("PER", 12, 22), ("MOON", 0, 2), ("LOC", 70, 999))
    tool = open_tool(desk, extra=given)
    assert tool.marked(TEXT) == [("PER", "Emma Reyes"), ("LOC", "rdeaux.")]
    assert any("MOON" in message for message in messages)
    assert len(tool.answer()["ner"]["entities"]) == 2


def test_an_unreadable_initial_value_is_named(desk: Desk) -> None:
    tool = open_tool(desk, extra='initial-value="{a: 1}"')
    assert '"initial-value" cannot be read' in tool.in_shadow("root.querySelector('.broken').textContent")


def test_labels_may_change(desk: Desk) -> None:
    tool = open_tool(desk, extra=initial(("PER", 12, 22)))
    tool.in_shadow("(el.labels = ['LOC', 'X'], 0)")
    assert tool.entities() == []
    tool.in_shadow("(el.labels = \"['PER',]\", 0)")
    assert tool.entities() == [("PER", 12, 22)]
    assert tool.in_shadow("el.getAttribute('labels')") == '["PER"]'


def test_many_labels_have_letters_and_a_filter(desk: Desk) -> None:
    tool = open_tool(desk, labels=[f"L{n}" for n in range(1, 61)])
    tool.press("b")
    tool.click("Paris", times=2)
    tool.press("Escape", "Escape")
    tool.click("flew", times=2)
    desk.page.locator("crowd-entity-annotation .picker input").fill("l60")
    tool.press("Enter")
    assert tool.marked(TEXT) == [("L60", "flew"), ("L12", "Paris")]


def test_nothing_to_label(desk: Desk) -> None:
    tool = open_tool(desk)
    assert tool.answer() is None
    assert "Mark at least one passage" in tool.in_shadow("root.querySelector('.problem').textContent")
    box = desk.page.get_by_label("Nothing to label")
    box.check()
    assert tool.answer() == {"ner": {"entities": []}}
    tool.press("1")
    tool.click("Paris", times=2)
    assert not box.is_checked()
    box.click()
    desk.page.get_by_role("button", name="Keep").click()
    assert tool.marked(TEXT) == [("PER", "Paris")]
    box.click()
    desk.page.locator("crowd-entity-annotation #confirm-delete").click()
    assert tool.answer() == {"ner": {"entities": []}}
    tool.press("Control+z")
    assert tool.marked(TEXT) == [("PER", "Paris")]


MORE = (
    '<div id="more"><crowd-radio-group><crowd-radio-button name="tech" value="tech">Tech</crowd-radio-button>'
    '<crowd-radio-button name="politics" value="politics">Politics</crowd-radio-button></crowd-radio-group></div>'
)


@pytest.mark.parametrize("is_moved", [False, True])
def test_more_questions_are_part_of_the_answer(desk: Desk, is_moved: bool) -> None:
    script = (
        "<script>document.addEventListener('all-crowd-elements-ready', () => {"
        " document.querySelector('crowd-entity-annotation').shadowRoot.querySelector('crowd-form').form.appendChild(more);"
        "});</script>"
    )
    page = desk.open(
        entity_page(TEXT, content=MORE, extra=initial(("PER", 12, 22))) + (script if is_moved else "")
    )
    tool = TextTool(page)
    page.get_by_text("Tech").click()
    assert tool.answer() == {
        "ner": {"entities": [{"endOffset": 22, "label": "PER", "startOffset": 12}]},
        "politics": {"politics": False},
        "tech": {"tech": True},
    }


def test_the_inner_form_can_be_stopped(desk: Desk) -> None:
    tool = open_tool(desk, extra=initial(("PER", 12, 22)))
    tool.in_shadow(
        "(root.querySelector('crowd-form').addEventListener('submit', e => e.preventDefault()), 0)"
    )
    assert tool.answer() is None


def test_a_form_around_it_wins(desk: Desk) -> None:
    page = desk.open(f"<crowd-form>{entity_page(TEXT, extra=initial(('PER', 12, 22)))}</crowd-form>")
    assert page.evaluate("document.querySelectorAll('crowd-form').length") == 1
    tool = TextTool(page)
    assert tool.in_shadow("root.querySelector('crowd-form')") is None
    assert page.get_by_role("button", name="Submit").count() == 1
    tool.click("Emma")
    tool.press("2")
    assert desk.answer() == {"ner": {"entities": [{"endOffset": 22, "label": "LOC", "startOffset": 12}]}}


def test_it_may_be_moved(desk: Desk) -> None:
    tool = open_tool(desk)
    tool.press("1")
    tool.click("Paris", times=2)
    desk.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<section id=s></section>');"
        "s.append(document.querySelector('crowd-entity-annotation'))"
    )
    tool.click("Bordeaux", times=2)
    assert tool.marked(TEXT) == [("PER", "Paris"), ("PER", "Bordeaux")]
    assert len(tool.answer()["ner"]["entities"]) == 2


def test_a_draft_comes_back(desk: Desk) -> None:
    tool = open_tool(desk)
    tool.press("1")
    tool.click("Paris", times=2)
    draft = tool.in_shadow("root.querySelector('crowd-form').getDraft()")
    tool = open_tool(desk)
    desk.page.evaluate(
        "draft => document.querySelector('crowd-entity-annotation').shadowRoot.querySelector('crowd-form').restoreDraft(draft)",
        draft,
    )
    assert tool.marked(TEXT) == [("PER", "Paris")]


def test_a_long_text_is_built_line_by_line(desk: Desk) -> None:
    line = "The committee met in Geneva on Tuesday and adopted the report without a vote. "
    text = "\n".join(f"{n}: {line * 2}" for n in range(1250))
    assert len(text) > 200_000
    tool = open_tool(desk, text, extra=initial(*[("LOC", 160 * n, 160 * n + 4) for n in range(1000)]))
    tool.in_shadow(
        "(window.touched = new Set(), new MutationObserver(list => list.forEach(r => touched.add(r.target.closest?.('.line'))))"
        ".observe(root.querySelector('.text'), {childList: true, subtree: true}), 0)"
    )
    tool.press("1")
    tool.click("Geneva", 2400, times=2)
    tool.press("Control+z")
    assert desk.page.evaluate("touched.size") <= 2
    assert len(tool.entities()) == 1000
    assert tool.in_shadow("root.querySelectorAll('.span-row').length") < 60


def test_hiding(desk: Desk) -> None:
    tool = open_tool(desk, extra=initial(("PER", 12, 22), ("LOC", 49, 54)))
    tool.press("h")
    assert tool.in_shadow("root.querySelectorAll('.mark').length") == 0
    assert len(tool.entities()) == 2
    tool.press("h")
    desk.page.get_by_role("button", name="Hide all Person").click()
    assert tool.in_shadow("[...root.querySelectorAll('.tag-name')].map(tag => tag.textContent)") == ["Loc"]
