"""What each line is to the model: rows of the embedding matrix, and its labels. Made once, read every epoch.

The matrix in memory has rows only for words and for those buckets that the training text hits, which with two
million buckets and a text of ordinary size is a small part of it, so that it fits nearer to the processor.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labelwright.inference.ngrams import line_features
from labelwright.train.text_classification.corpus import LINE_END, EncodedText
from labelwright.train.text_classification.vocabulary import Vocabulary

__all__ = ["BucketRows", "Lines", "make_lines"]

_BLOCK_TOKENS = 1 << 20
_BLOCK_FEATURES = 1 << 22

Ints = npt.NDArray[np.int64]


class BucketRows:
    """Which row each bucket has, given out in the order in which training hits them.

    Parameters
    ----------
    n_words, n_buckets : int
    """

    def __init__(self, n_words: int, n_buckets: int) -> None:
        self.n_words = n_words
        self.n_buckets = n_buckets
        self._row_of = np.full(n_words + n_buckets, -1, np.int32)
        self._row_of[:n_words] = np.arange(n_words)
        self._is_hit = np.zeros(n_words + n_buckets, bool)
        self.bucket_of_row: Ints = np.empty(0, np.int64)

    def hit(self, features: Ints) -> None:
        """Note the features of training text."""
        self._is_hit[features] = True

    def settle(self) -> None:
        """Give every bucket that was hit a row."""
        self.bucket_of_row = np.flatnonzero(self._is_hit[self.n_words :])
        self._row_of[self.n_words + self.bucket_of_row] = self.n_words + np.arange(len(self.bucket_of_row))
        self._row_of[self._row_of < 0] = self.n_rows

    @property
    def n_rows(self) -> int:
        """Rows of words and of buckets that were hit; the row behind them stands for all others: zeros."""
        return self.n_words + len(self.bucket_of_row)

    def rows_of(self, features: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
        """Rows in memory."""
        rows: npt.NDArray[np.int32] = self._row_of[features]
        return rows


@dataclasses.dataclass(frozen=True, slots=True)
class Lines:
    """The usable lines of a channel: those with a known label.

    Attributes
    ----------
    rows : ndarray of shape (n_rows,), int32
        Rows of the embedding matrix, line after line; mapped from a scratch file.
    starts : ndarray of shape (n_lines + 1,), int64
    labels : ndarray of shape (n_labels,), int32
        Line after line.
    label_starts : ndarray of shape (n_lines + 1,), int64
    """

    rows: npt.NDArray[np.int32]
    starts: Ints
    labels: npt.NDArray[np.int32]
    label_starts: Ints

    def __len__(self) -> int:
        return len(self.starts) - 1


def make_lines(
    text: EncodedText,
    vocabulary: Vocabulary,
    buckets: BucketRows,
    *,
    word_ngrams: int,
    scratch: Path,
    is_training: bool,
) -> Lines:
    """Turn encoded text into features.

    Parameters
    ----------
    text : EncodedText
    vocabulary : Vocabulary
    buckets : BucketRows
        Settled by the training text, used by others.
    word_ngrams : int
    scratch : Path
        File to write.
    is_training : bool
    """
    lengths: list[Ints] = []
    labels: list[npt.NDArray[np.int32]] = []
    label_counts: list[Ints] = []
    with scratch.open("wb") as file:
        for tokens in _blocks_of_lines(text.tokens):
            features, n_features, own, n_own = _block(tokens, vocabulary, buckets, word_ngrams)
            if is_training:
                buckets.hit(features)
            file.write(features.astype(np.int32).tobytes())
            lengths.append(n_features)
            labels.append(own)
            label_counts.append(n_own)
    if is_training:
        buckets.settle()
    return Lines(
        _in_rows(scratch, buckets),
        _starts(lengths),
        np.concatenate([np.empty(0, np.int32), *labels]),
        _starts(label_counts),
    )


def _blocks_of_lines(tokens: npt.NDArray[np.int32]) -> Iterator[npt.NDArray[np.int32]]:
    first = 0
    while first < len(tokens):
        end = min(first + _BLOCK_TOKENS, len(tokens))
        while end < len(tokens) and tokens[end - 1] != LINE_END:
            further = np.flatnonzero(tokens[end : end + _BLOCK_TOKENS] == LINE_END)
            end = end + int(further[0]) + 1 if len(further) else min(end + _BLOCK_TOKENS, len(tokens))
        yield tokens[first:end]
        first = end


def _block(
    tokens: npt.NDArray[np.int32], vocabulary: Vocabulary, buckets: BucketRows, word_ngrams: int
) -> tuple[Ints, Ints, npt.NDArray[np.int32], Ints]:
    """Features and labels of the lines that have at least one of each."""
    is_end = tokens == LINE_END
    i_line = np.cumsum(is_end) - is_end
    n_lines = int(is_end.sum())
    labels = vocabulary.label_of[tokens]  # -1 for all that is no known label
    has_label = np.bincount(i_line[labels >= 0], minlength=n_lines) > 0
    is_text = ~vocabulary.is_label[tokens] & has_label[i_line]
    text = tokens[is_text]
    lengths = np.bincount(i_line[is_text], minlength=n_lines)
    features, starts = line_features(
        vocabulary.word_of[text].astype(np.int64),
        vocabulary.hashes[text],
        np.concatenate([[0], np.cumsum(lengths)]),
        n_words=buckets.n_words,
        n_buckets=buckets.n_buckets,
        ngram_length=word_ngrams,
    )
    n_features = np.diff(starts)
    is_usable = n_features > 0
    is_label = (labels >= 0) & is_usable[i_line]
    n_labels = np.bincount(i_line[is_label], minlength=n_lines)
    return features, n_features[is_usable], labels[is_label], n_labels[is_usable]


def _in_rows(scratch: Path, buckets: BucketRows) -> npt.NDArray[np.int32]:
    """Replace features in the scratch file by the rows they have in memory."""
    if not scratch.stat().st_size:
        return np.empty(0, np.int32)
    features = np.memmap(scratch, np.int32, "r+")
    for first in range(0, len(features), _BLOCK_FEATURES):
        part = features[first : first + _BLOCK_FEATURES]
        part[:] = buckets.rows_of(part)
    return features


def _starts(lengths: list[Ints]) -> Ints:
    return np.concatenate([[0], np.cumsum(np.concatenate([np.empty(0, np.int64), *lengths]))])
