"""Real crowds with known truth, how a result is scored, and a large synthetic crowd.

A set is a folder with ``labels.csv.gz`` (``task,worker,label``, integers from 0) and ``truth.csv``
(``task,truth``; of some tasks only, where no more is known). The truth is used for scoring and nothing else.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

NAMES = ("bird", "dog", "web", "sp", "sp_amt", "zc_all", "zc_in", "zc_us", "senti_1k", "adult", "aws_birds")
DEFAULT_FOLDER = Path(__file__).parents[3] / "shared" / "data" / "truth-inference"


@dataclass(frozen=True)
class CrowdSet:
    """Answers as three columns, and ``truth`` with the rows (task, class)."""

    name: str
    tasks: npt.NDArray[np.int64]
    workers: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    truth: npt.NDArray[np.int64]

    @property
    def n_tasks(self) -> int:
        return int(max(self.tasks.max(), self.truth[:, 0].max())) + 1

    @property
    def n_classes(self) -> int:
        return int(max(self.labels.max(), self.truth[:, 1].max())) + 1


def load(folder: Path) -> list[CrowdSet]:
    """All sets that are there."""
    found = []
    for name in NAMES:
        path = folder / name / "labels.csv.gz"
        if not path.exists():
            continue
        with gzip.open(path, "rt") as file:
            answers = np.loadtxt(file, delimiter=",", skiprows=1, dtype=np.int64)
        truth = np.loadtxt(folder / name / "truth.csv", delimiter=",", skiprows=1, dtype=np.int64)
        found.append(CrowdSet(name, *answers.T, truth))
    return found


def groups(crowd: CrowdSet, size: int, n_tasks_max: int, *, n_earlier: int = 0) -> list[CrowdSet]:
    """Cut a sample of the tasks with a truth into groups, as a job consolidates them.

    Each has its own tasks first, which alone have a truth, and then up to ``n_earlier`` of the ones before.
    """
    order = np.random.default_rng(0).permutation(crowd.truth.shape[0])[:n_tasks_max]
    found = []
    for first in range(0, order.size - size + 1, size):
        own = crowd.truth[order[first : first + size]]
        before = crowd.truth[order[max(0, first - n_earlier) : first]]
        position = np.full(crowd.n_tasks, -1)
        position[own[:, 0]] = np.arange(size)
        position[before[:, 0]] = size + np.arange(len(before))
        is_in = position[crowd.tasks] >= 0
        columns = (position[crowd.tasks[is_in]], crowd.workers[is_in], crowd.labels[is_in])
        found.append(CrowdSet(crowd.name, *columns, np.column_stack([np.arange(size), own[:, 1]])))
    return found


def score(p: npt.NDArray[np.float64], truth: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Accuracy, classes of one probability sharing the credit, and log-loss with probabilities above 1e-6."""
    rows, classes = p[truth[:, 0]], truth[:, 1]
    is_best = rows >= rows.max(axis=1, keepdims=True) * (1 - 1e-9)
    each = np.arange(classes.size)
    accuracy = (is_best[each, classes] / is_best.sum(axis=1)).mean()
    return float(accuracy), float(-np.log(np.clip(rows[each, classes], 1e-6, 1)).mean())


def large_crowd(n_tasks: int, *, per_task: int = 5, n_classes: int = 10, n_workers: int = 1000) -> CrowdSet:
    """Workers of 40 to 95 % accuracy who each answer tasks drawn at random."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, n_classes, n_tasks)
    accuracy = rng.uniform(0.4, 0.95, n_workers)
    tasks = np.repeat(np.arange(n_tasks), per_task)
    workers = rng.integers(0, n_workers, tasks.size)
    is_right = rng.random(tasks.size) < accuracy[workers]
    other = (truth[tasks] + rng.integers(1, n_classes, tasks.size)) % n_classes
    labels = np.where(is_right, truth[tasks], other)
    return CrowdSet("large", tasks, workers, labels, np.column_stack([np.arange(n_tasks), truth]))
