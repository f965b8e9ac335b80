"""How good a detector is: average precision per class and its mean, as PASCAL VOC defines them since 2010.

Definition followed here, so that numbers can be compared:

1. Detections of one class from all images are sorted by score, highest first (stable: equal scores keep
   image order, then the order given).
2. One after the other, each is compared with the true boxes of its class in its image; the true box with
   the largest IoU is its candidate. It is a true positive when that IoU is at least the threshold and the
   candidate has not been claimed before; else a false positive. A second detection of a claimed box is a
   false positive even if another, free box also overlaps enough (VOC's rule).
3. Precision after k detections is TP(k) / k, recall is TP(k) / number of true boxes. Precision is made
   monotone from the right, and AP is the area under the resulting step curve over all recall points.
4. A class without a true box has no AP and is left out of the mean.

References
----------
Everingham, Van Gool, Williams, Winn, Zisserman (2010), The PASCAL Visual Object Classes (VOC) Challenge,
International Journal of Computer Vision 88, 303-338, doi:10.1007/s11263-009-0275-4. The area under all
recall points replaces the 11-point average of that paper, as the VOC development kit does since 2010.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelwright.errors import InvalidRequest

__all__ = ["Boxes", "DetectionScores", "average_precision", "box_iou", "evaluate_detections"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class Boxes:
    """The boxes of one image, true or predicted.

    Attributes
    ----------
    boxes_xyxy_px : ndarray of shape (n, 4), float
        Left, top, right, bottom in pixels, origin top-left.
    class_ids : ndarray of shape (n,), int
    scores : ndarray of shape (n,), float
        Ones for true boxes.
    """

    boxes_xyxy_px: npt.NDArray[np.floating]
    class_ids: npt.NDArray[np.integer]
    scores: npt.NDArray[np.floating]

    def __post_init__(self) -> None:
        n_boxes = len(self.class_ids)
        if self.boxes_xyxy_px.shape != (n_boxes, 4) or self.scores.shape != (n_boxes,):
            raise InvalidRequest(
                f"Boxes of shape {self.boxes_xyxy_px.shape}, {self.class_ids.shape} class ids and "
                f"{self.scores.shape} scores do not belong together; give (n, 4), (n,) and (n,).",
                field="boxes_xyxy_px",
            )

    @classmethod
    def true(cls, boxes_xyxy_px: npt.ArrayLike, class_ids: npt.ArrayLike) -> Boxes:
        """True boxes: every score is one."""
        ids = np.asarray(class_ids, dtype=np.int64).reshape(-1)
        return cls(np.asarray(boxes_xyxy_px, dtype=np.float64).reshape(-1, 4), ids, np.ones(len(ids)))


@dataclasses.dataclass(frozen=True, slots=True)
class DetectionScores:
    """What `evaluate_detections` found.

    Attributes
    ----------
    mean_average_precision : float
        Mean over the classes that have true boxes; 0.0 when there is none.
    average_precision : tuple of (float or None)
        Per class index; None for a class without true boxes.
    n_true, n_detected : tuple of int
        Per class index.
    iou_threshold : float
    """

    mean_average_precision: float
    average_precision: tuple[float | None, ...]
    n_true: tuple[int, ...]
    n_detected: tuple[int, ...]
    iou_threshold: float


def box_iou(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> Floats:
    """Intersection over union of every pair.

    Parameters
    ----------
    first, second : ndarray of shape (n, 4) and (m, 4)
        Left, top, right, bottom. Degenerate boxes have area zero and IoU zero with everything.

    Returns
    -------
    ndarray of shape (n, m), float64
    """
    a = np.asarray(first, dtype=np.float64)[:, None, :]  # (n, 1, 4)
    b = np.asarray(second, dtype=np.float64)[None, :, :]  # (1, m, 4)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])  # (n, m, 2)
    overlap = np.prod(np.clip(sides, 0, None), axis=-1)
    area_a = np.prod(np.clip(a[..., 2:] - a[..., :2], 0, None), axis=-1)
    area_b = np.prod(np.clip(b[..., 2:] - b[..., :2], 0, None), axis=-1)
    union = area_a + area_b - overlap
    iou: Floats = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
    return iou


def average_precision(is_true_positive: Sequence[bool] | npt.NDArray[np.bool_], n_true: int) -> float:
    """Area under the precision-recall curve.

    Parameters
    ----------
    is_true_positive : sequence of bool, shape (n_detections,)
        In order of falling score.
    n_true : int
        Number of true boxes, at least 1.

    Returns
    -------
    float
        Between 0 and 1; 0.0 when there is no detection.

    Examples
    --------
    >>> average_precision([True, False, True], n_true=2)
    0.8333333333333333
    """
    if n_true < 1:
        raise InvalidRequest(
            f"n_true={n_true}: a class without true boxes has no average precision.", field="n_true"
        )
    hits = np.asarray(is_true_positive, dtype=np.float64)
    if hits.size == 0:
        return 0.0
    found = np.cumsum(hits)
    precision = found / np.arange(1, hits.size + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    recall_steps = np.diff(found / n_true, prepend=0.0)
    return float(np.sum(recall_steps * envelope))


def evaluate_detections(
    detected: Sequence[Boxes], true: Sequence[Boxes], *, n_classes: int, iou_threshold: float = 0.5
) -> DetectionScores:
    """Mean average precision over images.

    Parameters
    ----------
    detected, true : sequence of Boxes
        Image by image, in the same order.
    n_classes : int
    iou_threshold : float
        0.5 gives the usual mAP@0.5.

    Raises
    ------
    InvalidRequest
        When the two sequences differ in length.
    """
    if len(detected) != len(true):
        raise InvalidRequest(
            f"{len(detected)} images with detections but {len(true)} with true boxes; give the same images.",
            field="detected",
        )
    precisions: list[float | None] = []
    counts_true: list[int] = []
    counts_detected: list[int] = []
    for class_id in range(n_classes):
        hits, n_true = _hits_of_class(detected, true, class_id, iou_threshold)
        counts_true.append(n_true)
        counts_detected.append(len(hits))
        precisions.append(average_precision(hits, n_true) if n_true else None)
    known = [value for value in precisions if value is not None]
    return DetectionScores(
        mean_average_precision=float(np.mean(known)) if known else 0.0,
        average_precision=tuple(precisions),
        n_true=tuple(counts_true),
        n_detected=tuple(counts_detected),
        iou_threshold=iou_threshold,
    )


def _hits_of_class(
    detected: Sequence[Boxes], true: Sequence[Boxes], class_id: int, iou_threshold: float
) -> tuple[npt.NDArray[np.bool_], int]:
    """True or false positive for each detection of the class, in order of falling score."""
    scores: list[float] = []
    hits: list[bool] = []
    n_true = 0
    for found, real in zip(detected, true, strict=True):
        wanted = real.boxes_xyxy_px[real.class_ids == class_id]
        n_true += len(wanted)
        mine = found.class_ids == class_id
        boxes, box_scores = found.boxes_xyxy_px[mine], found.scores[mine]
        overlaps = box_iou(boxes, wanted)  # (n_detected, n_true)
        claimed = np.zeros(len(wanted), dtype=bool)
        for i_box in np.argsort(-box_scores, kind="stable"):
            scores.append(float(box_scores[i_box]))
            best = int(np.argmax(overlaps[i_box])) if len(wanted) else -1
            is_hit = best >= 0 and overlaps[i_box, best] >= iou_threshold and not claimed[best]
            if is_hit:
                claimed[best] = True
            hits.append(bool(is_hit))
    # Claims are per image and per class, so deciding image by image in score order equals deciding globally.
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    return np.asarray(hits, dtype=bool)[order], n_true
