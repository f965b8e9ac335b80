"""A real Chromium in front of the whole server."""

from __future__ import annotations

import dataclasses
import email
import os
import shutil
from collections.abc import Iterator
from email import policy
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Frame, Page, sync_playwright

from labelwright.mail import send_invitation
from labelwright.portal.pages import STATIC_DIR
from labelwright.store import workteams
from labelwright.testing.jobs import start_job
from labelwright.testing.server import RunningServer, running_server

PASSWORD = "Str0ng-enough"
_numbers = count(1)


# Without them Chromium talks to its maker's services at every start.
CHROMIUM_ARGS = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str | None:
    """The Chromium to use: ``LABELWRIGHT_CHROMIUM``, or one on the path."""
    chosen = os.environ.get("LABELWRIGHT_CHROMIUM")
    return chosen or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("no Chromium found; install one or set LABELWRIGHT_CHROMIUM")
    if not (STATIC_DIR / "portal.js").exists():
        pytest.skip("the front end is not built; run `make install`")
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not work for root, as in containers.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS + sandbox)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@dataclasses.dataclass
class Office:
    """Short ways to people, jobs and what the page shows."""

    server: RunningServer
    context: BrowserContext
    page: Page

    def worker(self, team: str, *, password: str | None = PASSWORD) -> tuple[str, str]:
        """User name and password of a new worker; without a password, the temporary one out of the mail."""
        name = f"worker{next(_numbers)}"
        app = self.server.app.context
        made = app.database.write(
            lambda c: workteams.add_worker(
                c,
                region="us-east-1",
                team_name=team,
                username=name,
                email=f"{name}@example.org",
                password=password,
                now=app.clock(),
            )
        )
        if password is not None:
            return name, password
        path = send_invitation(
            app.settings,
            username=name,
            email=f"{name}@example.org",
            temporary_password=made.temporary_password,
            portal_url=f"{self.server.url}/portal",
        )
        message = email.message_from_bytes(Path(path).read_bytes(), policy=policy.default)
        line = next(li for li in message.get_content().splitlines() if li.startswith("Temporary password"))
        return name, line.split(maxsplit=2)[2].strip()

    def job(self, team: str, **options: Any) -> str:
        app = self.server.app.context
        arn = app.database.write(
            lambda c: workteams.ensure_private_team(c, region="us-east-1", team_name=team, now=app.clock())
        ).arn
        name = f"job{next(_numbers)}"
        start_job(self.server, name, team_arn=arn, **options)
        return name

    def sign_in(self, name: str, password: str) -> None:
        self.page.goto(f"{self.server.url}/portal")
        self.page.get_by_label("User name").fill(name)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def wait(self, condition: str) -> None:
        """Wait until an expression on the portal's page is truthy, without eval: its policy forbids that."""
        for _ in range(500):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"still not so after ten seconds: {condition}")

    def start_working(self) -> Frame:
        self.page.get_by_role("button", name="Start working").click()
        return self.task_frame()

    def task_frame(self) -> Frame:
        """The document of the task that is worked on, once it has loaded."""
        for _ in range(20):
            handle = self.page.wait_for_selector("iframe.task-frame:not(.is-waiting)")
            frame = handle.content_frame()
            if frame is not None:  # else it was just taken away for the next one
                frame.wait_for_load_state()
                return frame
        raise AssertionError("no task is shown")


@pytest.fixture
def office(server: RunningServer, browser: Browser) -> Iterator[Office]:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-US")
    page = context.new_page()
    page.set_default_timeout(10_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield Office(server, context, page)
    context.close()
    assert errors == []


@pytest.fixture
def team() -> str:
    return f"team{next(_numbers)}"
