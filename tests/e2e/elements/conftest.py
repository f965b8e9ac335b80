"""A Chromium, a tiny HTTP server with the built bundle, and pages written in the tests themselves."""

from __future__ import annotations

import functools
import http.server
import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[3]
STATIC = ROOT / "src" / "labelwright" / "portal" / "static"


@dataclass
class Site:
    """What the server answers: path to (status, content type, body, extra headers)."""

    base_url: str
    routes: dict[str, tuple[int, str, bytes, dict[str, str]]] = field(default_factory=dict)

    def put(self, path: str, body: bytes, content_type: str, *, status: int = 200, cors: bool = True) -> str:
        headers = {"Access-Control-Allow-Origin": "*"} if cors else {}
        self.routes[path] = (status, content_type, body, headers)
        return self.base_url + path

    def page(self, path: str, body: str, *, before: str = "") -> str:
        script = '<script src="/static/crowd-html-elements.js"></script>'
        head = "<head><meta charset='utf-8'><link rel='icon' href='data:,'></head>"
        html = f"<!DOCTYPE html>{script}<html>{head}<body>{before}{body}</body></html>"
        return self.put(path, html.encode(), "text/html; charset=utf-8")


def picture(width: int, height: int, *, orientation: int | None = None) -> bytes:
    """A JPEG with a little scene; `orientation` writes the camera's note about turning it."""
    image = Image.new("RGB", (width, height), (206, 220, 231))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 0.62, width, height), fill=(120, 124, 128))
    for i in range(6):
        left = width * (0.04 + 0.16 * i)
        top = height * (0.22 + 0.05 * (i % 3))
        draw.rectangle((left, top, left + width * 0.11, height * 0.62), fill=(150 + 12 * i, 120, 96))
    for i in range(3):
        left, top = width * (0.1 + 0.3 * i), height * 0.68
        draw.rounded_rectangle(
            (left, top, left + width * 0.16, top + height * 0.14),
            radius=width * 0.02,
            fill=(190, 60 + 50 * i, 60),
        )
    out = io.BytesIO()
    if orientation is None:
        image.save(out, "JPEG", quality=88)
    else:
        exif = Image.Exif()
        exif[0x0112] = orientation
        image.save(out, "JPEG", quality=88, exif=exif)
    return out.getvalue()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, site: Site, **kwargs: Any) -> None:
        self.site = site
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/static/"):
            kind = "text/javascript" if path.endswith(".js") else "application/octet-stream"
            answer = (200, kind, (STATIC / path.removeprefix("/static/")).read_bytes(), {})
        else:
            answer = self.site.routes.get(path, (404, "text/plain", b"not found", {}))
        status, kind, body, headers = answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _serve(site: Site) -> http.server.ThreadingHTTPServer:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, site=site))
    server.daemon_threads = True
    site.base_url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


@pytest.fixture(scope="session")
def pictures() -> dict[str, bytes]:
    return {
        "/scene.jpg": picture(1280, 720),
        **{f"/turned-{n}.jpg": picture(640, 400, orientation=n) for n in (3, 6, 8)},
    }


@pytest.fixture
def site(pictures: dict[str, bytes]) -> Iterator[Site]:
    site = Site("")
    server = _serve(site)
    for path, body in pictures.items():
        site.put(path, body, "image/jpeg")
    yield site
    server.shutdown()
    server.server_close()


@pytest.fixture
def other_site() -> Iterator[Site]:
    """A second origin, for what a page may not read."""
    site = Site("")
    server = _serve(site)
    yield site
    server.shutdown()
    server.server_close()


@dataclass
class Desk:
    """One open page. Script errors fail the test when it ends."""

    page: Any
    site: Site
    errors: list[str] = field(default_factory=list)

    def open(self, body: str, *, before: str = "") -> Any:
        self.page.goto(self.site.page("/task", body, before=before))
        self.page.wait_for_function("window.isReady === true")
        return self.page

    def answer(self) -> Any:
        """Presses Submit and reads the answer that the page shows outside the portal."""
        # A second trigger within one turn of the event loop counts as the same gesture and would be ignored.
        turn = "new Promise(done => setTimeout(done))"
        self.page.evaluate(f"{turn}.then(() => document.querySelector('crowd-form').submit())")
        return self.shown_answer()

    def shown_answer(self) -> Any:
        return self.page.evaluate(
            """async () => {
                const form = document.querySelector('crowd-form');
                await form.updateComplete;
                const text = form.shadowRoot.querySelector('#answers-box').textContent;
                return text ? JSON.parse(text)[0] : null;
            }"""
        )

    def status(self) -> str:
        return str(
            self.page.evaluate(
                """async () => {
                    const form = document.querySelector('crowd-form');
                    await form.updateComplete;
                    return form.shadowRoot.querySelector('.status')?.textContent.trim() ?? '';
                }"""
            )
        )


READY_FLAG = "document.addEventListener('all-crowd-elements-ready', () => { window.isReady = true; });"


@pytest.fixture
def open_desk(browser: Any, site: Site) -> Iterator[Callable[..., Desk]]:
    contexts: list[Any] = []
    desks: list[Desk] = []

    def make(**options: Any) -> Desk:
        context = browser.new_context(**{"viewport": {"width": 1366, "height": 768}, **options})
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(READY_FLAG)
        desk = Desk(page, site)
        page.on("pageerror", lambda error: desk.errors.append(str(error)))
        desks.append(desk)
        return desk

    yield make
    for context in contexts:
        context.close()
    assert [error for desk in desks for error in desk.errors] == []


@pytest.fixture(scope="session")
def shared_page(browser: Any) -> Iterator[Any]:
    """One page for all tests that need no special browser settings; each of them loads its own document."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.add_init_script(READY_FLAG)
    yield page
    context.close()


@pytest.fixture
def desk(shared_page: Any, site: Site) -> Iterator[Desk]:
    desk = Desk(shared_page, site)

    def note(error: Any) -> None:
        desk.errors.append(str(error))

    shared_page.on("pageerror", note)
    yield desk
    shared_page.remove_listener("pageerror", note)
    shared_page.mouse.up()
    shared_page.goto("about:blank")
    assert desk.errors == []
