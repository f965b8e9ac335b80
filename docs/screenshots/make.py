"""The README's pictures, taken from the real pages in a real browser: ``make screenshots``.

Runs the demo on a data directory of its own, serves it, signs in as a requester and as a worker, draws two
boxes and takes the pictures. Needs a Chromium (``LABELWRIGHT_CHROMIUM``, default the one on the PATH).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
FLAGS = (
    "--no-sandbox --headless --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


def main() -> None:
    """Demo, server, pictures."""
    chromium = (
        os.environ.get("LABELWRIGHT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    )
    if chromium is None:
        raise SystemExit("No Chromium found: install one or set LABELWRIGHT_CHROMIUM.")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        subprocess.run(
            [str(BIN / "labelwright"), "demo", "--exit", "--data", str(data), "--port", "0"], check=True
        )
        server = subprocess.Popen([str(BIN / "labelwright"), "serve", "--data", str(data), "--port", "0"])
        try:
            url = _wait_for(data, server.pid)
            password = f"Aa1!{secrets.token_hex(6)}"
            subprocess.run(
                [str(BIN / "labelwright"), "worker", "add", "--data", str(data), "--team", "demo-you",
                 "--username", "ana", "--password", password],
                check=True,
            )  # fmt: skip
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split())
                _console(browser, url, data)
                _portal(browser, url, password)
                _report(browser, data)
                browser.close()
        finally:
            server.terminate()
            server.wait()


def _wait_for(data: Path, pid: int) -> str:
    for _ in range(300):
        address = data / "server.json"
        if address.exists() and json.loads(address.read_text())["pid"] == pid:
            url = str(json.loads(address.read_text())["url"])
            try:
                with urllib.request.urlopen(f"{url}/health", timeout=5):
                    return url
            except OSError:
                pass
        time.sleep(0.1)
    raise SystemExit("the server did not start")


def _page(browser: Browser) -> Page:
    return browser.new_page(viewport={"width": 1366, "height": 768})


def _console(browser: Browser, url: str, data: Path) -> None:
    keys = json.loads((data / "root-credentials.json").read_text())
    page = _page(browser)
    page.goto(f"{url}/console")
    page.fill("input[name=access_key_id]", keys["access_key_id"])
    page.fill("input[name=secret_access_key]", keys["secret_access_key"])
    page.click("main button")
    page.get_by_role("link", name=re.compile("storage-hall")).last.click()
    page.wait_for_load_state("networkidle")
    page.locator("h2", has_text="Labeled objects").scroll_into_view_if_needed()
    page.evaluate("window.scrollTo(0, document.querySelector('.gallery').offsetTop - 220)")
    page.screenshot(path=HERE / "console-job.png")
    page.close()


def _portal(browser: Browser, url: str, password: str) -> None:
    page = _page(browser)
    page.goto(f"{url}/portal")
    page.get_by_label("User name").fill("ana")
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")
    start = page.get_by_role("button", name=re.compile("Start working")).first
    start.wait_for()
    page.screenshot(path=HERE / "jobs.png")
    start.click()
    page.wait_for_timeout(2500)
    # Corners in pixels of the window: a pallet and a barrel of the first picture, always the same one.
    for key, (left, top, right, bottom) in {"4": (526, 461, 657, 494), "3": (702, 407, 768, 501)}.items():
        page.keyboard.press(key)
        page.mouse.move(left, top)
        page.mouse.down()
        page.mouse.move(right, bottom, steps=8)
        page.mouse.up()
    page.wait_for_timeout(300)
    page.screenshot(path=HERE / "task.png")
    page.close()


def _report(browser: Browser, data: Path) -> None:
    page = _page(browser)
    page.goto((data / "demo" / "report.html").as_uri())
    page.wait_for_load_state("networkidle")
    page.screenshot(path=HERE / "report.png")
    page.close()


if __name__ == "__main__":
    main()
