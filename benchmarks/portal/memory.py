"""What a long sitting leaves in the worker's browser: the portal alone, task after task in one page.

Counted after a collection in every process of the page: the JavaScript heap, and what the browser's engine
itself holds (DOM nodes, documents, listeners), where a page that keeps references to done tasks shows first.
"""

from __future__ import annotations

import dataclasses

from playwright.sync_api import Error, Frame, Page

from benchmarks.portal.sitting import LabelingPage, Sitting, draw_box

STOPS = (10, 100, 200)


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """What the page holds after some tasks; all processes of it together."""

    n_tasks: int
    heap_mib: float
    nodes: int
    documents: int
    frames: int
    listeners: int


def held(sitting: Sitting, n_tasks: int) -> Held:
    """Collect garbage, then count."""
    targets: list[Page | Frame] = [sitting.page, *sitting.page.frames[1:]]
    counts: dict[str, tuple[float, int, int, int]] = {}
    for target in targets:
        try:
            session = sitting.context.new_cdp_session(target)
        except Error:
            continue  # it lives in its parent's process, so it is counted there
        session.send("HeapProfiler.enable")
        for _ in range(2):  # what the first one lets go may hold more
            session.send("HeapProfiler.collectGarbage")
        dom = session.send("Memory.getDOMCounters")
        heap = session.send("Runtime.getHeapUsage")["usedSize"]
        # Frames may share a process with each other.
        isolate = session.send("Runtime.getIsolateId")["id"]
        counts[isolate] = (heap, dom["nodes"], dom["documents"], dom["jsEventListeners"])
        session.detach()
    heap, nodes, documents, listeners = (sum(column) for column in zip(*counts.values(), strict=True))
    return Held(
        n_tasks=n_tasks,
        heap_mib=heap / 2**20,
        nodes=int(nodes),
        documents=int(documents),
        frames=len(sitting.page.frames),
        listeners=int(listeners),
    )


def sit(sitting: Sitting, page: LabelingPage, stops: tuple[int, ...] = STOPS) -> list[Held]:
    """Work through tasks, a box on each, without a reload; count at every stop."""
    page.land(is_crowded=False)
    sitting.until_usable(lambda: page.begin(is_crowded=False))
    found = []
    for n in range(1, stops[-1] + 1):
        if not draw_box(sitting, page):
            sitting.page.wait_for_timeout(500)
            if not draw_box(sitting, page):
                raise RuntimeError(f"{page.name}: no box was drawn on task {n}")
        sitting.until_usable(page.press_submit)
        if n in stops:
            sitting.page.wait_for_timeout(1500)  # the next task is being loaded ahead
            found.append(held(sitting, n))
    return found
