"""How well answers agree with the truth: shares of right classes, precision, recall and overlap of boxes."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence, Set

import numpy as np
import numpy.typing as npt

from labelwright.consolidation import box_iou_batch
from labelwright.simulate.truth import TrueBox

__all__ = ["BoxAgreement", "ClassAgreement", "MaskAgreement", "SetAgreement", "match_boxes"]


@dataclasses.dataclass(slots=True)
class ClassAgreement:
    """Counts of right and all answers."""

    n_right: int = 0
    n_answers: int = 0

    def add(self, found: int, true: int) -> None:
        """Count one answer."""
        self.n_right += found == true
        self.n_answers += 1

    @property
    def accuracy(self) -> float:
        """Share of right answers, 0.0 without any."""
        return self.n_right / self.n_answers if self.n_answers else 0.0

    def numbers(self) -> dict[str, float]:
        """All shares by name."""
        return {"accuracy": self.accuracy}


@dataclasses.dataclass(slots=True)
class _FoundAgreement:
    """Counts over objects: things found, true things, and those that match."""

    n_found: int = 0
    n_true: int = 0
    n_matched: int = 0

    @property
    def precision(self) -> float:
        """Share of what was found that is true; 1.0 when nothing was."""
        return self.n_matched / self.n_found if self.n_found else 1.0

    @property
    def recall(self) -> float:
        """Share of the true things that were found; 1.0 when there is none."""
        return self.n_matched / self.n_true if self.n_true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.n_found + self.n_true
        return 2 * self.n_matched / total if total else 1.0

    def numbers(self) -> dict[str, float]:
        """All shares by name."""
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1}


@dataclasses.dataclass(slots=True)
class SetAgreement(_FoundAgreement):
    """Counts over objects: things found, true things, and those that are in both."""

    def add(self, found: Set[Hashable], true: Set[Hashable]) -> None:
        """Count one object."""
        self.n_found += len(found)
        self.n_true += len(true)
        self.n_matched += len(found & true)


@dataclasses.dataclass(slots=True)
class BoxAgreement(_FoundAgreement):
    """Counts over pictures: boxes drawn, true boxes, and pairs of the same class that overlap enough."""

    iou_sum: float = 0.0

    def add(self, found: Sequence[TrueBox], true: Sequence[TrueBox], *, least_iou: float = 0.5) -> None:
        """Count one picture."""
        ious = match_boxes(found, true, least_iou=least_iou)
        self.n_found += len(found)
        self.n_true += len(true)
        self.n_matched += len(ious)
        self.iou_sum += sum(ious)

    @property
    def mean_iou(self) -> float:
        """Mean overlap of the matched pairs, 0.0 without any."""
        return self.iou_sum / self.n_matched if self.n_matched else 0.0

    def numbers(self) -> dict[str, float]:
        """All shares by name."""
        return {**_FoundAgreement.numbers(self), "mean_iou": self.mean_iou}


@dataclasses.dataclass(slots=True)
class MaskAgreement:
    """Counts of pixels over pictures: in how many both masks have a class, and in how many either has it."""

    n_right: int = 0
    n_pixels: int = 0
    shared: dict[int, int] = dataclasses.field(default_factory=dict)
    either: dict[int, int] = dataclasses.field(default_factory=dict)

    def add(self, found: npt.NDArray[np.uint8], true: npt.NDArray[np.uint8]) -> None:
        """Count one picture; both masks have the same shape."""
        self.n_right += int(np.count_nonzero(found == true))
        self.n_pixels += true.size
        for value in np.union1d(found, true):
            a, b = found == value, true == value
            shared, c = int(np.count_nonzero(a & b)), int(value)
            self.shared[c] = self.shared.get(c, 0) + shared
            self.either[c] = self.either.get(c, 0) + int(np.count_nonzero(a | b))

    @property
    def accuracy(self) -> float:
        """Share of pixels with the right class, 0.0 without any."""
        return self.n_right / self.n_pixels if self.n_pixels else 0.0

    @property
    def mean_iou(self) -> float:
        """Mean over the classes, the background among them, of overlap over union; 0.0 without any."""
        ious = [self.shared[c] / either for c, either in self.either.items()]
        return sum(ious) / len(ious) if ious else 0.0

    def numbers(self) -> dict[str, float]:
        """All shares by name."""
        return {"accuracy": self.accuracy, "mean_iou": self.mean_iou}


def match_boxes(found: Sequence[TrueBox], true: Sequence[TrueBox], *, least_iou: float = 0.5) -> list[float]:
    """IoUs of a one-to-one matching between boxes of the same class.

    Pairs are taken greedily, the largest overlap first (ties: the earlier found, then the earlier true box).

    Parameters
    ----------
    found, true : sequence of TrueBox
    least_iou : float
        Pairs below do not match.

    Returns
    -------
    list of float
        One IoU per matched pair, largest first; empty when either side is.
    """
    if not found or not true:
        return []
    overlaps = box_iou_batch(_rows(found), _rows(true))  # (n_found, n_true)
    same = np.array([[f.class_id == t.class_id for t in true] for f in found])
    overlaps = np.where(same, overlaps, 0.0)
    ious: list[float] = []
    free_found, free_true = set(range(len(found))), set(range(len(true)))
    for flat in np.argsort(-overlaps, axis=None, kind="stable"):
        i_found, i_true = divmod(int(flat), len(true))
        iou = float(overlaps[i_found, i_true])
        if iou < least_iou or iou <= 0.0:
            break
        if i_found in free_found and i_true in free_true:
            free_found.remove(i_found)
            free_true.remove(i_true)
            ious.append(iou)
    return ious


def _rows(boxes: Sequence[TrueBox]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([(box.left, box.top, box.width, box.height) for box in boxes], dtype=np.float64).reshape(
        -1, 4
    )
