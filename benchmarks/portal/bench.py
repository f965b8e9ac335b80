"""The worker's page beside Label Studio's: same Chromium, same pictures, same hands, same run.

``python -m benchmarks.portal.bench [--ours-only] [--tasks 15] [--sitting 50] [--memory 200]``

Each server serves its own pictures. Both pages are driven by mouse and keyboard: a worker looks at a task for
a second and a half in all, draws a box, and presses Submit. What is counted ends when the next task's picture
is there; a box drawn at once proves that the page takes input by then. A few more tasks, and the opening of
the 500 boxes, are watched frame by frame from outside, which slows both pages but believes neither. Chromium
draws in software here, which is slower than any machine with a screen. In the end our page alone is worked in
for 200 tasks, to see whether anything stays behind.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.portal import label_studio, memory, ours
from benchmarks.portal.pictures import boxes, picture
from benchmarks.portal.sitting import LabelingPage, Sitting, drag_one, draw_box, launch
from benchmarks.report import Report
from benchmarks.server.label_studio import LabelStudio
from benchmarks.server.load import quantile
from benchmarks.server.ours import Labelwright

SIZE, CROWDED_SIZE = (1600, 1200), (4000, 3000)
N_DISTINCT = 12
SECONDS_PER_TASK = 1.5
SITTING_S = 60.0
N_OPENINGS = 3
N_WATCHED = 5
GIVEN = boxes(*CROWDED_SIZE)
DRAGGED = GIVEN[262]

ROWS: tuple[tuple[str, str, str], ...] = (
    ("Submit to next task usable, p50", "ms", "next_p50_ms"),
    ("Submit to next task usable, p90", "ms", "next_p90_ms"),
    ("Submit to next picture on the screen, p50", "ms", "screen_p50_ms"),
    ("500 boxes on 4000 x 3000 on the screen", "ms", "open_ms"),
    ("frame while dragging 1 of 500, p50", "ms", "frame_p50_ms"),
    ("frame while dragging 1 of 500, p95", "ms", "frame_p95_ms"),
    ("JavaScript of the page", "kB", "script_kb"),
    ("JavaScript as transferred", "kB", "wire_kb"),
    ("the same for each further task", "kB", "wire_kb_per_task"),
    ("JavaScript heap after {n} tasks", "MiB", "heap_mib"),
)


def measure(
    browser: Browser,
    probe: str,
    state: Any,
    make: Callable[[Page], LabelingPage],
    *,
    n_timed: int,
    n_all: int,
) -> dict[str, Any]:
    """All figures of one page; a fresh browser profile for each kind, signed in already."""
    out: dict[str, Any] = {}
    sitting = Sitting(browser, probe, state=state)
    page = make(sitting.page)

    def say(text: str) -> None:
        print(f"  {page.name}: {text}", file=sys.stderr, flush=True)

    page.land(is_crowded=False)
    sitting.until_usable(lambda: page.begin(is_crowded=False))
    plain, wire = sitting.script_bytes()
    out["script_kb"], out["wire_kb"] = plain / 1e3, wire / 1e3
    n_scripts = len(sitting.scripts)
    say(f"{out['script_kb']:,.0f} kB of JavaScript; {n_timed} tasks at {SECONDS_PER_TASK} s each")
    times: list[float] = []
    n_lost = 0
    end = time.monotonic() + SITTING_S
    n_done = 0
    while n_done < n_all and (n_done < n_timed or time.monotonic() < end):
        begun = time.monotonic()
        if not draw_box(sitting, page):
            n_lost += 1
            sitting.page.wait_for_timeout(500)
            if not draw_box(sitting, page):
                raise RuntimeError(f"{page.name}: no box was drawn on a task that should be usable")
        if n_done < n_timed:
            sitting.page.wait_for_timeout(max(0.0, begun + SECONDS_PER_TASK - time.monotonic()) * 1e3)
        took = sitting.until_usable(page.press_submit)
        n_done += 1
        if n_done <= n_timed:
            times.append(took)
        if n_done == n_timed:
            out["wire_kb_per_task"] = sitting.wire_bytes(n_scripts) / 1e3 / n_timed
            say(f"Submit to usable {', '.join(f'{t:.0f}' for t in times)} ms; on to {n_all} tasks")
    out["n_done"] = n_done
    out["heap_mib"] = sitting.heap_mib()
    on_screen = []
    for _ in range(N_WATCHED):
        draw_box(sitting, page)
        sitting.page.wait_for_timeout(1e3 * SECONDS_PER_TASK)
        on_screen.append(sitting.until_on_screen(page.press_submit, page.picture))
    out["screen_p50_ms"] = quantile(on_screen, 0.5)
    say(f"next picture on the screen after {', '.join(f'{t:.0f}' for t in on_screen)} ms")
    out["next_p50_ms"], out["next_p90_ms"] = quantile(times, 0.5), quantile(times, 0.9)
    out["n_lost"] = n_lost
    sitting.close()

    opened = []
    sitting = Sitting(browser, probe, state=state, at_least=len(GIVEN))
    page = make(sitting.page)
    for _ in range(N_OPENINGS):
        page.land(is_crowded=True)
        opened.append(sitting.until_on_screen(lambda: page.begin(is_crowded=True), page.picture))
    say(f"500 boxes on the screen after {', '.join(f'{t:.0f}' for t in opened)} ms; dragging one")
    out["open_ms"] = quantile(opened, 0.5)
    frames = drag_one(sitting, page, DRAGGED, CROWDED_SIZE)
    out["frame_p50_ms"], out["frame_p95_ms"] = quantile(frames, 0.5), quantile(frames, 0.95)
    out["n_frames"] = len(frames)
    sitting.close()
    return out


def signed_in(browser: Browser, sign_in: Callable[[Page], None]) -> Any:
    """Cookies and storage of a worker who has come in through the sign-in form."""
    context = browser.new_context()
    sign_in(context.new_page())
    state = context.storage_state()
    context.close()
    return state


def main() -> int:
    """Run both, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=15, help="tasks that are timed")
    parser.add_argument("--sitting", type=int, default=50, help="tasks in one sitting, with the timed ones")
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--memory", type=int, default=memory.STOPS[-1], help="tasks of the long sitting")
    args = parser.parse_args()
    stops = (*(stop for stop in memory.STOPS if stop < args.memory), args.memory)
    n_all = max(args.tasks, args.sitting)
    keep = Path.cwd() / ".make"
    keep.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="labelwright-bench-", dir=keep))
    drawn = [picture(i, *SIZE) for i in range(N_DISTINCT)]
    # More than are submitted, so that there is a next task to the last.
    pictures = {f"picture-{i:03}.jpg": drawn[i % N_DISTINCT] for i in range(n_all + N_WATCHED + 2)}
    long = {f"picture-{i:03}.jpg": drawn[i % N_DISTINCT] for i in range(args.memory + 2)}
    crowded = picture(1000, *CROWDED_SIZE)
    load_before = os.getloadavg()[0]
    mine, peer, why_no_peer = {}, {}, "was not asked for"
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            mine = _ours(browser, folder, pictures, crowded, n_timed=args.tasks, n_all=n_all)
            if not args.ours_only:
                try:
                    studio = LabelStudio(folder)
                except (OSError, subprocess.CalledProcessError) as error:
                    why_no_peer = f"could not be installed: {error}"
                else:
                    peer = _peer(browser, studio, pictures, crowded, n_timed=args.tasks, n_all=n_all)
            left = _memory(browser, folder, long, crowded, stops) if args.memory > 0 else []
            version = browser.version
            browser.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report = Report("portal", LabelStudio.name)
    for what, unit, key in ROWS:
        report.row(what.format(n=n_all), unit, mine.get(key), peer.get(key))
    for row in left:
        after = f"after {row.n_tasks} tasks"
        report.row(f"{after}: JavaScript heap", "MiB", round(row.heap_mib, 1), None)
        for what in ("nodes", "documents", "frames", "listeners"):
            report.row(f"{after}: {what}", "", getattr(row, what), None)
    for name, figures in (("Labelwright", mine), (LabelStudio.name, peer)):
        if figures:
            report.note(
                f"{name}: {figures['n_lost']} of {figures['n_done']} first strokes came too early; "
                f"{figures['n_frames']} frames in the drag"
            )
            if figures["n_done"] < n_all:
                report.note(
                    f"{name} got through {figures['n_done']} of {n_all} tasks in {SITTING_S:.0f} s; "
                    "its heap was taken then."
                )
    if not peer:
        report.note(f"{LabelStudio.name} {why_no_peer}, so its column is empty.")
    report.note(f"Chromium {version}, headless, drawing in software; pictures {SIZE[0]} x {SIZE[1]}")
    report.note(
        f"load average {load_before:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores"
    )
    report.finish()
    return 0


def _ours(
    browser: Browser, folder: Path, pictures: dict[str, bytes], crowded: bytes, *, n_timed: int, n_all: int
) -> dict[str, Any]:
    server = Labelwright(folder)
    server.start()
    try:
        name, password = ours.fill(server, pictures, crowded, GIVEN)
        state = signed_in(browser, lambda page: ours.sign_in(page, server.url, name, password))
        return measure(
            browser,
            ours.PROBE,
            state,
            lambda page: ours.Portal(page, server.url),
            n_timed=n_timed,
            n_all=n_all,
        )
    finally:
        server.stop()


def _memory(
    browser: Browser, folder: Path, pictures: dict[str, bytes], crowded: bytes, stops: tuple[int, ...]
) -> list[memory.Held]:
    print(f"  Labelwright: {stops[-1]} tasks in one sitting", file=sys.stderr, flush=True)
    server = Labelwright(folder / "memory")
    server.start()
    try:
        name, password = ours.fill(server, pictures, crowded, [])
        state = signed_in(browser, lambda page: ours.sign_in(page, server.url, name, password))
        sitting = Sitting(browser, ours.PROBE, state=state)
        try:
            return memory.sit(sitting, ours.Portal(sitting.page, server.url), stops)
        finally:
            sitting.close()
    finally:
        server.stop()


def _peer(
    browser: Browser,
    server: LabelStudio,
    pictures: dict[str, bytes],
    crowded: bytes,
    *,
    n_timed: int,
    n_all: int,
) -> dict[str, Any]:
    server.start()
    try:
        stream, second = label_studio.fill(server, pictures, crowded, size=CROWDED_SIZE, boxes=GIVEN)
        state = signed_in(browser, lambda page: label_studio.sign_in(page, server.url, server.password))
        return measure(
            browser,
            label_studio.PROBE,
            state,
            lambda page: label_studio.LabelStudioPage(page, server.url, stream=stream, crowded=second),
            n_timed=n_timed,
            n_all=n_all,
        )
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
