"""Endpoints: brings up the processes of a deployment, swaps them in, keeps them up, takes them away.

`EndpointKind` is what the supervisor calls; `Routes` is what the API asks where a request goes, and
`Captures` is where it leaves what an endpoint captures; `AsyncInvocations` answers what need not be answered
at once.
"""

from __future__ import annotations

from labelwright.engine.hosting.asynchronous import AsyncInvocations
from labelwright.engine.hosting.capture import Captures
from labelwright.engine.hosting.kind import EndpointKind
from labelwright.engine.hosting.routes import Routes

__all__ = ["AsyncInvocations", "Captures", "EndpointKind", "Routes"]
