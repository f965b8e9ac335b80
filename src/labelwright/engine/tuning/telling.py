"""The event that tells how a tuning job is."""

from __future__ import annotations

import orjson
from sqlalchemy.engine import Connection

from labelwright.engine.tuning import KIND
from labelwright.engine.tuning.describing import described
from labelwright.engine.tuning.plans import plan_of
from labelwright.store import resource_events, tuning_jobs

__all__ = ["announce"]


def announce(connection: Connection, job_id: int, *, at: float) -> None:
    """Tell how a tuning job is now, in the transaction that changed it."""
    row = tuning_jobs.get(connection, job_id)
    if row is None:
        return
    plan = plan_of(orjson.loads(row.request))
    detail = described(row, plan, tuning_jobs.trials(connection, job_id), (), now=at)
    resource_events.add(
        connection, kind=KIND, region=row.region, name=row.name, arn=row.arn, at=at, detail=detail
    )
