"""What a function is, what an invocation of it gives, and what whoever invokes functions may rely on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol

import orjson

from labelwright.errors import Busy

__all__ = [
    "ASYNC_EVENT_BYTES_MAX",
    "PAYLOAD_BYTES_MAX",
    "FunctionSpec",
    "Invocation",
    "Invoker",
    "RunnerClosed",
]

PAYLOAD_BYTES_MAX = 6_291_456
"""Largest event and largest answer of a synchronous invocation, as Lambda has it."""

ASYNC_EVENT_BYTES_MAX = 1_048_576
"""Largest event of an asynchronous invocation."""


class RunnerClosed(Busy):
    """The server is stopping: the invocation did not end, and is to be made again."""


@dataclasses.dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One version of a function, as much of it as running it takes.

    Attributes
    ----------
    arn : str
        As invoked, with a qualifier if there was one.
    name, version, region : str
    handler : str
        ``module.function``.
    code_sha256 : str
        Hex digest of the zip.
    revision_id : str
        Changes with every change of the function: processes of an older one are not used again.
    timeout_s : int
    memory_mb : int
    temporary_mb : int
        Room for temporary files, where the function has walls.
    environment : Mapping
        The function's own variables.
    """

    arn: str
    name: str
    version: str
    region: str
    handler: str
    code_sha256: str
    revision_id: str
    timeout_s: int = 3
    memory_mb: int = 128
    temporary_mb: int = 512
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Invocation:
    """What came of one invocation.

    Attributes
    ----------
    payload : bytes
        JSON: the function's answer, or the error (``errorMessage``, ``errorType``, ``stackTrace``).
    error : str or None
        ``Unhandled`` when ``payload`` is an error.
    log : bytes
        The end of what it printed, between the lines that Lambda puts around it.
    version : str
        The version that ran.
    """

    payload: bytes
    error: str | None = None
    log: bytes = b""
    version: str = "$LATEST"

    @property
    def reason(self) -> str:
        """Type and message of the error in one line; empty when there was none."""
        if self.error is None:
            return ""
        try:
            found = orjson.loads(self.payload)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            return self.error
        kind, message = found.get("errorType"), found.get("errorMessage")
        return ": ".join(str(part) for part in (kind, message) if part) or self.error


class Invoker(Protocol):
    """Runs functions by ARN, in the caller's thread."""

    def invoke(
        self, arn: str, event: bytes, *, timeout_s: float, answer_bytes_max: int = PAYLOAD_BYTES_MAX
    ) -> Invocation:
        """Invoke a function and wait for it.

        Parameters
        ----------
        arn : str
            With or without a version or alias at its end.
        event : bytes
            JSON.
        timeout_s : float
            The shorter of this and the function's own time-out holds.
        answer_bytes_max : int

        Raises
        ------
        labelwright.errors.NotFound
            When there is no such function.
        RunnerClosed
            When the server is stopping.
        labelwright.errors.LabelwrightError
            When it cannot be invoked now.
        """
        ...
