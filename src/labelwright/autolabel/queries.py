"""Which unlabeled objects people should see next so that the model learns most."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, NDArray

__all__ = ["choose_queries"]


def choose_queries(probabilities: ArrayLike, x: Any, n: int, *, seed: int) -> NDArray[Any]:
    """Unsure, but not all alike.

    Parameters
    ----------
    probabilities : array-like of shape (n_rest, n_classes)
        The model's for every unlabeled object.
    x : ndarray or sparse matrix of shape (n_rest, n_features), or None
        Embedded features, for diversity; None queries by margin alone.
    n : int
        Objects wanted; at most ``n_rest`` are returned.
    seed : int

    Returns
    -------
    ndarray of shape (min(n, n_rest),), int
        Positions in `probabilities`, least sure first.
    """
    raise NotImplementedError
