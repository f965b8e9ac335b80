"""Who reads what, and in which order: pure arithmetic on indices.

An epoch visits ``n`` units (objects, or lines of a manifest) in an order that depends on the seed and the
epoch alone. Places in that order are dealt out: to hosts, to ranks of a distributed job, and in blocks to the
workers of a loader. Everything is a range, so that to resume is to begin at a later number.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Evenness", "blocks_of_worker", "epoch_order", "places_of_rank"]

Evenness = Literal["exact", "drop"]
"""Whether ranks get every unit exactly once, or as many as each other (at most ``n_ranks - 1`` left out)."""


def epoch_order(n: int, seed: int | None, epoch: int) -> NDArray[np.uint32] | range:
    """The order of an epoch.

    Parameters
    ----------
    n : int
        Units, below 2**32.
    seed : int or None
        None keeps the order.
    epoch : int
        Not negative.

    Returns
    -------
    ndarray of shape (n,), uint32, or range
        Unit at each place. 4 bytes a unit; 24 while it is made.

    Notes
    -----
    Units are sorted by ``mix(key + i)`` where ``mix`` is the finaliser of SplitMix64 (Steele, Lea and Flood
    2014, doi:10.1145/2660193.2660195) and ``key`` comes from ``random.Random`` of seed and epoch. As ``mix``
    is a bijection there are no ties; and unlike numpy's shuffles the result is the same in every version.
    """
    if seed is None:
        return range(n)
    key = random.Random(f"{seed}/{epoch}").getrandbits(64)  # noqa: S311 - an order, not a secret
    x = np.arange(n, dtype=np.uint64) + np.uint64(key)  # wraps around, as it should
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return np.argsort(x).astype(np.uint32)


def places_of_rank(
    n: int, rank: int = 0, n_ranks: int = 1, *, start: int = 0, evenness: Evenness = "exact"
) -> range:
    """Places in the order that one of ``n_ranks`` readers visits.

    Parameters
    ----------
    n : int
    rank : int
        0 to ``n_ranks - 1``.
    n_ranks : int
    start : int
        Places below it are done, by all ranks together.
    evenness : Evenness

    Returns
    -------
    range

    Raises
    ------
    ValueError
        There is no such rank, or ``start`` is negative.

    Examples
    --------
    >>> [list(places_of_rank(7, rank, 3)) for rank in range(3)]
    [[0, 3, 6], [1, 4], [2, 5]]
    >>> list(places_of_rank(7, 0, 3, evenness="drop"))
    [0, 3]
    """
    if not 0 <= rank < n_ranks:
        raise ValueError(f"rank {rank} of {n_ranks} does not exist: ranks are 0 to {n_ranks - 1}")
    if start < 0:
        raise ValueError(f"start is {start}; it counts places and is not negative")
    stop = n if evenness == "exact" else n - max(0, n - start) % n_ranks
    return range(min(start + rank, stop), stop, n_ranks) if start + rank < stop else range(0)


def blocks_of_worker(places: range, size: int, worker: int = 0, n_workers: int = 1) -> Iterator[range]:
    """Every ``n_workers``-th block of ``size`` places, the last of which may be shorter.

    A loader that takes one block from each worker in turn sees ``places`` in order, however many workers
    there are.

    Examples
    --------
    >>> [list(block) for block in blocks_of_worker(range(0, 14, 2), 2, 1, 2)]
    [[4, 6], [12]]
    """
    for first in range(worker * size, len(places), n_workers * size):
        yield places[first : first + size]
