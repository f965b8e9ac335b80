"""Where segmentation finds pictures and masks, and how both become batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from labelwright.algorithms import CONTENT_TYPES_OF_IMAGES
from labelwright.train.semantic_segmentation.masks import LabelMap, decode_mask
from labelwright.train.semantic_segmentation.pictures import Framing
from labelwright.train.toolkit.environment import TrainingChannel
from labelwright.train.toolkit.pictures import (
    PictureCache,
    ahead,
    batches_ahead,
    decode_picture,
    decode_threads,
    stacked,
)
from labelwright.train.toolkit.problems import CustomerError
from labelwright.train.toolkit.samples import (
    EncodedSample,
    FileItem,
    FileSource,
    SampleSource,
    Share,
    image_files,
    records_of_channel,
)

__all__ = ["SegmentedPictures", "masks_of_files", "open_channel"]

Pixels = npt.NDArray[np.uint8]

_PICTURE_CACHE_BYTES = 512 * 2**20
_MASK_CACHE_BYTES = 128 * 2**20


def open_channel(
    channel: TrainingChannel,
    masks: TrainingChannel | None,
    *,
    pipe: Callable[[int], Path] | None = None,
) -> SampleSource:
    """The samples of ``train`` or ``validation``: files in two channels, or pairs from a pipe.

    Raises
    ------
    CustomerError
        Something is missing, or the channel has a form that segmentation does not read.
    """
    if channel.mode == "Pipe":
        return records_of_channel(channel, pipe=pipe)
    if channel.content_type not in ("", *CONTENT_TYPES_OF_IMAGES):
        raise CustomerError(
            f"Channel {channel.name!r} has content type {channel.content_type!r} and input mode "
            f"{channel.mode}; give images as files (image/jpeg), or an augmented manifest in Pipe mode."
        )
    if masks is None:
        raise CustomerError(
            f"Required channel '{channel.name}_annotation' is missing; it holds a PNG mask for every image "
            f"of the channel {channel.name!r}."
        )
    return FileSource(masks_of_files(channel.folder, masks.folder), channel.folder)


def masks_of_files(images: Path, masks: Path) -> list[FileItem]:
    """Image files, each with the mask of the same name but for the suffix.

    Raises
    ------
    CustomerError
        An image has no mask.
    """
    by_stem = {path.relative_to(masks).with_suffix(""): path for path in image_files(masks)}
    items = []
    for path in image_files(images):
        mask = by_stem.get(path.relative_to(images).with_suffix(""))
        if mask is None:
            raise CustomerError(
                f"The image {str(path.relative_to(images))!r} of the channel {images.name!r} has no mask in "
                f"the channel {masks.name!r}: there must be a PNG of the same name."
            )
        items.append(FileItem(path, mask))
    return items


class SegmentedPictures:
    """Batches of one channel.

    Parameters
    ----------
    source : SampleSource
    labels : LabelMap
    framing : Framing
    n_classes : int
    share : Share
        Of this process.
    seed : int
        Of order and crops.
    """

    def __init__(
        self,
        source: SampleSource,
        labels: LabelMap,
        framing: Framing,
        n_classes: int,
        *,
        share: Share,
        seed: int = 0,
    ) -> None:
        self.n_samples = source.n_samples
        self._source = source
        self._labels = labels
        self._framing = framing
        self._n_classes = n_classes
        self._share = share
        self._seed = seed
        self._pictures = PictureCache(_PICTURE_CACHE_BYTES if source.can_revisit else 0)
        self._masks = PictureCache(_MASK_CACHE_BYTES if source.can_revisit else 0)

    def training(self, epoch: int, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Random crops in the order of an epoch.

        Yields
        ------
        tuple of Tensor
            Pictures (n, 3, crop_size, crop_size) uint8, class indexes (n, crop_size, crop_size) int64. The
            last batch may be smaller, or larger by one.
        """

        def make(sample: EncodedSample) -> tuple[Pixels, Pixels]:
            rng = np.random.default_rng((self._seed, epoch, sample.index))
            return self._framing.training(*self._decoded(sample), rng)

        samples = self._source.epoch(epoch, seed=self._seed, share=self._share)
        for group in batches_ahead(make, samples, batch_size, least=2):
            yield _tensors(group)

    def middles(self, epoch: int, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Crops of the middles, in the source's order; otherwise as `training`."""

        def make(sample: EncodedSample) -> tuple[Pixels, Pixels]:
            return self._framing.middle(*self._decoded(sample))

        samples = self._source.epoch(epoch, share=self._share)
        for group in batches_ahead(make, samples, batch_size):
            yield _tensors(group)

    def wholes(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """One picture after the other, as a finished model sees it: (1, 3, h, w) and the mask (1, h', w')."""

        def make(sample: EncodedSample) -> tuple[Pixels, Pixels]:
            pixels, mask = self._decoded(sample)
            return self._framing.whole(pixels, mask.shape[1], mask.shape[0]), mask

        samples = self._source.epoch(epoch, share=self._share)
        for pair in ahead(make, samples, n_threads=decode_threads(), n_ahead=8):
            yield _tensors([pair])

    def _decoded(self, sample: EncodedSample) -> tuple[Pixels, Pixels]:
        enough = 2 * self._framing.base_size  # the largest size from which is cropped

        def decode() -> tuple[Pixels, int, int]:
            return decode_picture(sample.image, sample.key, enough_px=(enough, enough))

        def decode_labels() -> tuple[Pixels, int, int]:
            if not isinstance(sample.label, bytes):
                raise CustomerError(
                    f"{sample.key} has a number for a label; segmentation needs a PNG mask: name the image "
                    "and then the mask in AttributeNames, both ending in -ref."
                )
            mask = decode_mask(sample.label, sample.key, self._labels, self._n_classes)
            return mask, mask.shape[1], mask.shape[0]

        pixels, width, height = self._pictures.get(sample.index, decode)
        mask, *size = self._masks.get(sample.index, decode_labels)
        if size != [width, height]:
            raise CustomerError(
                f"The mask of {sample.key} has {size[0]} x {size[1]} pixels, its image {width} x {height}; "
                "they must be equal."
            )
        return pixels, mask


def _tensors(group: Sequence[tuple[Pixels, Pixels]]) -> tuple[Tensor, Tensor]:
    masks = torch.from_numpy(np.stack([mask for _, mask in group]))
    return stacked([pixels for pixels, _ in group]), masks.long()
