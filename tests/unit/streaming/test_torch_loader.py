"""ManifestDataset and StreamLoader with PyTorch's own DataLoader and worker processes."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from torch.utils.data import DataLoader  # noqa: E402

from labelwright.streaming import ManifestDataset, StreamLoader  # noqa: E402

pytestmark = pytest.mark.train


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    path = tmp_path / "m"
    path.write_text("".join(f'{{"i": {i}}}\n' for i in range(23)))
    return str(path)


def test_workers_of_a_plain_loader_share_the_samples(manifest: str) -> None:
    dataset = ManifestDataset(manifest, ["i"], shuffle_seed=1)
    loader = DataLoader(dataset, batch_size=4, num_workers=2, persistent_workers=True)
    epochs = []
    for epoch in range(2):
        dataset.set_epoch(epoch)  # reaches workers that live on
        epochs.append([int(i) for batch in loader for i in batch["i"]])
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(23))
    assert epochs[0] != epochs[1]
    del loader


def batches(loader: StreamLoader) -> list[list[int]]:
    return [batch["i"].tolist() for batch in loader]


@pytest.mark.parametrize("n_workers", [1, 2])
def test_batches_do_not_depend_on_the_number_of_workers(manifest: str, n_workers: int) -> None:
    expected = StreamLoader(ManifestDataset(manifest, ["i"], shuffle_seed=1), batch_size=4)
    here = StreamLoader(ManifestDataset(manifest, ["i"], shuffle_seed=1), batch_size=4, num_workers=n_workers)
    first, second = batches(expected), batches(expected)
    assert sorted(itertools.chain(*first)) == sorted(itertools.chain(*second)) == list(range(23))
    assert first != second
    assert [batches(here), batches(here)] == [first, second]


@pytest.mark.parametrize("workers", [(0, 2), (2, 0)])
def test_a_loader_resumes_at_the_batch_after_the_last_one_seen(
    manifest: str, workers: tuple[int, int]
) -> None:
    def loader(n_workers: int) -> StreamLoader:
        dataset = ManifestDataset(manifest, ["i"], shuffle_seed=1, rank=1, n_ranks=2)
        return StreamLoader(dataset, batch_size=3, num_workers=n_workers)

    expected = batches(loader(0))
    broken = loader(workers[0])
    seen = []
    for batch in broken:  # workers are ahead of us, which must not count
        seen.append(batch["i"].tolist())
        if len(seen) == 2:
            state = broken.state_dict()
            break
    resumed = loader(workers[1])
    resumed.load_state_dict(state)
    assert seen + batches(resumed) == expected
    assert resumed.state_dict()["epoch"] == 1


def test_ranks_of_torch_distributed_are_found(manifest: str, tmp_path: Path) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1
    )
    try:
        dataset = ManifestDataset(manifest, ["i"])
        assert (dataset.rank, dataset.n_ranks) == (0, 1)
    finally:
        torch.distributed.destroy_process_group()
