"""What a request claims: who signed it, when, and what. Both forms of a signature come to this."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import NamedTuple

from labelwright.errors import LabelwrightError
from labelwright.wire.sigv4.scope import Scope

__all__ = [
    "EMPTY_SHA256",
    "MAX_SKEW_S",
    "MAX_TEXT",
    "PAYLOAD_HASH",
    "SIGNATURE",
    "UNSIGNED_PAYLOAD",
    "Claim",
    "SignatureProblem",
    "agreed_hash",
    "signed_names",
]

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
MAX_SKEW_S = 900.0
MAX_TEXT = 8192
"""Characters; longer texts are refused before they can fill a cache."""

SIGNATURE = re.compile(r"[0-9a-f]{64}")
PAYLOAD_HASH = re.compile(r"[0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]{1,64}")


class Claim(NamedTuple):
    """What a signature is said to cover; nothing of it is believed yet.

    Attributes
    ----------
    scope : Scope
    signed_text : str
        Names of the signed headers as sent; `signed_names` has read them.
    names : tuple of str
        The same apart, in order.
    signed : frozenset of str
    body_hash : str
        Hex digest, ``UNSIGNED-PAYLOAD`` or ``STREAMING-...``.
    amz_date : str
    signature : str
        64 hexadecimal digits.
    is_presigned : bool
        The signature came in the query.
    """

    scope: Scope
    signed_text: str
    names: tuple[str, ...]
    signed: frozenset[str]
    body_hash: str
    amz_date: str
    signature: str
    is_presigned: bool


class SignatureProblem(LabelwrightError):
    """The request is not signed, or not well.

    Parameters
    ----------
    message : str
    code : str
        ``SignatureDoesNotMatch``, ``InvalidAccessKeyId``, ``MissingAuthenticationToken``, ``RequestExpired``,
        ``RequestTimeTooSkewed``, ``IncompleteSignature``, ``AuthorizationQueryParametersError``,
        ``AccessDenied`` or ``InvalidArgument``; doors translate the ones their service writes differently.
    canonical_request, string_to_sign : str
        What we computed, for the error document of S3; empty unless the code is ``SignatureDoesNotMatch``.
    """

    def __init__(
        self, message: str, *, code: str, canonical_request: str = "", string_to_sign: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.canonical_request = canonical_request
        self.string_to_sign = string_to_sign


@lru_cache(maxsize=1024)
def signed_names(text: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Names of ``SignedHeaders``, in order and as a set.

    Raises
    ------
    SignatureProblem
        They are not lower-case, sorted and each there once.
    """
    names = tuple(text.split(";"))
    if text != text.lower() or list(names) != sorted(set(names)) or "" in names:
        raise SignatureProblem(
            f"SignedHeaders={text[:200]!r} must be lower-case header names, sorted, each once, "
            "separated by ';'.",
            code="IncompleteSignature",
        )
    return names, frozenset(names)


def agreed_hash(sent: str | None, computed: str | None) -> str:
    """The hash of a body whose sender may have sent one and whose reader may have computed one.

    Raises
    ------
    SignatureProblem
        They differ.
    """
    if computed is None:
        return sent if sent is not None else EMPTY_SHA256
    if sent is not None and sent != computed:
        raise SignatureProblem(
            "The provided x-amz-content-sha256 header does not match the SHA-256 of the body.",
            code="SignatureDoesNotMatch",
        )
    return computed
