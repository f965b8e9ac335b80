# ruff: noqa: E501 - pieces of HTML read better in one line
"""crowd-form: what is collected, what blocks, who may trigger, what the portal hears."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Desk, Site
from .portal import open_in_portal, send

pytestmark = pytest.mark.browser

MIXED = """<crowd-form>
  <input type="radio" name="side" value="left" checked><input type="radio" name="side" value="right">
  <label><input type="checkbox" name="torn"> torn</label>
  <input type="checkbox" name="marks" value="ink" checked><input type="checkbox" name="marks" value="mud">
  <select name="grade"><option value="">choose</option><option>B</option></select>
  <textarea name="note"></textarea>
  <crowd-slider name="score" min="1" max="5" value="4"></crowd-slider>
  <crowd-input name="who" value="Ann"></crowd-input>
</crowd-form>"""


def test_the_published_collection_example_to_the_letter(desk: Desk) -> None:
    desk.open(MIXED)
    expected = (
        '{"marks":{"ink":true,"mud":false},"score":4,"side":{"left":true,"right":false},'
        '"torn":{"on":false},"who":"Ann"}'
    )
    assert json.dumps(desk.answer(), separators=(",", ":")) == expected
    serialized = desk.page.evaluate("document.querySelector('crowd-form')._serializeForm().taskAnswers")
    assert serialized == f"[{expected}]"


CASES: list[tuple[str, dict[str, Any]]] = [
    ("<input name='a' value='1'><input name='a' value='2'>", {"a": "2"}),
    ("<crowd-checkbox name='_'>x</crowd-checkbox><input type='hidden' name='_' value='_'>", {"_": "_"}),
    (
        "<input type='checkbox' name='d' value='x' checked><input type='checkbox' name='d' value='x'>",
        {"d": {"x": True}},
    ),
    ("<input name=' sp.a-c/e 1' value=' kept '>", {" sp.a-c/e 1": " kept "}),
    ("<input name='' value='1'><input value='2'><crowd-input value='3'></crowd-input>", {}),
    (
        "<fieldset disabled><input name='a' value='1'><crowd-input name='b' value='2'></crowd-input></fieldset>",
        {},
    ),
    ("<input name='a' value='1' disabled><crowd-checkbox name='c' disabled>x</crowd-checkbox>", {}),
    ("<crowd-input name='d' value='1' disabled='false'></crowd-input>", {"d": "1"}),
    ("<select name='m' multiple><option selected>a<option>b<option selected>c</select>", {"m": ["a", "c"]}),
    ("<input type='number' name='n' value='3'><input type='range' name='r' value='7'>", {"n": "3", "r": "7"}),
    ("<input type='date' name='d' value='2024-05-01'>", {"d": "2024-05-01"}),
    ("<input type='hidden' name='h' value='{\"a\":1}'>", {"h": '{"a":1}'}),
    ("<form><div hidden><input name='deep' value='1'></div></form>", {"deep": "1"}),
    ("<short-instructions><input name='in' value='1'></short-instructions>", {"in": "1"}),
    ("<button name='b' value='1'>x</button><input type='submit' name='s' value='2'>", {}),
    ("<textarea name='t'>a\nb</textarea>", {"t": "a\nb"}),
    ("<crowd-text-area name='t' value='one&#10;two'></crowd-text-area>", {"t": "one\ntwo"}),
    ("<crowd-toggle-button name='t' checked='false'>x</crowd-toggle-button>", {"t": {"on": False}}),
    ("<crowd-slider name='s' step='0.1' value='0.30000000000000004' max='1'></crowd-slider>", {"s": 0.3}),
    (
        "<crowd-radio-group><crowd-radio-button name='option1' value='Option 1' checked>1</crowd-radio-button>"
        "<div><crowd-radio-button name='option2' value='Option 2' checked>2</crowd-radio-button></div>"
        "</crowd-radio-group>",
        {"option1": {"Option 1": False}, "option2": {"Option 2": True}},
    ),
    (
        "<crowd-tabs><crowd-tab header='A'>a</crowd-tab><crowd-tab header='B'>"
        "<input name='hidden-tab' value='1'></crowd-tab></crowd-tabs>",
        {"hidden-tab": "1"},
    ),
    ("<crowd-modal><input name='in-modal' value='1'></crowd-modal>", {"in-modal": "1"}),
    ("<crowd-unheard-of><input name='u' value='1'></crowd-unheard-of>", {"u": "1"}),
]


@pytest.mark.parametrize(("content", "expected"), CASES, ids=range(len(CASES)))
def test_collection(desk: Desk, content: str, expected: dict[str, Any]) -> None:
    desk.open(f"<crowd-form>{content}</crowd-form>")
    assert desk.answer() == expected


def test_a_control_may_have_any_name(desk: Desk) -> None:
    page = desk.open("<crowd-form><input name='__proto__' value='1'></crowd-form>")
    text = page.evaluate("document.querySelector('crowd-form')._serializeForm().taskAnswers")
    assert text == '[{"__proto__":"1"}]'


def test_flattened_answers(desk: Desk) -> None:
    desk.open(
        '<crowd-form answer-format="flatten-objects"><crowd-classifier name="category" categories="[\'Cat\']"'
        ' initial-value="Cat"></crowd-classifier><crowd-checkbox name="a" value="x">x</crowd-checkbox></crowd-form>'
    )
    assert desk.answer() == {"a.x": False, "category.label": "Cat"}


def test_what_is_put_into_the_forms_form_is_collected(desk: Desk) -> None:
    page = desk.open("<crowd-form><input name='a' value='1'></crowd-form>")
    page.evaluate(
        "document.querySelector('crowd-form').form.insertAdjacentHTML('beforeend', '<div><input name=b value=2></div>')"
    )
    assert desk.answer() == {"a": "1", "b": "2"}


def test_the_submit_button_is_added_only_when_the_author_has_none(desk: Desk) -> None:
    count = "document.querySelector('crowd-form').shadowRoot.querySelectorAll('crowd-button').length"
    assert desk.open("<crowd-form>text<button>native</button></crowd-form>").evaluate(count) == 1
    hidden = "<form><crowd-button form-action='submit' style='display:none'>Go</crowd-button></form>"
    page = desk.open(f"<crowd-form>{hidden}</crowd-form>")
    assert page.evaluate(count) == 0
    page.evaluate("document.querySelector('crowd-form > form').remove()")
    page.wait_for_function(f"{count} === 1")


COUNT = (
    "<script>window.seen = 0; const form = document.querySelector('crowd-form');"
    "form.addEventListener('submit', () => { seen += 1; });</script>"
)
TRIGGERS = [
    ("<crowd-button id='go' form-action='submit'>Go</crowd-button>", "click", 1),
    ("<crowd-button id='go'>Go</crowd-button>", "click", 0),
    ("<crowd-button id='go' form-action='submit' disabled>Go</crowd-button>", "click", 0),
    ("<button id='go'>Go</button>", "click", 1),
    ("<button id='go' type='button'>Go</button>", "click", 0),
    ("<input id='go' type='submit'>", "click", 1),
    ("<button id='go' onclick='event.preventDefault()'>Go</button>", "click", 0),
    ("<form action='/elsewhere'><button id='go'>Go</button></form>", "click", 1),
    ("<form onsubmit='return false'><button id='go'>Go</button></form>", "click", 0),
    ("<form><button id='go' onclick='form.closest(\"crowd-form\").submit()'>Go</button></form>", "click", 1),
    ("<input id='go' name='a'>", "Enter", 1),
    ("<form><input id='go' name='a'></form>", "Enter", 1),
    ("<crowd-input id='go' name='a'></crowd-input>", "Enter", 1),
    ("<textarea id='go' name='a'></textarea>", "Enter", 0),
    ("<textarea id='go' name='a'></textarea>", "Control+Enter", 1),
    ("<crowd-text-area id='go' name='a'></crowd-text-area>", "Enter", 0),
    ("<p id='go'>nothing has the focus</p>", "Control+Enter", 1),
]


@pytest.mark.parametrize(("content", "action", "times"), TRIGGERS, ids=range(len(TRIGGERS)))
def test_triggers(desk: Desk, content: str, action: str, times: int) -> None:
    page = desk.open(f"<crowd-form>{content}</crowd-form>{COUNT}")
    if action == "click":
        page.evaluate("document.querySelector('#go').click()")
    else:
        page.evaluate("document.querySelector('#go').focus()")
        page.keyboard.press(action)
    page.evaluate("new Promise(done => setTimeout(done))")
    assert page.evaluate("seen") == times
    assert page.url.endswith("/task")


def test_a_submit_handler_may_fill_fields_or_refuse(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form onsubmit='late.value = \"now\"; return !refuse'><input type='hidden' name='late' id='late'></crowd-form>"
        "<script>window.refuse = true</script>"
    )
    assert desk.answer() is None
    page.evaluate("window.refuse = false")
    assert desk.answer() == {"late": "now"}


def test_two_submits_in_one_gesture_count_once(desk: Desk) -> None:
    page = desk.open(f"<crowd-form><input name='a' value='1'></crowd-form>{COUNT}")
    page.evaluate("form.submit(); form.submit()")
    assert page.evaluate("seen") == 1


INVALID = [
    ("<input name='a' required>", "Please fill out this field", "input"),
    ("<label>Colour <select name='a' required><option value=''></select></label>", "Colour", "select"),
    ("<form><input name='a' required></form>", "Please fill out this field", "input"),
    (
        "<short-instructions>x<input name='a' type='date' required></short-instructions>",
        "Please fill out",
        "input",
    ),
    (
        "<crowd-input name='a' label='Title' required></crowd-input>",
        "Title: This field is required.",
        "crowd-input",
    ),
    (
        "<crowd-input name='a' min-length='3' value='ab' error-message='Longer!'></crowd-input>",
        "Longer!",
        "crowd-input",
    ),
    ("<crowd-input name='a' type='email' value='nobody'></crowd-input>", "@", "crowd-input"),
    ("<crowd-text-area name='a' required></crowd-text-area>", "This field is required.", "crowd-text-area"),
    ("<crowd-checkbox name='a' required>I agree</crowd-checkbox>", "Tick this box", "crowd-checkbox"),
    (
        "<crowd-toggle-button name='a' required>x</crowd-toggle-button>",
        "Switch this on",
        "crowd-toggle-button",
    ),
    ("<crowd-slider name='a' required></crowd-slider>", "Move the slider", "crowd-slider"),
    (
        "<crowd-classifier name='a' categories='[\"x\", \"y\"]'></crowd-classifier>",
        "Choose a category.",
        "crowd-classifier",
    ),
    (
        "<crowd-tabs><crowd-tab header='A'>a</crowd-tab><crowd-tab header='B'><crowd-input name='a' required>"
        "</crowd-input></crowd-tab></crowd-tabs>",
        "This field is required.",
        "crowd-input",
    ),
]


@pytest.mark.parametrize(("content", "said", "focused"), INVALID, ids=range(len(INVALID)))
def test_an_invalid_control_blocks_and_gets_the_focus(
    desk: Desk, content: str, said: str, focused: str
) -> None:
    page = desk.open(f"<crowd-form>{content}</crowd-form>{COUNT}")
    assert desk.answer() is None
    assert said in desk.status()
    assert page.evaluate("seen") == 0
    assert page.evaluate("document.activeElement.localName") == focused


def test_native_controls_are_looked_at_before_crowd_inputs_before_widgets(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><crowd-classifier name='w' categories='[\"x\"]'></crowd-classifier>"
        "<crowd-input name='c' id='c' label='Crowd' required></crowd-input><input name='n' id='n' required></crowd-form>"
    )
    desk.answer()
    assert page.evaluate("document.activeElement.id") == "n"
    page.evaluate("document.querySelector('#n').value = '1'")
    desk.answer()
    assert page.evaluate("document.activeElement.id") == "c"
    page.evaluate("document.querySelector('#c').value = '1'")
    desk.answer()
    assert page.evaluate("document.activeElement.localName") == "crowd-classifier"
    page.keyboard.press("1")
    assert desk.answer() == {"c": "1", "n": "1", "w": {"label": "x"}}


def test_reset_takes_everything_back(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><input name='n' value='1'><select name='s'><option>a<option selected>b</select>"
        "<crowd-input name='c' value='1'></crowd-input><crowd-checkbox name='x' checked>x</crowd-checkbox>"
        "<crowd-classifier name='w' categories='[\"x\", \"y\"]' initial-value='y'></crowd-classifier>"
        "<crowd-button form-action='reset' id='r'>Reset</crowd-button></crowd-form>"
    )
    before = desk.answer()
    page.evaluate(
        "for (const e of document.querySelectorAll('[name=n],[name=c]')) e.value = '2';"
        "document.querySelector('select').value = 'a'; document.querySelector('crowd-checkbox').checked = false;"
        "document.querySelector('crowd-classifier').value = 'x'"
    )
    assert desk.answer() != before
    page.click("#r")
    assert desk.answer() == before


def test_instructions_directly_in_the_form(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form>work<short-instructions header='Read this'>Short</short-instructions>"
        "<full-instructions header='All of it'>Long</full-instructions></crowd-form>"
    )
    assert page.get_by_text("Read this").is_visible() and page.get_by_text("Short").is_visible()
    assert not page.get_by_text("Long").is_visible()
    page.get_by_role("button", name="View full instructions").click()
    assert page.get_by_text("All of it").is_visible() and page.get_by_text("Long").is_visible()


def test_drafts_cover_every_control(desk: Desk) -> None:
    content = (
        "<crowd-form><input name='n'><input type='checkbox' name='b'><textarea name='t'></textarea>"
        "<select name='s'><option>a<option>b</select><crowd-input name='c'></crowd-input>"
        "<crowd-checkbox name='x'>x</crowd-checkbox><crowd-slider name='l'></crowd-slider>"
        "<crowd-classifier name='w' categories='[\"x\", \"y\"]'></crowd-classifier></crowd-form>"
    )
    page = desk.open(content)
    page.fill("[name=n]", "one")
    page.check("[name=b]")
    page.fill("textarea", "two")
    page.select_option("select", "b")
    page.locator("crowd-input input").fill("three")
    page.click("crowd-checkbox")
    page.locator("crowd-slider input").press("ArrowRight")
    page.locator("crowd-classifier .choice").nth(1).click()
    before, draft = desk.answer(), page.evaluate("document.querySelector('crowd-form').getDraft()")
    page = desk.open(content)
    page.evaluate("draft => document.querySelector('crowd-form').restoreDraft(draft)", draft)
    assert desk.answer() == before
    assert before["w"] == {"label": "y"} and before["c"] == "three" and before["l"] == 1


def test_conversation_with_the_portal(desk: Desk, site: Site) -> None:
    page = open_in_portal(desk, site, "<crowd-form><input name='a'></crowd-form>")
    frame = page.frame_locator("iframe")
    send(page, {"type": "labelwright.restore", "draft": {"input:a:0": "kept"}})
    frame.locator("[name=a]").press("End")
    frame.locator("[name=a]").press_sequentially("!")
    page.wait_for_function("heard.some(m => m.type === 'labelwright.draft')")
    draft = page.evaluate("heard.find(m => m.type === 'labelwright.draft')")
    assert draft == {
        "type": "labelwright.draft",
        "taskId": "t1",
        "nonce": "n1",
        "draft": {"input:a:0": "kept!"},
    }
    frame.get_by_role("button", name="Submit").click()
    page.wait_for_function("heard.some(m => m.type === 'labelwright.submit')")
    assert page.evaluate("heard.filter(m => m.type === 'labelwright.submit')") == [
        {"type": "labelwright.submit", "taskId": "t1", "nonce": "n1", "answer": {"a": "kept!"}}
    ]
    assert page.evaluate("heard.some(m => m.type === 'labelwright.activity')")
    # A refusal leaves the work and the button; so a second try is possible.
    send(page, {"type": "labelwright.refused", "taskId": "t1", "message": "The store is full."})
    frame.get_by_text("The store is full.").wait_for()
    frame.get_by_role("button", name="Submit").click()
    page.wait_for_function("heard.filter(m => m.type === 'labelwright.submit').length === 2")
    send(page, {"type": "labelwright.submitted", "taskId": "t1"})
    frame.get_by_text("Sent.").wait_for()
    assert frame.locator("#answers-box").count() == 0


def test_messages_for_another_task_are_not_ours(desk: Desk, site: Site) -> None:
    page = open_in_portal(desk, site, "<crowd-form><input name='a'></crowd-form>")
    send(page, {"type": "labelwright.submitted", "taskId": "another"})
    send(page, {"type": "labelwright.lock", "message": "Time is up."})
    frame = page.frame_locator("iframe")
    frame.get_by_text("Time is up.").first.wait_for()
    assert frame.get_by_text("Sent.").count() == 0


def test_a_preview_shows_the_answer_and_sends_nothing(desk: Desk, site: Site) -> None:
    page = open_in_portal(desk, site, "<crowd-form><input name='a' value='1'></crowd-form>", mode="preview")
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Submit").click()
    frame.get_by_text('"a": "1"').wait_for()
    assert not page.evaluate("heard.some(m => m.type === 'labelwright.submit')")


def test_ready_fires_once_after_everything_is_drawn(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><crowd-bounding-box name='a' src='/never.jpg' labels='[]'></crowd-bounding-box></crowd-form>",
        before="<script>window.times = 0; window.roots = [];"
        "document.addEventListener('all-crowd-elements-ready', () => { times += 1;"
        "roots.push(document.querySelector('crowd-bounding-box').shadowRoot.querySelector('.stage') !== null) })</script>",
    )
    page.evaluate("new Promise(done => setTimeout(done, 150))")
    assert page.evaluate("[times, roots]") == [1, [True]]


def test_loading_the_script_twice_is_harmless(desk: Desk) -> None:
    script = '<script src="/static/crowd-html-elements.js"></script>'
    desk.open(f"{script}<crowd-form><input name='a' value='1'></crowd-form>{script}")
    assert desk.answer() == {"a": "1"}


def test_elements_made_by_script_work_and_can_be_moved(desk: Desk) -> None:
    page = desk.open("<crowd-form><div id='a'></div><div id='b'></div></crowd-form>")
    made = page.evaluate(
        """async () => {
            const tags = ['crowd-alert', 'crowd-badge', 'crowd-bounding-box', 'crowd-button', 'crowd-card',
                'crowd-checkbox', 'crowd-classifier', 'crowd-fab', 'crowd-icon-button', 'crowd-image-classifier',
                'crowd-input', 'crowd-instructions', 'crowd-modal', 'crowd-radio-button', 'crowd-radio-group',
                'crowd-slider', 'crowd-tab', 'crowd-tabs', 'crowd-text-area', 'crowd-toast', 'crowd-toggle-button'];
            const bad = [];
            for (const tag of tags) {
                const element = document.createElement(tag);
                element.innerHTML = '<b>content</b>';
                a.append(element);
                await element.updateComplete;
                if (!element.shadowRoot || element.shadowRoot.mode !== 'open') bad.push(tag);
                b.append(element);
                element.remove();
                b.append(element);
                await element.updateComplete;
            }
            return bad;
        }"""
    )
    assert made == []
