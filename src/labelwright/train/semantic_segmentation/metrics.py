"""Intersection over union and pixel accuracy, from a confusion matrix that adds up over batches."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Confusion"]


class Confusion:
    """How often each class was taken for each.

    Parameters
    ----------
    n_classes : int

    Attributes
    ----------
    counts : Tensor of shape (n_classes, n_classes), int64
        Rows are the truth. Sums of several processes may be put in.
    """

    def __init__(self, n_classes: int) -> None:
        self.counts = torch.zeros(n_classes, n_classes, dtype=torch.int64)

    @torch.no_grad()
    def add(self, predicted: Tensor, truth: Tensor) -> None:
        """Count pixels.

        Parameters
        ----------
        predicted, truth : Tensor of equal shape, any integer type
            Class indexes. Pixels whose truth is no class (255) are left out.
        """
        n_classes = len(self.counts)
        truth, predicted = truth.flatten().long(), predicted.flatten().long()
        judged = truth < n_classes
        pairs = truth[judged] * n_classes + predicted[judged]
        self.counts += torch.bincount(pairs, minlength=n_classes**2).view(n_classes, n_classes).cpu()

    @property
    def iou(self) -> Tensor:
        """Of every class, shape (n_classes,), float64; NaN where the truth has none of it."""
        right = self.counts.diagonal().double()
        in_truth = self.counts.sum(dim=1)
        union = in_truth + self.counts.sum(dim=0) - self.counts.diagonal()
        return torch.where(in_truth > 0, right / union, torch.nan)

    @property
    def mean_iou(self) -> float:
        """Mean over the classes that are in the truth; 0 when nothing was counted."""
        return float(torch.nan_to_num(self.iou.nanmean(), nan=0.0))

    @property
    def pixel_accuracy(self) -> float:
        """Share of the labelled pixels whose class is right; 0 when nothing was counted."""
        total = int(self.counts.sum())
        return float(self.counts.diagonal().sum()) / total if total else 0.0

    def reset(self) -> None:
        """Forget what was counted."""
        self.counts.zero_()
