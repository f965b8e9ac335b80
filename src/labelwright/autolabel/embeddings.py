"""From raw features to what the learner sees; learned from the unlabeled pool, without any label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.blocks import Blocks
from labelwright.errors import InvalidRequest

__all__ = ["EMBEDDING_ARRAYS", "Embedding", "fit_embedding"]

EMBEDDING_ARRAYS = {
    "tfidf": ("columns", "weights", "n_raw"),
    "nystroem": ("mean", "components", "landmarks", "scale", "whitening"),
    "joined": (
        *("columns", "weights", "n_raw"),
        *("mean", "components", "landmarks", "scale", "whitening"),
    ),
}
"""Kinds of embeddings and the arrays that make one."""

_N_FIT = 4000  # rows that PCA looks at
_N_COMPONENTS = 100
_N_LANDMARKS = 1000


class Embedding:
    """A frozen map from raw features to embedded ones; call it with raw features (n, d_raw).

    Parameters
    ----------
    kind : str
        ``tfidf`` (CSR counts to CSR rows of unit length), ``nystroem`` (dense rows to dense rows whose
        inner products approximate a Gaussian kernel), or ``joined`` (`Blocks` of both to `Blocks`, each half
        with weight one half).
    arrays : dict of str to ndarray
        What was learned; numbers only, so that it can be stored beside a model.
    source : str
        What made the raw features, where that is not the same in every job: the key of a text encoder.
    """

    def __init__(self, kind: str, arrays: dict[str, NDArray[Any]], source: str = "") -> None:
        if kind not in EMBEDDING_ARRAYS:
            raise InvalidRequest(
                f"No embedding is called {kind!r}; there are {', '.join(EMBEDDING_ARRAYS)}.", field="kind"
            )
        self.kind = kind
        self.arrays = arrays
        self.source = source

    def __call__(self, x: Any) -> Any:
        """Embedded features (n, d), float32: CSR for counts, `Blocks` for both, dense otherwise."""
        if self.kind != "joined":
            return _tfidf(x, **self.arrays) if self.kind == "tfidf" else _nystroem(x, **self.arrays)
        if not isinstance(x, Blocks):
            raise InvalidRequest(
                "this model was made for n-grams and an encoder's vectors together; give Blocks of both.",
                field="x",
            )
        parts = [
            {name: self.arrays[name] for name in EMBEDDING_ARRAYS[kind]} for kind in ("tfidf", "nystroem")
        ]
        half = np.float32(0.5**0.5)
        return Blocks(_tfidf(x.sparse, **parts[0]) * half, _nystroem(x.dense, **parts[1]) * half)


def fit_embedding(x: Any, *, seed: int = 0, source: str = "") -> Embedding:
    """Learn the embedding from the raw features of the whole pool; no label is looked at.

    Parameters
    ----------
    x : scipy.sparse.csr_matrix, ndarray or Blocks of shape (n_pool, d_raw)
        Counts of :func:`text_features`, or rows of :func:`image_features` or anything dense, or both.
    seed : int
        Chooses the rows that PCA and the landmarks are made of.
    source : str
        See :class:`Embedding`.

    Returns
    -------
    Embedding

    Notes
    -----
    Text: ``(1 + log count) * log((1 + n) / (1 + document frequency))``, columns of one document only
    left out, words and n-grams scaled to unit length together.

    Both: the two one beside the other, so that the kernel is the mean of theirs.

    Dense: centred, projected to at most 100 principal components, then a Nyström approximation of the kernel
    ``exp(-|a - b|^2 / s^2)`` with 1,000 pool rows as landmarks, s^2 the median squared distance in the pool.

    References
    ----------
    C. Williams, M. Seeger, "Using the Nyström method to speed up kernel machines", NIPS 2000.
    """
    chance = np.random.default_rng([seed, 3])
    if isinstance(x, Blocks):
        return Embedding("joined", {**_fit_tfidf(x.sparse), **_fit_nystroem(x.dense, chance)}, source)
    if hasattr(x, "tocsr"):
        return Embedding("tfidf", _fit_tfidf(x), source)
    return Embedding("nystroem", _fit_nystroem(np.asarray(x, np.float32), chance), source)


def _fit_tfidf(x: Any) -> dict[str, NDArray[Any]]:
    frequency = np.bincount(x.indices, minlength=x.shape[1])
    columns = np.flatnonzero(frequency >= 2)
    weights = np.log((1.0 + x.shape[0]) / (1.0 + frequency[columns])) + 1.0
    return {
        "columns": columns.astype(np.int64),
        "weights": weights.astype(np.float32),
        "n_raw": np.array(x.shape[1], np.int64),
    }


def _tfidf(x: Any, columns: NDArray[np.int64], weights: NDArray[np.float32], n_raw: NDArray[np.int64]) -> Any:
    from scipy import sparse

    _check_width(x, int(n_raw))
    position = np.full(int(n_raw), -1, np.int32)
    position[columns] = np.arange(len(columns), dtype=np.int32)
    kept = position[x.indices] >= 0
    indices = position[x.indices[kept]]
    data = (1.0 + np.log(x.data[kept])) * weights[indices]
    starts = np.concatenate([[0], np.cumsum(kept)])[x.indptr].astype(np.int32)
    out = sparse.csr_matrix((data.astype(np.float32), indices, starts), shape=(x.shape[0], len(columns)))
    # Words and characters weigh the same, although there are several times as many n-grams.
    is_word = np.searchsorted(columns, int(n_raw) // 2) > indices
    for part in (is_word, ~is_word):
        squares = np.concatenate([[0.0], np.cumsum(np.where(part, out.data.astype(np.float64) ** 2, 0))])
        lengths = np.sqrt(np.maximum(2 * (squares[starts[1:]] - squares[starts[:-1]]), 1e-12))
        out.data[part] /= np.repeat(lengths, np.diff(starts))[part].astype(np.float32)
    return out


def _fit_nystroem(x: NDArray[np.float32], rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    from scipy import linalg

    some = x[rng.permutation(len(x))[:_N_FIT]]
    mean = some.mean(axis=0)
    centred = some - mean
    # Eigenvectors of the smaller of the two Gram matrices.
    n_components = min(_N_COMPONENTS, *centred.shape)
    if centred.shape[1] <= centred.shape[0]:
        _, vectors = linalg.eigh(
            centred.T @ centred, subset_by_index=(centred.shape[1] - n_components, centred.shape[1] - 1)
        )
    else:
        values, left = linalg.eigh(
            centred @ centred.T, subset_by_index=(len(centred) - n_components, len(centred) - 1)
        )
        vectors = centred.T @ (left / np.sqrt(np.maximum(values, 1e-12)))
    projected = centred @ vectors
    pairs = rng.integers(len(projected), size=(2, 4000))
    scale = float(np.median(((projected[pairs[0]] - projected[pairs[1]]) ** 2).sum(axis=1)))
    scale = scale if scale > 0 else 1.0
    landmarks = projected[rng.permutation(len(projected))[:_N_LANDMARKS]]
    gram = _gaussian(landmarks, landmarks, scale).astype(np.float64)
    gram[np.diag_indices_from(gram)] += 1e-4
    root = linalg.cholesky(gram, lower=True)
    inverse = linalg.solve_triangular(root, np.eye(len(root)), lower=True)
    return {
        "mean": mean.astype(np.float32),
        "components": np.ascontiguousarray(vectors, np.float32),
        "landmarks": landmarks.astype(np.float32),
        "scale": np.array(scale, np.float64),
        "whitening": np.ascontiguousarray(inverse.T, np.float32),
    }


def _gaussian(a: NDArray[np.float32], b: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    squared = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2 * (a @ b.T)
    return np.asarray(np.exp(np.minimum(squared / np.float32(-scale), 0)), np.float32)


def _nystroem(
    x: Any,
    mean: NDArray[np.float32],
    components: NDArray[np.float32],
    landmarks: NDArray[np.float32],
    scale: NDArray[np.float64],
    whitening: NDArray[np.float32],
) -> NDArray[np.float32]:
    _check_width(x, len(mean))
    projected = (np.asarray(x, np.float32) - mean) @ components
    return _gaussian(np.asarray(projected, np.float32), landmarks, float(scale)) @ whitening


def _check_width(x: Any, wanted: int) -> None:
    if x.ndim != 2 or x.shape[1] != wanted:
        raise InvalidRequest(
            f"features of shape {x.shape} do not fit this model, which was made for {wanted} columns; "
            "use the features it was trained with.",
            field="x",
            rule=f"shape (n, {wanted})",
        )
