"""Every built-in page in a real job: from the manifest, through a worker's hands, to the output manifest."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Frame, expect

from labelwright.templates import builtin
from labelwright.testing.jobs import aws, wait_for_job

pytestmark = pytest.mark.browser

SIZE = (320, 200)
INSTRUCTIONS = {"short_instructions": "<p>In short.</p>", "full_instructions": "<p>At length.</p>"}


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def picture() -> bytes:
    image = Image.new("RGB", SIZE, "#cfe3f2")
    ImageDraw.Draw(image).rectangle((80, 60, 240, 160), fill="#cc3333")
    return _png(image)


def mask() -> bytes:
    image = Image.new("P", SIZE, 0)
    image.putpalette([255, 255, 255, 0x2C, 0xA0, 0x2C])
    ImageDraw.Draw(image).rectangle((80, 60, 160, 160), fill=1)
    return _png(image)


def _earlier(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "type": f"groundtruth/{kind}",
        "human-annotated": "yes",
        "creation-date": "2024-05-01T10:00:00.000123",
        "job-name": "labeling-job/first",
        **more,
    }


def earlier_boxes() -> dict[str, Any]:
    box = {"class_id": 0, "left": 80, "top": 60, "width": 160, "height": 100}
    size = {"width": SIZE[0], "height": SIZE[1], "depth": 3}
    about = _earlier("object-detection", **{"class-map": {"0": "car"}, "objects": [{"confidence": 0.9}]})
    return {"first": {"image_size": [size], "annotations": [box]}, "first-metadata": about}


def earlier_mask(uri: str) -> dict[str, Any]:
    colors = {
        "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.9},
        "1": {"class-name": "car", "hex-color": "#2ca02c", "confidence": 0.9},
    }
    about = _earlier("semantic-segmentation", **{"internal-color-map": colors})
    return {"first-ref": uri, "first-ref-metadata": about}


class Job:
    """A job of one object, opened by a worker."""

    def __init__(
        self,
        office: Any,
        team: str,
        task_type: str,
        *,
        labels: list[str],
        line: dict[str, Any],
        files: dict[str, bytes] | None = None,
        name: str = "label",
        prior: str | None = None,
    ) -> None:
        self.office = office
        template = builtin(task_type, header="Look", prior_label_attribute_name=prior, **INSTRUCTIONS)
        self.name = office.job(
            team,
            task_type=task_type,
            labels=labels,
            template=template,
            files=files or {},
            lines=[line],
            label_attribute_name=name,
        )
        office.sign_in(*office.worker(team))
        self.frame: Frame = office.start_working()

    def submit(self) -> dict[str, Any]:
        """Hand in; the line of the output manifest."""
        self.frame.get_by_role("button", name="Submit").click()
        expect(self.office.page.get_by_role("heading", name="No more tasks")).to_be_visible()
        done = wait_for_job(self.office.server, self.name, lambda j: j["LabelingJobStatus"] == "Completed")
        return json.loads(self.read(done["LabelingJobOutput"]["OutputDatasetS3Uri"]))

    def read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return aws(self.office.server, "s3").get_object(Bucket=bucket, Key=key)["Body"].read()

    def drag(self, element: str, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Press, move and let go, in pixels of the picture."""
        canvas = f"document.querySelector('{element}').shadowRoot.querySelector('canvas.upper-canvas')"
        self.frame.wait_for_function(f"{canvas}?.getBoundingClientRect().width > 100")
        outer = self.office.page.locator("iframe.task-frame:not(.is-waiting)").bounding_box()
        x, y, width = self.frame.evaluate(
            f"(() => {{ const r = {canvas}.getBoundingClientRect(); return [r.x, r.y, r.width]; }})()"
        )
        scale = width / SIZE[0]
        mouse = self.office.page.mouse
        mouse.move(outer["x"] + x + start[0] * scale, outer["y"] + y + start[1] * scale)
        mouse.down()
        mouse.move(outer["x"] + x + end[0] * scale, outer["y"] + y + end[1] * scale, steps=6)
        mouse.up()


def stored(team: str, **files: bytes) -> tuple[dict[str, bytes], dict[str, str]]:
    """Files under names of the test's own, and their URIs."""
    keys = {name: f"{team}-{name}.png" for name in files}
    return {keys[name]: data for name, data in files.items()}, {
        name: f"s3://test-data/{key}" for name, key in keys.items()
    }


def test_segmentation(office, team):
    files, uris = stored(team, picture=picture())
    line = {"source-ref": uris["picture"]}
    job = Job(
        office, team, "SemanticSegmentation", labels=["car", "tree"], line=line, files=files, name="m-ref"
    )
    job.frame.get_by_text("tree", exact=True).first.click()
    job.drag("crowd-semantic-segmentation", (60, 100), (260, 100))
    label = job.submit()
    image = Image.open(io.BytesIO(job.read(label["m-ref"])))
    colors = label["m-ref-metadata"]["internal-color-map"]
    assert (image.size, image.mode) == (SIZE, "P")
    assert {c["class-name"] for c in colors.values()} == {"BACKGROUND", "car", "tree"}
    tree = next(index for index, color in colors.items() if color["class-name"] == "tree")
    assert (image.getpixel((160, 100)), image.getpixel((5, 5))) == (int(tree), 0)


def test_adjusting_a_mask(office, team):
    files, uris = stored(team, picture=picture(), mask=mask())
    line = {"source-ref": uris["picture"], **earlier_mask(uris["mask"])}
    job = Job(
        office,
        team,
        "AdjustmentSemanticSegmentation",
        labels=["car", "tree"],
        line=line,
        files=files,
        name="better-ref",
        prior="first-ref",
    )
    job.frame.get_by_text("car", exact=True).first.click()
    job.drag("crowd-semantic-segmentation", (150, 100), (250, 100))
    label = job.submit()
    assert label["first-ref"] == uris["mask"]
    image = Image.open(io.BytesIO(job.read(label["better-ref"])))
    inside = image.getpixel((100, 100))
    assert inside != 0
    assert image.getpixel((230, 100)) == inside  # what was added
    assert label["better-ref-metadata"]["adjustment-status"] == "adjusted"


def test_adjusting_boxes(office, team):
    files, uris = stored(team, picture=picture())
    line = {"source-ref": uris["picture"], **earlier_boxes()}
    job = Job(
        office,
        team,
        "AdjustmentBoundingBox",
        labels=["car"],
        line=line,
        files=files,
        name="better",
        prior="first",
    )
    element = "document.querySelector('crowd-bounding-box')"
    job.frame.wait_for_function(f"{element}?.value.boundingBoxes.length === 1")
    label = job.submit()
    (box,) = label["better"]["annotations"]
    assert (box["left"], box["top"], box["width"], box["height"]) == (80, 60, 160, 100)
    assert label["better-metadata"]["adjustment-status"] == "unadjusted"


@pytest.mark.parametrize("task_type", ["VerificationBoundingBox", "VerificationSemanticSegmentation"])
def test_verifying(office, team, task_type):
    files, uris = stored(team, picture=picture(), mask=mask())
    line = {"source-ref": uris["picture"], **earlier_boxes(), **earlier_mask(uris["mask"])}
    prior = "first" if task_type.endswith("Box") else "first-ref"
    job = Job(
        office,
        team,
        task_type,
        labels=["Good", "Bad"],
        line=line,
        files=files,
        name="check",
        prior=prior,
    )
    job.frame.get_by_text("Bad", exact=True).first.click()
    label = job.submit()
    assert label["check"] == 1
    assert label["check-metadata"]["class-name"] == "Bad"
    assert label["check-metadata"]["type"] == "groundtruth/label-verification"


def test_entities(office, team):
    line = {"source": "Mira flew to Oslo."}
    job = Job(office, team, "NamedEntityRecognition", labels=["Person", "Place"], line=line)
    job.frame.get_by_text("Place", exact=True).first.click()
    job.frame.get_by_text("Oslo").first.wait_for()
    outer = office.page.locator("iframe.task-frame:not(.is-waiting)").bounding_box()
    x, y = job.frame.evaluate(
        """() => {
            const text = document.querySelector('crowd-entity-annotation').shadowRoot.querySelector('.text');
            const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                const at = node.data.indexOf('Oslo');
                if (at < 0) continue;
                const range = document.createRange();
                range.setStart(node, at);
                range.setEnd(node, at + 4);
                const r = range.getBoundingClientRect();
                return [r.x + r.width / 2, r.y + r.height / 2];
            }
        }"""
    )
    office.page.mouse.dblclick(outer["x"] + x, outer["y"] + y)
    label = job.submit()
    (entity,) = label["label"]["annotations"]["entities"]
    assert (entity["label"], entity["startOffset"], entity["endOffset"]) == ("Place", 13, 17)


@pytest.mark.parametrize("kind", ["Image", "Text"])
def test_several_classes(office, team, kind):
    files, uris = stored(team, picture=picture())
    line = {"source-ref": uris["picture"]} if kind == "Image" else {"source": "Red and fast."}
    job = Job(
        office,
        team,
        f"{kind}MultiClassMultiLabel",
        labels=["red", "slow", "fast"],
        line=line,
        files=files if kind == "Image" else None,
    )
    for word in ("red", "fast"):
        job.frame.get_by_text(word, exact=True).first.click()
    label = job.submit()
    assert label["label"] == [0, 2]
    assert label["label-metadata"]["class-map"] == {"0": "red", "2": "fast"}


def test_the_frame_may_read_the_image_but_not_the_session(office, team):
    """Segmentation reads pixels, so its image needs CORS; that must not open anything else."""
    files, uris = stored(team, picture=picture())
    job = Job(
        office,
        team,
        "SemanticSegmentation",
        labels=["car"],
        line={"source-ref": uris["picture"]},
        files=files,
        name="m-ref",
    )
    refused = job.frame.evaluate(
        f"fetch('{office.server.url}/portal/api/jobs', {{credentials: 'include'}})"
        ".then((r) => r.status, () => 'refused')"
    )
    assert refused == "refused"
