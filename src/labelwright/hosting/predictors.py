"""The built-in algorithms' predictors as a container: in this process, without HTTP in between."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labelwright.hosting.interface import Reply
from labelwright.hosting.slots import Slots

if TYPE_CHECKING:
    from labelwright.inference import Predictor

__all__ = ["PredictorContainer", "open_predictor"]

_log = logging.getLogger(__name__)

_PARAMETERS = {"MaxConcurrentTransforms": 1, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}
_ONE_BY_ONE = _PARAMETERS | {"BatchStrategy": "SINGLE_RECORD"}


def open_predictor(
    model_dir: Path, *, name: str, n_threads: int, log: Callable[[str], None]
) -> PredictorContainer:
    """Load the model of a built-in algorithm.

    Raises
    ------
    Exception
        Whatever is wrong with the artifact.
    """
    from labelwright.inference import load_predictor  # late: it loads numpy, Pillow and onnxruntime

    return PredictorContainer(load_predictor(model_dir, n_threads=n_threads), name=name, log=log)


def _n_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class PredictorContainer:
    """A `Container` over a predictor.

    Parameters
    ----------
    predictor : Predictor
    name : str
    log : callable
        Gets a line for each request that fails.
    n_at_once : int, optional
        Predictions side by side; as many as there are processor cores by default. More wait: they would only
        take memory and caches from those that run.
    """

    def __init__(
        self,
        predictor: Predictor,
        *,
        name: str = "primary",
        log: Callable[[str], None] | None = None,
        n_at_once: int | None = None,
    ) -> None:
        self.name = name
        self._predictor = predictor
        self._log = log or _log.info
        self._slots = Slots(n_at_once or _n_cores())

    @property
    def algorithm(self) -> str:
        """Which of the built-in ones it is."""
        return self._predictor.algorithm

    def invoke(
        self,
        body: bytes,
        content_type: str,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 60.0,
    ) -> Reply:
        """One prediction. A model in this process cannot be interrupted, so only the wait has an end."""
        if not self._slots.acquire(timeout_s):
            return Reply(0, b"")
        try:
            answer, answer_type = self._predictor.predict(body, content_type, accept)
        except Exception as error:
            return self._failed(error)
        finally:
            self._slots.release()
        return Reply(200, answer, answer_type)

    def invoke_many(
        self,
        bodies: Sequence[bytes],
        content_type: str,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 60.0,
    ) -> list[Reply]:
        """Predictions for several bodies, as one batch."""
        if not self._slots.acquire(timeout_s):
            return [Reply(0, b"")] * len(bodies)
        try:
            answers = self._predictor.predict_many(bodies, content_type, accept)
        except Exception as error:
            return [self._failed(error)] * len(bodies)
        finally:
            self._slots.release()
        return [
            self._failed(answer) if isinstance(answer, Exception) else Reply(200, *answer)
            for answer in answers
        ]

    def is_healthy(self) -> bool:
        """It is loaded, so it is."""
        return True

    def execution_parameters(self) -> Mapping[str, object] | None:
        """Pictures are sent one by one, lines of text as many as fit."""
        kinds = self._predictor.content_types
        is_text = any(kind.startswith(("text/", "application/json")) for kind in kinds)
        return _PARAMETERS if is_text else _ONE_BY_ONE

    def close(self) -> None:
        """Nothing is held but memory."""

    def _failed(self, error: Exception) -> Reply:
        from labelwright.inference import BadInput, UnsupportedContent

        if isinstance(error, UnsupportedContent):
            status = 415
        elif isinstance(error, BadInput):
            status = 400
        else:
            self._log("".join(traceback.format_exception(error)))
            return Reply(500, b"The model failed; see the log of the container.", "text/plain")
        self._log(f"refused with {status}: {error}")
        return Reply(status, str(error).encode(), "text/plain")
