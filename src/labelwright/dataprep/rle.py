"""Run lengths of masks, as COCO and CVAT write them.

COCO counts down the columns, starting with a run of zeros; its compressed form writes each count (from the
fourth on: its difference to the count two before) in groups of five bits, lowest first, as characters from
``0`` (48) on, with 32 added while more follow and the sign in the last group's fifth bit. CVAT counts along
the rows of the region's own box.

References
----------
T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", 2014, and the data format
page of cocodataset.org.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelwright.errors import InvalidRequest

__all__ = ["compress", "decompress", "from_runs", "to_runs"]

_N_COUNTS_MAX = 1 << 26


def to_runs(flat: npt.NDArray[np.bool_]) -> list[int]:
    """Lengths of alternating runs, the first of zeros (maybe of length 0).

    Examples
    --------
    >>> to_runs(np.array([True, True, False]))
    [0, 2, 1]
    """
    if not len(flat):
        return []
    changes = np.flatnonzero(np.diff(flat)) + 1
    edges = np.concatenate([[0], changes, [len(flat)]])
    runs: list[int] = np.diff(edges).tolist()
    return [0, *runs] if flat[0] else runs


def from_runs(runs: Sequence[int], size: int) -> npt.NDArray[np.bool_]:
    """The flat mask of these runs.

    Raises
    ------
    InvalidRequest
        The runs are negative or do not add up to ``size``.
    """
    counts = np.asarray(runs, dtype=np.int64).reshape(-1)
    if (counts < 0).any() or counts.sum() != size:
        raise InvalidRequest(
            f"The run lengths of a mask add up to {int(counts.sum())}, not to its {size} pixels. Is the size "
            "of the image right?",
            field="counts",
        )
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts)


def compress(runs: Sequence[int]) -> str:
    """COCO's compressed counts.

    Examples
    --------
    >>> compress([6, 1, 40, 4, 5, 4, 5, 4, 21])
    '61X13mN000`0'
    """
    text = bytearray()
    for i, run in enumerate(runs):
        value = run - runs[i - 2] if i > 2 else run
        while True:
            group = value & 0x1F
            value >>= 5
            is_last = value == (-1 if group & 0x10 else 0)
            text.append(48 + (group if is_last else group | 0x20))
            if is_last:
                break
    return text.decode("ascii")


def decompress(text: str) -> list[int]:
    """The counts of COCO's compressed form.

    Raises
    ------
    InvalidRequest
        The text is not of that form.

    Examples
    --------
    >>> decompress('61X13mN000`0')
    [6, 1, 40, 4, 5, 4, 5, 4, 21]
    """
    runs: list[int] = []
    value, shift = 0, 0
    for code in text.encode("ascii", "replace"):
        group = code - 48
        if not (0 <= group < 64 and text.isascii()) or shift > 60 or len(runs) > _N_COUNTS_MAX:
            raise InvalidRequest(
                f"The compressed counts {text[:40]!r} are not of COCO's form.", field="counts"
            )
        value |= (group & 0x1F) << shift
        shift += 5
        if group & 0x20:
            continue
        if group & 0x10:
            value -= 1 << shift
        if len(runs) > 2:
            value += runs[-2]
        runs.append(value)
        value, shift = 0, 0
    if shift:
        raise InvalidRequest(f"The compressed counts {text[:40]!r} are cut off.", field="counts")
    return runs
