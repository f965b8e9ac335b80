"""From tokens to rows of the embedding matrix, as fastText counts them: words, then hashed word n-grams.

The hashes have to agree bit by bit with fastText's, or a model file would mean something else to it.

References
----------
Joulin, Grave, Bojanowski, Mikolov: Bag of Tricks for Efficient Text Classification, EACL 2017,
https://aclanthology.org/E17-2068
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["END_OF_LINE", "LABEL_PREFIX", "line_features", "token_hashes", "tokens_of"]

LABEL_PREFIX = b"__label__"
END_OF_LINE = b"</s>"
"""The word that stands for the end of each line; written in a text itself it is left out."""

_OFFSET, _PRIME = 2166136261, 16777619
_FNV_OFFSET = np.uint32(_OFFSET)
_FNV_PRIME = np.uint32(_PRIME)
_FEW_TOKENS = 24  # for so few, arrays cost more than they save
_NGRAM_FACTOR = np.uint64(116049371)


def tokens_of(text: bytes) -> list[bytes]:
    """Words of one text, split at ASCII white space and NUL.

    Examples
    --------
    >>> tokens_of(b"a  b\\tc\\n")
    [b'a', b'b', b'c']
    """
    return text.replace(b"\0", b" ").split()


def token_hashes(tokens: Sequence[bytes]) -> npt.NDArray[np.uint64]:
    """FNV-1a of each token with fastText's two oddities: bytes and the result count as signed.

    Parameters
    ----------
    tokens : sequence of bytes

    Returns
    -------
    ndarray of shape (n_tokens,), uint64
        The 32 bits of the hash, its sign extended to 64.

    Examples
    --------
    >>> [hex(value) for value in token_hashes([b"a", "é".encode()]).tolist()]
    ['0xffffffffe40c292c', '0x3cfa68c1']
    >>> bool((token_hashes([b"a"] * 99) == token_hashes([b"a"])).all())
    True
    """
    n = len(tokens)
    if n <= _FEW_TOKENS:
        return np.fromiter(map(_one_hash, tokens), np.uint64, n)
    lengths = np.fromiter(map(len, tokens), np.int64, n)
    starts = np.cumsum(lengths) - lengths
    letters = np.frombuffer(b"".join(tokens), np.int8).astype(np.int32).view(np.uint32)
    found = np.full(n, _FNV_OFFSET, np.uint32)
    by_length = np.argsort(-lengths, kind="stable")
    # Longest first, so that the tokens which have an i-th byte are always a prefix.
    n_left = n - np.searchsorted(lengths[by_length][::-1], np.arange(int(lengths.max(initial=0))), "right")
    for i_byte, n_alive in enumerate(n_left.tolist()):
        alive = by_length[:n_alive]
        found[alive] = (found[alive] ^ letters[starts[alive] + i_byte]) * _FNV_PRIME
    return found.view(np.int32).astype(np.int64).view(np.uint64)


def _one_hash(token: bytes) -> int:
    found = _OFFSET
    for letter in token:
        found = ((found ^ (letter | 0xFFFFFF00 if letter > 127 else letter)) * _PRIME) & 0xFFFFFFFF
    return found | 0xFFFFFFFF00000000 if found > 0x7FFFFFFF else found


def line_features(
    words: npt.NDArray[np.int64],
    hashes: npt.NDArray[np.uint64],
    line_starts: npt.NDArray[np.int64],
    *,
    n_words: int,
    n_buckets: int,
    ngram_length: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of the embedding matrix that each line averages.

    Parameters
    ----------
    words : ndarray of shape (n_tokens,), int64
        Index of each token in the vocabulary, -1 where it is not in it.
    hashes : ndarray of shape (n_tokens,), uint64
        See `token_hashes`; tokens outside the vocabulary take part in n-grams.
    line_starts : ndarray of shape (n_lines + 1,), int64
        Lines are ``tokens[line_starts[i]:line_starts[i + 1]]``.
    n_words, n_buckets : int
        The bucket ``b`` is row ``n_words + b``. 0 buckets: no n-grams.
    ngram_length : int
        Longest n-gram, in words.

    Returns
    -------
    features : ndarray of shape (n_features,), int64
        Line after line; within one first the words, then the n-grams by length.
    starts : ndarray of shape (n_lines + 1,), int64
    """
    lengths = np.diff(line_starts)
    known = words >= 0
    n_known_before = np.concatenate([[0], np.cumsum(known)])
    n_known = n_known_before[line_starts[1:]] - n_known_before[line_starts[:-1]]
    longest = ngram_length if n_buckets else 1
    n_grams = [np.maximum(lengths - (order - 1), 0) for order in range(2, longest + 1)]
    starts = np.concatenate([[0], np.cumsum(n_known + sum(n_grams, np.int64(0)))])
    features = np.empty(int(starts[-1]), np.int64)
    # A known word's place: where its line begins, plus how many known ones precede it there.
    ahead = np.repeat(starts[:-1] - n_known_before[line_starts[:-1]], lengths)
    features[(ahead + n_known_before[:-1])[known]] = words[known]
    filled = n_known
    rolling = hashes
    i_line = np.repeat(np.arange(len(lengths)), lengths)
    for order, count in enumerate(n_grams, start=2):
        with np.errstate(over="ignore"):  # 64 bits that wrap around are part of the hash
            rolling = rolling[:-1] * _NGRAM_FACTOR + hashes[order - 1 :]
        first = np.flatnonzero(i_line[: len(rolling)] == i_line[order - 1 :])
        line = i_line[first]
        place = (starts[:-1] + filled - line_starts[:-1])[line] + first
        features[place] = n_words + (rolling[first] % np.uint64(n_buckets)).astype(np.int64)
        filled = filled + count
    return features, starts
