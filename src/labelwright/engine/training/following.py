"""What a running program tells: phases become transitions, metrics become rows.

Both are files that only grow. How far they were read stands in the job's row and moves in the transaction
that keeps what was read, so that nothing is kept twice or lost, whenever the server is killed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from labelwright.core.failure_reasons import storable
from labelwright.core.training_job import Phase, PhaseBegan
from labelwright.engine.supervisor import SupervisedTools
from labelwright.engine.training import KIND
from labelwright.engine.training.telling import transition
from labelwright.store import metric_points, training_jobs
from labelwright.store.training_jobs import TrainingJobRow

__all__ = ["follow"]

_BYTES_AT_ONCE = 1 << 20
_PROGRESS, _METRICS = "progress.jsonl", "metrics.jsonl"
_NAME_MAX = 255
_PHASES = {phase.value: phase for phase in Phase}


def follow(tools: SupervisedTools, row: TrainingJobRow, folder: Path) -> bool:
    """Take in what the program has said since the last look; True when there is more."""
    progress, progress_end, more_progress = _new_lines(folder / _PROGRESS, row.progress_position)
    metrics, metrics_end, more_metrics = _new_lines(folder / _METRICS, row.metrics_position)
    if progress_end == row.progress_position and metrics_end == row.metrics_position:
        return False
    now = tools.clock()
    phases = [event for line in progress if (event := _phase(line, row, now)) is not None]
    points = [point for line in metrics if (point := _point(line)) is not None]
    tools.database.write(
        partial(
            _keep,
            row=row,
            phases=phases,
            points=points,
            progress_position=progress_end,
            metrics_position=metrics_end,
        )
    )
    return more_progress or more_metrics


def _keep(
    connection: Connection,
    row: TrainingJobRow,
    phases: list[PhaseBegan],
    points: list[tuple[str, float, float]],
    progress_position: int,
    metrics_position: int,
) -> None:
    current = training_jobs.get(connection, row.id)
    was = (row.attempt, row.progress_position, row.metrics_position)
    if current is None or (current.attempt, current.progress_position, current.metrics_position) != was:
        return  # somebody else has read it
    if points:
        metric_points.add_points(connection, KIND, row.id, points)
    training_jobs.set_columns(
        connection, row.id, progress_position=progress_position, metrics_position=metrics_position
    )
    transition(connection, row.id, *phases)


def _new_lines(path: Path, position: int) -> tuple[list[dict[str, Any]], int, bool]:
    """The JSON objects behind a position, where their last line ends, and whether there is more."""
    try:
        with path.open("rb") as file:
            file.seek(position)
            data = file.read(_BYTES_AT_ONCE)
    except FileNotFoundError:
        return [], position, False
    whole, newline, _ = data.rpartition(b"\n")
    if not newline:
        # A line longer than everything that is read at once says nothing that we know; it is skipped.
        is_too_long = len(data) == _BYTES_AT_ONCE
        return [], position + (len(data) if is_too_long else 0), is_too_long
    return list(_objects(whole)), position + len(whole) + 1, len(data) == _BYTES_AT_ONCE


def _objects(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.split(b"\n"):
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue  # the user's code can write there as well
        if isinstance(content, dict):
            yield content


def _phase(line: dict[str, Any], row: TrainingJobRow, now: float) -> PhaseBegan | None:
    phase = _PHASES.get(str(line.get("message")))
    if phase is None:
        return None
    at = _number(line.get("at"))
    earliest = row.created_at if row.launched_at is None else row.launched_at
    return PhaseBegan(at=now if at is None else min(max(at, earliest), now), phase=phase)


def _point(line: dict[str, Any]) -> tuple[str, float, float] | None:
    name, value, at = line.get("name"), _number(line.get("value")), _number(line.get("at"))
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_MAX or storable(name) != name:
        return None
    return None if value is None or at is None else (name, value, at)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
