"""Samples of any manifest as a plain iterable: epochs, ranks, shuffling, resuming. Without torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from labelwright.streaming.objects import Objects, open_objects
from labelwright.streaming.order import Evenness, epoch_order, places_of_rank
from labelwright.streaming.prefetch import OrderedPrefetch
from labelwright.streaming.problems import ChannelError
from labelwright.streaming.reader import BUDGET_BYTES, PATIENCE_S, n_threads_for
from labelwright.streaming.sources import AugmentedSource, Reference

__all__ = ["ManifestStream", "Sample"]

Sample = dict[str, Any]
"""Attribute to value: bytes for ``-ref`` attributes, the JSON value for others (whole numbers beyond 64 bits
arrive as floats)."""


class ManifestStream:
    """The samples of an augmented manifest; every iteration is an epoch.

    Parameters
    ----------
    uri : str or path
        ``s3://...`` or a local file; may be compressed by gzip.
    attributes : sequence of str
        What of each line is wanted. Lines that lack one because its labeling failed are passed over.
    transform : callable, optional
        ``transform(sample) -> anything``, in the threads that fetch: decode pictures here. It must be
        picklable where workers are started without fork.
    shuffle_seed : int, optional
        None keeps the order of the file; else each epoch has one of its own, which depends on the seed and
        the epoch alone.
    rank, n_ranks : int
        Which part of each epoch is ours.
    evenness : Evenness
        ``"exact"``: all ranks together see every line once. ``"drop"``: all ranks see as many; the last lines
        of the order, fewer than ``n_ranks``, are left out.
    objects : Objects, optional
        Where objects are; by default `open_objects` with the environment.
    n_threads : int, optional
        Threads that fetch ahead; 0 for none.
    budget_bytes : int
        Most bytes fetched ahead.

    Attributes
    ----------
    epoch : int
        The epoch that the next iteration begins or goes on with.

    Examples
    --------
    ::

        stream = ManifestStream("s3://acme/out/output.manifest", ["source-ref", "species"], shuffle_seed=1)
        for sample in stream:
            picture, label = sample["source-ref"], sample["species"]
    """

    def __init__(
        self,
        uri: str | os.PathLike[str],
        attributes: Sequence[str],
        *,
        transform: Callable[[Sample], Any] | None = None,
        shuffle_seed: int | None = None,
        rank: int = 0,
        n_ranks: int = 1,
        evenness: Evenness = "exact",
        objects: Objects | None = None,
        n_threads: int | None = None,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        if isinstance(attributes, str) or not attributes:
            raise ChannelError(
                f"attributes is {attributes!r}; give a list of attribute names.", field="attributes"
            )
        places_of_rank(0, rank, n_ranks)  # refuses ranks that do not exist
        self.uri = os.fspath(uri)
        self.attributes = tuple(attributes)
        self.transform = transform
        self.shuffle_seed = shuffle_seed
        self.rank, self.n_ranks, self.evenness = rank, n_ranks, evenness
        self.objects: Objects = open_objects() if objects is None else objects
        self.n_threads = n_threads
        self.budget_bytes = budget_bytes
        self.epoch = 0
        self._n_done = 0  # places of this epoch that all ranks together are through with
        self._source: AugmentedSource | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_source": None}  # a mapped file stays at home; it is opened again there

    def is_remote(self) -> bool:
        """Whether the manifest or its objects lie behind a network."""
        return self.objects.is_remote(self.uri) or self.objects.is_remote(self._opened().example_uri())

    @property
    def n_lines(self) -> int:
        """Lines of the manifest, those included that are passed over."""
        return len(self._opened())

    def __iter__(self) -> Iterator[Any]:
        """Samples from where we are to the end of the epoch; afterwards the next epoch is due."""
        places = self.places()
        # A place counts as done when its sample is handed over, or when it turns out to hold none.
        fetched = self._prefetched(self.epoch, places)
        try:
            for place, samples in zip(places, fetched, strict=False):
                self._n_done = place - self.rank + self.n_ranks
                yield from samples
        finally:
            fetched.close()
        self.set_epoch(self.epoch + 1)

    def set_epoch(self, epoch: int) -> None:
        """Begin at the start of an epoch."""
        self.epoch = epoch
        self._n_done = 0

    def state_dict(self) -> dict[str, int | None]:
        """Where we are: to be kept beside a checkpoint of the model.

        The position counts the places that *all* ranks are through with when each has taken as many samples
        as this one, so that a job may go on with another number of ranks.
        """
        return {
            "version": 1,
            "epoch": self.epoch,
            "n_done": self._n_done,
            "shuffle_seed": self.shuffle_seed,
            "n_lines": self.n_lines,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken.

        Raises
        ------
        ChannelError
            The state is of another manifest or another order.
        """
        for name, here in (("version", 1), ("shuffle_seed", self.shuffle_seed), ("n_lines", self.n_lines)):
            if state.get(name) != here:
                raise ChannelError(
                    f"The state has {name}={state.get(name)!r}, the stream {here!r}: it was taken of another "
                    "stream, so its position means nothing here. Use the same manifest and seed.",
                    field=name,
                    value=state.get(name),
                )
        self.epoch = int(state["epoch"])
        self._n_done = int(state["n_done"])

    def places(self) -> range:
        """Places in the order of this epoch that are still to be visited by this rank."""
        return places_of_rank(
            self.n_lines, self.rank, self.n_ranks, start=self._n_done, evenness=self.evenness
        )

    def _prefetched(self, epoch: int, places: Iterable[int]) -> OrderedPrefetch[int, list[Any]]:
        """For each place the sample, or nothing where a line is passed over."""
        order = epoch_order(self.n_lines, self.shuffle_seed, epoch)
        return OrderedPrefetch(
            self._sample,
            _size_of,
            (int(order[place]) for place in places),
            n_threads=self._n_threads(),
            budget_bytes=self.budget_bytes,
            fetch_many=self._samples if self._reads_together() else None,
            patience_s=PATIENCE_S if self._reads_only() else 0.0,
        )

    def _sample(self, i: int) -> list[Any]:
        source = self._source
        values = (self._opened() if source is None else source).values(i)
        if not values:
            return []
        read = self.objects.read
        sample = {
            name: read(value.uri) if type(value) is Reference else value
            for name, value in zip(self.attributes, values, strict=True)
        }
        return [sample if self.transform is None else self.transform(sample)]

    def _samples(self, numbers: Sequence[int]) -> list[list[Any]]:
        """The same for several lines, whose objects are read together."""
        rows = [self._opened().values(i) for i in numbers]
        uris = [value.uri for values in rows for value in values if type(value) is Reference]
        bodies = iter(self.objects.read_many(uris))
        return [
            self._made(next(bodies) if type(value) is Reference else value for value in values)
            for values in rows
        ]

    def _made(self, values: Iterable[Any]) -> list[Any]:
        sample = dict(zip(self.attributes, values, strict=False))
        if not sample:
            return []
        return [sample if self.transform is None else self.transform(sample)]

    def _n_threads(self) -> int:
        if self.n_threads is not None:
            return self.n_threads
        return n_threads_for(self.objects, self._opened().example_uri(), together=self._reads_together())

    def _reads_together(self) -> bool:
        return self.objects.reads_together(self._opened().example_uri())

    def _reads_only(self) -> bool:
        """Whether all there is to do is to read files."""
        is_near = not self.objects.is_remote(self._opened().example_uri())
        return is_near and self.transform is None and self.n_threads is None

    def _opened(self) -> AugmentedSource:
        if self._source is None:
            self._source = AugmentedSource(self.uri, self.attributes, self.objects)
        return self._source


def _size_of(samples: list[Any]) -> int:
    """Bytes of a sample, as far as they are easily known."""
    size = 0
    for sample in samples:
        for value in sample.values() if isinstance(sample, dict) else (sample,):
            n_bytes = getattr(value, "nbytes", None)  # arrays and tensors
            size += n_bytes if isinstance(n_bytes, int) else len(value) if isinstance(value, bytes) else 200
    return size
