"""Bounding boxes: the small detector of `labelwright.train`, a score to cut at, and what to expect of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_pictures import Pictures, split_holdout
from labelwright.autolabel.job_quality import ExpectedQuality, box_quality
from labelwright.autolabel.job_trainers import Hints, Predictions
from labelwright.errors import InvalidRequest
from labelwright.train.augment import Augmentation
from labelwright.train.callbacks import Deadline
from labelwright.train.checkpoint import load_detector, save_detector
from labelwright.train.dataset import DetectionDataset, Example
from labelwright.train.detector import DetectorShape, build_detector, detect
from labelwright.train.loop import TrainState, fit
from labelwright.train.recipe import batches
from labelwright.train.schedule import one_cycle_schedule
from labelwright.work import report_progress

__all__ = ["BoxTrainer"]

_MODEL, _ABOUT = "detector.pt", "about.json"
_CUTS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
_N_EPOCHS, _BATCH, _STEPS_MAX = 40, 8, 2500
_LEARNING_RATE, _WEIGHT_DECAY = 3e-3, 1e-3
_CHUNK = 64

_Found = list[list[float]]


class BoxTrainer:
    """`Trainer` of bounding boxes.

    Parameters
    ----------
    content : Mapping
        The program's input.
    folder : Path
    """

    def __init__(self, content: Mapping[str, Any], folder: Path) -> None:
        self._content = content
        self._folder = folder
        self._attribute = content["label_attribute_name"]
        self._names = tuple(content["labels"])
        self._seed = int(content["seed"]) % (1 << 31)
        self._pictures = Pictures(content)
        self._shape = DetectorShape(n_classes=len(self._names))
        self._model: torch.nn.Module | None = None
        self._cut = 0.5
        self._expected = ExpectedQuality([], [])
        self.n_seen = self._n_learned = 0
        torch.set_num_threads(int(content.get("n_threads") or 1))

    def load(self, folder: Path, *, is_own: bool) -> None:
        """Begin from an earlier detector."""
        self._model, _ = load_detector(folder / _MODEL)
        about = json.loads((folder / _ABOUT).read_text())
        self._cut = float(about["cut"])
        self._expected = ExpectedQuality(about["confidences"], about["qualities"])
        if not is_own:
            self.n_seen = int(about["n_seen"])

    def save(self, folder: Path) -> None:
        """Write detector, cut and calibration."""
        if self._model is None:
            raise InvalidRequest("There is no model yet.", field="model")
        save_detector(folder / _MODEL, self._model, self._shape, self._names)
        about = {
            "cut": self._cut,
            "confidences": list(self._expected.x),
            "qualities": list(self._expected.y),
            "n_seen": self.n_seen + self._n_learned,
        }
        (folder / _ABOUT).write_text(json.dumps(about))

    def fit(self, objects: Objects, hints: Hints) -> dict[str, float]:
        """Train on four fifths, choose the cut and calibrate on the rest."""
        kept, held = split_holdout(objects, seed=self._seed)
        self._n_learned = len(objects)
        readable = [line for line in objects.lines(kept) if self._pictures.pixels(line) is not None]
        self._train([self._example(line) for line in readable])
        lines = [objects.line(int(i)) for i in held]
        found = zip(self._detect(lines), lines, strict=True)
        seen = [(item, _truth(line[self._attribute])) for item, line in found if item is not None]
        best = -1.0
        for cut in _CUTS:
            qualities = [box_quality(_kept(item, cut), truth) for item, truth in seen]
            mean = float(np.mean(qualities)) if qualities else 0.0
            if mean > best:
                best, self._cut = mean, cut
                self._expected = ExpectedQuality([_confidence(item, cut) for item, _ in seen], qualities)
        return {"n_training": float(len(readable)), "box-cut": self._cut, "training-accuracy": best}

    def predict(self, objects: Objects) -> Predictions:
        """Boxes at or above the cut, and the quality to expect of them."""
        confidences = np.full(len(objects), np.nan)
        labels: list[Any] = [None] * len(objects)
        for start in range(0, len(objects), _CHUNK):
            part = range(start, min(start + _CHUNK, len(objects)))
            for i, item in zip(part, self._detect([objects.line(i) for i in part]), strict=True):
                if item is not None:
                    confidences[i] = _confidence(item, self._cut)
                    labels[i] = {"size": list(item[1]), "boxes": _kept(item, self._cut)}
            report_progress(self._folder, "predicting", done=part.stop, of=len(objects))
        return Predictions(objects.ids, self._expected(confidences), labels, confidences)

    def qualities(self, objects: Objects, labels: Sequence[Any]) -> NDArray[np.float64]:
        """Mean overlap per class, then over classes, of every object."""
        truths = (_truth(value) for value in objects.labels(self._attribute))
        return np.array(
            [box_quality(label["boxes"], truth) for label, truth in zip(labels, truths, strict=True)],
            np.float64,
        )

    def queries(self, objects: Objects, predictions: Predictions, n: int, *, seed: int) -> NDArray[np.int64]:
        """Those of which least is expected."""
        usable = np.flatnonzero(~np.isnan(predictions.confidences))
        return usable[np.argsort(predictions.confidences[usable], kind="stable")[:n]]

    def _train(self, examples: list[Example]) -> None:
        if len(examples) < 2:
            raise InvalidRequest(
                "Too few of the labeled pictures can be read to train from.", field="training"
            )
        torch.manual_seed(self._seed)
        model = build_detector(self._shape)
        n_epochs = _N_EPOCHS
        if self._model is not None:
            model.load_state_dict(self._model.state_dict())
            n_epochs //= 2
        dataset = DetectionDataset(examples, self._read, augmentation=Augmentation(), seed=self._seed)
        steps_a_epoch = max(1, len(dataset) // _BATCH)
        n_epochs = max(2, min(n_epochs, _STEPS_MAX // steps_a_epoch))
        limit_s = float(self._content["training_s"])
        optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
        scheduler = one_cycle_schedule(optimizer, n_steps=n_epochs * steps_a_epoch, time_limit_s=limit_s)
        state = TrainState(model, optimizer, scheduler, n_epochs=n_epochs)
        fit(
            state,
            lambda epoch: batches(dataset, epoch, _BATCH, self._seed),
            callbacks=[Deadline(limit_s)],
        )
        self._model = model.eval()

    def _read(self, uri: str) -> bytes:
        content = self._pictures.bytes_of(uri)
        if content is None:
            raise InvalidRequest(f"The labeled picture {uri} cannot be read.", field="source-ref", value=uri)
        return content

    def _example(self, line: Mapping[str, Any]) -> Example:
        boxes = np.array(_truth(line[self._attribute]), np.float32).reshape(-1, 5)
        corners = np.concatenate([boxes[:, 1:3], boxes[:, 1:3] + boxes[:, 3:5]], axis=1)
        usable = (boxes[:, 3] > 0) & (boxes[:, 4] > 0)
        return Example(str(line["source-ref"]), corners[usable], boxes[usable, 0].astype(np.int64))

    def _detect(self, lines: Sequence[Mapping[str, Any]]) -> list[tuple[_Found, tuple[int, int]] | None]:
        """All candidate boxes and the (width, height) of every picture; None where it cannot be read."""
        if self._model is None:
            raise InvalidRequest("There is no model yet.", field="model")
        pixels = [self._pictures.pixels(line) for line in lines]
        tensors = [
            torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255
            for picture in pixels
            if picture is not None
        ]
        found = iter(detect(self._model, tensors))
        results: list[tuple[_Found, tuple[int, int]] | None] = []
        for picture in pixels:
            if picture is None:
                results.append(None)
                continue
            height, width = picture.shape[:2]
            boxes = next(found)
            rows = []
            for (left, top, right, bottom), class_id, score in zip(
                boxes.boxes_xyxy_px.tolist(), boxes.class_ids.tolist(), boxes.scores.tolist(), strict=True
            ):
                left, top = round(max(0.0, left)), round(max(0.0, top))
                right, bottom = round(min(float(width), right)), round(min(float(height), bottom))
                if right > left and bottom > top:
                    rows.append([class_id, left, top, right - left, bottom - top, round(score, 4)])
            results.append((rows, (width, height)))
        return results


def _kept(item: tuple[_Found, tuple[int, int]], cut: float) -> _Found:
    return [box for box in item[0] if box[5] >= cut]


def _confidence(item: tuple[_Found, tuple[int, int]], cut: float) -> float:
    """Mean score of the kept boxes; without any, one less the best candidate's."""
    kept = [box[5] for box in _kept(item, cut)]
    if kept:
        return float(np.mean(kept))
    return 1.0 - max((box[5] for box in item[0]), default=0.0)


def _truth(label: Mapping[str, Any]) -> list[list[float]]:
    return [
        [
            int(box["class_id"]),
            float(box["left"]),
            float(box["top"]),
            float(box["width"]),
            float(box["height"]),
        ]
        for box in label["annotations"]
    ]
