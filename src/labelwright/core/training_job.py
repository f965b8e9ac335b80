"""The life of a training job: status, secondary status and their messages.

::

    create ─> InProgress ──────────────────────────────────────────────> Completed
                │ Starting [─> Pending ─> Starting] ─> Downloading ─>      Failed
                │ Training ─> Uploading                                    Stopped (MaxRuntimeExceeded,
                │    └── lost ─> Restarting ─> Starting ─> ...                      MaxWaitTimeExceeded)
                └── stop ─> Stopping [─> Uploading] ──────────────────> Stopped

Each step of the secondary status is one entry of ``SecondaryStatusTransitions``; while the status stays, its
message may change in place. Downloading is left out by jobs without a channel in File mode. Whatever becomes
of a job that is stopping, it ends as Stopped.
"""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import assert_never

from labelwright.core.failure_reasons import REASON_CHARS_MAX, storable
from labelwright.errors import IllegalTransition

__all__ = [
    "TERMINAL",
    "Delayed",
    "Ended",
    "Event",
    "JobState",
    "Lost",
    "Outcome",
    "Phase",
    "PhaseBegan",
    "Prepared",
    "Secondary",
    "Status",
    "StopRequested",
    "apply",
    "first_state",
]


class Status(StrEnum):
    """``TrainingJobStatus``."""

    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.STOPPED})


class Secondary(StrEnum):
    """``SecondaryStatus``, as far as it is in use."""

    STARTING = "Starting"
    PENDING = "Pending"
    DOWNLOADING = "Downloading"
    TRAINING = "Training"
    UPLOADING = "Uploading"
    RESTARTING = "Restarting"
    STOPPING = "Stopping"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"
    MAX_RUNTIME_EXCEEDED = "MaxRuntimeExceeded"
    MAX_WAIT_TIME_EXCEEDED = "MaxWaitTimeExceeded"


class Phase(StrEnum):
    """What the program of a job says it is doing."""

    DOWNLOADING = "Downloading"
    TRAINING = "Training"
    UPLOADING = "Uploading"


class Outcome(StrEnum):
    """How a job ended, before a request to stop it is taken into account."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"
    MAX_RUNTIME_EXCEEDED = "MaxRuntimeExceeded"
    MAX_WAIT_TIME_EXCEEDED = "MaxWaitTimeExceeded"


@dataclasses.dataclass(frozen=True, slots=True)
class JobState:
    """What the machine needs to know of a job.

    Attributes
    ----------
    status : Status
    secondary : Secondary
    message : str
        ``StatusMessage`` of the current transition.
    started_at : float or None
        When the job left Starting for the first time.
    run_started_at : float or None
        The same of the program that runs now.
    earlier_s : float
        Training time of programs before this one.
    ended_at : float or None
    failure_reason : str or None
        At most 1024 characters.
    """

    status: Status
    secondary: Secondary
    message: str
    started_at: float | None = None
    run_started_at: float | None = None
    earlier_s: float = 0.0
    ended_at: float | None = None
    failure_reason: str | None = None

    @property
    def training_s(self) -> float:
        """Training time of a job that has ended, over all its programs."""
        if self.run_started_at is None or self.ended_at is None:
            return self.earlier_s
        return self.earlier_s + max(0.0, self.ended_at - self.run_started_at)


@dataclasses.dataclass(frozen=True, slots=True)
class Delayed:
    """There is no free place for the job now."""

    at: float


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """The job has a place and its program is about to start."""

    at: float


@dataclasses.dataclass(frozen=True, slots=True)
class PhaseBegan:
    """The program said what it does from now on."""

    at: float
    phase: Phase


@dataclasses.dataclass(frozen=True, slots=True)
class Lost:
    """The program died without a word and is started once more."""

    at: float


@dataclasses.dataclass(frozen=True, slots=True)
class StopRequested:
    """StopTrainingJob was called."""

    at: float


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """Nothing is left to do."""

    at: float
    outcome: Outcome
    reason: str | None = None


Event = Delayed | Prepared | PhaseBegan | Lost | StopRequested | Ended

_CREATED = "Starting the training job"
_PENDING = "Waiting until fewer training jobs run than may run at a time"
_PREPARING = "Preparing the instances for training"
_RESTARTING = "Restarting the training job after an internal error"
_PHASES = {
    Phase.DOWNLOADING: "Downloading input data",
    Phase.TRAINING: "Training image download completed. Training in progress.",
    Phase.UPLOADING: "Uploading generated training model",
}
_RANKS = {
    Secondary.STARTING: 0,
    Secondary.PENDING: 0,
    Secondary.RESTARTING: 0,
    Secondary.DOWNLOADING: 1,
    Secondary.TRAINING: 2,
    Secondary.STOPPING: 2,  # behind it only an upload may come
    Secondary.UPLOADING: 3,
}
_ENDS = {
    Outcome.COMPLETED: (Status.COMPLETED, Secondary.COMPLETED, "Training job completed"),
    Outcome.FAILED: (Status.FAILED, Secondary.FAILED, "Training job failed"),
    Outcome.STOPPED: (Status.STOPPED, Secondary.STOPPED, "Training job stopped"),
    Outcome.MAX_RUNTIME_EXCEEDED: (
        Status.STOPPED,
        Secondary.MAX_RUNTIME_EXCEEDED,
        "Training job runtime exceeded MaxRuntimeInSeconds provided",
    ),
    Outcome.MAX_WAIT_TIME_EXCEEDED: (
        Status.STOPPED,
        Secondary.MAX_WAIT_TIME_EXCEEDED,
        "Training job wait time exceeded MaxWaitTimeInSeconds provided",
    ),
}


def first_state() -> JobState:
    """The state of a job that was created just now."""
    return JobState(Status.IN_PROGRESS, Secondary.STARTING, _CREATED)


def apply(state: JobState, event: Event) -> JobState:
    """The state after an event; the same one when the event comes late or a second time.

    Raises
    ------
    IllegalTransition
        For a request to stop a job that has ended; its message is the documented one.
    """
    if state.status in TERMINAL:
        if isinstance(event, StopRequested):
            raise IllegalTransition(
                f"The request was rejected because the training job is in status {state.status}."
            )
        return state
    match event:
        case Delayed():
            if state.status is Status.IN_PROGRESS and state.secondary is Secondary.STARTING:
                return dataclasses.replace(state, secondary=Secondary.PENDING, message=_PENDING)
            return state
        case Prepared():
            if state.status is Status.IN_PROGRESS and _RANKS[state.secondary] == 0:
                return dataclasses.replace(state, secondary=Secondary.STARTING, message=_PREPARING)
            return state
        case PhaseBegan(at=at, phase=phase):
            return _in_phase(state, phase, at)
        case Lost(at=at):
            if state.status is not Status.IN_PROGRESS or state.secondary is Secondary.RESTARTING:
                return state
            since = state.run_started_at
            return dataclasses.replace(
                state,
                secondary=Secondary.RESTARTING,
                message=_RESTARTING,
                run_started_at=None,
                earlier_s=state.earlier_s + (0.0 if since is None else max(0.0, at - since)),
            )
        case StopRequested():
            if state.status is Status.STOPPING:
                return state
            return dataclasses.replace(
                state,
                status=Status.STOPPING,
                secondary=Secondary.STOPPING,
                message="Stopping the training job",
            )
        case Ended(at=at, outcome=outcome, reason=reason):
            return _ended(state, at, outcome, reason)
        case _:
            assert_never(event)


def _in_phase(state: JobState, phase: Phase, at: float) -> JobState:
    """Phases come in order; one that is not beyond the current status is a repeated word."""
    begun = state
    if state.run_started_at is None:
        begun = dataclasses.replace(
            state,
            started_at=at if state.started_at is None else state.started_at,
            run_started_at=at,
        )
    secondary = Secondary(phase.value)
    if _RANKS[secondary] <= _RANKS[state.secondary]:
        return begun
    return dataclasses.replace(begun, secondary=secondary, message=_PHASES[phase])


def _ended(state: JobState, at: float, outcome: Outcome, reason: str | None) -> JobState:
    if state.status is Status.STOPPING:
        outcome = Outcome.STOPPED
    status, secondary, message = _ENDS[outcome]
    return dataclasses.replace(
        state,
        status=status,
        secondary=secondary,
        message=message,
        ended_at=at,
        failure_reason=storable(reason or "")[:REASON_CHARS_MAX] if outcome is Outcome.FAILED else None,
    )
