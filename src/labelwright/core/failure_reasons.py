"""``FailureReason`` as the server itself gives it: a documented prefix says whose fault it was."""

from __future__ import annotations

__all__ = ["INTERNAL_ERROR", "REASON_CHARS_MAX", "client_error", "is_platform_fault", "storable"]

REASON_CHARS_MAX = 1024
"""Longest ``FailureReason``."""

INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."
"""What users are told of our own faults; the server's log says more."""


def client_error(text: str) -> str:
    """The reason for a mistake of the user's.

    Examples
    --------
    >>> client_error("Artifact upload failed: there is no bucket 'outbox'")
    "ClientError: Artifact upload failed: there is no bucket 'outbox'"
    """
    return f"ClientError: {text}"[:REASON_CHARS_MAX]


def is_platform_fault(reason: str) -> bool:
    """Whether a reason blames the platform, so that trying again may help."""
    return reason.startswith(("InternalServerError", "CapacityError"))


def storable(text: str) -> str:
    """A text that every database takes: without zero characters and halves of surrogate pairs.

    Programs hand on what users' code wrote, whatever it was.

    Examples
    --------
    >>> storable("a\\x00b"), storable(chr(0xD800)), storable("caf\\u00e9")
    ('a�b', '?', 'café')
    """
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
