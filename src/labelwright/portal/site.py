"""The portal's door: tells the worker API, task documents, static files and the page apart."""

from __future__ import annotations

from labelwright.context import AppContext
from labelwright.portal.accounts import Accounts
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
    settings = context.settings
    sessions = Sessions(context.database, context.clock, is_secure=settings.public_url.startswith("https:"))
    throttle = Throttle(context.database, context.clock)
    accounts = Accounts(context.database, context.clock, sessions, throttle)
    static = StaticFiles()
    workbench = Workbench(context, sessions, static)
    api = WorkerApi(context, sessions, accounts, workbench)
    frames = Frames(context, sessions, static)
    preview = Preview(context, sessions, static)

    async def portal(scope: Scope, receive: Receive, send: Send) -> None:
        request = request_of(scope, receive)
        path = request.path
        if path.startswith("/portal/api/"):
            reply = await api.answer(request)
        elif path.startswith("/portal/static/"):
            reply = static.answer(request)
        elif path.startswith("/portal/tasks/"):
            reply = await frames.answer(request)
        elif path.startswith("/portal/previews/"):
            reply = await workbench.answer(request)
        elif path.startswith("/portal/preview/"):
            reply = await preview.answer(request)
        else:
            reply = shell(request, static)
        await reply.send(send, head_only=request.method == "HEAD")

    return portal
