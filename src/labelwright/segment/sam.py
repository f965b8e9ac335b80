"""Segment Anything (Kirillov et al., ICCV 2023) and its smaller relatives, exported to ONNX.

A folder holds ``encoder.onnx`` and ``decoder.onnx`` in the form of the official export: the encoder turns the
image, its longer side scaled to 1,024 pixels, into an embedding; the decoder takes that and a prompt. Both
common encoder forms are understood: ``(1, 3, S, S)`` wants normalised planes padded to a square,
``(H, W, 3)`` normalises by itself.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from labelwright.errors import InvalidRequest

__all__ = ["FILES", "OnnxSegmenter"]

FILES = ("encoder.onnx", "decoder.onnx")

_SIDE = 1024
_LOW_SIDE = 256
# ImageNet's mean and deviation of RGB, in levels of 0-255.
_MEAN = np.array([123.675, 116.28, 103.53], np.float32)
_DEVIATION = np.array([58.395, 57.12, 57.375], np.float32)
_EMBEDDINGS_MAX = 8  # 4 MB each
_POINT, _BOX_FIRST, _BOX_SECOND, _NO_POINT = 1.0, 2.0, 3.0, -1.0

Pair = tuple[float, float]


class OnnxSegmenter:
    """The model of one folder, on the processor.

    Parameters
    ----------
    folder : Path
        With `FILES`.
    n_threads : int

    Raises
    ------
    InvalidRequest
        When a file is missing, is no ONNX model, or takes inputs that are not those of the official export.
    """

    def __init__(self, folder: Path, *, n_threads: int = 2) -> None:
        import onnxruntime  # only where a model is run

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads
        sessions = []
        for name in FILES:
            path = folder / name
            if not path.is_file():
                raise InvalidRequest(
                    f"The segmenter's folder {folder} has no {name}; it needs {' and '.join(FILES)}.",
                    field="segmenter",
                    value=str(folder),
                )
            try:
                sessions.append(
                    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
                )
            except Exception as error:  # onnxruntime's own exceptions have no common base
                raise InvalidRequest(
                    f"{path} cannot be loaded as an ONNX model: {error}", field="segmenter", value=str(path)
                ) from error
        self._encoder, self._decoder = sessions
        self._image_input = self._encoder.get_inputs()[0]
        unknown = {i.name for i in self._decoder.get_inputs()} - _KNOWN_INPUTS
        if unknown:
            raise InvalidRequest(
                f"{folder / FILES[1]} has the inputs {', '.join(sorted(unknown))}, which are not those of "
                "the official export of Segment Anything; export it again with that.",
                field="segmenter",
                value=str(folder),
            )
        self._outputs = [output.name for output in self._decoder.get_outputs()]
        self._embeddings: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    def segment(
        self,
        image: NDArray[np.uint8],
        *,
        points: Sequence[Pair] | None = None,
        box: tuple[float, float, float, float] | None = None,
    ) -> NDArray[np.bool_]:
        """The object that a prompt means.

        Parameters
        ----------
        image : uint8 array (height, width, 3)
            RGB.
        points : sequence of (x, y), optional
            Four of them are an object's extreme points; fewer lie on the object. Pixels.
        box : (left, top, width, height), optional
            Pixels. One of both is needed.

        Returns
        -------
        bool array (height, width)
        """
        height, width = image.shape[:2]
        scale = _SIDE / max(height, width)
        coordinates, kinds = _prompt(points, box)
        feeds: dict[str, Any] = {
            "image_embeddings": self._embedding(image, scale),
            "point_coords": coordinates[None] * np.float32(scale),
            "point_labels": kinds[None],
            "mask_input": np.zeros((1, 1, _LOW_SIDE, _LOW_SIDE), np.float32),
            "has_mask_input": np.zeros(1, np.float32),
            "orig_im_size": np.array([height, width], np.float32),
        }
        wanted = {i.name for i in self._decoder.get_inputs()}
        found = self._decoder.run(None, {name: feeds[name] for name in wanted})
        outputs = dict(zip(self._outputs, found, strict=True))
        best = int(np.argmax(outputs["iou_predictions"])) if "iou_predictions" in outputs else 0
        logits = outputs.get("masks")
        if logits is not None and logits.shape[-2:] == (height, width):
            return np.asarray(logits[0, best] > 0)
        low: NDArray[np.float32] = outputs.get("low_res_masks", found[0])
        return _enlarged(low[0, best], height, width, scale)

    def _embedding(self, image: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
        key = hashlib.sha256(image.data).digest() + str(image.shape).encode()
        kept = self._embeddings.get(key)
        if kept is not None:
            self._embeddings.move_to_end(key)
            return kept
        height, width = image.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
        if len(self._image_input.shape) == 3:
            planes = small.astype(np.float32 if "float" in self._image_input.type else np.uint8)
        else:
            planes = np.zeros((1, 3, _SIDE, _SIDE), np.float32)
            planes[0, :, : size[1], : size[0]] = ((small - _MEAN) / _DEVIATION).transpose(2, 0, 1)
        embedding: NDArray[np.float32] = self._encoder.run(None, {self._image_input.name: planes})[0]
        self._embeddings[key] = embedding
        if len(self._embeddings) > _EMBEDDINGS_MAX:
            self._embeddings.popitem(last=False)
        return embedding


_KNOWN_INPUTS = {
    "image_embeddings",
    "point_coords",
    "point_labels",
    "mask_input",
    "has_mask_input",
    "orig_im_size",
}


def _prompt(
    points: Sequence[Pair] | None, box: tuple[float, float, float, float] | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coordinates (n, 2) and kinds (n,) as the decoder wants them."""
    if box is not None:
        left, top, width, height = box
        corners = [(left, top), (left + width, top + height)]
    elif points and len(points) >= 4:
        # The model was trained with boxes, not with points on the outline.
        xs, ys = zip(*points, strict=True)
        corners = [(min(xs), min(ys)), (max(xs), max(ys))]
    else:
        marks = [*(points or ()), (0.0, 0.0)]
        kinds = [_POINT] * (len(marks) - 1) + [_NO_POINT]
        return np.array(marks, np.float32), np.array(kinds, np.float32)
    return np.array(corners, np.float32), np.array([_BOX_FIRST, _BOX_SECOND], np.float32)


def _enlarged(low: NDArray[np.float32], height: int, width: int, scale: float) -> NDArray[np.bool_]:
    """From the decoder's grid to the image, without the padding."""
    shrink = low.shape[0] / _SIDE
    n_rows = max(1, round(height * scale * shrink))
    n_columns = max(1, round(width * scale * shrink))
    part = Image.fromarray(np.ascontiguousarray(low[:n_rows, :n_columns], np.float32))
    return np.asarray(part.resize((width, height), Image.Resampling.BILINEAR)) > 0
