"""The claim of a request that is signed in its ``Authorization`` header."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from functools import lru_cache

from labelwright.wire.sigv4.claim import (
    EMPTY_SHA256,
    MAX_SKEW_S,
    MAX_TEXT,
    PAYLOAD_HASH,
    SIGNATURE,
    Claim,
    SignatureProblem,
    agreed_hash,
    signed_names,
)
from labelwright.wire.sigv4.scope import ALGORITHM, amz_date_of, epoch_of, scope_of

__all__ = ["claim_of_header"]

_AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256[ ]+Credential=([^,\s]+)[, ]\s*SignedHeaders=([^,\s]+)[, ]\s*")


def claim_of_header(
    authorization: str, headers: Mapping[str, str], now: float, payload_hash: str | None
) -> Claim:
    """Read and check all but the signature itself.

    Parameters
    ----------
    authorization : str
        The header's value.
    headers : mapping
        Lower-case names.
    now : float
        Epoch seconds.
    payload_hash : str or None
        What the reader of the body computed, for services other than S3.

    Raises
    ------
    SignatureProblem
    """
    # All but the signature is the same for every request of a client on one day.
    start, _, signature = authorization.rpartition("Signature=")
    parts = _authorization(start) if len(start) <= MAX_TEXT else None
    if parts is None or SIGNATURE.fullmatch(signature) is None:
        raise SignatureProblem(_what_is_wrong(authorization), code="IncompleteSignature")
    credential, signed_text = parts
    scope = scope_of(credential)
    if scope is None:
        raise SignatureProblem(
            f"Credential={credential[:200]!r} is not "
            "<access key id>/<yyyymmdd>/<region>/<service>/aws4_request.",
            code="IncompleteSignature",
        )
    amz_date = headers.get("x-amz-date")
    if amz_date is None:
        amz_date = _from_http_date(headers.get("date", ""))
    signed_at = epoch_of(amz_date)
    if signed_at is None:
        raise SignatureProblem(
            f"X-Amz-Date={amz_date[:60]!r} is not a time such as 20260131T235959Z; signed "
            "requests need an "
            "X-Amz-Date (or Date) header.",
            code="IncompleteSignature",
        )
    if amz_date[:8] != scope.date:
        raise SignatureProblem(
            f"The date of the credential scope, {scope.date}, is not the day of X-Amz-Date, {amz_date}.",
            code="IncompleteSignature",
        )
    if not -MAX_SKEW_S <= now - signed_at <= MAX_SKEW_S:
        raise SignatureProblem(
            "The difference between the request time and the server's time is too large: the "
            "request says "
            f"{amz_date}, the server's clock {amz_date_of(now)}; 15 minutes are allowed. Set the "
            "client's clock.",
            code="RequestTimeTooSkewed",
        )
    names = signed_names(signed_text)
    sent_hash = headers.get("x-amz-content-sha256")
    if scope.service == "s3":
        if sent_hash is None:
            raise SignatureProblem(
                "Missing required header for this request: x-amz-content-sha256", code="InvalidArgument"
            )
        if sent_hash != EMPTY_SHA256 and PAYLOAD_HASH.fullmatch(sent_hash) is None:
            raise SignatureProblem(
                f"x-amz-content-sha256={sent_hash[:99]!r} must be UNSIGNED-PAYLOAD, a "
                "STREAMING-... value or "
                "64 lower-case hexadecimal digits.",
                code="InvalidArgument",
            )
        body_hash = sent_hash
    else:
        body_hash = agreed_hash(sent_hash, payload_hash)
    return Claim(scope, signed_text, *names, body_hash, amz_date, signature, False)


@lru_cache(maxsize=1024)
def _authorization(start: str) -> tuple[str, str] | None:
    """Credential and signed headers of an Authorization header without its signature."""
    match = _AUTHORIZATION.fullmatch(start)
    return None if match is None else (match[1], match[2])


def _from_http_date(text: str) -> str:
    parsed = email.utils.parsedate_tz(text)
    return amz_date_of(email.utils.mktime_tz(parsed)) if parsed is not None else text


def _what_is_wrong(authorization: str) -> str:
    if not authorization.startswith(ALGORITHM):
        kind = authorization.split(" ", 1)[0][:40]
        return f"The authorization mechanism {kind!r} is not supported; sign with {ALGORITHM}."
    missing = [
        part for part in ("Credential", "SignedHeaders", "Signature") if f"{part}=" not in authorization
    ]
    if missing:
        return f"The Authorization header requires {' and '.join(missing)}."
    return (
        "The Authorization header cannot be read; it must be 'AWS4-HMAC-SHA256 Credential=..., "
        "SignedHeaders=..., "
        "Signature=<64 lower-case hexadecimal digits>'."
    )
