"""Batches of pictures and boxes: decoded, cropped and scaled in threads, the rest on whole batches."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Generator, Sequence

import numpy as np
import torch
from torch import Tensor

from labelwright.train.object_detection.crops import WHOLE, Cropping, move_boxes, random_window, view
from labelwright.train.object_detection.labels import Annotations, LabelRules, annotations_of
from labelwright.train.toolkit.jitter import flip_horizontally, jitter_colors
from labelwright.train.toolkit.pictures import PictureCache, Pixels, batches_ahead, decode_picture, stacked
from labelwright.train.toolkit.samples import EncodedSample, SampleSource, Share

__all__ = ["Batch", "Batches", "changed"]

_CACHE_BYTES_MOST = 1 << 30


@dataclasses.dataclass(slots=True)
class Batch:
    """Pictures and their boxes.

    Attributes
    ----------
    pictures : Tensor of shape (n, 3, side, side)
        uint8 as read, float32 in [0, 1] after `changed`.
    boxes_xyxy : Tensor of shape (n, m, 4), float32
        Shares of the sides, padded to the most boxes of a picture.
    class_ids : Tensor of shape (n, m), int64
        -1 for padding.
    """

    pictures: Tensor
    boxes_xyxy: Tensor
    class_ids: Tensor

    def __len__(self) -> int:
        return len(self.pictures)


class Batches:
    """Reads a channel's batches.

    Parameters
    ----------
    source : SampleSource
    rules : LabelRules
    side_px : int
        Pictures are scaled to this, sides apart.
    seed : int
    cache_bytes : int, optional
        Decoded pictures that are kept in memory, for sources that can be revisited. Default: a tenth of this
        machine's memory, at most 1 GiB.
    """

    def __init__(
        self,
        source: SampleSource,
        rules: LabelRules,
        *,
        side_px: int,
        seed: int = 0,
        cache_bytes: int | None = None,
    ) -> None:
        self.source = source
        self._rules = rules
        self._side_px = side_px
        self._seed = seed
        if cache_bytes is None:
            memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
            cache_bytes = min(_CACHE_BYTES_MOST, memory // 10)
        self._cache = PictureCache(cache_bytes if source.can_revisit else 0)

    def training(
        self, epoch: int, *, size: int, share: Share, cropping: Cropping | None = None
    ) -> Generator[Batch, None, None]:
        """Shuffled batches with random windows; seed, epoch and sample decide what is drawn.

        Parameters
        ----------
        epoch : int
        size : int
            The last batch may be smaller.
        share : Share
        cropping : Cropping, optional
            None shows whole pictures.
        """

        def made(sample: EncodedSample) -> tuple[Pixels, Annotations]:
            pixels, annotations = self._decoded(sample)
            if cropping is None:
                return view(pixels, WHOLE, self._side_px), annotations
            rng = np.random.default_rng([self._seed, epoch, sample.index])
            window = random_window(annotations, rng, cropping)
            return view(pixels, window, self._side_px), move_boxes(annotations, window)

        samples = self.source.epoch(epoch, seed=self._seed, share=share)
        for pairs in batches_ahead(made, samples, size):
            yield _batch(pairs)

    def validation(self, epoch: int, *, size: int, share: Share) -> Generator[Batch, None, None]:
        """Whole pictures in the source's order."""

        def made(sample: EncodedSample) -> tuple[Pixels, Annotations]:
            pixels, annotations = self._decoded(sample)
            return view(pixels, WHOLE, self._side_px), annotations

        samples = self.source.epoch(epoch, share=share)
        for pairs in batches_ahead(made, samples, size):
            yield _batch(pairs)

    def _decoded(self, sample: EncodedSample) -> tuple[Pixels, Annotations]:
        enough = (2 * self._side_px, 2 * self._side_px)  # crops look at half a side and less
        pixels, width, height = self._cache.get(
            sample.index, lambda: decode_picture(sample.image, sample.key, enough_px=enough)
        )
        return pixels, annotations_of(sample.label, sample.key, (width, height), self._rules)


def changed(batch: Batch, pictures: Tensor, generator: torch.Generator) -> Batch:
    """A batch with random flips and colours.

    Parameters
    ----------
    batch : Batch
    pictures : Tensor of shape (n, 3, side, side), float32 in [0, 1]
        Its pictures, on the device.
    generator : Generator
        On the CPU.
    """
    chosen = torch.rand(len(batch), generator=generator) < 0.5
    boxes = batch.boxes_xyxy
    flipped = torch.stack([1 - boxes[..., 2], boxes[..., 1], 1 - boxes[..., 0], boxes[..., 3]], dim=-1)
    boxes = torch.where(chosen[:, None, None], flipped, boxes)
    pictures = flip_horizontally(pictures, chosen.to(pictures.device))
    pictures = jitter_colors(
        pictures, generator, brightness=0.125, contrast=0.5, saturation=0.5, hue=0.05, probability=0.5
    )
    return Batch(pictures, boxes, batch.class_ids)


def _batch(pairs: Sequence[tuple[Pixels, Annotations]]) -> Batch:
    n_most = max((len(label.class_ids) for _, label in pairs), default=0)
    boxes = torch.zeros(len(pairs), n_most, 4)
    class_ids = torch.full((len(pairs), n_most), -1, dtype=torch.int64)
    for i_picture, (_, label) in enumerate(pairs):
        n_boxes = len(label.class_ids)
        boxes[i_picture, :n_boxes] = torch.from_numpy(label.boxes_xyxy)
        class_ids[i_picture, :n_boxes] = torch.from_numpy(label.class_ids)
    return Batch(stacked([pixels for pixels, _ in pairs]), boxes, class_ids)
