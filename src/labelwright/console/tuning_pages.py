"""What the console shows of tuning jobs: the list, and one search with its charts and its trainings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright.console import tuning_charts
from labelwright.console.views import Asked, Shown, View
from labelwright.console.wording import duration, moment, number
from labelwright.context import AppContext
from labelwright.core.tuning_job import TERMINAL
from labelwright.core.tuning_ranges import Categorical, Range
from labelwright.core.tuning_rules import Definition, Plan
from labelwright.engine.tuning.describing import best_of
from labelwright.engine.tuning.plans import plan_of
from labelwright.store import tuning_jobs
from labelwright.store.tuning_jobs import Totals, TrialRow, TuningJobRow

__all__ = ["VIEWS"]

_N_LISTED = 200
_N_TRIALS_LISTED = 300
_SORTS = ("number", "value", "time")
_OUTCOMES = {
    "Completed": "Completed",
    "RetryableError": "Failed",
    "NonRetryableError": "Failed",
    "Stopped": "Stopped",
}


def _list(context: AppContext, asked: Asked) -> Shown:
    now = context.clock()

    def read(connection: Connection) -> list[dict[str, Any]]:
        rows = tuning_jobs.newest(connection, limit=_N_LISTED)
        totals = tuning_jobs.totals(connection, [row.id for row in rows])
        return [_row(row, totals.get(row.id, Totals(0, 0, None, None)), now) for row in rows]

    jobs = context.database.read(read)
    return Shown("Tuning jobs", {"jobs": jobs}, is_live=any(job["is_live"] for job in jobs))


def _row(row: TuningJobRow, totals: Totals, now: float) -> dict[str, Any]:
    plan = plan_of(orjson.loads(row.request))
    best = totals.greatest if plan.criteria.is_maximised else totals.least
    return {
        "region": row.region,
        "name": row.name,
        "status": row.status,
        "is_live": row.status not in TERMINAL,
        "strategy": plan.strategy,
        "objective": plan.definitions[0].metric,
        "best": number(best),
        "n": totals.n,
        "n_ended": totals.n_ended,
        "n_max": plan.criteria.n_jobs_max,
        "created": moment(row.created_at),
        "took": duration(row.created_at, row.ended_at, now),
    }


def _page(context: AppContext, asked: Asked) -> Shown | None:
    now = context.clock()

    def read(connection: Connection) -> tuple[TuningJobRow, list[TrialRow]] | None:
        row = tuning_jobs.named(connection, asked.path["region"], asked.path["name"])
        return None if row is None else (row, tuning_jobs.trials(connection, row.id))

    found = context.database.read(read)
    if found is None:
        return None
    row, trials = found
    plan = plan_of(orjson.loads(row.request))
    values = [trial.value for trial in trials if trial.value is not None]
    n_ended = sum(trial.outcome is not None for trial in trials)
    totals = Totals(len(trials), n_ended, min(values, default=None), max(values, default=None))
    best = best_of(plan, trials)
    outcomes = [trial.outcome for trial in trials]
    sort = _sort(asked)
    job = _row(row, totals, now) | {
        "direction": "maximised" if plan.criteria.is_maximised else "minimised",
        "failure_reason": row.failure_reason or "",
        "ended": moment(row.ended_at),
        "n_parallel": plan.n_parallel,
        "early": "by the median rule" if plan.stops_early else "off",
        "parents": [{"region": row.region, "name": name} for name in plan.parents],
        "ranges": [_range(each, each_of) for each_of in plan.definitions for each in each_of.space],
        "n_running": outcomes.count(None),
        "n_failed": sum(_OUTCOMES.get(outcome or "") == "Failed" for outcome in outcomes),
        "best_trial": None if best is None else _trial(row, plan, best, best, now),
        "main_chart": tuning_charts.progress(plan, trials, best),
        "charts": tuning_charts.by_hyperparameter(plan, trials, best),
        "trials": [
            _trial(row, plan, trial, best, now)
            for trial in _sorted(trials, sort, plan, now)[:_N_TRIALS_LISTED]
        ],
        "n_shown": _N_TRIALS_LISTED,
    }
    return Shown(row.name, {"job": job, "columns": _columns(sort, plan)}, is_live=job["is_live"])


def _range(each: Range, of: Definition) -> dict[str, str]:
    shown = {"name": each.name, "definition": of.name or ""}
    if isinstance(each, Categorical):
        return shown | {"values": ", ".join(each.values), "scale": "categories"}
    scales = {
        "Linear": "linear",
        "Logarithmic": "logarithmic",
        "ReverseLogarithmic": "reverse logarithmic",
    }
    return shown | {"values": f"{each.low:g} to {each.high:g}", "scale": scales[each.scaling]}


def _trial(
    row: TuningJobRow, plan: Plan, trial: TrialRow, best: TrialRow | None, now: float
) -> dict[str, Any]:
    status = _OUTCOMES.get(trial.outcome or "", trial.status)
    return {
        "region": row.region,
        "number": trial.number,
        "name": trial.name,
        "status": status,
        "status_text": "Stopped early" if trial.is_stopped_early else status,
        "definition": plan.definitions[trial.definition].name or "",
        "value": number(trial.value),
        "is_best": best is not None and trial.number == best.number,
        "tuned": sorted(orjson.loads(trial.tuned).items()),
        "took": duration(trial.started_at, trial.ended_at, now),
        "failure_reason": trial.failure_reason or "",
    }


# -- order of the table -------------------------------------------------------------------------------------


def _sort(asked: Asked) -> tuple[str, bool]:
    """The column that is asked for, and whether in reverse of its first order."""
    name = asked.query.get("sort", "")
    return (
        (name.removeprefix("-"), name.startswith("-"))
        if name.removeprefix("-") in _SORTS
        else ("number", False)
    )


def _sorted(trials: Sequence[TrialRow], sort: tuple[str, bool], plan: Plan, now: float) -> list[TrialRow]:
    """Those without what is sorted by come last, in either order."""
    name, is_reversed = sort

    def key(trial: TrialRow) -> float | None:
        if name == "value":
            return trial.value
        if name == "time":
            return None if trial.started_at is None else (trial.ended_at or now) - trial.started_at
        return trial.number

    keyed = [(value, trial) for trial in trials if (value := key(trial)) is not None]
    keyed.sort(key=lambda pair: pair[0], reverse=_is_descending(name, plan) != is_reversed)
    return [trial for _, trial in keyed] + [trial for trial in trials if key(trial) is None]


def _is_descending(name: str, plan: Plan) -> bool:
    """The first order of a column: the best value, the longest training, the first number at the top."""
    return {"value": plan.criteria.is_maximised, "time": True}.get(name, False)


def _columns(sort: tuple[str, bool], plan: Plan) -> dict[str, dict[str, str]]:
    """For each column that sorts: where its heading leads, and its ``aria-sort``."""
    name, is_reversed = sort
    columns = {}
    for column in _SORTS:
        is_this = column == name
        words = "descending" if _is_descending(column, plan) != is_reversed else "ascending"
        columns[column] = {
            "href": f"?sort=-{column}" if is_this and not is_reversed else f"?sort={column}",
            "aria": words if is_this else "none",
            "mark": {"descending": "▼", "ascending": "▲"}[words] if is_this else "",
        }
    return columns


VIEWS = (
    View("/console/tuning", "tunings.html", _list),
    View("/console/tuning/{region}/{name}", "tuning.html", _page),
)
