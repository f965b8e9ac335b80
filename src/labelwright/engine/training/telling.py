"""Changes of a training job, and the event that tells of each, in one transaction."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from labelwright.core.training_job import Event, JobState
from labelwright.engine.training import KIND
from labelwright.engine.training.describing import described
from labelwright.store import metric_points, resource_events, training_jobs

__all__ = ["announce", "transition"]


def transition(connection: Connection, job_id: int, *events: Event) -> JobState:
    """Run events through the status machine, keep what comes out, and tell of every new secondary status.

    Raises
    ------
    IllegalTransition
        For a request to stop a job that has ended.
    """
    state = None
    for event in events:
        before = training_jobs.get(connection, job_id)
        state = training_jobs.transition(connection, job_id, event)
        if before is not None and before.secondary != state.secondary:
            announce(connection, job_id, at=event.at)
    return training_jobs.transition(connection, job_id) if state is None else state


def announce(connection: Connection, job_id: int, *, at: float) -> None:
    """Tell how a job is now."""
    row = training_jobs.get(connection, job_id)
    if row is None:
        return
    detail = described(
        row,
        training_jobs.transitions(connection, job_id),
        metric_points.last_values(connection, KIND, job_id),
    )
    resource_events.add(
        connection, kind=KIND, region=row.region, name=row.name, arn=row.arn, at=at, detail=detail
    )
