"""Metrics of training jobs and the like: series of values, and the last value of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.store.metric_tables import metric_last, metric_points

__all__ = ["LastValue", "Point", "add_points", "delete_points", "last_values", "listing", "names", "series"]

_ROWS_AT_ONCE = 5000


class Point(NamedTuple):
    """A value and when it was reported, epoch seconds."""

    at: float
    value: float


class LastValue(NamedTuple):
    """The last value of a series."""

    name: str
    value: float
    at: float


def add_points(
    connection: Connection,
    resource_kind: str,
    resource_id: int,
    points: Iterable[tuple[str, float, float]],
) -> int:
    """Append values; what is no finite number is left out.

    Parameters
    ----------
    resource_kind : str
        ``training-job``, ``endpoint`` ...
    resource_id : int
        Its row in the table of its kind.
    points : iterable of (name, value, at)
        In the order in which they were reported; ``at`` in epoch seconds.

    Returns
    -------
    int
        How many were added.
    """
    key = {"resource_kind": resource_kind, "resource_id": resource_id}
    rows = [
        {**key, "name": name, "value": float(value), "at": float(at)}
        for name, value, at in points
        if math.isfinite(value) and math.isfinite(at)
    ]
    for i in range(0, len(rows), _ROWS_AT_ONCE):
        connection.execute(sa.insert(metric_points), rows[i : i + _ROWS_AT_ONCE])
    for row in {row["name"]: row for row in rows}.values():
        _set_last(connection, row)
    return len(rows)


def _set_last(connection: Connection, row: dict[str, object]) -> None:
    t = metric_last
    same = sa.and_(*(t.c[column] == row[column] for column in ("resource_kind", "resource_id", "name")))
    if not connection.execute(sa.update(t).where(same).values(value=row["value"], at=row["at"])).rowcount:
        connection.execute(sa.insert(t), row)


def last_values(connection: Connection, resource_kind: str, resource_id: int) -> list[LastValue]:
    """The last value of each series, by name."""
    t = metric_last
    query = sa.select(t.c.name, t.c.value, t.c.at).where(
        t.c.resource_kind == resource_kind, t.c.resource_id == resource_id
    )
    return sorted(LastValue(*row) for row in connection.execute(query))


def names(connection: Connection, resource_kind: str, resource_id: int) -> list[str]:
    """Names of the series of a resource, sorted."""
    return [last.name for last in last_values(connection, resource_kind, resource_id)]


def series(
    connection: Connection,
    resource_kind: str,
    resource_id: int,
    name: str,
    *,
    start: float | None = None,
    end: float | None = None,
    limit: int | None = None,
) -> Sequence[Point]:
    """The values of a series in the order of their times.

    Parameters
    ----------
    start, end : float, optional
        Only values not before the one and before the other, epoch seconds.
    limit : int, optional
        Only the newest of them.
    """
    t = metric_points
    query = sa.select(t.c.at, t.c.value).where(
        t.c.resource_kind == resource_kind, t.c.resource_id == resource_id, t.c.name == name
    )
    if start is not None:
        query = query.where(t.c.at >= start)
    if end is not None:
        query = query.where(t.c.at < end)
    if limit is None:
        return [Point(*row) for row in connection.execute(query.order_by(t.c.at, t.c.id))]
    newest = connection.execute(query.order_by(t.c.at.desc(), t.c.id.desc()).limit(limit)).all()
    return [Point(*row) for row in reversed(newest)]


def delete_points(connection: Connection, resource_kind: str, resource_id: int) -> None:
    """Forget everything about a resource that is deleted."""
    for t in (metric_points, metric_last):
        connection.execute(
            sa.delete(t).where(t.c.resource_kind == resource_kind, t.c.resource_id == resource_id)
        )


def listing(
    connection: Connection,
    resource_kind: str,
    *,
    resource_id: int | None = None,
    name: str | None = None,
    after: tuple[int, str] | None = None,
    limit: int,
) -> list[tuple[int, str]]:
    """Which series there are, as (resource_id, name) in this order, behind ``after``."""
    t = metric_last
    query = sa.select(t.c.resource_id, t.c.name).where(t.c.resource_kind == resource_kind)
    if resource_id is not None:
        query = query.where(t.c.resource_id == resource_id)
    if name is not None:
        query = query.where(t.c.name == name)
    if after is not None:
        query = query.where(sa.tuple_(t.c.resource_id, t.c.name) > sa.tuple_(*map(sa.literal, after)))
    rows = connection.execute(query.order_by(t.c.resource_id, t.c.name).limit(limit))
    return [(row[0], row[1]) for row in rows]
