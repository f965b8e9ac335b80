"""How good a job's workers seem to be: a row each, the worst first, every share with its interval drawn."""

from __future__ import annotations

from typing import Any

from labelwright.console import queries
from labelwright.console.views import Asked, Shown, View
from labelwright.context import AppContext
from labelwright.engine.worker_reports import JobWorkers, job_workers
from labelwright.store import labeling_jobs
from labelwright.tasks import Measure, WorkerReport

__all__ = ["VIEWS"]

_N_SHOWN = 300


def _page(context: AppContext, asked: Asked) -> Shown | None:
    region, name = asked.path["region"], asked.path["name"]
    job = context.database.read(lambda c: labeling_jobs.named(c, region=region, name=name))
    if job is None:
        return None
    found = job_workers(context.database, context.blobs, job)
    times = {
        row["worker_id"]: row["mean_s"]
        for row in context.database.read(lambda c: queries.worker_rows(c, job.id))
    }
    data = {
        "job": {"name": job.name, "region": job.region},
        "why_none": found.why_none,
        "n_objects": f"{found.n_objects:,}",
        "measures": [measure.name for measure in found.reports[0].measures] if found.reports else [],
        "rows": [_row(found, report, times.get(report.worker)) for report in found.reports[:_N_SHOWN]],
        "n_left_out": max(0, len(found.reports) - _N_SHOWN),
    }
    return Shown(f"Workers of {job.name}", data)


def _row(found: JobWorkers, report: WorkerReport, mean_s: float | None) -> dict[str, Any]:
    return {
        "name": found.names.get(report.worker) or report.worker[:8],
        "n_objects": f"{report.n_objects:,}",
        "mean": "" if mean_s is None else f"{mean_s:.1f} s",
        "is_outlier": found.is_outlier(report),
        "remark": report.remark,
        "measures": [_drawn(measure) for measure in report.measures],
    }


def _drawn(measure: Measure) -> dict[str, str]:
    """Text, and places in percent of the width."""
    value, lower, upper = (100 * share for share in (measure.value, measure.lower, measure.upper))
    return {
        "text": f"{value:.0f} %",
        "range": f"{lower:.0f} to {upper:.0f} %",
        "summary": f"{measure.name} {value:.0f} %, 95 % interval {lower:.0f} to {upper:.0f} %",
        "value": f"{value:.1f}",
        "lower": f"{lower:.1f}",
        "width": f"{max(upper - lower, 0.5):.1f}",
    }


VIEWS = (View("/console/jobs/{region}/{name}/workers", "workers.html", _page),)
