"""Batches of decoded pictures of any manifest: what a training loop on pictures wants to be given."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from labelwright.streaming.objects import Objects
from labelwright.streaming.order import Evenness, blocks_of_worker, epoch_order
from labelwright.streaming.picture_cache import PictureCache, identity_of
from labelwright.streaming.pictures import DecoderName, decoder
from labelwright.streaming.prefetch import OrderedPrefetch
from labelwright.streaming.problems import ChannelError
from labelwright.streaming.reader import BUDGET_BYTES
from labelwright.streaming.samples import ManifestStream
from labelwright.streaming.sources import Reference

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PictureBatch", "PictureBatches"]

_PART: Final = 8  # pictures that one thread makes at a time
CACHE_BYTES: Final = 8 << 30


@dataclasses.dataclass(frozen=True, slots=True)
class PictureBatch:
    """Some lines of a manifest, their pictures decoded.

    Attributes
    ----------
    pictures : ndarray of shape (n, height, width, 3), uint8
        RGB, scaled to the size asked for, sides apart.
    stored_px : ndarray of shape (n, 2), int64
        Width and height of each picture as stored, to scale boxes by.
    lines : ndarray of shape (n,), int64
        Which lines of the manifest, blank ones not counted, from 0.
    values : dict of str to list
        The other attributes.
    """

    pictures: NDArray[np.uint8]
    stored_px: NDArray[np.int64]
    lines: NDArray[np.int64]
    values: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.pictures)

    def tensor(self) -> Tensor:
        """The pictures as a tensor of shape (n, 3, height, width), uint8, channels last, without a copy."""
        import torch

        return torch.from_numpy(self.pictures).permute(0, 3, 1, 2)


class PictureBatches(ManifestStream):
    """Batches of an augmented manifest, decoded ahead in threads; every iteration is an epoch.

    Parameters
    ----------
    uri : str or path
        ``s3://...`` or a local file; may be compressed by gzip.
    picture : str
        The attribute that names the picture; it ends in ``-ref``.
    values : sequence of str
        Other attributes that are wanted, as JSON values. Lines that lack one because its labeling failed are
        passed over.
    size_px : tuple of int
        Width and height.
    batch_size : int
        Lines of each batch. Batches with lines that are passed over are shorter, and so is the last.
    cache : path, optional
        A folder where decoded pictures are kept, and taken from in later epochs and by later programs.
    cache_bytes : int
        Most bytes that it may hold.
    decode : str
        See `labelwright.streaming.pictures.decoder`.
    n_threads : int, optional
        Threads that decode; by default as many as there are processor cores, at most 16.
    shuffle_seed, rank, n_ranks, evenness, objects, budget_bytes
        See `ManifestStream`; so is how to resume (`state_dict`, `load_state_dict`).

    Examples
    --------
    ::

        batches = PictureBatches(
            "s3://acme/out/output.manifest", "source-ref", ["species"], size_px=(300, 300), shuffle_seed=1
        )
        for batch in batches:
            scores = model(batch.tensor().float())
            loss = cross_entropy(scores, torch.tensor(batch.values["species"]))
    """

    def __init__(
        self,
        uri: str | os.PathLike[str],
        picture: str,
        values: Sequence[str] = (),
        *,
        size_px: tuple[int, int],
        batch_size: int = 32,
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int = CACHE_BYTES,
        decode: DecoderName = "auto",
        n_threads: int | None = None,
        shuffle_seed: int | None = None,
        rank: int = 0,
        n_ranks: int = 1,
        evenness: Evenness = "exact",
        objects: Objects | None = None,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        if not picture.endswith("-ref"):
            raise ChannelError(
                f"picture is {picture!r}; the attribute that names an object ends in -ref.",
                field="picture",
                value=picture,
            )
        if batch_size < 1 or min(size_px) < 1:
            raise ChannelError(
                f"batch_size is {batch_size} and size_px {size_px}; both must be positive.", field="size_px"
            )
        super().__init__(
            uri,
            [picture, *values],
            shuffle_seed=shuffle_seed,
            rank=rank,
            n_ranks=n_ranks,
            evenness=evenness,
            objects=objects,
            n_threads=_n_cores() if n_threads is None else n_threads,
            budget_bytes=budget_bytes,
        )
        self.size_px = size_px
        self.batch_size = batch_size
        self.cache = cache
        self.cache_bytes = cache_bytes
        self.decode: DecoderName = decode

    def __iter__(self) -> Iterator[PictureBatch]:
        """Batches from where we are to the end of the epoch; afterwards the next epoch is due."""
        maker = _Maker(self)
        places = self.places()
        order = epoch_order(self.n_lines, self.shuffle_seed, self.epoch)
        work = (
            maker.parts(block[-1], [int(order[place]) for place in block])
            for block in blocks_of_worker(places, self.batch_size)
        )
        parts = OrderedPrefetch(
            maker.make,
            lambda part: part.pictures.nbytes,
            (part for batch in work for part in batch),
            n_threads=self.n_threads or 0,
            budget_bytes=self.budget_bytes,
        )
        begun: list[_Part] = []
        try:
            for part in parts:
                begun.append(part)
                if part.last_place is None:
                    continue
                self._n_done = part.last_place - self.rank + self.n_ranks
                batch = maker.joined(begun)
                begun = []
                if len(batch):
                    yield batch
        finally:
            parts.close()
            maker.close()
        self.set_epoch(self.epoch + 1)


@dataclasses.dataclass(slots=True)
class _Part:
    """Some lines of a batch; a thread fills the arrays, which are parts of the batch's.

    ``last_place`` is that of the batch in the epoch's order, and None in all parts but its last.
    """

    lines: list[int]
    pictures: NDArray[np.uint8]
    stored_px: NDArray[np.int64]
    whole: tuple[NDArray[np.uint8], NDArray[np.int64]]
    last_place: int | None
    values: list[list[Any]] = dataclasses.field(default_factory=list)  # empty ones for lines passed over


class _Maker:
    """Fills parts of batches, in any number of threads."""

    def __init__(self, stream: PictureBatches) -> None:
        self._stream = stream
        self._source = stream._opened()
        self._objects = stream.objects
        self._decode = decoder(stream.decode)
        self._cache: PictureCache | None = None
        if stream.cache is not None:
            self._cache = PictureCache(stream.cache, stream.size_px, bytes_max=stream.cache_bytes)

    def close(self) -> None:
        """Let go of the cache."""
        if self._cache is not None:
            self._cache.close()

    def parts(self, last_place: int, lines: Sequence[int]) -> Iterator[_Part]:
        """A batch, in parts."""
        width, height = self._stream.size_px
        pictures = np.empty((len(lines), height, width, 3), np.uint8)
        stored_px = np.zeros((len(lines), 2), np.int64)
        for start in range(0, len(lines), _PART):
            stop = min(len(lines), start + _PART)
            yield _Part(
                list(lines[start:stop]),
                pictures[start:stop],
                stored_px[start:stop],
                (pictures, stored_px),
                last_place if stop == len(lines) else None,
            )

    def make(self, part: _Part) -> _Part:
        """Decode the pictures of a part, or take them from the cache."""
        wanted: list[tuple[int, str, bytes]] = []  # slot, URI, identity
        for slot, line in enumerate(part.lines):
            values = self._source.values(line)
            part.values.append(values)
            if not values:
                continue
            picture: Reference = values[0]
            identity = b""
            if self._cache is not None:
                identity = identity_of(picture.uri, self._objects)
                stored = self._cache.read(line, identity, part.pictures[slot])
                if stored is not None:
                    part.stored_px[slot] = stored
                    continue
            wanted.append((slot, picture.uri, identity))
        bodies = self._objects.read_many([uri for _, uri, _ in wanted])
        for (slot, uri, identity), body in zip(wanted, bodies, strict=True):
            stored = self._decode(body, part.pictures[slot], uri)
            part.stored_px[slot] = stored
            if self._cache is not None:
                self._cache.write(part.lines[slot], identity, part.pictures[slot], stored)
        return part

    def joined(self, parts: Sequence[_Part]) -> PictureBatch:
        """The batch that these are, without the lines that are passed over."""
        pictures, stored_px = parts[0].whole
        lines = np.array([line for part in parts for line in part.lines], np.int64)
        rows = [row for part in parts for row in part.values]
        if not all(rows):
            kept = np.array([bool(row) for row in rows])
            pictures, stored_px, lines = pictures[kept], stored_px[kept], lines[kept]
            rows = [row for row in rows if row]
        names = self._stream.attributes[1:]
        values = {name: [row[k] for row in rows] for k, name in enumerate(names, start=1)}
        return PictureBatch(pictures, stored_px, lines, values)


def _n_cores() -> int:
    return min(16, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
