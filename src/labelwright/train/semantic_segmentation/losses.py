"""The loss of segmentation: cross entropy over labelled pixels, at both heads where there are two."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from labelwright.train.semantic_segmentation.masks import IGNORED

__all__ = ["AUXILIARY_WEIGHT", "segmentation_loss"]

AUXILIARY_WEIGHT = 0.5
"""Of the second head's loss. Zhao et al. (2017) take 0.4; the original algorithm's library takes 0.5."""


def segmentation_loss(scores: Tensor, auxiliary: Tensor | None, truth: Tensor) -> Tensor:
    """Mean cross entropy of the pixels that are not ignored; 0 where all are.

    Parameters
    ----------
    scores : Tensor of shape (n, n_classes, h, w)
        At any stride; enlarged to the truth's size.
    auxiliary : Tensor of shape (n, n_classes, h', w') or None
    truth : Tensor of shape (n, height, width), int64
    """
    loss = _cross_entropy(scores, truth)
    if auxiliary is not None:
        loss = loss + AUXILIARY_WEIGHT * _cross_entropy(auxiliary, truth)
    return loss


def _cross_entropy(scores: Tensor, truth: Tensor) -> Tensor:
    # Channels last is slow for so few channels; the copy is made while the map is small.
    small = scores.float().contiguous()
    full = functional.interpolate(small, size=truth.shape[-2:], mode="bilinear", align_corners=False)
    total = functional.cross_entropy(full, truth, ignore_index=IGNORED, reduction="sum")
    return total / (truth != IGNORED).sum().clamp(min=1)
