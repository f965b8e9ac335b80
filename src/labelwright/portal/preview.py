"""Practice pages: a built-in template with sample data, interactive, nothing stored.

Pressing Submit in a preview runs the checks and shows the answer instead of sending it.
"""

from __future__ import annotations

import re

from labelwright.context import AppContext
from labelwright.errors import LabelwrightError
from labelwright.portal.frames import assemble_page, nonce_of
from labelwright.portal.guard import base_url_of
from labelwright.portal.http import Reply, Request
from labelwright.portal.pages import StaticFiles
from labelwright.portal.policies import page_headers, task_policy
from labelwright.portal.samples import task_type_sample
from labelwright.portal.sessions import NotSignedIn, Sessions

__all__ = ["Preview"]

_PATH = re.compile(r"/portal/preview/([A-Za-z]+)")


class Preview:
    """``/portal/preview/{task type}``, for signed-in workers who want to practise."""

    def __init__(self, context: AppContext, sessions: Sessions, static: StaticFiles) -> None:
        self._public_url = context.settings.public_url
        self._sessions = sessions
        self._static = static

    async def answer(self, request: Request) -> Reply:
        """The page, or a plain sentence that says why there is none."""
        found = _PATH.fullmatch(request.path)
        from labelwright.templates.builtin import BUILTIN_TASK_TYPES  # late, as in frames.py
        from labelwright.templates.liquid_dialect import parse

        if found is None or found.group(1) not in BUILTIN_TASK_TYPES:
            return _plain(404, f"There is a preview of {', '.join(BUILTIN_TASK_TYPES)}.\n")

        try:
            await self._sessions.current(request)
            sample = task_type_sample(found.group(1))
            rendered = parse(sample.template).render(sample.input, sign=lambda b, k: f"s3://{b}/{k}")
        except NotSignedIn as error:
            return _plain(401, error.message + "\n")
        except LabelwrightError as error:
            return _plain(500, error.message + "\n")
        page = assemble_page(
            rendered.html,
            static=self._static,
            context={"taskId": "preview", "mode": "preview", "locale": "en", "nonce": nonce_of(request)},
        )
        policy = task_policy(base_url_of(request, self._public_url))
        return Reply(200, page.encode(), page_headers(policy))


def _plain(status: int, text: str) -> Reply:
    return Reply(status, text.encode(), [(b"content-type", b"text/plain; charset=utf-8")])
