"""The panel of automated labeling: what is going on, how good the machine's labels are, and every iteration.

What a team lead wants to know before anything else is whether the machine's labels may be trusted and how
much people still have to do; so the error with its bound and the present step come first, then two charts by
iteration, and a table with the numbers behind them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.config import Settings
from labelwright.console.auto_charts import Iteration, errors_chart, labels_chart
from labelwright.core.labeling_job import TERMINAL, Status
from labelwright.engine.automated.inputs import target_quality
from labelwright.engine.automated.report import job_report
from labelwright.engine.facts import JobFacts, facts_of
from labelwright.store import automated, labeling_jobs, runs
from labelwright.store.automated import AutomatedRow, PassRow
from labelwright.store.labeling_jobs import JobRow
from labelwright.store.labeling_tables import job_events
from labelwright.work import folder as files

__all__ = ["iterations_of", "panel"]

_SHAPES = ("object-detection", "semantic-segmentation")
_ASKED = {
    "probe": "People label the first objects, drawn at random, which show whether the task can be done.",
    "validation": "People label objects drawn at random, which show how good the machine's labels are.",
}


def panel(connection: Connection, settings: Settings, job_id: int) -> dict[str, Any] | None:
    """What the template of the panel needs; None for a job without automated labeling."""
    job = labeling_jobs.get(connection, job_id)
    if job is None:
        return None
    facts = facts_of(job)
    state = automated.get(connection, job_id) if facts.algorithm else None
    if state is None:
        return None
    passes = automated.passes(connection, job_id)
    is_certified = facts.options.auto_labeling == "certified"
    target = round(1.0 - target_quality(settings, facts.algorithm), 6)
    report = job_report(passes, target_error=target, is_certified=is_certified)
    iterations = iterations_of(_batches(connection, job_id), passes)
    is_over = Status(job.status) in TERMINAL
    measure = "1 - mean overlap" if facts.algorithm in _SHAPES else "share of wrong labels"
    return {
        "now": "" if is_over else _now(connection, settings, job, state, passes, iterations),
        "reason": (state.reason or "") if is_over else "",
        "advice": state.advice or "",
        "rows": _rows(job, facts, state, report, target=target, confidence=settings.autolabel_confidence),
        "labels": labels_chart(iterations),
        "errors": errors_chart(iterations, target=target, measure=measure),
        "iterations": [_shown(row) for row in reversed(iterations)],
        "measure": measure,
    }


def iterations_of(batches: Mapping[int, tuple[str, int]], passes: Sequence[PassRow]) -> list[Iteration]:
    """Batches of people and passes of the machine with the same number, in order.

    Parameters
    ----------
    batches : mapping of int to (str, int)
        What the batch was for, and how many objects it had, by iteration.
    """
    found = {number: Iteration(number, what, n) for number, (what, n) in batches.items()}
    for row in passes:
        metrics, threshold = row.report.get("metrics") or {}, row.report.get("threshold") or {}
        before = found.get(row.iteration, Iteration(row.iteration))
        found[row.iteration] = dataclasses.replace(
            before,
            n_machine=row.n_applied,
            status=row.status,
            run=row.run_name or "",
            expected_error=metrics.get("expected_error"),
            error=threshold.get("error_estimate"),
            upper=threshold.get("error_upper"),
            n_checked=int(threshold.get("support") or 0),
            threshold=threshold.get("value"),
        )
    return [found[number] for number in sorted(found)]


def _batches(connection: Connection, job_id: int) -> dict[int, tuple[str, int]]:
    """Set and size of every batch, from the story."""
    e = job_events.c
    query = sa.select(e.detail).where(e.job_id == job_id, e.name == "BATCH_ANNOTATION_STATUS_EVALUATED")
    found = {}
    for text in connection.execute(query.order_by(e.id)).scalars():
        detail = orjson.loads(text or "{}")
        if detail.get("status") == "SUBMITTED" and "set" in detail:
            found[int(detail["iteration"])] = (str(detail["set"]), int(detail["objects"]))
    return found


def _now(
    connection: Connection,
    settings: Settings,
    job: JobRow,
    state: AutomatedRow,
    passes: Sequence[PassRow],
    iterations: Sequence[Iteration],
) -> str:
    """The present step, in a sentence."""
    if state.stage == "people":
        return f"People label all that is left. {state.reason or ''}".strip()
    current = passes[-1] if passes and passes[-1].iteration == job.iteration + 1 else None
    if current is not None and current.status == "learning":
        run = runs.last(connection, job.id, current.iteration)
        again = " once more, after it failed" if run is not None and run.attempt > 1 else ""
        so_far = "" if run is None else progress_text(_progress(settings, run.name))
        return f"A model learns from the labels so far and looks at all objects that are left{again}{so_far}."
    if current is not None and current.status == "labeling":
        return "The machine's labels are written."
    asked = next((row.asked for row in reversed(iterations) if row.asked), "")
    if asked == "training":
        return (
            "People label the objects that the model is least sure of."
            if passes
            else "People label objects drawn at random, from which the first model learns."
        )
    return _ASKED.get(asked, "The first objects are drawn.")


def _progress(settings: Settings, run_name: str) -> Any:
    """The last line of what a program of this server says of itself; None for one of another server."""
    lines = files.tail(settings.data_dir / "work" / run_name / files.PROGRESS).splitlines()
    try:
        return orjson.loads(lines[-1]) if lines else None
    except orjson.JSONDecodeError:
        return None


def progress_text(progress: Any) -> str:
    """A program's last word in brackets; nothing when it has none.

    Examples
    --------
    >>> progress_text({"at": 1.0, "message": "training", "step": 50, "of": 640})
    ' (training: 50 of 640)'
    >>> progress_text({"at": 1.0, "message": "looked at images", "done": 1200})
    ' (looked at images: 1,200)'
    """
    if not isinstance(progress, dict) or not isinstance(progress.get("message"), str):
        return ""
    n, of = progress.get("step", progress.get("done")), progress.get("of")
    if not isinstance(n, int):
        return f" ({progress['message']})"
    return f" ({progress['message']}: {n:,} of {of:,})" if of else f" ({progress['message']}: {n:,})"


def _rows(
    job: JobRow,
    facts: JobFacts,
    state: AutomatedRow,
    report: Mapping[str, Any],
    *,
    target: float,
    confidence: float,
) -> list[tuple[str, str, str]]:
    """Name, value and remark of what is known of the machine's labels."""
    is_shape = facts.algorithm in _SHAPES
    n, upper, estimate = report["machine_labels"], report["error_upper"], report["estimated_error"]
    bound = ""
    if upper is not None:
        value = f"at least {1 - upper:.3f}" if is_shape else f"at most {upper:.1%}"
        bound = f"{value}, {confidence:.0%} sure"
    elif n:
        bound = "not certified: an estimate from the validation set, which flatters"
    share = n / job.n_objects if job.n_objects else 0.0
    if is_shape:
        name, aim = "Mean overlap, estimated", f"at least {1 - target:.2f}"
        shown = "" if estimate is None else f"{1 - estimate:.3f}"
    else:
        name, aim = "Wrong labels, estimated", f"at most {target:.1%}"
        shown = "" if estimate is None else f"{estimate:.1%}"
    rule = "certified" if report["certified"] else "plain"
    rows = [
        ("Labeled by the machine", f"{n:,}", f"{share:.0%} of all objects"),
        (name, shown, bound),
        ("Target", aim, f"rule: {rule}"),
        ("Threshold", _lowest(report["passes"]), "lowest confidence of a label that was taken"),
    ]
    if Status(job.status) not in TERMINAL:
        rows.append(("Expected in the end", _expected(report["passes"]), "of all objects by the machine"))
    if state.start_model_arn:
        rows.append(("Started from", state.start_model_arn.rpartition("/")[2], "a model of another job"))
    return [row for row in rows if row[1]]


def _lowest(passes: Iterable[Mapping[str, Any]]) -> str:
    values = [row["threshold"].get("value") for row in passes if row["machine_labels"]]
    known = [value for value in values if value is not None]
    return f"{min(known):.2f}" if known else ""


def _expected(passes: Iterable[Mapping[str, Any]]) -> str:
    shares = [row["metrics"]["expected_coverage"] for row in passes if "expected_coverage" in row["metrics"]]
    return f"{shares[-1]:.0%}" if shares else ""


def _shown(row: Iteration) -> dict[str, str]:
    return {
        "number": str(row.number),
        "asked": row.asked,
        "people": f"{row.n_people:,}" if row.n_people else "",
        "machine": f"{row.n_machine:,}" if row.status else "",
        "expected": "" if row.expected_error is None else f"{row.expected_error:.3f}",
        "error": "" if row.error is None else f"{row.error:.3f}",
        "upper": "" if row.upper is None else f"{row.upper:.3f}",
        "checked": f"{row.n_checked:,}" if row.n_checked else "",
        "threshold": "" if row.threshold is None else f"{row.threshold:.3f}",
        "run": row.run,
        "status": row.status,
    }
