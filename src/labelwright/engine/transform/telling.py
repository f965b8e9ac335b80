"""How a transform job is described, and the event that tells of each change of its status."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright.core.transform_job import Event, JobState
from labelwright.engine.transform import KIND
from labelwright.store import resource_events, transform_jobs
from labelwright.store.transform_jobs import TransformJobRow

__all__ = ["announce", "described", "transition"]


def described(job: TransformJobRow) -> dict[str, Any]:
    """The answer of DescribeTransformJob."""
    request: dict[str, Any] = orjson.loads(job.request)
    answer = request | {
        "TransformJobName": job.name,
        "TransformJobArn": job.arn,
        "TransformJobStatus": job.status,
        "CreationTime": job.created_at,
    }
    optional = {
        "FailureReason": job.failure_reason,
        "TransformStartTime": job.started_at,
        "TransformEndTime": job.ended_at,
    }
    return answer | {key: value for key, value in optional.items() if value is not None}


def transition(connection: Connection, job_id: int, event: Event) -> JobState:
    """Run an event through the status machine, keep what comes out, and tell when the status is another.

    Raises
    ------
    InvalidRequest, IllegalTransition
        See `labelwright.core.transform_job.apply`.
    NotFound
        When there is no such job.
    """
    before = transform_jobs.get(connection, job_id)
    state = transform_jobs.transition(connection, job_id, event)
    if before is not None and before.status != state.status:
        announce(connection, job_id, at=event.at)
    return state


def announce(connection: Connection, job_id: int, *, at: float) -> None:
    """Tell how a job is now, in the transaction that changed it."""
    row = transform_jobs.get(connection, job_id)
    if row is None:
        return
    resource_events.add(
        connection, kind=KIND, region=row.region, name=row.name, arn=row.arn, at=at, detail=described(row)
    )
