"""What the output line of a given-up object says."""

from __future__ import annotations

import orjson

__all__ = [
    "EXPIRED",
    "call_failed",
    "declined_by_all",
    "failure_content",
    "is_call_failure",
    "is_refused_label",
    "not_rendered",
    "odd_answer",
]

_DETAIL_CHARS = 500

# Public client code looks for the first four words.
EXPIRED = "ClientError: Annotation tasks expired before a worker answered."


def declined_by_all(n_workers: int) -> str:
    """The reason of an object that as many workers declined as it asks for."""
    return f"ClientError: Annotation tasks expired: declined by as many workers as asked for ({n_workers})."


def not_rendered(code: str, message: str) -> str:
    """The reason of an object whose task cannot be shown to anybody."""
    return f"ClientError: The template cannot be rendered for this object: {code}: {message}"


def failure_content(metadata_name: str, reason: str) -> bytes:
    """Metadata alone, without a label: that is how an object is known to have failed."""
    return orjson.dumps(
        {metadata_name: {"retry-count": 1, "failure-reason": reason, "human-annotated": "true"}}
    )


def call_failed(arn: str, code: str, role_arn: str, detail: str) -> str:
    """The reason of objects, or of a job, whose function cannot be invoked or fails.

    The first three sentences are AWS's.
    """
    text = (
        f"ClientError: Exception invoking the Lambda function {arn}. LambdaErrorCode: {code}. Ensure the "
        f"Lambda function exists, that the role {role_arn} has permissions to invoke it and try your request "
        "again."
    )
    return f"{text} ({detail[:_DETAIL_CHARS]})" if detail else text


def odd_answer(arn: str, what: str) -> str:
    """The reason of objects whose function answered in another form than it must."""
    return f"ClientError: The Lambda function {arn} {what[:_DETAIL_CHARS]}."


def is_call_failure(arn: str, content: bytes) -> str | None:
    """The reason in the content of a given-up object, when this function is to blame for it."""
    reason = _reason(content)
    return reason if reason is not None and f"Lambda function {arn}" in reason else None


def is_refused_label(arn: str, content: bytes) -> str | None:
    """A reason of the job, when this function answered and the answer holds no label for the object."""
    reason = _reason(content)
    if reason is None or not reason.startswith("ClientError: Annotation consolidation "):
        return None
    return (
        f"ClientError: The Lambda function {arn} gave no object a label. The first one: "
        f"{reason.removeprefix('ClientError: ')}."
    )


def _reason(content: bytes) -> str | None:
    for value in orjson.loads(content).values():
        reason = value.get("failure-reason") if isinstance(value, dict) else None
        if isinstance(reason, str):
            return reason
    return None
