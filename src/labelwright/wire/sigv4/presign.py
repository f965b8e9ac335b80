"""Links to objects that need no credentials; made offline."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote, urlsplit

from labelwright.wire.sigv4.claim import UNSIGNED_PAYLOAD
from labelwright.wire.sigv4.scope import ALGORITHM, MAX_EXPIRES_S, amz_date_of, signing_key

__all__ = ["presign_get"]


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
    amz_date = amz_date_of(now)
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
