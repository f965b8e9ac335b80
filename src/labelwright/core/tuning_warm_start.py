"""Which tuning jobs may be the parents of another one, and what of them can be used."""

from __future__ import annotations

from collections.abc import Sequence

from labelwright.core.tuning_ranges import Categorical, Range
from labelwright.core.tuning_rules import Definition, Plan
from labelwright.errors import InvalidRequest

__all__ = ["PARENT_JOBS_MAX", "check_parent", "check_total"]

PARENT_JOBS_MAX = 500
"""Training jobs of all parents and of the new tuning job together."""

_CHANGES_MAX = 10


def check_parent(name: str, parent: Plan, child: Plan) -> None:
    """Check one parent, given as it was planned.

    Raises
    ------
    InvalidRequest
        Objective metric, number or type of hyperparameters differ, too much became static or changed, or
        data or algorithm differ where they must be the same.
    """
    if len(child.definitions) != 1 or len(parent.definitions) != 1:
        raise _unfit(name, "a warm start takes one training job definition on both sides")
    old, new = parent.definitions[0], child.definitions[0]
    if (old.metric, old.is_maximised) != (new.metric, new.is_maximised):
        raise _unfit(name, f"its objective metric is {old.metric!r}, not {new.metric!r}")
    n_old, n_new = (len(each.space) + len(each.static) for each in (old, new))
    if n_old != n_new:
        raise _unfit(
            name, f"it has {n_old} hyperparameters, static and tunable together, and this job has {n_new}"
        )
    ranges = {each.name: each for each in old.space}
    for each in new.space:
        before = ranges.get(each.name)
        if before is not None and type(before) is not type(each):
            raise _unfit(
                name, f"the hyperparameter {each.name!r} was {_kind(before)} and is {_kind(each)} now"
            )
    n_changes = _changes(old, new)
    if n_changes > _CHANGES_MAX:
        raise _unfit(
            name,
            f"{n_changes} hyperparameters became static or have another static value; at most {_CHANGES_MAX} "
            "may",
        )
    _check_algorithm(name, old, new, is_identical=child.is_identical)


def check_total(n_parent_jobs: int, child: Plan) -> None:
    """Check that parents and child together are not too many.

    Raises
    ------
    InvalidRequest
    """
    total = n_parent_jobs + child.criteria.n_jobs_max
    if total > PARENT_JOBS_MAX:
        raise InvalidRequest(
            f"The parents of the warm start have {n_parent_jobs} training jobs; with "
            f"MaxNumberOfTrainingJobs {child.criteria.n_jobs_max} that is {total}, and at most "
            f"{PARENT_JOBS_MAX} are allowed.",
            field="ResourceLimits.MaxNumberOfTrainingJobs",
            value=child.criteria.n_jobs_max,
        )


def _changes(old: Definition, new: Definition) -> int:
    n = sum(1 for key, value in new.static.items() if key in old.static and old.static[key] != value)
    for each in old.space:
        if each.name in new.static:
            # Either value of a pair that becomes static rules the other one out: that counts twice.
            n += 2 if isinstance(each, Categorical) and len(each.values) == 2 else 1
    return n


def _check_algorithm(name: str, old: Definition, new: Definition, *, is_identical: bool) -> None:
    images: Sequence[str] = [
        each.request["AlgorithmSpecification"].get("TrainingImage", "") for each in (old, new)
    ]
    if is_identical:
        if images[0] != images[1]:
            raise _unfit(name, f"its training image is {images[0]!r}; use TransferLearning for another one")
        if old.request.get("InputDataConfig") != new.request.get("InputDataConfig"):
            raise _unfit(name, "its input data differ; use TransferLearning for other data")
    elif _repository(images[0]) != _repository(images[1]):
        raise _unfit(
            name, f"its training image is {images[0]!r}; another version of it would do, not another image"
        )


def _repository(image: str) -> str:
    head, slash, tail = image.partition("@")[0].rpartition("/")
    return head + slash + tail.partition(":")[0]


def _kind(each: Range) -> str:
    return type(each).__name__.lower()


def _unfit(name: str, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"The tuning job {name!r} cannot be a parent of this one: {why}.",
        field="WarmStartConfig",
        value=name,
    )
