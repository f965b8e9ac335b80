"""Which unlabeled objects people should see next: mostly the unsure ones, and a few drawn at random.

The random ones look dull and are not. A model is surest where it has never been corrected; whole groups of
objects can hide there. And only objects drawn at random tell how often a sure model is wrong.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["RANDOM_SHARE", "choose_queries", "random_count"]

RANDOM_SHARE = 0.1
"""Share of every batch of questions that is drawn at random."""


def random_count(n: int) -> int:
    """How many of `n` chosen objects are random ones: they come last.

    Examples
    --------
    >>> random_count(200), random_count(5), random_count(0)
    (20, 1, 0)
    """
    return math.ceil(n * RANDOM_SHARE)


def choose_queries(probabilities: ArrayLike, x: Any, n: int, *, seed: int) -> NDArray[np.int64]:
    """The least sure objects, then a random share of the others.

    Parameters
    ----------
    probabilities : array-like of shape (n_rest, n_classes) or (n_rest,)
        The model's for *every* unlabeled object, or one number each that grows with certainty.
    x : object
        Embedded features; not looked at today, see Notes.
    n : int
        Objects wanted; at most ``n_rest`` are chosen.
    seed : int
        Of the job and the round; the same one gives the same objects.

    Returns
    -------
    ndarray of shape (min(n, n_rest),), int64
        Positions in the remainder, least sure first; the last ``random_count(n)`` are random, unless all
        are chosen.

    Notes
    -----
    Margin sampling (T. Scheffer, C. Decomain, S. Wrobel, "Active hidden Markov models for information
    extraction", IDA 2001) with exploration. A certified job ends when *everything* left is sure enough,
    so the objects of smallest margin would go to people in the end anyway: asking for them early costs
    nothing and teaches most.

    Examples
    --------
    >>> choose_queries([0.9, 0.1, 0.5, 0.3], None, 3, seed=0).tolist()[:2]
    [1, 3]
    """
    values = np.asarray(probabilities, np.float64)
    if values.ndim == 2:
        top = np.sort(values, axis=1)[:, -2:]
        values = top[:, -1] - top[:, 0] if values.shape[1] > 1 else values[:, 0]
    n = max(0, min(n, len(values)))
    order = np.argsort(values, kind="stable")
    if n == len(values):
        return order.astype(np.int64)
    n_unsure = n - random_count(n)
    random = np.random.default_rng([seed, 5]).choice(order[n_unsure:], n - n_unsure, replace=False)
    return np.concatenate([order[:n_unsure], random]).astype(np.int64)
