"""What a container is to its callers."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

from labelwright.errors import LabelwrightError

__all__ = [
    "CUSTOM_ATTRIBUTES",
    "Container",
    "FAILED",
    "FORWARDED",
    "HostingError",
    "LOG_GROUP",
    "NOT_READY",
    "OneByOne",
    "PingFailed",
    "READY",
    "Reply",
    "TIMED_OUT",
    "TIMEOUT",
]

LOG_GROUP = "/aws/sagemaker/Endpoints"
"""Followed by a slash and the endpoint's name: where its containers log."""

READY, FAILED = "Ready", "Failed"
"""What a serving process reports: `FAILED` with a ``reason``."""

TIMEOUT = "x-labelwright-timeout"
"""Header with which the server gives a serving process other than 60 seconds for an answer."""

NOT_READY = "x-labelwright-not-ready"
"""Header with which a serving process says that a model is still being loaded."""

TIMED_OUT = "x-labelwright-timed-out"
"""Header with which a serving process says that its container had not answered in time."""

CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
"""The one header of an answer that reaches whoever asked, besides its content type."""

FORWARDED = (
    CUSTOM_ATTRIBUTES,
    "x-amzn-sagemaker-inference-id",
    "x-amzn-sagemaker-target-model",
    "x-amzn-sagemaker-target-container-hostname",
)
"""Headers of a request that reach the container, besides Content-Type and Accept."""


class HostingError(LabelwrightError):
    """A model cannot be served; the message is the failure reason that SageMaker gives."""


class PingFailed(HostingError):
    """A container ended, or did not answer ``/ping`` in time; ``container`` is its name."""

    def __init__(self, container: str) -> None:
        super().__init__(
            f"The {container} container did not pass the ping health check. Please check CloudWatch logs."
        )
        self.container = container


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """What a container answered.

    Attributes
    ----------
    status : int
        HTTP status; 200-299 is success, 0 that nothing (whole) came in time.
    body : bytes
        The prediction, or what the container says of an error.
    content_type : str
    headers : Mapping
        Further headers with lower-case names: `CUSTOM_ATTRIBUTES` where the container set it.
    """

    status: int
    body: bytes
    content_type: str = "application/octet-stream"
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """Whether the body is a prediction."""
        return 200 <= self.status < 300


class Container(Protocol):
    """A model that answers. Its methods may be called from any thread, several at a time."""

    @property
    def name(self) -> str:
        """Where an error came from: ``primary``, or the hostname of a container of a pipeline."""

    def invoke(
        self,
        body: bytes,
        content_type: str,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 60.0,
    ) -> Reply:
        """One request to ``/invocations``. Never raises for what the model makes of it: see `Reply.status`.

        Parameters
        ----------
        body : bytes
        content_type : str
        accept : str, optional
            None, ``*/*`` and the like mean the model's own form.
        headers : Mapping, optional
            Forwarded ones, with lower-case names.
        timeout_s : float
            After it the reply has status 0.
        """

    def invoke_many(
        self,
        bodies: Sequence[bytes],
        content_type: str,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 60.0,
    ) -> list[Reply]:
        """Several requests, answered in order; built-in models run them through the network as one batch."""

    def is_healthy(self) -> bool:
        """What ``/ping`` says."""

    def execution_parameters(self) -> Mapping[str, object] | None:
        """``MaxConcurrentTransforms``, ``BatchStrategy``, ``MaxPayloadInMB``; None when it does not say."""

    def close(self) -> None:
        """End its processes and remove what they left. May be repeated."""


class OneByOne(abc.ABC):
    """For containers that know no batches: several requests are answered one after the other."""

    @abc.abstractmethod
    def invoke(
        self,
        body: bytes,
        content_type: str,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 60.0,
    ) -> Reply:
        """See `Container.invoke`."""

    def invoke_many(
        self,
        bodies: Sequence[bytes],
        content_type: str,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 60.0,
    ) -> list[Reply]:
        """See `Container.invoke_many`."""
        return [self.invoke(body, content_type, accept, headers, timeout_s=timeout_s) for body in bodies]
