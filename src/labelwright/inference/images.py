"""What the predictors of pictures share: decoding, batches through the graph, content types.

The graph takes ``images``, uint8 of shape (n, height, width, 3), so scaling to floats and normalising are
part of it and a client needs nothing but pixels.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from labelwright.inference.interface import (
    Answer,
    BadInput,
    BadModel,
    BatchPredictor,
    InferenceError,
    UnsupportedContent,
)
from labelwright.pictures import BadPicture, read_rgb

__all__ = ["IMAGE_TYPES", "Picture", "PicturePredictor", "accepted", "decode", "open_session", "scaled"]

IMAGE_TYPES: tuple[str, ...] = ("image/jpeg", "image/png", "application/x-image")
Pixels = npt.NDArray[np.uint8]

# Pillow knows many more, and for PostScript it would run another program on what a client sent.
_BATCH = 8


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """A decoded request.

    Attributes
    ----------
    pixels : ndarray of shape (height, width, 3), uint8
        At the size that the graph takes, or as decoded where it takes any.
    width, height : int
        As stored in the file.
    """

    pixels: Pixels
    width: int
    height: int


class PicturePredictor(BatchPredictor):
    """Base of the predictors of pictures.

    Parameters
    ----------
    model_dir : Path
    description : mapping
        Content of ``labelwright.json``.
    n_threads : int
    """

    algorithm: str
    content_types: tuple[str, ...] = IMAGE_TYPES
    answer_types: tuple[str, ...] = ("application/json", "application/jsonlines")
    """What it writes; the first where nothing is asked for."""

    def __init__(self, model_dir: Path, description: Mapping[str, Any], *, n_threads: int = 1) -> None:
        self.description = dict(description)
        self.session = open_session(model_dir / "model.onnx", n_threads=n_threads)
        self._n_threads = max(1, n_threads)
        self._decoders = ThreadPoolExecutor(self._n_threads, "decode") if n_threads > 1 else None

    @property
    def size_px(self) -> tuple[int, int] | None:
        """Width and height that pictures are scaled to; None where the graph takes them as they are."""
        _, height, width = self.description["image_shape"]
        return int(width), int(height)

    @abc.abstractmethod
    def answers(
        self, outputs: Sequence[npt.NDArray[Any]], pictures: Sequence[Picture], accept: str
    ) -> list[bytes]:
        """Bodies for a batch.

        Parameters
        ----------
        outputs : sequence of ndarray
            The graph's outputs; the first axis is the picture.
        pictures : sequence of Picture
        accept : str
            One of ``answer_types``.
        """

    def predict_many(
        self, bodies: Sequence[bytes], content_type: str, accept: str | None
    ) -> list[Answer | InferenceError]:
        """See `labelwright.inference.Predictor.predict_many`."""
        self._read_as(content_type)
        wanted = accepted(accept, self.answer_types)
        found: list[Answer | InferenceError] = []
        for first in range(0, len(bodies), _BATCH):
            part = bodies[first : first + _BATCH]
            run = self._decoders.map if self._decoders is not None and len(part) > 1 else map
            decoded = list(run(self._decoded, part))
            pictures = [each for each in decoded if isinstance(each, Picture)]
            made = iter(self._run(pictures, wanted))
            found += [(next(made), wanted) if isinstance(each, Picture) else each for each in decoded]
        return found

    def _decoded(self, body: bytes) -> Picture | InferenceError:
        try:
            image = decode(body, enough_px=self.size_px)
        except InferenceError as error:
            return error
        return scaled(image, self.size_px)

    def _run(self, pictures: Sequence[Picture], accept: str) -> list[bytes]:
        """Pictures of equal size go through the graph together."""
        if not pictures:
            return []
        places: dict[tuple[int, ...], list[int]] = {}
        for i, each in enumerate(pictures):
            places.setdefault(each.pixels.shape, []).append(i)
        if len(places) > 1:
            found = [b""] * len(pictures)
            for same in places.values():
                for i, body in zip(same, self._run([pictures[i] for i in same], accept), strict=True):
                    found[i] = body
            return found
        batch = np.stack([each.pixels for each in pictures])  # (n, h, w, 3)
        outputs = self.session.run(None, {"images": batch})
        return self.answers(outputs, pictures, accept)


def accepted(accept: str | None, answer_types: Sequence[str]) -> str:
    """The type to answer with: the first one of those accepted that can be written.

    Parameters
    ----------
    accept : str or None
        An Accept header; none, empty and ``*/*`` leave the choice.
    answer_types : sequence of str
        May carry parameters (``application/json;annotation=1``), without spaces.

    Raises
    ------
    UnsupportedContent
        None of the accepted ones.

    Examples
    --------
    >>> accepted("text/html, application/json; annotation=1", ["a/b", "application/json;annotation=1"])
    'application/json;annotation=1'
    >>> accepted("*/*", ["image/png"])
    'image/png'
    """
    for each in (accept or "*/*").split(","):
        wanted = ";".join(
            part for part in each.lower().replace(" ", "").split(";") if not part.startswith("q=")
        )
        if wanted in ("*/*", ""):
            return answer_types[0]
        if wanted in answer_types:
            return wanted
        bare = wanted.partition(";")[0]
        if bare.endswith("/*"):
            near = next((kind for kind in answer_types if kind.startswith(bare[:-1])), None)
        else:
            near = bare if bare in answer_types else None
        if near is not None:
            return near
    raise UnsupportedContent(f"Accept {accept!r} is not supported; ask for {', '.join(answer_types)}.")


def decode(body: bytes, *, enough_px: tuple[int, int] | None = None) -> tuple[Image.Image, int, int]:
    """Open an encoded picture as RGB.

    Parameters
    ----------
    body : bytes
    enough_px : tuple of int, optional
        Width and height that suffice; a large JPEG is then decoded at 1/2, 1/4 or 1/8 of its size.

    Returns
    -------
    image : Image
        In the stored orientation.
    width, height : int
        Of the picture as stored.

    Raises
    ------
    BadInput
        It is no picture, damaged or too large.
    """
    try:
        image, (width, height) = read_rgb(body, enough_px=enough_px)
    except BadPicture as error:
        raise BadInput(f"The body {error}.") from error
    return image, width, height


def scaled(decoded: tuple[Image.Image, int, int], size_px: tuple[int, int] | None) -> Picture:
    """Pixels at the wanted size (triangle filter, sides apart), or as they are."""
    image, width, height = decoded
    if size_px is not None and image.size != size_px:
        image = image.resize(size_px, Image.Resampling.BILINEAR)
    return Picture(np.asarray(image), width, height)


def open_session(path: Path, *, n_threads: int = 1) -> Any:
    """An onnxruntime session on the CPU.

    Raises
    ------
    BadModel
        The file is missing or no graph.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, n_threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A server waits for requests most of the time; threads that spin meanwhile would take its cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not path.is_file():
        raise BadModel(f"The model has no {path.name}; train it again or export it.")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds have no common base but this
        raise BadModel(f"{path.name} cannot be loaded: {error}.") from error
