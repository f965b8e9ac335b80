"""The life of a labeling job.

::

    create ──> Initializing ──> InProgress ──────────────────> Completed
                    │   │            │   └──────────────────────> Failed
                    │   └── stop ──┐ └── stop, condition, age ─┐
                    │              v                           v
                    └──> Failed   Stopping ──────────> Stopped, Completed or Failed

A job that reaches a stopping condition or its greatest age goes through Stopping as well: open tasks are
withdrawn, answers that exist are consolidated, and then the cause decides how it ends.
"""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import assert_never

from labelwright.errors import IllegalTransition

__all__ = [
    "TERMINAL",
    "AgeReached",
    "ConditionMet",
    "Drained",
    "Effect",
    "Event",
    "Failed",
    "Finished",
    "Initialized",
    "JobState",
    "StopCause",
    "StopRequested",
    "Status",
    "apply",
]


class Status(StrEnum):
    """``LabelingJobStatus``."""

    INITIALIZING = "Initializing"
    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.STOPPED})


class StopCause(StrEnum):
    """Why a job is stopping; it decides how the job ends."""

    REQUEST = "request"
    CONDITION = "condition"
    AGE = "age"


@dataclasses.dataclass(frozen=True, slots=True)
class JobState:
    """What the machine needs to know of a job."""

    status: Status
    stop_cause: StopCause | None = None
    failure_reason: str | None = None
    ended_at: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Initialized:
    """The configuration and the manifest are checked and the objects indexed."""

    at: float


@dataclasses.dataclass(frozen=True, slots=True)
class StopRequested:
    """StopLabelingJob was called."""

    at: float


@dataclasses.dataclass(frozen=True, slots=True)
class ConditionMet:
    """A stopping condition holds."""

    at: float


@dataclasses.dataclass(frozen=True, slots=True)
class AgeReached:
    """The job is older than a job may be."""

    at: float
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Finished:
    """Every object is labeled or given up."""

    at: float


@dataclasses.dataclass(frozen=True, slots=True)
class Drained:
    """A stopping job has consolidated what it had."""

    at: float
    is_everything_labeled: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Failed:
    """The job cannot go on."""

    at: float
    reason: str


Event = Initialized | StopRequested | ConditionMet | AgeReached | Finished | Drained | Failed


class Effect(StrEnum):
    """What the engine is asked to do; each may be done again without harm."""

    OPEN_BATCHES = "open batches"
    WITHDRAW_TASKS = "withdraw tasks"
    ANNOUNCE = "announce the state change"
    RECORD_CONDITION = "record the stopping condition"


_Answer = tuple[JobState, tuple[Effect, ...]]

# Events that arrive twice because a step was repeated after a crash: nothing happens.
_REPEATED: frozenset[tuple[Status, type]] = frozenset(
    {
        (Status.IN_PROGRESS, Initialized),
        (Status.STOPPING, Initialized),
        (Status.STOPPING, StopRequested),
        (Status.STOPPING, ConditionMet),
        (Status.STOPPING, AgeReached),
        (Status.STOPPING, Finished),
        (Status.COMPLETED, Finished),
        (Status.COMPLETED, Drained),
        (Status.STOPPED, Drained),
        (Status.FAILED, Drained),
        (Status.FAILED, Failed),
    }
)

_ALLOWED: frozenset[tuple[Status, type]] = frozenset(
    {
        (Status.INITIALIZING, Initialized),
        (Status.INITIALIZING, StopRequested),
        (Status.INITIALIZING, AgeReached),
        (Status.INITIALIZING, Failed),
        (Status.IN_PROGRESS, StopRequested),
        (Status.IN_PROGRESS, ConditionMet),
        (Status.IN_PROGRESS, AgeReached),
        (Status.IN_PROGRESS, Finished),
        (Status.IN_PROGRESS, Failed),
        (Status.STOPPING, Drained),
        (Status.STOPPING, Failed),
    }
)


def apply(state: JobState, event: Event) -> _Answer:
    """The state after an event, and what is to be done about it.

    Raises
    ------
    IllegalTransition
        When the event cannot happen in this state, for example a stop request for a job that has ended.
    """
    key = (state.status, type(event))
    if key in _REPEATED:
        return state, ()
    if key not in _ALLOWED:
        raise IllegalTransition(
            f"A labeling job that is {state.status} cannot take the event {type(event).__name__}."
        )
    match event:
        case Initialized():
            return dataclasses.replace(state, status=Status.IN_PROGRESS), (Effect.OPEN_BATCHES,)
        case StopRequested():
            return _stopping(state, StopCause.REQUEST), (Effect.WITHDRAW_TASKS,)
        case ConditionMet():
            effects = (Effect.RECORD_CONDITION, Effect.WITHDRAW_TASKS)
            return _stopping(state, StopCause.CONDITION), effects
        case AgeReached(reason=reason):
            aged = dataclasses.replace(_stopping(state, StopCause.AGE), failure_reason=reason)
            return aged, (Effect.WITHDRAW_TASKS,)
        case Finished(at=at):
            return _ended(state, Status.COMPLETED, at), (Effect.ANNOUNCE,)
        case Drained(at=at, is_everything_labeled=complete):
            return _ended(state, _end_of(state.stop_cause, complete), at), (Effect.ANNOUNCE,)
        case Failed(at=at, reason=reason):
            failed = dataclasses.replace(state, failure_reason=reason)
            return _ended(failed, Status.FAILED, at), (Effect.WITHDRAW_TASKS, Effect.ANNOUNCE)
        case _:
            assert_never(event)


def _stopping(state: JobState, cause: StopCause) -> JobState:
    return dataclasses.replace(state, status=Status.STOPPING, stop_cause=cause)


def _ended(state: JobState, status: Status, at: float) -> JobState:
    return dataclasses.replace(state, status=status, ended_at=at)


def _end_of(cause: StopCause | None, is_everything_labeled: bool) -> Status:
    match cause:
        case StopCause.AGE:
            return Status.FAILED
        case StopCause.CONDITION:
            return Status.COMPLETED if is_everything_labeled else Status.STOPPED
        case StopCause.REQUEST | None:
            return Status.STOPPED
        case _:
            assert_never(cause)
