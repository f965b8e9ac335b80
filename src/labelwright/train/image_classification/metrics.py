"""Accuracy, top-k accuracy and, for several labels an image, accuracy as a mean over the classes."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Scores"]


class Scores:
    """Counts over many batches.

    With one label an image, accuracy is the share of images whose best class is the true one. With several,
    it is the mean over classes of the share of images for which the class is rightly said to be there or not
    (a probability of at least one half says that it is).

    Parameters
    ----------
    multi_label : bool
    top_k : int or None
        Also count images whose true class is among the k best; without meaning for several labels.

    Attributes
    ----------
    counts : Tensor of shape (3,), float64
        Right, right within k, judged. Sums of several processes may be put in.
    """

    def __init__(self, *, multi_label: bool, top_k: int | None = None) -> None:
        self.multi_label = multi_label
        self.top_k = None if multi_label else top_k
        self.counts = torch.zeros(3, dtype=torch.float64)

    @torch.no_grad()
    def add(self, scores: Tensor, truth: Tensor) -> None:
        """Count a batch.

        Parameters
        ----------
        scores : Tensor of shape (n, n_classes)
            Before softmax or sigmoid.
        truth : Tensor of shape (n,), int64, or (n, n_classes) of 0 and 1
        """
        scores, truth = scores.detach().float().cpu(), truth.cpu()
        within = 0.0
        if self.multi_label:
            right = float(((scores >= 0) == (truth >= 0.5)).double().mean(dim=1).sum())
        else:
            right = float((scores.argmax(dim=1) == truth).sum())
            if self.top_k is not None:
                best = scores.topk(min(self.top_k, scores.shape[1]), dim=1).indices  # (n, k)
                within = float((best == truth[:, None]).any(dim=1).sum())
        self.counts += torch.tensor([right, within, len(truth)], dtype=torch.float64)

    @property
    def accuracy(self) -> float:
        """From 0 to 1; NaN before anything was counted."""
        return float(self.counts[0] / self.counts[2])

    def named(self) -> list[tuple[str, float]]:
        """What the log shows: names and values."""
        pairs = [("accuracy", self.accuracy)]
        if self.top_k is not None:
            pairs.append((f"top_k_accuracy_{self.top_k}", float(self.counts[1] / self.counts[2])))
        return pairs

    def reset(self) -> None:
        """Forget what was counted."""
        self.counts.zero_()
