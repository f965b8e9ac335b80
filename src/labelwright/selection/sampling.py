"""Random samples of lines: exact size, without replacement, in the original order, in constant memory."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

from labelwright.selection.blocks import blocks, gather, line_lengths
from labelwright.selection.problems import QueryError

__all__ = ["count_lines", "sample_lines", "sample_size"]


def sample_size(n_lines: int, percent: int) -> int:
    """Lines in a sample: the percentage, halves rounded up, at least one of a manifest that has any.

    Raises
    ------
    QueryError
        The percentage is no whole number from 1 to 100.

    Examples
    --------
    >>> sample_size(1000, 5), sample_size(50, 1), sample_size(49, 1), sample_size(10, 1), sample_size(0, 5)
    (50, 1, 1, 1, 0)
    """
    if not 1 <= percent <= 100:
        raise QueryError(
            f"The sample is {percent} %; it must be a whole number from 1 to 100.", code="InvalidSample"
        )
    return min(n_lines, max(1, (2 * percent * n_lines + 100) // 200))


def count_lines(chunks: Iterable[bytes]) -> int:
    """Lines with content; blank ones do not count."""
    n_lines = 0
    for block in blocks(chunks):
        n_lines += block.count(b"\n") + (block[-1:] != b"\n") - len(_blank_lines(block))
    return n_lines


def sample_lines(
    chunks: Iterable[bytes],
    *,
    n_lines: int,
    size: int,
    seed: int,
    on_bytes: Callable[[int], None] | None = None,
) -> Iterator[bytes]:
    """Pick lines at random; every set of ``size`` lines is as likely as every other.

    Parameters
    ----------
    chunks : iterable of bytes
        The file, cut anywhere.
    n_lines : int
        Lines with content in it, from `count_lines`.
    size : int
        How many to pick.
    seed : int
        The same seed picks the same lines of the same file on every machine.
    on_bytes : callable, optional
        Gets the length of each block.

    Yields
    ------
    bytes
        Pieces of whole lines.

    Raises
    ------
    QueryError
        The file has another number of lines than ``n_lines``: it was changed meanwhile.

    References
    ----------
    Selection sampling: D. E. Knuth, The Art of Computer Programming, volume 2, 3.4.2, algorithm S.
    """
    import numpy as np

    draw = random.Random(seed).random  # noqa: S311 - a repeatable sample, no secret
    n_rest, n_wanted = n_lines, size
    for block in blocks(chunks):
        lengths = line_lengths(block)
        blank = _blank_lines(block)
        taken = np.zeros(len(lengths), np.bool_)
        for i in range(len(lengths)):
            if blank and i in blank:
                continue
            if n_rest * draw() < n_wanted:
                taken[i] = True
                n_wanted -= 1
            n_rest -= 1
        if n_rest < 0:
            break
        if on_bytes is not None:
            on_bytes(len(block))
        piece = gather(block, lengths, taken)
        if piece:
            yield piece
    if n_rest != 0:
        raise QueryError(
            "The manifest was changed while the sample was drawn. Draw it again.", code="InvalidSample"
        )


def _blank_lines(block: bytes) -> set[int]:
    """Numbers of the blank lines of a block."""
    if b"\n\n" not in block and not block[:1].isspace() and b"\r" not in block and b"\n " not in block:
        return set()
    return {i for i, line in enumerate(block.split(b"\n")[: _n_lines(block)]) if not line.strip()}


def _n_lines(block: bytes) -> int:
    return block.count(b"\n") + (block[-1:] != b"\n")
