"""Tasks and the objects they show: slots, leases, declines, and which object a worker gets next.

An object asks for n workers. It has n slots; a slot is free, held by a live task, or filled with an answer::

    n_free + n_live + n_answers = n      while the object is open and fewer than n workers have declined

    free ──take──> reserved ──start──> working <──resume── paused
      ^                │                │  │  └──pause───────^
      │                │                │  └── submit ──> submitted (slot filled)
      └── release, lease ran out, decline ┘

A declining worker gives the slot back but is never offered the object again. Once as many workers declined
as the object asks for, its free slots are gone; it closes when the last live task ends.
With adaptive redundancy a closed object that waits for consolidation may be opened again with one slot more
(`labelwright.engine.redundancy`); it closes after that answer, or when the slot is declined often enough.
The database does the same arithmetic in its statements; the tests hold the two side by side.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from enum import IntEnum, StrEnum

from labelwright.errors import IllegalTransition

__all__ = [
    "LIVE",
    "Candidate",
    "ObjectEvent",
    "ObjectSlots",
    "ObjectState",
    "TaskEvent",
    "TaskState",
    "apply_object",
    "apply_task",
    "expiry_of",
    "next_object",
]


class TaskState(StrEnum):
    """State of one task: one object shown to one worker."""

    RESERVED = "reserved"
    WORKING = "working"
    PAUSED = "paused"
    SUBMITTED = "submitted"
    DECLINED = "declined"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


LIVE = frozenset({TaskState.RESERVED, TaskState.WORKING, TaskState.PAUSED})
"""States in which a task holds a slot of its object."""


class TaskEvent(StrEnum):
    """What can happen to a task."""

    START = "start"
    PAUSE = "pause"
    SUBMIT = "submit"
    DECLINE = "decline"
    RELEASE = "release"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"


_TASK_TABLE: dict[tuple[TaskState, TaskEvent], TaskState] = {
    (TaskState.RESERVED, TaskEvent.START): TaskState.WORKING,
    (TaskState.PAUSED, TaskEvent.START): TaskState.WORKING,
    (TaskState.WORKING, TaskEvent.START): TaskState.WORKING,
    (TaskState.WORKING, TaskEvent.PAUSE): TaskState.PAUSED,
    (TaskState.PAUSED, TaskEvent.PAUSE): TaskState.PAUSED,
    (TaskState.WORKING, TaskEvent.SUBMIT): TaskState.SUBMITTED,
    (TaskState.PAUSED, TaskEvent.SUBMIT): TaskState.SUBMITTED,
    (TaskState.RESERVED, TaskEvent.SUBMIT): TaskState.SUBMITTED,
    (TaskState.SUBMITTED, TaskEvent.SUBMIT): TaskState.SUBMITTED,
    (TaskState.DECLINED, TaskEvent.DECLINE): TaskState.DECLINED,
    (TaskState.RETURNED, TaskEvent.RELEASE): TaskState.RETURNED,
    (TaskState.RETURNED, TaskEvent.EXPIRE): TaskState.RETURNED,
    (TaskState.WITHDRAWN, TaskEvent.WITHDRAW): TaskState.WITHDRAWN,
    **{(state, TaskEvent.DECLINE): TaskState.DECLINED for state in LIVE},
    **{(state, TaskEvent.RELEASE): TaskState.RETURNED for state in LIVE},
    **{(state, TaskEvent.EXPIRE): TaskState.RETURNED for state in LIVE},
    **{(state, TaskEvent.WITHDRAW): TaskState.WITHDRAWN for state in LIVE},
}


def apply_task(state: TaskState, event: TaskEvent) -> TaskState:
    """The task's state after an event; repeating the event that ended it changes nothing.

    Raises
    ------
    IllegalTransition
        When the event cannot happen in this state.
    """
    try:
        return _TASK_TABLE[state, event]
    except KeyError:
        raise IllegalTransition(f"A task that is {state} cannot take the event {event}.") from None


def expiry_of(*, started_at: float, time_limit_s: float) -> float:
    """When a lease that starts now runs out. Pausing does not move it."""
    return started_at + time_limit_s


class ObjectState(IntEnum):
    """State of a data object; small numbers because there may be ten million of them."""

    PENDING = 0  # not sent to workers yet
    OPEN = 1  # tasks may be taken or are being worked on
    READY = 2  # closed with at least one answer, waits for consolidation
    GROUPED = 3  # in a consolidation group
    LABELED = 4  # labeled in this job
    FAILED = 5  # given up
    SKIPPED = 6  # needs no annotation
    KEPT = 7  # came with a label


class ObjectEvent(StrEnum):
    """What can happen to an open object."""

    TAKE = "take"
    SUBMIT = "submit"
    DECLINE = "decline"
    RETURN = "return"  # released, or the lease ran out
    CLOSE = "close"  # its lifetime is over, or the job stops


@dataclasses.dataclass(frozen=True, slots=True)
class ObjectSlots:
    """The slots of one object.

    Attributes
    ----------
    n_wanted : int
        Workers asked for, 1-9.
    n_free, n_live, n_answers, n_declined : int
    state : ObjectState
    """

    n_wanted: int
    n_free: int
    n_live: int = 0
    n_answers: int = 0
    n_declined: int = 0
    state: ObjectState = ObjectState.OPEN

    @classmethod
    def opened(cls, n_wanted: int) -> ObjectSlots:
        """An object whose tasks have just become available."""
        return cls(n_wanted=n_wanted, n_free=n_wanted)

    @property
    def is_declined(self) -> bool:
        """Whether as many workers declined as the object asks for."""
        return self.n_declined >= self.n_wanted


def apply_object(slots: ObjectSlots, event: ObjectEvent) -> ObjectSlots:
    """The object's slots after an event.

    Raises
    ------
    IllegalTransition
        When there is no slot to take or none to give back, or the object is not open.
    """
    if slots.state is not ObjectState.OPEN:
        raise IllegalTransition(f"A data object that is {slots.state.name} cannot take the event {event}.")
    if event is ObjectEvent.CLOSE:
        # Live tasks are withdrawn by whoever closes the object.
        return _closed(dataclasses.replace(slots, n_live=0))
    if event is ObjectEvent.TAKE:
        if slots.n_free < 1:
            raise IllegalTransition("A data object without a free slot cannot be taken.")
        return dataclasses.replace(slots, n_free=slots.n_free - 1, n_live=slots.n_live + 1)
    if slots.n_live < 1:
        raise IllegalTransition(f"A data object without a live task cannot take the event {event}.")
    slots = dataclasses.replace(slots, n_live=slots.n_live - 1)
    if event is ObjectEvent.SUBMIT:
        slots = dataclasses.replace(slots, n_answers=slots.n_answers + 1)
    elif event is ObjectEvent.DECLINE:
        slots = dataclasses.replace(slots, n_declined=slots.n_declined + 1, n_free=slots.n_free + 1)
    else:
        slots = dataclasses.replace(slots, n_free=slots.n_free + 1)
    if slots.is_declined:
        slots = dataclasses.replace(slots, n_free=0)
    if slots.n_answers >= slots.n_wanted or (slots.is_declined and slots.n_live == 0):
        return _closed(slots)
    return slots


def _closed(slots: ObjectSlots) -> ObjectSlots:
    state = ObjectState.READY if slots.n_answers else ObjectState.FAILED
    return dataclasses.replace(slots, n_free=0, state=state)


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """An object that could be handed out."""

    object_no: int
    n_free: int


def next_object(candidates: Iterable[Candidate], seen: Collection[int]) -> Candidate | None:
    """The object a worker gets next: closest to completion first, then in manifest order.

    Parameters
    ----------
    candidates : iterable of Candidate
    seen : collection of int
        Numbers of the objects this worker holds, answered or declined; never offered again.
    """
    free = (c for c in candidates if c.n_free > 0 and c.object_no not in seen)
    return min(free, key=lambda c: (c.n_free, c.object_no), default=None)
