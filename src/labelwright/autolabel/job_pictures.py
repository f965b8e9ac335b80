"""What box and mask models share: pictures by reference, training with a time limit, a holdout."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_reading import open_reader
from labelwright.core.limits import IMAGE_FORMATS
from labelwright.errors import BlobNotFound, InvalidRequest

__all__ = ["PICTURES_MIN", "Pictures", "split_holdout"]

PICTURES_MIN = 10
"""Fewer labeled pictures are no training set."""

_HOLDOUT_SHARE = 0.2
_HOLDOUT_MAX = 200


class Pictures:
    """Reads pictures and mask files of a job.

    Parameters
    ----------
    content : Mapping
        The program's input.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._reader = open_reader(Path(content["data_dir"]), content["object_store"])

    def bytes_of(self, uri: str) -> bytes | None:
        """A file; None when it cannot be read."""
        try:
            return self._reader.read(uri)
        except (BlobNotFound, InvalidRequest):
            return None

    def pixels(self, line: Mapping[str, Any]) -> NDArray[np.uint8] | None:
        """RGB pixels (height, width, 3) of a line's picture as stored; None when it cannot be read."""
        from PIL import Image, UnidentifiedImageError

        content = self.bytes_of(str(line.get("source-ref") or line.get("source") or ""))
        if content is None:
            return None
        try:
            with Image.open(io.BytesIO(content), formats=IMAGE_FORMATS) as picture:
                return np.asarray(picture.convert("RGB"))
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
            return None


def split_holdout(
    objects: Objects,
    *,
    seed: int,
    is_random: NDArray[np.bool_] | None = None,
    held_before: Collection[int] = (),
    learned_before: Collection[int] = (),
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions to train on and to hold out (a fifth, at most 200), in random order.

    Parameters
    ----------
    objects : Objects
    seed : int
    is_random : ndarray of shape (n,), bool, optional
        Those that were drawn at random are held out first: what the model asked for is harder than the rest
        and would make it look worse than it is.
    held_before, learned_before : collection of int, optional
        Numbers of the objects that were held out from the model that learning goes on from, and of those that
        it was trained on. The former stay held out, and the latter are never held out: what a model has
        learned by heart says nothing about what it knows.

    Raises
    ------
    InvalidRequest
        For fewer than `PICTURES_MIN` objects.
    """
    n = len(objects)
    if n < PICTURES_MIN:
        raise InvalidRequest(
            f"{n} labeled pictures are too few to train from; at least {PICTURES_MIN} are needed.",
            field="training",
        )
    order = np.random.default_rng([seed, 5]).permutation(n)
    if is_random is not None:
        order = order[np.argsort(~is_random[order], kind="stable")]
    was_held = np.isin(objects.ids, np.array(sorted(held_before), np.int64))
    is_learned = np.isin(objects.ids, np.array(sorted(learned_before), np.int64)) & ~was_held
    order = order[np.argsort(np.where(was_held, 0, np.where(is_learned, 2, 1))[order], kind="stable")]
    n_held = min(_HOLDOUT_MAX, max(2, int(n * _HOLDOUT_SHARE)))
    if not is_learned.all():
        n_held = min(n_held, n - int(is_learned.sum()))
    held, kept = order[:n_held], order[n_held:]
    return np.random.default_rng([seed, 6]).permutation(kept), held
