"""What the doors are given: the parts of a running server, wired once in `labelwright.app`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labelwright.blobs import Blobs
    from labelwright.config import Settings
    from labelwright.credentials import RootCredentials
    from labelwright.engine import Desk, Engine
    from labelwright.engine.hosting import AsyncInvocations, Captures, Routes
    from labelwright.engine.supervisor import Supervisor
    from labelwright.functions.service import Functions
    from labelwright.store.db import Database
    from labelwright.wire.sigv4 import Verifier

__all__ = ["AppContext"]


@dataclasses.dataclass(frozen=True, slots=True)
class AppContext:
    """The parts a door may use. ``clock`` returns epoch seconds; doors never read the time elsewhere."""

    settings: Settings
    database: Database
    blobs: Blobs
    credentials: RootCredentials
    verifier: Verifier
    engine: Engine
    supervisor: Supervisor
    routes: Routes
    captures: Captures
    async_invocations: AsyncInvocations
    desk: Desk
    functions: Functions
    clock: Callable[[], float]
