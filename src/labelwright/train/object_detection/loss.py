"""The loss of SSD: cross entropy over boxes and hard negatives, smooth L1 over boxes (paper, section 2.2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from labelwright.train.object_detection.anchors import encode_boxes
from labelwright.train.object_detection.matching import match

__all__ = ["detection_loss"]

_NEGATIVES_PER_POSITIVE = 3
_NEGATIVES_LEAST = 12
"""Of a picture without boxes there is still something to learn: where nothing is."""


def detection_loss(
    scores: Tensor,
    offsets: Tensor,
    anchors: Tensor,
    boxes_xyxy: Tensor,
    class_ids: Tensor,
    *,
    threshold: float = 0.5,
) -> tuple[Tensor, Tensor]:
    """Both parts of the loss, each divided by the number of matched anchors of the batch.

    Parameters
    ----------
    scores : Tensor of shape (n, a, n_classes + 1), float32
    offsets : Tensor of shape (n, a, 4), float32
    anchors : Tensor of shape (a, 4)
    boxes_xyxy : Tensor of shape (n, m, 4)
        Padded; left, top, right, bottom as shares of the sides.
    class_ids : Tensor of shape (n, m), int64
        From 0; -1 for padding.
    threshold : float
        Least overlap of an anchor with the box it is to find.

    Returns
    -------
    cross_entropy, smooth_l1 : Tensor of shape ()
    """
    n, n_anchors, _ = scores.shape
    with torch.no_grad():
        matched = match(boxes_xyxy, class_ids >= 0, anchors, threshold=threshold)  # (n, a)
        is_positive = matched >= 0
        n_positive = is_positive.sum(dim=1)  # (n,)
        wanted_class = torch.zeros_like(matched)
        picture, anchor = is_positive.nonzero(as_tuple=True)
        box = matched[picture, anchor]
        wanted_class[picture, anchor] = class_ids[picture, box] + 1
        wanted_offsets = encode_boxes(boxes_xyxy[picture, box], anchors[anchor])  # (p, 4)
        # Which negatives are hard is decided without a gradient; a full cross entropy would keep one for all.
        background = torch.logsumexp(scores, dim=2) - scores[..., 0]
        background = background.masked_fill(is_positive, float("-inf"))
        n_hard = (n_positive * _NEGATIVES_PER_POSITIVE).clamp(min=_NEGATIVES_LEAST, max=n_anchors)
        n_most = int(n_hard.max()) if n else 0
        value, place = background.topk(n_most, dim=1)  # (n, n_most), hardest first
        is_hard = torch.arange(n_most, device=scores.device) < n_hard[:, None]
        is_hard &= value > float("-inf")
        hard_picture, rank = is_hard.nonzero(as_tuple=True)
        rows = torch.cat([picture, hard_picture])
        columns = torch.cat([anchor, place[hard_picture, rank]])
        divisor = n_positive.sum().clamp(min=1)
    entropy = functional.cross_entropy(scores[rows, columns], wanted_class[rows, columns], reduction="sum")
    distance = functional.smooth_l1_loss(offsets[picture, anchor], wanted_offsets, reduction="sum")
    return entropy / divisor, distance / divisor
