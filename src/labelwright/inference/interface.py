"""What a predictor is to its callers, and what it may raise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from labelwright.errors import LabelwrightError

__all__ = ["Answer", "BadInput", "BadModel", "InferenceError", "Predictor", "UnsupportedContent"]

Answer = tuple[bytes, str]
"""Body and content type."""


class InferenceError(LabelwrightError):
    """A request cannot be answered."""


class BadInput(InferenceError):
    """The body is not what its content type promises (HTTP 400)."""


class UnsupportedContent(InferenceError):
    """The content type is not read, or the accepted one not written (HTTP 415)."""


class BadModel(LabelwrightError):
    """The model folder is incomplete, damaged or of an algorithm we do not know."""


class Predictor(Protocol):
    """A loaded model. Safe to call from several threads at once.

    Attributes
    ----------
    algorithm : str
    content_types : tuple of str
        What it reads.
    """

    algorithm: str
    content_types: tuple[str, ...]

    def predict(self, body: bytes, content_type: str, accept: str | None) -> Answer:
        """Answer one request.

        Raises
        ------
        BadInput, UnsupportedContent
        """

    def predict_many(
        self, bodies: Sequence[bytes], content_type: str, accept: str | None
    ) -> list[Answer | InferenceError]:
        """Answer several requests in batches; what is wrong with one does not touch the others.

        Raises
        ------
        UnsupportedContent
            That concerns all of them.
        """
