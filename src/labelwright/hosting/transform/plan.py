"""How a job is carried out: what the request says, else the container, else the defaults."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, cast

from labelwright.core.transform_job import joins_lines
from labelwright.hosting.transform.processing import Processing
from labelwright.hosting.transform.splitting import SplitType

__all__ = ["Plan", "batch_environment"]

N_AT_ONCE_DEFAULT: Final = 1
PAYLOAD_MB_DEFAULT: Final = 6
TIMEOUT_S_DEFAULT: Final = 600
RETRIES_DEFAULT: Final = 3
_STRATEGIES = {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What the stages of a job need to know.

    Attributes
    ----------
    content_type : str
        Of requests.
    accept : str or None
    split : str
    is_single : bool
        One record a request.
    bytes_max : int or None
        Of a request; None is no limit.
    n_at_once : int
        Requests under way at a time.
    timeout_s, n_retries : float, int
        Of one request; only server errors and timeouts are tried again.
    is_assembled_by_line : bool
    is_gzip : bool
        Whether objects are unpacked first.
    processing : Processing or None
    is_joined_with_lines : bool
        Whether answers are joined with lines of an augmented manifest, rather than with what was sent.
    """

    content_type: str
    accept: str | None
    split: SplitType
    is_single: bool
    bytes_max: int | None
    n_at_once: int
    timeout_s: float
    n_retries: int
    is_assembled_by_line: bool
    is_gzip: bool
    processing: Processing | None
    is_joined_with_lines: bool

    @classmethod
    def of_request(
        cls,
        request: Mapping[str, Any],
        container: Mapping[str, object] | None = None,
        *,
        algorithm: str | None = None,
    ) -> Plan:
        """The plan of a request of CreateTransformJob.

        Parameters
        ----------
        request : Mapping
        container : Mapping, optional
            What its ``/execution-parameters`` says.
        algorithm : str, optional
            The built-in algorithm that answers, if one does. Image classification, when nobody says what to
            accept, writes objects here, where an endpoint answers with bare lists.
        """
        said = container or {}
        source, output = request["TransformInput"], request["TransformOutput"]
        client = request.get("ModelClientConfig", {})
        payload_mb = request.get("MaxPayloadInMB")
        if payload_mb is None:
            payload_mb = _number(said.get("MaxPayloadInMB"), PAYLOAD_MB_DEFAULT)
        n_at_once = request.get("MaxConcurrentTransforms") or _number(
            said.get("MaxConcurrentTransforms"), N_AT_ONCE_DEFAULT
        )
        strategy = _STRATEGIES.get(request.get("BatchStrategy", ""), said.get("BatchStrategy"))
        processing = Processing.of_request(request)
        content_type = source.get("ContentType") or "application/octet-stream"
        accept = output.get("Accept") or None
        if accept is None and algorithm == "image-classification":
            accept = "application/jsonlines"
        return cls(
            content_type=content_type,
            accept=accept or (content_type if processing is not None else None),
            split=cast(SplitType, source.get("SplitType", "None")),
            is_single=str(strategy).upper() == "SINGLE_RECORD",
            bytes_max=payload_mb << 20 if payload_mb else None,
            n_at_once=max(1, n_at_once),
            timeout_s=client.get("InvocationsTimeoutInSeconds", TIMEOUT_S_DEFAULT),
            n_retries=client.get("InvocationsMaxRetries", RETRIES_DEFAULT),
            is_assembled_by_line=output.get("AssembleWith") == "Line",
            is_gzip=source.get("CompressionType") == "Gzip",
            processing=processing,
            is_joined_with_lines=joins_lines(request),
        )

    def describe(self) -> str:
        """One line for the log."""
        payload = 0 if self.bytes_max is None else self.bytes_max >> 20
        strategy = _STRATEGIES["SingleRecord" if self.is_single else "MultiRecord"]
        return f"MaxConcurrentTransforms={self.n_at_once}, MaxPayloadInMB={payload}, BatchStrategy={strategy}"


def batch_environment(request: Mapping[str, Any]) -> dict[str, str]:
    """Variables of the container: that this is batch transform, what the user set, and the job's own."""
    variables = {"SAGEMAKER_BATCH": "true"}
    if "MaxPayloadInMB" in request:
        variables["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = str(request["MaxPayloadInMB"])
    if "BatchStrategy" in request:
        variables["SAGEMAKER_BATCH_STRATEGY"] = _STRATEGIES[request["BatchStrategy"]]
    if "MaxConcurrentTransforms" in request:
        variables["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = str(request["MaxConcurrentTransforms"])
    return {**variables, **request.get("Environment", {})}


def _number(value: object, default: int) -> int:
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and value >= 0 else default
