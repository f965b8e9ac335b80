"""fastText's binary model file, version 12: read and written on numpy alone.

The embedding matrix of a model with two million buckets has hundreds of megabytes, of which one text touches
a few dozen rows; so it is mapped, never loaded. Rows that were never trained are zeros, and holes in the file
where the file system knows holes.

Layout, little endian: magic, version; twelve int32 and one float64 of settings; the dictionary (three int32,
two int64, then per entry the text, NUL, int64 count, int8 kind); per matrix a bool (quantised), two int64
(rows, columns) and float32 values by row. First the input matrix (words, then buckets), then the output
matrix (labels).
"""

from __future__ import annotations

import dataclasses
import mmap
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labelwright.inference.interface import BadModel

__all__ = ["FastTextModel", "FastTextSettings", "read_model", "write_model"]

_MAGIC = 793712314
_VERSION = 12
_SETTINGS = struct.Struct("<12id")
_DICTIONARY = struct.Struct("<3i2q")
_ENTRY = struct.Struct("<qb")
_SHAPE = struct.Struct("<2q")
_SUPERVISED = 3
_SOFTMAX = 3

Rows = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class FastTextSettings:
    """The settings a model file carries; names in brackets are fastText's.

    Attributes
    ----------
    dimension : int
        Length of a vector (dim).
    epochs : int
    min_count : int
    word_ngrams : int
    n_buckets : int
        0 when there are no n-grams (bucket).
    window, negatives : int
        Of word vectors (ws, neg).
    shortest_subword, longest_subword : int
        In letters; 0 for none (minn, maxn).
    loss : int
        1 hierarchical softmax, 2 negative sampling, 3 softmax, 4 one against all.
    kind : int
        1 cbow, 2 skipgram, 3 supervised (model).
    """

    dimension: int
    epochs: int = 5
    min_count: int = 1
    word_ngrams: int = 1
    n_buckets: int = 0
    window: int = 5
    negatives: int = 5
    shortest_subword: int = 0
    longest_subword: int = 0
    loss: int = _SOFTMAX
    kind: int = _SUPERVISED

    @property
    def is_softmax_classifier(self) -> bool:
        """A text classifier with plain softmax and whole words."""
        return self.kind == _SUPERVISED and self.loss == _SOFTMAX and self.longest_subword == 0


@dataclasses.dataclass(frozen=True, slots=True)
class FastTextModel:
    """An opened model file.

    Attributes
    ----------
    settings : FastTextSettings
    words, labels : list of bytes
        By index; labels with their prefix.
    output : ndarray of shape (n_labels, dimension), float32
    """

    settings: FastTextSettings
    words: list[bytes]
    labels: list[bytes]
    output: Rows
    _input: npt.NDArray[np.uint8]

    @property
    def n_rows(self) -> int:
        """Rows of the embedding matrix."""
        return len(self._input)

    def rows(self, indices: npt.NDArray[np.int64]) -> Rows:
        """Copies of rows of the embedding matrix, of shape (n, dimension)."""
        # Gathered as bytes: the matrix stands wherever the dictionary ends, which suits no float.
        return self._input[indices].view(np.float32)


def read_model(path: Path) -> FastTextModel:
    """Open a model file; the embedding matrix stays on disk.

    Raises
    ------
    BadModel
        It is none, cut off, of another version, or quantised.
    """
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise BadModel(f"{path.name} cannot be read: {error}.") from error
    try:
        return _parsed(content, path.name)
    except (struct.error, IndexError, ValueError) as error:
        raise BadModel(f"{path.name} is damaged or cut off: {error}.") from error


def write_model(
    path: Path,
    settings: FastTextSettings,
    *,
    words: Sequence[tuple[bytes, int]],
    labels: Sequence[tuple[bytes, int]],
    n_tokens: int,
    input_rows: Rows,
    bucket_of_row: npt.NDArray[np.int64],
    output_rows: Rows,
) -> None:
    """Write a model file; put in place whole.

    Parameters
    ----------
    path : Path
    settings : FastTextSettings
    words, labels : sequence of (bytes, int)
        Text and count, the most frequent first.
    n_tokens : int
        Tokens that were read for it.
    input_rows : ndarray of shape (n_words + n_trained_buckets, dimension), float32
    bucket_of_row : ndarray of shape (n_trained_buckets,), int64
        Which bucket each row behind the words belongs to; all others are zeros.
    output_rows : ndarray of shape (n_labels, dimension), float32
    """
    n_rows = len(words) + settings.n_buckets
    row_bytes = 4 * settings.dimension
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb+") as file:
        file.write(_head(settings, words, labels, n_tokens))
        file.write(b"\0" + _SHAPE.pack(n_rows, settings.dimension))
        start = file.tell()
        file.truncate(start + n_rows * row_bytes)
        _fill(file.fileno(), start, np.ascontiguousarray(input_rows, "<f4"), len(words), bucket_of_row)
        file.seek(0, 2)
        file.write(b"\0" + _SHAPE.pack(len(labels), settings.dimension))
        file.write(np.ascontiguousarray(output_rows, "<f4").tobytes())
    temporary.replace(path)


def _head(
    settings: FastTextSettings,
    words: Sequence[tuple[bytes, int]],
    labels: Sequence[tuple[bytes, int]],
    n_tokens: int,
) -> bytes:
    values = (
        settings.dimension,
        settings.window,
        settings.epochs,
        settings.min_count,
        settings.negatives,
        settings.word_ngrams,
        settings.loss,
        settings.kind,
        settings.n_buckets,
        settings.shortest_subword,
        settings.longest_subword,
        100,  # how often a thread of fastText looks at its rate, in tokens
    )
    parts = [
        struct.pack("<2i", _MAGIC, _VERSION),
        _SETTINGS.pack(*values, 1e-4),
        # -1: nothing was pruned
        _DICTIONARY.pack(len(words) + len(labels), len(words), len(labels), n_tokens, -1),
    ]
    for kind, entries in enumerate((words, labels)):
        parts += [text + b"\0" + _ENTRY.pack(count, kind) for text, count in entries]
    return b"".join(parts)


def _fill(
    descriptor: int, start: int, rows: Rows, n_words: int, bucket_of_row: npt.NDArray[np.int64]
) -> None:
    """Put rows into a matrix of zeros, touching no other page of it."""
    if not len(rows):
        return
    with mmap.mmap(descriptor, 0) as target:
        matrix = np.frombuffer(target, np.uint8, offset=start)
        try:
            table = matrix.reshape(-1, rows.itemsize * rows.shape[1])
            given = rows.view(np.uint8)
            table[:n_words] = given[:n_words]
            table[n_words + bucket_of_row] = given[n_words:]
        finally:
            del matrix, table  # the map cannot be closed while arrays look into it
        target.flush()


def _parsed(content: mmap.mmap, name: str) -> FastTextModel:
    magic, version = struct.unpack_from("<2i", content, 0)
    if magic != _MAGIC or version != _VERSION:
        raise BadModel(
            f"{name} is no fastText model of version {_VERSION}: it begins with {magic}, {version}."
        )
    dim, window, epochs, min_count, negatives, ngrams, loss, kind, buckets, minn, maxn, _, _ = (
        _SETTINGS.unpack_from(content, 8)
    )
    settings = FastTextSettings(
        dim, epochs, min_count, ngrams, buckets, window, negatives, minn, maxn, loss, kind
    )
    place = 8 + _SETTINGS.size
    n_entries, n_words, n_labels, _, n_pruned = _DICTIONARY.unpack_from(content, place)
    place += _DICTIONARY.size
    texts: list[bytes] = []
    for _ in range(n_entries):
        end = content.find(b"\0", place)
        if end < 0:
            raise ValueError("the dictionary has no end")
        texts.append(content[place:end])
        place = end + 1 + _ENTRY.size
    if n_pruned > 0 or content[place]:
        raise BadModel(f"{name} is a quantised fastText model; give the model it was made from.")
    input_bytes, place = _matrix(content, place, dim)
    if content[place]:
        raise BadModel(f"{name} is a quantised fastText model; give the model it was made from.")
    output_bytes, _ = _matrix(content, place, dim)
    if len(input_bytes) < n_words or n_words + n_labels != n_entries:
        raise ValueError("dictionary and matrix do not agree")
    return FastTextModel(
        settings, texts[:n_words], texts[n_words:], output_bytes.copy().view(np.float32), input_bytes
    )


def _matrix(content: mmap.mmap, place: int, dimension: int) -> tuple[npt.NDArray[np.uint8], int]:
    """Rows as bytes, and the place behind them."""
    n_rows, n_columns = _SHAPE.unpack_from(content, place + 1)
    if n_columns != dimension or n_rows < 0:
        raise ValueError(f"a matrix of {n_rows} x {n_columns} does not fit vectors of {dimension}")
    start = place + 1 + _SHAPE.size
    n_bytes = 4 * n_rows * n_columns
    flat = np.frombuffer(content, np.uint8, count=n_bytes, offset=start)
    return flat.reshape(n_rows, 4 * dimension), start + n_bytes
