"""Models: those that labeling jobs trained, and those that somebody registered."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.errors import InvalidRequest
from labelwright.store.automated_tables import models

__all__ = ["ModelRow", "add", "all_of_region", "by_arn", "delete", "named", "newest"]

_t = models


@dataclasses.dataclass(frozen=True, slots=True)
class ModelRow:
    """One row of ``models``; the columns are described with the table."""

    id: int
    region: str
    name: str
    arn: str
    request: str
    created_at: float
    job_id: int | None
    algorithm: str | None
    labels: str | None
    artifact_uri: str | None


_SELECT = sa.select(*(_t.c[field.name] for field in dataclasses.fields(ModelRow)))


def add(
    connection: Connection,
    *,
    region: str,
    name: str,
    arn: str,
    request: Mapping[str, Any],
    now: float,
    job_id: int | None = None,
    algorithm: str | None = None,
    labels: Sequence[str] | None = None,
    artifact_uri: str | None = None,
) -> None:
    """Add a model.

    Raises
    ------
    InvalidRequest
        When there is one of this name, compared without case.
    """
    if named(connection, region, name) is not None:
        raise InvalidRequest(
            f'Cannot create already existing model "{arn}".',
            field="ModelName",
            value=name,
        )
    row = {
        "region": region,
        "name": name,
        "name_lower": name.lower(),
        "arn": arn,
        "request": orjson.dumps(request).decode(),
        "created_at": now,
        "job_id": job_id,
        "algorithm": algorithm,
        "labels": None if labels is None else orjson.dumps(list(labels)).decode(),
        "artifact_uri": artifact_uri,
    }
    connection.execute(sa.insert(_t), row)


def named(connection: Connection, region: str, name: str) -> ModelRow | None:
    """A model by its name, compared without case."""
    query = _SELECT.where(_t.c.region == region, _t.c.name_lower == name.lower())
    row = connection.execute(query).first()
    return None if row is None else ModelRow(*row)


def by_arn(connection: Connection, arn: str) -> ModelRow | None:
    """A model by its ARN."""
    row = connection.execute(_SELECT.where(_t.c.arn == arn)).first()
    return None if row is None else ModelRow(*row)


def all_of_region(connection: Connection, region: str) -> list[ModelRow]:
    """Every model of a region, oldest first."""
    query = _SELECT.where(_t.c.region == region).order_by(_t.c.created_at, _t.c.id)
    return [ModelRow(*row) for row in connection.execute(query)]


def newest(connection: Connection, *, limit: int) -> list[ModelRow]:
    """The models of all regions, newest first."""
    query = _SELECT.order_by(_t.c.created_at.desc(), _t.c.id.desc()).limit(limit)
    return [ModelRow(*row) for row in connection.execute(query)]


def delete(connection: Connection, model_id: int) -> None:
    """Remove a model's row; its artifact stays."""
    connection.execute(sa.delete(_t).where(_t.c.id == model_id))
