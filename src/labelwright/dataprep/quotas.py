"""How many objects of each stratum go into each part: pure arithmetic on whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from labelwright.errors import InvalidRequest

__all__ = ["part_sizes", "stratum_quotas"]

_NEVER = 1 << 62  # a part without objects never gives one


def part_sizes(n: int, ratios: Sequence[Fraction]) -> list[int]:
    """Sizes of the parts of ``n`` objects, by largest remainder; ties go to the earlier part.

    Examples
    --------
    >>> part_sizes(10, [Fraction(2, 3), Fraction(1, 3)])
    [7, 3]
    """
    total = sum(ratios, Fraction(0))
    if total <= 0 or any(ratio < 0 for ratio in ratios):
        raise InvalidRequest("The sizes of the parts must be positive numbers.", field="part")
    return _rounded([n * ratio / total for ratio in ratios], n)


def stratum_quotas(strata: Sequence[int], sizes: Sequence[int]) -> list[list[int]]:
    """How many objects of each stratum each part gets.

    Parameters
    ----------
    strata : sequence of int
        Objects per stratum.
    sizes : sequence of int
        Objects per part; the sums agree.

    Returns
    -------
    list of list of int
        One row per stratum, one column per part. Rows sum to the strata, columns to the sizes; with two
        parts each number is within 1 of the proportional share.

    Notes
    -----
    Strata are rounded one after another, small ones first, and what rounding gave too little of is carried
    into the next, so that a part's total cannot drift.

    Examples
    --------
    >>> stratum_quotas([3, 7], [8, 2])
    [[2, 1], [6, 1]]
    """
    n = sum(strata)
    quotas = [[0] * len(sizes) for _ in strata]
    carried = [Fraction(0)] * len(sizes)
    for i in sorted(range(len(strata)), key=lambda i: strata[i]):
        ideal = [
            Fraction(strata[i] * size, n) + carry if n else carry
            for size, carry in zip(sizes, carried, strict=True)
        ]
        quotas[i] = _rounded(ideal, strata[i])
        carried = [want - got for want, got in zip(ideal, quotas[i], strict=True)]
    _settle(quotas, sizes)
    return quotas


def _rounded(ideal: Sequence[Fraction], total: int) -> list[int]:
    """Whole numbers near the ideal ones, none negative, that sum to the total."""
    counts = [max(0, want.__floor__()) for want in ideal]
    by_remainder = sorted(range(len(ideal)), key=lambda p: counts[p] - ideal[p])
    i = 0
    while sum(counts) < total:
        counts[by_remainder[i % len(counts)]] += 1
        i += 1
    while sum(counts) > total:  # shares below zero took nothing back, so the largest gives
        most = max(range(len(counts)), key=lambda p: counts[p] - ideal[p] if counts[p] else Fraction(-_NEVER))
        counts[most] -= 1
    return counts


def _settle(quotas: list[list[int]], sizes: Sequence[int]) -> None:
    """Move single objects between parts until the columns sum to the sizes."""
    surplus = [sum(row[p] for row in quotas) - size for p, size in enumerate(sizes)]
    while any(surplus):
        over = max(range(len(sizes)), key=lambda p: surplus[p])
        under = min(range(len(sizes)), key=lambda p: surplus[p])
        row = max(quotas, key=lambda row: row[over])
        row[over] -= 1
        row[under] += 1
        surplus[over] -= 1
        surplus[under] += 1
