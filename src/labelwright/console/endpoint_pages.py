"""What the console shows of endpoints: the list, and one with its variants, processes, calls and logs."""

from __future__ import annotations

import itertools
from typing import Any

from labelwright.console.invoke_snippets import boto3_call, cli_call
from labelwright.console.log_panel import log_ends
from labelwright.console.model_facts import algorithm_of_model, what_runs
from labelwright.console.views import Asked, Shown, View
from labelwright.console.wording import moment, short_duration
from labelwright.context import AppContext
from labelwright.core.endpoint import Deployment, Status, Variant
from labelwright.core.histogram import Histogram
from labelwright.engine.hosting import instances
from labelwright.engine.hosting.routes import Route, VariantStats
from labelwright.hosting.interface import LOG_GROUP
from labelwright.store import endpoints
from labelwright.store.endpoints import EndpointRow
from labelwright.work import State

__all__ = ["VIEWS"]

_N_LISTED = 200
_CHANGING = frozenset({Status.CREATING.value, Status.UPDATING.value, Status.DELETING.value})


def _list(context: AppContext, asked: Asked) -> Shown:
    rows = context.database.read(lambda c: endpoints.newest(c, limit=_N_LISTED))
    shown = []
    for row in rows:
        state = endpoints.state_of(row)
        deployment = state.deployment or state.pending
        stats = _stats(context, row)
        shown.append(
            {
                "region": row.region,
                "name": row.name,
                "status": row.status,
                "config": "" if deployment is None else deployment.config_name,
                "models": []
                if deployment is None
                else list(dict.fromkeys(v.model_name for v in deployment.variants)),
                "n_requests": f"{sum(s.n_invocations for s in stats.values()):,}",
                "created": moment(row.created_at),
            }
        )
    return Shown("Endpoints", {"endpoints": shown}, is_live=any(row.status in _CHANGING for row in rows))


def _page(context: AppContext, asked: Asked) -> Shown | None:
    row = context.database.read(lambda c: endpoints.named(c, asked.path["region"], asked.path["name"]))
    if row is None:
        return None
    state = endpoints.state_of(row)
    serving, pending = state.deployment, state.pending
    route = context.routes.get(row.region, row.name)
    shown = serving or pending
    algorithm = algorithm_of_model(shown.variants[0].model) if shown and shown.variants else None
    page: dict[str, Any] = {
        "region": row.region,
        "name": row.name,
        "status": row.status,
        "failure_reason": row.failure_reason or "",
        "created": moment(row.created_at),
        "modified": moment(row.modified_at),
        "config": "" if serving is None else serving.config_name,
        "variants": [] if serving is None else _variants(serving, route, _stats(context, row)),
        "pending": None
        if pending is None
        else {"config": pending.config_name, "variants": _variants(pending, None, {})},
        "processes": _processes(context, row, route, [d for d in (serving, pending) if d is not None]),
        "boto3": boto3_call(row.name, row.region, algorithm),
        "cli": cli_call(row.name, row.region, algorithm),
        "log": log_ends(context, f"{LOG_GROUP}/{row.name}"),
    }
    # One in service changes as well: its processes may end, and requests are counted.
    return Shown(row.name, {"endpoint": page}, is_live=row.status != Status.FAILED)


def _stats(context: AppContext, row: EndpointRow) -> dict[str, VariantStats]:
    """What each variant has answered since the server started."""
    return {
        variant: stats
        for (region, endpoint, variant), stats in context.routes.stats()
        if region == row.region and endpoint.lower() == row.name.lower()
    }


def _variants(
    deployment: Deployment, route: Route | None, stats: dict[str, VariantStats]
) -> list[dict[str, Any]]:
    total = sum(variant.weight for variant in deployment.variants)
    n_ready = {} if route is None else {v.name: len(v.instances) for v in route.variants}
    return [
        {
            "name": variant.name,
            "model": variant.model_name,
            "what": what_runs(variant.model),
            "weight": f"{variant.weight:g}",
            "share": f"{100 * variant.weight / total:.3g} %" if total > 0 else "",
            "count": variant.count,
            "n_ready": n_ready.get(variant.name, 0),
            **_answered(stats.get(variant.name, VariantStats())),
        }
        for variant in deployment.variants
    ]


def _answered(stats: VariantStats) -> dict[str, str]:
    return {
        "n_requests": f"{stats.n_invocations:,}",
        "n_client_errors": f"{stats.n_client_errors:,}",
        "n_server_errors": f"{stats.n_server_errors:,}",
        "median": _quantile(stats.model_seconds, 0.5),
        "p95": _quantile(stats.model_seconds, 0.95),
    }


def _quantile(seconds: Histogram, share: float) -> str:
    """The bound of the histogram below which this share of the values lies."""
    counts = list(seconds.counts)
    if not sum(counts):
        return ""
    wanted = share * sum(counts)
    for n, bound in zip(itertools.accumulate(counts), seconds.bounds, strict=False):
        if n >= wanted:
            return f"< {short_duration(bound)}"
    return f"> {short_duration(seconds.bounds[-1])}"


def _processes(
    context: AppContext, row: EndpointRow, route: Route | None, deployments: list[Deployment]
) -> list[dict[str, Any]]:
    """The processes that an endpoint has here; one that serves is known by the route, and not asked."""
    runner = context.supervisor.tools.runners["hosting"]
    serving = {each.name: each for v in (route.variants if route else ()) for each in v.instances}
    names: dict[tuple[int, int], Variant] = {
        (deployment.number, i): variant
        for deployment in deployments
        for i, variant in enumerate(deployment.variants)
    }
    found = []
    for slot, attempts in sorted(instances.attempts(runner, row.id).items()):
        variant = names.get((slot.deployment, slot.variant))
        name = attempts[max(attempts)]
        if name in serving:
            state, reason = "Answers", ""
        else:
            status = runner.poll(name)
            state = "Starting" if status.state is State.RUNNING and variant is not None else "Ends"
            if status.state is not State.RUNNING:
                state = "Ended"
            reason = str((status.progress or {}).get("reason", "")) or status.reason
        found.append(
            {
                "name": name,
                "variant": "" if variant is None else variant.name,
                "instance": slot.instance + 1,
                "attempt": max(attempts),
                "state": state,
                "reason": reason if state == "Ended" else "",
                "n_in_work": serving[name].n_in_work if name in serving else 0,
            }
        )
    return found


VIEWS = (
    View("/console/endpoints", "endpoints.html", _list),
    View("/console/endpoints/{region}/{name}", "endpoint.html", _page),
)
