"""Labelwright's portal as a worker sees it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from playwright.sync_api import Frame, Locator, Page

from benchmarks.portal.pictures import LABELS, Box
from benchmarks.server.ours import REGION, Labelwright
from labelwright.templates import builtin
from labelwright.testing.jobs import start_job

if TYPE_CHECKING:
    from labelwright.testing.server import RunningServer

TEAM = "bench"
STREAM, CROWDED = "One box each", "Five hundred boxes"
TOOL = "document.querySelector('crowd-bounding-box')"
# One attribute of a line holds 20,000 characters at most, so the boxes come as plain rows.
CROWDED_TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><crowd-bounding-box name="boxes" src="{{ task.input.source-ref | grant_read_access }}"
labels="{{ task.input.labels | to_json | escape }}" header="Mend the boxes"
initial-value='[{% for b in task.input.boxes %}{% unless forloop.first %},{% endunless %}
{"label":"{{ b[0] }}","left":{{ b[1] }},"top":{{ b[2] }},"width":{{ b[3] }},"height":{{ b[4] }}}{% endfor %}]'
></crowd-bounding-box></crowd-form>
"""

# The task runs in a sandboxed frame, which says when its picture, with all the boxes that came with it, has
# been drawn. The page knows when nothing covers that frame. Usable is the end of the first frame with both.
PROBE = (
    """
if (window === window.top) {
  const drawn = new WeakMap();
  let told = null;
  window.addEventListener('message', ({ data, source }) => {
    if (data?.bench) drawn.set(source, data.bench);
  });
  benchEveryFrame(() => {
    const frame = document.querySelector('iframe.task-frame:not(.is-waiting)');
    const task = drawn.get(frame?.contentWindow);
    if (!task || task === told) return;
    const at = frame.getBoundingClientRect();
    if (document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2) !== frame) return;
    told = task;
    setTimeout(() => benchMark('usable', benchNow(), task));
  });
} else {
  let isTold = false;
  benchEveryFrame(() => {
    if (isTold) return;
    const tool = """
    + TOOL
    + """;
    const picture = tool?.shadowRoot?.querySelector('.stage-picture img');
    if (!picture?.complete || !picture.getBoundingClientRect().width) return;
    if (tool.value.boundingBoxes.length < benchAtLeast) return;
    isTold = true;
    const { taskId } = JSON.parse(document.getElementById('labelwright-task').textContent);
    benchNextFrame().then(() => window.parent.postMessage({ bench: taskId }, '*'));
  });
}
"""
)


def fill(
    server: Labelwright, pictures: dict[str, bytes], crowded: bytes, boxes: list[Box]
) -> tuple[str, str]:
    """Both jobs, and a worker for them: user name and password."""
    name, password = server.worker(TEAM, "ana")
    target = cast("RunningServer", server)  # of which only the client arguments are used
    team_arn = f"arn:aws:sagemaker:{REGION}:000000000000:workteam/private-crowd/{TEAM}"
    start_job(
        target,
        "stream",
        team_arn=team_arn,
        task_type="BoundingBox",
        labels=LABELS,
        template=builtin("BoundingBox", header="Draw a box around the red block"),
        files=pictures,
        lines=[{"source-ref": f"s3://test-data/{key}"} for key in pictures],
        title=STREAM,
        time_limit_s=3600,
    )
    line = {
        "source-ref": "s3://test-data/crowded.jpg",
        "labels": LABELS,
        "boxes": [list(box.values()) for box in boxes],
    }
    start_job(
        target,
        "crowded",
        team_arn=team_arn,
        template=CROWDED_TEMPLATE,
        files={"crowded.jpg": crowded},
        lines=[line],
        title=CROWDED,
        time_limit_s=3600,
    )
    return name, password


def sign_in(page: Page, url: str, name: str, password: str) -> None:
    """Through the form, to the list of jobs."""
    page.goto(f"{url}/portal")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Start working").first.wait_for()


class Portal:
    """The page, from the list of jobs on."""

    name = "Labelwright"

    def __init__(self, page: Page, url: str) -> None:
        self._page = page
        self._url = url

    def land(self, *, is_crowded: bool) -> None:
        self._page.goto(f"{self._url}/portal")
        self._start(is_crowded).wait_for()

    def begin(self, *, is_crowded: bool) -> None:
        self._start(is_crowded).click()

    def _start(self, is_crowded: bool) -> Locator:
        card = self._page.get_by_role("listitem").filter(has_text=CROWDED if is_crowded else STREAM)
        return card.get_by_role("button", name=re.compile("Start working|Resume"))

    def press_submit(self) -> None:
        self._frame().get_by_role("button", name="Submit").click()

    def picture(self) -> tuple[float, float, float, float]:
        outer = self._page.locator("iframe.task-frame:not(.is-waiting)").bounding_box()
        assert outer is not None
        x, y, width, height = self.evaluate(
            f"(() => {{ const picture = {TOOL}.shadowRoot.querySelector('.stage-picture img');"
            "const r = picture.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()"
        )
        return outer["x"] + x, outer["y"] + y, width, height

    def boxes(self) -> list[list[float]]:
        found: list[list[float]] = self.evaluate(
            f"{TOOL}.value.boundingBoxes.map((b) => [b.left, b.top, b.width, b.height])"
        )
        return found

    def evaluate(self, script: str) -> Any:
        return self._frame().evaluate(script)

    def _frame(self) -> Frame:
        handle = self._page.wait_for_selector("iframe.task-frame:not(.is-waiting)")
        frame = None if handle is None else handle.content_frame()
        if handle is None or frame is None:
            raise RuntimeError("the task's frame was taken away")
        handle.dispose()  # or the browser would keep the frame's element for this script's sake
        return frame
