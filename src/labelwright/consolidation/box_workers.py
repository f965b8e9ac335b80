"""What the boxes of each worker tell about them, once it is known what shows an object.

Recall is a share of the objects that a worker could have drawn, precision one of the boxes that the worker
drew. Whether a box or a cluster of boxes shows an object is known as a probability ``p`` only. With ``d = 1``
where the worker drew a cluster and 0 where not, and ``r`` the share itself, the hits and their variance are
``sum of d p`` and ``sum of p (1 - p) (d - r)**2`` for recall, ``sum of p`` and ``sum of p (1 - p)`` over the
boxes drawn for precision. Intervals follow as for classes (:mod:`labelwright.consolidation.workers`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.consolidation.workers import share_intervals

__all__ = ["BoxWorker", "shares_of_workers"]

_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]
_Shares = tuple[_Floats, _Floats, _Floats]


@dataclass(frozen=True, slots=True)
class BoxWorker:
    """What the boxes of one worker tell about them.

    Attributes
    ----------
    recall : float
        Share of the objects that the worker drew.
    precision : float
        Share of the worker's boxes that show an object.
    label_accuracy : float
        Share of the worker's boxes on objects that have the right label.
    spread : float
        Typical error of a side, as a share of the box's width or height.
    n_boxes : int
    recall_interval, precision_interval : tuple of float, float
        95 % credible intervals.
    """

    recall: float
    precision: float
    label_accuracy: float
    spread: float
    n_boxes: int
    recall_interval: tuple[float, float]
    precision_interval: tuple[float, float]


def shares_of_workers(
    exists: _Floats, *, drawn: tuple[_Ints, _Ints], seats: tuple[_Ints, _Ints], n_workers: int
) -> tuple[_Shares, _Shares]:
    """Recall and precision of every worker, each as mean, lower and upper end of its interval.

    Parameters
    ----------
    exists : ndarray of shape (n_clusters,), float64
        Probability that a cluster of boxes shows an object.
    drawn : tuple of two ndarrays of shape (n_boxes,), int64
        Worker and cluster of every box; a worker has one box in a cluster at most.
    seats : tuple of two ndarrays of shape (n_seats,), int64
        Worker and cluster wherever a worker could have drawn it.
    n_workers : int
    """

    def per_worker(workers: _Ints, values: _Floats) -> _Floats:
        sums = np.bincount(workers, weights=values, minlength=n_workers)
        return np.asarray(sums, dtype=np.float64)

    unsure = exists * (1 - exists)
    worker, cluster = drawn
    seat_worker, seat_cluster = seats
    n_boxes = np.bincount(worker, minlength=n_workers).astype(np.float64)
    hits = per_worker(worker, exists[cluster])
    precision = share_intervals(hits, n_boxes, per_worker(worker, unsure[cluster]))
    could = per_worker(seat_worker, exists[seat_cluster])
    share = hits / np.maximum(could, 1e-9)
    # (d - r)^2 is r^2 for every seat, and 1 - 2 r more where the worker drew.
    variance = share**2 * per_worker(seat_worker, unsure[seat_cluster])
    variance += (1 - 2 * share) * per_worker(worker, unsure[cluster])
    return share_intervals(hits, could, np.maximum(variance, 0.0)), precision
