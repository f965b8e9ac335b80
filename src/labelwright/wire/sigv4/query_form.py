"""The claim of a presigned link, whose signature is in its query."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from labelwright.wire.sigv4.claim import (
    MAX_SKEW_S,
    MAX_TEXT,
    PAYLOAD_HASH,
    SIGNATURE,
    UNSIGNED_PAYLOAD,
    Claim,
    SignatureProblem,
    agreed_hash,
    signed_names,
)
from labelwright.wire.sigv4.scope import ALGORITHM, MAX_EXPIRES_S, amz_date_of, epoch_of, scope_of

__all__ = ["claim_of_query"]

_NEEDED = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)


def claim_of_query(query: bytes, headers: Mapping[str, str], now: float, payload_hash: str | None) -> Claim:
    """Read and check all but the signature itself.

    Parameters
    ----------
    query : bytes
        As sent, without the question mark.
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
    values = _auth_parameters(query)
    if values["X-Amz-Algorithm"] != ALGORITHM:
        raise _bad_parameter("X-Amz-Algorithm", values["X-Amz-Algorithm"], f"it must be {ALGORITHM}")
    scope = scope_of(values["X-Amz-Credential"])
    if scope is None:
        raise _bad_parameter(
            "X-Amz-Credential",
            values["X-Amz-Credential"],
            "it must be <access key id>/<yyyymmdd>/<region>/<service>/aws4_request",
        )
    signature = values["X-Amz-Signature"]
    if SIGNATURE.fullmatch(signature) is None:
        raise _bad_parameter("X-Amz-Signature", signature, "it must be 64 lower-case hexadecimal digits")
    amz_date = values["X-Amz-Date"]
    signed_at = epoch_of(amz_date)
    if signed_at is None:
        raise _bad_parameter("X-Amz-Date", amz_date, "it must be a time such as 20260131T235959Z")
    if amz_date[:8] != scope.date:
        raise _bad_parameter("X-Amz-Date", amz_date, f"its day must be that of the scope, {scope.date}")
    expires = values["X-Amz-Expires"]
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 9):
        raise _bad_parameter("X-Amz-Expires", expires, "it must be a whole number of seconds")
    expires_s = int(expires)
    if not 1 <= expires_s <= MAX_EXPIRES_S:
        raise _bad_parameter("X-Amz-Expires", expires, "it must be 1 to 604800 seconds (seven days)")
    if now > signed_at + expires_s:
        raise SignatureProblem(
            f"Request has expired: it was signed at {amz_date} for {expires_s} seconds and the "
            "server's clock "
            f"says {amz_date_of(now)}. Ask for a new link.",
            code="RequestExpired",
        )
    if signed_at > now + MAX_SKEW_S:
        raise SignatureProblem(
            f"Request is not valid yet: it is signed for {amz_date} and the server's clock says "
            f"{amz_date_of(now)}. Set the client's clock.",
            code="RequestTimeTooSkewed",
        )
    signed_text = values["X-Amz-SignedHeaders"]
    names = signed_names(signed_text)
    if scope.service == "s3":
        sent_hash = headers.get("x-amz-content-sha256") or values.get("X-Amz-Content-Sha256")
        body_hash = sent_hash or UNSIGNED_PAYLOAD
        if PAYLOAD_HASH.fullmatch(body_hash) is None:
            raise _bad_parameter("X-Amz-Content-Sha256", body_hash, "it is not a SHA-256 digest")
    else:
        body_hash = agreed_hash(headers.get("x-amz-content-sha256"), payload_hash)
    return Claim(scope, signed_text, *names, body_hash, amz_date, signature, True)


def _auth_parameters(query: bytes) -> dict[str, str]:
    values: dict[str, str] = {}
    for piece in query.split(b"&"):
        if not piece.startswith(b"X-Amz-"):
            continue
        raw_name, _, raw_value = piece.partition(b"=")
        name = raw_name.decode("latin-1")
        if name in values:
            raise _bad_parameter(name, values[name], "it must be given once")
        if b"%" in raw_value or b"+" in raw_value:
            raw_value = unquote_to_bytes(raw_value.replace(b"+", b" "))
        if len(raw_value) > MAX_TEXT:
            raise _bad_parameter(name, raw_value[:100].decode("latin-1"), "it is too long")
        values[name] = raw_value.decode("latin-1")
    for name in _NEEDED:
        if name not in values:
            raise SignatureProblem(
                f"Query-string authentication requires {', '.join(_NEEDED)}; {name} is missing.",
                code="AuthorizationQueryParametersError",
            )
    return values


def _bad_parameter(name: str, value: str, rule: str) -> SignatureProblem:
    return SignatureProblem(f"{name}={value[:200]!r}: {rule}.", code="AuthorizationQueryParametersError")
