"""Texts as counts of hashed words, pairs of neighbouring words and character n-grams.

Works on bytes of the whole chunk at once, so that thousands of texts take milliseconds. The hash has no
seed and no dependence on the platform: a stored model finds the same columns again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["N_TEXT_COLUMNS", "text_features"]

_BITS = 20
N_TEXT_COLUMNS = 1 << _BITS
"""Columns of :func:`text_features`: enough that few of some 100,000 n-grams share one."""

_CHUNK = 20_000  # texts at once; bounds the working memory to some 100 MB for short texts
_LENGTHS = (2, 3, 4, 5)  # of character n-grams, bytes
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(65 - _BITS)  # one bit less: the upper half of the columns is for character n-grams

_SPACE, _SIGN, _WORD = 0, 1, 2


def _byte_classes() -> NDArray[np.uint8]:
    classes = np.full(256, _SIGN, np.uint8)
    classes[[*range(33)]] = _SPACE
    for low, high in ((ord("0"), ord("9")), (ord("a"), ord("z")), (0x80, 0xFF)):
        classes[low : high + 1] = _WORD  # bytes from 0x80 are parts of letters beyond ASCII
    classes[[ord("'"), ord("_")]] = _WORD
    return classes


_CLASSES = _byte_classes()


def text_features(texts: Sequence[str]) -> Any:
    """Counts of hashed words, word pairs and character n-grams of 2 to 5 bytes that do not span words.

    Parameters
    ----------
    texts : sequence of str
        Letter case is ignored; punctuation marks count as words.

    Returns
    -------
    scipy.sparse.csr_matrix of shape (n_texts, N_TEXT_COLUMNS), float32
        Words and pairs in the lower half of the columns, n-grams in the upper; rows of empty texts are empty.

    Notes
    -----
    The hashing trick: K. Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009,
    arXiv:0902.2206, without signs, as collisions are rare at this width and counts stay counts.

    Examples
    --------
    >>> counts = text_features(["Same text", "same  TEXT", "some test"])
    >>> bool((counts[0] != counts[1]).nnz == 0), bool(counts[0].multiply(counts[2]).nnz)
    (True, True)
    """
    from scipy import sparse

    parts = [_chunk(texts[start : start + _CHUNK]) for start in range(0, len(texts), _CHUNK)]
    if not parts:
        return sparse.csr_matrix((0, N_TEXT_COLUMNS), dtype=np.float32)
    return sparse.vstack(parts, format="csr") if len(parts) > 1 else parts[0]


def _chunk(texts: Sequence[str]) -> Any:
    from scipy import sparse

    bare = [" ".join(text.lower().split()).encode("utf-8", "replace") for text in texts]
    encoded = [b" " + text + b" " if text else b" " for text in bare]
    data = np.frombuffer(b"".join(encoded), np.uint8)
    owner = np.repeat(np.arange(len(texts), dtype=np.uint64), [len(piece) for piece in encoded])
    kinds = _CLASSES[data]
    keys = [*_words(data, kinds, owner), *_ngrams(data, kinds, owner)]
    cells, counts = np.unique(np.concatenate(keys), return_counts=True)
    rows, columns = cells >> np.uint64(_BITS), cells & np.uint64(N_TEXT_COLUMNS - 1)
    starts = np.searchsorted(rows, np.arange(len(texts) + 1, dtype=np.uint64))
    return sparse.csr_matrix(
        (counts.astype(np.float32), columns.astype(np.int32), starts.astype(np.int32)),
        shape=(len(texts), N_TEXT_COLUMNS),
    )


def _keys(
    hashes: NDArray[np.uint64], owner: NDArray[np.uint64], salt: int, half: int = 0
) -> NDArray[np.uint64]:
    """Text and column in one number, sortable; `half` 0 is words, 1 characters."""
    mixed = (hashes ^ np.uint64(salt)) * _MIX
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _MIX
    return (owner << np.uint64(_BITS)) | np.uint64(half << (_BITS - 1)) | (mixed >> _SHIFT)


def _words(
    data: NDArray[np.uint8], kinds: NDArray[np.uint8], owner: NDArray[np.uint64]
) -> list[NDArray[np.uint64]]:
    before = np.concatenate([[_SPACE], kinds[:-1]])
    starts = np.flatnonzero((kinds == _SIGN) | ((kinds == _WORD) & (before != _WORD)))
    if len(starts) == 0:
        return []
    # Horner's scheme over the bytes of each word: sum of byte * prime**(place in the word); spaces weigh 0.
    first = np.zeros(len(data), np.int64)
    first[starts] = starts
    place = np.arange(len(data)) - np.maximum.accumulate(first)
    powers = np.cumprod(np.full(int(place.max()) + 1, _PRIME))
    weighted = np.where(
        kinds == _SPACE, np.uint64(0), (data.astype(np.uint64) + np.uint64(1)) * powers[place]
    )
    hashes = np.add.reduceat(weighted, starts)
    owners = owner[starts]
    pairs = hashes[:-1] * _MIX + hashes[1:]
    together = owners[:-1] == owners[1:]
    return [_keys(hashes, owners, 1), _keys(pairs[together], owners[:-1][together], 2)]


def _ngrams(
    data: NDArray[np.uint8], kinds: NDArray[np.uint8], owner: NDArray[np.uint64]
) -> list[NDArray[np.uint64]]:
    keys = []
    spaces = np.concatenate([[0], np.cumsum(kinds == _SPACE)])  # spaces before each byte
    hashes = data.astype(np.uint64)
    for n in range(2, max(_LENGTHS) + 1):
        if len(data) < n:
            break
        hashes = hashes[:-1] * _PRIME + data[n - 1 :]
        last = np.arange(len(hashes)) + n - 1
        inner = spaces[last] - spaces[1 : len(hashes) + 1]  # spaces strictly inside the window
        whole = (inner == 0) & (owner[: len(hashes)] == owner[last])
        if n in _LENGTHS:
            keys.append(_keys(hashes[whole], owner[: len(hashes)][whole], 16 + n, 1))
    return keys
