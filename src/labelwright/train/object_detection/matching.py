"""Which anchor is to find which box.

First every box gets an anchor of its own: the pairs of greatest overlap, one after the other, no anchor and
no box twice. Then every other anchor that overlaps a box by at least the threshold is to find the box it
overlaps most. All pictures of a batch are done at once.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["match", "overlaps"]


def overlaps(boxes_xyxy: Tensor, anchors_xyxy: Tensor) -> Tensor:
    """Intersection over union of every box with every anchor.

    Parameters
    ----------
    boxes_xyxy : Tensor of shape (n, m, 4)
    anchors_xyxy : Tensor of shape (a, 4)

    Returns
    -------
    Tensor of shape (n, m, a)
    """
    one, other = boxes_xyxy[:, :, None, :], anchors_xyxy[None, None]
    width = torch.minimum(one[..., 2], other[..., 2]) - torch.maximum(one[..., 0], other[..., 0])
    height = torch.minimum(one[..., 3], other[..., 3]) - torch.maximum(one[..., 1], other[..., 1])
    common = width.clamp_(min=0) * height.clamp_(min=0)  # (n, m, a)
    area = (boxes_xyxy[..., 2] - boxes_xyxy[..., 0]) * (boxes_xyxy[..., 3] - boxes_xyxy[..., 1])
    anchor_area = (anchors_xyxy[:, 2] - anchors_xyxy[:, 0]) * (anchors_xyxy[:, 3] - anchors_xyxy[:, 1])
    return common / (area[..., None] + anchor_area - common).clamp_(min=1e-9)


def match(boxes_xyxy: Tensor, is_box: Tensor, anchors: Tensor, *, threshold: float = 0.5) -> Tensor:
    """The box of each anchor.

    Parameters
    ----------
    boxes_xyxy : Tensor of shape (n, m, 4)
        Padded; left, top, right, bottom as shares of the sides.
    is_box : Tensor of shape (n, m), bool
        False for padding.
    anchors : Tensor of shape (a, 4)
        Centre x, centre y, width, height.
    threshold : float
        Least overlap of further anchors.

    Returns
    -------
    Tensor of shape (n, a), int64
        Number of the box, -1 for background.
    """
    n, m, _ = boxes_xyxy.shape
    if m == 0:
        return torch.full((n, len(anchors)), -1, dtype=torch.int64, device=anchors.device)
    halves = anchors[:, 2:] / 2
    anchors_xyxy = torch.cat([anchors[:, :2] - halves, anchors[:, :2] + halves], dim=1)
    iou = overlaps(boxes_xyxy, anchors_xyxy)  # (n, m, a)
    iou.masked_fill_(~is_box[:, :, None], -1.0)
    best_iou, best_box = iou.max(dim=1)  # (n, a)
    matched = torch.where(best_iou >= threshold, best_box, -1)
    _give_each_box_one(iou, is_box, matched)
    return matched


def _give_each_box_one(iou: Tensor, is_box: Tensor, matched: Tensor) -> None:
    """Write the one-to-one pairs into ``matched``; ``iou`` is used up.

    Boxes propose to their best anchor, an anchor keeps its best proposal, those turned down propose again
    without it (Gale and Shapley 1962). Both sides rank pairs by the same number, so the result is the one of
    picking the greatest pair again and again.
    """
    n, m, a = iou.shape
    is_free = is_box.clone()  # boxes that still look for an anchor
    kept = torch.full((n, a), -1.0, device=iou.device)  # overlap of the proposal that each anchor keeps
    owner = torch.full((n, a), -1, dtype=torch.int64, device=iou.device)
    rows = torch.arange(n, device=iou.device)[:, None].expand(n, m)
    numbers = torch.arange(m, device=iou.device).expand(n, m)
    for _ in range(m):
        if not bool(is_free.any()):
            break
        value, place = iou.max(dim=2)  # (n, m)
        proposes = is_free & (value > 0)
        if not bool(proposes.any()):
            break
        offer = kept.clone()
        flat_places = (rows * a + place)[proposes]
        offer.view(-1).scatter_reduce_(0, flat_places, value[proposes], "amax", include_self=True)
        wins = proposes & (value > kept.gather(1, place)) & (value == offer.gather(1, place))
        # Of equal offers to one anchor the box with the lowest number wins.
        first = torch.full((n, a), m, dtype=torch.int64, device=iou.device)
        first.view(-1).scatter_reduce_(0, (rows * a + place)[wins], numbers[wins], "amin", include_self=True)
        wins &= first.gather(1, place) == numbers
        loser = owner.gather(1, place)[wins]  # boxes that lose their anchor to a better one
        row_of = rows[wins]
        owner[row_of, place[wins]] = numbers[wins]
        kept[row_of, place[wins]] = value[wins]
        is_free[row_of, numbers[wins]] = False
        lost = loser >= 0
        is_free[row_of[lost], loser[lost]] = True
        refused = proposes & ~wins
        iou[rows[refused], numbers[refused], place[refused]] = -1.0
        iou[row_of[lost], loser[lost], place[wins][lost]] = -1.0
    matched.copy_(torch.where(owner >= 0, owner, matched))
