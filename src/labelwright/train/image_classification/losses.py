"""The loss of classification: cross entropy, over classes or for each class by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["ClassificationLoss"]

_WEIGHT_MAX = 100.0


class ClassificationLoss:
    """Cross entropy; for several labels an image the mean over classes of binary cross entropies.

    With weights, being there and not being there count the same over the training data for every class: a
    picture with the class weighs n / 2 n_with, one without it n / 2 n_without, at most 100. The
    distribution is counted as the data goes by (a pipe can be read but once for an epoch), so weights are
    those of what was seen so far, and exact from the second epoch on but for what it adds.

    Parameters
    ----------
    multi_label, is_weighted : bool
    n_classes : int

    Attributes
    ----------
    n_with : Tensor of shape (n_classes,), float64
        Labels seen so far, and one.
    n_seen : float
        Pictures seen so far, and two.
    """

    def __init__(self, n_classes: int, *, multi_label: bool = False, is_weighted: bool = False) -> None:
        self.multi_label = multi_label
        self.is_weighted = is_weighted
        self.n_with = torch.ones(n_classes, dtype=torch.float64)
        self.n_seen = 2.0

    def __call__(self, scores: Tensor, truth: Tensor) -> Tensor:
        """Mean over the pictures of a batch.

        Parameters
        ----------
        scores : Tensor of shape (n, n_classes)
        truth : Tensor of shape (n,), int64, or (n, n_classes) of 0 and 1
        """
        if not self.multi_label:
            return functional.cross_entropy(scores.float(), truth)
        weights = None
        if self.is_weighted:
            self.n_with += truth.sum(dim=0).double().cpu()
            self.n_seen += len(truth)
            present = (self.n_seen / (2 * self.n_with)).clamp(max=_WEIGHT_MAX)
            absent = (self.n_seen / (2 * (self.n_seen - self.n_with))).clamp(max=_WEIGHT_MAX)
            present, absent = (x.to(scores.device, torch.float32) for x in (present, absent))
            weights = truth * present + (1 - truth) * absent
        return functional.binary_cross_entropy_with_logits(scores.float(), truth, weights)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"n_with": self.n_with, "n_seen": self.n_seen}

    def restore(self, state: Mapping[str, Any]) -> None:
        """From a checkpoint."""
        self.n_with, self.n_seen = state["n_with"].clone(), float(state["n_seen"])
