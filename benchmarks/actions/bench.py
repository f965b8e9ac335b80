"""How much a worker has to do: keys, clicks, drags and way of the pointer for scripted pictures.

``python -m benchmarks.actions.bench [--ours-only] [--pictures 20]``

The same pictures in Labelwright's portal and in Label Studio's page, in one Chromium. A script acts as a
practised worker would: keys for labels, pressed only when another label is needed than the page holds ready;
a drag for a box; Ctrl+Enter to hand in. Each page's own shortest way is used, and after every picture the
boxes that the page holds are compared with the script's. Two sets: unrelated pictures, and pictures of a
camera that stands still, where copying what was there before pays.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.actions.hand import Counts, Hand
from benchmarks.actions.scenes import SIZE, Scene, Target, footage, picture, street
from benchmarks.portal import label_studio, ours
from benchmarks.portal.bench import signed_in
from benchmarks.portal.pictures import LABELS
from benchmarks.portal.sitting import Sitting, launch
from benchmarks.report import Report
from benchmarks.server.label_studio import LabelStudio
from benchmarks.server.ours import Labelwright

T = TypeVar("T")
MARGIN_PX = 8.0
TOLERANCE_PX = 4.0  # of the picture; a pixel of the screen is more than one of the picture

ROWS: tuple[tuple[str, str, Callable[[Counts], float]], ...] = (
    ("keys", "", lambda c: c.keys),
    ("clicks", "", lambda c: c.clicks),
    ("drags", "", lambda c: c.drags),
    ("all actions", "", lambda c: c.actions),
    ("way of the pointer", "px", lambda c: round(c.travel_px)),
    ("keystroke-level time", "s", lambda c: c.model_s),
)


class Tool(Protocol):
    """One system's page while a picture is worked on."""

    name: str
    delete_key: str

    def place(self) -> tuple[float, float, float, float]: ...

    def held(self) -> list[Target]:
        """What the page holds, in pixels of the picture."""

    def ready_label(self) -> str | None:
        """The label that the next box would get."""

    def copy_before(self, hand: Hand) -> None:
        """Take over what was marked on the picture before."""

    def keep(self, hand: Hand) -> None:
        """What has to be done on a picture so that the next one can take it over."""

    def submit(self, hand: Hand) -> None: ...


class Ours:
    """Labelwright."""

    name = "Labelwright"
    delete_key = "Delete"

    def __init__(self, page: Page, url: str) -> None:
        self._portal = ours.Portal(page, url)
        self._page = page

    def place(self) -> tuple[float, float, float, float]:
        return self._portal.picture()

    def held(self) -> list[Target]:
        boxes = self._portal.evaluate(f"{ours.TOOL}.value.boundingBoxes")
        return [Target(b["label"], b["left"], b["top"], b["width"], b["height"]) for b in boxes]

    def ready_label(self) -> str | None:
        found = self._portal.evaluate(
            f"{ours.TOOL}.shadowRoot.querySelector('.label-button.selected')?.textContent ?? ''"
        )
        return next((label for label in LABELS if label in found), None)

    def copy_before(self, hand: Hand) -> None:
        hand.key("c")
        self._page.wait_for_timeout(150)

    def keep(self, hand: Hand) -> None:
        pass

    def submit(self, hand: Hand) -> None:
        hand.key("Control+Enter")


class Theirs:
    """Label Studio."""

    name = LabelStudio.name
    delete_key = "Backspace"

    def __init__(self, page: Page, url: str, stream: int) -> None:
        self._studio = label_studio.LabelStudioPage(page, url, stream=stream, crowded=stream)
        self._page = page

    def place(self) -> tuple[float, float, float, float]:
        return self._studio.picture()

    def held(self) -> list[Target]:
        rows = self._studio.evaluate(
            "Htx.annotationStore.selected.regionStore.regions.map("
            "(r) => [r.labeling?.getSelectedString?.() ?? r.labels[0], r.x, r.y, r.width, r.height])"
        )
        x, y = SIZE[0] / 100, SIZE[1] / 100  # it counts in hundredths of the picture
        return [Target(row[0], row[1] * x, row[2] * y, row[3] * x, row[4] * y) for row in rows]

    def ready_label(self) -> str | None:
        found = self._studio.evaluate(
            "Htx.annotationStore.selected.names.get('box').selectedLabels.map((label) => label.value)"
        )
        return found[0] if found else None

    def copy_before(self, hand: Hand) -> None:
        hand.key("Control+v")
        self._page.wait_for_timeout(300)

    def keep(self, hand: Hand) -> None:
        # No key selects everything: its tool for selecting (V) is drawn around all that is there.
        hand.key("v")
        boxes = self.held()
        start = (min(b.left for b in boxes), min(b.top for b in boxes))
        end = (max(b.left + b.width for b in boxes), max(b.top + b.height for b in boxes))
        hand.drag(
            _point(self, start[0] - MARGIN_PX, start[1] - MARGIN_PX),
            _point(self, end[0] + MARGIN_PX, end[1] + MARGIN_PX),
        )
        self._page.wait_for_timeout(150)
        hand.key("Control+c")

    def submit(self, hand: Hand) -> None:
        hand.key("Control+Enter")


def _near(a: Target, b: Target) -> bool:
    edges = ((a.left, b.left), (a.top, b.top), (a.left + a.width, b.left + b.width))
    return a.label == b.label and all(abs(x - y) <= TOLERANCE_PX for x, y in edges)


def _point(tool: Tool, x: float, y: float) -> tuple[float, float]:
    left, top, width, height = tool.place()
    return left + x * width / SIZE[0], top + y * height / SIZE[1]


def _draw(tool: Tool, hand: Hand, target: Target) -> None:
    if tool.ready_label() != target.label:
        hand.key(str(LABELS.index(target.label) + 1))
    start = _point(tool, target.left, target.top)
    hand.drag(start, _point(tool, target.left + target.width, target.top + target.height))


def _mark(tool: Tool, hand: Hand, scene: Scene, *, has_before: bool) -> None:
    if has_before:
        tool.copy_before(hand)
        for wrong in [held for held in tool.held() if not any(_near(held, t) for t in scene)]:
            hand.click(_point(tool, wrong.left + wrong.width / 2, wrong.top + wrong.height / 2))
            hand.key(tool.delete_key)
    held = tool.held()
    for target in scene:
        if not any(_near(target, h) for h in held):
            _draw(tool, hand, target)
    held = tool.held()
    if len(held) != len(scene) or not all(any(_near(t, h) for h in held) for t in scene):
        raise RuntimeError(f"{tool.name} holds {held}, but the script marked {scene}")


def work(
    sitting: Sitting, tool: Tool, begin: Callable[[], None], scenes: list[Scene], *, copies: bool
) -> Counts:
    """Mark all pictures."""
    hand = Hand(sitting.page)
    n_seen = len(sitting.marks)
    begin()
    for i, scene in enumerate(scenes):
        sitting.wait("usable", n_seen)
        _mark(tool, hand, scene, has_before=copies and i > 0)
        if copies and i + 1 < len(scenes):
            tool.keep(hand)
        n_seen = len(sitting.marks)
        tool.submit(hand)
    return hand.counts


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """A system with a set of pictures loaded: its probe, its signed-in state, how to begin."""

    probe: str
    state: Any
    make: Callable[[Page], tuple[Tool, Callable[[], None]]]


@dataclasses.dataclass(frozen=True, slots=True)
class PictureSet:
    """Pictures to mark; ``copies`` where it pays to take over what was on the picture before."""

    title: str
    scenes: list[Scene]
    copies: bool

    @property
    def n_boxes(self) -> int:
        """Boxes on all pictures."""
        return sum(map(len, self.scenes))


def run(browser: Browser, subject: Subject, scenes: list[Scene], *, copies: bool) -> Counts:
    """One set in one fresh profile."""
    sitting = Sitting(browser, subject.probe, state=subject.state)
    try:
        tool, begin = subject.make(sitting.page)
        return work(sitting, tool, begin, scenes, copies=copies)
    finally:
        sitting.close()


def _files(scenes: list[Scene]) -> dict[str, bytes]:
    # One more than are worked on, so that there is a next picture to the last.
    return {f"picture-{i:03}.jpg": picture(scene) for i, scene in enumerate([*scenes, scenes[-1]])}


def _ours(browser: Browser, one: PictureSet, folder: Path) -> Counts:
    server = Labelwright(folder)
    server.start()
    try:
        files = _files(one.scenes)
        name, password = ours.fill(server, files, next(iter(files.values())), [])
        state = signed_in(browser, lambda page: ours.sign_in(page, server.url, name, password))

        def make(page: Page) -> tuple[Tool, Callable[[], None]]:
            portal = ours.Portal(page, server.url)
            portal.land(is_crowded=False)
            return Ours(page, server.url), lambda: portal.begin(is_crowded=False)

        return run(browser, Subject(ours.PROBE, state, make), one.scenes, copies=one.copies)
    finally:
        server.stop()


def _theirs(browser: Browser, sets: list[PictureSet], folder: Path) -> list[Counts]:
    # All sets on one server, since it takes long to start.
    server = LabelStudio(folder)
    try:
        server.start()
        found = []
        for one in sets:
            files = _files(one.scenes)
            stream, _ = label_studio.fill(server, files, next(iter(files.values())), size=SIZE, boxes=[])
            make = functools.partial(_their_page, url=server.url, stream=stream)
            state = signed_in(browser, lambda page: label_studio.sign_in(page, server.url, server.password))
            subject = Subject(label_studio.PROBE, state, make)
            found.append(run(browser, subject, one.scenes, copies=one.copies))
        return found
    finally:
        server.stop()


def _their_page(page: Page, *, url: str, stream: int) -> tuple[Tool, Callable[[], None]]:
    studio = label_studio.LabelStudioPage(page, url, stream=stream, crowded=stream)
    studio.land(is_crowded=False)
    return Theirs(page, url, stream), lambda: studio.begin(is_crowded=False)


def main() -> int:
    """Run both sets on both, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--ours-only", action="store_true")
    args = parser.parse_args()
    keep = Path.cwd() / ".make"
    keep.mkdir(exist_ok=True)
    report = Report("actions", LabelStudio.name)
    sets = [
        PictureSet("unrelated pictures", street(args.pictures), copies=False),
        PictureSet("still camera", footage(args.pictures), copies=True),
    ]
    for one in sets:
        report.note(f"{one.title}: {len(one.scenes)} pictures with {one.n_boxes} boxes in all")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        mine = [_in_folder(keep, functools.partial(_ours, browser, one)) for one in sets]
        theirs: list[Counts] | None = None
        if not args.ours_only:
            print(f"  {LabelStudio.name}", file=sys.stderr, flush=True)
            try:
                theirs = _in_folder(keep, functools.partial(_theirs, browser, sets))
            except (OSError, subprocess.CalledProcessError) as error:
                report.note(f"{LabelStudio.name} could not be installed: {error}")
        browser.close()
    for i, one in enumerate(sets):
        for what, unit, value in ROWS:
            peer = None if theirs is None else value(theirs[i])
            report.row(f"{one.title}: {what}", unit, value(mine[i]), peer)
    report.note(
        f"still camera: {LabelStudio.name} takes boxes over by the clipboard (select, Ctrl+C; then Ctrl+V), "
        "Labelwright by one key on the next picture."
    )
    report.finish()
    return 0


def _in_folder(keep: Path, act: Callable[[Path], T]) -> T:
    folder = Path(tempfile.mkdtemp(prefix="labelwright-bench-", dir=keep))
    try:
        return act(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
