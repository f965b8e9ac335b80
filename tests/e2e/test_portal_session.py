"""Signing in by hand, an invitation from the mail to the first task, and a session that ends meanwhile."""

from __future__ import annotations

import pytest
from playwright.sync_api import Error, expect

pytestmark = pytest.mark.browser

FORM = """
<body><p id="text">{{ task.input.source }}</p><textarea id="note"></textarea><button id="send">Send</button>
<script>
  const context = JSON.parse(document.getElementById("labelwright-task").textContent);
  const say = (m) => parent.postMessage({ taskId: context.taskId, nonce: context.nonce, ...m }, "*");
  note.oninput = () => say({ type: "labelwright.draft", draft: { note: note.value } });
  send.onclick = () => say({ type: "labelwright.submit", answer: { note: note.value } });
  addEventListener("message", ({ data }) => {
    if (data.type === "labelwright.restore") note.value = data.draft.note;
    if (data.type === "labelwright.lock") note.disabled = true;
  });
  say({ type: "labelwright.ready" });
</script></body>
"""
LINES = [{"source": f"text number {i}"} for i in range(3)]


def test_invitation_first_sign_in_and_sign_out(office, team):
    office.job(team, lines=LINES, template=FORM, title="Tell what you see")
    name, temporary = office.worker(team, password=None)
    page = office.page
    office.sign_in(name, "not-" + temporary)
    expect(page.get_by_role("alert")).to_have_text("The user name or the password is wrong.")
    page.get_by_label("Password", exact=True).fill(temporary)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Choose your password")).to_be_visible()
    page.get_by_label("New password", exact=True).fill("weak")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("does not meet")
    page.get_by_label("New password", exact=True).fill("My-0wn-choice")
    page.get_by_label("Repeat the new password").fill("My-0wn-chioce")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The two passwords differ.")
    page.get_by_label("Repeat the new password").fill("My-0wn-choice")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Tell what you see")).to_be_visible()
    expect(page.get_by_text("3 tasks open")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to label")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Sign in to label")).to_be_visible()
    office.sign_in(name, "My-0wn-choice")
    expect(page.get_by_role("heading", name="Your tasks")).to_be_visible()


def test_new_jobs_appear_by_themselves(office, team):
    office.sign_in(*office.worker(team))
    page = office.page
    expect(page.get_by_role("heading", name="Nothing to label right now")).to_be_visible()
    office.job(team, lines=LINES, template=FORM, title="Fresh work")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when the tab is looked at
    # The engine may open the tasks a moment later; then the page's own look, every 8 s, finds them.
    expect(page.get_by_role("heading", name="Fresh work")).to_be_visible(timeout=20_000)


def test_work_survives_reload_and_the_end_of_the_session(office, team):
    office.job(team, lines=LINES, template=FORM)
    name, password = office.worker(team)
    office.sign_in(name, password)
    frame = office.start_working()
    frame.fill("#note", "half an answer")
    text = frame.inner_text("#text")
    office.wait("Object.keys(localStorage).some((k) => k.startsWith('labelwright.draft.'))")
    office.page.reload()
    frame = office.task_frame()
    assert frame.inner_text("#text") == text
    frame.wait_for_function("document.getElementById('note').value === 'half an answer'")

    office.context.clear_cookies()
    frame.click("#send")
    page = office.page
    expect(page.get_by_role("dialog", name="Sign in again")).to_be_visible()
    assert page.get_by_label("User name").input_value() == name
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 done")).to_be_visible()
    assert office.task_frame().inner_text("#text") != text


def test_next_task_is_there_before_it_is_needed(office, team):
    office.job(team, lines=LINES, template=FORM)
    office.sign_in(*office.worker(team))
    office.start_working()
    page = office.page
    waiting = page.wait_for_selector("iframe.task-frame.is-waiting", state="attached").content_frame()
    waiting.wait_for_selector("#text")
    upcoming = waiting.inner_text("#text")
    assert page.locator("iframe.is-waiting").get_attribute("inert") is not None
    office.task_frame().click("#send")
    expect(page.get_by_text("1 done")).to_be_visible()
    assert office.task_frame().inner_text("#text") == upcoming


def test_answers_that_cannot_be_sent_are_kept_for_another_try(office, team):
    office.job(team, lines=LINES, template=FORM)
    office.sign_in(*office.worker(team))
    frame = office.start_working()
    frame.fill("#note", "precious")
    page = office.page
    page.route("**/submission", lambda route: route.abort())
    frame.click("#send")
    expect(page.get_by_role("alert").filter(has_text="nothing is lost")).to_be_visible()
    assert frame.input_value("#note") == "precious"
    page.unroute("**/submission")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("1 done")).to_be_visible()


def test_decline_skip_stop_release_and_no_more_tasks(office, team):
    office.job(team, lines=LINES, template=FORM)
    office.sign_in(*office.worker(team))
    page = office.page
    first = office.start_working().inner_text("#text")
    page.get_by_role("button", name="Decline").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert office.task_frame().inner_text("#text") == first
    page.get_by_role("button", name="Decline").click()
    page.get_by_role("button", name="Decline task").click()
    office.wait("document.querySelectorAll('dialog').length === 0")
    second = _text_other_than(office, first)
    page.get_by_role("button", name="Skip").click()
    third = _text_other_than(office, second)
    assert third != first
    office.task_frame().fill("#note", "to be continued")
    page.get_by_role("button", name="Stop and resume later").click()
    page.get_by_role("button", name="Stop for now").click()
    page.get_by_role("button", name="Resume").click()
    frame = office.task_frame()
    assert frame.inner_text("#text") == third
    frame.wait_for_function("document.getElementById('note').value === 'to be continued'")
    page.get_by_role("button", name="Release").click()
    page.get_by_role("button", name="Release task").click()
    page.get_by_role("button", name="Start working").click()
    for n_done in (1, 2):
        office.task_frame().click("#send")
        expect(page.get_by_text(f"{n_done} done")).to_be_visible()
    expect(page.get_by_role("heading", name="No more tasks")).to_be_visible()
    page.get_by_role("button", name="Back to the list").click()
    expect(page.get_by_role("heading", name="Nothing to label right now")).to_be_visible()


def test_when_the_time_is_over_the_form_is_locked(office, team):
    office.job(team, lines=LINES, template=FORM, time_limit_s=30)
    office.sign_in(*office.worker(team))
    page = office.page
    page.clock.install()
    frame = office.start_working()
    expect(page.get_by_role("timer")).to_have_class("timer calm")
    page.clock.fast_forward(25_000)
    expect(page.get_by_role("timer")).to_have_class("timer now")
    page.clock.fast_forward(6_000)
    dialog = page.get_by_role("dialog", name="This task is no longer yours")
    expect(dialog).to_be_visible()
    assert frame.is_disabled("#note")


def _text_other_than(office, text: str) -> str:
    for _ in range(100):
        try:
            now = office.task_frame().inner_text("#text")
        except Error:  # the frame was just taken away for the next one
            now = text
        if now != text:
            return now
        office.page.wait_for_timeout(20)
    raise AssertionError(f"the task still shows {text!r}")
