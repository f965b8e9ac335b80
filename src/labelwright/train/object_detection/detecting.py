"""From scores and offsets to detections: one class for each anchor, the best few, then suppression.

As the original's detection layer: of every anchor the most probable class besides the background counts; what
is below 0.01 is nothing; the ``nms_topk`` best are compared with each other whatever their class
(``force_suppress``), and what overlaps a better one by more than ``nms_threshold`` goes.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import batched_nms

from labelwright.train.evaluate import Boxes
from labelwright.train.object_detection.anchors import decode_boxes

__all__ = ["LEAST_SCORE", "Suppression", "best_of_anchors", "detections"]

LEAST_SCORE = 0.01


@dataclasses.dataclass(frozen=True, slots=True)
class Suppression:
    """How detections are thinned out.

    Attributes
    ----------
    nms_threshold : float
        Overlap above which the lesser of two goes.
    nms_topk : int
    """

    nms_threshold: float = 0.45
    nms_topk: int = 400


def best_of_anchors(scores: Tensor, offsets: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Probability, class and box of every anchor.

    Parameters
    ----------
    scores : Tensor of shape (n, a, n_classes + 1)
    offsets : Tensor of shape (n, a, 4)
    anchors : Tensor of shape (a, 4)

    Returns
    -------
    probability : Tensor of shape (n, a), float32
    class_id : Tensor of shape (n, a), int64
    boxes_xyxy : Tensor of shape (n, a, 4), float32
    """
    probability, class_id = scores.float().softmax(dim=2)[..., 1:].max(dim=2)
    return probability, class_id, decode_boxes(offsets.float(), anchors)


@torch.no_grad()
def detections(scores: Tensor, offsets: Tensor, anchors: Tensor, suppression: Suppression) -> list[Boxes]:
    """Detections of each picture, by falling score; boxes as shares of the sides."""
    probability, class_id, boxes = best_of_anchors(scores, offsets, anchors)
    n_best = min(suppression.nms_topk, probability.shape[1])
    value, place = probability.topk(n_best, dim=1)  # (n, k)
    picture, rank = (value >= LEAST_SCORE).nonzero(as_tuple=True)
    anchor = place[picture, rank]
    flat_boxes, flat_scores = boxes[picture, anchor], value[picture, rank]
    # Pictures are kept apart by the third argument; classes are not.
    kept = batched_nms(flat_boxes, flat_scores, picture, suppression.nms_threshold)  # by falling score
    picture_of, class_of = picture[kept].cpu().numpy(), class_id[picture, anchor][kept].cpu().numpy()
    kept_boxes, kept_scores = flat_boxes[kept].cpu().numpy(), flat_scores[kept].cpu().numpy()
    found = []
    for i_picture in range(len(scores)):
        mine = np.flatnonzero(picture_of == i_picture)
        found.append(Boxes(kept_boxes[mine], class_of[mine], kept_scores[mine]))
    return found
