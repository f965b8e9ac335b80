"""Boxes and masks learned from simple pictures well enough to be used, with and without weights."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_pictures import split_holdout
from labelwright.autolabel.job_trainers import Hints
from labelwright.blobs import open_blobs
from labelwright.config import Settings
from labelwright.credentials import RootCredentials
from labelwright.errors import InvalidRequest

torch = pytest.importorskip("torch", reason="needs labelwright[train]")

N, N_TRAINING = 40, 24
WIDTH, HEIGHT = 64, 48
PAINT = np.array([(210, 40, 30), (30, 60, 220)], np.uint8)
PALETTE = ["#ffffff", "#2ca02c", "#1f77b4"]


def scene(number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], list[dict[str, int]]]:
    """Pixels, class indices and boxes of one or two rectangles, one in each half."""
    chance = np.random.default_rng([3, number])
    pixels = chance.integers(90, 140, size=(HEIGHT, WIDTH, 3)).astype(np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    boxes = []
    for half in range(int(chance.integers(1, 3))):
        class_id = int(chance.integers(2))
        width, height = int(chance.integers(14, 28)), int(chance.integers(14, 32))
        left = half * WIDTH // 2 + int(chance.integers(0, WIDTH // 2 - width))
        top = int(chance.integers(0, HEIGHT - height))
        pixels[top : top + height, left : left + width] = PAINT[class_id]
        mask[top : top + height, left : left + width] = class_id + 1
        boxes.append({"class_id": class_id, "left": left, "top": top, "width": width, "height": height})
    return pixels, mask, boxes


def png(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


class Scenes(Objects):
    """Labeled scenes by number."""

    def __init__(self, numbers: range) -> None:
        self.ids = np.array(numbers, np.int64)

    def line(self, i: int) -> dict[str, Any]:
        number = int(self.ids[i])
        size = [{"width": WIDTH, "height": HEIGHT, "depth": 3}]
        return {
            "source-ref": f"s3://acme/{number}.png",
            "thing": {"image_size": size, "annotations": scene(number)[2]},
            "area-ref": f"s3://acme/masks/{number}.png",
        }


LABELED, REST = Scenes(range(N_TRAINING)), Scenes(range(N_TRAINING, N))
HINTS = Hints(np.ones(N_TRAINING, np.bool_), {})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("store")
    blobs: Any = open_blobs(Settings(data_dir=root), RootCredentials("AKIATEST", "secret"))
    blobs.store.create_bucket("acme", region="eu-west-1")
    for number in range(N):
        pixels, mask, _ = scene(number)
        blobs.put(f"s3://acme/{number}.png", png(pixels))
        blobs.put(f"s3://acme/masks/{number}.png", png(mask))
    yield root
    blobs.close()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Weights that nobody has trained: what they lead to is features all the same."""
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mobilenet.pth"
    torch.save(mobilenet_v2(weights=None).state_dict(), path)
    return str(path)


def content(store: Path, folder: Path, **changes: Any) -> dict[str, Any]:
    return {
        "label_attribute_name": "thing",
        "labels": ["red", "blue"],
        "palette": PALETTE,
        "seed": 1,
        "n_threads": 1,
        "training_s": 600.0,  # by the clock: a busy machine must not decide how well it learns
        "weights": "",
        "n_objects": N,
        "cache": str(folder / "cache"),
        "data_dir": str(store),
        "object_store": "",
        **changes,
    }


def box_trainer(content: dict[str, Any], folder: Path) -> Any:
    from labelwright.autolabel.job_boxes import BoxTrainer

    return BoxTrainer(content, folder)


def mask_trainer(content: dict[str, Any], folder: Path) -> Any:
    from labelwright.autolabel.job_masks import MaskTrainer

    return MaskTrainer({**content, "label_attribute_name": "area-ref"}, folder)


def test_boxes_are_good_enough_and_the_model_can_be_kept(store: Path, tmp_path: Path) -> None:
    trainer = box_trainer(content(store, tmp_path), tmp_path)
    metrics = trainer.fit(LABELED, HINTS)
    assert metrics["n_training"] == 20
    found = trainer.predict(REST)
    qualities = trainer.qualities(REST, found.labels)
    assert qualities.mean() > 0.6, qualities
    assert abs(found.confidences.mean() - qualities.mean()) < 0.2
    kept = tmp_path / "kept"
    kept.mkdir()
    trainer.save(kept)
    # The next program finds model and features; the pictures themselves are not needed again.
    later = box_trainer(content(tmp_path / "nowhere", tmp_path), tmp_path)
    later.load(kept, is_own=True)
    assert later.predict(REST).labels == found.labels


def test_masks_are_good_enough_and_the_model_can_be_kept(store: Path, tmp_path: Path) -> None:
    trainer = mask_trainer(content(store, tmp_path), tmp_path)
    trainer.fit(LABELED, HINTS)
    found = trainer.predict(REST)
    qualities = trainer.qualities(REST, found.labels)
    assert qualities.mean() > 0.7, qualities
    assert abs(found.confidences.mean() - qualities.mean()) < 0.2
    kept = tmp_path / "kept"
    kept.mkdir()
    trainer.save(kept)
    later = mask_trainer(content(tmp_path / "nowhere", tmp_path), tmp_path)
    later.load(kept, is_own=True)
    assert later.predict(REST).confidences == pytest.approx(found.confidences, abs=1e-4)


def test_weights_of_a_network_carry_boxes_and_masks(store: Path, tmp_path: Path, weights: str) -> None:
    settings = content(store, tmp_path, weights=weights, training_s=0.5)
    for make in (box_trainer, mask_trainer):
        trainer = make(settings, tmp_path)
        trainer.fit(LABELED, HINTS)
        found = trainer.predict(REST)
        assert not np.isnan(found.confidences).any()
        assert trainer.qualities(REST, found.labels).shape == (len(REST),)
        kept = tmp_path / make.__name__
        kept.mkdir()
        trainer.save(kept)
        # Of a model that was made on other features nothing is taken over.
        other = make(content(store, tmp_path), tmp_path)
        other.load(kept, is_own=True)
        with pytest.raises(InvalidRequest, match="no model for these features"):
            other.predict(REST)


def test_a_damaged_model_is_refused(store: Path, tmp_path: Path) -> None:
    (tmp_path / "detector.pt").write_bytes(b"no model")
    with pytest.raises(InvalidRequest, match=r"detector\.pt is not a model"):
        box_trainer(content(store, tmp_path), tmp_path).load(tmp_path, is_own=True)


def test_views_show_the_same_things() -> None:
    from labelwright.autolabel.job_features import view_of

    assert view_of(5, 0, seed=1) == (0.0, 0.0, 1.0, 1.0, False)
    assert view_of(5, 1, seed=1) == (0.0, 0.0, 1.0, 1.0, True)
    for i_view in range(2, 8):
        left, top, right, bottom, _ = view_of(5, i_view, seed=1)
        assert view_of(5, i_view, seed=1) == view_of(5, i_view, seed=1)
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1
        assert right - left == pytest.approx(bottom - top) and right - left >= 0.6 - 1e-9


def test_what_was_drawn_at_random_is_held_out_first() -> None:
    is_random = np.zeros(N_TRAINING, np.bool_)
    is_random[[3, 8, 21]] = True
    kept, held = split_holdout(LABELED, seed=1, is_random=is_random)
    assert {3, 8, 21} <= set(held.tolist()) and len(held) == 4
    assert sorted([*kept, *held]) == list(range(N_TRAINING))
