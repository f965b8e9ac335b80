"""What is opened as a picture, wherever pictures from outside are."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from labelwright.core.limits import IMAGE_FORMATS, IMAGE_PIXELS_MAX
from labelwright.dataprep.files import open_image as open_for_preparation
from labelwright.errors import LabelwrightError
from labelwright.inference import BadInput
from labelwright.inference.images import decode
from labelwright.recordio import RecordIOError
from labelwright.recordio.images import open_image as open_for_packing


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), (200, 30, 30)).save(buffer, kind)
    return buffer.getvalue()


def vast() -> bytes:
    """A PNG of some bytes that says that it has 4e8 pixels."""
    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    made = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + made


DECODERS: list[Callable[[bytes], object]] = [
    decode,
    lambda data: open_for_packing(data, pixels_max=IMAGE_PIXELS_MAX),
    lambda data: open_for_preparation(data, "p"),
]


@pytest.mark.parametrize("kind", IMAGE_FORMATS)
def test_formats_of_pictures(kind: str) -> None:
    image, width, height = decode(encoded(kind))
    assert (image.mode, width, height) == ("RGB", 8, 6)


@pytest.mark.parametrize("opened", DECODERS)
@pytest.mark.parametrize(
    "data", [encoded("EPS"), vast(), b"", b"GIF89a"], ids=["eps", "vast", "none", "half"]
)
def test_what_is_not_opened(opened: Callable[[bytes], object], data: bytes) -> None:
    # PostScript would be handed to another program, a vast picture would fill the memory.
    with pytest.raises((BadInput, RecordIOError, LabelwrightError)):
        opened(data)
