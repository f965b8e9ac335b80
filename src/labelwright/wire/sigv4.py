"""AWS Signature Version 4: verify what clients signed, and presign downloads without asking anybody.

This module decides whether a request was signed with a known secret, was not altered on the way, and is not
too old. What the caller may then do, and how a refusal is written (S3 answers XML, others JSON), is left to
the doors; so is reading the body: callers of services other than S3 hand in its hash, S3 bodies are checked
while they stream (`labelwright.s3.chunked`).

It runs on every request, so each step has a short way for the usual case: paths and queries that are
canonical already are not decoded and encoded again, signing keys and parsed scopes are kept.
"""

from __future__ import annotations

import calendar
import dataclasses
import email.utils
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes, urlsplit

from labelwright.errors import LabelwrightError
from labelwright.wire.canonical import canonical_query, path_once, path_twice

__all__ = [
    "ALGORITHM",
    "EMPTY_SHA256",
    "MAX_EXPIRES_S",
    "MAX_SKEW_S",
    "UNSIGNED_PAYLOAD",
    "SignatureProblem",
    "Verified",
    "Verifier",
    "presign_get",
    "scope_service",
    "signing_key",
]

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
MAX_SKEW_S = 900.0
MAX_EXPIRES_S = 604_800

_AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256[ ]+Credential=([^,\s]+)[, ]\s*SignedHeaders=([^,\s]+)[, ]\s*")
_CREDENTIAL = re.compile(r"(.{1,128}?)/(\d{8})/([A-Za-z0-9-]{1,64})/([A-Za-z0-9-]{1,64})/aws4_request")
_AMZ_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_PAYLOAD_HASH = re.compile(r"[0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]{1,64}")
_BLANKS = re.compile(r"[ \t]+")
_MAX_KEYS = 1024
# Longer texts are refused before they can fill a cache.
_MAX_TEXT = 8192


@dataclasses.dataclass(frozen=True, slots=True)
class Verified:
    """What a good signature says.

    Attributes
    ----------
    access_key_id, region, service : str
    signed_headers : frozenset of str
        Lower-case names.
    is_presigned : bool
        The signature came in the query.
    payload_hash : str
        Hex digest, ``UNSIGNED-PAYLOAD`` or ``STREAMING-...`` as sent.
    seed_signature, signing_key, amz_date, scope
        What the signatures of the chunks of an ``aws-chunked`` body are computed from.
    """

    access_key_id: str
    region: str
    service: str
    signed_headers: frozenset[str]
    is_presigned: bool
    payload_hash: str
    seed_signature: str
    signing_key: bytes = dataclasses.field(repr=False)
    amz_date: str
    scope: str


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


@dataclasses.dataclass(frozen=True, slots=True)
class _Scope:
    access_key_id: str
    date: str
    region: str
    service: str
    text: str


class Verifier:
    """Checks signatures against the secrets that ``secret_for`` knows. Safe to share between threads.

    Parameters
    ----------
    secret_for : callable
        From access key id to secret, None when the key is unknown.
    """

    def __init__(self, secret_for: Callable[[str], str | None]) -> None:
        self.secret_for = secret_for
        self._keys: dict[tuple[str, str, str, str], bytes] = {}

    def verify(
        self,
        *,
        method: str,
        raw_path: bytes,
        query: bytes,
        headers: Mapping[str, str],
        now: float,
        service_hint: str | None = None,
        payload_hash: str | None = None,
    ) -> Verified:
        """Check the signature of a request.

        Parameters
        ----------
        method : str
        raw_path : bytes
            Path as sent, still percent-encoded, without the query.
        query : bytes
            As sent, without the question mark.
        headers : mapping
            Lower-case names; bytes decoded as Latin-1; repeated headers joined by a comma in their order.
        now : float
            Epoch seconds.
        service_hint : str, optional
            Refuse any other service in the credential scope.
        payload_hash : str, optional
            Hex SHA-256 of the body. Needed for services other than S3, whose clients do not send it. When the
            client does send one, the two must agree.

        Raises
        ------
        SignatureProblem
        """
        authorization = headers.get("authorization")
        if authorization is not None:
            if b"X-Amz-Signature=" in query:
                raise SignatureProblem(
                    "Only one auth mechanism allowed: this request has both an Authorization header and an "
                    "X-Amz-Signature query parameter. Remove one of them.",
                    code="InvalidArgument",
                )
            return self._verify_header(
                authorization, method, raw_path, query, headers, now, service_hint, payload_hash
            )
        if b"X-Amz-" in query:
            return self._verify_query(method, raw_path, query, headers, now, service_hint, payload_hash)
        raise SignatureProblem(
            "The request is not signed. Sign it with Signature Version 4 and the credentials printed by "
            "`labelwright env`.",
            code="MissingAuthenticationToken",
        )

    def _verify_header(
        self,
        authorization: str,
        method: str,
        raw_path: bytes,
        query: bytes,
        headers: Mapping[str, str],
        now: float,
        service_hint: str | None,
        payload_hash: str | None,
    ) -> Verified:
        # All but the signature is the same for every request of a client on one day.
        start, _, signature = authorization.rpartition("Signature=")
        parts = _authorization(start) if len(start) <= _MAX_TEXT else None
        if parts is None or _SIGNATURE.fullmatch(signature) is None:
            raise SignatureProblem(_what_is_wrong(authorization), code="IncompleteSignature")
        credential, signed_text = parts
        scope = _scope(credential)
        if scope is None:
            raise SignatureProblem(
                f"Credential={credential[:200]!r} is not "
                "<access key id>/<yyyymmdd>/<region>/<service>/aws4_request.",
                code="IncompleteSignature",
            )
        amz_date = headers.get("x-amz-date")
        if amz_date is None:
            amz_date = _from_http_date(headers.get("date", ""))
        signed_at = _epoch(amz_date)
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
                f"{amz_date}, the server's clock {_amz_date(now)}; 15 minutes are allowed. Set the "
                "client's clock.",
                code="RequestTimeTooSkewed",
            )
        names = _signed_names(signed_text)
        sent_hash = headers.get("x-amz-content-sha256")
        if scope.service == "s3":
            if sent_hash is None:
                raise SignatureProblem(
                    "Missing required header for this request: x-amz-content-sha256", code="InvalidArgument"
                )
            if sent_hash != EMPTY_SHA256 and _PAYLOAD_HASH.fullmatch(sent_hash) is None:
                raise SignatureProblem(
                    f"x-amz-content-sha256={sent_hash[:99]!r} must be UNSIGNED-PAYLOAD, a "
                    "STREAMING-... value or "
                    "64 lower-case hexadecimal digits.",
                    code="InvalidArgument",
                )
            body_hash = sent_hash
        else:
            body_hash = _agreed_hash(sent_hash, payload_hash)
        return self._finish(
            scope,
            service_hint,
            method=method,
            raw_path=raw_path,
            canonical_query=canonical_query(query, is_presigned=False),
            headers=headers,
            names=names,
            signed_text=signed_text,
            body_hash=body_hash,
            amz_date=amz_date,
            signature=signature,
            is_presigned=False,
        )

    def _verify_query(
        self,
        method: str,
        raw_path: bytes,
        query: bytes,
        headers: Mapping[str, str],
        now: float,
        service_hint: str | None,
        payload_hash: str | None,
    ) -> Verified:
        values = _auth_parameters(query)
        if values["X-Amz-Algorithm"] != ALGORITHM:
            raise _bad_parameter("X-Amz-Algorithm", values["X-Amz-Algorithm"], f"it must be {ALGORITHM}")
        scope = _scope(values["X-Amz-Credential"])
        if scope is None:
            raise _bad_parameter(
                "X-Amz-Credential",
                values["X-Amz-Credential"],
                "it must be <access key id>/<yyyymmdd>/<region>/<service>/aws4_request",
            )
        signature = values["X-Amz-Signature"]
        if _SIGNATURE.fullmatch(signature) is None:
            raise _bad_parameter("X-Amz-Signature", signature, "it must be 64 lower-case hexadecimal digits")
        amz_date = values["X-Amz-Date"]
        signed_at = _epoch(amz_date)
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
                f"says {_amz_date(now)}. Ask for a new link.",
                code="RequestExpired",
            )
        if signed_at > now + MAX_SKEW_S:
            raise SignatureProblem(
                f"Request is not valid yet: it is signed for {amz_date} and the server's clock says "
                f"{_amz_date(now)}. Set the client's clock.",
                code="RequestTimeTooSkewed",
            )
        signed_text = values["X-Amz-SignedHeaders"]
        names = _signed_names(signed_text)
        if scope.service == "s3":
            sent_hash = headers.get("x-amz-content-sha256") or values.get("X-Amz-Content-Sha256")
            body_hash = sent_hash or UNSIGNED_PAYLOAD
            if _PAYLOAD_HASH.fullmatch(body_hash) is None:
                raise _bad_parameter("X-Amz-Content-Sha256", body_hash, "it is not a SHA-256 digest")
        else:
            body_hash = _agreed_hash(headers.get("x-amz-content-sha256"), payload_hash)
        return self._finish(
            scope,
            service_hint,
            method=method,
            raw_path=raw_path,
            canonical_query=canonical_query(query, is_presigned=True),
            headers=headers,
            names=names,
            signed_text=signed_text,
            body_hash=body_hash,
            amz_date=amz_date,
            signature=signature,
            is_presigned=True,
        )

    def _finish(
        self,
        scope: _Scope,
        service_hint: str | None,
        *,
        method: str,
        raw_path: bytes,
        canonical_query: str,
        headers: Mapping[str, str],
        names: tuple[tuple[str, ...], frozenset[str]],
        signed_text: str,
        body_hash: str,
        amz_date: str,
        signature: str,
        is_presigned: bool,
    ) -> Verified:
        ordered, signed = names
        service = scope.service
        if service_hint is not None and service != service_hint:
            raise SignatureProblem(
                f"The credential is scoped to the service {service!r}, this is {service_hint!r}.",
                code="SignatureDoesNotMatch",
            )
        if "host" not in signed:
            raise SignatureProblem(
                f"SignedHeaders={signed_text[:200]!r} must contain host.", code="IncompleteSignature"
            )
        if service == "s3":
            for name in headers:
                if name not in signed and name.startswith("x-amz-"):
                    raise SignatureProblem(
                        f"There were headers present in the request which were not signed: {name}. "
                        "Sign every "
                        "x-amz-* header that is sent.",
                        code="AccessDenied",
                    )
            path = path_once(raw_path)
        else:
            path = path_twice(raw_path)
        secret = self.secret_for(scope.access_key_id)
        if secret is None:
            raise SignatureProblem(
                f"The access key id {scope.access_key_id[:128]!r} does not exist here. `labelwright "
                "env` prints the "
                "credentials of this server.",
                code="InvalidAccessKeyId",
            )
        key = self._key(secret, scope)
        lines = []
        for name in ordered:
            value = headers.get(name)
            if value is None:
                raise SignatureProblem(
                    f"The signed header {name[:100]!r} is missing in the request.",
                    code="SignatureDoesNotMatch",
                )
            if "  " in value or "\t" in value:
                value = _BLANKS.sub(" ", value)
            lines.append(f"{name}:{value.strip(' ')}\n")
        canonical = f"{method}\n{path}\n{canonical_query}\n{''.join(lines)}\n{signed_text}\n{body_hash}"
        digest = hashlib.sha256(canonical.encode("latin-1", "replace")).hexdigest()
        to_sign = f"{ALGORITHM}\n{amz_date}\n{scope.text}\n{digest}"
        expected = hmac.digest(key, to_sign.encode(), "sha256").hex()
        if not hmac.compare_digest(expected, signature):
            raise SignatureProblem(
                "The request signature we calculated does not match the signature you provided. "
                "Check your key "
                "and signing method.",
                code="SignatureDoesNotMatch",
                canonical_request=canonical,
                string_to_sign=to_sign,
            )
        return Verified(
            scope.access_key_id,
            scope.region,
            service,
            signed,
            is_presigned,
            body_hash,
            signature,
            key,
            amz_date,
            scope.text,
        )

    def _key(self, secret: str, scope: _Scope) -> bytes:
        index = (secret, scope.date, scope.region, scope.service)
        key = self._keys.get(index)
        if key is None:
            key = signing_key(secret, date=scope.date, region=scope.region, service=scope.service)
            if len(self._keys) >= _MAX_KEYS:
                self._keys.clear()
            self._keys[index] = key
        return key


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


def presign_get(
    *,
    base_url: str,
    bucket: str,
    key: str,
    access_key_id: str,
    secret: str,
    region: str,
    expires_s: int,
    now: float,
    extra_query: Mapping[str, str] | None = None,
) -> str:
    """A link to an object that needs no credentials, path style; made offline.

    Parameters
    ----------
    base_url : str
        ``http://host:port`` under which the reader will reach the store.
    bucket, key : str
    access_key_id, secret, region : str
    expires_s : int
        1 to 604800.
    now : float
        Epoch seconds from which ``expires_s`` counts.
    extra_query : mapping, optional
        Further parameters to sign, such as ``response-content-type``.

    Raises
    ------
    ValueError
        When ``expires_s`` is out of range.
    """
    if not 1 <= expires_s <= MAX_EXPIRES_S:
        raise ValueError(f"expires_s={expires_s} must be 1 to {MAX_EXPIRES_S}")
    base = urlsplit(base_url)
    amz_date = _amz_date(now)
    scope = f"{amz_date[:8]}/{region}/s3/aws4_request"
    path = f"{base.path.rstrip('/')}/{bucket}/{quote(key, safe='/~')}"
    parameters = [
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{access_key_id}/{scope}"),
        ("X-Amz-Date", amz_date),
        ("X-Amz-Expires", str(expires_s)),
        ("X-Amz-SignedHeaders", "host"),
        *(extra_query or {}).items(),
    ]
    query = "&".join(
        f"{name}={value}"
        for name, value in sorted((quote(n, safe="~"), quote(v, safe="~")) for n, v in parameters)
    )
    canonical = f"GET\n{path}\n{query}\nhost:{_host(base.scheme, base.netloc)}\n\nhost\n{UNSIGNED_PAYLOAD}"
    to_sign = f"{ALGORITHM}\n{amz_date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(_presign_key(secret, amz_date[:8], region), to_sign.encode(), "sha256").hex()
    return f"{base.scheme}://{base.netloc}{path}?{query}&X-Amz-Signature={signature}"


@lru_cache(maxsize=64)
def _presign_key(secret: str, date: str, region: str) -> bytes:
    return signing_key(secret, date=date, region=region, service="s3")


def _host(scheme: str, netloc: str) -> str:
    """What clients write into the Host header: the port is left out where it is the scheme's own."""
    host = netloc.rpartition("@")[2]
    default = ":443" if scheme == "https" else ":80"
    return host.removesuffix(default)


@lru_cache(maxsize=1024)
def _scope(credential: str) -> _Scope | None:
    match = _CREDENTIAL.fullmatch(credential)
    if match is None:
        return None
    access_key_id, date, region, service = match.groups()
    return _Scope(access_key_id, date, region, service, f"{date}/{region}/{service}/aws4_request")


@lru_cache(maxsize=1024)
def _authorization(start: str) -> tuple[str, str] | None:
    """Credential and signed headers of an Authorization header without its signature."""
    match = _AUTHORIZATION.fullmatch(start)
    return None if match is None else (match[1], match[2])


@lru_cache(maxsize=1024)
def _signed_names(text: str) -> tuple[tuple[str, ...], frozenset[str]]:
    names = tuple(text.split(";"))
    if text != text.lower() or list(names) != sorted(set(names)) or "" in names:
        raise SignatureProblem(
            f"SignedHeaders={text[:200]!r} must be lower-case header names, sorted, each once, "
            "separated by ';'.",
            code="IncompleteSignature",
        )
    return names, frozenset(names)


@lru_cache(maxsize=256)
def _epoch(amz_date: str) -> float | None:
    match = _AMZ_DATE.fullmatch(amz_date)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    if not (
        1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60 and year >= 1970
    ):
        return None
    return float(calendar.timegm((year, month, day, hour, minute, second)))


def _amz_date(now: float) -> str:
    y, mo, d, h, mi, s = time.gmtime(now)[:6]
    return f"{y:04d}{mo:02d}{d:02d}T{h:02d}{mi:02d}{s:02d}Z"


def _from_http_date(text: str) -> str:
    parsed = email.utils.parsedate_tz(text)
    return _amz_date(email.utils.mktime_tz(parsed)) if parsed is not None else text


_NEEDED = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)


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
        if len(raw_value) > _MAX_TEXT:
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


def _agreed_hash(sent: str | None, computed: str | None) -> str:
    if computed is None:
        return sent if sent is not None else EMPTY_SHA256
    if sent is not None and sent != computed:
        raise SignatureProblem(
            "The provided x-amz-content-sha256 header does not match the SHA-256 of the body.",
            code="SignatureDoesNotMatch",
        )
    return computed


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
