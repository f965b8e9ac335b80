"""Is an object's file there, and is it an image or a video that a worker can be shown?

Only the head of the file is read. An image that turns out to be damaged further on is for the worker to
decline.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from labelwright.core.limits import IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX
from labelwright.engine.paths import s3_uri
from labelwright.errors import AccessRefused, BlobNotFound, InvalidRequest
from labelwright.tasks.task_type import Media

if TYPE_CHECKING:
    from labelwright.blobs import Blobs

__all__ = ["image_size", "image_size_of", "problem_with", "read_small"]

_HEAD_BYTES = 64 << 10
_LONG_HEAD_BYTES = 4 << 20  # a JPEG may carry megabytes of profiles and previews before its size
_VIDEO_ENDINGS = (".mp4", ".ogg", ".webm")
_PNG = b"\x89PNG\r\n\x1a\n"
# Start-of-frame markers of JPEG: all of C0-CF but the tables C4, C8 and CC.
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def problem_with(blobs: Blobs, source: str, media: Media) -> str | None:
    """Why a worker cannot be shown this source; None when nothing speaks against it.

    Parameters
    ----------
    source : str
        The value of ``source-ref``.
    media : Media
        What the task type needs it to be.

    Returns
    -------
    str or None
        The ``failure-reason``.
    """
    uri = s3_uri(source)
    if not uri.startswith("s3://"):
        if media in ("image", "video"):
            return f"ClientError: {source[:200]} is not an S3 URI (s3://bucket/key)."
        return None
    if media == "video" and not uri.lower().endswith(_VIDEO_ENDINGS):
        return f"ClientError: {uri[:200]} is not a video that browsers play ({', '.join(_VIDEO_ENDINGS)})."
    try:
        size_bytes = blobs.head(uri).size_bytes
        if media != "image":
            return None
        if size_bytes > IMAGE_BYTES_MAX:
            return f"ClientError: Image exceeds {IMAGE_BYTES_MAX >> 20} MB."
        size = _size_at(blobs, uri, size_bytes)
    except (BlobNotFound, AccessRefused, InvalidRequest):
        return f"ClientError: Could not access {uri[:1024]}"
    if size is None:
        return "ClientError: The image file is not a valid JPEG or PNG."
    width, height = size
    if width * height > IMAGE_PIXELS_MAX:
        return f"ClientError: Image has {width} x {height} pixels; at most 100 million are allowed."
    return None


def image_size_of(blobs: Blobs, source: str) -> tuple[int, int] | None:
    """(width, height) of a stored image in pixels, or None when it cannot be read."""
    uri = s3_uri(source)
    try:
        return _size_at(blobs, uri, blobs.head(uri).size_bytes)
    except (BlobNotFound, AccessRefused, InvalidRequest):
        return None


def read_small(blobs: Blobs, source: str) -> bytes | None:
    """An object of at most the size that images may have; None when it is larger or cannot be read."""
    uri = s3_uri(source)
    try:
        return blobs.read(uri) if blobs.head(uri).size_bytes <= IMAGE_BYTES_MAX else None
    except (BlobNotFound, AccessRefused, InvalidRequest):
        return None


def _size_at(blobs: Blobs, uri: str, size_bytes: int) -> tuple[int, int] | None:
    head = blobs.read_range(uri, 0, min(_HEAD_BYTES, size_bytes)) if size_bytes else b""
    size = image_size(head)
    if size is None and head.startswith(b"\xff\xd8") and size_bytes > len(head):
        size = image_size(blobs.read_range(uri, 0, min(_LONG_HEAD_BYTES, size_bytes)))
    return size


def image_size(head: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels from the first bytes of a JPEG or PNG; None when it is neither, or cut off.

    Examples
    --------
    >>> image_size(b"GIF89a") is None
    True
    """
    if head.startswith(_PNG):
        if len(head) < 24 or head[12:16] != b"IHDR":
            return None
        width, height = struct.unpack_from(">II", head, 16)
    elif head.startswith(b"\xff\xd8"):
        found = _jpeg_size(head)
        if found is None:
            return None
        width, height = found
    else:
        return None
    return (width, height) if width > 0 and height > 0 else None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 4 <= len(head):
        if head[position] != 0xFF:
            return None
        marker = head[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:  # markers without a segment
            position += 2
            continue
        if marker in (0xD9, 0xDA):  # end or scan data before any frame
            return None
        (length,) = struct.unpack_from(">H", head, position + 2)
        if marker in _SOF:
            if position + 9 > len(head):
                return None
            height, width = struct.unpack_from(">HH", head, position + 5)
            return width, height
        position += 2 + max(length, 2)
    return None
