"""What the console shows of training jobs: the list, and one job with its charts, story and log."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright import algorithms
from labelwright.console import metric_chart
from labelwright.console.log_panel import log_ends
from labelwright.console.views import Asked, Shown, View
from labelwright.console.wording import duration, moment
from labelwright.context import AppContext
from labelwright.core.training_job import Status
from labelwright.store import metric_points, training_jobs, tuning_jobs
from labelwright.store.training_jobs import TrainingJobRow

__all__ = ["VIEWS"]

_N_LISTED = 200
_LIVE = frozenset({Status.IN_PROGRESS.value, Status.STOPPING.value})
_GROUP = "/aws/sagemaker/TrainingJobs"


def _list(context: AppContext, asked: Asked) -> Shown:
    now = context.clock()
    jobs = context.database.read(
        lambda c: [_row(c, row, now) for row in training_jobs.newest(c, limit=_N_LISTED)]
    )
    return Shown("Training jobs", {"jobs": jobs}, is_live=any(job["status"] in _LIVE for job in jobs))


def _row(connection: Connection, row: TrainingJobRow, now: float) -> dict[str, Any]:
    request = orjson.loads(row.request)
    image = request.get("AlgorithmSpecification", {}).get("TrainingImage", "")
    built_in = algorithms.algorithm_of(image)
    shown = ""
    if built_in is not None:
        last = {value.name: value for value in metric_points.last_values(connection, "training-job", row.id)}
        objective = next(iter(algorithms.get(built_in).objectives), None)
        if objective in last:
            shown = f"{objective} {last[objective].value:.4g}"
    return {
        "region": row.region,
        "name": row.name,
        "status": row.status,
        "secondary": row.secondary,
        "message": row.message,
        "algorithm": built_in or image.rpartition("/")[2],
        "metric": shown,
        "created": moment(row.created_at),
        "took": duration(row.started_at, row.ended_at, now),
    }


def _page(context: AppContext, asked: Asked) -> Shown | None:
    now = context.clock()

    def read(connection: Connection) -> dict[str, Any] | None:
        row = training_jobs.named(connection, asked.path["region"], asked.path["name"])
        if row is None:
            return None
        page = _row(connection, row, now)
        started_at = row.run_started_at or row.started_at or row.created_at
        page["charts"] = [
            metric_chart.chart(metric, points, started_at=started_at)
            for metric in metric_points.names(connection, "training-job", row.id)
            if (points := metric_points.series(connection, "training-job", row.id, metric, limit=20_000))
        ]
        page["story"] = [
            {"at": moment(step.started_at), "status": step.status, "message": step.message}
            for step in training_jobs.transitions(connection, row.id)
        ]
        page |= _facts(row)
        page["tuning_job"] = _tuning_job(connection, row)
        return page

    page = context.database.read(read)
    if page is None:
        return None
    page["log"] = log_ends(context, _GROUP, prefix=f"{page['name']}/")
    return Shown(page["name"], {"job": page}, is_live=page["status"] in _LIVE)


def _facts(row: TrainingJobRow) -> dict[str, Any]:
    request = orjson.loads(row.request)
    output = request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    resources = request.get("ResourceConfig", {})
    return {
        "failure_reason": row.failure_reason or "",
        "ended": moment(row.ended_at),
        "image": request.get("AlgorithmSpecification", {}).get("TrainingImage", ""),
        "instances": f"{resources.get('InstanceCount', 1)} x {resources.get('InstanceType', '')}",
        "artifact": f"{output}/{row.name}/output/model.tar.gz",
        "hyperparameters": sorted((request.get("HyperParameters") or {}).items()),
        "channels": [_channel(channel, request) for channel in request.get("InputDataConfig") or []],
    }


def _channel(channel: dict[str, Any], request: dict[str, Any]) -> dict[str, str]:
    source = channel.get("DataSource", {}).get("S3DataSource", {})
    job_mode = request.get("AlgorithmSpecification", {}).get("TrainingInputMode", "")
    return {
        "name": channel["ChannelName"],
        "uri": source.get("S3Uri", ""),
        "type": source.get("S3DataType", ""),
        "mode": channel.get("InputMode") or job_mode,
        "attributes": ", ".join(source.get("AttributeNames") or []),
    }


def _tuning_job(connection: Connection, row: TrainingJobRow) -> str:
    """Name of the tuning job that tries it; empty when there is none, or it is not shown any more."""
    if row.tuning_job_id is None:
        return ""
    tuning = tuning_jobs.get(connection, row.tuning_job_id)
    if tuning is None or tuning_jobs.named(connection, tuning.region, tuning.name) is None:
        return ""
    return tuning.name


VIEWS = (
    View("/console/training", "trainings.html", _list),
    View("/console/training/{region}/{name}", "training.html", _page),
)
