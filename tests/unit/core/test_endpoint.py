"""Endpoints: states, deployments, shares of the traffic."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core.endpoint import (
    DeleteRequested,
    Deployed,
    Deployment,
    DeploymentFailed,
    EndpointState,
    Event,
    Status,
    UpdateRequested,
    Variant,
    apply,
    retained,
    shares,
    with_desired,
)
from labelwright.errors import IllegalTransition, InvalidRequest


def variant(name: str = "A", *, count: int = 1, weight: float = 1.0) -> Variant:
    return Variant(name, "model", {"PrimaryContainer": {"Image": "i"}}, count, weight, {"VariantName": name})


def deployment(number: int, *variants: Variant) -> Deployment:
    return Deployment(number, f"config-{number}", {"ProductionVariants": []}, 5.0, variants or (variant(),))


CREATING = EndpointState(Status.CREATING, pending=deployment(1))


def test_created_updated_and_deleted() -> None:
    served = apply(CREATING, Deployed())
    assert served == EndpointState(Status.IN_SERVICE, deployment(1))
    updating = apply(served, UpdateRequested(deployment(2)))
    assert (updating.status, updating.deployment, updating.pending) == (
        Status.UPDATING,
        deployment(1),
        deployment(2),
    )
    assert apply(updating, Deployed()) == EndpointState(Status.IN_SERVICE, deployment(2))
    assert apply(updating, DeleteRequested()).status is Status.DELETING


def test_a_failed_creation_ends_and_a_failed_update_goes_back() -> None:
    failed = apply(CREATING, DeploymentFailed("no model"))
    assert failed == EndpointState(Status.FAILED, None, None, "no model")
    updating = apply(apply(CREATING, Deployed()), UpdateRequested(deployment(2)))
    back = apply(updating, DeploymentFailed("no model"))
    assert back == EndpointState(Status.IN_SERVICE, deployment(1), None, "no model")
    again = apply(back, UpdateRequested(deployment(3)))
    assert again.failure_reason is None


EVENTS = [UpdateRequested(deployment(9)), Deployed(), DeploymentFailed("why"), DeleteRequested()]


@given(st.lists(st.sampled_from(EVENTS)))
def test_what_holds_after_any_events(events: list[Event]) -> None:
    state = CREATING
    for event in events:
        try:
            state = apply(state, event)
        except IllegalTransition:
            continue
        assert (state.pending is not None) == (state.status in (Status.CREATING, Status.UPDATING))
        if state.status in (Status.IN_SERVICE, Status.UPDATING):
            assert state.deployment is not None
        if state.status is Status.FAILED:
            assert state.deployment is None
            assert state.failure_reason
    with pytest.raises(IllegalTransition):
        apply(apply(state, DeleteRequested()), UpdateRequested(deployment(2)))


@pytest.mark.parametrize("status", [Status.CREATING, Status.UPDATING, Status.FAILED, Status.DELETING])
def test_only_what_is_in_service_is_updated(status: Status) -> None:
    with pytest.raises(IllegalTransition, match=status.value):
        apply(EndpointState(status), UpdateRequested(deployment(2)))


def test_a_deployment_as_plain_values() -> None:
    made = deployment(3, variant("A"), variant("B", weight=0.0))
    assert Deployment.from_dict(made.as_dict()) == made


def test_what_an_update_retains() -> None:
    new = [variant("A", count=1, weight=1.0), variant("C")]
    old = [variant("A", count=4, weight=7.0), variant("B", count=9)]
    assert retained(new, old, ()) == (variant("A", count=4, weight=7.0), variant("C"))
    assert retained(new, old, ["DesiredWeight"])[0] == variant("A", count=4, weight=1.0)
    assert retained(new, old, ["DesiredInstanceCount"])[0] == variant("A", count=1, weight=7.0)


def test_other_weights_and_counts() -> None:
    made = with_desired(
        deployment(1, variant("A"), variant("B")),
        [{"VariantName": "B", "DesiredWeight": 0.0}, {"VariantName": "A", "DesiredInstanceCount": 3}],
    )
    assert made.variants == (variant("A", count=3), variant("B", weight=0.0))
    assert made.number == 1


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ([{"VariantName": "B", "DesiredWeight": 1.0}], "no variant"),
        ([{"VariantName": "A"}, {"VariantName": "A"}], "twice"),
        ([{"VariantName": "A", "DesiredWeight": -0.1}], "at least 0"),
        ([{"VariantName": "A", "DesiredInstanceCount": 0}], "at least one instance"),
        ([{"VariantName": "A", "DesiredWeight": 0.0}], "above 0"),
    ],
)
def test_bad_weights_and_counts(changes: list[dict[str, Any]], text: str) -> None:
    with pytest.raises(InvalidRequest, match=text):
        with_desired(deployment(1), changes)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=10).filter(lambda weights: sum(weights) > 1e-300))
def test_shares_follow_weights(weights: list[float]) -> None:
    ends = shares([dataclasses.replace(variant(), weight=weight) for weight in weights])
    assert ends[-1] == pytest.approx(1)
    assert list(ends) == sorted(ends)
    for weight, (low, high) in zip(weights, itertools.pairwise((0.0, *ends)), strict=True):
        assert high - low == pytest.approx(weight / sum(weights), abs=1e-12)
        if weight == 0:
            assert high == low
