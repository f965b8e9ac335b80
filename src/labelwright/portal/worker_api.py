"""The worker API: what the portal's page, bots and tests speak. JSON over HTTP with the session cookie.

One table, `ROUTES`, says what there is; the OpenAPI document and its test read the same table. Every answer
other than success is ``{"error", "message"[, "field"]}``.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import math
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from labelwright.context import AppContext
from labelwright.engine import JobCard, TaskView
from labelwright.errors import (
    AccessRefused,
    Conflict,
    IllegalTransition,
    InvalidRequest,
    LabelwrightError,
    LimitExceeded,
    NotFound,
)
from labelwright.portal import openapi
from labelwright.portal.accounts import Accounts
from labelwright.portal.auto_segment import AutoSegment
from labelwright.portal.guard import check_origin, json_object
from labelwright.portal.http import Refusal, Reply, Request, json_reply
from labelwright.portal.sessions import NotSignedIn, Sessions
from labelwright.portal.workbench import Workbench
from labelwright.store.sessions import SessionRow

__all__ = ["MAX_ANSWER_BYTES", "ROUTES", "Route", "WorkerApi"]

_log = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 32 << 20
# The envelope around an answer: member names and the time spent.
_ENVELOPE_BYTES = 64 << 10
_SMALL_BYTES = 16 << 10
_PREVIEW_BYTES = 8 << 20
_LONGEST_TASK_S = 2_592_000.0


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    """One operation: ``method`` and ``path`` below ``/portal/api``, with ``{name}`` for what varies."""

    method: str
    path: str
    handler: str
    summary: str
    needs_session: bool = True


ROUTES: tuple[Route, ...] = (
    Route("GET", "/openapi.json", "document", "This API as an OpenAPI document", needs_session=False),
    Route("POST", "/session", "sign_in", "Sign in", needs_session=False),
    Route("GET", "/session", "who_am_i", "Who is signed in"),
    Route("DELETE", "/session", "sign_out", "Sign out", needs_session=False),
    Route(
        "POST", "/session/password", "change_password", "Replace a password and sign in", needs_session=False
    ),
    Route("GET", "/jobs", "list_jobs", "Jobs that have work for this worker"),
    Route("POST", "/jobs/{name}/tasks", "take_task", "Take the next task of a job"),
    Route("GET", "/tasks/{id}", "show_task", "A task, for its holder"),
    Route("DELETE", "/tasks/{id}", "release_task", "Give a task back to the pool; what was entered is lost"),
    Route("POST", "/tasks/{id}/start", "start_task", "Begin to work on a task that was reserved ahead"),
    Route("POST", "/tasks/{id}/submission", "submit_task", "Hand in the answer"),
    Route("POST", "/tasks/{id}/decline", "decline_task", "Refuse a task for good"),
    Route("POST", "/tasks/{id}/pause", "pause_task", "Stop and resume later"),
    Route("POST", "/tasks/{id}/auto-segment", "auto_segment", "Outline an object by the operator's model"),
    Route("GET", "/samples", "list_samples", "Templates of all elements and task types, with sample data"),
    Route("POST", "/previews", "make_preview", "Render a template to look at; nothing is stored"),
)

_Handler = Callable[[Request, Any, str], Awaitable[Reply]]


class WorkerApi:
    """The routes below ``/portal/api`` of one server."""

    def __init__(
        self,
        context: AppContext,
        sessions: Sessions,
        accounts: Accounts,
        workbench: Workbench,
        auto_segment: AutoSegment,
    ) -> None:
        self._desk = context.desk
        self._clock = context.clock
        self._public_url = context.settings.public_url
        self._sessions = sessions
        self._accounts = accounts
        self._workbench = workbench
        self._auto_segment_door = auto_segment
        self._table: dict[str, dict[str, tuple[_Handler, bool]]] = {}
        for route in ROUTES:
            handler: _Handler = getattr(self, f"_{route.handler}")
            self._table.setdefault(_pattern(route.path), {})[route.method] = (handler, route.needs_session)

    async def answer(self, request: Request) -> Reply:
        """Route one request, and turn every error into its answer."""
        try:
            return await self._route(request)
        except Refusal as refusal:
            return refusal.reply()
        except LabelwrightError as error:
            return refusal_of(error).reply()
        except Exception:
            request_id = secrets.token_hex(8)
            _log.exception(
                "portal request failed",
                extra={"action": "portal", "method": request.method, "request_id": request_id},
            )
            return Refusal(
                500,
                "InternalFailure",
                "Something went wrong on our side; nothing of yours was changed. Try again, and tell the "
                f"administrator the request id {request_id} if it goes on.",
                extra={"request_id": request_id},
            ).reply()

    async def _route(self, request: Request) -> Reply:
        segments = request.path.split("/")  # ["", "portal", "api", ...]
        argument = ""
        if len(segments) > 4 and segments[3] in ("jobs", "tasks"):
            argument = segments[4]
            segments[4] = "*"
        methods = self._table.get("/".join(segments[3:]))
        if methods is None or (len(segments) > 4 and segments[4] == "*" and not argument):
            raise Refusal(404, "NotFound", "There is no such address; see /portal/api/openapi.json.")
        entry = methods.get(request.method)
        if entry is None:
            allowed = ", ".join(sorted(methods))
            raise Refusal(
                405,
                "MethodNotAllowed",
                f"This address takes {allowed}, not {request.method}.",
                headers=[(b"allow", allowed.encode())],
            )
        handler, needs_session = entry
        if request.method != "GET":
            check_origin(request, self._public_url)
        session = await self._sessions.current(request) if needs_session else None
        return await handler(request, session, argument)

    # --- accounts ---------------------------------------------------------------------------------------

    async def _document(self, request: Request, _session: None, _argument: str) -> Reply:
        return json_reply(200, openapi.document(ROUTES))

    async def _sign_in(self, request: Request, _session: None, _argument: str) -> Reply:
        body = await json_object(request, limit_bytes=_SMALL_BYTES)
        row, headers = await self._accounts.sign_in(
            username=_text(body, "username"),
            password=_text(body, "password"),
            address=request.client_address,
        )
        return json_reply(200, {"worker": _worker(row), "now": self._clock()}, headers)

    async def _change_password(self, request: Request, _session: None, _argument: str) -> Reply:
        body = await json_object(request, limit_bytes=_SMALL_BYTES)
        row, headers = await self._accounts.change_password(
            username=_text(body, "username"),
            password=_text(body, "password"),
            new_password=_text(body, "new_password"),
            address=request.client_address,
        )
        return json_reply(200, {"worker": _worker(row), "now": self._clock()}, headers)

    async def _who_am_i(self, request: Request, session: SessionRow, _argument: str) -> Reply:
        return json_reply(
            200, {"worker": _worker(session), "expires_at": session.expires_at, "now": self._clock()}
        )

    async def _sign_out(self, request: Request, _session: None, _argument: str) -> Reply:
        return Reply(204, b"", [(b"cache-control", b"no-store"), *await self._sessions.end(request)])

    # --- work -------------------------------------------------------------------------------------------

    async def _list_jobs(self, request: Request, session: SessionRow, _argument: str) -> Reply:
        cards = await self._desk.jobs(session.user_id)
        return json_reply(200, {"jobs": [_job(card) for card in cards], "now": self._clock()})

    async def _take_task(self, request: Request, session: SessionRow, job_name: str) -> Reply:
        body = await json_object(request, limit_bytes=_SMALL_BYTES, may_be_empty=True)
        ahead = body.get("ahead", False)
        if not isinstance(ahead, bool):
            raise InvalidRequest(
                "ahead must be true or false; leave it out to work on the task now.", field="ahead"
            )
        view = await self._desk.take(session.user_id, job_name, ahead=ahead)
        if view is None:
            return Reply(204, b"", [(b"cache-control", b"no-store")])
        return self._task_reply(view)

    async def _show_task(self, request: Request, session: SessionRow, task_id: str) -> Reply:
        return self._task_reply(await self._desk.view(session.user_id, task_id))

    async def _start_task(self, request: Request, session: SessionRow, task_id: str) -> Reply:
        await json_object(request, limit_bytes=_SMALL_BYTES, may_be_empty=True)
        return self._task_reply(await self._desk.start(session.user_id, task_id))

    async def _submit_task(self, request: Request, session: SessionRow, task_id: str) -> Reply:
        body = await json_object(request, limit_bytes=MAX_ANSWER_BYTES + _ENVELOPE_BYTES)
        answer = body.get("answer")
        if not isinstance(answer, dict):
            raise InvalidRequest(
                "answer must be a JSON object: what the template's form produced, by field name.",
                field="answer",
            )
        await self._desk.submit(
            session.user_id,
            task_id,
            orjson.dumps(answer),
            time_spent_s=_seconds(body.get("time_spent_s")),
        )
        return json_reply(200, {"status": "submitted", "task_id": task_id})

    async def _release_task(self, request: Request, session: SessionRow, task_id: str) -> Reply:
        await self._desk.release(session.user_id, task_id)
        return json_reply(200, {"status": "released", "task_id": task_id})

    async def _decline_task(self, request: Request, session: SessionRow, task_id: str) -> Reply:
        await json_object(request, limit_bytes=_SMALL_BYTES, may_be_empty=True)
        await self._desk.decline(session.user_id, task_id)
        return json_reply(200, {"status": "declined", "task_id": task_id})

    async def _pause_task(self, request: Request, session: SessionRow, task_id: str) -> Reply:
        await json_object(request, limit_bytes=_SMALL_BYTES, may_be_empty=True)
        await self._desk.pause(session.user_id, task_id)
        return json_reply(200, {"status": "paused", "task_id": task_id})

    async def _auto_segment(self, request: Request, session: SessionRow, task_id: str) -> Reply:
        return await self._auto_segment_door.answer(request, session, task_id)

    # --- templates --------------------------------------------------------------------------------------

    async def _list_samples(self, request: Request, _session: SessionRow, _argument: str) -> Reply:
        return json_reply(200, {"samples": await asyncio.to_thread(self._workbench.samples)})

    async def _make_preview(self, request: Request, session: SessionRow, _argument: str) -> Reply:
        body = await json_object(request, limit_bytes=_PREVIEW_BYTES)
        template, task_input = body.get("template"), body.get("input")
        made = await asyncio.to_thread(self._workbench.make, session.user_id, template, task_input)
        return json_reply(200, made)

    def _task_reply(self, view: TaskView) -> Reply:
        return json_reply(200, {"task": _task(view), "now": self._clock()})


def refusal_of(error: LabelwrightError) -> Refusal:
    """The one table from our exceptions to this API's statuses and names."""
    match error:
        case NotSignedIn():
            return Refusal(401, "NotSignedIn", error.message)
        case InvalidRequest():
            return Refusal(422, "InvalidRequest", error.message, field=error.field)
        case NotFound():
            return Refusal(404, "NotFound", error.message)
        case AccessRefused():
            return Refusal(403, "AccessRefused", error.message)
        case Conflict() | IllegalTransition():
            return Refusal(409, "Conflict", error.message)
        case LimitExceeded():
            return Refusal(429, "LimitExceeded", error.message)
        case _:
            return Refusal(400, type(error).__name__, error.message)


def _pattern(path: str) -> str:
    return "/".join("*" if part.startswith("{") else part for part in path.lstrip("/").split("/"))


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"{name} is missing; give it as a text.", field=name)
    if len(value) > 256:
        raise InvalidRequest(f"{name} is longer than 256 characters.", field=name)
    return value


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or value < 0
    ):
        raise InvalidRequest(
            f"time_spent_s is {str(value)[:40]!r}; give seconds as a number from 0, or leave it out.",
            field="time_spent_s",
        )
    return min(float(value), _LONGEST_TASK_S)


def _worker(row: SessionRow) -> dict[str, object]:
    region = row.pool_id.partition("_")[0]
    return {
        "id": row.user_id,
        "username": row.username,
        "email": row.email,
        "worker_id": f"private.{region}.{row.worker_code}",
    }


def _job(card: JobCard) -> dict[str, object]:
    return {
        "name": card.name,
        "arn": card.arn,
        "title": card.title,
        "description": card.description,
        "keywords": card.keywords,
        "task_type": card.task_type,
        "available_tasks": card.available_tasks,
        "time_limit_s": card.time_limit_s,
        "created_at": card.created_at,
        "reference_code": card.reference_code,
        "account_id": card.account_id,
        "held_state": card.held_state,
        "held_until": card.held_until,
    }


def _task(view: TaskView) -> dict[str, object]:
    return {
        "id": view.id,
        "job": view.job_name,
        "job_arn": view.job_arn,
        "object_id": view.object_id,
        "state": view.state,
        "html_url": f"/portal/tasks/{view.id}/document",
        "input": view.input,
        "title": view.title,
        "description": view.description,
        "task_type": view.task_type,
        "accepted_at": view.accepted_at,
        "expires_at": view.expires_at,
        "time_limit_s": view.time_limit_s,
    }
