"""Label Studio's labeling page as a worker sees it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page

from benchmarks.portal.pictures import LABELS, Box
from benchmarks.server.label_studio import FIRST_USER, LabelStudio

CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    + "".join(f'<Label value="{label}"/>' for label in LABELS)
    + "</RectangleLabels></View>"
)
PICTURE = "document.querySelector('img[alt=image]')"

# Its own store says which task is open and whether the picture has come; its drawing library, which is a
# global, says how many rectangles are on the canvas.
PROBE = (
    """
let benchTold = null;
if (window === window.top) benchEveryFrame(() => {
  const store = window.Htx, chosen = store?.annotationStore?.selected;
  const entity = chosen?.names.get('image')?.currentImageEntity;
  const task = store?.task?.id;
  if (!task || task === benchTold || !entity?.imageLoaded || store.isLoading) return;
  const picture = """
    + PICTURE
    + """;
  if (!picture?.complete || picture.getBoundingClientRect().width < 50) return;
  const stage = window.Konva?.stages?.[0];
  if (!stage || stage.find('Rect').length < chosen.regionStore.regions.length) return;
  if (chosen.regionStore.regions.length < benchAtLeast) return;
  benchTold = task;
  benchNextFrame().then(() => benchMark('usable', benchNow(), String(task)));
});
"""
)


def fill(
    server: LabelStudio,
    pictures: dict[str, bytes],
    crowded: bytes,
    *,
    size: tuple[int, int],
    boxes: list[Box],
) -> tuple[int, int]:
    """Both projects, the second with a prediction that the worker mends."""
    stream = server.create_project(title="One box each", label_config=CONFIG)
    server.upload(stream, pictures)
    second = server.create_project(
        title="Five hundred boxes", label_config=CONFIG, show_collab_predictions=True, model_version="given"
    )
    (task,) = server.upload(second, {"crowded.jpg": crowded})
    width, height = size
    result = [
        {
            "from_name": "box",
            "to_name": "image",
            "type": "rectanglelabels",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {
                "x": 100 * box["left"] / width,
                "y": 100 * box["top"] / height,
                "width": 100 * box["width"] / width,
                "height": 100 * box["height"] / height,
                "rotation": 0,
                "rectanglelabels": [box["label"]],
            },
        }
        for box in boxes
    ]
    server.call("POST", "/api/predictions/", {"task": task, "model_version": "given", "result": result})
    return stream, second


def sign_in(page: Page, url: str, password: str) -> None:
    """Through its form."""
    page.goto(f"{url}/user/login")
    page.fill("input[name=email]", FIRST_USER)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda address: "/user/login" not in address)


class LabelStudioPage:
    """The page, from the list of a project's tasks on."""

    name = LabelStudio.name

    def __init__(self, page: Page, url: str, *, stream: int, crowded: int) -> None:
        self._page = page
        self._url = url
        self._stream = stream
        self._crowded = crowded

    def land(self, *, is_crowded: bool) -> None:
        self._page.goto(f"{self._url}/projects/{self._crowded if is_crowded else self._stream}/data")
        self._begin().wait_for()

    def begin(self, *, is_crowded: bool) -> None:
        self._begin().click()

    def _begin(self) -> Locator:
        return self._page.locator("button", has_text="Label").first

    def press_submit(self) -> None:
        self._page.locator("button", has_text="Submit").first.click()

    def picture(self) -> tuple[float, float, float, float]:
        x, y, width, height = self.evaluate(
            f"(() => {{ const r = {PICTURE}.getBoundingClientRect();"
            "return [r.x, r.y, r.width, r.height]; })()"
        )
        return x, y, width, height

    def boxes(self) -> list[list[float]]:
        found: list[list[float]] = self.evaluate(
            "Htx.annotationStore.selected.regionStore.regions.map((r) => [r.x, r.y, r.width, r.height])"
        )
        return found

    def evaluate(self, script: str) -> Any:
        return self._page.evaluate(script)
