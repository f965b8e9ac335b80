"""Texts as counts of hashed words, word pairs and character n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["text_features"]


def text_features(texts: Sequence[str]) -> Any:
    """Counts (n, 2**20), CSR float32."""
    raise NotImplementedError
