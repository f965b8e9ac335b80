"""The pictures and boxes that both pages get: drawn here, the same in every run."""

from __future__ import annotations

import io
import random
from typing import TypedDict

from PIL import Image, ImageDraw

LABELS = ["car", "person"]
COLUMNS, LINES = 25, 20
N_BOXES = COLUMNS * LINES


class Box(TypedDict):
    """A box in pixels of its picture."""

    label: str
    left: int
    top: int
    width: int
    height: int


def picture(number: int, width: int, height: int) -> bytes:
    """A JPEG with the weight of a camera's, and a red block in its middle that no noise hides."""
    rng = random.Random(number)
    small = Image.effect_noise((width // 8, height // 8), 40).convert("RGB")
    tint = Image.new("RGB", small.size, (rng.randrange(256), rng.randrange(256), rng.randrange(256)))
    image = Image.blend(small, tint, 0.4).resize((width, height), Image.Resampling.BICUBIC)
    ImageDraw.Draw(image).rectangle(
        (0.4 * width, 0.4 * height, 0.6 * width, 0.6 * height), fill="#cc2222", outline="#ffffff", width=6
    )
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


def boxes(width: int, height: int) -> list[Box]:
    """500 boxes, each in a field of its own, so that a press of the mouse means one of them only."""
    rng = random.Random(11)
    field_width, field_height = width // COLUMNS, height // LINES
    made: list[Box] = []
    for i in range(N_BOXES):
        box_width = int(field_width * rng.uniform(0.6, 0.85))
        box_height = int(field_height * rng.uniform(0.6, 0.85))
        left = (i % COLUMNS) * field_width + rng.randrange(field_width - box_width)
        top = (i // COLUMNS) * field_height + rng.randrange(field_height - box_height)
        made.append(Box(label=LABELS[i % 2], left=left, top=top, width=box_width, height=box_height))
    return made
