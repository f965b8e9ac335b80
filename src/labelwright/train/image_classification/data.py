"""Where classification finds pictures and labels, and how both become batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from labelwright import recordio
from labelwright.algorithms import CONTENT_TYPES_OF_IMAGES
from labelwright.recordio import RecordIOError
from labelwright.train.image_classification.labels import (
    class_id_of_numbers,
    class_id_of_text,
    classes_of_numbers,
    classes_of_text,
)
from labelwright.train.image_classification.pictures import Cropping, jitter_hsl
from labelwright.train.toolkit.environment import TrainingChannel
from labelwright.train.toolkit.pictures import PictureCache, batches_ahead, decode_picture, stacked
from labelwright.train.toolkit.problems import CustomerError
from labelwright.train.toolkit.samples import (
    EncodedSample,
    FileItem,
    FileSource,
    SampleSource,
    Share,
    records_of_channel,
)

__all__ = ["ClassifiedPictures", "LabelReader", "files_of_list", "open_channel"]

Pixels = npt.NDArray[np.uint8]
Truth = int | npt.NDArray[np.float32]

_CACHE_BYTES = 512 * 2**20


@dataclasses.dataclass(frozen=True, slots=True)
class LabelReader:
    """What a sample's label means.

    Attributes
    ----------
    n_classes : int
    multi_label : bool
    label_format : {"multi-hot", "class-id"}
        Of labels that come as text.
    """

    n_classes: int
    multi_label: bool = False
    label_format: str = "multi-hot"

    def __call__(self, sample: EncodedSample) -> Truth:
        """A class id, or a vector of zeros and ones.

        Raises
        ------
        CustomerError
            Names the sample.
        """
        label = sample.label
        try:
            if isinstance(label, bytes):
                if self.multi_label:
                    return classes_of_text(label, self.n_classes, self.label_format)
                return class_id_of_text(label, self.n_classes)
            numbers = [float(label)] if isinstance(label, float | int) else [float(x) for x in label]
            if self.multi_label:
                return classes_of_numbers(numbers, self.n_classes)
            return class_id_of_numbers(numbers, self.n_classes)
        except CustomerError as error:
            raise CustomerError(f"Label of {sample.key}: {error}") from None


def open_channel(
    channel: TrainingChannel,
    lists: TrainingChannel | None,
    *,
    pipe: Callable[[int], Path] | None = None,
) -> SampleSource:
    """The samples of ``train`` or ``validation``, in whichever of the formats they come.

    Parameters
    ----------
    channel : TrainingChannel
    lists : TrainingChannel or None
        The channel with the ``.lst`` file; needed for image files.
    pipe : callable, optional
        See `labelwright.train.toolkit.samples.PipeSource`.

    Raises
    ------
    CustomerError
        Something is missing or cannot be read.
    """
    if channel.mode == "Pipe" or channel.content_type not in CONTENT_TYPES_OF_IMAGES:
        return records_of_channel(channel, pipe=pipe)
    if lists is None:
        raise CustomerError(
            f"Required channel '{channel.name}_lst' is missing; it holds the .lst file that gives every "
            f"image of the channel {channel.name!r} its class."
        )
    return FileSource(files_of_list(channel.folder, lists.folder), channel.folder)


def files_of_list(images: Path, lists: Path) -> Sequence[FileItem]:
    """Image files and labels that the one ``.lst`` file of a channel names.

    Raises
    ------
    CustomerError
        There is not exactly one list, a line is broken or its index is there twice, or a file is missing.
    """
    found = sorted(path for path in lists.rglob("*.lst") if path.is_file())
    if len(found) != 1:
        raise CustomerError(
            f"Channel {lists.name!r} holds {len(found)} files that end in .lst; it must hold exactly one."
        )
    try:
        entries = list(recordio.read_list(found[0]))
        recordio.check_unique(found[0], entries)
    except RecordIOError as error:
        raise CustomerError(f"{found[0].name} cannot be read: {error}") from error
    items = []
    for entry in entries:
        path = images / entry.path
        if not path.is_file():
            raise CustomerError(
                f"{found[0].name} names the image {entry.path!r}, which is not in the channel "
                f"{images.name!r}; paths must be relative to the channel's prefix."
            )
        label = entry.labels[0] if len(entry.labels) == 1 else np.asarray(entry.labels, dtype=np.float32)
        items.append(FileItem(path, label))
    return items


class ClassifiedPictures:
    """Batches of one channel.

    Parameters
    ----------
    source : SampleSource
    truth_of : LabelReader
    cropping : Cropping
    share : Share
        Of this process.
    seed : int
        Of order and augmentation.
    """

    def __init__(
        self,
        source: SampleSource,
        truth_of: LabelReader,
        cropping: Cropping,
        *,
        share: Share,
        seed: int = 0,
    ) -> None:
        self._source = source
        self._truth_of = truth_of
        self._cropping = cropping
        self._share = share
        self._seed = seed
        self._cache = PictureCache(_CACHE_BYTES if source.can_revisit else 0)

    def training(self, epoch: int, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Augmented batches in the order of an epoch.

        Yields
        ------
        tuple of Tensor
            Pictures (n, channels, height, width), uint8 or, with changed colours, float32; and class ids (n,)
            int64 or zeros and ones (n, n_classes) float32. The last batch may be smaller, or larger by one.
        """
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + epoch)

        def make(sample: EncodedSample) -> tuple[Pixels, Truth]:
            rng = np.random.default_rng((self._seed, epoch, sample.index))
            return self._cropping.training(self._scaled(sample), rng), self._truth_of(sample)

        samples = self._source.epoch(epoch, seed=self._seed, share=self._share)
        for group in batches_ahead(make, samples, batch_size, least=2):
            pictures, truth = _tensors(group)
            if self._cropping.changes_colors:
                pictures = jitter_hsl(pictures, generator)
            yield pictures, truth

    def validation(self, epoch: int, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of the pictures' middles, in the source's own order; otherwise as `training`."""

        def make(sample: EncodedSample) -> tuple[Pixels, Truth]:
            return self._cropping.middle(self._scaled(sample)), self._truth_of(sample)

        samples = self._source.epoch(epoch, share=self._share)
        for group in batches_ahead(make, samples, batch_size):
            yield _tensors(group)

    def _scaled(self, sample: EncodedSample) -> Pixels:
        side = self._cropping.resize
        enough = None if side is None else (side, side)

        def make() -> tuple[Pixels, int, int]:
            pixels, width, height = decode_picture(sample.image, sample.key, enough_px=enough)
            return self._cropping.scaled(pixels, sample.key), width, height

        return self._cache.get(sample.index, make)[0]


def _tensors(group: Sequence[tuple[Pixels, Truth]]) -> tuple[Tensor, Tensor]:
    pictures = stacked([pixels for pixels, _ in group])
    truth = torch.from_numpy(np.stack([np.asarray(each) for _, each in group]))
    return pictures, truth if truth.ndim > 1 else truth.long()
