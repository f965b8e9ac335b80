"""The small detector learns, repeats itself to the digit, resumes exactly, and fails with a reason."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra: pip install 'labelwright[train]'")
pytest.importorskip("torchvision", reason="training needs the extra: pip install 'labelwright[train]'")

import torch
from torch import Tensor, nn

from labelwright.demo.scene import CLASSES, draw_scene, jpeg_bytes
from labelwright.errors import InvalidRequest, ManifestError
from labelwright.train.augment import Augmentation
from labelwright.train.callbacks import Checkpoint, Deadline, LossHistory
from labelwright.train.checkpoint import load_detector, save_detector
from labelwright.train.dataset import DetectionDataset, Example, read_examples
from labelwright.train.detector import DetectorShape, build_detector
from labelwright.train.evaluate import Boxes, evaluate_detections
from labelwright.train.loop import Callback, TrainingFailed, TrainState, fit
from labelwright.train.recipe import Recipe, batches, detect_in_files, train_detector
from labelwright.train.schedule import one_cycle_schedule

pytestmark = pytest.mark.train

SMALL = DetectorShape(n_classes=len(CLASSES), width=8, image_sides_px=(120, 160))


def _scenes(n_scenes: int) -> tuple[list[Example], dict[str, bytes]]:
    files: dict[str, bytes] = {}
    lines: list[dict[str, Any]] = []
    for seed in range(n_scenes):
        scene = draw_scene(seed)
        uri = f"s3://hall/{seed}.jpg"
        files[uri] = jpeg_bytes(scene)
        boxes = [dataclasses.asdict(box) for box in scene.boxes]
        lines.append({"source-ref": uri, "things": {"annotations": boxes, "image_size": [{}]}})
    return list(read_examples(lines, "things")), files


def _weights(model: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_detector_learns_a_few_pictures_by_heart() -> None:
    examples, files = _scenes(4)
    history = LossHistory()
    recipe = Recipe(n_epochs=70, batch_size=4, augmentation=None)
    model = train_detector(examples, files.__getitem__, SMALL, recipe=recipe, callbacks=[history])
    found = list(detect_in_files(model, [files[example.uri] for example in examples]))
    true = [Boxes.true(example.boxes_xyxy_px, example.class_ids) for example in examples]
    assert evaluate_detections(found, true, n_classes=len(CLASSES)).mean_average_precision > 0.8
    assert history.epochs[-1] < history.epochs[0] / 2


def test_same_seed_gives_the_same_weights() -> None:
    examples, files = _scenes(4)
    recipe = Recipe(n_epochs=1, batch_size=2, seed=3)
    first = train_detector(examples, files.__getitem__, SMALL, recipe=recipe)
    second = train_detector(examples, files.__getitem__, SMALL, recipe=recipe)
    assert torch.equal(_weights(first), _weights(second))


def test_resumed_run_equals_an_unbroken_one(tmp_path: Path) -> None:
    examples, files = _scenes(4)
    recipe = Recipe(n_epochs=3, batch_size=2)
    unbroken = train_detector(examples, files.__getitem__, SMALL, recipe=recipe)

    class StopInSecondEpoch(Callback):
        def on_step_end(self, state: TrainState) -> None:
            if state.step == 3:
                state.stop_reason = "enough"

    path = tmp_path / "run" / "last.pt"
    train_detector(
        examples, files.__getitem__, SMALL, recipe=recipe, callbacks=[Checkpoint(path), StopInSecondEpoch()]
    )
    resumed = train_detector(examples, files.__getitem__, SMALL, recipe=recipe, resume_from=path)
    assert torch.equal(_weights(unbroken), _weights(resumed))


def test_rate_is_down_when_the_time_is_up() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    times = iter([0.0, 0.0, 2.0, 5.0, 10.0])  # made, first factor, then three steps
    schedule = one_cycle_schedule(optimizer, n_steps=1000, time_limit_s=10.0, clock=lambda: next(times))
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(3):
        optimizer.step()
        schedule.step()
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(0.04)
    assert rates[1] > rates[2] > rates[3] == 0.0


def test_deadline_stops_with_a_reason() -> None:
    times = iter([0.0, 1.0, 2.0, 99.0])
    examples, files = _scenes(2)
    reasons: list[str] = []

    class Note(Callback):
        def on_train_end(self, state: TrainState) -> None:
            reasons.append(state.stop_reason)

    recipe = Recipe(n_epochs=50, batch_size=2)
    deadline = Deadline(10.0, clock=lambda: next(times))
    train_detector(examples, files.__getitem__, SMALL, recipe=recipe, callbacks=[deadline, Note()])
    assert reasons == ["the time limit of 10 s was reached after 3 steps"]


class _Broken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, pictures: list[Tensor], targets: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        return {"box": self.weight.sum() * float("nan")}


def test_loss_that_is_not_finite_fails_and_still_ends_the_callbacks() -> None:
    model = _Broken()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer)
    ended: list[int] = []

    class End(Callback):
        def on_train_end(self, state: TrainState) -> None:
            ended.append(state.step)

    state = TrainState(model, optimizer, scheduler, n_epochs=1)
    with pytest.raises(TrainingFailed, match="nan at step 0"):
        fit(state, lambda epoch: [([], [])], callbacks=[End()])
    assert ended == [0]


def test_saved_detector_finds_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build_detector(SMALL).eval()
    save_detector(tmp_path / "detector.pt", model, SMALL, CLASSES)
    loaded, names = load_detector(tmp_path / "detector.pt")
    assert names == CLASSES
    assert torch.equal(_weights(model), _weights(loaded))


def test_file_that_is_no_detector_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(InvalidRequest, match="cannot be read as a checkpoint"):
        load_detector(tmp_path / "x.pt")
    torch.save({"weights": torch.ones(1)}, tmp_path / "y.pt")
    with pytest.raises(InvalidRequest, match="no detector of ours"):
        load_detector(tmp_path / "y.pt")


def test_unlabeled_lines_are_skipped_and_empty_labels_kept() -> None:
    lines = [
        {"source-ref": "s3://b/1.jpg"},
        {"source-ref": "s3://b/2.jpg", "things-metadata": {"failure-reason": "ClientError: x"}},
        {"source-ref": "s3://b/3.jpg", "things": {"annotations": [], "image_size": []}},
    ]
    (example,) = read_examples(lines, "things")
    assert example.uri == "s3://b/3.jpg"
    assert example.boxes_xyxy_px.shape == (0, 4)


def test_label_of_another_kind_names_line_and_member() -> None:
    lines = [{"source-ref": "s3://b/1.jpg", "things": 3}]
    with pytest.raises(ManifestError, match="line 1: things is no bounding-box label"):
        list(read_examples(lines, "things"))


def test_boxes_without_area_are_left_out() -> None:
    boxes = [{"class_id": 0, "left": 1, "top": 1, "width": 0, "height": 5}]
    (example,) = read_examples([{"source-ref": "s3://b/1.jpg", "things": {"annotations": boxes}}], "things")
    assert len(example.class_ids) == 0


def test_boxes_of_low_confidence_can_be_left_out() -> None:
    box = {"class_id": 0, "left": 1, "top": 1, "width": 9, "height": 5}
    line = {
        "source-ref": "s3://b/1.jpg",
        "things": {"annotations": [box, {**box, "class_id": 1}, {**box, "class_id": 2}]},
        "things-metadata": {"objects": [{"confidence": 0.3}, {"confidence": 0.8}]},
    }
    (every,) = read_examples([line], "things")
    (sure,) = read_examples([line], "things", least_confidence=0.5)
    assert every.class_ids.tolist() == [0, 1, 2]
    assert sure.class_ids.tolist() == [1, 2]  # the last has no confidence at all


def test_too_few_pictures_and_unknown_classes_are_refused() -> None:
    examples, files = _scenes(2)
    with pytest.raises(InvalidRequest, match="too few"):
        train_detector(examples[:1], files.__getitem__, SMALL)
    with pytest.raises(InvalidRequest, match="has 1 classes"):
        train_detector(examples, files.__getitem__, dataclasses.replace(SMALL, n_classes=1))


def test_augmentation_moves_boxes_with_the_picture() -> None:
    # one bright square on dark ground: wherever it goes, its box must go
    pixels = torch.full((3, 60, 80), 20, dtype=torch.uint8)
    pixels[:, 20:40, 30:50] = 230
    box, label = torch.tensor([[30.0, 20.0, 50.0, 40.0]]), torch.tensor([2])
    augmentation = Augmentation(shift=0.1, brightness=0.1, contrast=0.1)
    for seed in range(20):
        moved, boxes, labels = augmentation(pixels, box, label, np.random.default_rng(seed))
        bright = moved[1].float() > 160
        rows, columns = torch.nonzero(bright.any(1)).flatten(), torch.nonzero(bright.any(0)).flatten()
        seen = [float(columns[0]), float(rows[0]), float(columns[-1]) + 1, float(rows[-1]) + 1]
        assert labels.tolist() == [2]
        assert np.allclose(boxes[0].numpy(), seen, atol=2.0), seed


def test_augmentation_of_a_picture_without_boxes() -> None:
    pixels = torch.zeros((3, 30, 40), dtype=torch.uint8)
    _, boxes, labels = Augmentation()(
        pixels, torch.zeros((0, 4)), torch.zeros(0, dtype=torch.int64), np.random.default_rng(0)
    )
    assert boxes.shape == (0, 4)
    assert labels.shape == (0,)


def test_every_picture_is_seen_once_an_epoch_in_another_order() -> None:
    examples, files = _scenes(4)
    dataset = DetectionDataset(examples, files.__getitem__)
    sums = [
        [float(picture.sum()) for pictures, _ in batches(dataset, epoch, 2, seed=0) for picture in pictures]
        for epoch in range(2)
    ]
    assert sorted(sums[0]) == sorted(sums[1])
    assert len(set(sums[0])) == 4
