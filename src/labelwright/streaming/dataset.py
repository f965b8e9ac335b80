"""`ManifestStream` for PyTorch: an IterableDataset, and a loader that can be resumed. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.distributed
from torch.utils.data import DataLoader, IterableDataset, default_collate, get_worker_info

from labelwright.streaming.order import blocks_of_worker
from labelwright.streaming.samples import ManifestStream

__all__ = ["ManifestDataset", "StreamLoader"]


class ManifestDataset(ManifestStream, IterableDataset[Any]):
    """The samples of an augmented manifest for a DataLoader; see `ManifestStream` for the parameters.

    ``rank`` and ``n_ranks`` are those of ``torch.distributed`` where it is initialised and none are given.
    Inside a DataLoader the workers share the samples: all of them together see each once. The order of the
    samples then depends on the number of workers, and `state_dict` in the main process does not see how far
    they are; `StreamLoader` has neither limit. Call `set_epoch` before each epoch, as with torch's
    DistributedSampler, unless there are no workers.
    """

    def __init__(self, uri: Any, attributes: Sequence[str], **options: Any) -> None:
        if (
            "n_ranks" not in options
            and torch.distributed.is_available()
            and torch.distributed.is_initialized()
        ):
            options["rank"] = torch.distributed.get_rank()
            options["n_ranks"] = torch.distributed.get_world_size()
        ManifestStream.__init__(self, uri, attributes, **options)
        self._shared = torch.zeros(2, dtype=torch.int64)
        self._shared.share_memory_()  # type: ignore[no-untyped-call]  # torch has no type there
        # epoch, n_done: seen by workers
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Begin at the start of an epoch, in workers that are running, too."""
        super().set_epoch(epoch)
        if get_worker_info() is None:
            self._publish()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        super().load_state_dict(state)
        self._publish()

    def __iter__(self) -> Iterator[Any]:
        """Samples; in a worker only its share."""
        info = get_worker_info()
        if info is None:
            yield from super().__iter__()
            return
        epoch, self._n_done = self._shared.tolist()
        places = self.places()[info.id :: info.num_workers]
        for samples in self._prefetched(epoch, places):
            yield from samples

    def _publish(self) -> None:
        self._shared.copy_(torch.tensor([self.epoch, self._n_done]))


class StreamLoader:
    """Batches of a `ManifestDataset`, the same ones for any number of workers, resumable at any batch.

    Parameters
    ----------
    dataset : ManifestDataset
        Its state is the loader's.
    batch_size : int
        Lines of each batch. Batches with lines that are passed over are shorter, and so is the last.
    num_workers : int
        Processes; 0 fetches in threads of this one.
    collate_fn : callable, optional
        Makes a batch of a list of samples; torch's ``default_collate`` by default. Use ``list`` for samples
        of bytes.
    **options
        Of `torch.utils.data.DataLoader`, such as ``prefetch_factor`` and ``pin_memory``. Where objects are
        behind an endpoint the ``multiprocessing_context`` is ``forkserver`` unless given: the S3 client does
        not survive a fork.

    Examples
    --------
    ::

        loader = StreamLoader(dataset, batch_size=32, num_workers=4)
        for batch in loader:
            ...
            torch.save({"model": model.state_dict(), "loader": loader.state_dict()}, "checkpoint.pt")
    """

    def __init__(
        self,
        dataset: ManifestDataset,
        *,
        batch_size: int,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] = default_collate,
        **options: Any,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
        self.dataset = dataset
        if num_workers and dataset.is_remote():
            options.setdefault("multiprocessing_context", "forkserver")
        self._loader: DataLoader[Any] = DataLoader(
            _Batches(dataset, batch_size, collate_fn), batch_size=None, num_workers=num_workers, **options
        )

    def __iter__(self) -> Iterator[Any]:
        """Batches from where we are to the end of the epoch; afterwards the next epoch is due."""
        dataset = self.dataset
        dataset._publish()
        for n_done, batch in self._loader:
            dataset._n_done = int(n_done)
            if batch is not None:
                yield batch
        dataset.set_epoch(dataset.epoch + 1)

    def set_epoch(self, epoch: int) -> None:
        """Begin at the start of an epoch."""
        self.dataset.set_epoch(epoch)

    def state_dict(self) -> dict[str, int | None]:
        """Where we are, batches counted that this process got; see `ManifestStream.state_dict`."""
        return self.dataset.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.dataset.load_state_dict(state)


class _Batches(IterableDataset[Any]):
    """Places done, and the batch that ends there; None for one without samples."""

    def __init__(self, dataset: ManifestDataset, size: int, collate: Callable[[list[Any]], Any]) -> None:
        self._dataset = dataset
        self._size = size
        self._collate = collate

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        dataset, info = self._dataset, get_worker_info()
        worker, n_workers = (0, 1) if info is None else (info.id, info.num_workers)
        epoch, dataset._n_done = dataset._shared.tolist()
        places = dataset.places()
        blocks = list(blocks_of_worker(places, self._size, worker, n_workers))
        fetched = iter(dataset._prefetched(epoch, (place for block in blocks for place in block)))
        for block in blocks:
            batch = [sample for _ in block for sample in next(fetched)]
            n_done = block[-1] - dataset.rank + dataset.n_ranks
            yield n_done, self._collate(batch) if batch else None
