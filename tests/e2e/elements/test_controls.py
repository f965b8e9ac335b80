# ruff: noqa: E501 - pieces of HTML read better in one line
"""The smaller elements: inputs, choices, buttons, layout and notices."""

from __future__ import annotations

import pytest

from .conftest import Desk

pytestmark = pytest.mark.browser


def test_input_drops_characters_that_are_not_allowed(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><crowd-input name='a' allowed-pattern='[0-9]' auto-validate max-length='4'></crowd-input></crowd-form>"
    )
    page.locator("crowd-input input").press_sequentially("1a2b3c4d5")
    assert desk.answer() == {"a": "1234"}


def test_input_is_set_and_cleared_by_script(desk: Desk) -> None:
    page = desk.open("<crowd-form><crowd-input name='a' value='x'></crowd-input></crowd-form>")
    page.evaluate("document.querySelector('crowd-input').value = null")
    assert page.evaluate("document.querySelector('crowd-input').value") == ""
    page.evaluate("document.querySelector('crowd-input').value = 'new'")
    assert desk.answer() == {"a": "new"}


def test_input_events_bubble_once(desk: Desk) -> None:
    page = desk.open("<crowd-form><crowd-input name='a'></crowd-input></crowd-form>")
    page.evaluate(
        "window.seen = []; for (const type of ['input', 'change']) document.querySelector('crowd-form')"
        ".addEventListener(type, e => seen.push(type + ':' + e.target.value))"
    )
    page.locator("crowd-input input").press_sequentially("hi")
    page.locator("crowd-input input").blur()
    assert page.evaluate("seen") == ["input:h", "input:hi", "change:hi"]


def test_boolean_attributes(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><crowd-button disabled='true' id='a'>x</crowd-button>"
        "<crowd-button disabled='false' id='b'>x</crowd-button></crowd-form>"
    )
    assert page.evaluate("[a.disabled, b.disabled]") == [True, False]
    assert (
        page.evaluate(
            "(async () => { a.disabled = false; await a.updateComplete; return a.hasAttribute('disabled') })()"
        )
        is False
    )


def test_a_disabled_or_loading_button_swallows_clicks(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><crowd-button disabled id='a'><b id='inner'>x</b></crowd-button>"
        "<crowd-button loading id='c'>x</crowd-button></crowd-form>"
    )
    page.evaluate("window.seen = 0; for (const e of [a, c]) e.addEventListener('click', () => { seen += 1 })")
    page.evaluate("inner.click(); a.click(); c.click()")
    assert page.evaluate("seen") == 0
    page.evaluate("a.disabled = false; a.click()")
    assert page.evaluate("seen") == 1


def test_radio_group_is_exclusive_and_moves_with_arrows(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><crowd-radio-group><crowd-radio-button name='q' value='a'>A</crowd-radio-button>"
        "<crowd-radio-button name='q' value='b' disabled>B</crowd-radio-button>"
        "<crowd-radio-button name='q' value='c'>C</crowd-radio-button></crowd-radio-group></crowd-form>"
    )
    assert desk.answer() == {"q": {"a": False, "c": False}}
    page.click("crowd-radio-button >> text=A")
    assert desk.answer()["q"] == {"a": True, "c": False}
    page.keyboard.press("ArrowDown")
    assert desk.answer()["q"] == {"a": False, "c": True}
    page.click("crowd-radio-button >> text=C")
    assert desk.answer()["q"] == {"a": False, "c": True}
    page.evaluate("document.querySelector('crowd-radio-group').children[0].checked = true")
    page.evaluate("document.querySelector('crowd-radio-group').children[0].updateComplete")
    assert desk.answer()["q"] == {"a": True, "c": False}


def test_radio_buttons_outside_a_group_are_independent(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><crowd-radio-button name='a'>A</crowd-radio-button>"
        "<crowd-radio-button name='b'>B</crowd-radio-button></crowd-form>"
    )
    page.click("crowd-radio-button >> text=A")
    page.click("crowd-radio-button >> text=B")
    assert desk.answer() == {"a": {"on": True}, "b": {"on": True}}
    page.click("crowd-radio-button >> text=A")
    assert desk.answer() == {"a": {"on": False}, "b": {"on": True}}


def test_checkbox_by_mouse_keyboard_and_label(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><crowd-checkbox name='a'>Read <a href='#x'>this</a></crowd-checkbox></crowd-form>"
    )
    page.evaluate(
        "window.seen = 0; document.querySelector('crowd-checkbox').addEventListener('change', () => seen++)"
    )
    page.click("crowd-checkbox >> text=Read", position={"x": 2, "y": 2})
    page.keyboard.press(" ")
    page.keyboard.press(" ")
    page.click("a")
    assert page.evaluate("seen") == 3
    assert desk.answer() == {"a": {"on": True}}
    assert page.get_by_role("checkbox", name="Read this").count() == 1


def test_slider_is_a_number(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><crowd-slider name='s' min='0' max='10' step='2' value='4' pin editable></crowd-slider></crowd-form>"
    )
    page.evaluate(
        "window.seen = []; document.querySelector('crowd-slider').onchange = e => seen.push(e.target.value); null"
    )
    page.locator("crowd-slider input").first.press("ArrowRight")
    assert page.evaluate("seen") == [6]
    page.evaluate("document.querySelector('crowd-slider').value = '99'")
    assert desk.answer() == {"s": 10}


def test_tabs_show_one_and_switch(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><crowd-tabs><crowd-tab header='One'>first</crowd-tab><crowd-tab header='Two'>second</crowd-tab>"
        "</crowd-tabs></crowd-form>"
    )
    assert page.get_by_text("first").is_visible() and not page.get_by_text("second").is_visible()
    page.get_by_role("tab", name="One").press("ArrowRight")
    assert page.get_by_text("second").is_visible() and not page.get_by_text("first").is_visible()
    page.evaluate(
        "document.querySelector('crowd-tabs').insertAdjacentHTML('beforeend', '<crowd-tab header=Three>x</crowd-tab>')"
    )
    page.get_by_role("tab", name="Three").wait_for()


def test_alert_modal_and_toast(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><div id='box'></div><crowd-modal link-text='Look'><p>inside</p></crowd-modal>"
        "<crowd-toast id='t1' duration='100000'>one</crowd-toast><crowd-toast id='t2' duration='100000'>two</crowd-toast></crowd-form>"
    )
    page.evaluate("box.innerHTML = '<crowd-alert type=error dismissible>Wrong</crowd-alert>'")
    assert (
        page.get_by_role("alert").get_by_text("Wrong").count() == 1 or page.get_by_text("Wrong").is_visible()
    )
    page.get_by_role("button", name="Dismiss").click()
    assert not page.get_by_text("Wrong").is_visible()
    page.get_by_role("button", name="Look").click()
    assert page.get_by_text("inside").is_visible()
    page.keyboard.press("Escape")
    page.get_by_text("inside").wait_for(state="hidden")
    page.evaluate("t1.show()")
    page.get_by_text("one").wait_for()
    page.evaluate("t2.opened = true")
    page.get_by_text("two").wait_for()
    page.get_by_text("one").wait_for(state="hidden")


def test_badges_and_fabs_survive_self_closing_tags(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><div id='x' style='width:100px;height:50px'>x</div><crowd-badge for='x' label='new'/>"
        "<p>after the badge</p><crowd-fab label='?' title='Help' /><p>after the button</p></crowd-form>"
    )
    assert (
        page.get_by_text("after the badge").is_visible() and page.get_by_text("after the button").is_visible()
    )
    badge = page.locator("crowd-badge .badge").bounding_box()
    target = page.locator("#x").bounding_box()
    assert badge is not None and target is not None
    assert abs(badge["x"] + badge["width"] / 2 - target["x"] - target["width"]) < 2
    assert abs(badge["y"] + badge["height"] / 2 - target["y"]) < 2


def test_instructions_open_in_tabs(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><crowd-instructions link-type='button'><short-summary>Sum</short-summary>"
        "<positive-example>Good one</positive-example></crowd-instructions></crowd-form>"
    )
    page.get_by_role("button", name="Click for instructions").click()
    assert page.get_by_role("tab").all_text_contents() == ["Summary", "Examples"]
    assert page.get_by_text("Sum", exact=True).is_visible()
    page.get_by_role("tab", name="Examples").click()
    assert page.get_by_text("Good one").is_visible()


CLASSIFIER = """<crowd-form><crowd-classifier name="sentiment" categories="['Good', 'Bad', 'Good']" header="How is it?">
<classification-target>The text</classification-target></crowd-classifier></crowd-form>"""


def test_classifier(desk: Desk) -> None:
    page = desk.open(CLASSIFIER)
    page.evaluate(
        "window.seen = []; document.querySelector('crowd-classifier')"
        ".addEventListener('change', e => seen.push(e.target.value))"
    )
    assert page.evaluate("document.querySelector('crowd-classifier').value") is None
    page.get_by_role("radio", name="Bad").click()
    page.keyboard.press("3")
    page.keyboard.press("9")
    assert page.evaluate("seen") == ["Bad", "Good"]
    assert page.locator("crowd-classifier [aria-checked=true]").count() == 1
    assert desk.answer() == {"sentiment": {"label": "Good"}}
    page.locator("crowd-classifier [aria-checked=true]").press("ArrowUp")
    assert desk.answer() == {"sentiment": {"label": "Bad"}}
    page.evaluate("document.querySelector('crowd-classifier').categories = \"['Other']\"")
    assert desk.answer() is None or page.evaluate("document.querySelector('crowd-classifier').value") is None


def test_a_card_can_be_put_after_the_category_picker(desk: Desk) -> None:
    page = desk.open(CLASSIFIER)
    page.evaluate(
        "document.querySelector('crowd-classifier').shadowRoot"
        ".querySelector('.annotation-area .category-picker-wrapper')"
        ".insertAdjacentHTML('afterend', '<crowd-card heading=More>details</crowd-card>')"
    )
    page.keyboard.press("1")
    assert page.get_by_text("details").is_visible()


def test_keys_in_text_fields_choose_nothing(desk: Desk) -> None:
    page = desk.open(CLASSIFIER.replace("The text", "<crowd-input name='n'></crowd-input>"))
    page.locator("crowd-input input").press_sequentially("1")
    assert page.evaluate("document.querySelector('crowd-classifier').value") is None


IMAGE = """<crowd-form><crowd-image-classifier name="quality" src="/scene.jpg" categories='["good","bad"]' header="Right?"
 overlay="{boundingBox: {labels: ['House'], value: [{label: 'House', left: 50, top: 160, width: 140, height: 290}]}}">
 <worker-comment header="Tell us" link-text="Say more" placeholder="never sent">What is wrong?</worker-comment>
</crowd-image-classifier></crowd-form>"""


def test_image_classifier_with_comment(desk: Desk) -> None:
    page = desk.open(IMAGE)
    page.keyboard.press("2")
    assert desk.answer() == {"quality": {"label": "bad"}}
    page.get_by_role("button", name="Say more").click()
    assert page.get_by_text("What is wrong?").is_visible()
    page.locator("#comment").fill("  left wheel 1 is missing ")
    page.get_by_role("button", name="Save").click()
    assert desk.answer() == {"quality": {"label": "bad", "workerComment": "left wheel 1 is missing"}}
    page.get_by_role("button", name="Say more").click()
    page.locator("#comment").fill("   ")
    page.get_by_role("button", name="Save").click()
    assert desk.answer() == {"quality": {"label": "bad"}}


def test_image_classifier_draws_the_overlay(desk: Desk) -> None:
    page = desk.open(IMAGE)
    painted = """(() => {
        const canvas = document.querySelector('crowd-image-classifier').shadowRoot.querySelector('.lower-canvas');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        for (let i = 3; i < data.length; i += 4) if (data[i]) return true;
        return false;
    })()"""
    page.wait_for_function(painted)
    page.keyboard.press("h")
    page.wait_for_function(f"!{painted}")


def test_an_unreadable_overlay_is_named(desk: Desk) -> None:
    page = desk.open(IMAGE.replace("boundingBox:", "polyhedron:"))
    assert '"overlay" cannot be read' in page.locator("crowd-image-classifier .broken").text_content()


def test_slider_labels_stand_at_their_place(desk: Desk) -> None:
    page = desk.open(
        "<crowd-form><crowd-slider name='s' min='1' max='5' style='width: 400px'>"
        + "".join(
            f"<crowd-slider-label position='{n}'>{text}</crowd-slider-label>"
            for n, text in ((1, "Very poor indeed"), (3, "Fair"), (5, "Excellent"))
        )
        + "</crowd-slider><p>after the slider</p></crowd-form>"
    )
    boxes = [label.bounding_box() for label in page.locator("crowd-slider-label").all()]
    track = page.locator("crowd-slider input").bounding_box()
    assert track is not None
    middle = boxes[1]["x"] + boxes[1]["width"] / 2
    assert abs(middle - track["x"] - track["width"] / 2) < 2
    assert boxes[0]["x"] >= track["x"]
    assert boxes[2]["x"] + boxes[2]["width"] <= track["x"] + track["width"]
    page.get_by_text("Fair").click()
    assert desk.answer() == {"s": 3}
    page.evaluate("document.querySelectorAll('crowd-slider-label')[1].setAttribute('position', '4')")
    page.wait_for_function("document.querySelectorAll('crowd-slider-label')[1].style.left === '75%'")


@pytest.mark.parametrize(
    "overlay",
    [
        "{keypoint: {labels: ['a'], value: [{label: 'a', x: 300, y: 300}]}}",
        "{polygon: {labels: ['a'], value: [{label: 'a', vertices: [{x: 9, y: 9}, {x: 90, y: 9}, {x: 9, y: 90}]}]}}",
        "{polyline: {labels: ['a'], polylines: [{label: 'a', vertices: [{x: 9, y: 9}, {x: 90, y: 90}]}]}}",
    ],
)
def test_image_classifier_overlays_of_every_shape(desk: Desk, overlay: str) -> None:
    page = desk.open(
        '<crowd-form><crowd-image-classifier name="a" src="/scene.jpg" categories="[\'good\']"'
        f' overlay="{overlay}"></crowd-image-classifier></crowd-form>'
    )
    page.wait_for_function(
        """(() => {
            const canvas = document.querySelector('crowd-image-classifier').shadowRoot.querySelector('.lower-canvas');
            return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(value => value);
        })()"""
    )
