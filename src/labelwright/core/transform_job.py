"""The life of a transform job, and the rules on its request that the service model cannot say.

::

    create ──> InProgress ──────────> Completed or Failed
                   └── stop ──> Stopping ──> Stopped

A job that is stopping ends as Stopped, also when its last object was done meanwhile.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from labelwright.core.failure_reasons import storable
from labelwright.core.json_path import JsonPath
from labelwright.core.training_rules import check_texts
from labelwright.errors import IllegalTransition, InvalidRequest

__all__ = [
    "TERMINAL",
    "Ended",
    "Event",
    "Halted",
    "JobState",
    "StopRequested",
    "Status",
    "apply",
    "check_request",
    "is_processed",
    "joins_lines",
]

PAYLOAD_MB_DEFAULT: Final = 6
PAYLOAD_MB_MAX: Final = 100
INSTANCES_MAX: Final = 100
REASON_CHARS_MAX: Final = 1024
TEXT_TYPES: Final = ("text/csv", "application/json", "application/jsonlines")


class Status(StrEnum):
    """``TransformJobStatus``."""

    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.STOPPED})


@dataclasses.dataclass(frozen=True, slots=True)
class JobState:
    """What the machine needs to know of a job."""

    status: Status
    failure_reason: str | None = None
    ended_at: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class StopRequested:
    """StopTransformJob was called."""

    at: float


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """Every object is transformed or given up and what came out is published, or the job cannot go on.

    Attributes
    ----------
    failure_reason : str or None
        Why it failed; None when it did not.
    at : float
    """

    at: float
    failure_reason: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Halted:
    """The program of a stopping job has ended."""

    at: float


Event = StopRequested | Ended | Halted


def apply(state: JobState, event: Event) -> JobState:
    """The state after an event.

    Raises
    ------
    InvalidRequest
        A job that is no longer in progress is asked to stop.
    IllegalTransition
        The event cannot happen in this state.

    Examples
    --------
    >>> apply(JobState(Status.IN_PROGRESS), Ended(at=5.0)).status.value
    'Completed'
    """
    match state.status, event:
        case (Status.IN_PROGRESS, StopRequested()):
            return JobState(Status.STOPPING)
        case (_, StopRequested()):
            raise InvalidRequest(
                f"The request was rejected because the transform job is in status {state.status.value}.",
                field="TransformJobName",
            )
        case (Status.IN_PROGRESS, Ended(at=at, failure_reason=None)):
            return JobState(Status.COMPLETED, ended_at=at)
        case (Status.IN_PROGRESS, Ended(at=at, failure_reason=str(reason))):
            return JobState(Status.FAILED, failure_reason=storable(reason)[:REASON_CHARS_MAX], ended_at=at)
        case (Status.STOPPING, Ended(at=at) | Halted(at=at)):
            return JobState(Status.STOPPED, ended_at=at)
    raise IllegalTransition(
        f"A transform job in status {state.status.value} cannot take {type(event).__name__}; look at it "
        "again."
    )


def is_processed(request: Mapping[str, Any]) -> bool:
    """Whether the request's ``DataProcessing`` changes anything: a filter other than ``$``, or a join."""
    processing = request.get("DataProcessing") or {}
    neutral = {"JoinSource": "None", "InputFilter": "$", "OutputFilter": "$"}
    return any(processing.get(name, value) != value for name, value in neutral.items())


def joins_lines(request: Mapping[str, Any]) -> bool:
    """Whether answers are joined with the lines of an augmented manifest, rather than with what was sent."""
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    processing = request.get("DataProcessing") or {}
    is_augmented: bool = source["S3DataType"] == "AugmentedManifestFile"
    joins: bool = processing.get("JoinSource") == "Input" and processing.get("InputFilter", "$") == "$"
    return is_augmented and joins


def check_request(request: Mapping[str, Any]) -> None:
    """Check what the service model does not.

    Parameters
    ----------
    request : Mapping
        Of CreateTransformJob, valid by the service model.

    Raises
    ------
    InvalidRequest
        Names the member, its value and the rule.
    """
    payload = request.get("MaxPayloadInMB")
    at_once = request.get("MaxConcurrentTransforms")
    if payload is not None and not 0 <= payload <= PAYLOAD_MB_MAX:
        raise _refused("MaxPayloadInMB", payload, f"must be 0 to {PAYLOAD_MB_MAX}")
    if at_once is not None and at_once < 0:
        raise _refused("MaxConcurrentTransforms", at_once, "must not be negative")
    if payload and at_once and payload * at_once > PAYLOAD_MB_MAX:
        raise _refused(
            "MaxConcurrentTransforms",
            at_once,
            f"times MaxPayloadInMB ({payload}) is {payload * at_once} and must not exceed {PAYLOAD_MB_MAX}",
        )
    n_instances = request["TransformResources"]["InstanceCount"]
    if not 1 <= n_instances <= INSTANCES_MAX:
        raise _refused("TransformResources.InstanceCount", n_instances, f"must be 1 to {INSTANCES_MAX}")
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile", "AugmentedManifestFile"):
        raise _refused(
            "TransformInput.DataSource.S3DataSource.S3DataType",
            source["S3DataType"],
            "must be S3Prefix, ManifestFile or AugmentedManifestFile",
        )
    for field, uri in (
        ("TransformInput.DataSource.S3DataSource.S3Uri", source["S3Uri"]),
        ("TransformOutput.S3OutputPath", request["TransformOutput"]["S3OutputPath"]),
    ):
        if not uri.startswith("s3://") or not uri[5:].partition("/")[0]:
            raise _refused(field, uri, "must be an S3 URI, s3://bucket/prefix")
    check_texts("Environment", request.get("Environment") or {})
    for field, text in (
        ("TransformInput.ContentType", request["TransformInput"].get("ContentType", "")),
        ("TransformOutput.Accept", request["TransformOutput"].get("Accept", "")),
    ):
        if not text.isascii() or (text and not text.isprintable()):
            raise _refused(field, text, "must be printable ASCII, for it becomes a header")
    if is_processed(request):
        _check_processing(request)


def _check_processing(request: Mapping[str, Any]) -> None:
    processing = request["DataProcessing"]
    source = request["TransformInput"]
    output = request["TransformOutput"]
    paths = []
    for name in ("InputFilter", "OutputFilter"):
        try:
            paths.append(JsonPath(processing.get(name, "$")))
        except InvalidRequest as error:
            raise InvalidRequest(
                f"DataProcessing.{name}: {error}", field=f"DataProcessing.{name}", value=error.value
            ) from error
    accept = _media_type(output.get("Accept", ""))
    given = _media_type(source.get("ContentType", ""))
    if joins_lines(request):
        if accept not in ("application/json", "application/jsonlines"):
            raise _refused(
                "TransformOutput.Accept",
                output.get("Accept"),
                "must be application/json or application/jsonlines to be joined with lines of a manifest",
            )
        return
    if given not in TEXT_TYPES:
        raise _refused(
            "TransformInput.ContentType",
            source.get("ContentType"),
            f"must be {', '.join(TEXT_TYPES[:-1])} or {TEXT_TYPES[-1]} where DataProcessing is used",
        )
    if accept and accept != given:
        raise _refused(
            "TransformOutput.Accept",
            output.get("Accept"),
            f"must equal TransformInput.ContentType ({given}) where DataProcessing is used",
        )
    split, assemble = source.get("SplitType", "None"), output.get("AssembleWith", "None")
    if split not in ("None", "Line"):
        raise _refused("TransformInput.SplitType", split, "must be Line or None where DataProcessing is used")
    if split != assemble:
        raise _refused(
            "TransformOutput.AssembleWith",
            assemble,
            f"must equal TransformInput.SplitType ({split}) where DataProcessing is used",
        )
    if given == "text/csv" and not all(path.is_positional for path in paths):
        raise _refused(
            "DataProcessing",
            [path.text for path in paths],
            "must select columns of text/csv by index, such as $[1:]",
        )


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def _refused(field: str, value: object, rule: str) -> InvalidRequest:
    return InvalidRequest(f"{field} is {value!r}; it {rule}.", field=field, value=value, rule=rule)
