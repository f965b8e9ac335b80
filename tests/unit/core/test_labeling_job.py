"""The life of a labeling job."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core import labeling_job as machine
from labelwright.core.labeling_job import TERMINAL, Effect, JobState, Status, StopCause, apply
from labelwright.errors import IllegalTransition

EVENTS = [
    machine.Initialized(at=1.0),
    machine.StopRequested(at=1.0),
    machine.ConditionMet(at=1.0),
    machine.AgeReached(at=1.0, reason="too old"),
    machine.Finished(at=1.0),
    machine.Drained(at=1.0, is_everything_labeled=False),
    machine.Drained(at=1.0, is_everything_labeled=True),
    machine.Failed(at=1.0, reason="broken"),
]


def run(*events: machine.Event) -> JobState:
    state = JobState(Status.INITIALIZING)
    for event in events:
        state, _ = apply(state, event)
    return state


@pytest.mark.parametrize(("status", "event"), list(itertools.product(Status, EVENTS)))
def test_every_pair_of_status_and_event_is_decided(status: Status, event: machine.Event) -> None:
    state = JobState(status)
    try:
        new, effects = apply(state, event)
    except IllegalTransition as error:
        assert str(status) in error.message
        return
    if new == state:
        assert effects == ()
    else:
        assert status not in TERMINAL
        assert (new.ended_at is not None) == (new.status in TERMINAL)


@settings(deadline=None)
@given(st.lists(st.sampled_from(EVENTS), max_size=12))
def test_what_has_ended_stays_ended(events: list[machine.Event]) -> None:
    state = JobState(Status.INITIALIZING)
    for event in events:
        before = state
        try:
            state, _ = apply(state, event)
        except IllegalTransition:
            continue
        if before.status in TERMINAL:
            assert state == before
        once, _ = state, None
        # Doing a step again after a crash changes nothing more.
        try:
            twice, effects = apply(state, event)
        except IllegalTransition:
            continue
        if twice == once:
            assert effects == ()


def test_a_job_without_trouble() -> None:
    assert run(EVENTS[0], EVENTS[4]).status is Status.COMPLETED


def test_a_requested_stop_ends_stopped_even_when_everything_is_labeled() -> None:
    state = run(EVENTS[0], EVENTS[1])
    assert state.stop_cause is StopCause.REQUEST
    state, effects = apply(state, EVENTS[6])
    assert state.status is Status.STOPPED
    assert effects == (Effect.ANNOUNCE,)


@pytest.mark.parametrize(("complete", "status"), [(False, Status.STOPPED), (True, Status.COMPLETED)])
def test_a_condition_ends_by_what_is_left(complete: bool, status: Status) -> None:
    state = run(EVENTS[0], EVENTS[2], machine.Drained(at=2.0, is_everything_labeled=complete))
    assert state.status is status


def test_an_old_job_fails_with_its_reason() -> None:
    state = run(EVENTS[0], EVENTS[3], EVENTS[5])
    assert (state.status, state.failure_reason) == (Status.FAILED, "too old")


def test_a_stop_while_initializing_goes_through_stopping() -> None:
    assert run(EVENTS[1]).status is Status.STOPPING
