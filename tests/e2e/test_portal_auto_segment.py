"""Auto-segment in the real portal by the operator's own model, which runs in a process of its own."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from labelwright.templates import builtin
from labelwright.testing.jobs import aws, wait_for_job
from labelwright.testing.server import RunningServer, running_server

sys.path.insert(0, str(Path(__file__).parents[1] / "unit/segment"))
import tiny_sam

pytestmark = pytest.mark.browser

SIZE = (640, 400)
MASK = "document.querySelector('crowd-semantic-segmentation')"
BOX = (100, 80, 500, 320)  # left, top, right, bottom
HOLE = (260, 160, 340, 240)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    model = tiny_sam.write(tmp_path_factory.mktemp("model"))
    with running_server(tmp_path_factory.mktemp("server"), segmenter=str(model)) as running:
        yield running


def picture() -> bytes:
    """A red disc, which an outline by colours would find, and a black square, which the model leaves out."""
    image = Image.new("RGB", SIZE, "#cfe3f2")
    draw = ImageDraw.Draw(image)
    draw.ellipse((130, 100, 200, 170), fill="#cc3333")
    draw.rectangle((HOLE[0], HOLE[1], HOLE[2] - 1, HOLE[3] - 1), fill="black")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_the_models_mask_is_painted_and_reaches_the_manifest(office, team):
    name = office.job(
        team,
        task_type="SemanticSegmentation",
        labels=["car", "tree"],
        template=builtin("SemanticSegmentation", header="Paint", short_instructions="", full_instructions=""),
        files={f"{team}.png": picture()},
        lines=[{"source-ref": f"s3://test-data/{team}.png"}],
        label_attribute_name="m-ref",
    )
    office.sign_in(*office.worker(team))
    frame, page = office.start_working(), office.page
    frame.wait_for_function(f"{MASK}?.value.inputImageProperties.width > 0")
    frame.evaluate(f"{MASK}.focusControl()")
    outer = page.locator("iframe.task-frame:not(.is-waiting)").bounding_box()
    x, y, width = frame.evaluate(
        f"(() => {{ const r = {MASK}.shadowRoot.querySelector('.upper-canvas').getBoundingClientRect();"
        "return [r.x, r.y, r.width]; })()"
    )
    scale = width / SIZE[0]

    def at(corner: tuple[int, int]) -> tuple[float, float]:
        return outer["x"] + x + corner[0] * scale, outer["y"] + y + corner[1] * scale

    page.keyboard.press("2")
    page.keyboard.press("a")
    page.mouse.move(*at(BOX[:2]))
    page.mouse.down()
    page.mouse.move(*at(BOX[2:]), steps=4)
    with page.expect_response("**/auto-segment", timeout=60_000) as asked:  # the model's process starts now
        page.mouse.up()
    assert (asked.value.status, asked.value.headers["content-type"]) == (200, "image/png")
    frame.wait_for_function(f"{MASK}.editor.document.mask.count(2) > 0")
    frame.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="No more tasks")).to_be_visible()

    done = wait_for_job(office.server, name, lambda job: job["LabelingJobStatus"] == "Completed")

    def read(uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return aws(office.server, "s3").get_object(Bucket=bucket, Key=key)["Body"].read()

    line = json.loads(read(done["LabelingJobOutput"]["OutputDatasetS3Uri"]))
    colors = line["m-ref-metadata"]["internal-color-map"]
    tree = next(int(index) for index, color in colors.items() if color["class-name"] == "tree")
    is_tree = np.asarray(Image.open(io.BytesIO(read(line["m-ref"])))) == tree  # (400, 640)
    wanted = np.zeros(is_tree.shape, bool)
    wanted[BOX[1] : BOX[3], BOX[0] : BOX[2]] = True
    wanted[HOLE[1] : HOLE[3], HOLE[0] : HOLE[2]] = False
    # The model answers on a grid of 2.5 pixels, and sees the picture on one of 10.
    assert (is_tree & wanted).sum() / (is_tree | wanted).sum() > 0.93
    assert not is_tree[HOLE[1] + 20 : HOLE[3] - 20, HOLE[0] + 20 : HOLE[2] - 20].any()
