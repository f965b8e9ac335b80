"""What a predictor is to its callers, and what it may raise."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Protocol

from labelwright.errors import LabelwrightError

__all__ = [
    "Answer",
    "BadInput",
    "BadModel",
    "BatchPredictor",
    "InferenceError",
    "Predictor",
    "UnsupportedContent",
]

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


class BatchPredictor(abc.ABC):
    """What predictors share that answer one request as a batch of one."""

    content_types: tuple[str, ...]

    def predict(self, body: bytes, content_type: str, accept: str | None) -> Answer:
        """See `Predictor.predict`."""
        answer = self.predict_many([body], content_type, accept)[0]
        if isinstance(answer, InferenceError):
            raise answer
        return answer

    @abc.abstractmethod
    def predict_many(
        self, bodies: Sequence[bytes], content_type: str, accept: str | None
    ) -> list[Answer | InferenceError]:
        """See `Predictor.predict_many`."""

    def _read_as(self, content_type: str) -> str:
        """The content type without its parameters, in lower case; UnsupportedContent when it is not read."""
        given = content_type.partition(";")[0].strip().lower()
        if given not in self.content_types:
            raise UnsupportedContent(
                f"Content-Type {content_type!r} is not supported; send {', '.join(self.content_types)}."
            )
        return given
