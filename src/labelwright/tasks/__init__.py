"""Task types by the suffix of their functions.

A module of this package that offers ``TASK_TYPE`` is a task type; adding one touches no other file.

>>> "BoundingBox" in implemented()
True
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from labelwright.errors import NotFound
from labelwright.tasks.task_type import (
    Answer,
    Categories,
    Failure,
    JobNames,
    Label,
    LabelFile,
    ObjectAnswers,
    Outcome,
    ReadLine,
    TaskType,
    parse_categories,
)

__all__ = [
    "Answer",
    "Categories",
    "Failure",
    "JobNames",
    "Label",
    "LabelFile",
    "ObjectAnswers",
    "Outcome",
    "ReadLine",
    "TaskType",
    "implemented",
    "parse_categories",
    "task_type",
]


@cache
def _registry() -> dict[str, TaskType]:
    registry: dict[str, TaskType] = {}
    for module in pkgutil.iter_modules(__path__):
        found = getattr(importlib.import_module(f"{__name__}.{module.name}"), "TASK_TYPE", None)
        if found is not None:
            registry.update(dict.fromkeys(found.suffixes, found))
    return registry


def implemented() -> frozenset[str]:
    """Suffixes of the task types that can be run."""
    return frozenset(_registry())


def task_type(suffix: str) -> TaskType:
    """The task type behind a suffix.

    Raises
    ------
    NotFound
        When no module offers it.
    """
    try:
        return _registry()[suffix]
    except KeyError:
        raise NotFound(
            f"The task type {suffix} is not available yet; these are: {', '.join(sorted(implemented()))}.",
            kind="task type",
            name=suffix,
        ) from None
