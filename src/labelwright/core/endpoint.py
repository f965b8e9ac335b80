"""The life of an endpoint, and which variants share its traffic.

::

    create ──> Creating ──> InService <──────────> Updating
                  │             │        update        │
                  v             │   (failed: back to   │
               Failed           │    the old one)      │
                  └─────────────┴──────────┬───────────┘
                                           v
                                       Deleting ──> gone

A *deployment* is one configuration with the models it named, as they were when it was asked for: changing or
deleting either later does not touch what serves. An update makes a second deployment beside the first, which
serves until the second answers; both are kept with the endpoint, so a server that starts anew goes on.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, assert_never

from labelwright.core.failure_reasons import storable
from labelwright.errors import IllegalTransition, InvalidRequest

__all__ = [
    "DeleteRequested",
    "Deployed",
    "Deployment",
    "DeploymentFailed",
    "EndpointState",
    "Event",
    "Status",
    "UpdateRequested",
    "Variant",
    "apply",
    "retained",
    "shares",
    "with_desired",
]


class Status(StrEnum):
    """``EndpointStatus``, as far as this server uses it."""

    CREATING = "Creating"
    IN_SERVICE = "InService"
    UPDATING = "Updating"
    FAILED = "Failed"
    DELETING = "Deleting"


@dataclasses.dataclass(frozen=True, slots=True)
class Variant:
    """A production variant of a deployment.

    Attributes
    ----------
    name, model_name : str
    model : Mapping
        The request of CreateModel.
    count : int
        Instances that were asked for, at least 0.
    weight : float
        Of its share in the traffic, at least 0.
    settings : Mapping
        The ProductionVariant of the configuration.
    """

    name: str
    model_name: str
    model: Mapping[str, Any]
    count: int
    weight: float
    settings: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Deployment:
    """What serves, or is to serve.

    Attributes
    ----------
    number : int
        Counts the deployments of an endpoint, from 1; one whose counts or weights change keeps its number,
        and so its processes.
    config_name : str
    config : Mapping
        The request of CreateEndpointConfig.
    started_at : float
        Epoch seconds.
    variants : tuple of Variant
    """

    number: int
    config_name: str
    config: Mapping[str, Any]
    started_at: float
    variants: tuple[Variant, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as they may be stored as JSON."""
        return {
            "number": self.number,
            "config_name": self.config_name,
            "config": self.config,
            "started_at": self.started_at,
            "variants": [
                {field.name: getattr(variant, field.name) for field in dataclasses.fields(Variant)}
                for variant in self.variants
            ],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Deployment:
        """The reverse of `as_dict`."""
        variants = tuple(Variant(**variant) for variant in values["variants"])
        return cls(**{**values, "variants": variants})


@dataclasses.dataclass(frozen=True, slots=True)
class EndpointState:
    """What the machine needs to know of an endpoint."""

    status: Status
    deployment: Deployment | None = None
    pending: Deployment | None = None
    failure_reason: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class UpdateRequested:
    """UpdateEndpoint or UpdateEndpointWeightsAndCapacities was called."""

    pending: Deployment


@dataclasses.dataclass(frozen=True, slots=True)
class Deployed:
    """Every instance of the pending deployment answers."""


@dataclasses.dataclass(frozen=True, slots=True)
class DeploymentFailed:
    """Some instance of the pending deployment cannot be made to answer."""

    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteRequested:
    """DeleteEndpoint was called; allowed in every state."""


Event = UpdateRequested | Deployed | DeploymentFailed | DeleteRequested


def apply(state: EndpointState, event: Event) -> EndpointState:
    """The state after an event.

    Raises
    ------
    IllegalTransition
        An update of an endpoint that is not in service, or the end of a deployment that nobody asked for.
    """
    match event:
        case DeleteRequested():
            return dataclasses.replace(state, status=Status.DELETING, pending=None)
        case UpdateRequested(pending):
            if state.status is not Status.IN_SERVICE:
                raise IllegalTransition(f"An endpoint that is {state.status} cannot be updated.")
            return dataclasses.replace(state, status=Status.UPDATING, pending=pending, failure_reason=None)
        case Deployed():
            _require_pending(state, event)
            return EndpointState(Status.IN_SERVICE, state.pending)
        case DeploymentFailed(reason):
            _require_pending(state, event)
            after = Status.FAILED if state.deployment is None else Status.IN_SERVICE
            return EndpointState(after, state.deployment, None, storable(reason))
        case _:
            assert_never(event)


def _require_pending(state: EndpointState, event: Event) -> None:
    if state.status not in (Status.CREATING, Status.UPDATING) or state.pending is None:
        raise IllegalTransition(
            f"An endpoint that is {state.status} has no deployment that could have ended: {event}."
        )


def retained(
    new: Sequence[Variant], old: Sequence[Variant], excluded: Collection[str]
) -> tuple[Variant, ...]:
    """Variants of a new configuration with the counts and weights that those of the same name have now.

    Parameters
    ----------
    new, old : sequence of Variant
    excluded : collection of str
        ``DesiredInstanceCount`` and ``DesiredWeight`` are taken from the new configuration all the same.
    """
    now = {variant.name: variant for variant in old}
    kept = []
    for variant in new:
        before = now.get(variant.name)
        if before is not None:
            variant = dataclasses.replace(
                variant,
                count=variant.count if "DesiredInstanceCount" in excluded else before.count,
                weight=variant.weight if "DesiredWeight" in excluded else before.weight,
            )
        kept.append(variant)
    return tuple(kept)


def with_desired(deployment: Deployment, changes: Sequence[Mapping[str, Any]]) -> Deployment:
    """A deployment with other weights and counts.

    Parameters
    ----------
    deployment : Deployment
    changes : sequence of Mapping
        ``DesiredWeightsAndCapacities``.

    Raises
    ------
    InvalidRequest
        A variant that there is not, or twice; a negative weight, or a count below 1; no weight left.
    """
    variants = {variant.name: variant for variant in deployment.variants}
    seen: set[str] = set()
    for change in changes:
        name = change["VariantName"]
        if name not in variants or name in seen:
            raise InvalidRequest(
                f'Variant "{name}" is given twice.'
                if name in seen
                else f'The endpoint has no variant "{name}"; it has {", ".join(variants)}.',
                field="DesiredWeightsAndCapacities",
                value=name,
            )
        seen.add(name)
        weight = change.get("DesiredWeight", variants[name].weight)
        count = change.get("DesiredInstanceCount", variants[name].count)
        if weight < 0 or count < 1:
            raise InvalidRequest(
                f'Variant "{name}" would have weight {weight:g} and {count} instances; a weight is at least '
                "0, and at least one instance stays.",
                field="DesiredWeightsAndCapacities",
                value=name,
            )
        variants[name] = dataclasses.replace(variants[name], weight=float(weight), count=int(count))
    changed = dataclasses.replace(deployment, variants=tuple(variants.values()))
    shares(changed.variants)
    return changed


def shares(variants: Sequence[Variant]) -> tuple[float, ...]:
    """Upper ends of the variants' shares of the traffic, in order; the last one is 1.

    Raises
    ------
    InvalidRequest
        When all weights are 0.

    Examples
    --------
    >>> a = Variant("a", "m", {}, 1, 3.0, {})
    >>> shares([a, dataclasses.replace(a, name="b", weight=1.0)])
    (0.75, 1.0)
    """
    total = sum(variant.weight for variant in variants)
    if not total > 0 or total == float("inf"):
        raise InvalidRequest(
            "The weights of the production variants add up to "
            f"{total:g}; give at least one of them a weight above 0.",
            field="ProductionVariants",
        )
    return tuple(end / total for end in itertools.accumulate(variant.weight for variant in variants))
