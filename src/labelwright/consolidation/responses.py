"""Answers of a crowd as integer arrays: the one input of all class algorithms.

Answers are triples (task, worker, label), sorted by task, with an index of where each task begins, as in a
compressed sparse row matrix. Names are mapped in once and out once, so that the kernels see integers only.

A worker who answers one task twice
-----------------------------------
An exact repetition says nothing new and counts once. Answers of one worker to one task that contradict each
other all stay, each as an answer of its own: they weigh against each other, whatever their order.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Responses"]

_Ints = npt.NDArray[np.int32]
_MAX = np.iinfo(np.int32).max
_FEW = 16


@dataclass(frozen=True, slots=True, eq=False)
class Responses:
    """Answers in compact form; make one with :meth:`from_arrays`, :meth:`from_names` or :meth:`from_votes`.

    Attributes
    ----------
    starts : ndarray of shape (n_tasks + 1,), int64
        The answers of task ``i`` are those from ``starts[i]`` to ``starts[i + 1]``. A task may have none.
    workers, labels : ndarray of shape (n_answers,), int32
        Who answered, and which class.
    n_workers, n_classes : int
    task_names, worker_names, label_names : sequence
        What the numbers stand for; the numbers themselves where no names were given.

    Examples
    --------
    >>> crowd = Responses.from_names(["x", "x", "y"], ["ann", "bob", "ann"], ["cat", "dog", "dog"])
    >>> crowd.n_tasks, crowd.n_workers, crowd.n_classes, crowd.n_answers
    (2, 2, 2, 3)
    >>> crowd.label_names[crowd.labels[1]]
    'dog'
    """

    starts: npt.NDArray[np.int64]
    workers: _Ints
    labels: _Ints
    n_workers: int
    n_classes: int
    task_names: Sequence[Any]
    worker_names: Sequence[Any]
    label_names: Sequence[Any]

    @property
    def n_tasks(self) -> int:
        """Number of tasks, also those without answers."""
        return int(self.starts.size - 1)

    @property
    def n_answers(self) -> int:
        """Number of answers, exact repetitions counted once."""
        return int(self.labels.size)

    @property
    def n_per_task(self) -> npt.NDArray[np.int64]:
        """Answers of each task: ndarray of shape (n_tasks,)."""
        return np.diff(self.starts)

    @property
    def tasks(self) -> _Ints:
        """Task of each answer, ascending: ndarray of shape (n_answers,), int32, made when asked for."""
        return np.repeat(np.arange(self.n_tasks, dtype=np.int32), self.n_per_task)

    @classmethod
    def from_arrays(
        cls,
        tasks: npt.ArrayLike,
        workers: npt.ArrayLike,
        labels: npt.ArrayLike,
        *,
        n_tasks: int | None = None,
        n_workers: int | None = None,
        n_classes: int | None = None,
    ) -> Responses:
        """Build from integers counted from 0.

        Parameters
        ----------
        tasks, workers, labels : array_like of shape (n_answers,), integer
            Answer ``k`` is class ``labels[k]`` by ``workers[k]`` on ``tasks[k]``, in any order.
        n_tasks, n_workers, n_classes : int, optional
            One more than the largest number where not given.

        Raises
        ------
        ValueError
            Arrays of different lengths or not of integers, or a number outside its range.
        """
        t, n_tasks = _column("tasks", tasks, n_tasks)
        w, n_workers = _column("workers", workers, n_workers)
        c, n_classes = _column("labels", labels, n_classes)
        if not t.size == w.size == c.size:
            raise ValueError(
                f"tasks, workers and labels must have one length, got {t.size}, {w.size} and {c.size}"
            )
        if t.size > 1 and (t[1:] < t[:-1]).any():
            order = np.argsort(t, kind="stable")
            t, w, c = t[order], w[order], c[order]
        starts = np.zeros(n_tasks + 1, dtype=np.int64)
        np.cumsum(np.bincount(t, minlength=n_tasks), out=starts[1:])
        is_repeated = _repetitions(starts, t, w, c, n_classes)
        if is_repeated is not None:
            keep = ~is_repeated
            t, w, c = t[keep], w[keep], c[keep]
            np.cumsum(np.bincount(t, minlength=n_tasks), out=starts[1:])
        return cls(
            starts, w, c, n_workers, n_classes, range(n_tasks), range(n_workers), range(n_classes)
        )  # fmt: skip

    @classmethod
    def from_names(
        cls,
        tasks: Iterable[Hashable],
        workers: Iterable[Hashable],
        labels: Iterable[Hashable],
        *,
        label_names: Sequence[Hashable] | None = None,
    ) -> Responses:
        """Build from names of any kind, numbered in the order in which they first appear.

        Parameters
        ----------
        tasks, workers, labels : iterables of one length
        label_names : sequence, optional
            All classes in their order, also those nobody chose; needed where ties shall go to the first of
            them.

        Raises
        ------
        ValueError
            Columns of different lengths, a label that is not in ``label_names``, or a name that is None or
            NaN: what tables have where a value is missing.
        """
        t, task_names = _coded(tasks, "task")
        w, worker_names = _coded(workers, "worker")
        if label_names is None:
            c, names = _coded(labels, "label")
        else:
            names = list(label_names)
            index = {name: i for i, name in enumerate(names)}
            wanted = list(labels)
            for label in wanted:
                if label not in index:
                    raise ValueError(f"label {label!r} is none of the {len(names)} label names")
            c = np.array([index[label] for label in wanted], dtype=np.int64)
        found = cls.from_arrays(
            t, w, c, n_tasks=len(task_names), n_workers=len(worker_names), n_classes=len(names)
        )
        return cls(
            found.starts, found.workers, found.labels, found.n_workers, found.n_classes,
            task_names, worker_names, names,
        )  # fmt: skip

    @classmethod
    def from_votes(cls, votes: Sequence[Sequence[tuple[str, int]]], n_classes: int) -> Responses:
        """Build from the answers of each task, ``(worker name, class index)``; a task may have none.

        Raises
        ------
        ValueError
            A class index outside ``0 .. n_classes - 1``.

        Examples
        --------
        >>> Responses.from_votes([[("ann", 0), ("bob", 1)], []], 2).n_per_task.tolist()
        [2, 0]
        """
        w, worker_names = _coded((worker for answers in votes for worker, _ in answers), "worker")
        c = np.array([label for answers in votes for _, label in answers], dtype=np.int64)
        t = np.repeat(np.arange(len(votes)), [len(answers) for answers in votes])
        found = cls.from_arrays(
            t, w, c, n_tasks=len(votes), n_workers=len(worker_names), n_classes=n_classes
        )  # fmt: skip
        return cls(
            found.starts, found.workers, found.labels, found.n_workers, n_classes,
            found.task_names, worker_names, found.label_names,
        )  # fmt: skip


def _column(name: str, values: npt.ArrayLike, n: int | None) -> tuple[_Ints, int]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got the shape {array.shape}")
    if array.size == 0:
        return np.empty(0, dtype=np.int32), 0 if n is None else n
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, got {array.dtype}; names go through from_names")
    low, high = int(array.min()), int(array.max())
    if n is None:
        n = high + 1
    if low < 0 or high >= n or n > _MAX:
        raise ValueError(f"{name} must be within 0..{min(n, _MAX) - 1}, got {low}..{high}")
    return np.ascontiguousarray(array, dtype=np.int32), n


def _coded(values: Iterable[Hashable], what: str) -> tuple[npt.NDArray[np.int64], list[Hashable]]:
    index: dict[Hashable, int] = {}
    codes = np.array([index.setdefault(value, len(index)) for value in values], dtype=np.int64)
    for value, code in index.items():
        if value is None or value != value:
            raise ValueError(f"{what} {int(np.argmax(codes == code))} is {value}: the value is missing")
    return codes, list(index)


def _repetitions(
    starts: npt.NDArray[np.int64], t: _Ints, w: _Ints, c: _Ints, n_classes: int
) -> npt.NDArray[np.bool_] | None:
    """Which answers repeat an earlier one of the same worker and task; None when there are none."""
    n_per_task = np.diff(starts)
    if t.size == 0 or n_per_task.max() < 2:
        return None
    seen: npt.NDArray[np.int64] | slice = slice(None)  # answers among which there may be repetitions
    if n_per_task.min() == n_per_task.max() <= _FEW:
        # Comparing everyone with everyone is far cheaper than sorting while they are few.
        n = int(n_per_task[0])
        columns = np.ascontiguousarray(w.reshape(-1, n).T)
        is_suspect = np.zeros(columns.shape[1], dtype=np.bool_)
        for one, other in itertools.combinations(columns, 2):
            is_suspect |= one == other
        seen = np.flatnonzero(np.repeat(is_suspect, n))
    pair = w[seen].astype(np.int64) * n_classes + c[seen]
    task = t[seen]
    order = np.lexsort((pair, task))  # stable: the first of equal answers comes first
    is_same = (pair[order[1:]] == pair[order[:-1]]) & (task[order[1:]] == task[order[:-1]])
    if not is_same.any():
        return None
    repeated = np.zeros(t.size, dtype=np.bool_)
    positions = order[1:][is_same]
    repeated[positions if isinstance(seen, slice) else seen[positions]] = True
    return repeated
