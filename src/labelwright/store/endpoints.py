"""Endpoints: their state with what serves and what is to serve."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core.endpoint import Deployment, EndpointState, Event, Status, apply
from labelwright.store.endpoint_tables import endpoints

__all__ = [
    "EndpointRow",
    "add",
    "all_ids",
    "all_of_region",
    "change",
    "delete",
    "get",
    "named",
    "newest",
    "state_of",
]

_t = endpoints
_REASON_CHARS_MAX = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class EndpointRow:
    """One row of ``endpoints``; the columns are described with the table."""

    id: int
    region: str
    name: str
    arn: str
    status: str
    created_at: float
    modified_at: float
    failure_reason: str | None
    n_deployments: int
    deployment: str | None
    pending: str | None
    deployment_config: str | None


_SELECT = sa.select(*(_t.c[field.name] for field in dataclasses.fields(EndpointRow)))


def add(
    connection: Connection,
    *,
    region: str,
    name: str,
    arn: str,
    pending: Deployment,
    deployment_config: Mapping[str, Any] | None,
    now: float,
) -> int:
    """Add an endpoint whose name is free; its key."""
    row = {
        "region": region,
        "name": name,
        "name_lower": name.lower(),
        "arn": arn,
        "status": Status.CREATING.value,
        "created_at": now,
        "modified_at": now,
        "n_deployments": pending.number,
        "pending": _text(pending),
        "deployment_config": None if deployment_config is None else orjson.dumps(deployment_config).decode(),
    }
    key = connection.execute(sa.insert(_t).returning(_t.c.id), row).scalar_one()
    return int(key)


def get(connection: Connection, key: int) -> EndpointRow | None:
    """An endpoint by its key."""
    row = connection.execute(_SELECT.where(_t.c.id == key)).first()
    return None if row is None else EndpointRow(*row)


def named(connection: Connection, region: str, name: str) -> EndpointRow | None:
    """An endpoint by its name, compared without case."""
    query = _SELECT.where(_t.c.region == region, _t.c.name_lower == name.lower())
    row = connection.execute(query).first()
    return None if row is None else EndpointRow(*row)


def all_of_region(connection: Connection, region: str) -> list[EndpointRow]:
    """Every endpoint of a region, oldest first."""
    query = _SELECT.where(_t.c.region == region).order_by(_t.c.created_at, _t.c.id)
    return [EndpointRow(*row) for row in connection.execute(query)]


def newest(connection: Connection, *, limit: int) -> list[EndpointRow]:
    """The endpoints of all regions, newest first."""
    query = _SELECT.order_by(_t.c.created_at.desc(), _t.c.id.desc()).limit(limit)
    return [EndpointRow(*row) for row in connection.execute(query)]


def all_ids(connection: Connection) -> Sequence[int]:
    """Keys of all endpoints; even one that has failed may have left a process."""
    return list(connection.execute(sa.select(_t.c.id).order_by(_t.c.id)).scalars())


def state_of(row: EndpointRow) -> EndpointState:
    """A row as the state machine knows it."""
    return EndpointState(
        Status(row.status), _deployment(row.deployment), _deployment(row.pending), row.failure_reason
    )


def change(
    connection: Connection,
    row: EndpointRow,
    event: Event,
    *,
    now: float,
    deployment_config: Mapping[str, Any] | None = None,
) -> EndpointState:
    """Apply an event to an endpoint that was read in this transaction; its new state.

    Raises
    ------
    IllegalTransition
    """
    state = apply(state_of(row), event)
    values: dict[str, Any] = {
        "status": state.status.value,
        "modified_at": now,
        "failure_reason": None if state.failure_reason is None else state.failure_reason[:_REASON_CHARS_MAX],
        "deployment": _text(state.deployment),
        "pending": _text(state.pending),
        "n_deployments": max(row.n_deployments, state.pending.number if state.pending else 0),
    }
    if deployment_config is not None:
        values["deployment_config"] = orjson.dumps(deployment_config).decode()
    connection.execute(sa.update(_t).where(_t.c.id == row.id).values(**values))
    return state


def delete(connection: Connection, key: int) -> None:
    """Remove the row of an endpoint whose processes are gone."""
    connection.execute(sa.delete(_t).where(_t.c.id == key))


def _text(deployment: Deployment | None) -> str | None:
    return None if deployment is None else orjson.dumps(deployment.as_dict()).decode()


def _deployment(text: str | None) -> Deployment | None:
    return None if text is None else Deployment.from_dict(orjson.loads(text))
