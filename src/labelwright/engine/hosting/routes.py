"""Which processes answer for an endpoint now: a table in memory that the engine writes and the API reads.

A table is never changed, only replaced, so that a request sees the endpoint before or after an update and
nothing between.
"""

from __future__ import annotations

import bisect
import dataclasses
import random
import threading
from collections.abc import Callable, Iterable, Sequence

from labelwright.core.endpoint import Deployment, shares
from labelwright.core.histogram import Histogram
from labelwright.engine.hosting.proxy import Instance
from labelwright.errors import Busy, NotFound

__all__ = ["Route", "Routes", "VariantRoute", "VariantStats"]


@dataclasses.dataclass(slots=True)
class VariantStats:
    """What a variant has answered since the server started; counted in the event loop's thread."""

    n_invocations: int = 0
    n_client_errors: int = 0
    n_server_errors: int = 0
    model_seconds: Histogram = dataclasses.field(default_factory=Histogram)


@dataclasses.dataclass(frozen=True, slots=True)
class VariantRoute:
    """A variant of the endpoint with this key, and its processes that answer."""

    key: int
    name: str
    instances: tuple[Instance, ...]
    is_random: bool  # RoutingStrategy RANDOM
    stats: VariantStats

    def choose(self) -> Instance:
        """The instance with the fewest requests in work, or any, as configured; it counts one more then.

        Raises
        ------
        Busy
            When none answers.
        """
        left = self.instances
        while left:
            instance = random.choice(left) if self.is_random else min(left, key=_n_in_work)  # noqa: S311
            # First the count, then the look: the engine retires first and then looks at the count.
            instance.n_in_work += 1
            if not instance.is_retired:
                return instance
            instance.n_in_work -= 1
            left = tuple(each for each in left if each is not instance)
        raise Busy(
            f"No instance of variant {self.name} answers at the moment; they are started again. Try later."
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    """An endpoint that is in service.

    Attributes
    ----------
    key : int
        Of its row.
    name : str
    deployment : Deployment
    variants : tuple of VariantRoute
        In the order of the deployment's.
    ends : tuple of float
        See `labelwright.core.endpoint.shares`.
    """

    key: int
    name: str
    deployment: Deployment
    variants: tuple[VariantRoute, ...]
    ends: tuple[float, ...]

    def choose(self, target: str | None) -> VariantRoute:
        """The variant that a request names, or one by weight.

        Raises
        ------
        NotFound
            No variant of that name.
        """
        if target is None:
            if len(self.variants) == 1:
                return self.variants[0]
            i = bisect.bisect_right(self.ends, random.random())  # noqa: S311 - spreads load, keeps no secret
            return self.variants[min(i, len(self.variants) - 1)]
        for variant in self.variants:
            if variant.name == target:
                return variant
        raise NotFound(f"Variant {target} not found.", kind="variant", name=target)


class Routes:
    """The routes of all endpoints that this server serves, by region and lower-case name."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str], Route] = {}
        self._stats: dict[tuple[str, str, str], VariantStats] = {}
        self._changed = threading.Condition()

    def get(self, region: str, name: str) -> Route | None:
        """The route of an endpoint; None when it is not served (yet)."""
        return self._routes.get((region, name.lower()))

    def wait(self, region: str, name: str, timeout_s: float) -> Route | None:
        """Wait for a route to appear, as after a start of the server; in a thread that may wait."""
        with self._changed:
            self._changed.wait_for(lambda: self.get(region, name) is not None, timeout_s)
        return self.get(region, name)

    def publish(
        self,
        region: str,
        name: str,
        key: int,
        deployment: Deployment,
        instances: Sequence[Iterable[Instance]],
    ) -> None:
        """Put a route in place.

        Parameters
        ----------
        instances : sequence of iterables of Instance
            For each variant of the deployment.
        """
        variants = tuple(
            VariantRoute(
                key=key,
                name=variant.name,
                instances=tuple(own),
                is_random=variant.settings.get("RoutingConfig", {}).get("RoutingStrategy") == "RANDOM",
                stats=self._stats.setdefault((region, name, variant.name), VariantStats()),
            )
            for variant, own in zip(deployment.variants, instances, strict=True)
        )
        route = Route(key, name, deployment, variants, shares(deployment.variants))
        with self._changed:
            self._routes[region, name.lower()] = route
            self._changed.notify_all()

    def remove(self, region: str, name: str) -> None:
        """Answer for this endpoint no more."""
        with self._changed:
            self._routes.pop((region, name.lower()), None)
        for key in [key for key in self._stats if key[:2] == (region, name)]:
            self._stats.pop(key, None)

    def stats(self) -> list[tuple[tuple[str, str, str], VariantStats]]:
        """Region, endpoint and variant, with what it has answered."""
        return sorted(self._stats.items(), key=lambda item: item[0])

    def each(self, use: Callable[[Instance], None]) -> None:
        """Do something with every instance."""
        for route in list(self._routes.values()):
            for variant in route.variants:
                for instance in variant.instances:
                    use(instance)


def _n_in_work(instance: Instance) -> int:
    return instance.n_in_work
