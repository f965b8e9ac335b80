# ruff: noqa: E501 - pieces of HTML read better in one line
"""What all tools share: the list of keys, the last label, the image before, focus mode, colours, sending nothing."""

from __future__ import annotations

import base64
import io
import json
import math
from typing import Any

import pytest
from PIL import Image

from .boxes import BoxTool, box_form
from .conftest import Desk, Site
from .masks import MaskDesk, mask_form, painted, png
from .portal import heard, open_in_portal, send
from .shapes import KINDS, POLYGON, Kind, ShapeTool
from .texts import TextTool, entity_page

pytestmark = pytest.mark.browser

INSTRUCTIONS = "<short-instructions>Short.</short-instructions>"
IMAGE_CLASSIFIER = "<crowd-form><crowd-image-classifier name='a' header='Which?' src='/scene.jpg' categories=\"['Cat', 'Dog']\"></crowd-image-classifier></crowd-form>"
CLASSIFIER = "<crowd-form><crowd-classifier name='a' header='Which?' categories=\"['Cat', 'Dog']\"><classification-target>Text</classification-target></crowd-classifier></crowd-form>"
SEVERAL = "<crowd-form><crowd-classifier-multi-select name='a' header='Which?' categories=\"['Cat', 'Dog', 'Cow']\" exclusion-category=\"{text: 'None of them'}\"><classification-target>Text</classification-target></crowd-classifier-multi-select></crowd-form>"
RANKING = "<crowd-form><crowd-text-ranking name='a' header='Rank' text='Prompt' responses=\"['one', 'two']\" ordinal-ranking-dimensions=\"[{name: 'Best', allowTies: false}]\"></crowd-text-ranking></crowd-form>"
PLAIN = "<crowd-form><input name='a'></crowd-form>"

LIST = """() => {
    const roots = [document];
    for (const root of roots) for (const element of root.querySelectorAll('*')) if (element.shadowRoot) roots.push(element.shadowRoot);
    const open = roots.flatMap(root => [...root.querySelectorAll('dialog[open]')]);
    return open.map(dialog => [...dialog.querySelectorAll('tr')].map(row =>
        [[...row.querySelectorAll('kbd')].map(kbd => kbd.textContent).join(' '), row.cells[1].textContent]));
}"""


def key_list(page: Any) -> dict[str, str]:
    """The open list of keys, by key; exactly one dialog is open."""
    page.wait_for_function(f"({LIST})().length === 1")
    return dict(page.evaluate(LIST)[0])


@pytest.mark.parametrize(
    ("content", "labels", "own"),
    [
        (box_form(), {"1": "Car", "2": "House"}, "B"),
        (POLYGON.form(), {"1": "Car", "2": "House"}, "S"),
        (mask_form(src="/scene.jpg"), {"1": "Road", "2": "Tree"}, "G"),
        (mask_form("instance", src="/scene.jpg"), {"1": "Road", "2": "Tree"}, "N"),
        (entity_page("Ada"), {"1": "Person", "2": "Location", "3": "DATE"}, "Tab"),
        (IMAGE_CLASSIFIER, {"1": "Cat", "2": "Dog"}, "F"),
        (CLASSIFIER, {"1": "Cat", "2": "Dog"}, "."),
        (SEVERAL, {"1": "Cat", "2": "Dog", "3": "Cow", "N": "None of them"}, "."),
        (RANKING, {}, "1 2"),
        (PLAIN, {}, "?"),
    ],
    ids=[
        "box",
        "polygon",
        "mask",
        "instance",
        "entity",
        "image",
        "classifier",
        "several",
        "ranking",
        "plain",
    ],
)
def test_one_list_tells_every_key(desk: Desk, content: str, labels: dict[str, str], own: str) -> None:
    page = desk.open(content)
    page.keyboard.press("?")
    keys = key_list(page)
    assert {key: keys.get(key) for key in labels} == labels
    assert own in keys and {"?", "Ctrl+Enter", "Shift+F", "Shift+D"} <= keys.keys()
    assert all(keys.values())
    # While it is open, its keys do nothing behind it.
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    assert page.evaluate(LIST) == []


def test_every_key_of_the_list_is_heard(desk: Desk) -> None:
    """What the list shows and nobody acts on would be a lie: each single key but those of the frame is taken."""
    page = desk.open(
        POLYGON.form(
            attributes="initial-value=\"[{label: 'Car', vertices: [{x:300,y:200},{x:700,y:200},{x:500,y:500}]}]\""
        )
    )
    tool = ShapeTool(page, POLYGON)
    tool.press("?")
    shown = key_list(page)
    tool.press("Escape")
    page.evaluate(
        "window.free = []; addEventListener('keydown', e => { if (!e.defaultPrevented) free.push(e.key); })"
    )
    names = {
        "←": "ArrowLeft",
        "↑": "ArrowUp",
        "→": "ArrowRight",
        "↓": "ArrowDown",
        "Space": " ",
        "−": "-",
        "Esc": "Escape",
    }
    pages = {"?", "Ctrl+Enter", "Shift+F", "Shift+D", "Mouse wheel", ""}
    singles = [key for keys in shown if keys not in pages for key in keys.split(" ")]
    assert len(singles) > 25
    for key in singles:
        page.evaluate("document.querySelector('crowd-polygon').shadowRoot.querySelector('.stage').focus()")
        chord = "+".join(names.get(part, part) for part in key.split("+")) if key != "+" else "+"
        page.keyboard.press(chord.replace("Ctrl", "Control"))
    # Past the last shape Tab goes on its way, so that nobody is caught on the image.
    assert set(page.evaluate("free")) - {"Control", "Shift", "Tab"} == set()


def test_no_key_acts_while_somebody_writes(desk: Desk) -> None:
    labels = "[" + ", ".join(f"'label {i}'" for i in range(12)) + "]"
    page = desk.open(
        box_form(labels=labels, content="<textarea slot='' id='t'></textarea>").replace(
            "</crowd-form>",
            "<input id='i'><select id='s'><option>1</option></select><div contenteditable id='e'><b>x</b></div></crowd-form>",
        )
    )
    chosen = "document.querySelector('crowd-bounding-box').shadowRoot.querySelectorAll('.label-button.selected').length"
    for place in ("#i", "#e b", "#s"):
        page.click(place)
        page.keyboard.press("3")
        page.keyboard.press("?")
        page.keyboard.press("Shift+F")
    page.locator("crowd-bounding-box .label-filter input").press_sequentially("1?")
    assert page.evaluate(chosen) == 0 and page.evaluate(LIST) == []
    assert page.input_value("#i") == "3?F"
    page.locator("crowd-bounding-box .label-filter input").fill("")
    page.evaluate("document.querySelector('crowd-bounding-box').focusControl()")
    page.keyboard.press("3")
    assert page.evaluate(chosen) == 1


def test_the_list_has_the_portals_keys_and_opens_at_its_wish(desk: Desk, site: Site) -> None:
    page = open_in_portal(desk, site, CLASSIFIER)
    send(page, {"type": "labelwright.keys", "keys": [{"key": "Alt+S", "text": "Skip it"}, {"key": 3}, None]})
    send(page, {"type": "labelwright.help"})
    frame = page.frames[1]
    keys = key_list(frame)
    assert keys["Alt+S"] == "Skip it" and keys["1"] == "Cat"


# ---- the label used last, the image before -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_the_last_label_by_one_key(desk: Desk, kind: Kind) -> None:
    tool = ShapeTool(desk.open(kind.form()), kind)
    tool.press(".")
    assert "No label was used yet" in tool.text(".note")
    tool.press("2")
    tool.draw()
    tool.press(".")
    tool.draw(*tool.shifted(120, 40))
    assert tool.labels == ["House", "House"]
    # Where the label is asked for, the same key gives it.
    tool.press("Escape", "Escape")
    tool.press("1")


def test_copying_the_image_before(desk: Desk, site: Site) -> None:
    page = open_in_portal(desk, site, box_form())
    frame = page.frames[1]
    frame.wait_for_function(
        "document.querySelector('crowd-bounding-box').value.inputImageProperties.width > 0"
    )
    frame.evaluate("document.querySelector('crowd-bounding-box').focusControl()")
    value = "document.querySelector('crowd-bounding-box').value.boundingBoxes"
    # Nobody answers with an answer: a sentence, and no box.
    page.evaluate(
        "void (answers['labelwright.previous'] = () => ({type: 'labelwright.previous', answer: null}))"
    )
    page.keyboard.press("c")
    frame.get_by_text("There is no earlier answer of yours").wait_for()
    earlier = {
        "boundingBox": {
            "inputImageProperties": {"width": 640, "height": 360},
            "boundingBoxes": [
                {"label": "Car", "left": 10, "top": 20, "width": 30, "height": 40},
                {"label": "Gone", "left": 0, "top": 0, "width": 9, "height": 9},
                {"label": "House", "left": 600, "top": 300, "width": 40, "height": 60},
            ],
        }
    }
    page.evaluate(
        "a => { answers['labelwright.previous'] = () => ({type: 'labelwright.previous', answer: a}) }",
        earlier,
    )
    page.keyboard.press("c")
    frame.wait_for_function(f"{value}.length === 2")
    # The picture was half as large; the label that is not offered here stays behind.
    assert frame.evaluate(value) == [
        {"height": 80, "label": "Car", "left": 20, "top": 40, "width": 60},
        {"height": 120, "label": "House", "left": 1200, "top": 600, "width": 80},
    ]
    page.keyboard.press("c")
    frame.get_by_text("has nothing that fits here").wait_for()
    page.keyboard.press("Control+z")
    assert frame.evaluate(value) == []
    # The last label of that image is there too.
    page.keyboard.press(".")
    frame.locator("crowd-bounding-box .label-button.selected", has_text="House").wait_for()


def test_copying_a_mask(desk: Desk, site: Site) -> None:
    for kind in ("semantic", "instance"):
        page = open_in_portal(desk, site, mask_form(kind, src="/scene.jpg"))
        frame = page.frames[1]
        tool = MaskDesk(frame, kind)
        mask = base64.b64encode(
            png(
                painted((1280, 720), ((0, 255, 0), (100, 100, 300, 200)), ((0, 0, 255), (400, 100, 410, 110)))
            )
        ).decode()
        earlier: dict[str, Any] = {"labeledImage": {"pngImageData": mask}}
        if kind == "semantic":
            earlier["labelMappings"] = {"Tree": {"color": "#00ff00"}, "Sea": {"color": "#0000ff"}}
        else:
            earlier["instances"] = [{"label": "Tree", "color": "#00ff00"}]
        page.evaluate(
            "a => { answers['labelwright.previous'] = () => ({type: 'labelwright.previous', answer: {mask: a}}) }",
            earlier,
        )
        frame.evaluate(f"{tool.element}.focusControl()")
        page.keyboard.press("c")
        frame.wait_for_function(f"{tool.element}.editor.document.used.length === 1")
        assert frame.evaluate(
            f"{tool.element}.editor.document.used.map(r => [r.label, {tool.element}.editor.document.mask.count(r.value)])"
        ) == [["Tree", 20000]]
        small = base64.b64encode(png(painted((64, 36)))).decode()
        page.evaluate(
            "a => { answers['labelwright.previous'] = () => ({type: 'labelwright.previous', answer: {mask: a}}) }",
            {**earlier, "labeledImage": {"pngImageData": small}},
        )
        page.keyboard.press("c")
        frame.get_by_text("has another size").wait_for()


def test_what_was_chosen_last_is_chosen_by_key_and_not_sent(desk: Desk, site: Site) -> None:
    for content, earlier, chosen in (
        (CLASSIFIER, {"label": "Dog"}, ["Dog"]),
        (SEVERAL, {"labels": ["Cow", "Gone", "Cat"]}, ["Cat", "Cow"]),
    ):
        page = open_in_portal(desk, site, content)
        frame = page.frames[1]
        page.evaluate(
            "a => { answers['labelwright.previous'] = () => ({type: 'labelwright.previous', answer: {a}}) }",
            earlier,
        )
        frame.evaluate("window.focus()")
        page.keyboard.press(".")
        frame.wait_for_selector(".choice[aria-checked=true]")
        texts = frame.locator(".choice[aria-checked=true] .text").all_text_contents()
        assert texts == chosen
        assert heard(page, "submit") == []
        page.keyboard.press("Control+Enter")
        page.wait_for_function("heard.some(m => m.type === 'labelwright.submit')")


# ---- how it looks ------------------------------------------------------------------------------------------------


def test_focus_mode_and_dark_colours_are_remembered(desk: Desk, site: Site) -> None:
    page = open_in_portal(desk, site, box_form(content=INSTRUCTIONS))
    frame = page.frames[1]
    frame.wait_for_function(
        "document.querySelector('crowd-bounding-box').value.inputImageProperties.width > 0"
    )
    pane = frame.locator("crowd-bounding-box .awsui-app-layout__navigation")
    bar = frame.locator("crowd-bounding-box .headerButtonsContainer")
    assert pane.is_visible() and bar.is_visible()
    frame.locator("#focus-mode").click()
    pane.wait_for(state="hidden")
    assert not bar.is_visible()
    assert heard(page, "look")[-1] == {"focus": True}
    assert heard(page, "preferences")[-1]["preferences"]["focusMode"] is True
    frame.locator(".leave-focus").click()
    pane.wait_for(state="visible")
    page.keyboard.press("Shift+F")
    pane.wait_for(state="hidden")
    page.keyboard.press("Shift+D")
    assert frame.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    assert heard(page, "preferences")[-1]["preferences"] == {"focusMode": True, "colorScheme": "dark"}
    # A page loaded before the worker chose is told when it is shown.
    send(
        page,
        {
            "type": "labelwright.preferences",
            "preferences": {"focusMode": False, "colorScheme": "light", "instructionsOpen": False},
        },
    )
    bar.wait_for(state="visible")
    assert not pane.is_visible()
    assert frame.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"


def test_a_template_with_its_own_colours_stays_light(desk: Desk) -> None:
    page = desk.open("<style>p { color: #333 }</style>" + box_form())
    page.keyboard.press("Shift+D")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert page.locator("#dark-mode").count() == 0


# ---- sending nothing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "what", [*KINDS, "box", "semantic", "instance", "entity"], ids=lambda what: getattr(what, "noun", what)
)
def test_sending_nothing_is_asked_about(desk: Desk, what: Any) -> None:
    if isinstance(what, Kind):
        page, key = desk.open(what.form()), "a"
        ShapeTool(page, what)
    elif what == "box":
        page, key = desk.open(box_form()), "boundingBox"
        BoxTool(page)
    elif what == "entity":
        page, key = desk.open(entity_page("Ada lived in London.")), "ner"
    else:
        page, key = desk.open(mask_form(what, src="/scene.jpg")), "mask"
        MaskDesk(page, what)
    shown = "JSON.parse(([...document.querySelectorAll('*')].flatMap(e => [e, ...(e.shadowRoot?.querySelectorAll('crowd-form') ?? [])]).find(e => e.localName === 'crowd-form')).shadowRoot.querySelector('#answers-box').textContent || 'null')"
    page.get_by_role("button", name="Submit", exact=True).click()
    page.get_by_role("button", name="Go on marking").click()
    assert page.evaluate(shown) is None
    # Next time by key; the answer says that there is nothing, and the box beside Submit shows it.
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Nothing to mark: submit").click()
    page.wait_for_function(f"{shown} !== null")
    answer = page.evaluate(shown)[0][key]
    assert all(
        not value for name, value in answer.items() if isinstance(value, list) or name == "labelMappings"
    )
    assert page.get_by_label("Nothing to label").is_checked()


def test_a_script_that_submits_is_answered_at_once(desk: Desk) -> None:
    page = desk.open(box_form())
    BoxTool(page)
    assert desk.answer() is None
    assert "Draw at least one box" in desk.status()
    page.evaluate("document.querySelector('crowd-form').shadowRoot.querySelector('crowd-button').click()")
    page.evaluate("new Promise(done => setTimeout(done, 50))")
    assert page.locator("dialog[open]").count() == 0


def test_what_else_is_wrong_comes_first(desk: Desk) -> None:
    content = box_form().replace(
        "</crowd-form>", "<crowd-input name='who' label='Who' required></crowd-input></crowd-form>"
    )
    page = desk.open(content)
    BoxTool(page)
    page.get_by_role("button", name="Submit", exact=True).click()
    assert "Who: This field is required." in desk.status()
    assert page.locator("dialog[open]").count() == 0


# ---- long and heavy work -----------------------------------------------------------------------------------------


def test_a_view_in_motion_shows_what_it_shows_at_rest(desk: Desk) -> None:
    # Many points in view, or all would be drawn anew for each frame and there were nothing to test.
    shapes = [
        {
            "label": "Car",
            "vertices": [
                {
                    "x": round(60 + 60 * (i % 20) + (24 - j % 2 * 6) * math.cos(j / 4)),
                    "y": round(60 + 150 * (i // 20) + (24 - j % 2 * 6) * math.sin(j / 4)),
                }
                for j in range(25)
            ],
        }
        for i in range(80)
    ]
    value = json.dumps(shapes).replace('"', "&quot;")
    tool = ShapeTool(desk.open(POLYGON.form(attributes=f'initial-value="{value}"')), POLYGON)
    page = tool.page
    tool.settle()
    tool.press("+", "+", "+")
    page.wait_for_timeout(300)
    page.evaluate(
        """window.keep = name => {
            const canvas = document.querySelector('crowd-polygon').shadowRoot.querySelector('.lower-canvas');
            const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            window[name] = new Uint32Array(data.buffer);
            return canvas.style.transform;
        }"""
    )
    stage = page.evaluate(
        f"(() => {{ const r = {tool.inside}.querySelector('.stage').getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; }})()"
    )
    x, y = stage[0] + stage[2] / 2, stage[1] + stage[3] / 2
    page.mouse.move(x, y)
    page.mouse.down(button="middle")
    for step in range(1, 9):
        page.mouse.move(x + 17 * step, y - 11 * step)
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    transforms = [page.evaluate("keep('moving')")]
    page.mouse.up(button="middle")
    page.wait_for_timeout(300)
    transforms.append(page.evaluate("keep('resting')"))
    assert transforms == ["", ""]
    drawn = page.evaluate("resting.reduce((n, value) => n + Number(value !== 0), 0)")
    different = page.evaluate("resting.reduce((n, value, i) => n + Number(value !== moving[i]), 0)")
    # Name tags that stick at the upper edge are put right at rest; all else is the same to the pixel.
    assert drawn > 20_000 and different < drawn / 50


MODEL = """async m => {
    const canvas = new OffscreenCanvas(SIZE);
    const context = canvas.getContext('2d');
    context.fillStyle = '#000'; context.fillRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = '#fff'; context.fillRect(100, 50, 40, 30);
    const png = await (await canvas.convertToBlob({type: 'image/png'})).arrayBuffer();
    return {type: 'labelwright.segmented', id: m.id, png};
}"""


def test_the_portals_model_finds_the_outline(desk: Desk, site: Site) -> None:
    page = open_in_portal(desk, site, mask_form(src="/scene.jpg"))
    frame = page.frames[1]
    tool = MaskDesk(frame)
    count = f"{tool.element}.editor.document.mask.count(1)"
    busy = f"{tool.element}.editor.isLocked"
    frame.evaluate(f"{tool.element}.focusControl()")
    page.keyboard.press("1")
    page.keyboard.press("a")

    def mark() -> None:
        left, top = tool.at(90, 40)
        right, bottom = tool.at(150, 90)
        page.mouse.move(left, top)
        page.mouse.down()
        page.mouse.move(right, bottom, steps=3)
        page.mouse.up()
        frame.wait_for_function(f"!{busy}")

    page.evaluate(f"void (answers['labelwright.segment'] = {MODEL.replace('SIZE', '1280, 720')})")
    mark()
    frame.wait_for_function(f"{count} === 1200")
    [question] = heard(page, "segment")
    assert question.pop("id") == 1
    left, top, width, height = question.pop("box")
    assert question == {"image": "/scene.jpg", "points": None, "label": "Road"}
    assert abs(left - 90) < 2 and abs(top - 40) < 2 and abs(width - 60) < 3 and abs(height - 50) < 3

    # It fails, or gives a picture of another size: the simple method does it, and says so.
    for answer in (
        "m => ({type: 'labelwright.segmented', id: m.id, status: 500, message: 'Out of memory.'})",
        MODEL.replace("SIZE", "64, 36"),
    ):
        page.keyboard.press("Control+z")
        page.evaluate(f"void (answers['labelwright.segment'] = {answer})")
        mark()
        frame.locator(".options .hint", has_text="model did not help").wait_for()

    # There is none: nothing is said, and it is not asked again.
    page.evaluate(
        "void (answers['labelwright.segment'] = m => ({type: 'labelwright.segmented', id: m.id, status: 404, message: 'x'}))"
    )
    for _ in range(2):
        mark()
        frame.locator(".options .hint", has_text="Click the four outermost").wait_for()
    assert len(heard(page, "segment")) == 4


def test_a_fill_of_a_large_picture_leaves_the_page_its_turns(desk: Desk, site: Site) -> None:
    image = Image.new("RGB", (3000, 2000), (120, 130, 140))
    out = io.BytesIO()
    image.save(out, "PNG")
    site.put("/large.png", out.getvalue(), "image/png")
    tool = MaskDesk(desk.open(mask_form(src="/large.png")))
    tool.press("1", "g")
    tool.page.evaluate("window.turns = 0; const tick = () => { turns += 1; setTimeout(tick); }; tick();")
    tool.click(1500, 1000)
    tool.page.wait_for_function(f"{tool.element}.editor.document.mask.count(1) === 6000000")
    assert tool.page.evaluate("turns") > 3
    tool.press("Control+z")
    assert tool.value["labelMappings"] == {}


def test_a_touch_screen_marks_text_and_asks_for_the_label(open_desk: Any) -> None:
    desk = open_desk(has_touch=True, is_mobile=True, viewport={"width": 900, "height": 700})
    page = desk.open(entity_page("Ada Lovelace lived in London."))
    tool = TextTool(page)
    x0, y0, x1, _ = tool.place("Lovelace")
    session = page.context.new_cdp_session(page)
    # A long press: the finger goes down, the browser selects the word, and takes the touch for itself.
    session.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": (x0 + x1) / 2, "y": y0}]}
    )
    page.evaluate(
        """() => {
            const text = document.querySelector('crowd-entity-annotation').shadowRoot.querySelector('.text');
            const node = document.createTreeWalker(text, NodeFilter.SHOW_TEXT).nextNode();
            document.getSelection().setBaseAndExtent(node, 4, node, 9);
            document.getSelection().extend(node, 12);
        }"""
    )
    session.send("Input.dispatchTouchEvent", {"type": "touchCancel", "touchPoints": []})
    page.locator("crowd-entity-annotation .picker").wait_for()
    page.locator("crowd-entity-annotation .pick", has_text="Person").tap()
    assert tool.marked("Ada Lovelace lived in London.") == [("PER", "Lovelace")]
    # A tap on it selects it, and the cross on its tag takes it away.
    page.touchscreen.tap(*tool.place("Lovelace")[:2])
    page.locator("crowd-entity-annotation .tag .cross").tap()
    assert tool.entities() == []
