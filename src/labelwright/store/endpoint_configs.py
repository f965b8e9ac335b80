"""Endpoint configurations: written once, never changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.store.endpoint_tables import endpoint_configs

__all__ = ["EndpointConfigRow", "add", "all_of_region", "delete", "named", "newest"]

_t = endpoint_configs


@dataclasses.dataclass(frozen=True, slots=True)
class EndpointConfigRow:
    """One row of ``endpoint_configs``; the columns are described with the table."""

    id: int
    region: str
    name: str
    arn: str
    request: str
    created_at: float


_SELECT = sa.select(*(_t.c[field.name] for field in dataclasses.fields(EndpointConfigRow)))


def add(
    connection: Connection, *, region: str, name: str, arn: str, request: Mapping[str, Any], now: float
) -> None:
    """Add a configuration whose name is free."""
    row = {
        "region": region,
        "name": name,
        "name_lower": name.lower(),
        "arn": arn,
        "request": orjson.dumps(request).decode(),
        "created_at": now,
    }
    connection.execute(sa.insert(_t), row)


def named(connection: Connection, region: str, name: str) -> EndpointConfigRow | None:
    """A configuration by its name, compared without case."""
    query = _SELECT.where(_t.c.region == region, _t.c.name_lower == name.lower())
    row = connection.execute(query).first()
    return None if row is None else EndpointConfigRow(*row)


def all_of_region(connection: Connection, region: str) -> list[EndpointConfigRow]:
    """Every configuration of a region, oldest first."""
    query = _SELECT.where(_t.c.region == region).order_by(_t.c.created_at, _t.c.id)
    return [EndpointConfigRow(*row) for row in connection.execute(query)]


def newest(connection: Connection, *, limit: int) -> list[EndpointConfigRow]:
    """The configurations of all regions, newest first."""
    query = _SELECT.order_by(_t.c.created_at.desc(), _t.c.id.desc()).limit(limit)
    return [EndpointConfigRow(*row) for row in connection.execute(query)]


def delete(connection: Connection, config_id: int) -> None:
    """Remove a configuration; endpoints made from it have their own copy."""
    connection.execute(sa.delete(_t).where(_t.c.id == config_id))
