"""From an augmented manifest to training examples: which picture, which boxes, decoded and augmented.

Reading the manifest is a stream; what is kept is one small `Example` per labeled line, because training
visits them in random order. Pictures are fetched through the reader that is passed in (the URI goes in, the
file's bytes come out), so this module knows nothing of where they live.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from labelwright.errors import ManifestError
from labelwright.train.augment import Augmentation

__all__ = ["DetectionDataset", "Example", "Target", "decode_image", "read_examples"]

Target = dict[str, Tensor]
"""What torchvision's detectors want per image: ``boxes`` (n, 4) float32 and ``labels`` (n,) int64."""


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """One labeled picture.

    Attributes
    ----------
    uri : str
        The line's ``source-ref``.
    boxes_xyxy_px : ndarray of shape (n, 4), float32
        Left, top, right, bottom.
    class_ids : ndarray of shape (n,), int64
    """

    uri: str
    boxes_xyxy_px: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]


def read_examples(
    lines: Iterable[Mapping[str, Any]], attribute: str, *, least_confidence: float = 0.0
) -> Iterator[Example]:
    """Examples of a bounding-box label, one per line that carries it.

    Parameters
    ----------
    lines : iterable of mapping
        Parsed lines of an augmented manifest.
    attribute : str
        Label attribute name.
    least_confidence : float
        Boxes whose confidence in the label's metadata is lower are left out; a box without one stays. With
        three workers per picture 0.5 keeps what at least two of them drew. Leave it at 0 for jobs with one
        worker per picture, where every confidence is 0.

    Yields
    ------
    Example
        Lines without the label (failed or never labeled objects) are skipped, as training must do; a line
        with the label and no boxes is an example without boxes.

    Raises
    ------
    ManifestError
        When a label is there but is not a bounding-box label; names the line and the member.
    """
    for line_number, line in enumerate(lines, start=1):
        if attribute not in line:
            continue
        uri = line.get("source-ref")
        if not isinstance(uri, str):
            raise ManifestError(
                "source-ref is missing or no string; detection needs a picture.", line_number=line_number
            )
        label = line[attribute]
        try:
            corners = [
                (box["left"], box["top"], box["left"] + box["width"], box["top"] + box["height"])
                for box in label["annotations"]
            ]
            class_ids = [int(box["class_id"]) for box in label["annotations"]]
        except (TypeError, KeyError, ValueError) as error:
            raise ManifestError(
                f"{attribute} is no bounding-box label ({error!r}): annotations must be a list of objects "
                "with class_id, left, top, width and height. Name the attribute of a bounding-box job.",
                line_number=line_number,
            ) from error
        boxes = np.asarray(corners, dtype=np.float32).reshape(-1, 4)
        ids = np.asarray(class_ids, dtype=np.int64)
        usable = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])  # losses need an area
        usable &= _confidences(line.get(f"{attribute}-metadata"), len(ids)) >= least_confidence
        yield Example(uri, boxes[usable], ids[usable])


def _confidences(metadata: object, n_boxes: int) -> npt.NDArray[np.float64]:
    """Confidence per box, shape (n_boxes,); 1 where the metadata have none."""
    confidences = np.ones(n_boxes)
    objects = metadata.get("objects") if isinstance(metadata, Mapping) else None
    for i_box, entry in enumerate((objects or [])[:n_boxes]):
        if isinstance(entry, Mapping) and isinstance(entry.get("confidence"), int | float):
            confidences[i_box] = entry["confidence"]
    return confidences


def decode_image(content: bytes) -> Tensor:
    """A JPEG or PNG file as a tensor of shape (3, height, width), uint8, stored orientation."""
    with Image.open(io.BytesIO(content)) as image:
        pixels = np.asarray(image.convert("RGB"))  # (height, width, 3)
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous()


class DetectionDataset(torch.utils.data.Dataset[tuple[Tensor, Target]]):
    """Pictures and targets for torchvision's detectors.

    Parameters
    ----------
    examples : sequence of Example
    read : callable
        ``read(uri) -> bytes``.
    augmentation : Augmentation, optional
        None leaves the pictures as they are.
    seed : int
        Together with the epoch and the index it decides every random choice, so a resumed run sees what an
        unbroken one would have seen.
    keep_decoded : bool
        Keep decoded pictures in memory (230 kB for 320 x 240); saves decoding again every epoch.
    """

    def __init__(
        self,
        examples: Iterable[Example],
        read: Callable[[str], bytes],
        *,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        keep_decoded: bool = True,
    ) -> None:
        self.examples = list(examples)
        self.epoch = 0
        self._read = read
        self._augmentation = augmentation
        self._seed = seed
        self._decoded: dict[int, Tensor] | None = {} if keep_decoded else None

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        """Picture of shape (3, height, width), float32 in [0, 1], and its target."""
        example = self.examples[index]
        pixels = self._pixels(index)
        boxes, class_ids = torch.from_numpy(example.boxes_xyxy_px), torch.from_numpy(example.class_ids)
        if self._augmentation is not None:
            rng = np.random.default_rng([self._seed, self.epoch, index])
            pixels, boxes, class_ids = self._augmentation(pixels, boxes, class_ids, rng)
        return pixels.float() / 255, {"boxes": boxes, "labels": class_ids}

    def _pixels(self, index: int) -> Tensor:
        if self._decoded is None:
            return decode_image(self._read(self.examples[index].uri))
        if index not in self._decoded:
            self._decoded[index] = decode_image(self._read(self.examples[index].uri))
        return self._decoded[index]
