"""Pictures from outside, opened with care: only the formats we know, no more pixels than allowed.

A file may be damaged, of a format that runs other programs, or small and unfold to gigabytes. Every room that
opens pictures does it here, and says in its own error what this module found.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from labelwright.core.limits import IMAGE_FORMATS, IMAGE_PIXELS_MAX
from labelwright.errors import LabelwrightError

__all__ = ["BadPicture", "open_picture", "opened_picture", "read_rgb"]


class BadPicture(LabelwrightError):
    """A picture cannot be used; the text goes on after its name: ``is no image that can be read: ...``."""


def open_picture(
    source: bytes | bytearray | memoryview | Path, *, pixels_max: int = IMAGE_PIXELS_MAX
) -> Image.Image:
    """A picture whose header is read and whose pixels are not; they may still turn out to be damaged.

    Parameters
    ----------
    source : bytes-like or Path
    pixels_max : int
        Width times height.

    Raises
    ------
    BadPicture
        No picture of `labelwright.core.limits.IMAGE_FORMATS`, or one with too many pixels.
    """
    try:
        image = Image.open(source if isinstance(source, Path) else io.BytesIO(source), formats=IMAGE_FORMATS)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadPicture(f"is no image that can be read: {error}") from error
    width, height = image.size
    if width * height > pixels_max:
        image.close()
        raise BadPicture(f"has {width} x {height} pixels; {pixels_max} are allowed")
    return image


@contextlib.contextmanager
def opened_picture(
    source: bytes | bytearray | memoryview | Path, *, pixels_max: int = IMAGE_PIXELS_MAX
) -> Iterator[Image.Image]:
    """As `open_picture`; damage that shows in the body of the ``with`` is a `BadPicture` too."""
    with open_picture(source, pixels_max=pixels_max) as image:
        try:
            yield image
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise BadPicture(f"is no image that can be read: {error}") from error


def read_rgb(
    source: bytes | bytearray | memoryview | Path,
    *,
    enough_px: tuple[int, int] | None = None,
    pixels_max: int = IMAGE_PIXELS_MAX,
) -> tuple[Image.Image, tuple[int, int]]:
    """Decode to red, green and blue, in the stored orientation.

    Parameters
    ----------
    source : bytes-like or Path
    enough_px : tuple of int, optional
        Width and height that suffice. A JPEG is then decoded at the smallest of 1/1, 1/2, 1/4 and 1/8 of its
        size that still has them.
    pixels_max : int

    Returns
    -------
    image : Image
    size : tuple of int
        Width and height as stored, whatever the scale it was decoded at.

    Raises
    ------
    BadPicture
        No picture, a damaged one, or one with too many pixels.
    """
    with opened_picture(source, pixels_max=pixels_max) as image:
        size = image.size
        if enough_px is not None:
            image.draft("RGB", enough_px)
        return image.convert("RGB"), size
