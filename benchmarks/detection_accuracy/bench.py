"""Object detection on BCCD (blood cells): mAP at 0.5 on the test pictures for a stated CPU budget.

205 pictures to train, 87 to validate, 72 to test; MobileNetV2 base at 300 x 300, one thread. With and without
the pretrained base, with and without offline augmentation (three copies of every picture by ``manifest
augment``: mirrored, flipped, turned by right angles, colours). All see the same number of pictures. The test
score is that of the answers to requests, through ``model.onnx``.

``python -m benchmarks.detection_accuracy.bench [FOLDER] [EPOCHS] [RUN,RUN]``
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import Report
from benchmarks.training import Trained, data_folder, lines_of, local, pretrained_folder, train
from labelwright import recordio
from labelwright.dataprep.augment import AugmentPlaces, AugmentSummary, Recipe, augment_manifest
from labelwright.dataprep.files import Files
from labelwright.exporting.quantising import export_int8
from labelwright.inference import load_predictor
from labelwright.testing.training_folder import TrainingFolder
from labelwright.train.evaluate import Boxes, evaluate_detections

PUBLISHED = 0.8535
"""The set's authors'."""
N_COPIES = 3
RUNS = ["pretrained", "pretrained+offline", "random", "random+offline"]
RECORDS = "application/x-recordio"
SETTINGS = {
    "num_classes": 3,
    "num_training_samples": 205,
    "base_network": "mobilenet",
    "image_shape": 300,
    "mini_batch_size": 16,
    "optimizer": "adam",
    "learning_rate": 0.001,
}

Sample = tuple[bytes, dict[str, Any]]


def samples(folder: Path, side: str) -> list[Sample]:
    """Pictures and labels."""
    return [
        (local(folder, line["source-ref"]).read_bytes(), line["bounding-box"])
        for line in lines_of(folder, side)
    ]


def augmented(folder: Path) -> list[Sample]:
    """The training pictures and copies of them."""
    with tempfile.TemporaryDirectory() as scratch:
        # Any URI of the set leads to the folder of its pictures.
        prefix = lines_of(folder, "train")[0]["source-ref"].rpartition("/images/")[0]
        lines = augment_manifest(
            folder / "train.manifest",
            Recipe(mirror=True, flip=True, turn=True, color=0.3),
            AugmentPlaces(folder=scratch, uri=scratch),
            Files(maps=[(prefix, folder)]),
            AugmentSummary(),
            n_copies=N_COPIES,
        )
        found = []
        for raw in lines:
            line = json.loads(raw)
            uri = line["source-ref"]
            path = Path(uri) if uri.startswith(scratch) else local(folder, uri)
            found.append((path.read_bytes(), line["bounding-box"]))
        return found


def rows(label: dict[str, Any]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Class, left, top, right, bottom as shares of the sides."""
    width, height = label["image_size"][0]["width"], label["image_size"][0]["height"]
    sides = [width, height, width, height]
    return np.array(
        [
            (
                a["class_id"],
                *np.array([a["left"], a["top"], a["left"] + a["width"], a["top"] + a["height"]]) / sides,
            )
            for a in label["annotations"]
        ]
    ).reshape(-1, 5)


def pack(path: Path, wanted: list[Sample]) -> None:
    """A file of records."""
    with recordio.RecordWriter(path) as writer:
        for i, (image, label) in enumerate(wanted):
            header = recordio.IRHeader(0, recordio.encode_boxes(rows(label)), i)
            writer.write(recordio.pack(header, image))


def run(folder: Path, n_epochs: int, *, pretrained: bool, offline: bool) -> Trained:
    """One training."""
    training = augmented(folder) if offline else samples(folder, "train")
    if offline:
        n_epochs = max(1, round(n_epochs / (1 + N_COPIES)))

    def fill(job: TrainingFolder) -> None:
        pack(job.channel("train", content_type=RECORDS) / "train.rec", training)
        pack(job.channel("validation", content_type=RECORDS) / "v.rec", samples(folder, "validation"))

    print(f"  pretrained={pretrained} offline={offline}: {n_epochs} epochs of {len(training)} pictures")
    settings = SETTINGS | {
        "epochs": n_epochs,
        "use_pretrained_model": int(pretrained),
        "lr_scheduler_step": max(1, n_epochs * 3 // 4),
    }
    patterns = {"mAP": r"validation mAP <score>=\((\S+)\)"}
    return train("object-detection", settings, fill, patterns, weights=pretrained_folder())


def test_score(folder: Path, model: Path) -> tuple[float, list[float | None]]:
    """mAP and AP by class of the answers to requests with the test pictures."""
    wanted = samples(folder, "test")
    answers = load_predictor(model).predict_many([image for image, _ in wanted], "image/jpeg", None)
    found, true = [], []
    for answer, (_, label) in zip(answers, wanted, strict=True):
        assert isinstance(answer, tuple)
        boxes = np.array(json.loads(answer[0])["prediction"]).reshape(-1, 6)
        found.append(Boxes(boxes[:, 2:], boxes[:, 0].astype(int), boxes[:, 1]))
        real = rows(label)
        true.append(Boxes.true(real[:, 1:], real[:, 0].astype(int)))
    scores = evaluate_detections(found, true, n_classes=3)
    return scores.mean_average_precision, list(scores.average_precision)


def add_int8(report: Report, folder: Path, model: Path, score: float) -> None:
    """What is left of a score when the graph is quantised, and the time of an answer both ways."""
    wanted = samples(folder, "train")[:96]
    bodies = [image for image, _ in samples(folder, "test")]
    times = []
    with tempfile.TemporaryDirectory() as scratch:
        calibration, quantised = Path(scratch) / "pictures", Path(scratch) / "model"
        calibration.mkdir()
        shutil.copytree(model, quantised)
        for i, (image, _) in enumerate(wanted):
            (calibration / f"{i}.jpg").write_bytes(image)
        export_int8(model, quantised / "model.onnx", calibration=calibration)
        for each in (model, quantised):
            predictor = load_predictor(each)
            predictor.predict_many(bodies[:8], "image/jpeg", None)
            started = time.process_time()
            predictor.predict_many(bodies, "image/jpeg", None)
            times.append((time.process_time() - started) / len(bodies) * 1000)
        report.row("mAP@0.5, the first in int8", "", test_score(folder, quantised)[0], score, smaller=False)
    report.row("answers, float32", "CPU ms/picture", times[0], None)
    report.row("answers, int8 beside float32", "CPU ms/picture", times[1], times[0])


def main() -> None:
    """All rows."""
    folder = data_folder("bccd", sys.argv[1] if len(sys.argv) > 1 else None)
    n_epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 24
    wanted = sys.argv[3].split(",") if len(sys.argv) > 3 else RUNS
    report = Report("detection_accuracy", "published")
    for i_run, name in enumerate(wanted):
        base, _, offline = name.partition("+")
        if base == "pretrained" and pretrained_folder() is None:
            report.note("No pretrained weights beside the repository; the runs with them are missing.")
            continue
        done = run(folder, n_epochs, pretrained=base == "pretrained", offline=bool(offline))
        score, by_class = test_score(folder, done.model)
        report.row(f"mAP@0.5, {name}", "", score, PUBLISHED, smaller=False)
        report.row(f"training, {name}", "CPU s", done.cpu_s, None)
        shown = ", ".join("-" if value is None else f"{value:.3f}" for value in by_class)
        report.note(f"{name}: AP of red cells, white cells, platelets {shown}; validation mAP by epoch")
        report.note(f"  {[round(value, 3) for value in done.history['mAP']]}")
        if i_run == 0:
            add_int8(report, folder, done.model, score)
    report.note(f"Every run sees {n_epochs * 205} pictures; the CPU time includes a validation per epoch.")
    report.finish()


if __name__ == "__main__":
    main()
