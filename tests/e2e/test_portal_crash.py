"""Work that was not handed in survives a crash of the page or the browser, until the task's time is over."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from .conftest import CHROMIUM_ARGS, Office, chromium

pytestmark = pytest.mark.browser

TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><p>{{ task.input.source }}</p>
<crowd-text-area name="note" id="note"></crowd-text-area></crowd-form>
"""
NOTE = "document.getElementById('note')?.value"
KEPT = "Object.keys(localStorage).filter((name) => name.startsWith('labelwright.draft.')).length"
LIMIT_S = 600


def begin(office: Office, team: str) -> tuple[str, str]:
    office.job(team, lines=[{"source": "a text"}], template=TEMPLATE, time_limit_s=LIMIT_S)
    account = office.worker(team)
    office.sign_in(*account)
    frame = office.start_working()
    frame.locator("#note textarea").fill("half an answer")
    office.wait(f"{KEPT} === 1")
    return account


def resume(office: Office, account: tuple[str, str]) -> str | None:
    """Open the portal anew as after a crash, and go on with the task that is still held."""
    page = office.page
    page.goto(f"{office.server.url}/portal")
    held = page.get_by_role("button", name="Resume")
    # A browser writes a new cookie half a minute later; who is killed before that signs in again.
    held.or_(page.get_by_label("User name")).wait_for()
    if not held.is_visible():
        office.sign_in(*account)
    held.click()
    frame = office.task_frame()
    frame.wait_for_function(f"{NOTE} !== undefined")
    expect(office.page.get_by_text("Your earlier work on this task is back.")).to_be_visible()
    frame.wait_for_function(f"{NOTE} === 'half an answer'")
    return frame.evaluate(NOTE)


def crash(page: Page) -> None:
    """End the page's process, with the task's frame in it, as a lack of memory would."""
    with page.expect_event("crash"), contextlib.suppress(Error):  # an address that cannot be reached
        page.goto("chrome://crash", timeout=10_000)


def test_a_crashed_page_gives_the_work_back_until_the_time_is_over(office, team):
    account = begin(office, team)
    crash(office.page)
    office.page = office.context.new_page()
    assert resume(office, account) == "half an answer"

    office.server.clock.advance(LIMIT_S + 1)
    page = office.context.new_page()
    page.goto(f"{office.server.url}/portal")
    page.get_by_role("button", name="Start working").click()
    office.page = page
    frame = office.task_frame()
    frame.wait_for_function(f"{NOTE} === ''")
    assert page.evaluate(KEPT) == 0


def open_browser(browser: Browser, profile: Path) -> BrowserContext:
    """A browser of its own on a profile that stays on the disk, as a worker's does."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    context = browser.browser_type.launch_persistent_context(
        profile, executable_path=chromium(), args=CHROMIUM_ARGS + sandbox, locale="en-US"
    )
    context.set_default_timeout(10_000)
    return context


def process_of(profile: Path) -> int:
    """The browser's own process: the one with this profile that is not a child of a kind."""
    for folder in Path("/proc").iterdir():
        try:
            arguments = (folder / "cmdline").read_bytes()
        except (OSError, NotADirectoryError):
            continue
        if str(profile).encode() in arguments and b"--type=" not in arguments:
            return int(folder.name)
    raise AssertionError(f"no browser runs on {profile}")


def is_on_disk(profile: Path, text: str) -> bool:
    """Whether the browser has written a text of a page's local storage: it does so some seconds later."""
    files = profile.glob("Default/Local Storage/leveldb/*.log")
    return any(text.encode() in path.read_bytes() for path in files)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for the browser in /proc")
def test_a_killed_browser_gives_the_work_back(server, browser, team, tmp_path):
    profile = tmp_path / "profile"
    context = open_browser(browser, profile)
    first = Office(server, context, context.new_page())
    account = begin(first, team)
    end = time.monotonic() + 60
    while not is_on_disk(profile, "half an answer"):
        assert time.monotonic() < end
        first.page.wait_for_timeout(100)
    with context.expect_event("close"):
        os.kill(process_of(profile), signal.SIGKILL)

    context = open_browser(browser, profile)
    assert resume(Office(server, context, context.new_page()), account) == "half an answer"
    context.close()
