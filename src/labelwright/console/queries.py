"""What the console shows, read from the database in one short query per panel."""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.store.event_tables import work_totals
from labelwright.store.labeling_tables import data_objects, job_events, labeling_jobs, labels

__all__ = ["JobRow", "LabeledObject", "events", "job", "jobs", "labeled_objects", "worker_rows"]


@dataclasses.dataclass(frozen=True, slots=True)
class JobRow:
    """One job, as the list and the head of its page show it."""

    id: int
    region: str
    name: str
    status: str
    task_type: str
    failure_reason: str
    n_objects: int
    n_human: int
    n_machine: int
    n_failed: int
    created_at: float
    ended_at: float | None
    manifest_uri: str
    request: dict[str, Any]

    @property
    def n_labeled(self) -> int:
        """Objects with a label of either origin."""
        return self.n_human + self.n_machine

    @property
    def percent(self) -> float:
        """Share of objects that are done (labeled or given up), 0-100."""
        return 100.0 * (self.n_labeled + self.n_failed) / self.n_objects if self.n_objects else 0.0

    @property
    def label_attribute_name(self) -> str:
        """Key of the label in the output manifest."""
        return str(self.request["LabelAttributeName"])


@dataclasses.dataclass(frozen=True, slots=True)
class LabeledObject:
    """One finished object: where its line is, and what was written to it."""

    object_no: int
    position: int
    length: int
    content: dict[str, Any]


_JOB = sa.select(
    labeling_jobs.c.id,
    labeling_jobs.c.region,
    labeling_jobs.c.name,
    labeling_jobs.c.status,
    labeling_jobs.c.task_type,
    labeling_jobs.c.failure_reason,
    labeling_jobs.c.n_objects,
    labeling_jobs.c.n_human,
    labeling_jobs.c.n_machine,
    labeling_jobs.c.n_failed,
    labeling_jobs.c.created_at,
    labeling_jobs.c.ended_at,
    labeling_jobs.c.manifest_uri,
    labeling_jobs.c.request,
)


def jobs(connection: Connection, *, limit: int = 200) -> list[JobRow]:
    """The newest jobs."""
    rows = connection.execute(_JOB.order_by(labeling_jobs.c.id.desc()).limit(limit)).all()
    return [_job(row) for row in rows]


def job(connection: Connection, region: str, name: str) -> JobRow | None:
    """One job by name (without case), or None."""
    row = connection.execute(
        _JOB.where(labeling_jobs.c.region == region, labeling_jobs.c.name_lower == name.lower())
    ).first()
    return None if row is None else _job(row)


def labeled_objects(
    connection: Connection, job_id: int, *, after: int = -1, limit: int = 24
) -> list[LabeledObject]:
    """Finished objects in manifest order, those with a number above ``after``."""
    query = (
        sa.select(labels.c.object_no, data_objects.c.position, data_objects.c.length, labels.c.content)
        .join(
            data_objects,
            (data_objects.c.job_id == labels.c.job_id) & (data_objects.c.object_no == labels.c.object_no),
        )
        .where(labels.c.job_id == job_id, labels.c.object_no > after)
        .order_by(labels.c.object_no)
        .limit(limit)
    )
    return [
        LabeledObject(row.object_no, row.position, row.length, orjson.loads(row.content))
        for row in connection.execute(query)
    ]


def worker_rows(connection: Connection, job_id: int) -> list[dict[str, Any]]:
    """Per worker: submitted and declined tasks, mean seconds a task; a second or two behind."""
    t = work_totals.c
    query = (
        sa.select(
            t.worker_id,
            t.n_submitted,
            t.n_declined,
            (t.seconds / sa.func.nullif(t.n_submitted, 0)).label("mean_s"),
        )
        .where(t.job_id == job_id)
        .order_by(t.n_submitted.desc(), t.worker_id)
        .limit(100)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def events(connection: Connection, job_id: int, *, limit: int = 50) -> list[dict[str, Any]]:
    """The story of the job, newest first."""
    query = (
        sa.select(job_events.c.at, job_events.c.name, job_events.c.detail)
        .where(job_events.c.job_id == job_id)
        .order_by(job_events.c.id.desc())
        .limit(limit)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def _job(row: Any) -> JobRow:
    return JobRow(
        id=row.id,
        region=row.region,
        name=row.name,
        status=row.status,
        task_type=row.task_type,
        failure_reason=row.failure_reason or "",
        n_objects=row.n_objects,
        n_human=row.n_human,
        n_machine=row.n_machine,
        n_failed=row.n_failed,
        created_at=row.created_at,
        ended_at=row.ended_at,
        manifest_uri=row.manifest_uri or "",
        request=orjson.loads(row.request),
    )
