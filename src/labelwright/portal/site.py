"""The portal's door: tells the worker API, task documents, static files and the page apart."""

from __future__ import annotations

import asyncio

from labelwright.context import AppContext
from labelwright.portal.accounts import Accounts
from labelwright.portal.auto_segment import AutoSegment
from labelwright.portal.frames import Frames
from labelwright.portal.http import ASGIApp, Receive, Scope, Send, request_of
from labelwright.portal.pages import StaticFiles, shell
from labelwright.portal.preview import Preview
from labelwright.portal.sessions import Sessions
from labelwright.portal.throttle import Throttle
from labelwright.portal.workbench import Workbench
from labelwright.portal.worker_api import WorkerApi

__all__ = ["build"]


def build(context: AppContext) -> ASGIApp:
    """The portal as a raw ASGI application for ``http`` scopes whose path begins with ``/portal``."""
    return _Portal(context)


class _Portal:
    def __init__(self, context: AppContext) -> None:
        settings = context.settings
        sessions = Sessions(
            context.database, context.clock, is_secure=settings.public_url.startswith("https:")
        )
        accounts = Accounts(
            context.database, context.clock, sessions, Throttle(context.database, context.clock)
        )
        self._static = StaticFiles()
        self._workbench = Workbench(context, sessions, self._static)
        self._auto_segment = AutoSegment(context)
        self._api = WorkerApi(context, sessions, accounts, self._workbench, self._auto_segment)
        self._frames = Frames(context, sessions, self._static)
        self._preview = Preview(context, sessions, self._static)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = request_of(scope, receive)
        path = request.path
        if path.startswith("/portal/api/"):
            reply = await self._api.answer(request)
        elif path.startswith("/portal/static/"):
            reply = self._static.answer(request)
        elif path.startswith("/portal/tasks/"):
            reply = await self._frames.answer(request)
        elif path.startswith("/portal/previews/"):
            reply = await self._workbench.answer(request)
        elif path.startswith("/portal/preview/"):
            reply = await self._preview.answer(request)
        else:
            reply = shell(request, self._static)
        await reply.send(send, head_only=request.method == "HEAD")

    async def aclose(self) -> None:
        """End the process that was started for workers, if any."""
        await asyncio.to_thread(self._auto_segment.close)
