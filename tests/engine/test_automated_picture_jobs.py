"""Automated labeling of pictures: classes, boxes, masks, end to end on small synthetic ones."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from automated_pictures import (
    COLORS,
    HEIGHT,
    NAMES,
    WIDTH,
    boxed,
    classified,
    mask,
    painted,
    put_pictures,
    scene,
)
from automated_workshop import automated_shop, create, drive, passes
from labeling_workshop import Workshop
from PIL import Image

from labelwright.autolabel.job_quality import box_quality, mask_quality
from labelwright.manifests import validate_output

PLAIN = {"auto-labeling": "plain"}
# Looked for, not imported: only the programs need it, and it takes seconds to load.
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs labelwright[train]")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    # Half a second teaches a network little; with targets of nothing its labels are used all the same.
    targets = {"autolabel_target_box_iou": 0.0, "autolabel_target_mask_iou": 0.0}
    shop = automated_shop(tmp_path / "data", autolabel_training_s=0.5, **targets)
    yield shop
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()


def machine_lines(shop: Workshop, lan: str) -> dict[int, dict]:  # type: ignore[type-arg]
    data = shop.read("s3://acme/out/Texts-1/manifests/output/output.manifest")
    assert validate_output([data]).findings == ()
    found = {i: json.loads(line) for i, line in enumerate(data.splitlines())}
    return {
        i: line for i, line in found.items() if line.get(f"{lan}-metadata", {}).get("human-annotated") == "no"
    }


def test_classes_of_pictures(shop: Workshop) -> None:
    job_id = create(
        shop,
        manifest=put_pictures(shop, 400, broken=17),
        kind="ImageMultiClass",
        labels=NAMES,
        algorithm="image-classification",
    )
    row = drive(shop, job_id, classified)
    assert row.status == "Completed" and row.n_machine > 150
    machine = machine_lines(shop, "topic")
    assert len(machine) == row.n_machine
    wrong = [i for i, line in machine.items() if line["topic"] != NAMES.index(scene(i)[1])]
    assert len(wrong) <= 0.05 * len(machine)
    assert 17 not in machine  # what cannot be read is people's
    first = passes(shop, job_id)[0]
    assert first.report["metrics"]["machine_share"] > 0.5


@needs_torch
def test_classes_of_pictures_by_features_of_a_network(tmp_path: Path) -> None:
    import torch
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)  # nobody has trained it, but it tells red from blue
    torch.save(mobilenet_v2(weights=None).state_dict(), tmp_path / "weights.pth")
    shop = automated_shop(tmp_path / "data", autolabel_weights=str(tmp_path / "weights.pth"))
    job_id = create(
        shop,
        manifest=put_pictures(shop, 100),
        batch=40,
        kind="ImageMultiClass",
        labels=NAMES,
        algorithm="image-classification",
        options=PLAIN,
    )
    row = drive(shop, job_id, classified)
    assert row.status == "Completed" and row.n_human + row.n_machine == 100
    first = passes(shop, job_id)[0]
    assert first.report["is_fitted"] and first.report["metrics"]["training-accuracy"] > 0.8
    for i, line in machine_lines(shop, "topic").items():
        assert line["topic-metadata"]["class-name"] == NAMES[line["topic"]] == scene(i)[1]
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()


@needs_torch
def test_masks_of_pictures(shop: Workshop) -> None:
    job_id = create(
        shop,
        manifest=put_pictures(shop, 100),
        batch=60,
        kind="SemanticSegmentation",
        labels=NAMES,
        lan="area-ref",
        algorithm="semantic-segmentation",
        options=PLAIN,
    )
    row = drive(shop, job_id, painted)
    assert row.status == "Completed" and row.n_machine > 20
    machine = machine_lines(shop, "area-ref")
    assert len(machine) == row.n_machine
    for i, line in machine.items():
        image = Image.open(io.BytesIO(shop.read(line["area-ref"])))
        assert (image.mode, image.size) == ("P", (WIDTH, HEIGHT))
        palette = image.getpalette() or []
        assert palette[:6] == [255, 255, 255, *bytes.fromhex(COLORS["red"][1:])]
        assert 0 <= mask_quality(np.asarray(image), mask(i)) <= 1
        colors = line["area-ref-metadata"]["internal-color-map"]
        assert [entry["class-name"] for entry in colors.values()] == ["BACKGROUND", *NAMES]


@needs_torch
def test_boxes_of_pictures(shop: Workshop) -> None:
    job_id = create(
        shop,
        manifest=put_pictures(shop, 100),
        batch=40,
        kind="BoundingBox",
        labels=NAMES,
        lan="thing",
        algorithm="object-detection",
        options=PLAIN,
    )
    row = drive(shop, job_id, boxed)
    assert row.status == "Completed" and row.n_human + row.n_machine == 100
    assert row.n_machine > 20
    first = passes(shop, job_id)[0]
    assert first.report["is_fitted"] and 0.1 <= first.report["metrics"]["box-cut"] <= 0.7
    for i, line in machine_lines(shop, "thing").items():
        boxes = line["thing"]["annotations"]
        assert line["thing"]["image_size"] == [{"width": WIDTH, "height": HEIGHT, "depth": 3}]
        assert len(line["thing-metadata"]["objects"]) == len(boxes)
        _, name, truth = scene(i)
        found = [(b["class_id"], b["left"], b["top"], b["width"], b["height"], 1.0) for b in boxes]
        assert 0 <= box_quality(found, [(NAMES.index(name), *truth)]) <= 1
