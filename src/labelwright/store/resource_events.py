"""Changes of training jobs, tuning jobs and the like, for whoever reads the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.store.event_tables import OutboxKind, outbox, resource_events

__all__ = ["add"]


def add(
    connection: Connection,
    *,
    kind: str,
    region: str,
    name: str,
    arn: str,
    at: float,
    detail: Mapping[str, Any],
) -> None:
    """Tell that a resource has changed, in the transaction that changes it.

    Parameters
    ----------
    kind : str
        ``training-job``, ``tuning-job``, ``transform-job`` or ``endpoint``; `labelwright.events.shapes` knows
        what the event is called.
    name, arn : str
    at : float
        Epoch seconds.
    detail : Mapping
        What the event says: the answer of the Describe operation, its times in epoch seconds.
    """
    event_id = connection.execute(
        sa.insert(resource_events).returning(resource_events.c.id),
        {
            "kind": kind,
            "region": region,
            "name": name,
            "arn": arn,
            "detail": orjson.dumps(_in_milliseconds(detail)).decode(),
        },
    ).scalar_one()
    # Labeling jobs are numbered from 1, so 0 is nobody's.
    row = {"job_id": 0, "kind": int(OutboxKind.RESOURCE), "at": at, "job_event_id": event_id}
    connection.execute(sa.insert(outbox), row)


def _in_milliseconds(value: Any, key: str = "") -> Any:
    """Times in whole milliseconds, as such events have them."""
    if isinstance(value, Mapping):
        return {name: _in_milliseconds(member, name) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_in_milliseconds(member) for member in value]
    is_time = key.endswith(("Time", "Timestamp")) and isinstance(value, int | float)
    return round(value * 1000) if is_time else value
