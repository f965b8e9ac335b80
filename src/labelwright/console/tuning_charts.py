"""The charts of a search: the objective over the trials, and over each hyperparameter that is tuned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import orjson

from labelwright.console import axes
from labelwright.console.axes import Axis
from labelwright.console.scatter_chart import Mark, best_so_far, scatter
from labelwright.core.tuning_job import better
from labelwright.core.tuning_ranges import Categorical, Range
from labelwright.core.tuning_rules import Plan
from labelwright.store.tuning_jobs import TrialRow

__all__ = ["by_hyperparameter", "progress"]


def progress(plan: Plan, trials: Sequence[TrialRow], best: TrialRow | None) -> dict[str, Any] | None:
    """The objective over the number of the trial, with the best so far; None while there is no value."""
    marks = [Mark(trial.number, trial.value, _text(trial)) for trial in trials if trial.value is not None]
    if not marks or best is None or best.value is None:
        return None
    metric = plan.definitions[0].metric
    last = trials[-1].number

    def is_better(value: float, than: float) -> bool:
        return better(value, than, is_maximised=plan.criteria.is_maximised)

    return scatter(
        f"{metric} over trainings",
        marks,
        across=_numbers(last),
        up=_objective(marks),
        best=Mark(best.number, best.value, _text(best)),
        line=best_so_far(marks, is_better, end=last),
        summary=(
            f"{metric} of {len(marks)} trainings, from {min(m.y for m in marks):.4g} to "
            f"{max(m.y for m in marks):.4g}; the best, {best.value:.4g}, is of training {best.number}"
        ),
    )


def by_hyperparameter(plan: Plan, trials: Sequence[TrialRow], best: TrialRow | None) -> list[dict[str, Any]]:
    """For each hyperparameter that is tuned: the objective over its values."""
    ranges: dict[str, list[Range]] = {}
    for definition in plan.definitions:
        for each in definition.space:
            ranges.setdefault(each.name, []).append(each)
    valued = [(trial, orjson.loads(trial.tuned)) for trial in trials if trial.value is not None]
    charts = []
    for name, own in ranges.items():
        marks = [
            Mark(x, trial.value, f"{name} {tuned[name]}: {_text(trial)}")
            for trial, tuned in valued
            if trial.value is not None and (x := _position(own, tuned.get(name))) is not None
        ]
        if not marks:
            continue
        chosen = None
        if best is not None and best.value is not None:
            text = orjson.loads(best.tuned).get(name)
            if (x := _position(own, text)) is not None:
                chosen = Mark(x, best.value, f"{name} {text}: {_text(best)}")
        scale = "" if isinstance(own[0], Categorical) or own[0].scaling == "Linear" else ", logarithmic axis"
        charts.append(
            scatter(
                name,
                marks,
                across=_axis(own),
                up=_objective(marks),
                best=chosen,
                summary=(
                    f"{plan.definitions[0].metric} over {name}{scale}: {len(marks)} trainings"
                    + (f", the best at {orjson.loads(best.tuned).get(name)}" if best and chosen else "")
                ),
            )
        )
    return charts


def _text(trial: TrialRow) -> str:
    return f"{trial.value:.5g}, training {trial.number}"


def _objective(marks: Sequence[Mark]) -> Axis:
    return axes.linear(min(mark.y for mark in marks), max(mark.y for mark in marks))


def _numbers(last: int) -> Axis:
    """Whole numbers from 1."""
    step = max(1, math.ceil(axes.nice_step(last / 8)))
    width = max(1, last - 1)
    ticks = [1, *range(step, last + 1, step)] if step > 1 else range(1, last + 1)
    return Axis(lambda value: (value - 1) / width, tuple(((n - 1) / width, str(n)) for n in ticks))


def _categories(ranges: Sequence[Range]) -> list[str]:
    names = [value for each in ranges if isinstance(each, Categorical) for value in each.values]
    return list(dict.fromkeys(names))


def _position(ranges: Sequence[Range], text: str | None) -> float | None:
    """Where a value goes on the axis of its hyperparameter; None when it is none."""
    if text is None:
        return None
    if isinstance(ranges[0], Categorical):
        names = _categories(ranges)
        return float(names.index(text)) if text in names else None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _axis(ranges: Sequence[Range]) -> Axis:
    """Over what every definition may take."""
    if isinstance(ranges[0], Categorical):
        return axes.categories(_categories(ranges))
    numeric = [each for each in ranges if not isinstance(each, Categorical)]
    low, high = float(min(each.low for each in numeric)), float(max(each.high for each in numeric))
    scalings = {each.scaling for each in numeric}
    if scalings == {"Logarithmic"}:
        return axes.logarithmic(low, high)
    if scalings == {"ReverseLogarithmic"}:
        return axes.reverse_logarithmic(low, high)
    return axes.linear(low, high)
