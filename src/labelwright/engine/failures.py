"""What the output line of a given-up object says."""

from __future__ import annotations

import orjson

__all__ = ["EXPIRED", "declined_by_all", "failure_content", "not_rendered"]

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
