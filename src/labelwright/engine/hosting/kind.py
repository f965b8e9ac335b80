"""One step for one endpoint: look at its row and its processes, and bring them closer to each other.

In each step, whatever the state: processes that nobody wants any more end, slots that are empty are filled,
and those that answer are in the route of a deployment that is in service. What a step decides about a
deployment is one transaction; everything else follows from rows and folders, so a crash between two lines
costs nothing.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Sequence
from functools import partial

from sqlalchemy.engine import Connection

from labelwright.core.endpoint import (
    Deployed,
    Deployment,
    DeploymentFailed,
    EndpointState,
    Event,
    Status,
    Variant,
)
from labelwright.engine.hosting import instances
from labelwright.engine.hosting.instances import Health, Slot
from labelwright.engine.hosting.proxy import Instance
from labelwright.engine.hosting.routes import Routes
from labelwright.engine.hosting.telling import change
from labelwright.engine.stepping import NOW
from labelwright.engine.supervisor import SupervisedTools
from labelwright.hosting.sockets import socket_path
from labelwright.store import endpoints
from labelwright.store.endpoints import EndpointRow
from labelwright.store.tags import delete_all_tags

__all__ = ["EndpointKind"]

_log = logging.getLogger(__name__)

_STARTING_S = 0.05
_STARTING_SLOWLY_S = 0.5
_QUICK_S = 3.0
_IN_SERVICE_S = 10.0
_ENDING_S = 0.02
# A request may take 60 s; one that is still there then will get its answer or a reset.
_LONGEST_REQUEST_S = 65.0
_AGAIN_AFTER_S = (0.0, 1.0, 2.0, 5.0, 15.0, 60.0)
_SOUND_S = 60.0  # a process that has served this long did not die of what its predecessor died of
_ATTEMPTS_MAX = 3  # to fill a slot of a new deployment, when a process ends without a word
_UNANSWERED_MAX = 10  # pings of a process that runs, half a minute: a busy machine is slow, too
_SWEEP = 0  # in place of a row's key


_Present = dict[Slot, dict[int, str]]
"""The attempts to fill each slot, with the names of their processes."""


@dataclasses.dataclass(slots=True)
class _Process:
    """A process as this server has seen it; forgotten when the server ends, and seen again."""

    instance: Instance
    seen_at: float  # monotonic
    is_ready: bool = False
    is_dead: bool = False
    n_unanswered: int = 0


@dataclasses.dataclass(slots=True)
class _Memo:
    """What is remembered of an endpoint between two steps."""

    processes: dict[str, _Process] = dataclasses.field(default_factory=dict)
    n_deaths: dict[Slot, int] = dataclasses.field(default_factory=dict)
    failures: dict[Slot, str] = dataclasses.field(default_factory=dict)  # of the pending deployment
    start_after: dict[Slot, float] = dataclasses.field(default_factory=dict)  # monotonic
    retired_at: dict[str, float] = dataclasses.field(default_factory=dict)  # monotonic
    published: tuple[object, ...] | None = None


class EndpointKind:
    """Endpoints, for the supervisor.

    Parameters
    ----------
    routes : Routes
        Kept in step with what answers.
    """

    name = "endpoint"

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._memos: dict[int, _Memo] = {}
        self._is_swept = False

    def unfinished(self, connection: Connection) -> Sequence[int]:
        """All endpoints: those in service need their processes. Those that are gone may have left some."""
        found = endpoints.all_ids(connection)
        gone = self._memos.keys() - set(found)
        return [*found, *gone] if self._is_swept else [_SWEEP, *found, *gone]

    def advance(self, tools: SupervisedTools, key: int) -> float | None:
        """Look, start what is missing, end what is too much, and say so in the row and the route."""
        if key == _SWEEP:
            self._sweep(tools)
            return None
        row = tools.database.read(partial(endpoints.get, key=key))
        if row is None:  # another server on this database deleted it
            due = self._retire(tools, self._memos.get(key, _Memo()), {}, _present(tools, key))
            if due is not None:
                return tools.clock() + due
            instances.remove_models(tools, key, frozenset())
            self._memos.pop(key, None)
            return None
        memo = self._memos.setdefault(key, _Memo())
        state = endpoints.state_of(row)
        n_max = tools.settings.endpoint_processes
        wanted = _wanted(state, n_max)
        serving = instances.slots_of(state.deployment, n_max) if state.deployment is not None else {}
        if state.deployment is None or state.status is Status.DELETING:
            self._routes.remove(row.region, row.name)
            memo.published = None
        present = _present(tools, key)
        dues: list[float | None] = [
            self._fill(tools, row, memo, slot, variant, present, is_serving=slot in serving)
            for slot, variant in wanted.items()
        ]
        event = _ended(state, memo, present, n_processes_max=n_max, now=tools.clock())
        if event is not None:
            if isinstance(event, Deployed) and state.pending is not None:
                # Before anybody can read that it is in service. Should the write not come about, the next
                # step puts back what the row says.
                self._publish(row, memo, state.pending, wanted, present)
            self._decide(tools, row, event)
            memo.failures.clear()
            return NOW
        if state.deployment is not None and state.status is not Status.DELETING:
            self._publish(row, memo, state.deployment, wanted, present)
        dues.append(self._retire(tools, memo, wanted, present))
        if state.status is Status.DELETING and not present:
            self._forget(tools, row)
            return None
        kept = frozenset(slot.deployment for slot in (*wanted, *present))
        instances.remove_models(tools, key, kept)
        found = [due for due in dues if due is not None]
        return tools.clock() + min(found) if found else None

    def _sweep(self, tools: SupervisedTools) -> None:
        """Once after a start: look at endpoints whose rows went while this server was down."""
        there = set(tools.database.read(endpoints.all_ids))
        for key in instances.keys(tools.runners["hosting"]) - there:
            self._memos.setdefault(key, _Memo())
            tools.wake(self.name, key)
        self._is_swept = True

    # -- starting ---------------------------------------------------------------------------------------

    def _fill(
        self,
        tools: SupervisedTools,
        row: EndpointRow,
        memo: _Memo,
        slot: Slot,
        variant: Variant,
        present: _Present,
        *,
        is_serving: bool,
    ) -> float:
        """See to it that a slot has a process that answers; seconds until the next look."""
        runner = tools.runners["hosting"]
        own = present.get(slot, {})
        last = max(own, default=0)
        name = own.get(last)
        now = time.monotonic()
        if name is not None:
            process = memo.processes.get(name)
            if process is None:
                instance = Instance(name, socket_path(runner.folder(name)))
                process = memo.processes[name] = _Process(instance, seen_at=now)
            found = instances.health(runner, name)
            if found.is_alive:
                return self._seen_alive(tools, memo, slot, name, process, found, now)
            if not process.is_dead:
                process.is_dead = True
                instances.log_last_words(tools, row.name, variant, name, found.last_words)
            if not is_serving and (found.reason or last >= _ATTEMPTS_MAX):
                process.is_ready = False
                memo.failures[slot] = found.reason or instances.not_healthy(variant)
                return _STARTING_S
            if slot not in memo.start_after:
                memo.start_after[slot] = now + self._pause_s(memo, slot, process, now)
                _log.warning(
                    "a serving process ended; it is started again",
                    extra={
                        "action": "restart",
                        "endpoint": row.name,
                        "program": name,
                        "reason": found.reason,
                    },
                )
            process.is_ready = False
            if now < memo.start_after[slot]:
                return memo.start_after[slot] - now
        memo.start_after.pop(slot, None)
        name = instances.start(tools, row.id, row.name, row.region, slot, variant, last + 1)
        present.setdefault(slot, {})[last + 1] = name
        instance = Instance(name, socket_path(runner.folder(name)))
        memo.processes[name] = _Process(instance, seen_at=now)
        return _STARTING_S

    def _seen_alive(
        self,
        tools: SupervisedTools,
        memo: _Memo,
        slot: Slot,
        name: str,
        process: _Process,
        found: Health,
        now: float,
    ) -> float:
        if found.is_ready:
            process.n_unanswered = 0
            if not process.is_ready:
                process.is_ready, process.seen_at = True, now
            if process.instance.is_retired:  # by a request that could not reach it
                process.instance = Instance(name, process.instance.address)
            return _IN_SERVICE_S
        if process.is_ready:
            process.n_unanswered += 1
            if process.n_unanswered >= _UNANSWERED_MAX:  # it hangs: end it, and the next step starts another
                process.is_ready = False
                tools.runners["hosting"].stop(name)
                return _STARTING_S
            return 1.0
        return _STARTING_S if now - process.seen_at < _QUICK_S else _STARTING_SLOWLY_S

    def _pause_s(self, memo: _Memo, slot: Slot, process: _Process, now: float) -> float:
        if process.is_ready and now - process.seen_at >= _SOUND_S:
            memo.n_deaths[slot] = 0
        n = memo.n_deaths[slot] = memo.n_deaths.get(slot, 0) + 1
        return _AGAIN_AFTER_S[min(n, len(_AGAIN_AFTER_S)) - 1]

    # -- deciding ---------------------------------------------------------------------------------------

    def _decide(self, tools: SupervisedTools, row: EndpointRow, event: Event) -> None:
        def write(connection: Connection) -> None:
            now = endpoints.get(connection, row.id)
            # Somebody may have deleted it, or another server may have decided, since this step looked.
            if now is not None and (now.status, now.pending) == (row.status, row.pending):
                change(connection, now, event, now=tools.clock())

        tools.database.write(write)
        about = {"action": "deploy", "endpoint": row.name, "outcome": type(event).__name__}
        if isinstance(event, DeploymentFailed):
            about["reason"] = event.reason
        _log.info("a deployment ended", extra=about)

    def _publish(
        self,
        row: EndpointRow,
        memo: _Memo,
        deployment: Deployment,
        wanted: dict[Slot, Variant],
        present: _Present,
    ) -> None:
        ready: list[list[Instance]] = [[] for _ in deployment.variants]
        for slot in sorted(wanted):
            if slot.deployment != deployment.number or slot.variant >= len(ready):
                continue
            # Newest first, but an older one that still answers is better than none.
            for attempt in sorted(present.get(slot, {}), reverse=True):
                process = memo.processes.get(present[slot][attempt])
                if process is not None and process.is_ready and not process.instance.is_retired:
                    ready[slot.variant].append(process.instance)
                    break
        weights = tuple((variant.name, variant.weight) for variant in deployment.variants)
        table = (deployment.number, weights, tuple(tuple(own) for own in ready))
        if table != memo.published:
            self._routes.publish(row.region, row.name, row.id, deployment, ready)
            memo.published = table

    # -- ending -----------------------------------------------------------------------------------------

    def _retire(
        self,
        tools: SupervisedTools,
        memo: _Memo,
        wanted: dict[Slot, Variant],
        present: _Present,
    ) -> float | None:
        """End processes that no slot wants, each once its last request is answered."""
        runner = tools.runners["hosting"]
        now = time.monotonic()
        due: float | None = None
        for slot, own in list(present.items()):
            newest = max(own) if slot in wanted else None
            for attempt, name in list(own.items()):
                if attempt == newest:
                    continue
                process = memo.processes.get(name)
                if process is not None:
                    process.instance.is_retired = True
                    since = memo.retired_at.setdefault(name, now)
                    if process.instance.n_in_work and now - since < _LONGEST_REQUEST_S:
                        due = _ENDING_S
                        continue
                if not instances.remove(runner, name):
                    due = 1.0
                    continue
                del own[attempt]
                memo.processes.pop(name, None)
                memo.retired_at.pop(name, None)
            if not own:
                del present[slot]
        return due

    def _forget(self, tools: SupervisedTools, row: EndpointRow) -> None:
        instances.remove_models(tools, row.id, frozenset())

        def write(connection: Connection) -> None:
            delete_all_tags(connection, row.arn)
            endpoints.delete(connection, row.id)

        tools.database.write(write)
        self._memos.pop(row.id, None)


def _present(tools: SupervisedTools, key: int) -> _Present:
    return instances.attempts(tools.runners["hosting"], key)


def _wanted(state: EndpointState, n_processes_max: int) -> dict[Slot, Variant]:
    """The slots that are to be filled, with what belongs there."""
    if state.status is Status.DELETING:
        return {}
    wanted: dict[Slot, Variant] = {}
    for deployment in (state.deployment, state.pending):
        if deployment is not None:
            wanted |= instances.slots_of(deployment, n_processes_max)
    return wanted


def _ended(
    state: EndpointState, memo: _Memo, present: _Present, *, n_processes_max: int, now: float
) -> Event | None:
    """How the pending deployment has ended, when it has."""
    if state.pending is None:
        return None
    missing = []
    for slot, variant in instances.slots_of(state.pending, n_processes_max).items():
        if slot in memo.failures:
            return DeploymentFailed(memo.failures[slot])
        own = present.get(slot, {})
        process = memo.processes.get(own[max(own)]) if own else None
        if process is None or not process.is_ready:
            missing.append(variant)
    if not missing:
        return Deployed()
    for variant in missing:
        if now - state.pending.started_at > instances.time_limit_s(variant):
            return DeploymentFailed(instances.not_healthy(variant))
    return None
