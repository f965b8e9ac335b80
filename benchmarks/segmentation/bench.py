"""Semantic segmentation on CamVid: mIOU for a stated CPU budget, with and without the pretrained backbone.

367 pictures of 480 x 360 to train, 101 to validate (whole pictures, 11 classes, void left out), FCN on
MobileNetV2. Beside it, for speed, the loop one would write with torchvision's transforms and the same
network. CPU time on one thread, as the machine may be busy.

``python -m benchmarks.segmentation.bench [FOLDER] [EPOCHS]``
"""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from PIL import Image

from benchmarks.report import Report
from benchmarks.training import (
    Trained,
    data_folder,
    lines_of,
    local,
    plain_speed,
    pretrained_folder,
    train,
)
from labelwright.testing.training_folder import TrainingFolder

N_CLASSES = 11
SETTINGS = {
    "num_classes": N_CLASSES,
    "num_training_samples": 367,
    "backbone": "mobilenet",
    "algorithm": "fcn",
    "base_size": 480,
    "crop_size": 240,
    "mini_batch_size": 8,
    "validation_mini_batch_size": 1,
}
METRICS = {"loss": r"train loss <loss>=(\S+)", "mIOU": r"validation mIOU <score>=(\S+)"}


def run(folder: Path, n_epochs: int, *, pretrained: bool) -> Trained:
    """One training."""

    def fill(job: TrainingFolder) -> None:
        for side in ("train", "validation"):
            pictures = job.channel(side, content_type="image/jpeg")
            masks = job.channel(f"{side}_annotation", content_type="image/png")
            for line in lines_of(folder, side):
                for target, uri in ((pictures, line["source-ref"]), (masks, line["street-ref"])):
                    path = local(folder, uri)
                    (target / path.name).symlink_to(path.resolve())
        maps = job.channel("label_map")  # 11 is "Unlabelled"
        for side in ("train", "validation"):
            values = {str(i): i for i in range(N_CLASSES)}
            (maps / f"{side}_label_map.json").write_text(json.dumps({"map": values}))

    print(f"  {'pretrained' if pretrained else 'random'} backbone, {n_epochs} epochs")
    settings = SETTINGS | {"epochs": n_epochs, "use_pretrained_model": pretrained}
    settings["learning_rate"] = 0.001 if pretrained else 0.01
    return train("semantic-segmentation", settings, fill, METRICS, weights=pretrained_folder())


def served(folder: Path, model: Path) -> tuple[float, float]:
    """mIOU of the answers to requests, and pictures a CPU second."""
    from labelwright.inference import load_predictor

    predictor = load_predictor(model)
    lines = lines_of(folder, "validation")
    bodies = [local(folder, line["source-ref"]).read_bytes() for line in lines]
    predictor.predict(bodies[0], "image/jpeg", None)
    started = time.process_time()
    answers = predictor.predict_many(bodies, "image/jpeg", "image/png")
    cpu_s = time.process_time() - started
    counts = np.zeros((N_CLASSES, N_CLASSES))
    for line, answer in zip(lines, answers, strict=True):
        assert isinstance(answer, tuple)
        found = np.asarray(Image.open(io.BytesIO(answer[0]))).ravel().astype(int)
        truth = np.asarray(Image.open(local(folder, line["street-ref"]))).ravel().astype(int)
        judged = truth < N_CLASSES
        pairs = truth[judged] * N_CLASSES + found[judged]
        counts += np.bincount(pairs, minlength=N_CLASSES**2).reshape(N_CLASSES, N_CLASSES)
    right = counts.diagonal()
    union = counts.sum(0) + counts.sum(1) - right
    return float((right / union)[counts.sum(1) > 0].mean()), len(bodies) / cpu_s


def add_rows(report: Report, folder: Path, n_epochs: int, speed: float, *, pretrained: bool) -> None:
    """Train once and say what came of it; ``speed`` is the plain loop's, in pictures a CPU second."""
    if pretrained and pretrained_folder() is None:
        report.note("No pretrained weights beside the repository; the run with them is missing.")
        return
    done = run(folder, n_epochs, pretrained=pretrained)
    name = "pretrained" if pretrained else "random"
    report.row(f"mIOU, {name} backbone", "", max(done.history["mIOU"]), None, smaller=False)
    report.row(f"training, {name}", "CPU s", done.cpu_s, n_epochs * len(lines_of(folder, "train")) / speed)
    shown = ", ".join(f"{value:.3f}" for value in done.history["mIOU"])
    report.note(f"{name} backbone: mIOU by epoch {shown}; {done.cpu_s:.0f} CPU s with all validations.")
    mean_iou, per_s = served(folder, done.model)
    report.row(f"mIOU of answers, {name}", "", mean_iou, None, smaller=False)
    report.row(f"answers, {name}", "pictures/CPU s", per_s, None, smaller=False)


def main() -> None:
    """All rows."""
    folder = data_folder("camvid", sys.argv[1] if len(sys.argv) > 1 else None)
    n_epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    report = Report("segmentation", "plain torchvision")
    speed = plain_speed("benchmarks.segmentation.plain", str(folder))
    for pretrained in (True, False):
        add_rows(report, folder, n_epochs, speed, pretrained=pretrained)
    report.note(f"{n_epochs} epochs of 367 pictures. The plain loop's CPU time is its time for 48 pictures, ")
    report.note("scaled to all epochs; it does not validate, ours does after every epoch.")
    report.finish()


if __name__ == "__main__":
    main()
