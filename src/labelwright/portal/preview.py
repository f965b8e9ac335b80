"""Previews: a built-in template with sample data, interactive, nothing stored.

Pressing Submit in a preview runs the checks and shows the answer instead of sending it.
"""

from __future__ import annotations

import re
from typing import Any

from labelwright.context import AppContext
from labelwright.errors import LabelwrightError
from labelwright.portal.frames import assemble_page, nonce_of
from labelwright.portal.guard import base_url_of
from labelwright.portal.http import Reply, Request
from labelwright.portal.pages import StaticFiles
from labelwright.portal.policies import page_headers, task_policy
from labelwright.portal.sessions import NotSignedIn, Sessions

__all__ = ["SAMPLES", "Preview"]

_PATH = re.compile(r"/portal/preview/([A-Za-z]+)")

_PICTURE = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='640' height='400'%3E"
    "%3Crect width='640' height='400' fill='%23cfe3f2'/%3E"
    "%3Crect y='280' width='640' height='120' fill='%23889'/%3E"
    "%3Crect x='90' y='210' width='180' height='90' rx='18' fill='%23c33'/%3E"
    "%3Crect x='390' y='190' width='200' height='110' rx='18' fill='%2336a'/%3E%3C/svg%3E"
)
_LABELS = ["Car", "Truck", "Other"]

SAMPLES: dict[str, dict[str, Any]] = {
    "BoundingBox": {"taskObject": _PICTURE, "labels": _LABELS},
    "ImageMultiClass": {"taskObject": _PICTURE, "labels": _LABELS},
    "TextMultiClass": {
        "taskObject": "The parcel came a day early and the box was undamaged.",
        "labels": ["Praise", "Complaint", "Question"],
    },
}
"""Task type -> ``task.input`` of its preview."""


class Preview:
    """``/portal/preview/{task type}``, for signed-in workers who want to practise."""

    def __init__(self, context: AppContext, sessions: Sessions, static: StaticFiles) -> None:
        self._public_url = context.settings.public_url
        self._sessions = sessions
        self._static = static

    async def answer(self, request: Request) -> Reply:
        """The page, or a plain sentence that says why there is none."""
        found = _PATH.fullmatch(request.path)
        sample = SAMPLES.get(found.group(1)) if found else None
        if found is None or sample is None:
            return _plain(404, f"There is a preview of {', '.join(sorted(SAMPLES))}.\n")
        from labelwright.templates.builtin import builtin  # late, as in frames.py
        from labelwright.templates.liquid_dialect import parse

        try:
            await self._sessions.current(request)
            template = parse(
                builtin(
                    found.group(1),
                    header="Try it out",
                    short_instructions="<p>This is a preview. Nothing is stored.</p>",
                    full_instructions="<p>Work as on a real task, then press Submit to see the answer.</p>",
                )
            )
            rendered = template.render(sample, sign=lambda bucket, key: f"s3://{bucket}/{key}")
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
