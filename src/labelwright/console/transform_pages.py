"""What the console shows of transform jobs: the list, and one with its input, output, counts and log."""

from __future__ import annotations

from typing import Any

import orjson

from labelwright.console.log_panel import log_ends
from labelwright.console.model_facts import what_runs
from labelwright.console.views import Asked, Shown, View
from labelwright.console.wording import duration, moment
from labelwright.context import AppContext
from labelwright.core.transform_job import TERMINAL
from labelwright.engine.transform.programs import LOG_GROUP
from labelwright.store import transform_jobs
from labelwright.store.transform_jobs import TransformJobRow

__all__ = ["VIEWS"]

_N_LISTED = 200


def _list(context: AppContext, asked: Asked) -> Shown:
    now = context.clock()
    rows = context.database.read(lambda c: transform_jobs.newest(c, limit=_N_LISTED))
    live = any(row.status not in TERMINAL for row in rows)
    return Shown("Transform jobs", {"jobs": [_row(row, now) for row in rows]}, is_live=live)


def _row(row: TransformJobRow, now: float) -> dict[str, Any]:
    request = orjson.loads(row.request)
    return {
        "region": row.region,
        "name": row.name,
        "status": row.status,
        "model": request.get("ModelName", ""),
        "n_done": f"{row.n_done:,}",
        "n_failed": f"{row.n_failed:,}",
        "created": moment(row.created_at),
        "took": duration(row.started_at, row.ended_at, now),
    }


def _page(context: AppContext, asked: Asked) -> Shown | None:
    row = context.database.read(lambda c: transform_jobs.named(c, asked.path["region"], asked.path["name"]))
    if row is None:
        return None
    request = orjson.loads(row.request)
    given, output = request.get("TransformInput", {}), request.get("TransformOutput", {})
    source = given.get("DataSource", {}).get("S3DataSource", {})
    processing = request.get("DataProcessing", {})
    page = _row(row, context.clock()) | {
        "failure_reason": row.failure_reason or "",
        "what": what_runs(orjson.loads(row.model)),
        "input": source.get("S3Uri", ""),
        "input_type": source.get("S3DataType", ""),
        "content_type": given.get("ContentType", ""),
        "split": given.get("SplitType", "None"),
        "compression": given.get("CompressionType", "None"),
        "strategy": request.get("BatchStrategy", ""),
        "output": output.get("S3OutputPath", ""),
        "accept": output.get("Accept", ""),
        "assembly": output.get("AssembleWith", "None"),
        "join": processing.get("JoinSource", "None"),
        "filters": [
            (name, processing[name]) for name in ("InputFilter", "OutputFilter") if processing.get(name)
        ],
        "ended": moment(row.ended_at),
        "log": log_ends(context, LOG_GROUP, prefix=f"{row.name}/"),
    }
    return Shown(row.name, {"job": page}, is_live=row.status not in TERMINAL)


VIEWS = (
    View("/console/transforms", "transforms.html", _list),
    View("/console/transforms/{region}/{name}", "transform.html", _page),
)
