"""Requests of InvokeEndpointAsync that are not answered yet."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.store.endpoint_tables import async_invocations, endpoints

__all__ = ["AsyncRequest", "AsyncRow", "add", "count_attempt", "delete", "pending"]

_t = async_invocations


@dataclasses.dataclass(frozen=True, slots=True)
class AsyncRequest:
    """What was asked.

    Attributes
    ----------
    inference_id : str
    input_uri, output_uri, failure_uri : str
        Where the body is, where the answer goes, and where a failure is told; the last may be empty.
    content_type, accept, custom_attributes : str
        Headers; empty when they were not given.
    timeout_s : float
        For the model's answer.
    """

    inference_id: str
    input_uri: str
    output_uri: str
    failure_uri: str
    content_type: str
    accept: str
    custom_attributes: str
    timeout_s: float


@dataclasses.dataclass(frozen=True, slots=True)
class AsyncRow:
    """One row of ``async_invocations``; the columns are described with the table."""

    id: int
    region: str
    endpoint: str
    request: str
    created_at: float
    expires_at: float
    n_attempts: int

    @property
    def asked(self) -> AsyncRequest:
        """What was asked."""
        values: dict[str, Any] = orjson.loads(self.request)
        return AsyncRequest(**values)


_SELECT = sa.select(*(_t.c[field.name] for field in dataclasses.fields(AsyncRow)))


def add(
    connection: Connection,
    *,
    endpoint_id: int,
    region: str,
    endpoint: str,
    request: AsyncRequest,
    now: float,
    expires_at: float,
) -> None:
    """Accept a request."""
    row = {
        "endpoint_id": endpoint_id,
        "region": region,
        "endpoint": endpoint,
        "request": orjson.dumps(dataclasses.asdict(request)).decode(),
        "created_at": now,
        "expires_at": expires_at,
    }
    connection.execute(sa.insert(_t), row)


def pending(connection: Connection, *, besides: Collection[int], limit: int) -> list[AsyncRow]:
    """Requests that nobody works on: of each endpoint the oldest few, so that none waits for another's queue.

    Parameters
    ----------
    besides : collection of int
        Those that somebody works on; a few.
    limit : int
        For each endpoint.
    """
    has_some = sa.exists().where(_t.c.endpoint_id == endpoints.c.id)
    found: list[AsyncRow] = []
    for key in connection.execute(sa.select(endpoints.c.id).where(has_some)).scalars().all():
        own = _SELECT.where(_t.c.endpoint_id == key, _t.c.id.not_in(list(besides)))
        found += [AsyncRow(*row) for row in connection.execute(own.order_by(_t.c.id).limit(limit))]
    return sorted(found, key=lambda row: row.id)


def count_attempt(connection: Connection, row_id: int) -> None:
    """Note that a request is sent to a model once more."""
    connection.execute(sa.update(_t).where(_t.c.id == row_id).values(n_attempts=_t.c.n_attempts + 1))


def delete(connection: Connection, row_id: int) -> None:
    """Forget a request that is answered."""
    connection.execute(sa.delete(_t).where(_t.c.id == row_id))
