"""The worker's page of a job that does not exist yet, for the console: interactive, nothing is stored.

Pressing Submit in it runs the checks and shows the answer. The document has an opaque origin like that of a
task, so a template cannot reach the console that frames it.
"""

from __future__ import annotations

import html
import secrets
from typing import Any

from labelwright.portal.frames import assemble_page
from labelwright.portal.http import Headers
from labelwright.portal.pages import StaticFiles
from labelwright.portal.policies import page_headers, task_policy
from labelwright.portal.samples import task_type_sample

__all__ = ["DraftPages"]


class DraftPages:
    """Pages around rendered templates."""

    def __init__(self) -> None:
        self._static = StaticFiles()

    def page(self, document: str, base_url: str) -> tuple[bytes, Headers]:
        """Body and headers of the page around a rendered template."""
        page = assemble_page(
            document,
            static=self._static,
            context={
                "taskId": "preview",
                "mode": "preview",
                "locale": "en",
                "nonce": secrets.token_urlsafe(18),
            },
        )
        return page.encode(), page_headers(task_policy(base_url))

    def notice(self, messages: list[str], base_url: str) -> tuple[bytes, Headers]:
        """Body and headers of a page that says why there is no other."""
        listed = "".join(f"<li>{html.escape(message)}</li>" for message in messages)
        page = (
            '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Preview</title>'
            "<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem;color-scheme:light dark}</style>"
            f"<main><h1>No preview yet</h1><ul>{listed}</ul></main></html>"
        )
        return page.encode(), page_headers(task_policy(base_url))

    def sample(self, task_type: str) -> dict[str, Any]:
        """``task.input`` of an example of a built-in task type."""
        return task_type_sample(task_type).input
