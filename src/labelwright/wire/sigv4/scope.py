"""Credential scopes: who signs for which day, region and service; their times and keys."""

from __future__ import annotations

import calendar
import dataclasses
import hmac
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote_to_bytes

__all__ = [
    "ALGORITHM",
    "MAX_EXPIRES_S",
    "Scope",
    "amz_date_of",
    "epoch_of",
    "scope_of",
    "scope_service",
    "signing_key",
]

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_EXPIRES_S = 604_800

_CREDENTIAL = re.compile(r"(.{1,128}?)/(\d{8})/([A-Za-z0-9-]{1,64})/([A-Za-z0-9-]{1,64})/aws4_request")
_AMZ_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z")


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """A parsed credential.

    Attributes
    ----------
    access_key_id : str
    date : str
        ``yyyymmdd``.
    region, service : str
    text : str
        All but the access key id, as it is signed.
    """

    access_key_id: str
    date: str
    region: str
    service: str
    text: str


@lru_cache(maxsize=1024)
def scope_of(credential: str) -> Scope | None:
    """The scope of ``<access key id>/<yyyymmdd>/<region>/<service>/aws4_request``; None for anything else."""
    match = _CREDENTIAL.fullmatch(credential)
    if match is None:
        return None
    access_key_id, date, region, service = match.groups()
    return Scope(access_key_id, date, region, service, f"{date}/{region}/{service}/aws4_request")


def scope_service(headers: Mapping[str, str], query: bytes | str) -> str | None:
    """Service named by the credential scope, without verifying anything; None when the request has no scope.

    Parameters
    ----------
    headers : mapping
        Lower-case names.
    query : bytes or str
        As sent, without the question mark.
    """
    authorization = headers.get("authorization")
    if authorization is not None:
        start = authorization.find("Credential=")
        if start < 0:
            return None
        credential = authorization[start + 11 :].split(",", 1)[0].split(" ", 1)[0]
    else:
        text = query.decode("latin-1") if isinstance(query, bytes) else query
        for piece in text.split("&"):
            if piece.startswith("X-Amz-Credential="):
                credential = unquote_to_bytes(piece[17:]).decode("latin-1")
                break
        else:
            # Links of version 2 have no scope; only S3 has them.
            return "s3" if "AWSAccessKeyId=" in text and "Signature=" in text else None
    parts = credential.rsplit("/", 4)
    return parts[3] if len(parts) == 5 else None


def signing_key(secret: str, *, date: str, region: str, service: str) -> bytes:
    """The key of one day, region and service.

    Parameters
    ----------
    secret : str
    date : str
        ``yyyymmdd``.
    """
    key = hmac.digest(b"AWS4" + secret.encode(), date.encode(), "sha256")
    for part in (region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


@lru_cache(maxsize=256)
def epoch_of(amz_date: str) -> float | None:
    """Epoch seconds of a time such as ``20260131T235959Z``; None when it is none."""
    match = _AMZ_DATE.fullmatch(amz_date)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    if not (
        1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60 and year >= 1970
    ):
        return None
    return float(calendar.timegm((year, month, day, hour, minute, second)))


def amz_date_of(now: float) -> str:
    """A time in epoch seconds as it is signed, such as ``20260131T235959Z``."""
    y, mo, d, h, mi, s = time.gmtime(now)[:6]
    return f"{y:04d}{mo:02d}{d:02d}T{h:02d}{mi:02d}{s:02d}Z"
