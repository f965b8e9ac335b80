"""Links presigned with Signature Version 2, which boto3 still makes for S3 in us-east-1 unless told
otherwise.

Only the query form is accepted. The signature covers the method, the path, the ``x-amz-*`` headers and a
fixed list of parameters; others could be added to a link unseen, so a link that changes something may carry
none of them.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from urllib.parse import unquote_to_bytes

from labelwright.wire.sigv4 import UNSIGNED_PAYLOAD, SignatureProblem, Verified

__all__ = ["is_presigned_v2", "verify_presigned"]

_AUTH = frozenset({"AWSAccessKeyId", "Signature", "Expires"})
_SIGNED = frozenset(
    {
        "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle",
        "location", "logging", "metrics", "notification", "object-lock", "partNumber", "policy",
        "replication", "requestPayment", "response-cache-control", "response-content-disposition",
        "response-content-encoding", "response-content-language", "response-content-type",
        "response-expires", "restore", "select", "select-type", "storageClass", "tagging", "torrent",
        "uploadId", "uploads", "versionId", "versioning", "versions", "website",
    }
)  # fmt: skip


def is_presigned_v2(query: bytes) -> bool:
    """Whether a query carries a signature of version 2."""
    return b"AWSAccessKeyId=" in query and b"Signature=" in query


def verify_presigned(
    secret_for: Callable[[str], str | None],
    *,
    method: str,
    raw_path: bytes,
    bucket_from_host: str,
    query: bytes,
    headers: Mapping[str, str],
    now: float,
) -> Verified:
    """Check a presigned link.

    Parameters
    ----------
    secret_for : callable
        From access key id to secret, None when unknown.
    method : str
    raw_path : bytes
        As sent.
    bucket_from_host : str
        Bucket of a virtual-host style request, empty otherwise.
    query : bytes
        As sent.
    headers : mapping
        Lower-case names. ``x-amz-*``, Content-Type and Content-MD5 may be in the query instead.
    now : float
        Epoch seconds.

    Raises
    ------
    SignatureProblem
    """
    values: dict[str, str] = {}
    pieces: list[tuple[str, str | None]] = []
    for piece in query.split(b"&"):
        raw_name, equals, raw_value = piece.partition(b"=")
        name, value = _text(raw_name), _text(raw_value)
        if name in _AUTH and name in values:
            raise SignatureProblem(f"{name} must be given once.", code="AccessDenied")
        values.setdefault(name, value)
        if name in _SIGNED:
            pieces.append((name, value if equals else None))
        elif (
            method not in ("GET", "HEAD")
            and name not in _AUTH
            and name not in ("", "x-id", "content-type", "content-md5")
            and not name.lower().startswith("x-amz-")
        ):
            raise SignatureProblem(
                f"The parameter {name[:60]!r} is not covered by the signature of this link.",
                code="AccessDenied",
            )
    missing = [name for name in sorted(_AUTH) if not values.get(name)]
    if missing:
        raise SignatureProblem(
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters; "
            f"missing: {', '.join(missing)}.",
            code="AccessDenied",
        )
    expires = values["Expires"]
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
        raise SignatureProblem(f"Expires={expires[:40]!r} must be a number of seconds.", code="AccessDenied")
    if now > int(expires):
        raise SignatureProblem("Request has expired. Ask for a new link.", code="RequestExpired")
    access_key_id = values["AWSAccessKeyId"]
    secret = secret_for(access_key_id)
    if secret is None:
        raise SignatureProblem(
            f"The access key id {access_key_id[:128]!r} does not exist here.", code="InvalidAccessKeyId"
        )

    def named(name: str) -> str:
        return (headers.get(name) or values.get(name) or "").strip()

    amz = {name: value for name, value in headers.items() if name.startswith("x-amz-")}
    for name, value in values.items():
        if name.lower().startswith("x-amz-"):
            amz.setdefault(name.lower(), value)
    pieces.sort(key=lambda pair: pair[0])
    resource = (f"/{bucket_from_host}" if bucket_from_host else "") + raw_path.decode("latin-1")
    if pieces:
        resource += "?" + "&".join(n if v is None else f"{n}={v}" for n, v in pieces)
    to_sign = "\n".join(
        [
            method,
            named("content-md5"),
            named("content-type"),
            expires,
            *(f"{name}:{' '.join(value.split())}" for name, value in sorted(amz.items())),
            resource,
        ]
    )
    expected = base64.b64encode(hmac.digest(secret.encode(), to_sign.encode("utf-8", "replace"), "sha1"))
    if not hmac.compare_digest(expected, values["Signature"].encode("utf-8", "replace")):
        raise SignatureProblem(
            "The request signature we calculated does not match the signature you provided. Check "
            "your key and "
            "signing method.",
            code="SignatureDoesNotMatch",
            string_to_sign=to_sign,
        )
    return Verified(
        access_key_id,
        "us-east-1",
        "s3",
        frozenset(amz),
        True,
        UNSIGNED_PAYLOAD,
        values["Signature"],
        b"",
        "",
        "",
    )


def _text(raw: bytes) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "replace")
