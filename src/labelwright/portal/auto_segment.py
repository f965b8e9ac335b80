"""Auto-segment: a worker marks an object with few clicks, the operator's model fills the mask.

Only images that the task itself shows can be asked about, for as long as the worker holds it: the model must
not become a way to look at other data.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelwright.context import AppContext
from labelwright.errors import AccessRefused, BlobNotFound, InvalidRequest
from labelwright.portal.guard import base_url_of, json_object
from labelwright.portal.http import Refusal, Reply, Request
from labelwright.store.sessions import SessionRow

if TYPE_CHECKING:
    from labelwright.segment import Prompt, SegmentService

__all__ = ["AutoSegment"]

_BODY_BYTES = 64 << 10
_IMAGE_BYTES_MAX = 64 << 20
_POINTS_MAX = 16


class AutoSegment:
    """``POST /portal/api/tasks/{id}/auto-segment`` of one server."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._service: SegmentService | None = None

    async def answer(self, request: Request, session: SessionRow, task_id: str) -> Reply:
        """The mask as a PNG of the image's size: 255 inside, 0 outside.

        Raises
        ------
        Refusal
            501 NotConfigured when the operator gave no model; the page uses its own method then.
        """
        settings = self._context.settings
        if not settings.segmenter:
            raise Refusal(
                501,
                "NotConfigured",
                "This server has no segmentation model; set LABELWRIGHT_SEGMENTER to a folder with one.",
            )
        body = await json_object(request, limit_bytes=_BODY_BYTES)
        prompt = _prompt(body)
        view = await self._context.desk.view(session.user_id, task_id)
        host = base_url_of(request, settings.public_url).partition("://")[2]
        uri = _shown(body.get("image"), view.input, frozenset({host, request.headers.get("host", host)}))
        mask = await asyncio.to_thread(self._mask, uri, prompt)
        return Reply(200, mask, [(b"content-type", b"image/png"), (b"cache-control", b"no-store")])

    def close(self) -> None:
        """End the model's process."""
        if self._service is not None:
            self._service.close()

    def _mask(self, uri: str, prompt: Prompt) -> bytes:
        from labelwright.segment import SegmentService

        try:
            size_bytes = self._context.blobs.head(uri).size_bytes
            if size_bytes > _IMAGE_BYTES_MAX:
                raise InvalidRequest(
                    f"The image has {size_bytes:,} bytes; auto-segment reads at most {_IMAGE_BYTES_MAX:,}.",
                    field="image",
                )
            data = self._context.blobs.read(uri)
        except BlobNotFound as error:
            raise InvalidRequest(f"The image {uri} is gone.", field="image", value=uri) from error
        if self._service is None:
            self._service = SegmentService(Path(self._context.settings.segmenter))
        return self._service.mask(data, prompt)


def _shown(image: object, task_input: dict[str, Any], hosts: frozenset[str]) -> str:
    """The object behind an image address, when it is one of the task's own."""
    from labelwright.templates.media import media_target

    target = media_target(image, hosts) if isinstance(image, str) else None
    if target is None or not target.bucket:
        raise InvalidRequest(
            "image must be the address of a stored image of the task, as its page has it.", field="image"
        )
    for text in _texts(task_input):
        own = media_target(text, hosts)
        if own is not None and (own.bucket, own.key) == (target.bucket, target.key):
            return f"s3://{target.bucket}/{target.key}"
    raise AccessRefused(f"s3://{target.bucket}/{target.key} is not an image of this task.")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _prompt(body: dict[str, Any]) -> Prompt:
    from labelwright.segment import Prompt

    points, box = body.get("points"), body.get("box")
    if (points is None) == (box is None):
        raise InvalidRequest("Give either points, as [[x, y], ...], or a box.", field="points")
    if points is not None:
        if not isinstance(points, list) or not 1 <= len(points) <= _POINTS_MAX:
            raise InvalidRequest(f"points must be a list of 1 to {_POINTS_MAX} points.", field="points")
        return Prompt(points=[_numbers(p, 2, f"points[{i}]") for i, p in enumerate(points)])
    return Prompt(box=_numbers(box, 4, "box"))


def _numbers(value: object, n: int, field: str) -> Any:
    if (
        not isinstance(value, list)
        or len(value) != n
        or not all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in value)
        or min(value) < 0
    ):
        raise InvalidRequest(f"{field} must be {n} numbers from 0, in pixels.", field=field)
    return tuple(float(v) for v in value)
