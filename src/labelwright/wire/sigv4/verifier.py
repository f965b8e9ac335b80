"""Verify: compute the signature that a request should have, and compare."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from labelwright.wire.canonical import canonical_query, path_once, path_twice
from labelwright.wire.sigv4.claim import SignatureProblem
from labelwright.wire.sigv4.header_form import claim_of_header
from labelwright.wire.sigv4.query_form import claim_of_query
from labelwright.wire.sigv4.scope import ALGORITHM, Scope, signing_key

__all__ = ["Verified", "Verifier"]

_BLANKS = re.compile(r"[ \t]+")
_MAX_KEYS = 1024


class Verified(NamedTuple):
    """What a good signature says. A tuple, because one is made for every request.

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
    signing_key: bytes
    amz_date: str
    scope: str

    def __repr__(self) -> str:
        """Without the key, which must not get into a log."""
        return f"Verified({self.access_key_id!r}, {self.scope!r}, is_presigned={self.is_presigned})"


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
            claim = claim_of_header(authorization, headers, now, payload_hash)
        elif b"X-Amz-" in query:
            claim = claim_of_query(query, headers, now, payload_hash)
        else:
            raise SignatureProblem(
                "The request is not signed. Sign it with Signature Version 4 and the credentials printed by "
                "`labelwright env`.",
                code="MissingAuthenticationToken",
            )
        scope, signed_text, names, signed, body_hash, amz_date, signature, is_presigned = claim
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
                        f"There were headers present in the request which were not signed: {name}. Sign "
                        "every x-amz-* header that is sent.",
                        code="AccessDenied",
                    )
            path = path_once(raw_path)
        else:
            path = path_twice(raw_path)
        key = self._key(scope)
        lines = []
        for name in names:
            value = headers.get(name)
            if value is None:
                raise SignatureProblem(
                    f"The signed header {name[:100]!r} is missing in the request.",
                    code="SignatureDoesNotMatch",
                )
            if "  " in value or "\t" in value:
                value = _BLANKS.sub(" ", value)
            lines.append(f"{name}:{value.strip(' ')}\n")
        parameters = canonical_query(query, is_presigned=is_presigned)
        canonical = f"{method}\n{path}\n{parameters}\n{''.join(lines)}\n{signed_text}\n{body_hash}"
        digest = hashlib.sha256(canonical.encode("latin-1", "replace")).hexdigest()
        to_sign = f"{ALGORITHM}\n{amz_date}\n{scope.text}\n{digest}"
        expected = hmac.digest(key, to_sign.encode(), "sha256").hex()
        if not hmac.compare_digest(expected, signature):
            raise SignatureProblem(
                "The request signature we calculated does not match the signature you provided. Check your "
                "key and signing method.",
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

    def _key(self, scope: Scope) -> bytes:
        secret = self.secret_for(scope.access_key_id)
        if secret is None:
            raise SignatureProblem(
                f"The access key id {scope.access_key_id[:128]!r} does not exist here. `labelwright env` "
                "prints the credentials of this server.",
                code="InvalidAccessKeyId",
            )
        index = (secret, scope.date, scope.region, scope.service)
        key = self._keys.get(index)
        if key is None:
            key = signing_key(secret, date=scope.date, region=scope.region, service=scope.service)
            if len(self._keys) >= _MAX_KEYS:
                self._keys.clear()
            self._keys[index] = key
        return key
