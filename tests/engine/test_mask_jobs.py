"""Masks painted, verified and adjusted: from pictures in answers to label files and manifest lines."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import numpy as np
import pytest
from labeling_workshop import Workshop, lines, png
from PIL import Image

from labelwright.engine import Engine
from labelwright.errors import InvalidRequest

COLORS = {"road": "#2ca02c", "car": "#1f77b4"}
NAMES = ["road", "car"]
FOLDER = "s3://acme/out/Parts-A/annotations/consolidated-annotation/output/"
Pixels = list[list[int]]


def picture(pixels: Any, colors: list[str], mode: str = "RGB") -> bytes:
    table = np.array([[255, 255, 255], *(list(bytes.fromhex(c[1:])) for c in colors)], dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(table[np.array(pixels)]).convert(mode).save(out, "PNG")
    return out.getvalue()


def painted(pixels: Any, *, colors: dict[str, str] = COLORS, changed: bool | None = None) -> dict[str, Any]:
    height, width = np.array(pixels).shape
    data = base64.b64encode(picture(pixels, list(colors.values()))).decode()
    value: dict[str, Any] = {
        "inputImageProperties": {"height": height, "width": width},
        "labelMappings": {label: {"color": color} for label, color in colors.items()},
        "labeledImage": {"pngImageData": data},
    }
    if changed is not None:
        value["initialValueModified"] = changed
    return {"crowd-semantic-segmentation": value}


def start(
    shop: Workshop,
    *objects: dict[str, Any],
    size: tuple[int, int] = (2, 2),
    kind: str = "SemanticSegmentation",
    labels: list[str] = NAMES,
    **options: Any,
) -> int:
    shop.put("s3://acme/in/a.png", png(*size))
    manifest = lines(*(objects or [{"source-ref": "s3://acme/in/a.png"}]))
    job_id = shop.create(manifest=manifest, kind=kind, labels=labels, **{"lan": "street-ref", **options})
    shop.settle()
    return job_id


def mask_at(shop: Workshop, uri: str) -> Image.Image:
    image = Image.open(io.BytesIO(shop.read(uri)))
    image.load()
    return image


# -- painting -----------------------------------------------------------------------------------------


def test_a_whole_job(shop: Workshop) -> None:
    job_id = start(shop)
    shop.answers(painted([[1, 1], [0, 0]]), painted([[1, 0], [0, 0]]), painted([[1, 1], [1, 0]]))
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    assert shop.raw_output() == [
        '{"source-ref":"s3://acme/in/a.png","street-ref":"' + FOLDER + '0_DATE.png",'
        '"street-ref-metadata":{"internal-color-map":{'
        '"0":{"class-name":"BACKGROUND","hex-color":"#ffffff","confidence":0.78},'
        '"1":{"class-name":"road","hex-color":"#2ca02c","confidence":0.78},'
        '"2":{"class-name":"car","hex-color":"#1f77b4","confidence":0.78}},'
        '"type":"groundtruth/semantic-segmentation","human-annotated":"yes","creation-date":"DATE",'
        '"job-name":"labeling-job/parts-a"}}\n'
    ]
    line = shop.output()[0]
    assert line["street-ref"] == f"{FOLDER}0_{line['street-ref-metadata']['creation-date']}.png"
    mask = mask_at(shop, line["street-ref"])
    assert (mask.mode, mask.size) == ("P", (2, 2))
    assert np.asarray(mask).tolist() == [[1, 1], [0, 0]]
    assert mask.getpalette()[:9] == [255, 255, 255, 0x2C, 0xA0, 0x2C, 0x1F, 0x77, 0xB4]  # type: ignore[index]
    assert shop.blobs.head(line["street-ref"]).content_type == "image/png"


def test_one_worker_is_not_smoothed(shop: Workshop) -> None:
    start(shop, size=(3, 3), n_workers=1)
    shop.answers(painted([[0, 0, 0], [0, 2, 0], [0, 0, 0]]))
    shop.settle()
    line = shop.output()[0]
    assert np.asarray(mask_at(shop, line["street-ref"])).tolist() == [[0, 0, 0], [0, 2, 0], [0, 0, 0]]
    entries = line["street-ref-metadata"]["internal-color-map"].values()
    assert {entry["confidence"] for entry in entries} == {0.0}


def test_nobody_saw_anything(shop: Workshop) -> None:
    start(shop, n_workers=2)
    shop.answers(painted([[0, 0], [0, 0]], colors={}), painted([[0, 0], [0, 0]]))
    shop.settle()
    metadata = shop.output()[0]["street-ref-metadata"]
    assert [entry["confidence"] for entry in metadata["internal-color-map"].values()] == [0.97] * 3


def test_workers_colors_and_sizes_do_not_matter(shop: Workshop) -> None:
    start(shop, size=(4, 4), n_workers=2)
    small = [[1, 0], [0, 2]]
    large = np.kron(np.array(small), np.ones((2, 2), dtype=int))
    other = {"car": "#0000FF", "tree": "#00ff00"}  # a label that the job does not have is background
    swapped = np.select([large == 2, large == 1], [1, 2], 0)
    shop.answers(painted(small), painted(swapped, colors=other))
    shop.settle()
    mask = np.asarray(mask_at(shop, shop.output()[0]["street-ref"]))
    assert mask[2:, 2:].tolist() == [[2, 2], [2, 2]]
    assert mask[0, 0] == 1  # one of two, but the background loses ties


def test_masks_of_another_shape_are_left_out(shop: Workshop) -> None:
    job_id = start(shop, n_workers=2)
    shop.answers(painted(np.ones((9, 3), dtype=int)), painted([[1, 1], [1, 1]]))
    shop.settle()
    assert shop.job(job_id).n_human == 1
    assert np.asarray(mask_at(shop, shop.output()[0]["street-ref"])).tolist() == [[1, 1], [1, 1]]
    metadata = shop.output()[0]["street-ref-metadata"]
    assert metadata["internal-color-map"]["0"]["confidence"] == 1.0


def test_a_photograph_that_is_shown_turned(shop: Workshop) -> None:
    start(shop, size=(4, 2), n_workers=2)
    upright = [[1, 1], [1, 1], [0, 0], [0, 2]]
    shop.answers(painted(upright), painted(upright))
    shop.settle()
    assert np.asarray(mask_at(shop, shop.output()[0]["street-ref"])).tolist() == upright


def test_no_mask_that_fits_fails_the_object(shop: Workshop) -> None:
    job_id = start(shop, n_workers=1)
    shop.answers(painted(np.ones((9, 3), dtype=int)))
    shop.settle()
    assert shop.job(job_id).n_failed == 1
    assert shop.output()[0]["street-ref-metadata"]["failure-reason"].endswith(
        "no mask has the shape of the image."
    )


class StumblesOnce:
    """An object store that loses its first write of a consolidation response."""

    def __init__(self, blobs: Any) -> None:
        self._blobs = blobs
        self.seen: list[str] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def put(self, uri: str, *rest: Any, **options: Any) -> Any:
        if "consolidation-response" in uri and self.seen is None:
            self.seen = [info.uri for info in self._blobs.list(FOLDER)]
            raise OSError("the disk is full")
        return self._blobs.put(uri, *rest, **options)


def test_files_come_before_what_names_them_and_are_the_same_again(shop: Workshop) -> None:
    start(shop, n_workers=1)
    shop.answers(painted([[1, 2], [0, 0]]))
    blobs = StumblesOnce(shop.blobs)
    engine = Engine(shop.database, blobs, shop.settings, shop.clock)
    with pytest.raises(OSError, match="full"):
        engine.settle()
    assert blobs.seen is not None and len(blobs.seen) == 1
    before = shop.read(blobs.seen[0])
    shop.clock.tick(7)
    shop.settle()
    assert shop.output()[0]["street-ref"] == blobs.seen[0]
    assert [info.uri for info in shop.blobs.list(FOLDER)] == blobs.seen
    assert shop.read(blobs.seen[0]) == before


KEY = "answer.crowd-semantic-segmentation"
ONE = painted([[1, 1], [0, 0]])["crowd-semantic-segmentation"]


def changed(**parts: Any) -> dict[str, Any]:
    return {"crowd-semantic-segmentation": {**ONE, **parts}}


def encoded(data: bytes) -> dict[str, str]:
    return {"pngImageData": base64.b64encode(data).decode()}


@pytest.mark.parametrize(
    ("answer", "field", "rule"),
    [
        ({"x": {"label": "road"}}, f"{KEY}.labeledImage", "holds no mask"),
        (changed(labelMappings=None), f"{KEY}.labelMappings", "colours of the labels"),
        (changed(labelMappings={"road": "#2ca02c"}), f"{KEY}.labelMappings.road.color", "such as"),
        (changed(labelMappings={"road": {"color": "green"}}), f"{KEY}.labelMappings.road.color", "such as"),
        (changed(labelMappings={"road": {"color": "#2ca02"}}), f"{KEY}.labelMappings.road.color", "such as"),
        (changed(labelMappings={"car": {"color": "#FFFFFF"}}), f"{KEY}.labelMappings.car.color", "white"),
        (
            changed(labelMappings={"road": {"color": "#00ff00"}, "car": {"color": "#00FF00"}}),
            f"{KEY}.labelMappings.car.color",
            "another label",
        ),
        (changed(inputImageProperties=None), f"{KEY}.inputImageProperties", "width and height"),
        (changed(inputImageProperties={"width": 0}), f"{KEY}.inputImageProperties.width", "at least 1"),
        (changed(labeledImage={}), f"{KEY}.labeledImage.pngImageData", "missing"),
        (changed(labeledImage=None), f"{KEY}.labeledImage.pngImageData", "missing"),
        (changed(labeledImage={"pngImageData": "%%"}), f"{KEY}.labeledImage.pngImageData", "base64"),
        (changed(labeledImage=encoded(b"GIF89a")), f"{KEY}.labeledImage.pngImageData", "not a PNG"),
        (
            changed(labeledImage=encoded(picture([[1, 1]], ["#2ca02c"])[:-20])),
            f"{KEY}.labeledImage.pngImageData",
            "cut off",
        ),
        (
            changed(labeledImage=encoded(picture([[1] * 5], ["#2ca02c"]))),
            f"{KEY}.labeledImage.pngImageData",
            "shape of the image",
        ),
    ],
)
def test_answers_that_do_not_fit(shop: Workshop, answer: Any, field: str, rule: str) -> None:
    start(shop)
    task = shop.take("a")
    assert task is not None
    with pytest.raises(InvalidRequest, match=rule) as caught:
        shop.submit("a", task, answer)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([f"l{i}" for i in range(255)], "at most 254"),
        (["road", "BACKGROUND"], "which every mask has already"),
    ],
)
def test_label_files_that_do_not_fit(shop: Workshop, labels: list[str], reason: str) -> None:
    job = shop.job(start(shop, labels=labels))
    assert job.status == "Failed"
    assert reason in str(job.failure_reason)


# -- verification and adjustment ----------------------------------------------------------------------

BEFORE = [[1, 2], [0, 0]]
MAP = {
    "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.9},
    "1": {"class-name": "car", "hex-color": "#ff0000", "confidence": 0.9},
    "2": {"class-name": "road", "hex-color": "#1f77b4", "confidence": 0.9},
}
EARLIER_COLORS = {"car": "#ff0000", "road": "#1f77b4"}
LINE = {
    "source-ref": "s3://acme/in/a.png",
    "old-ref": "s3://acme/in/mask.png",
    "old-ref-metadata": {"internal-color-map": MAP, "type": "groundtruth/semantic-segmentation"},
}


def start_audit(shop: Workshop, *objects: dict[str, Any], **options: Any) -> int:
    shop.put("s3://acme/in/mask.png", picture(BEFORE, list(EARLIER_COLORS.values()), mode="P"))
    return start(shop, *(objects or [LINE]), kind="AdjustmentSemanticSegmentation", **options)


def test_an_adjustment_job(shop: Workshop) -> None:
    job_id = start_audit(shop, labels=["road", "car", "tree"], n_workers=2)
    repainted = painted([[1, 2], [0, 2]], colors=EARLIER_COLORS, changed=True)
    shop.answers(painted(BEFORE, colors=EARLIER_COLORS, changed=False), repainted)
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    line = shop.output()[0]
    assert {key: line[key] for key in LINE} == LINE
    metadata = line["street-ref-metadata"]
    colors = [(entry["class-name"], entry["hex-color"]) for entry in metadata["internal-color-map"].values()]
    assert colors == [
        ("BACKGROUND", "#ffffff"),
        ("road", "#1f77b4"),
        ("car", "#ff0000"),
        ("tree", "#ff7f0e"),
    ]
    assert list(metadata) == [
        "internal-color-map",
        "type",
        "human-annotated",
        "creation-date",
        "job-name",
        "adjustment-status",
    ]
    assert metadata["adjustment-status"] == "adjusted"
    mask = mask_at(shop, line["street-ref"])
    assert np.asarray(mask).tolist() == [[2, 1], [0, 1]]
    assert mask.getpalette()[3:9] == [0x1F, 0x77, 0xB4, 255, 0, 0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ([(BEFORE, False), (BEFORE, False)], "unadjusted"),
        ([(BEFORE, None), (BEFORE, False)], "unadjusted"),
        ([(BEFORE, False), ([[1, 1], [0, 0]], None)], "adjusted"),
        ([(BEFORE, False), (BEFORE, True)], "adjusted"),
    ],
)
def test_adjustment_status(shop: Workshop, answers: list[tuple[Pixels, bool | None]], status: str) -> None:
    start_audit(shop, n_workers=2)
    shop.answers(*(painted(pixels, colors=EARLIER_COLORS, changed=flag) for pixels, flag in answers))
    shop.settle()
    line = shop.output()[0]
    assert line["street-ref-metadata"]["adjustment-status"] == status
    if status == "unadjusted":
        assert np.asarray(mask_at(shop, line["street-ref"])).tolist() == [[2, 1], [0, 0]]


def test_a_removed_label_fails_where_it_is_left(shop: Workshop) -> None:
    job_id = start_audit(shop, LINE, LINE, labels=["road"], n_workers=1)
    shop.answers(painted(BEFORE, colors=EARLIER_COLORS, changed=False))
    shop.answers(painted([[2, 2], [0, 0]], colors=EARLIER_COLORS, changed=True))
    shop.settle()
    job = shop.job(job_id)
    assert (job.status, job.n_human, job.n_failed) == ("Completed", 1, 1)
    assert "the label 'car'" in shop.output()[0]["street-ref-metadata"]["failure-reason"]


@pytest.mark.parametrize("kind", ["AdjustmentSemanticSegmentation", "VerificationSemanticSegmentation"])
def test_masks_without_colors_end_the_set_up(shop: Workshop, kind: str) -> None:
    bare = {key: {"class-name": entry["class-name"]} for key, entry in MAP.items()}
    old = LINE | {
        "old-ref-metadata": {"internal-color-map": bare, "type": "groundtruth/semantic-segmentation"}
    }
    lan = "street-ref" if kind.startswith("A") else "verdict"
    job = shop.job(start(shop, LINE, old, kind=kind, lan=lan))
    assert job.status == "Failed"
    assert re.search("line 2: internal-color-map .* lacks the hex-color", str(job.failure_reason))


def test_objects_without_a_mask_fail_alone(shop: Workshop) -> None:
    thumbnail = {"source-ref": "s3://acme/in/a.png", "thumbnail": "s3://acme/in/small.png"}
    job_id = start_audit(shop, thumbnail, LINE, n_workers=1)
    shop.answers(painted(BEFORE, colors=EARLIER_COLORS, changed=False))
    shop.settle()
    assert (shop.job(job_id).status, shop.job(job_id).n_failed) == ("Completed", 1)
    reason = shop.output()[0]["street-ref-metadata"]["failure-reason"]
    assert reason == "ClientError: The object has no mask to adjust."


def test_a_verification_job(shop: Workshop) -> None:
    start(shop, LINE, kind="VerificationSemanticSegmentation", labels=["good", "bad"], lan="ok", n_workers=1)
    shop.answers({"crowd-image-classifier": {"label": "bad", "workerComment": "Car too large"}})
    shop.settle()
    line = shop.output()[0]
    assert line["ok"] == 1
    assert line["ok-metadata"]["worker-feedback"] == [{"comment": "Car too large"}]
    assert line["old-ref"] == LINE["old-ref"]
