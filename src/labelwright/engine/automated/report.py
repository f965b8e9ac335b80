"""What automated labeling came to: per pass the threshold, its bound, and how many labels it gave."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import orjson

from labelwright.engine.automated import places
from labelwright.engine.facts import JobFacts
from labelwright.engine.tools import Tools
from labelwright.store import automated
from labelwright.store.automated import PassRow
from labelwright.store.labeling_jobs import JobRow

__all__ = ["job_report", "write_report"]


def job_report(passes: list[PassRow], *, target_error: float, is_certified: bool) -> dict[str, Any]:
    """All passes and their sum.

    ``estimated_error`` is the mean of the passes' estimates, weighted with their labels; ``error_upper`` the
    greatest of their bounds, which bounds the error of all machine labels together.
    """
    shown = []
    n_labels, errors, uppers = 0, 0.0, []
    for row in passes:
        threshold = row.report.get("threshold") or {}
        shown.append(
            {
                "iteration": row.iteration,
                "status": row.status,
                "training_job": row.run_name,
                "machine_labels": row.n_applied,
                "threshold": threshold,
                "metrics": row.report.get("metrics") or {},
                "advice": row.report.get("advice"),
            }
        )
        estimate, upper = threshold.get("error_estimate"), threshold.get("error_upper")
        if row.n_applied:
            n_labels += row.n_applied
            errors += row.n_applied * (estimate if estimate is not None else math.nan)
            uppers.append(math.nan if upper is None else upper)
    mean = errors / n_labels if n_labels else None
    return {
        "target_error": target_error,
        "certified": is_certified,
        "machine_labels": n_labels,
        "estimated_error": None if mean is None or math.isnan(mean) else mean,
        "error_upper": None if not uppers or any(math.isnan(u) for u in uppers) else max(uppers),
        "passes": shown,
    }


def write_report(tools: Tools, job: JobRow, facts: JobFacts) -> None:
    """Put the report beside the job's output."""
    from labelwright.engine.automated.inputs import target_quality

    report = job_report(
        tools.database.read(partial(automated.passes, job_id=job.id)),
        target_error=round(1.0 - target_quality(tools.settings, facts.algorithm), 6),
        is_certified=facts.options.auto_labeling == "certified",
    )
    data = orjson.dumps(report, option=orjson.OPT_INDENT_2)
    tools.blobs.put(places.report_uri(facts.output_uri), data, content_type="application/json")
