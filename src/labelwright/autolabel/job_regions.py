"""From class scores of every place to a mask, and what to expect of it; learned from held-out pictures.

Three things are learned, all for the quality of `mask_quality`, a mean over classes: a bias for each class,
since the class that is likeliest at a place is not the one that helps the mean most; which classes of a
picture to leave out (`labelwright.autolabel.job_expected`); and the quality to expect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from labelwright.autolabel.job_expected import ClassTables
from labelwright.autolabel.job_picture_quality import SPREAD, PictureQuality
from labelwright.autolabel.job_quality import mask_overlaps, mask_quality

__all__ = ["RegionRule", "best_biases"]

_BIASES = (-1.5, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 1.5)
"""Candidates, in natural logarithms of odds."""
_ROUNDS = 2
_GAIN_LEAST = 5e-4  # of the mean quality, for a bias of another size
_SEARCHED = 64  # pictures in which biases are looked for

_Mask = NDArray[np.uint8]


class RegionRule:
    """A mask from scores.

    Parameters
    ----------
    biases : ndarray of shape (n_classes,)
        Added to the scores, which are logarithms of odds.
    quality : PictureQuality, optional
    """

    def __init__(self, biases: NDArray[np.float64], quality: PictureQuality | None = None) -> None:
        self.biases = biases
        self._quality = quality

    @property
    def spread(self) -> float:
        """Standard deviation of the quality around what is expected; known after `fit`."""
        return SPREAD if self._quality is None else self._quality.spread

    @classmethod
    def fit(
        cls,
        scores: Sequence[Tensor],
        truths: Sequence[_Mask],
        is_random: NDArray[np.bool_] | None = None,
    ) -> tuple[RegionRule, NDArray[np.float64]]:
        """Learn from pictures that the network was not trained on.

        Parameters
        ----------
        scores : sequence of length n of Tensors of shape (n_classes, h, w)
        truths : sequence of length n of ndarrays of shape (height, width)
            In the pictures' own size.
        is_random : ndarray of shape (n,), bool, optional
            See `PictureQuality.fit`.

        Returns
        -------
        rule : RegionRule
        qualities : ndarray of shape (n,)
            Of each picture; what classes to leave out was learned from the others.
        """
        n_classes = len(scores[0])
        is_enough = len(scores) >= PictureQuality.LEAST
        biases = best_biases(scores[:_SEARCHED], truths[:_SEARCHED]) if is_enough else np.zeros(n_classes)
        pairs = list(zip(scores, truths, strict=True))
        found = [
            mask_overlaps(_largest(item, biases, truth.shape), truth, n_classes) for item, truth in pairs
        ]
        overlaps, is_kept, is_there = (np.stack(part) for part in zip(*found, strict=True))
        counts = is_kept | is_there
        means = np.where(counts, overlaps, 0).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
        qualities = np.where(counts.any(axis=1), means, 1.0)
        if not is_enough:
            return cls(biases), qualities

        def quality_with(i: int, keeps: NDArray[np.bool_]) -> float:
            return mask_quality(_largest(scores[i], biases, truths[i].shape, keeps), truths[i])

        features = np.stack([_features(item, biases) for item in scores])
        tables = ClassTables(features, is_kept, overlaps, is_there)
        signs = [[_sureness(item)] for item in scores]
        quality, qualities = PictureQuality.fit(tables, signs, qualities, quality_with, is_random)
        return cls(biases, quality), qualities

    def mask(self, scores: Tensor, size: Sequence[int]) -> tuple[_Mask, float]:
        """Class indices of a picture and the quality to expect.

        Parameters
        ----------
        scores : Tensor of shape (n_classes, h, w)
        size : (height, width)
        """
        features = _features(scores, self.biases)
        is_possible = features[:, _AREA] > _NO_AREA + 1e-9
        if self._quality is None:  # then what the scores themselves lead one to expect
            soft = features[is_possible, 0]
            return _largest(scores, self.biases, size), float(soft.mean()) if len(soft) else _sureness(scores)
        keeps, confidence = self._quality(features, is_possible, [_sureness(scores)])
        return _largest(scores, self.biases, size, keeps), confidence

    def as_dict(self) -> dict[str, Any]:
        """Numbers by name, for storage."""
        return {
            "biases": self.biases.tolist(),
            "quality": None if self._quality is None else self._quality.as_dict(),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> RegionRule:
        """What `as_dict` gave."""
        quality = content["quality"]
        return cls(
            np.asarray(content["biases"], np.float64),
            None if quality is None else PictureQuality.from_dict(quality),
        )


def best_biases(scores: Sequence[Tensor], truths: Sequence[_Mask]) -> NDArray[np.float64]:
    """The bias of each class with which the mean quality is greatest, found class by class.

    Parameters
    ----------
    scores : sequence of length n of Tensors of shape (n_classes, h, w)
        Of one size.
    truths : sequence of length n of ndarrays
        Looked at in the places of the scores only.

    Returns
    -------
    ndarray of shape (n_classes,)
    """
    height, width = scores[0].shape[1:]
    truth = np.stack(
        [
            np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)).ravel()
            for mask in truths
        ]
    )
    values = torch.stack([item.flatten(1) for item in scores]).float()  # (n, n_classes, places)
    n, n_classes = values.shape[:2]
    offsets = np.arange(n)[:, None] * n_classes**2 + truth

    def quality(predicted: NDArray[np.int64]) -> float:
        pairs = (offsets + predicted * n_classes).ravel()
        counts = np.bincount(pairs, minlength=n * n_classes**2).reshape(n, n_classes, n_classes)
        common = np.diagonal(counts, axis1=1, axis2=2)[:, 1:]
        union = counts.sum(axis=1)[:, 1:] + counts.sum(axis=2)[:, 1:] - common
        is_there = union > 0
        overlaps = np.where(is_there, common / np.maximum(union, 1), 0.0).sum(axis=1)
        return float(
            np.where(is_there.any(axis=1), overlaps / np.maximum(is_there.sum(axis=1), 1), 1.0).mean()
        )

    biases = np.zeros(n_classes)
    best = quality(values.argmax(dim=1).numpy())
    for class_id in [*range(1, n_classes), 0] * _ROUNDS:
        others = values + torch.from_numpy(biases).float().view(1, -1, 1)
        others[:, class_id] = -torch.inf
        most, second = others.max(dim=1)
        own = values[:, class_id]
        for bias in sorted(_BIASES, key=abs):
            if bias != biases[class_id]:
                found = quality(torch.where(own + bias > most, class_id, second).numpy())
                if found > best + _GAIN_LEAST:
                    best, biases[class_id] = found, bias
    return biases


_AREA, _NO_AREA = 2, -4.0


def _features(scores: Tensor, biases: NDArray[np.float64]) -> NDArray[np.float64]:
    """Signs of each class but the background (n_classes - 1, 5).

    The overlap that the probabilities lead one to expect, their mean in the class's region, the logarithms of
    the region's size and of the sum of probabilities as shares of the picture, the greatest probability.
    """
    flat = scores.flatten(1).float()
    shares = flat.softmax(dim=0)
    classes = (flat + torch.from_numpy(biases).float().view(-1, 1)).argmax(dim=0)
    n_classes, n_places = flat.shape
    own = shares.gather(0, classes[None])[0]
    area = torch.bincount(classes, minlength=n_classes).double() / n_places
    common = torch.bincount(classes, weights=own.double(), minlength=n_classes) / n_places
    total = shares.sum(dim=1).double() / n_places
    soft = common / (area + total - common).clamp(min=1e-9)
    signs = torch.stack(
        [
            soft,
            common / area.clamp(min=1e-9),
            (area + 10**_NO_AREA).log10(),
            (total + 10**_NO_AREA).log10(),
            shares.amax(dim=1).double(),
        ],
        dim=1,
    )
    return np.asarray(signs[1:].numpy())


def _sureness(scores: Tensor) -> float:
    return float(scores.float().softmax(dim=0).amax(dim=0).mean())


def _largest(
    scores: Tensor, biases: NDArray[np.float64], size: Sequence[int], keeps: NDArray[np.bool_] | None = None
) -> _Mask:
    """The class of the greatest score with its bias at each pixel; of those to keep and the background."""
    shifted = scores.float() + torch.from_numpy(biases).float().view(-1, 1, 1)
    if keeps is not None:
        allowed = np.flatnonzero(np.concatenate([[True], keeps]))
        shifted = shifted[torch.from_numpy(allowed)]
    large = functional.interpolate(shifted[None], size=tuple(size), mode="bilinear", align_corners=False)[0]
    classes = large.argmax(dim=0).numpy()
    return (classes if keeps is None else allowed[classes]).astype(np.uint8)
