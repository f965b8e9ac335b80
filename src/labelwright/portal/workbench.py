"""The template workbench: render any template with any input, look at it live, nothing is stored.

Workers and authors use the same page: the gallery of elements is a list of templates to begin with. A preview
reads no stored objects, because whoever is signed in may see the data of their own tasks only; pictures come
from data URIs and from the web. Rendered documents wait in memory for the frame that asks for them next.
"""

from __future__ import annotations

import dataclasses
import html
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable

from labelwright.context import AppContext
from labelwright.errors import AccessRefused, InvalidRequest, TemplateError
from labelwright.portal.frames import assemble_page, nonce_of
from labelwright.portal.guard import base_url_of
from labelwright.portal.http import Reply, Request
from labelwright.portal.pages import StaticFiles
from labelwright.portal.policies import page_headers, task_policy
from labelwright.portal.samples import samples
from labelwright.portal.sessions import NotSignedIn, Sessions

__all__ = ["Workbench"]

_PATH = re.compile(r"/portal/previews/([A-Za-z0-9_-]{22})/document")
_VALID_S = 600.0
_KEPT_MAX = 64
_KEPT_BYTES_MAX = 64 << 20
TEMPLATE_CHARS_MAX = 128_000


@dataclasses.dataclass(frozen=True, slots=True)
class _Kept:
    user_id: str
    html: str
    until: float


class Workbench:
    """Previews of one server."""

    def __init__(self, context: AppContext, sessions: Sessions, static: StaticFiles) -> None:
        self._clock: Callable[[], float] = context.clock
        self._public_url = context.settings.public_url
        self._sessions = sessions
        self._static = static
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def samples(self) -> list[dict[str, object]]:
        """The examples as the page lists them."""
        return [dataclasses.asdict(sample) for sample in samples().values()]

    def make(self, user_id: str, template: object, task_input: object) -> dict[str, object]:
        """Render a template; problems are part of the answer.

        Returns
        -------
        dict
            ``document_url`` (None when nothing could be rendered), ``errors`` (``code``, ``message``,
            ``line``, ``column``; lines count from 1, 0 is unknown), ``undefined`` (names that printed
            nothing) and ``warnings`` (sentences).

        Raises
        ------
        InvalidRequest
            When a member is missing or of another type.
        """
        if not isinstance(template, str) or not 1 <= len(template) <= TEMPLATE_CHARS_MAX:
            raise InvalidRequest(
                f"template must be a text of 1 to {TEMPLATE_CHARS_MAX:,} characters.", field="template"
            )
        if not isinstance(task_input, dict):
            raise InvalidRequest('input must be a JSON object such as {"labels": ["a"]}.', field="input")
        from labelwright.templates import parse  # late: a start need not wait for the template language

        try:
            parsed = parse(template)
        except TemplateError as error:
            return _outcome(None, [_problem(error.code, error.message, error.line, error.column)])
        rendered = parsed.render(task_input, sign=_refuse)
        errors = [_problem(p.code, p.message, p.line, p.column) for p in rendered.errors]
        if not rendered.html.strip():
            return _outcome(None, errors, rendered.warnings, parsed.warnings)
        key = secrets.token_urlsafe(16)
        self._keep(key, _Kept(user_id, rendered.html, self._clock() + _VALID_S))
        return _outcome(f"/portal/previews/{key}/document", errors, rendered.warnings, parsed.warnings)

    def _keep(self, key: str, kept: _Kept) -> None:
        self._kept[key] = kept
        now = self._clock()
        n_bytes = sum(len(item.html) for item in self._kept.values())
        while len(self._kept) > 1:
            oldest = next(iter(self._kept.values()))
            if len(self._kept) <= _KEPT_MAX and n_bytes <= _KEPT_BYTES_MAX and oldest.until > now:
                return
            n_bytes -= len(oldest.html)
            self._kept.popitem(last=False)

    async def answer(self, request: Request) -> Reply:
        """``/portal/previews/{key}/document``, for whoever made it."""
        base_url = base_url_of(request, self._public_url)
        found = _PATH.fullmatch(request.path)
        kept = self._kept.get(found.group(1)) if found else None
        try:
            session = await self._sessions.current(request)
        except NotSignedIn as error:
            return _notice(401, error.message, base_url)
        if kept is None or kept.user_id != session.user_id or kept.until <= self._clock():
            return _notice(404, "This preview is gone. Press Render again.", base_url)
        page = assemble_page(
            kept.html,
            static=self._static,
            context={"taskId": "preview", "mode": "preview", "locale": "en", "nonce": nonce_of(request)},
        )
        return Reply(200, page.encode(), page_headers(task_policy(base_url)))


def _refuse(bucket: str, key: str) -> str:
    raise AccessRefused(
        f"s3://{bucket}/{key} is not read in a preview. Use a data URI or a web address, or call "
        "RenderUiTemplate, which reads stored objects."
    )


def _problem(code: str, message: str, line: int, column: int) -> dict[str, object]:
    return {"code": code, "message": message, "line": line, "column": column}


def _outcome(
    url: str | None,
    errors: list[dict[str, object]],
    undefined: list[str] | None = None,
    warnings: tuple[str, ...] = (),
) -> dict[str, object]:
    return {"document_url": url, "errors": errors, "undefined": undefined or [], "warnings": list(warnings)}


def _notice(status: int, message: str, base_url: str) -> Reply:
    page = (
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Preview</title>'
        f"<p>{html.escape(message)}</p></html>"
    )
    return Reply(status, page.encode(), page_headers(task_policy(base_url)))
