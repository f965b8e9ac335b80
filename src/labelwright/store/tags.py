"""Tags of anything that has an ARN of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.errors import InvalidRequest, LimitExceeded, NotFound
from labelwright.store.automated_tables import models, runs
from labelwright.store.directory_tables import human_task_uis, tags, workforces, workteams
from labelwright.store.endpoint_tables import endpoint_configs, endpoints
from labelwright.store.labeling_tables import labeling_jobs
from labelwright.store.training_tables import training_jobs
from labelwright.store.transform_tables import transform_jobs
from labelwright.store.tuning_tables import tuning_jobs

__all__ = ["MAX_TAGS", "Tag", "add_tags", "delete_all_tags", "delete_tags", "list_tags", "require_resource"]

MAX_TAGS = 50
Tag = Mapping[str, str]
"""``{"Key": ..., "Value": ...}``."""

_RESOURCES = (
    labeling_jobs,
    workteams,
    workforces,
    human_task_uis,
    models,
    endpoint_configs,
    endpoints,
    training_jobs,
    transform_jobs,
    tuning_jobs,
    runs,
)


def require_resource(connection: Connection, arn: str) -> str:
    """The ARN of the resource that is meant, as it is kept: ARNs are compared without case.

    Raises
    ------
    NotFound
        When nothing of ours has this ARN.
    """
    for is_exact in (True, False):
        for table in _RESOURCES:
            column = table.c.arn
            same = column == arn if is_exact else sa.func.lower(column) == arn.lower()
            found: str | None = connection.execute(sa.select(column).where(same)).scalar()
            if found is not None:
                return found
    raise NotFound(
        f"Resource {arn} does not exist; give the ARN of a labeling job, workforce, work team, human task "
        "UI, model, endpoint or training job.",
        kind="resource",
        name=arn,
    )


def add_tags(connection: Connection, arn: str, new: Sequence[Tag]) -> list[dict[str, str]]:
    """Set tags; a key that is there already gets the new value and keeps its place.

    Returns
    -------
    list of dict
        All tags of the resource afterwards.

    Raises
    ------
    InvalidRequest
        A key twice, or a key that begins with ``aws:``.
    LimitExceeded
        More than 50 tags.
    """
    _check_keys(new)
    current = {tag["Key"]: tag["Value"] for tag in list_tags(connection, arn)}
    merged = current | {tag["Key"]: tag["Value"] for tag in new}
    if len(merged) > MAX_TAGS:
        raise LimitExceeded(
            f"The resource {arn} would have {len(merged)} tags; at most {MAX_TAGS} are allowed. Remove some "
            "first."
        )
    last = connection.scalar(sa.select(sa.func.max(tags.c.position)).where(tags.c.arn == arn)) or 0
    for key, value in merged.items():
        if key not in current:
            last += 1
            connection.execute(tags.insert().values(arn=arn, key=key, value=value, position=last))
        elif current[key] != value:
            where = (tags.c.arn == arn, tags.c.key == key)
            connection.execute(tags.update().where(*where).values(value=value))
    return list_tags(connection, arn)


def list_tags(connection: Connection, arn: str) -> list[dict[str, str]]:
    """The tags of a resource in the order in which they were added."""
    query = sa.select(tags.c.key, tags.c.value).where(tags.c.arn == arn).order_by(tags.c.position)
    return [{"Key": key, "Value": value} for key, value in connection.execute(query)]


def delete_tags(connection: Connection, arn: str, keys: Iterable[str]) -> None:
    """Remove tags by key; unknown keys are ignored."""
    connection.execute(tags.delete().where(tags.c.arn == arn, tags.c.key.in_(list(keys))))


def delete_all_tags(connection: Connection, arn: str) -> None:
    """Remove every tag, as part of deleting the resource."""
    connection.execute(tags.delete().where(tags.c.arn == arn))


def _check_keys(new: Sequence[Tag]) -> None:
    seen: set[str] = set()
    for tag in new:
        key = tag["Key"]
        if key in seen:
            raise InvalidRequest(
                f"Tag keys must be unique; {key!r} is given twice. Keep one of them.", field="Tags", value=key
            )
        if key.lower().startswith("aws:"):
            raise InvalidRequest(
                f"Tag key {key!r} begins with 'aws:', which is reserved; use another prefix.",
                field="Tags",
                value=key,
            )
        seen.add(key)
