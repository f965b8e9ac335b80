"""Data capture: requests and answers of an endpoint as JSON lines in the object store.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture.html. Lines are gathered in memory
and written every few seconds, so what was captured last may be lost when the server is killed; the answer
never waits for it. Where the store refuses, lines are kept and written later, up to a bound.
"""

from __future__ import annotations

import base64
import dataclasses
import logging
import random
import threading
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from labelwright.errors import LabelwrightError
from labelwright.hosting import Reply

if TYPE_CHECKING:
    from labelwright.blobs import Blobs

__all__ = ["Captured", "Captures", "captured_line"]

_log = logging.getLogger(__name__)

_EVERY_S = 5.0
_FILE_BYTES = 8 << 20
_WAITING_BYTES_MAX = 64 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Captured:
    """One request with its answer.

    Attributes
    ----------
    at : float
        Epoch seconds of the answer.
    event_id, inference_id : str
        The id that the server gave, and the one that the client gave; the latter may be empty.
    body, content_type : bytes, str
        Of the request.
    reply : Reply
    """

    at: float
    event_id: str
    inference_id: str
    body: bytes
    content_type: str
    reply: Reply


@dataclasses.dataclass(slots=True)
class _Waiting:
    config: Mapping[str, Any]
    items: list[Captured] = dataclasses.field(default_factory=list)
    n_bytes: int = 0


class Captures:
    """Gathers what endpoints capture; `add` is cheap, a thread writes.

    Parameters
    ----------
    blobs : Blobs
    every_s : float
        How long a line waits at most.
    """

    def __init__(self, blobs: Blobs, *, every_s: float = _EVERY_S) -> None:
        self._blobs = blobs
        self._every_s = every_s
        self._condition = threading.Condition()
        self._waiting: dict[tuple[str, str], _Waiting] = {}
        self._n_bytes = 0
        self._is_closed = False
        self._is_urgent = False
        self._thread: threading.Thread | None = None

    @staticmethod
    def wants(config: Mapping[str, Any] | None) -> bool:
        """Whether a request of an endpoint with this DataCaptureConfig is one of the sample."""
        if config is None or not config.get("EnableCapture", True):
            return False
        percentage: float = config["InitialSamplingPercentage"]
        return random.random() * 100 < percentage  # noqa: S311 - a sample, no secret

    def add(self, endpoint: str, variant: str, config: Mapping[str, Any], item: Captured) -> None:
        """Have an item written soon; left out when too much waits already."""
        n_bytes = len(item.body) + len(item.reply.body)
        with self._condition:
            if self._n_bytes + n_bytes > _WAITING_BYTES_MAX or self._is_closed:
                _log.warning("captured data was dropped", extra={"action": "capture", "endpoint": endpoint})
                return
            waiting = self._waiting.setdefault((endpoint, variant), _Waiting(config))
            waiting.config = config
            waiting.items.append(item)
            waiting.n_bytes += n_bytes
            self._n_bytes += n_bytes
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
                self._thread.start()
            if waiting.n_bytes >= _FILE_BYTES:
                self._is_urgent = True
                self._condition.notify_all()

    def flush(self) -> None:
        """Write everything that waits."""
        with self._condition:
            taken, self._waiting = self._waiting, {}
        for (endpoint, variant), waiting in taken.items():
            try:
                self._write(endpoint, variant, waiting)
            except (LabelwrightError, OSError):
                _log.exception(
                    "captured data could not be written; it is tried again",
                    extra={"action": "capture", "endpoint": endpoint},
                )
                with self._condition:
                    later = self._waiting.setdefault((endpoint, variant), _Waiting(waiting.config))
                    later.items[:0] = waiting.items
                    later.n_bytes += waiting.n_bytes
                continue
            with self._condition:
                self._n_bytes -= waiting.n_bytes

    def close(self) -> None:
        """Write what waits and end."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                if not self._is_closed and not self._is_urgent:
                    self._condition.wait(self._every_s)
                self._is_urgent = False
                is_last = self._is_closed
            self.flush()
            if is_last:
                return

    def _write(self, endpoint: str, variant: str, waiting: _Waiting) -> None:
        first = datetime.fromtimestamp(waiting.items[0].at, UTC)
        root = waiting.config["DestinationS3Uri"].rstrip("/")
        name = f"{first:%M-%S}-{first.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        uri = f"{root}/{endpoint}/{variant}/{first:%Y/%m/%d/%H}/{name}"
        lines = [orjson.dumps(captured_line(item, waiting.config)) + b"\n" for item in waiting.items]
        self._blobs.put(uri, b"".join(lines), content_type="application/jsonlines")


def captured_line(item: Captured, config: Mapping[str, Any]) -> dict[str, Any]:
    """What is written of an item: input and output as configured, with how their bytes are encoded."""
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    types = config.get("CaptureContentTypeHeader") or {}
    data = {}
    if modes & {"Input", "InputAndOutput"}:
        data["endpointInput"] = _side("INPUT", item.content_type, item.body, types)
    if modes & {"Output", "InputAndOutput"}:
        data["endpointOutput"] = _side("OUTPUT", item.reply.content_type, item.reply.body, types)
    about = {
        "eventId": item.event_id,
        "inferenceTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(item.at)),
    }
    if item.inference_id:
        about["inferenceId"] = item.inference_id
    return {"captureData": data, "eventMetadata": about, "eventVersion": "0"}


def _side(mode: str, content_type: str, body: bytes, types: Mapping[str, Any]) -> dict[str, str]:
    kind = content_type.partition(";")[0].strip().lower()
    for name, encoding in (("CsvContentTypes", "CSV"), ("JsonContentTypes", "JSON")):
        if kind in (given.lower() for given in types.get(name) or ()):
            try:
                text = body.decode()
            except UnicodeDecodeError:
                break
            return _named(content_type, mode, text, encoding)
    return _named(content_type, mode, base64.b64encode(body).decode(), "BASE64")


def _named(content_type: str, mode: str, data: str, encoding: str) -> dict[str, str]:
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}
