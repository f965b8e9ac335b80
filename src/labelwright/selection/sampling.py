"""Random samples of lines: exact size, without replacement, in the original order, in constant memory."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from labelwright.selection.blocks import blocks, gather, line_lengths
from labelwright.selection.problems import QueryError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

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
        lengths = line_lengths(block)
        n_lines += len(lengths) - int(_is_blank(block, lengths).sum())
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

    draws = _Draws(seed)
    n_rest, n_wanted = n_lines, size
    for block in blocks(chunks):
        lengths = line_lengths(block)
        full = ~_is_blank(block, lengths)
        numbers = np.flatnonzero(full)
        taken = np.zeros(len(lengths), np.bool_)
        picked = draws.pick(len(numbers), n_rest=n_rest, n_wanted=n_wanted)
        taken[numbers[picked]] = True
        n_wanted -= len(picked)
        n_rest -= len(numbers)
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


class _Draws:
    """Algorithm S over batches of lines, with the numbers that Python's own generator gives for a seed."""

    def __init__(self, seed: int) -> None:
        import numpy as np

        # Both are the Mersenne Twister and make the same doubles of it; numpy's makes many at once.
        _, state, _ = random.Random(seed).getstate()  # noqa: S311 - a repeatable sample, no secret
        self._draw = np.random.RandomState(0)
        self._draw.set_state(("MT19937", np.array(state[:-1], np.uint32), state[-1], 0, 0.0))

    def pick(self, n: int, *, n_rest: int, n_wanted: int) -> list[int]:
        """Which of the next ``n`` lines are taken, where ``n_wanted`` of ``n_rest`` are to be taken."""
        import numpy as np

        # A line is taken when (lines left) u < (lines wanted). The right side only falls, so one that fails
        # with its value at the start is out.
        levels = np.arange(n_rest, n_rest - n, -1) * self._draw.random_sample(n)
        maybe = np.flatnonzero(levels < n_wanted)
        picked: list[int] = []
        for i, level in zip(maybe.tolist(), levels[maybe].tolist(), strict=True):
            if level < n_wanted:
                picked.append(i)
                n_wanted -= 1
        return picked


def _is_blank(block: bytes, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which lines of a block hold nothing but white space."""
    import numpy as np

    ends = np.cumsum(lengths)
    first = np.frombuffer(block, np.uint8)[ends - lengths]
    blank = np.zeros(len(lengths), np.bool_)
    # Lines seldom begin with white space; those that do are looked at whole.
    for i in np.flatnonzero(first <= 32).tolist():
        blank[i] = block[ends[i] - lengths[i] : ends[i]].isspace()
    return blank
