"""Image classification on TrashNet: accuracy for a stated CPU budget, with and without the pretrained base.

833 pictures of 256 x 341 to train, 177 to validate, six materials, MobileNetV2 at 224 x 224. Beside it, for
speed, the loop one would write with torchvision's transforms and the same network. CPU time on one
thread, as the machine may be busy.

``python -m benchmarks.classification.bench [FOLDER] [EPOCHS]``
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

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

SETTINGS = {
    "num_classes": 6,
    "num_training_samples": 833,
    "base_network": "mobilenet",
    "image_shape": "3,224,224",
    "resize": 256,
    "mini_batch_size": 16,
    "augmentation_type": "crop",
}
METRICS = {"train": r"Train-accuracy=(\S+)", "validation": r"Validation-accuracy=(\S+)"}


def run(folder: Path, n_epochs: int, *, pretrained: bool) -> Trained:
    """One training."""

    def fill(job: TrainingFolder) -> None:
        for side in ("train", "validation"):
            pictures = job.channel(side, content_type="application/x-image")
            lists = job.channel(f"{side}_lst", content_type="application/x-image")
            rows = []
            for i, line in enumerate(lines_of(folder, side)):
                path = local(folder, line["source-ref"])
                (pictures / path.name).symlink_to(path.resolve())
                rows.append(f"{i}\t{line['material']}\t{path.name}\n")
            (lists / f"{side}.lst").write_text("".join(rows))

    print(f"  {'pretrained' if pretrained else 'random'} base, {n_epochs} epochs")
    settings = SETTINGS | {
        "epochs": n_epochs,
        "use_pretrained_model": int(pretrained),
        "learning_rate": 0.001 if pretrained else 0.01,
        "lr_scheduler_step": max(1, n_epochs * 2 // 3),
    }
    return train("image-classification", settings, fill, METRICS, weights=pretrained_folder())


def served(folder: Path, model: Path) -> tuple[float, float]:
    """Accuracy of the answers to requests, and pictures a CPU second."""
    from labelwright.inference import load_predictor

    predictor = load_predictor(model)
    lines = lines_of(folder, "validation")
    bodies = [local(folder, line["source-ref"]).read_bytes() for line in lines]
    predictor.predict(bodies[0], "image/jpeg", None)
    started = time.process_time()
    answers = predictor.predict_many(bodies, "image/jpeg", None)
    cpu_s = time.process_time() - started
    best = [int(np.argmax(json.loads(answer[0]))) for answer in answers if isinstance(answer, tuple)]
    truth = [line["material"] for line in lines]
    return float(np.mean(np.array(best) == np.array(truth))), len(bodies) / cpu_s


def add_rows(report: Report, folder: Path, n_epochs: int, speed: float, *, pretrained: bool) -> None:
    """Train once and say what came of it; ``speed`` is the plain loop's, in pictures a CPU second."""
    if pretrained and pretrained_folder() is None:
        report.note("No pretrained weights beside the repository; the run with them is missing.")
        return
    done = run(folder, n_epochs, pretrained=pretrained)
    name = "pretrained" if pretrained else "random"
    report.row(f"accuracy, {name} base", "", max(done.history["validation"]), None, smaller=False)
    report.row(f"training, {name}", "CPU s", done.cpu_s, n_epochs * len(lines_of(folder, "train")) / speed)
    shown = ", ".join(f"{value:.3f}" for value in done.history["validation"])
    report.note(f"{name} base: accuracy by epoch {shown}; {done.cpu_s:.0f} CPU s with all validations.")
    accuracy, per_s = served(folder, done.model)
    report.row(f"accuracy of answers, {name}", "", accuracy, None, smaller=False)
    report.row(f"answers, {name}", "pictures/CPU s", per_s, None, smaller=False)


def main() -> None:
    """All rows."""
    folder = data_folder("trashnet", sys.argv[1] if len(sys.argv) > 1 else None)
    n_epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 6
    report = Report("classification", "plain torchvision")
    speed = plain_speed("benchmarks.classification.plain", str(folder))
    for pretrained in (True, False):
        add_rows(report, folder, n_epochs, speed, pretrained=pretrained)
    report.note(f"{n_epochs} epochs of 833 pictures. The plain loop's CPU time is its time for 96 pictures, ")
    report.note("scaled to all epochs; it does not validate, ours does after every epoch.")
    report.finish()


if __name__ == "__main__":
    main()
