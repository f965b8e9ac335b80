"""Small synthetic pictures with one coloured rectangle each, and what people say of them."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from labeling_workshop import Workshop, lines
from numpy.typing import NDArray
from PIL import Image

NAMES = ["red", "blue"]
COLORS = {"red": "#2ca02c", "blue": "#1f77b4"}  # of the masks
_PAINT = {"red": (210, 40, 30), "blue": (30, 60, 220)}
WIDTH, HEIGHT = 64, 48

Scene = tuple[NDArray[np.uint8], str, tuple[int, int, int, int]]


def scene(number: int) -> Scene:
    """Pixels, the name of the rectangle's colour, and (left, top, width, height)."""
    chance = np.random.default_rng(number)
    pixels = chance.integers(90, 140, size=(HEIGHT, WIDTH, 3)).astype(np.uint8)
    name = NAMES[number % 2]
    width, height = int(chance.integers(20, 40)), int(chance.integers(16, 32))
    left, top = int(chance.integers(0, WIDTH - width)), int(chance.integers(0, HEIGHT - height))
    pixels[top : top + height, left : left + width] = _PAINT[name]
    return pixels, name, (left, top, width, height)


def encoded(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def mask(number: int) -> NDArray[np.uint8]:
    """True class indices (height, width)."""
    _, name, (left, top, width, height) = scene(number)
    truth = np.zeros((HEIGHT, WIDTH), np.uint8)
    truth[top : top + height, left : left + width] = NAMES.index(name) + 1
    return truth


def put_pictures(shop: Workshop, n: int, *, broken: int | None = None) -> bytes:
    """Store the pictures; their manifest. One of them may be cut off in the middle."""
    for number in range(n):
        data = encoded(scene(number)[0])
        shop.put(f"s3://acme/in/{number}.png", data[: len(data) // 2] if number == broken else data)
    return lines(*({"source-ref": f"s3://acme/in/{number}.png"} for number in range(n)))


def classified(object_id: str) -> dict[str, Any]:
    return {"crowd-image-classifier": {"label": scene(int(object_id))[1]}}


def boxed(object_id: str) -> dict[str, Any]:
    _, name, (left, top, width, height) = scene(int(object_id))
    box = {"label": name, "left": left, "top": top, "width": width, "height": height}
    return {
        "boundingBox": {
            "boundingBoxes": [box],
            "inputImageProperties": {"height": HEIGHT, "width": WIDTH},
        }
    }


def painted(object_id: str) -> dict[str, Any]:
    table = np.array([(255, 255, 255), *(tuple(bytes.fromhex(c[1:])) for c in COLORS.values())], np.uint8)
    data = base64.b64encode(encoded(table[mask(int(object_id))])).decode()
    return {
        "crowd-semantic-segmentation": {
            "inputImageProperties": {"height": HEIGHT, "width": WIDTH},
            "labelMappings": {label: {"color": color} for label, color in COLORS.items()},
            "labeledImage": {"pngImageData": data},
        }
    }
