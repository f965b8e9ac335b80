"""The process that holds the model: reads requests from standard input, writes masks to standard output.

``python -m labelwright.segment.worker FOLDER``. It ends when its input ends or nothing came for a while, so
that it never outlives the server and gives its memory back.
"""

from __future__ import annotations

import io
import select
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from labelwright.errors import InvalidRequest
from labelwright.pictures import BadPicture, read_rgb
from labelwright.segment.frames import read_frame, write_frame
from labelwright.segment.sam import OnnxSegmenter

__all__ = ["PIXELS_MAX", "main"]

PIXELS_MAX = 50_000_000
_IDLE_S = 900.0


def main(folder: str) -> None:
    """Serve until the input ends."""
    source, target = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing else may get between the frames
    try:
        segmenter = OnnxSegmenter(Path(folder))
    except (InvalidRequest, ImportError) as error:
        write_frame(target, {"error": str(error)})
        return
    write_frame(target, {"ready": True})
    while select.select([source], [], [], _IDLE_S)[0]:
        frame = read_frame(source)
        if frame is None:
            return
        try:
            write_frame(target, {}, _answer(segmenter, *frame))
        except Exception as error:  # whatever a picture or model does, the next request may be fine
            write_frame(target, {"error": f"{type(error).__name__}: {error}"})


def _answer(segmenter: OnnxSegmenter, prompt: dict[str, Any], data: bytes) -> bytes:
    try:
        picture, _ = read_rgb(data, pixels_max=PIXELS_MAX)
    except BadPicture as error:
        raise InvalidRequest(f"the image {error}") from error
    pixels = np.asarray(picture)  # turned as stored: workers' coordinates are
    box = prompt.get("box")
    mask = segmenter.segment(
        pixels, points=prompt.get("points"), box=(box[0], box[1], box[2], box[3]) if box else None
    )
    output = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(output, "PNG", compress_level=1)
    return output.getvalue()


if __name__ == "__main__":
    main(sys.argv[1])
