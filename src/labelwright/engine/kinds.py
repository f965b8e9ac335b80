"""Every kind of row that the supervisor looks after; one line each."""

from __future__ import annotations

from labelwright.engine.hosting import EndpointKind, Routes
from labelwright.engine.supervisor import Kind
from labelwright.engine.training.kind import TrainingJobs
from labelwright.engine.transform.kind import TransformJobs
from labelwright.engine.tuning.kind import TuningJobs

__all__ = ["all_kinds"]


def all_kinds(routes: Routes) -> list[Kind]:
    """The kinds, in the order in which they are looked at.

    Parameters
    ----------
    routes : Routes
        Where endpoints say which processes answer for them.
    """
    return [
        TrainingJobs(),
        TransformJobs(),
        TuningJobs(),
        EndpointKind(routes),
    ]
