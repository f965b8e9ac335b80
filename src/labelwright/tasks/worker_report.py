"""How good a worker seems to be, as task types say it."""

from __future__ import annotations

import dataclasses

__all__ = ["Measure", "WorkerReport"]


@dataclasses.dataclass(frozen=True, slots=True)
class Measure:
    """A share, 0 to 1, with the ends of its 95 % interval."""

    name: str
    value: float
    lower: float
    upper: float


@dataclasses.dataclass(frozen=True, slots=True)
class WorkerReport:
    """How good a worker seems to be.

    Attributes
    ----------
    worker : str
    n_objects : int
        Objects that this was seen at.
    measures : tuple of Measure
        The same ones, in the same order, for all workers of a job.
    remark : str
        What else stands out, in words.
    """

    worker: str
    n_objects: int
    measures: tuple[Measure, ...]
    remark: str = ""
