"""CloudWatch's metrics of labeling jobs: running totals of their objects, and how jobs ended.

Namespace ``AWS/SageMaker/LabelingJobs``. Totals of objects have the dimension ``LabelingJobName`` and are
kept by the minute; their statistic is the maximum. ``JobsSucceeded``, ``JobsFailed`` and ``JobsStopped`` have
no dimension and one value of 1 for every job that ended so; their statistics are sum and count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core.labeling_job import Status
from labelwright.store import labeling_jobs, work_totals
from labelwright.store.labeling_tables import labeling_jobs as jobs_table
from labelwright.store.work_totals import Point

__all__ = ["DIMENSION", "NAMESPACE", "listing", "points"]

NAMESPACE = "AWS/SageMaker/LabelingJobs"
DIMENSION = "LabelingJobName"

_AUTOMATED = "DatasetObjectsAutoAnnotated"
_TOTALS: Mapping[str, Callable[[Point], int]] = MappingProxyType(
    {
        _AUTOMATED: lambda point: point.n_machine,
        "DatasetObjectsHumanAnnotated": lambda point: point.n_human,
        "DatasetObjectsLabelingFailed": lambda point: point.n_failed,
        "TotalDatasetObjectsLabeled": lambda point: point.n_human + point.n_machine,
    }
)
_ENDS: Mapping[str, Status] = MappingProxyType(
    {
        "JobsFailed": Status.FAILED,
        "JobsStopped": Status.STOPPED,
        "JobsSucceeded": Status.COMPLETED,
    }
)
_ALGORITHM = '"LabelingJobAlgorithmsConfig"'  # in the request of a job with automated labeling
_N_POINTS = 100_000  # more minutes than a job may last


def points(
    connection: Connection,
    region: str,
    name: str,
    dimensions: Sequence[Mapping[str, str]],
    *,
    start: float,
    end: float,
    now: float,
) -> Iterator[tuple[float, float]]:
    """The values of a metric between two times, as (epoch seconds, value), oldest first."""
    if not dimensions:
        yield from _ends(connection, region, name, start=start, end=end)
        return
    total = _TOTALS.get(name)
    if total is None or len(dimensions) != 1 or dimensions[0].get("Name") != DIMENSION:
        return
    job = labeling_jobs.named(connection, region, dimensions[0].get("Value", ""))
    if job is None or (name == _AUTOMATED and not _is_automated(job.request)):
        return
    last_at = now if job.ended_at is None else job.ended_at
    for point in work_totals.progress(connection, job.id, n_points=_N_POINTS):
        at = point.at - 60  # a row stands for the minute that its time ends
        if start <= at < end and at < last_at:
            yield at, float(total(point))
    if start <= last_at < end:
        yield last_at, float(total(Point(last_at, job.n_human, job.n_machine, job.n_failed)))


def _ends(
    connection: Connection, region: str, name: str, *, start: float, end: float
) -> Iterator[tuple[float, float]]:
    status = _ENDS.get(name)
    if status is None:
        return
    t = jobs_table.c
    query = (
        sa.select(t.ended_at)
        .where(t.region == region, t.status == status.value, t.ended_at >= start, t.ended_at < end)
        .order_by(t.ended_at)
    )
    for at in connection.execute(query).scalars():
        yield float(at), 1.0


def listing(
    connection: Connection,
    region: str,
    *,
    name: str | None,
    jobs: set[str] | None,
    after: tuple[int, str] | None,
    limit: int,
) -> list[tuple[tuple[int, str], dict[str, Any]]]:
    """Metrics by job and name, those without a dimension first, each with its place in the order.

    Parameters
    ----------
    name : str, optional
        Only the metric of this name.
    jobs : set of str, optional
        Only jobs of these names; None for all, and for metrics without a dimension.
    after : (int, str), optional
        Only what comes behind this place.
    """
    found: list[tuple[tuple[int, str], dict[str, Any]]] = []
    place = after or (-1, "")
    t = jobs_table.c
    if jobs is None and place[0] < 0:
        ended = sa.select(t.status).where(t.region == region, t.ended_at.is_not(None)).distinct()
        statuses = set(connection.execute(ended).scalars())
        found += [
            ((-1, metric), {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": []})
            for metric, status in _ENDS.items()
            if name in (None, metric) and (-1, metric) > place and status.value in statuses
        ]
    query = sa.select(t.id, t.name, t.request).where(t.region == region, t.id >= place[0]).order_by(t.id)
    if name == _AUTOMATED:  # else a page full of jobs without it would seem to be the last
        query = query.where(t.request.contains(_ALGORITHM))
    if jobs is not None:
        query = query.where(t.name_lower.in_([job.lower() for job in jobs]))
    for job_id, job, request in connection.execute(query.limit(limit + 1)):
        dimension = [{"Name": DIMENSION, "Value": job}]
        found += [
            ((job_id, metric), {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": dimension})
            for metric in _TOTALS
            if name in (None, metric)
            and (job_id, metric) > place
            and (metric != _AUTOMATED or _is_automated(request))
        ]
        if len(found) > limit:
            break
    return found[:limit]


def _is_automated(request: str) -> bool:
    return _ALGORITHM in request
