"""A worker at a screen: one browser profile, real mouse and keys, and a clock that both pages share.

The pages report moments by themselves (`benchMark`, in epoch milliseconds of the browser), so that the way
from the browser to this script is in no figure. A moment counts as *usable* when the page says that the task
is there and uncovered, its picture has loaded, and a frame was drawn after that. `until_on_screen` does not
believe the page: it looks at what the browser puts on the screen, which includes decoding the picture.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import os
import shutil
import time
from collections.abc import Callable
from typing import Any, Protocol

from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Browser, Error, Frame, Page, Playwright, Request

from benchmarks.portal.pictures import Box

FLAGS = (
    "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync"
)
VIEW = {"width": 1366, "height": 768}
PATIENCE_S = 60.0
SETTLED_MS = 800.0
SAME_COLOR = 1.0  # of 255, on average over a part of the screen: less than any of the boxes adds
STEPS_PER_DRAG = 180

# In every document, before its own scripts: clicks, frame times, when a picture is drawn.
CLOCK = """
window.benchNow = (at = performance.now()) => performance.timeOrigin + at;
window.benchFrames = [];
window.benchEveryFrame = (look) => {
  const tick = (at) => { look(at); requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
};
window.benchNextFrame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
let benchLast = null;
benchEveryFrame((at) => {
  if (benchLast !== null) benchFrames.push(at - benchLast);
  benchLast = at;
});
window.addEventListener('click', (event) => benchMark('click', benchNow(event.timeStamp), ''), true);
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """Something a page reported; ``at`` in epoch milliseconds of the browser."""

    kind: str
    at: float
    task: str


class LabelingPage(Protocol):
    """One system's page as a worker sees it."""

    name: str

    def land(self, *, is_crowded: bool) -> None:
        """Load the page from which a worker begins: with one box per picture, or with the 500 given ones."""

    def begin(self, *, is_crowded: bool) -> None:
        """Press there what opens the first task."""

    def press_submit(self) -> None: ...

    def picture(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of the picture on the screen, pixels."""

    def boxes(self) -> list[list[float]]:
        """Left, top, width and height of all boxes as the page holds them, in a unit of its own."""

    def evaluate(self, script: str) -> Any:
        """In the document that holds the drawing tool."""


class Sitting:
    """One browser profile with one page."""

    def __init__(self, browser: Browser, probe: str, *, state: Any = None, at_least: int = 0) -> None:
        self.context = browser.new_context(viewport=VIEW, locale="en-US", storage_state=state)  # type: ignore[arg-type]
        self.context.set_default_timeout(PATIENCE_S * 1e3)
        self.marks: list[Mark] = []
        self.scripts: list[Request] = []
        self.context.expose_binding("benchMark", self._mark)
        self.context.add_init_script(f"window.benchAtLeast = {at_least};\n{CLOCK}{probe}")
        self.page: Page = self.context.new_page()
        self.context.on("requestfinished", self._keep)

    def _mark(self, source: Any, kind: str, at: float, task: str) -> None:
        self.marks.append(Mark(kind, at, task))

    def _keep(self, request: Request) -> None:
        if request.resource_type == "script":
            self.scripts.append(request)

    def wait(self, kind: str, n_seen: int) -> Mark:
        """The first mark of a kind after those seen already."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            for mark in self.marks[n_seen:]:
                if mark.kind == kind:
                    return mark
            self.page.wait_for_timeout(5)
        raise TimeoutError(f"no mark {kind!r} within {PATIENCE_S:.0f} s; got {self.marks[n_seen:]}")

    def until_usable(self, press: Callable[[], None]) -> float:
        """Milliseconds from the click that ``press`` makes to a usable task."""
        n_seen = len(self.marks)
        press()
        usable = self.wait("usable", n_seen)
        clicks = [mark.at for mark in self.marks[n_seen:] if mark.kind == "click" and mark.at <= usable.at]
        return usable.at - clicks[-1]

    def until_on_screen(
        self, press: Callable[[], None], where: Callable[[], tuple[float, float, float, float]]
    ) -> float:
        """Milliseconds from the click until the picture's place on the screen looks as it does in the end.

        The browser sends every frame that it puts on the screen, which costs it some of its time.
        """
        frames: list[tuple[float, str]] = []
        session = self.context.new_cdp_session(self.page)

        def keep(frame: dict[str, Any]) -> None:
            frames.append((frame["metadata"]["timestamp"] * 1e3, frame["data"]))
            session.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

        session.on("Page.screencastFrame", keep)
        half = {"maxWidth": VIEW["width"] // 2, "maxHeight": VIEW["height"] // 2}
        session.send("Page.startScreencast", {"format": "jpeg", "quality": 40, "everyNthFrame": 1, **half})
        n_seen = len(self.marks)
        self.until_usable(press)
        left, top, width, height = (round(value / 2) for value in where())
        self.page.wait_for_timeout(SETTLED_MS)
        session.send("Page.stopScreencast")
        session.detach()
        clicked = next(mark.at for mark in reversed(self.marks[n_seen:]) if mark.kind == "click")
        place = (left, top, left + width, top + height)
        shown = [
            (at, Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB").crop(place))
            for at, data in frames
        ]
        for at, image in shown:
            rest = ImageStat.Stat(ImageChops.difference(image, shown[-1][1])).mean
            if at > clicked and max(rest) < SAME_COLOR:
                return at - clicked
        raise RuntimeError("the browser sent no frame after the click")

    def script_bytes(self) -> tuple[int, int]:
        """Bytes of the different scripts loaded so far: unpacked, and as they came over the wire."""
        plain = wire = 0
        for request in {request.url: request for request in reversed(self.scripts)}.values():
            response = request.response()
            if response is not None:
                plain += len(response.body())
                wire += request.sizes()["responseBodySize"]
        return plain, wire

    def wire_bytes(self, n_before: int) -> int:
        """Bytes over the wire of all scripts after the first ``n_before``, each time that one was loaded."""
        return sum(request.sizes()["responseBodySize"] for request in self.scripts[n_before:])

    def heap_mib(self) -> float:
        """JavaScript heap in use by the page and its frames, after a collection, MiB."""
        used: dict[str, float] = {}
        targets: list[Page | Frame] = [self.page, *self.page.frames[1:]]
        for target in targets:
            try:
                session = self.context.new_cdp_session(target)
            except Error:
                continue  # it lives in its parent's process, so it has been counted
            session.send("HeapProfiler.enable")
            session.send("HeapProfiler.collectGarbage")
            # Frames may share a heap with each other.
            used[session.send("Runtime.getIsolateId")["id"]] = session.send("Runtime.getHeapUsage")[
                "usedSize"
            ]
            session.detach()
        return sum(used.values()) / 2**20

    def close(self) -> None:
        """Close the profile."""
        self.context.close()


def launch(playwright: Playwright) -> Browser:
    """The Chromium that is installed here."""
    path = os.environ.get("LABELWRIGHT_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if path is None:
        raise SystemExit("No Chromium found: install one or set LABELWRIGHT_CHROMIUM.")
    # Chromium's own sandbox does not work for root, as in containers.
    flags = FLAGS.split() + (["--no-sandbox"] if os.geteuid() == 0 else [])
    return playwright.chromium.launch(executable_path=path, args=flags)


def draw_box(sitting: Sitting, page: LabelingPage) -> bool:
    """Choose the first label and drag a box; whether the page holds exactly that one afterwards."""
    left, top, width, height = page.picture()
    mouse = sitting.page.mouse
    sitting.page.keyboard.press("1")
    mouse.move(left + 0.2 * width, top + 0.2 * height)
    mouse.down()
    mouse.move(left + 0.3 * width, top + 0.3 * height, steps=4)
    mouse.move(left + 0.4 * width, top + 0.45 * height, steps=4)
    mouse.up()
    return len(page.boxes()) == 1


def drag_one(sitting: Sitting, page: LabelingPage, given: Box, size: tuple[int, int]) -> list[float]:
    """Frame times, ms, while one box of many is dragged about."""
    left, top, width, _ = page.picture()
    scale = width / size[0]
    x = left + (given["left"] + given["width"] / 2) * scale
    y = top + (given["top"] + given["height"] / 2) * scale
    mouse = sitting.page.mouse
    before = page.boxes()
    mouse.click(x, y)
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 6, y + 6, steps=3)
    page.evaluate("benchFrames.length = 0")
    begin = time.perf_counter()
    for i in range(STEPS_PER_DRAG):
        # A hand's mouse sends about a hundred places a second.
        time.sleep(max(0.0, begin + i * 0.01 - time.perf_counter()))
        mouse.move(x + 6 + (i % 90) * 1.5, y + 6 + (i % 60))
    frames: list[float] = page.evaluate("benchFrames.slice()")
    mouse.up()
    after = page.boxes()
    n_moved = sum(was != now for was, now in zip(before, after, strict=True))
    if n_moved != 1:
        raise RuntimeError(f"{page.name}: {n_moved} boxes moved by the drag instead of 1")
    return frames
