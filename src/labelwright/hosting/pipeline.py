"""Several containers as one: in series, or one of them by its hostname."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from labelwright.hosting.interface import Container, OneByOne, Reply

__all__ = ["Pipeline"]

_TARGET = "x-amzn-sagemaker-target-container-hostname"


class Pipeline(OneByOne):
    """A `Container` over 2 to 15 others.

    Parameters
    ----------
    containers : sequence of Container
        In series, the body and content type that one answers are what the next one gets.
    is_direct : bool
        ``InferenceExecutionConfig.Mode`` is ``Direct``: each request names the one container that answers.
    """

    def __init__(self, containers: Sequence[Container], *, is_direct: bool) -> None:
        self._containers = list(containers)
        self._is_direct = is_direct
        self._local_name = "pipeline"

    @property
    def name(self) -> str:
        """The pipeline itself; a failure names the container in its body."""
        return self._local_name

    def invoke(
        self,
        body: bytes,
        content_type: str,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 60.0,
    ) -> Reply:
        """From the first container to the last, or to the named one; the first failure is the answer."""
        if self._is_direct:
            target = (headers or {}).get(_TARGET, "")
            chosen = next((c for c in self._containers if c.name == target), None)
            if chosen is None:
                names = ", ".join(c.name for c in self._containers)
                text = f"TargetContainerHostname is {target!r}; this model's containers are {names}."
                return Reply(400, text.encode(), "text/plain")
            return chosen.invoke(body, content_type, accept, headers, timeout_s=timeout_s)
        end = time.monotonic() + timeout_s
        reply = Reply(200, body, content_type)
        for i, container in enumerate(self._containers):
            # Only the last one answers to the client; between containers each speaks in its own form.
            wanted = accept if i == len(self._containers) - 1 else None
            left_s = end - time.monotonic()
            if left_s <= 0:
                return Reply(0, b"")
            reply = container.invoke(reply.body, reply.content_type, wanted, headers, timeout_s=left_s)
            if not reply.is_ok:
                return reply
        return reply

    def is_healthy(self) -> bool:
        """Whether all are."""
        return all(container.is_healthy() for container in self._containers)

    def execution_parameters(self) -> Mapping[str, object] | None:
        """The first container's, which is the one that gets the records."""
        return self._containers[0].execution_parameters()

    def close(self) -> None:
        """Close all."""
        for container in self._containers:
            container.close()
