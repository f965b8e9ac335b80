"""The composition root: the only place where concrete parts are wired together.

`create_app` makes the database, the object store, the engine and the four doors, and returns one ASGI
callable that tells requests apart: signed ones go to the AWS API or to S3 by their credential scope, browsers
go to the portal or the console. The engine starts and stops with the ASGI lifespan.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import orjson

from labelwright import __version__
from labelwright.api import door as api_door
from labelwright.blobs import open_blobs
from labelwright.config import Settings
from labelwright.context import AppContext
from labelwright.credentials import load_or_create
from labelwright.engine import Desk, Engine
from labelwright.engine.hosting import AsyncInvocations, Captures, Routes
from labelwright.engine.kinds import all_kinds
from labelwright.engine.supervisor import Supervisor
from labelwright.events import Delivery
from labelwright.functions.service import Functions
from labelwright.logstreams.retention import Retention
from labelwright.metrics import Traffic
from labelwright.metrics import build as build_metrics
from labelwright.portal import site as portal_site
from labelwright.s3 import door as s3_door
from labelwright.store.db import Database
from labelwright.store.revision import prepare
from labelwright.wire.route import door_of
from labelwright.wire.sigv4 import Verifier

__all__ = ["Application", "create_app"]

_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_HOST = re.compile(r"[A-Za-z0-9._~%-]*(:[0-9]*)?|\[[0-9A-Fa-f:.]+\](:[0-9]*)?")


def create_app(settings: Settings, *, clock: Callable[[], float] = time.time) -> Application:
    """Wire a server; nothing runs until the ASGI lifespan starts.

    Parameters
    ----------
    settings : Settings
    clock : callable
        Returns epoch seconds; tests pass their own.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    credentials = load_or_create(settings)
    database = Database(settings.effective_database_url)
    prepare(database)
    blobs = open_blobs(settings, credentials)
    functions = Functions(database, blobs, settings, credentials, clock)
    engine = Engine(database, blobs, settings, clock, functions)
    routes = Routes()
    supervisor = Supervisor(database, blobs, settings, clock, all_kinds(routes))
    desk = Desk(database, blobs, settings, engine, clock)
    context = AppContext(
        settings=settings,
        database=database,
        blobs=blobs,
        credentials=credentials,
        verifier=Verifier(credentials.secret_for),
        engine=engine,
        supervisor=supervisor,
        routes=routes,
        captures=Captures(blobs),
        async_invocations=AsyncInvocations(database, blobs, routes, clock),
        desk=desk,
        functions=functions,
        clock=clock,
    )
    return Application(context)


class _Console:
    """The console, made at its first request: start-up need not load what few requests use."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            from labelwright.api.inside import JobDoor
            from labelwright.console import site
            from labelwright.portal.drafts import DraftPages

            self._app = site.build(self._context, JobDoor(self._context), DraftPages())
        await self._app(scope, receive, send)


class Application:
    """One ASGI callable over all doors."""

    def __init__(self, context: AppContext) -> None:
        self.context = context
        self.delivery = Delivery(context.database, context.settings, context.clock)
        self._retention = Retention(context.settings.data_dir / "logs", context.clock)
        self._traffic = Traffic()
        self._doors: Mapping[str, ASGIApp] = {
            "api": api_door.build(context),
            "s3": s3_door.build(context),
            "portal": portal_site.build(context),
            "console": _Console(context),
            "health": self._health,
            "metrics": build_metrics(context, self._traffic, self.delivery),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event of ASGI's http or lifespan kind."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":  # no websockets here
            await send({"type": "websocket.close", "code": 1003})
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        scope["labelwright.headers"] = headers
        # It becomes part of addresses and policies, so it must be able to be nothing but a host.
        if not _HOST.fullmatch(headers.get("host", "")):
            await _refuse_host(send)
            return
        door = door_of(scope["method"], scope["path"], scope["query_string"], headers)
        await self._counted(door, scope, receive, send)

    async def _counted(self, door: str, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        status = 0

        async def noting(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._doors[door](scope, receive, noting)
        finally:
            self._traffic.observe(door, status, time.perf_counter() - started)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await asyncio.to_thread(self.delivery.start)
                self.context.functions.events.start()
                self.context.engine.start()
                self.context.supervisor.start()
                self.context.async_invocations.start()
                self._retention.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.context.async_invocations.stop()
                self.context.routes.each(lambda instance: instance.close())
                for door in self._doors.values():
                    aclose = getattr(door, "aclose", None)
                    if aclose is not None:
                        await aclose()
                await asyncio.to_thread(self.close)
                await send({"type": "lifespan.shutdown.complete"})
                return

    def close(self) -> None:
        """Let the engine finish its step, then write out and close the database and the object store."""
        self.context.functions.close()
        self.context.engine.stop()
        self.context.supervisor.stop()
        self.context.captures.close()
        self.delivery.stop()
        self._retention.stop()
        self.context.database.close()
        close = getattr(self.context.blobs, "close", None)
        if close is not None:
            close()
        _log.info("stopped", extra={"action": "stop"})

    async def _health(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = orjson.dumps({"status": "ok", "version": __version__})
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(body)).encode()),
                    (b"cache-control", b"no-store"),
                ],
            }
        )
        await send({"type": "http.response.body", "body": body})


async def _refuse_host(send: Send) -> None:
    body = b"The Host header is not a host name; check the address.\n"
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
