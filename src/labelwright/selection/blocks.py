"""Bytes in, blocks of whole lines out, and lines out of blocks."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from labelwright.selection.problems import QueryError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["LINE_BYTES_MAX", "are_of", "blocks", "gather", "line_lengths"]

LINE_BYTES_MAX = 64 * 1024 * 1024


def blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Join chunks that are cut anywhere into blocks that end where a line ends.

    The last block may lack the line feed. A UTF-8 byte order mark at the start of the file is left out.

    Raises
    ------
    QueryError
        ``OverMaxRecordSize`` for a line above `LINE_BYTES_MAX`.

    Examples
    --------
    >>> list(blocks([b"a\\nb", b"c\\n", b"d"]))
    [b'a\\n', b'bc\\n', b'd']
    """
    parts: list[bytes] = []
    n_pending = 0
    is_first = True
    for chunk in chunks:
        if is_first and chunk:
            if len(chunk) < 3:
                parts.append(chunk)
                chunk = b"".join(parts)
                parts.clear()
                if len(chunk) < 3 and codecs.BOM_UTF8.startswith(chunk):
                    parts.append(chunk)
                    continue
            chunk = chunk.removeprefix(codecs.BOM_UTF8)
            is_first = False
        cut = chunk.rfind(b"\n") + 1
        if cut == 0:
            parts.append(chunk)
            n_pending += len(chunk)
            if n_pending > LINE_BYTES_MAX:
                raise QueryError(
                    f"A line is longer than {LINE_BYTES_MAX >> 20} MiB. Is the file JSON Lines, one object "
                    "per line ended by a line feed? Convert it first.",
                    code="OverMaxRecordSize",
                )
            continue
        yield b"".join((*parts, memoryview(chunk)[:cut])) if parts or cut < len(chunk) else chunk
        rest = chunk[cut:]
        parts = [rest] if rest else []
        n_pending = len(rest)
    rest = b"".join(parts)
    if rest:
        yield rest


def line_lengths(block: bytes) -> npt.NDArray[np.int64]:
    """Length of each line of a block with its line feed, if it has one."""
    import numpy as np

    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == 10) + 1
    if block[-1:] != b"\n":
        ends = np.append(ends, len(block))
    return np.diff(ends, prepend=0)


def gather(block: bytes, lengths: npt.NDArray[np.int64], is_taken: npt.NDArray[np.bool_]) -> bytes:
    """The bytes of the taken lines, in their order."""
    import numpy as np

    if is_taken.all():
        return block
    # Lines that follow one another are copied as one.
    edges = np.flatnonzero(np.diff(is_taken, prepend=False, append=False))
    ends = np.concatenate(([0], np.cumsum(lengths)))
    begins = ends[edges[0::2]].tolist()
    return b"".join([block[a:b] for a, b in zip(begins, ends[edges[1::2]].tolist(), strict=True)])


def are_of(flags: npt.NDArray[np.int64], block: bytes, lengths: npt.NDArray[np.int64]) -> bool:
    """Whether flags, each with the length that DuckDB saw, are those of the lines of a block."""
    import numpy as np

    if len(flags) != len(lengths):
        return False
    sizes = lengths.copy()
    if block[-1:] == b"\n":
        sizes -= 1
    else:
        sizes[:-1] -= 1
    is_other = flags >> 2 != sizes
    if b"\r" in block and is_other.any():  # DuckDB takes the \r of \r\n off
        returns = np.frombuffer(block, np.uint8)[np.cumsum(lengths) - 2] == 13
        is_other &= (flags >> 2 != sizes - 1) | ~returns
    return not is_other.any()
