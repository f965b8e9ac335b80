"""Every unit exactly once over hosts, ranks and workers; orders that can be relied on."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.streaming import blocks_of_worker, epoch_order, places_of_rank

COUNTS = st.integers(0, 200)
RANKS = st.integers(1, 9)


@given(n=COUNTS, n_ranks=RANKS, start=COUNTS)
def test_ranks_visit_every_place_once(n: int, n_ranks: int, start: int) -> None:
    visited = [place for rank in range(n_ranks) for place in places_of_rank(n, rank, n_ranks, start=start)]
    assert sorted(visited) == list(range(start, n))


@given(n=COUNTS, n_ranks=RANKS, start=COUNTS)
def test_dropping_makes_ranks_equal_and_leaves_out_less_than_one_round(
    n: int, n_ranks: int, start: int
) -> None:
    each = [list(places_of_rank(n, r, n_ranks, start=start, evenness="drop")) for r in range(n_ranks)]
    assert len({len(places) for places in each}) == 1
    visited = sorted(itertools.chain(*each))
    assert visited == list(range(start, start + len(visited)))
    assert 0 <= max(0, n - start) - len(visited) < n_ranks


@given(n=COUNTS, rank_of=st.tuples(RANKS, RANKS), size=st.integers(1, 7), n_workers=RANKS)
def test_workers_in_turn_give_the_places_in_order(
    n: int, rank_of: tuple[int, int], size: int, n_workers: int
) -> None:
    rank, n_ranks = min(rank_of) - 1, max(rank_of)
    places = places_of_rank(n, rank, n_ranks)
    workers = [list(blocks_of_worker(places, size, worker, n_workers)) for worker in range(n_workers)]
    in_turn = [block for blocks in itertools.zip_longest(*workers) for block in blocks if block is not None]
    assert list(itertools.chain(*in_turn)) == list(places)
    assert all(len(block) == size for block in in_turn[:-1])


@given(n=COUNTS, seed=st.integers(0, 2**63), epoch=st.integers(0, 1000))
def test_an_order_is_a_permutation_that_seed_and_epoch_decide(n: int, seed: int, epoch: int) -> None:
    order = epoch_order(n, seed, epoch)
    assert sorted(order) == list(range(n))
    assert np.array_equal(order, epoch_order(n, seed, epoch))


def test_orders_differ_between_epochs_and_seeds_and_never_change() -> None:
    first = list(epoch_order(50, 7, 0))
    assert first != list(epoch_order(50, 7, 1)) != list(epoch_order(50, 8, 0))
    # Written down: a state taken with one version must mean the same in the next.
    assert list(epoch_order(8, 7, 0)) == [1, 7, 4, 2, 3, 5, 6, 0]
    assert epoch_order(3, None, 5) == range(3)


def test_orders_have_no_bias() -> None:
    counts = np.zeros((6, 6))
    for epoch in range(3000):
        counts[np.arange(6), epoch_order(6, 1, epoch)] += 1
    assert np.abs(counts / 3000 - 1 / 6).max() < 0.04  # five standard deviations


def test_a_rank_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="rank 3 of 3"):
        places_of_rank(10, 3, 3)
    with pytest.raises(ValueError, match="not negative"):
        places_of_rank(10, start=-1)
