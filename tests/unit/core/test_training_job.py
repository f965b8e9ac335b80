"""The life of a training job, exhaustively enough: every event in every state that can be reached."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core.training_job import (
    TERMINAL,
    Delayed,
    Ended,
    Event,
    JobState,
    Lost,
    Outcome,
    Phase,
    PhaseBegan,
    Prepared,
    Secondary,
    Status,
    StopRequested,
    apply,
    first_state,
)
from labelwright.errors import IllegalTransition

KINDS = st.one_of(
    st.sampled_from([Delayed, Prepared, Lost, StopRequested]).map(lambda kind: (kind, {})),
    st.sampled_from(Phase).map(lambda phase: (PhaseBegan, {"phase": phase})),
    st.sampled_from(Outcome).map(lambda outcome: (Ended, {"outcome": outcome, "reason": "x" * 2000})),
)
STORIES = st.lists(st.tuples(KINDS, st.floats(0, 100)), max_size=12)

# What AWS's table allows beside each primary status.
SECONDARY = {
    Status.IN_PROGRESS: {"Starting", "Pending", "Downloading", "Training", "Uploading", "Restarting"},
    Status.STOPPING: {"Stopping", "Uploading"},
    Status.COMPLETED: {"Completed"},
    Status.FAILED: {"Failed"},
    Status.STOPPED: {"Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded"},
}


def played(*events: Event) -> JobState:
    state = first_state()
    for event in events:
        state = apply(state, event)
    return state


@given(STORIES)
def test_whatever_happens_the_statuses_fit_each_other(story: list[tuple[tuple[type, dict], float]]) -> None:
    state, at = first_state(), 1000.0
    for (kind, more), seconds in story:
        at += seconds
        event = kind(at=at, **more)
        before = state
        try:
            state = apply(state, event)
        except IllegalTransition:
            assert before.status in TERMINAL
            continue
        assert state.secondary.value in SECONDARY[state.status]
        assert state.message
        assert (state.ended_at is not None) == (state.status in TERMINAL)
        assert (state.failure_reason is not None) == (state.status is Status.FAILED)
        assert len(state.failure_reason or "") <= 1024
        assert 0 <= state.training_s <= at - 1000.0
        if before.status in TERMINAL:
            assert state == before
        if before.status is Status.STOPPING:
            assert state.status in (Status.STOPPING, Status.STOPPED)
        assert apply(state, event) == state  # a step that is repeated changes nothing more


def test_the_usual_way() -> None:
    state = played(
        Prepared(1.0),
        PhaseBegan(5.0, Phase.DOWNLOADING),
        PhaseBegan(8.0, Phase.TRAINING),
        PhaseBegan(8.5, Phase.DOWNLOADING),  # an old word
        PhaseBegan(20.0, Phase.UPLOADING),
        Ended(25.0, Outcome.COMPLETED),
    )
    assert (state.status, state.secondary) == (Status.COMPLETED, Secondary.COMPLETED)
    assert (state.started_at, state.ended_at, state.training_s) == (5.0, 25.0, 20.0)


def test_time_of_programs_that_were_lost_counts() -> None:
    state = played(
        PhaseBegan(10.0, Phase.TRAINING),
        Lost(15.0),
        Prepared(30.0),
        PhaseBegan(40.0, Phase.TRAINING),
        Ended(42.0, Outcome.FAILED, "AlgorithmError: , exit code: 1"),
    )
    assert (state.started_at, state.training_s) == (10.0, 7.0)


def test_a_job_that_has_ended_cannot_be_stopped() -> None:
    state = played(Ended(1.0, Outcome.MAX_RUNTIME_EXCEEDED))
    assert (state.status, state.secondary) == (Status.STOPPED, Secondary.MAX_RUNTIME_EXCEEDED)
    with pytest.raises(IllegalTransition, match=r"rejected because the training job is in status Stopped\."):
        apply(state, StopRequested(2.0))


def test_a_reason_can_be_stored_whatever_the_users_code_wrote() -> None:
    ended = apply(first_state(), Ended(at=1.0, outcome=Outcome.FAILED, reason="a\0b \ud800" + "x" * 2000))
    assert ended.failure_reason is not None
    assert ended.failure_reason.startswith("a\ufffdb ?x")
    assert len(ended.failure_reason.encode()) < 1030
