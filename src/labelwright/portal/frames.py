"""Task documents: a job's template, rendered for one task, for the frame in the portal's page.

The document is fetched with the holder's session cookie, but runs in an opaque origin: the page frames it
with ``sandbox``, and the response carries the same sandbox in its policy, so that opening the address in a
tab of its own gives a template no more.
"""

from __future__ import annotations

import html
import logging
import re
import secrets
from urllib.parse import parse_qs

import orjson

from labelwright.context import AppContext
from labelwright.errors import LabelwrightError, NotFound, TemplateError
from labelwright.portal.guard import base_url_of
from labelwright.portal.http import Reply, Request
from labelwright.portal.pages import StaticFiles
from labelwright.portal.policies import page_headers, task_policy
from labelwright.portal.sessions import NotSignedIn, Sessions

__all__ = ["Frames", "assemble_page"]

_log = logging.getLogger(__name__)

_PATH = re.compile(r"/portal/tasks/([^/]+)/document")
_NONCE = re.compile(r"[A-Za-z0-9_-]{8,128}")
_MAX_PREFERENCES = 2000
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


class Frames:
    """``/portal/tasks/{id}/document``."""

    def __init__(self, context: AppContext, sessions: Sessions, static: StaticFiles) -> None:
        self._desk = context.desk
        self._public_url = context.settings.public_url
        self._sessions = sessions
        self._static = static

    async def answer(self, request: Request) -> Reply:
        """The document, or a small page that says why there is none."""
        found = _PATH.fullmatch(request.path)
        base_url = base_url_of(request, self._public_url)
        if found is None:
            return _notice(404, "There is no such page.", base_url)
        if request.method not in ("GET", "HEAD"):
            return _notice(405, "This page can only be read.", base_url)
        task_id = found.group(1)
        try:
            session = await self._sessions.current(request)
            rendered = await self._desk.render(session.user_id, task_id, base_url=base_url)
        except NotSignedIn as error:
            return _notice(401, error.message, base_url)
        except NotFound as error:
            return _notice(404, error.message, base_url)
        except TemplateError as error:
            _log.warning(
                "task cannot be rendered", extra={"action": "render", "task": task_id, "code": error.code}
            )
            return _notice(
                409,
                "This task cannot be shown to anybody: its template cannot be rendered for this object. It "
                "was taken back; go on with the next one.",
                base_url,
            )
        except LabelwrightError as error:
            return _notice(409, error.message, base_url)
        if rendered.errors:
            _log.info(
                "task rendered with problems",
                extra={"action": "render", "task": task_id, "n_problems": len(rendered.errors)},
            )
        text = assemble_page(
            rendered.html,
            static=self._static,
            context={
                "taskId": task_id,
                "mode": "work",
                "locale": _locale(request),
                "nonce": nonce_of(request),
                "preferences": _preferences(request),
            },
        )
        return Reply(200, text.encode(), page_headers(task_policy(base_url)))


def assemble_page(document: str, *, static: StaticFiles, context: dict[str, object]) -> str:
    """The rendered template with our bundle and its context block in it."""
    # Loaded with the first page: the template language is most of what a start would wait for.
    from labelwright.templates import assemble

    return assemble(
        document,
        bundle_url=static.url("crowd-html-elements.js"),
        css_url=static.url("crowd-html-elements.css"),
        task_context=context,
    )


def nonce_of(request: Request) -> str:
    """The nonce that the page made for this frame, or a fresh one for whoever opens it otherwise."""
    given = parse_qs(request.query.decode("latin-1")).get("nonce", [""])[0]
    return given if _NONCE.fullmatch(given) else secrets.token_urlsafe(18)


def _preferences(request: Request) -> dict[str, object]:
    """What the worker chose about the tools, as the page hands it through; nothing when it is not that."""
    given = parse_qs(request.query.decode("latin-1")).get("preferences", [""])[0]
    if not given or len(given) > _MAX_PREFERENCES:
        return {}
    try:
        value = orjson.loads(given)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _locale(request: Request) -> str:
    first = request.headers.get("accept-language", "").split(",")[0].split(";")[0].strip()
    return first if _LOCALE.fullmatch(first) else "en"


def _notice(status: int, message: str, base_url: str) -> Reply:
    page = (
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Task</title>'
        "<style>body{font:16px/1.5 system-ui,sans-serif;margin:3rem;color-scheme:light dark}</style>"
        f"<p>{html.escape(message)}</p></html>"
    )
    return Reply(status, page.encode(), page_headers(task_policy(base_url)))
