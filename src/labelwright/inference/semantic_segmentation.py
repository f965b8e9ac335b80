"""Answers of a segmentation model: a mask, or the probabilities of all classes at every pixel.

The graph takes pictures of any size whose sides are multiples of 16, and gives ``probabilities`` of shape
(n, n_classes, h, w), float32. Pictures are scaled so that the longer side is ``base_size``, the size at which
the model was trained; probabilities are scaled back before the best class is chosen, so that edges are as
smooth as the model knows them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from labelwright.inference.images import Picture, PicturePredictor, decode, scaled
from labelwright.inference.interface import BadInput, BadModel, InferenceError

__all__ = ["SemanticSegmenter", "load", "working_size"]

_STEP_PX = 16

Probabilities = npt.NDArray[np.float32]


def working_size(width: int, height: int, base_size: int) -> tuple[int, int]:
    """Width and height at which a picture goes through the network.

    The longer side becomes ``base_size``, the other keeps the proportion; both are rounded to multiples of
    16.

    Examples
    --------
    >>> working_size(4000, 3000, 520)
    (512, 384)
    >>> working_size(10, 3000, 256)
    (16, 256)
    """
    scale = base_size / max(width, height)
    sides = [max(_STEP_PX, round(side * scale / _STEP_PX) * _STEP_PX) for side in (width, height)]
    return sides[0], sides[1]


class SemanticSegmenter(PicturePredictor):
    """Predictor of the algorithm ``semantic-segmentation``."""

    algorithm = "semantic-segmentation"
    answer_types = ("image/png", "application/x-recordio-protobuf", "application/x-protobuf")

    def __init__(self, model_dir: Path, description: Mapping[str, Any], *, n_threads: int = 1) -> None:
        super().__init__(model_dir, description, n_threads=n_threads)
        try:
            self.base_size = int(description["network"]["base_size"])
        except (KeyError, TypeError, ValueError) as error:
            raise BadModel("labelwright.json does not say the network's base_size; train again.") from error

    def _decoded(self, body: bytes) -> Picture | InferenceError:
        try:
            decoded = decode(body, enough_px=(self.base_size, self.base_size))
        except InferenceError as error:
            return error
        return scaled(decoded, working_size(decoded[1], decoded[2], self.base_size))

    def answers(
        self, outputs: Sequence[npt.NDArray[Any]], pictures: Sequence[Picture], accept: str
    ) -> list[bytes]:
        """See `PicturePredictor.answers`: a PNG of class indexes, or one framed protobuf record."""
        write = _png if accept == "image/png" else _record
        return [
            write(probabilities, (picture.width, picture.height))
            for probabilities, picture in zip(outputs[0], pictures, strict=True)
        ]


def load(model_dir: Path, description: Mapping[str, Any], *, n_threads: int = 1) -> SemanticSegmenter:
    """The segmentation model in a model folder."""
    return SemanticSegmenter(model_dir, description, n_threads=n_threads)


def _enlarged(channel: Probabilities, size: tuple[int, int]) -> Probabilities:
    """One class's probabilities (h, w) at another width and height."""
    if channel.shape[::-1] == size:
        return channel
    return np.asarray(Image.fromarray(channel).resize(size, Image.Resampling.BILINEAR))


def _png(probabilities: Probabilities, size: tuple[int, int]) -> bytes:
    best = np.asarray(_enlarged(probabilities[0], size)).copy()
    mask = np.zeros(best.shape, dtype=np.uint8)
    for i_class in range(1, len(probabilities)):
        channel = _enlarged(probabilities[i_class], size)
        is_better = channel > best
        mask[is_better] = i_class
        np.copyto(best, channel, where=is_better)
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG", compress_level=3)
    return file.getvalue()


def _record(probabilities: Probabilities, size: tuple[int, int]) -> bytes:
    from labelwright.recordio.framing import RecordIOError, frame
    from labelwright.recordio.protobuf import encode_record

    full = np.stack([_enlarged(channel, size) for channel in probabilities])
    shape = np.array([1, *full.shape], dtype=np.int32)
    try:
        return frame(encode_record({"target": full.ravel(), "shape": shape}))
    except RecordIOError as error:
        raise BadInput(
            f"The probabilities of {len(probabilities)} classes at {size[0]} x {size[1]} pixels do not fit "
            "into one record; send a smaller image or ask for image/png."
        ) from error
