"""Encoded samples of a channel: a picture's bytes and its label, from wherever the channel has them.

Three kinds of sources, one interface. Files of records and folders of pictures can be visited in any order,
so each epoch has an order of its own that the seed decides. A pipe gives what the platform sends; its order
is the business of the channel's ShuffleConfig.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from labelwright import recordio
from labelwright.recordio import RecordIOError
from labelwright.streaming.order import Evenness, epoch_order, places_of_rank
from labelwright.train.toolkit.environment import TrainingChannel
from labelwright.train.toolkit.problems import CustomerError

__all__ = [
    "EncodedSample",
    "FileItem",
    "FileSource",
    "Label",
    "PipeSource",
    "RecordSource",
    "SampleSource",
    "Share",
    "appeared",
    "epoch_of_samples",
    "image_files",
    "records_of_channel",
]

Label = float | npt.NDArray[np.float32] | bytes
"""Of an image record its label or labels; else the bytes of the second record or file (JSON, text, mask)."""

_IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
_PATIENCE_S = 600.0
_POLL_S = 0.02


@dataclasses.dataclass(frozen=True, slots=True)
class EncodedSample:
    """One sample, not decoded.

    Attributes
    ----------
    image : bytes
        A JPEG or PNG file.
    label : float, ndarray of shape (n,) float32, or bytes
    key : str
        Names the sample in messages.
    index : int
        Number within the source; the same in every epoch where the source can be revisited.
    """

    image: bytes
    label: Label
    key: str
    index: int


@dataclasses.dataclass(frozen=True, slots=True)
class Share:
    """Which part of an epoch a process takes.

    Attributes
    ----------
    rank, n_ranks : int
    evenness : {"exact", "drop"}
        Validation sees every sample exactly once; in training every process gets equally many, so up to
        ``n_ranks - 1`` samples (others in each epoch) are left out.
    """

    rank: int = 0
    n_ranks: int = 1
    evenness: Evenness = "exact"


class SampleSource(Protocol):
    """Samples of a channel, epoch by epoch.

    Attributes
    ----------
    n_samples : int or None
        None where only reading to the end would tell (pipes).
    can_revisit : bool
        Whether an index means the same sample in every epoch, so that decoded pictures may be kept.
    """

    n_samples: int | None
    can_revisit: bool

    def epoch(self, epoch: int, *, seed: int | None = None, share: Share = ...) -> Iterator[EncodedSample]:
        """The samples of an epoch; without a seed in their own order."""


class RecordSource:
    """A file of image records in File mode.

    Raises
    ------
    CustomerError
        It is no RecordIO file or holds no record.
    """

    can_revisit = True

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._records = recordio.RecordFile(path)
        except RecordIOError as error:
            raise CustomerError(f"{path.name} cannot be read: {error}") from error
        self.n_samples: int | None = len(self._records)
        if not self.n_samples:
            raise CustomerError(f"{path.name} holds no records; pack at least one image.")

    def epoch(
        self, epoch: int, *, seed: int | None = None, share: Share = Share()
    ) -> Iterator[EncodedSample]:
        """See `SampleSource.epoch`."""
        for index in _visited(len(self._records), epoch, seed, share):
            key = f"record {index} of {self._path.name}"
            try:
                record = self._records[index]
            except RecordIOError as error:
                raise CustomerError(f"{key} cannot be read: {error}") from error
            yield _image_record(record, key, index)


@dataclasses.dataclass(frozen=True, slots=True)
class FileItem:
    """A picture file and its label: at hand, or in a file of its own (a mask)."""

    path: Path
    label: float | npt.NDArray[np.float32] | bytes | Path


class FileSource:
    """Pictures as files (image input format).

    Parameters
    ----------
    items : sequence of FileItem
        At least one.
    folder : Path
        Keys name files relative to it.

    Raises
    ------
    CustomerError
        No items.
    """

    can_revisit = True

    def __init__(self, items: Sequence[FileItem], folder: Path) -> None:
        if not items:
            raise CustomerError(f"Channel {folder.name!r} holds no image with a label; check its prefix.")
        self._items = items
        self._folder = folder
        self.n_samples: int | None = len(items)

    def epoch(
        self, epoch: int, *, seed: int | None = None, share: Share = Share()
    ) -> Iterator[EncodedSample]:
        """See `SampleSource.epoch`."""
        for index in _visited(len(self._items), epoch, seed, share):
            item = self._items[index]
            key = str(item.path.relative_to(self._folder))
            try:
                label = item.label.read_bytes() if isinstance(item.label, Path) else item.label
                yield EncodedSample(item.path.read_bytes(), label, key, index)
            except OSError as error:
                raise CustomerError(f"{key} cannot be read: {error}") from error


class PipeSource:
    """A channel in Pipe mode: of image records, or of pairs of picture and label (augmented manifest).

    Which of the two it is shows in the first record: an image record never begins like a picture file. Each
    call of `epoch` opens the next pipe, so resumed jobs begin with the first one again.

    Parameters
    ----------
    channel : TrainingChannel
    pipe : callable, optional
        ``pipe(i_opening) -> Path``; default: the channel's own pipes.
    patience_s : float
        How long to wait for a pipe to appear.
    """

    can_revisit = False

    def __init__(
        self,
        channel: TrainingChannel,
        *,
        pipe: Callable[[int], Path] | None = None,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self.n_samples: int | None = None
        self._channel = channel
        self._pipe = channel.pipe if pipe is None else pipe
        self._patience_s = patience_s
        self._n_opened = 0

    def epoch(
        self, epoch: int, *, seed: int | None = None, share: Share = Share()
    ) -> Iterator[EncodedSample]:
        """See `SampleSource.epoch`; the order is the pipe's, ``epoch`` and ``seed`` are ignored."""
        path = appeared(self._pipe(self._n_opened), self._patience_s)
        self._n_opened += 1
        name = self._channel.name
        records = recordio.read(path)
        index = -1
        try:
            for index in itertools.count():
                first = next(records, None)
                if first is None:
                    break
                key = f"sample {index} of channel {name!r}"
                is_pair = bool(recordio.image_format(first))
                second = next(records, None) if is_pair else b""
                if second is None:
                    raise CustomerError(f"{key} has no label: the stream ends behind its image.")
                if index % share.n_ranks != share.rank:
                    continue
                yield (
                    EncodedSample(first, second, key, index) if is_pair else _image_record(first, key, index)
                )
        except RecordIOError as error:
            raise CustomerError(
                f"Channel {name!r} cannot be read as RecordIO: {error} Set RecordWrapperType to RecordIO for "
                "augmented manifests."
            ) from error
        if index == 0:
            raise CustomerError(f"Channel {name!r} holds no samples; check its manifest or prefix.")
        self.n_samples = index


def records_of_channel(
    channel: TrainingChannel, *, pipe: Callable[[int], Path] | None = None
) -> RecordSource | PipeSource:
    """The source of a channel that holds records or is a pipe.

    Raises
    ------
    CustomerError
        In File mode there is not exactly one ``.rec`` file.
    """
    if channel.mode == "Pipe":
        return PipeSource(channel, pipe=pipe)
    found = sorted(path for path in channel.folder.rglob("*.rec") if path.is_file())
    if len(found) != 1:
        raise CustomerError(
            f"Channel {channel.name!r} holds {len(found)} files that end in .rec; it must hold exactly one. "
            "For image files give the content type application/x-image, image/jpeg or image/png."
        )
    return RecordSource(found[0])


def epoch_of_samples(channel: TrainingChannel, epoch: int) -> Iterator[tuple[bytes, ...]]:
    """The plain records of one epoch, for algorithms with samples of another shape (texts).

    Parameters
    ----------
    channel : TrainingChannel
        In Pipe mode the pipe of number ``epoch`` is opened; else every ``.rec`` file is read, by name.
    epoch : int

    Yields
    ------
    tuple of bytes
        Records in pairs (attribute by attribute) from an augmented manifest, one by one otherwise.
    """
    if channel.mode != "Pipe":
        for path in sorted(channel.folder.rglob("*.rec")):
            yield from ((record,) for record in recordio.read(path))
        return
    records = recordio.read(appeared(channel.pipe(epoch)))
    for first in records:
        second = next(records, None)
        if second is None:
            raise CustomerError(
                f"Channel {channel.name!r} ends within a sample: its last record has no label."
            )
        yield first, second


def image_files(folder: Path) -> list[Path]:
    """All JPEG and PNG files below a folder, in order of their names."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _IMAGE_SUFFIXES)


def _visited(n: int, epoch: int, seed: int | None, share: Share) -> Iterator[int]:
    order = epoch_order(n, seed, epoch)
    for place in places_of_rank(n, share.rank, share.n_ranks, evenness=share.evenness):
        yield int(order[place])


def _image_record(record: bytes, key: str, index: int) -> EncodedSample:
    try:
        header, image = recordio.unpack(record)
    except RecordIOError as error:
        raise CustomerError(f"{key} is no image record: {error}") from error
    return EncodedSample(image, header.label, key, index)


def appeared(path: Path, patience_s: float = _PATIENCE_S) -> Path:
    """Wait until the platform has made a named pipe.

    Raises
    ------
    CustomerError
        It did not.
    """
    give_up = time.monotonic() + patience_s
    while not path.exists():
        if time.monotonic() > give_up:
            raise CustomerError(f"The pipe {path.name} did not appear within {patience_s:g} s.")
        time.sleep(_POLL_S)
    return path
