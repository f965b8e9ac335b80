"""Bounding boxes: something that finds them, a score to cut at, and what to expect of the result.

What finds them is a detector that is fine-tuned where the operator has pretrained weights
(`labelwright.autolabel.job_boxes_detector`), else a small network on fixed filters
(`labelwright.autolabel.job_boxes_frozen`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from labelwright.autolabel.job_boxes_detector import DetectorFinder
from labelwright.autolabel.job_boxes_finding import BoxFinder, Found, labeled_boxes
from labelwright.autolabel.job_boxes_frozen import FrozenFinder
from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_pictures import Pictures, split_holdout
from labelwright.autolabel.job_quality import ExpectedQuality, box_quality
from labelwright.autolabel.job_trainers import Hints, Predictions
from labelwright.work import report_progress

__all__ = ["BoxTrainer"]

_ABOUT = "about.json"
_CUTS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
_OVERLAPS = (0.3, 0.4, 0.5, 0.6)  # boxes of one class that overlap more are taken for the same
_CHUNK = 32


class BoxTrainer:
    """`Trainer` of bounding boxes.

    Parameters
    ----------
    content : Mapping
        The program's input.
    folder : Path
    """

    def __init__(self, content: Mapping[str, Any], folder: Path) -> None:
        self._folder = folder
        self._attribute = content["label_attribute_name"]
        self._seed = int(content["seed"]) % (1 << 31)
        pictures = Pictures(content)
        self._finder: BoxFinder = (DetectorFinder if content.get("weights") else FrozenFinder)(
            content, folder, pictures, seed=self._seed
        )
        self._cut, self._overlap = 0.5, 0.5
        self._expected = ExpectedQuality([], [])
        self.n_seen = self._n_learned = 0
        torch.set_num_threads(int(content.get("n_threads") or 1))

    def load(self, folder: Path, *, is_own: bool) -> None:
        """Begin from an earlier network; one that was made for other features is left aside."""
        if not self._finder.load(folder):
            return
        about = json.loads((folder / _ABOUT).read_text())
        self._cut, self._overlap = float(about["cut"]), float(about["overlap"])
        self._expected = ExpectedQuality(about["confidences"], about["qualities"])
        if not is_own:
            self.n_seen = int(about["n_seen"])

    def save(self, folder: Path) -> None:
        """Write network, cut and calibration."""
        self._finder.save(folder)
        about = {
            "cut": self._cut,
            "overlap": self._overlap,
            "confidences": list(self._expected.x),
            "qualities": list(self._expected.y),
            "n_seen": self.n_seen + self._n_learned,
        }
        (folder / _ABOUT).write_text(json.dumps(about))

    def fit(self, objects: Objects, hints: Hints) -> dict[str, float]:
        """Train on four fifths, choose the cut and calibrate on the rest."""
        kept, held = split_holdout(objects, seed=self._seed, is_random=hints.is_random)
        self._n_learned = len(objects)
        n_read = self._finder.train(objects, kept)
        candidates = self._finder.candidates(objects, held)
        truths = [labeled_boxes(objects.line(int(i))[self._attribute]) for i in held]
        best = -1.0
        for overlap in _OVERLAPS:
            found = [self._finder.boxes(item, overlap) for item in candidates]
            seen = [(item, truth) for item, truth in zip(found, truths, strict=True) if item is not None]
            for cut in _CUTS:
                qualities = [box_quality(item.above(cut), truth) for item, truth in seen]
                mean = float(np.mean(qualities)) if qualities else 0.0
                if mean > best:
                    best, self._cut, self._overlap = mean, cut, overlap
                    self._expected = ExpectedQuality([_confidence(item, cut) for item, _ in seen], qualities)
        return {"n_training": float(n_read), "box-cut": self._cut, "training-accuracy": best}

    def predict(self, objects: Objects) -> Predictions:
        """Boxes at or above the cut, and the quality to expect of them."""
        confidences = np.full(len(objects), np.nan)
        labels: list[Any] = [None] * len(objects)
        for start in range(0, len(objects), _CHUNK):
            part = np.arange(start, min(start + _CHUNK, len(objects)))
            for i, candidates in zip(part.tolist(), self._finder.candidates(objects, part), strict=True):
                item = self._finder.boxes(candidates, self._overlap)
                if item is not None:
                    confidences[i] = _confidence(item, self._cut)
                    labels[i] = {"size": [item.width, item.height], "boxes": item.above(self._cut)}
            report_progress(self._folder, "predicting", done=start + len(part), of=len(objects))
        return Predictions(objects.ids, self._expected(confidences), labels, confidences)

    def qualities(self, objects: Objects, labels: Sequence[Any]) -> NDArray[np.float64]:
        """Mean overlap per class, then over classes, of every object."""
        truths = (labeled_boxes(value) for value in objects.labels(self._attribute))
        return np.array(
            [box_quality(label["boxes"], truth) for label, truth in zip(labels, truths, strict=True)],
            np.float64,
        )

    def queries(self, objects: Objects, predictions: Predictions, n: int, *, seed: int) -> NDArray[np.int64]:
        """Those of which least is expected."""
        usable = np.flatnonzero(~np.isnan(predictions.confidences))
        return usable[np.argsort(predictions.confidences[usable], kind="stable")[:n]]


def _confidence(item: Found, cut: float) -> float:
    """Mean score of the kept boxes; without any, one less the best candidate's."""
    kept = [box[5] for box in item.above(cut)]
    if kept:
        return float(np.mean(kept))
    return 1.0 - max((box[5] for box in item.boxes), default=0.0)
