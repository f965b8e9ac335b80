"""Which tokens are words and which are labels, in fastText's order: by falling count."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from labelwright.inference.ngrams import END_OF_LINE, LABEL_PREFIX, token_hashes
from labelwright.train.text_classification.corpus import LINE_END, EncodedText, Lexicon
from labelwright.train.toolkit.problems import CustomerError

__all__ = ["Vocabulary", "build_vocabulary"]

_BLOCK_TOKENS = 1 << 22


@dataclasses.dataclass(frozen=True, slots=True)
class Vocabulary:
    """The dictionary of a model, and how it looks from the numbers of a `Lexicon`.

    Attributes
    ----------
    words, labels : list of (bytes, int)
        Text and count, the most frequent first.
    word_of, label_of : ndarray of shape (n_numbers,), int32
        Index of each number among words and labels; -1 where it is none.
    is_label : ndarray of shape (n_numbers,), bool
        Also of labels that training never saw.
    hashes : ndarray of shape (n_numbers,), uint64
        See `token_hashes`.
    n_tokens : int
        Of the training text.
    """

    words: list[tuple[bytes, int]]
    labels: list[tuple[bytes, int]]
    word_of: npt.NDArray[np.int32]
    label_of: npt.NDArray[np.int32]
    is_label: npt.NDArray[np.bool_]
    hashes: npt.NDArray[np.uint64]
    n_tokens: int


def build_vocabulary(lexicon: Lexicon, train: EncodedText, min_count: int) -> Vocabulary:
    """Count the training text.

    Parameters
    ----------
    lexicon : Lexicon
        Of all channels.
    train : EncodedText
    min_count : int
        Rarer words are left out; labels never are.

    Raises
    ------
    CustomerError
        There is no label, or no word is frequent enough.
    """
    counts = np.zeros(len(lexicon), np.int64)
    for first in range(0, len(train.tokens), _BLOCK_TOKENS):
        part = np.bincount(train.tokens[first : first + _BLOCK_TOKENS])
        counts[: len(part)] += part
    texts = list(lexicon)
    texts[LINE_END] = END_OF_LINE
    is_label = np.fromiter((text.startswith(LABEL_PREFIX) for text in texts), bool, len(texts))
    words, word_of = _ranked(texts, counts, ~is_label & (counts >= max(min_count, 1)))
    labels, label_of = _ranked(texts, counts, is_label & (counts > 0))
    if not labels:
        raise CustomerError(
            "Channel 'train' holds no label: each line needs a token that begins with __label__, such as "
            "'__label__4 linux ready for prime time'."
        )
    if not words:
        raise CustomerError(
            f"No word of channel 'train' occurs as often as min_count asks for ({min_count} times); give "
            "more text or a lower min_count."
        )
    return Vocabulary(words, labels, word_of, label_of, is_label, token_hashes(texts), int(counts.sum()))


def _ranked(
    texts: list[bytes], counts: npt.NDArray[np.int64], is_in: npt.NDArray[np.bool_]
) -> tuple[list[tuple[bytes, int]], npt.NDArray[np.int32]]:
    numbers = np.flatnonzero(is_in)
    numbers = numbers[np.argsort(-counts[numbers], kind="stable")]
    index_of = np.full(len(texts), -1, np.int32)
    index_of[numbers] = np.arange(len(numbers))
    return [(texts[number], int(counts[number])) for number in numbers.tolist()], index_of
