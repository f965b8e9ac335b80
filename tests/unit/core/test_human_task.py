"""Slots of objects, states of tasks, and which object comes next."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from labelwright.core.human_task import (
    LIVE,
    Candidate,
    ObjectEvent,
    ObjectSlots,
    ObjectState,
    TaskEvent,
    TaskState,
    apply_object,
    apply_task,
    next_object,
)
from labelwright.errors import IllegalTransition


class Slots(RuleBasedStateMachine):
    """One object under any order of events."""

    @initialize(n=st.integers(1, 9))
    def opened(self, n: int) -> None:
        self.slots = ObjectSlots.opened(n)

    def is_open(self) -> bool:
        return self.slots.state is ObjectState.OPEN

    @precondition(lambda self: self.is_open() and self.slots.n_free > 0)
    @rule()
    def take(self) -> None:
        self.slots = apply_object(self.slots, ObjectEvent.TAKE)

    @precondition(lambda self: self.is_open() and self.slots.n_live > 0)
    @rule(event=st.sampled_from([ObjectEvent.SUBMIT, ObjectEvent.DECLINE, ObjectEvent.RETURN]))
    def end_one(self, event: ObjectEvent) -> None:
        self.slots = apply_object(self.slots, event)

    @precondition(lambda self: self.is_open())
    @rule()
    def close(self) -> None:
        self.slots = apply_object(self.slots, ObjectEvent.CLOSE)

    @precondition(lambda self: not self.is_open())
    @rule(event=st.sampled_from(list(ObjectEvent)))
    def nothing_happens_to_a_closed_object(self, event: ObjectEvent) -> None:
        with pytest.raises(IllegalTransition):
            apply_object(self.slots, event)

    @invariant()
    def counts_hold(self) -> None:
        s = self.slots
        assert min(s.n_free, s.n_live, s.n_answers, s.n_declined) >= 0
        assert s.n_answers + s.n_live <= s.n_wanted
        if s.state is ObjectState.OPEN:
            if not s.is_declined:
                assert s.n_free + s.n_live + s.n_answers == s.n_wanted
            assert s.n_answers < s.n_wanted
            assert s.n_free + s.n_live > 0  # otherwise nobody could ever close it
        else:
            assert s.n_free == 0
            assert s.n_live == 0
            assert (s.state is ObjectState.READY) == (s.n_answers > 0)


TestSlots = Slots.TestCase


@pytest.mark.parametrize(("state", "event"), list(itertools.product(TaskState, TaskEvent)))
def test_a_task_that_ended_never_lives_again(state: TaskState, event: TaskEvent) -> None:
    try:
        new = apply_task(state, event)
    except IllegalTransition:
        return
    if state not in LIVE:
        assert new is state


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=30, unique_by=lambda pair: pair[0]),
    st.sets(st.integers(0, 50)),
)
def test_next_object_is_the_first_of_those_closest_to_completion(
    pairs: list[tuple[int, int]], seen: set[int]
) -> None:
    candidates = [Candidate(number, n_free) for number, n_free in pairs]
    chosen = next_object(candidates, seen)
    free = [c for c in candidates if c.n_free and c.object_no not in seen]
    if chosen is None:
        assert not free
        return
    assert chosen in free
    assert all((chosen.n_free, chosen.object_no) <= (c.n_free, c.object_no) for c in free)
