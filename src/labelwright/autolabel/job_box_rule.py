"""From candidate boxes of a picture to its label, and what to expect of it; learned on held-out pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.job_cuts import best_cuts
from labelwright.autolabel.job_expected import ClassTables
from labelwright.autolabel.job_picture_quality import SPREAD, PictureQuality
from labelwright.autolabel.job_quality import Box, box_quality

__all__ = ["BoxRule"]

_CUT = 0.5
_Boxes = list[list[float]]


class BoxRule:
    """Which candidates count.

    Parameters
    ----------
    cuts : sequence of float, of length n_classes
        A box counts from the cut of its class on.
    quality : PictureQuality, optional
    """

    def __init__(self, cuts: Sequence[float], quality: PictureQuality | None = None) -> None:
        self.cuts = [float(cut) for cut in cuts]
        self._quality = quality

    @property
    def spread(self) -> float:
        """Standard deviation of the quality around what is expected; known after `fit`."""
        return SPREAD if self._quality is None else self._quality.spread

    @classmethod
    def fit(
        cls,
        candidates: Sequence[_Boxes],
        truths: Sequence[Sequence[Box]],
        n_classes: int,
        is_random: NDArray[np.bool_] | None = None,
    ) -> tuple[BoxRule, NDArray[np.float64]]:
        """Learn from pictures that the network was not trained on.

        Parameters
        ----------
        candidates : sequence of length n of lists of (class, left, top, width, height, score)
        truths : sequence of length n of sequences of (class, left, top, width, height)
        n_classes : int
        is_random : ndarray of shape (n,), bool, optional
            See `PictureQuality.fit`.

        Returns
        -------
        rule : BoxRule
        qualities : ndarray of shape (n,)
            Of each picture; what classes to leave out was learned from the others.
        """
        cuts, qualities = best_cuts(candidates, truths, n_classes)
        if len(candidates) < PictureQuality.LEAST:
            return cls(cuts), qualities
        kept = [_above(boxes, cuts) for boxes in candidates]
        overlaps, is_kept, is_there = (
            np.stack(part)
            for part in zip(
                *(_by_class(*pair, n_classes) for pair in zip(kept, truths, strict=True)), strict=True
            )
        )

        def quality_with(i: int, keeps: NDArray[np.bool_]) -> float:
            return box_quality([box for box in kept[i] if keeps[int(box[0])]], truths[i])

        features = np.stack([_features(boxes, cuts) for boxes in candidates])
        tables = ClassTables(features, is_kept, overlaps, is_there)
        signs = [[_sureness(boxes, cuts)] for boxes in candidates]
        quality, qualities = PictureQuality.fit(tables, signs, qualities, quality_with, is_random)
        return cls(cuts, quality), qualities

    def boxes(self, candidates: _Boxes) -> tuple[_Boxes, float]:
        """The boxes of a picture's label, and the quality to expect."""
        kept = _above(candidates, self.cuts)
        sureness = _sureness(candidates, self.cuts)
        if self._quality is None:
            return kept, sureness
        is_kept = np.isin(np.arange(len(self.cuts)), [int(box[0]) for box in kept])
        keeps, confidence = self._quality(_features(candidates, self.cuts), is_kept, [sureness])
        if keeps is not None:
            kept = [box for box in kept if keeps[int(box[0])]]
        return kept, confidence

    def as_dict(self) -> dict[str, Any]:
        """Numbers by name, for storage."""
        return {"cuts": self.cuts, "quality": None if self._quality is None else self._quality.as_dict()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> BoxRule:
        """What `as_dict` gave."""
        quality = content["quality"]
        return cls(content["cuts"], None if quality is None else PictureQuality.from_dict(quality))

    @classmethod
    def untaught(cls, n_classes: int) -> BoxRule:
        """One that has not seen a picture."""
        return cls([_CUT] * n_classes)


def _above(candidates: _Boxes, cuts: Sequence[float]) -> _Boxes:
    return [box for box in candidates if box[5] >= cuts[int(box[0])]]


def _sureness(candidates: _Boxes, cuts: Sequence[float]) -> float:
    """Mean score of the kept boxes; without any, one less the best candidate's."""
    kept = [box[5] for box in _above(candidates, cuts)]
    return float(np.mean(kept)) if kept else 1.0 - max((box[5] for box in candidates), default=0.0)


def _features(candidates: _Boxes, cuts: Sequence[float]) -> NDArray[np.float64]:
    """Signs of each class (n_classes, 6).

    Scores are overlaps to expect. With them: the overlap to expect of all boxes, those that may be missed
    among them; the mean score of the kept boxes and their least; how many there are; the sum of the scores
    below the cut; the best score.
    """
    rows = np.zeros((len(cuts), 6))
    for class_id, cut in enumerate(cuts):
        scores = np.array([box[5] for box in candidates if int(box[0]) == class_id])
        kept, below = scores[scores >= cut], float(scores[scores < cut].sum())
        n = len(kept)
        rows[class_id] = (
            float(kept.sum()) / (n + below) if n else 0.0,
            float(kept.mean()) if n else 0.0,
            float(kept.min()) if n else 0.0,
            math.log1p(n),
            math.log1p(below),
            float(scores.max()) if len(scores) else 0.0,
        )
    return rows


def _by_class(
    kept: _Boxes, truth: Sequence[Box], n_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Each class's part of the quality, and who has it, each (n_classes,)."""
    overlaps = np.zeros(n_classes)
    is_kept, is_there = np.zeros(n_classes, np.bool_), np.zeros(n_classes, np.bool_)
    for class_id in range(n_classes):
        found = [box for box in kept if int(box[0]) == class_id]
        own = [box for box in truth if int(box[0]) == class_id]
        is_kept[class_id], is_there[class_id] = bool(found), bool(own)
        if found and own:
            overlaps[class_id] = box_quality(found, own)
    return overlaps, is_kept, is_there
