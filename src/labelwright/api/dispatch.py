"""Operation name -> handler.

A handler takes ``(context, **members)`` with the top-level members in snake case (nested ones keep their wire
names), returns a plain dict of wire names, or None for "no members", and raises ours. Absent members are not
passed, so give optional ones a default.

Three ways to register one, by what it needs::

    @operation("sagemaker", "RenderUiTemplate")     # async def: awaited; def: run in a thread
    async def render(context, *, task, role_arn, ui_template=None): ...

    @reads("sagemaker", "DescribeWorkteam")         # def: in a thread, on one snapshot of the database
    def describe(context, connection, *, workteam_name): ...

    @writes("sagemaker", "DeleteWorkteam")          # def: in the writer, answered once it is durable
    def delete(context, connection, *, workteam_name): ...

What runs in the writer must be short: everybody else's write waits for it. Passwords are hashed before.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from labelwright.api.context import RequestContext

__all__ = ["Handler", "all_handlers", "call", "load_handlers", "operation", "reads", "writes"]

F = TypeVar("F", bound=Callable[..., Any])
Runs = Literal["loop", "thread", "read", "write"]

MODULES = (
    "workforces",
    "workteams",
    "labeling_jobs",
    "models",
    "training_jobs",
    "tuning_jobs",
    "transform_jobs",
    "endpoint_configs",
    "endpoints",
    "runtime",
    "human_task_uis",
    "tags",
    "sts",
    "iam",
    "logs",
    "cloudwatch",
    "cognito_pools",
    "cognito_groups",
    "cognito_users",
    "lambda_functions",
    "lambda_invoke",
    "lambda_versions",
    "lambda_policies",
)
"""The modules of this package that register handlers."""


@dataclasses.dataclass(frozen=True, slots=True)
class Handler:
    """A registered handler and where it runs."""

    service: str
    operation: str
    function: Callable[..., Any]
    runs: Runs
    body_bytes_max: int | None = None  # when it takes more than other operations


_handlers: dict[tuple[str, str], Handler] = {}


def operation(service: str, name: str, *, body_bytes_max: int | None = None) -> Callable[[F], F]:
    """Register a coroutine function, or a plain one that is run in a thread."""
    return _register(service, name, None, body_bytes_max)


def reads(service: str, name: str) -> Callable[[F], F]:
    """Register ``(context, connection, **members)`` that only reads the database."""
    return _register(service, name, "read")


def writes(service: str, name: str) -> Callable[[F], F]:
    """Register ``(context, connection, **members)`` that is one transaction of the writer."""
    return _register(service, name, "write")


def _register(
    service: str, name: str, runs: Runs | None, body_bytes_max: int | None = None
) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        known = _handlers.get((service, name))
        if known is not None and known.function.__module__ != function.__module__:
            raise RuntimeError(f"{service}:{name} is handled by {known.function.__module__} already")
        where = runs or ("loop" if inspect.iscoroutinefunction(function) else "thread")
        _handlers[service, name] = Handler(service, name, function, where, body_bytes_max)
        return function

    return decorate


def load_handlers() -> Mapping[tuple[str, str], Handler]:
    """Import the modules that register handlers, then everything registered, by (service, operation)."""
    names = [f"labelwright.api.{module}" for module in MODULES]
    for name in names:
        importlib.import_module(name)
    # In this order whichever module happened to be imported first, so that pages made from it are stable.
    ordered = sorted(_handlers.items(), key=lambda item: names.index(item[1].function.__module__))
    return dict(ordered)


def all_handlers() -> Mapping[tuple[str, str], Handler]:
    """What is registered so far."""
    return dict(_handlers)


async def call(handler: Handler, context: RequestContext, members: Mapping[str, Any]) -> Mapping[str, Any]:
    """Run a handler where it belongs; its answer, ``{}`` when it has none."""
    function = handler.function
    database = context.app.database
    match handler.runs:
        case "loop":
            answer = await function(context, **members)
        case "thread":
            answer = await asyncio.to_thread(function, context, **members)
        case "read":
            answer = await database.aread(lambda connection: function(context, connection, **members))
        case "write":
            answer = await database.awrite(lambda connection: function(context, connection, **members))
    return answer or {}
