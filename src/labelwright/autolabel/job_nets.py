"""The small networks that are trained on frozen feature maps, and their losses.

References
----------
Tian, Shen, Chen, He (2019), FCOS: Fully convolutional one-stage object detection, ICCV, arXiv:1904.01355.
Li et al. (2020), Generalized focal loss, NeurIPS, arXiv:2006.04388, equation 6 (quality focal loss).
Rezatofighi et al. (2019), Generalized intersection over union, CVPR, arXiv:1902.09630.
Liu et al. (2022), A ConvNet for the 2020s, CVPR, arXiv:2201.03545 (the block).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import batched_nms, generalized_box_iou_loss

__all__ = ["BOX_STRIDE", "MASK_STRIDE", "BoxNet", "MaskNet", "box_loss", "decode_boxes", "mask_loss"]

BOX_STRIDE, MASK_STRIDE = 8, 4
_PRIOR = 0.02  # share of places that something covers, before anything is learned
_CENTRE = 0.25  # places within this share of a box's sides from its middle stand for it
_N_CANDIDATES = 300


class _Block(nn.Module):
    """What is around a place (depthwise), then what to make of it (pointwise), added to what was there."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.around = nn.Conv2d(width, width, side, padding=side // 2, groups=width)
        self.norm = nn.GroupNorm(8, width)
        self.wide = nn.Conv2d(width, 2 * width, 1)
        self.narrow = nn.Conv2d(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.narrow(functional.relu(self.wide(self.norm(self.around(x)))))
        return out


class _Fusion(nn.Module):
    """Maps of several strides, each scaled to unit spread, as one map of the finest of them."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Conv2d(n, width, 1) for n in channels)
        for i, n in enumerate(channels):
            self.register_buffer(f"mean{i}", torch.zeros(1, n, 1, 1))
            self.register_buffer(f"scale{i}", torch.ones(1, n, 1, 1))
        self.norm = nn.GroupNorm(8, width)

    def standardize(self, maps: Sequence[Tensor]) -> None:
        """Take mean and spread from some pictures."""
        for i, x in enumerate(maps):
            getattr(self, f"mean{i}").copy_(x.mean(dim=(0, 2, 3), keepdim=True))
            getattr(self, f"scale{i}").copy_(1 / x.std(dim=(0, 2, 3), keepdim=True).clamp(min=1e-3))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        total: Tensor | None = None
        for i in reversed(range(len(maps))):  # coarse to fine
            x = (maps[i] - getattr(self, f"mean{i}")) * getattr(self, f"scale{i}")
            x = self.projections[i](x)
            if total is not None:
                x = x + functional.interpolate(total, size=x.shape[-2:], mode="bilinear", align_corners=False)
            total = x
        if total is None:
            raise AssertionError("there is a map")
        out: Tensor = functional.relu(self.norm(total))
        return out


class BoxNet(nn.Module):
    """For every place of a map with stride 8: how good a box of each class is there, and its four sides.

    Parameters
    ----------
    channels : sequence of int
        Of the maps with strides 8, 16 and 32.
    n_classes : int
    width : int
    """

    base: Tensor

    def __init__(
        self, channels: Sequence[int], n_classes: int, *, width: int = 64, n_blocks: int = 4
    ) -> None:
        super().__init__()
        self.fusion = _Fusion(channels, width)
        self.body = nn.Sequential(*(_Block(width, 5) for _ in range(n_blocks)))
        self.classes = nn.Conv2d(width, n_classes, 3, padding=1)
        self.sides = nn.Conv2d(width, 4, 3, padding=1)
        nn.init.normal_(self.classes.weight, std=0.01)
        nn.init.constant_(self.classes.bias, -math.log((1 - _PRIOR) / _PRIOR))  # type: ignore[arg-type]
        nn.init.normal_(self.sides.weight, std=0.01)
        nn.init.zeros_(self.sides.bias)  # type: ignore[arg-type]
        # Half a typical side in pixels, so that the first boxes are not far off.
        self.register_buffer("base", torch.tensor(32.0))

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Class scores before the sigmoid (n, n_classes, h, w), and corners in canvas pixels (n, 4, h, w)."""
        x = functional.relu(self.body(self.fusion(maps)))
        sides = self.sides(x).clamp(-4, 3).exp() * self.base  # (n, 4, h, w): left, top, right, bottom
        columns, rows = _places(x)
        corners = torch.stack(
            [columns - sides[:, 0], rows - sides[:, 1], columns + sides[:, 2], rows + sides[:, 3]], dim=1
        )
        return self.classes(x), corners


def _places(x: Tensor) -> tuple[Tensor, Tensor]:
    """Middles of the places in canvas pixels: columns (1, w) and rows (h, 1)."""
    height, width = x.shape[-2:]
    columns = (torch.arange(width) + 0.5) * BOX_STRIDE
    rows = (torch.arange(height) + 0.5) * BOX_STRIDE
    return columns.view(1, -1), rows.view(-1, 1)


def box_loss(scores: Tensor, corners: Tensor, boxes: Sequence[Tensor], class_ids: Sequence[Tensor]) -> Tensor:
    """Quality focal loss of the scores and generalized IoU loss of the corners.

    A place about the middle of a box stands for it; where several boxes claim one, the box whose middle is
    nearest in terms of its own size has it. The score to reach is the overlap of the box that is predicted
    there now, so that scores say how good a box is to be expected.
    """
    n = len(scores)
    columns, rows = _places(scores)
    wanted = torch.zeros_like(scores)
    all_corners, all_boxes = [], []
    for i in range(n):
        if len(boxes[i]) == 0:
            continue
        left, top, right, bottom = (boxes[i][:, k].view(-1, 1, 1) for k in range(4))
        dx, dy = columns - (left + right) / 2, rows - (top + bottom) / 2  # (boxes, h, w)
        reach_x = ((right - left) * _CENTRE).clamp(min=0.75 * BOX_STRIDE)
        reach_y = ((bottom - top) * _CENTRE).clamp(min=0.75 * BOX_STRIDE)
        distance = torch.maximum(dx.abs() / reach_x, dy.abs() / reach_y)
        nearest, owner = distance.min(dim=0)  # (h, w)
        y, x = torch.nonzero(nearest <= 1, as_tuple=True)
        if len(y) == 0:
            continue
        chosen = owner[y, x]
        predicted, truth = corners[i][:, y, x].T, boxes[i][chosen]
        all_corners.append(predicted)
        all_boxes.append(truth)
        wanted[i, class_ids[i][chosen], y, x] = _overlap(predicted.detach(), truth)
    n_positive = max(1, sum(len(part) for part in all_boxes))
    predicted_quality = scores.sigmoid()
    focal = functional.binary_cross_entropy_with_logits(scores, wanted, reduction="none")
    loss = ((wanted - predicted_quality).abs().pow(2) * focal).sum() / n_positive
    if all_boxes:
        loss = loss + generalized_box_iou_loss(torch.cat(all_corners), torch.cat(all_boxes), reduction="mean")
    return loss


def _overlap(a: Tensor, b: Tensor) -> Tensor:
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    common = (high - low).clamp(min=0).prod(dim=1)
    areas = (a[:, 2:] - a[:, :2]).prod(dim=1) + (b[:, 2:] - b[:, :2]).prod(dim=1)
    return common / (areas - common).clamp(min=1e-6)


def decode_boxes(
    scores: Tensor, corners: Tensor, *, least_score: float, overlap_most: float
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Boxes of every picture after non-maximum suppression in each class, best first.

    Returns
    -------
    list of (corners (k, 4) in canvas pixels, class ids (k,), scores (k,))
    """
    found = []
    for qualities, places in zip(scores.sigmoid(), corners, strict=True):
        flat = qualities.flatten(1)  # (n_classes, places)
        best, index = flat.flatten().topk(min(_N_CANDIDATES, flat.numel()))
        kept = best >= least_score
        best, index = best[kept], index[kept]
        class_ids, place = index // flat.shape[1], index % flat.shape[1]
        boxes = places.flatten(1)[:, place].T
        chosen = batched_nms(boxes, best, class_ids, overlap_most)
        found.append((boxes[chosen], class_ids[chosen], best[chosen]))
    return found


class MaskNet(nn.Module):
    """Class scores at stride 4 from maps with strides 4, 8, 16 and 32.

    Parameters
    ----------
    channels : sequence of int
    n_classes : int
        With the background.
    width : int
    """

    def __init__(
        self, channels: Sequence[int], n_classes: int, *, width: int = 64, n_blocks: int = 3
    ) -> None:
        super().__init__()
        # Two more: where something is tells what it is.
        self.coarse = _Fusion([n + 2 for n in channels[1:]], width)
        self.body = nn.Sequential(*(_Block(width, 5) for _ in range(n_blocks)))
        self.fine = _Fusion([channels[0], width], width)
        self.last = _Block(width, 3)
        self.classes = nn.Conv2d(width, n_classes, 1)

    def standardize(self, maps: Sequence[Tensor]) -> None:
        """Take mean and spread of the features from some pictures."""
        self.coarse.standardize([_with_place(x) for x in maps[1:]])
        self.fine.standardize([maps[0]])

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Scores (n, n_classes, h / 4, w / 4) before the softmax."""
        x = self.body(self.coarse([_with_place(level) for level in maps[1:]]))
        scores: Tensor = self.classes(functional.relu(self.last(self.fine([maps[0], x]))))
        return scores


def _with_place(x: Tensor) -> Tensor:
    n, _, height, width = x.shape
    rows = torch.linspace(-1, 1, height).view(1, 1, height, 1).expand(n, 1, height, width)
    columns = torch.linspace(-1, 1, width).view(1, 1, 1, width).expand(n, 1, height, width)
    return torch.cat([x, rows, columns], dim=1)


def mask_loss(scores: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Cross entropy with class weights, and one less the soft overlap of the classes that are there.

    Parameters
    ----------
    scores : Tensor of shape (n, n_classes, h, w)
    truth : Tensor of shape (n, h, w), int64
    weights : Tensor of shape (n_classes,)
    """
    loss = functional.cross_entropy(scores, truth, weight=weights)
    shares = scores.softmax(dim=1)
    is_truth = functional.one_hot(truth, scores.shape[1]).permute(0, 3, 1, 2).to(shares.dtype)
    common = (shares * is_truth).sum(dim=(2, 3))  # (n, n_classes)
    sizes = is_truth.sum(dim=(2, 3))
    overlap = common / (sizes + shares.sum(dim=(2, 3)) - common).clamp(min=1e-6)
    is_there = sizes > 0
    is_there[:, 0] = False  # the background does not count
    if is_there.any():
        loss = loss + (1 - overlap[is_there]).mean()
    return loss
