"""Task types by the suffix of their functions.

Types are entry points of the group ``labelwright.task_types``: the name is the suffix, the value a
`TaskType`. Ours are registered in the same way as those of other packages, each in a module of this package
that offers it as ``TASK_TYPE``. Looking types up is cheap; a module is imported when its type is first used.

>>> "BoundingBox" in implemented()
True
"""

from __future__ import annotations

import logging
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from labelwright.errors import LabelwrightError, NotFound
from labelwright.tasks.task_type import (
    COMPATIBLE,
    Answer,
    Categories,
    Failure,
    JobNames,
    Label,
    LabelFile,
    Measure,
    ObjectAnswers,
    Outcome,
    ReadLine,
    TaskType,
    WorkerReport,
    algorithms_of,
    certainty_of,
    n_earlier_of,
    parse_categories,
)

__all__ = [
    "COMPATIBLE",
    "GROUP",
    "Answer",
    "Categories",
    "Failure",
    "JobNames",
    "Label",
    "LabelFile",
    "Measure",
    "ObjectAnswers",
    "Outcome",
    "ReadLine",
    "TaskType",
    "WorkerReport",
    "algorithms_of",
    "certainty_of",
    "implemented",
    "n_earlier_of",
    "parse_categories",
    "task_type",
]

GROUP = "labelwright.task_types"
"""The entry-point group."""

_OURS = "labelwright"
_log = logging.getLogger(__name__)


@cache
def _registered() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    # Ours first: nobody else's package may change what a documented type does.
    for point in sorted(entry_points(group=GROUP), key=lambda p: (_package(p) != _OURS, _package(p))):
        other = found.setdefault(point.name, point)
        if _package(other) != _package(point):
            _log.warning(
                "a task type is registered twice; the first package's is used",
                extra={
                    "action": "register",
                    "task_type": point.name,
                    "packages": [_package(other), _package(point)],
                },
            )
    if not any(_package(point) == _OURS for point in found.values()):
        raise LabelwrightError(
            f"The task types of Labelwright are not registered as entry points ({GROUP}). Its installation "
            "is incomplete or older than its source: install it again (make install, or pip install)."
        )
    return found


def _package(point: EntryPoint) -> str:
    return point.dist.name.lower() if point.dist is not None else ""


def implemented() -> frozenset[str]:
    """Suffixes of the task types that can be run.

    Raises
    ------
    LabelwrightError
        When the package is not properly installed.
    """
    return frozenset(_registered())


@cache
def task_type(suffix: str) -> TaskType:
    """The task type behind a suffix.

    Raises
    ------
    NotFound
        When no package offers it.
    LabelwrightError
        When the package that offers it cannot be loaded.
    """
    point = _registered().get(suffix)
    if point is None:
        raise NotFound(
            f"The task type {suffix} is not available yet; these are: {', '.join(sorted(implemented()))}.",
            kind="task type",
            name=suffix,
        )
    try:
        return cast(TaskType, point.load())
    except (ImportError, AttributeError) as error:
        raise LabelwrightError(
            f"The task type {suffix} of the package {_package(point)} cannot be loaded from {point.value}: "
            f"{error}. Mend or remove that package."
        ) from error
