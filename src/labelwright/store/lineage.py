"""Where labels come from: rows that say how a group's labels were made, and who answered for an object."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core.human_task import TaskState
from labelwright.store.automated_tables import automated_members, automated_passes, models
from labelwright.store.data_objects import ObjectRow
from labelwright.store.labeling_tables import (
    consolidation_groups,
    data_objects,
    group_lineage,
    labels,
    tasks,
    worker_identities,
)

__all__ = [
    "Consolidation",
    "MachineLabel",
    "add_group",
    "answers",
    "consolidation",
    "grouped",
    "label",
    "lately_grouped",
    "machine",
]

_AUTO = 4  # automated.Role.AUTO: labeled by a model


def add_group(
    connection: Connection,
    group_id: int,
    *,
    algorithm: str,
    version: str,
    parameters: Mapping[str, Any],
    now: float,
) -> None:
    """Keep how the labels of a group were made, in the transaction that keeps the labels."""
    row = {
        "group_id": group_id,
        "algorithm": algorithm,
        "version": version,
        "parameters": orjson.dumps(parameters, option=orjson.OPT_SORT_KEYS).decode(),
        "made_at": now,
    }
    connection.execute(sa.insert(group_lineage), row)


@dataclasses.dataclass(frozen=True, slots=True)
class Consolidation:
    """How a group's labels were made; ``n_objects`` were estimated together."""

    algorithm: str
    version: str
    parameters: dict[str, Any]
    made_at: float
    iteration: int
    n_objects: int


def consolidation(connection: Connection, job_id: int, object_no: int) -> Consolidation | None:
    """Of the group of a labeled or failed object; None for labels that no group made."""
    o, g, h = data_objects.c, consolidation_groups.c, group_lineage.c
    row = connection.execute(
        sa.select(h.group_id, h.algorithm, h.version, h.parameters, h.made_at, g.iteration)
        .select_from(data_objects)
        .join(group_lineage, h.group_id == o.group_id)
        .join(consolidation_groups, g.id == o.group_id)
        .where(o.job_id == job_id, o.object_no == object_no)
    ).first()
    if row is None:
        return None
    n_objects = connection.execute(
        sa.select(sa.func.count()).where(labels.c.job_id == job_id, labels.c.group_id == row.group_id)
    ).scalar_one()
    return Consolidation(
        row.algorithm, row.version, orjson.loads(row.parameters), row.made_at, row.iteration, n_objects
    )


def label(connection: Connection, job_id: int, object_no: int) -> tuple[int, int, bytes | None] | None:
    """State of an object, its number of answers, and its label's content; None without such an object."""
    row = connection.execute(
        sa.select(data_objects.c.state, data_objects.c.n_answers, labels.c.content)
        .select_from(
            data_objects.outerjoin(
                labels,
                (labels.c.job_id == data_objects.c.job_id) & (labels.c.object_no == data_objects.c.object_no),
            )
        )
        .where(data_objects.c.job_id == job_id, data_objects.c.object_no == object_no)
    ).first()
    return None if row is None else (row[0], row[1], None if row[2] is None else bytes(row[2]))


def answers(connection: Connection, job_id: int, object_no: int) -> list[dict[str, Any]]:
    """Who answered when, in the order of submission."""
    t, w = tasks.c, worker_identities.c
    query = (
        sa.select(t.id, t.worker_id, w.public_id, t.accepted_at, t.ended_at, t.time_spent_s)
        .select_from(tasks.outerjoin(worker_identities, w.worker_id == t.worker_id))
        .where(
            t.job_id == job_id,
            t.object_no == object_no,
            sa.text("tasks.state IN ('reserved', 'working', 'paused', 'submitted', 'declined')"),
            t.state == TaskState.SUBMITTED.value,
        )
        .order_by(t.ended_at, t.id)
    )
    return [
        {
            "task_id": row.id,
            "worker_id": row.public_id or row.worker_id,
            "accepted_at": row.accepted_at,
            "submitted_at": row.ended_at,
            "time_spent_s": row.time_spent_s,
        }
        for row in connection.execute(query)
    ]


@dataclasses.dataclass(frozen=True, slots=True)
class MachineLabel:
    """Which pass of automated labeling made a label, and with which model."""

    iteration: int
    run_name: str | None
    model_arn: str | None
    n_human_labels: int
    made_at: float | None


def machine(connection: Connection, job_id: int, object_no: int) -> MachineLabel | None:
    """Of an object that a model labeled; None for others."""
    a, p, m = automated_members.c, automated_passes.c, models.c
    row = connection.execute(
        sa.select(p.iteration, p.run_name, m.arn, p.n_labels, p.labeled_at)
        .select_from(automated_members)
        .join(automated_passes, (p.job_id == a.job_id) & (p.iteration == a.iteration))
        .outerjoin(models, (m.job_id == p.job_id) & (m.name == p.run_name))
        .where(a.job_id == job_id, a.role == _AUTO, a.object_no == object_no)
    ).first()
    return None if row is None else MachineLabel(*row)


def grouped(connection: Connection, job_id: int, *, after: int, limit: int) -> Iterator[ObjectRow]:
    """Objects after a number whose answers have been consolidated, in manifest order."""
    o = data_objects.c
    query = (
        sa.select(o.object_no, o.position, o.length, o.iteration)
        .where(o.job_id == job_id, o.object_no > after, o.group_id.is_not(None), o.n_answers > 0)
        .order_by(o.object_no)
        .limit(limit)
    )
    for row in connection.execute(query):
        yield ObjectRow(*row)


def lately_grouped(
    connection: Connection, job_id: int, *, before_group: int | None, limit: int
) -> list[ObjectRow]:
    """Labeled objects with answers, those furthest into the manifest, in manifest order.

    Parameters
    ----------
    before_group : int or None
        Only those of groups that were formed before this one.
    limit : int
    """
    o, h = data_objects.c, labels.c
    query = (
        sa.select(o.object_no, o.position, o.length, o.iteration)
        .select_from(labels.join(data_objects, (o.job_id == h.job_id) & (o.object_no == h.object_no)))
        .where(h.job_id == job_id, h.group_id.is_not(None), o.n_answers > 0)
        .order_by(h.object_no.desc())
        .limit(limit)
    )
    if before_group is not None:
        query = query.where(h.group_id < before_group)
    return [ObjectRow(*row) for row in connection.execute(query)][::-1]
