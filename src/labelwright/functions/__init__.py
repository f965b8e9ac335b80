"""Functions: the zip a user sends, run in processes of their own as Lambda would run them.

A function's process has limits, a folder and a process group of its own, and none of the server's
environment; where the kernel allows it, namespaces keep the server's files and processes from it (`sandbox`).
Where it does not, what the server's user may read, a function may read. Only holders of the root keys can
create functions.
"""

from __future__ import annotations

from labelwright.functions.interface import (
    ASYNC_EVENT_BYTES_MAX,
    PAYLOAD_BYTES_MAX,
    FunctionSpec,
    Invocation,
    Invoker,
    RunnerClosed,
)

__all__ = [
    "ASYNC_EVENT_BYTES_MAX",
    "PAYLOAD_BYTES_MAX",
    "FunctionSpec",
    "Invocation",
    "Invoker",
    "RunnerClosed",
]
