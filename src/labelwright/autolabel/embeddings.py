"""From raw features to what the learner sees; learned from the unlabeled pool, without any label."""

from __future__ import annotations

from typing import Any

__all__ = ["Embedding", "fit_embedding"]


class Embedding:
    """A frozen map from raw features to embedded ones; call it with raw features (n, d_raw)."""

    def __call__(self, x: Any) -> Any:
        """Embedded features (n, d), float32: CSR for text, dense otherwise."""
        raise NotImplementedError


def fit_embedding(x: Any, *, seed: int = 0) -> Embedding:
    """Learn the embedding from the whole pool's raw features: TF-IDF for CSR counts, PCA and random Fourier features else."""
    raise NotImplementedError
