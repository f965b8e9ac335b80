"""Links of version 2: botocore makes them, we verify; then every altered one is refused."""

from __future__ import annotations

import time
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.wire.sigv2 import is_presigned_v2, verify_presigned
from labelwright.wire.sigv4 import SignatureProblem, Verified

ACCESS, SECRET = "LKIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HEADERS = {"host": "h"}


def link(
    method: str, path: str, query: str = "", headers: dict[str, str] | None = None
) -> tuple[bytes, bytes]:
    request = AWSRequest(method, f"http://h{path}" + (f"?{query}" if query else ""), headers=headers or {})
    request.auth_path = path
    HmacV1QueryAuth(Credentials(ACCESS, SECRET), expires=60).add_auth(request)
    parts = urlsplit(request.url)
    return parts.path.encode(), parts.query.encode()


def check(
    path: bytes,
    query: bytes,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    now: float | None = None,
) -> Verified:
    return verify_presigned(
        lambda key: SECRET if key == ACCESS else None,
        method=method,
        raw_path=path,
        bucket_from_host="",
        query=query,
        headers={**HEADERS, **(headers or {})},
        now=time.time() if now is None else now,
    )


def refused(*args: object, **kwargs: object) -> str:
    with pytest.raises(SignatureProblem) as caught:
        check(*args, **kwargs)  # type: ignore[arg-type]
    return caught.value.code


@settings(max_examples=80, deadline=None)
@given(
    key=st.text(
        st.one_of(st.sampled_from(" %+/.&=?#"), st.characters(codec="utf-8")), min_size=1, max_size=20
    ),
    disposition=st.text(st.characters(codec="ascii", min_codepoint=32), max_size=12),
)
def test_links_over_odd_keys(key: str, disposition: str) -> None:
    path, query = link(
        "GET",
        f"/bucket/{quote(key, safe='/~')}",
        f"response-content-disposition={quote(disposition, safe='')}&uploadId=a%2Bb",
    )
    assert is_presigned_v2(query)
    verified = check(path, query)
    assert (verified.service, verified.is_presigned, verified.payload_hash) == (
        "s3",
        True,
        "UNSIGNED-PAYLOAD",
    )
    assert refused(path + b"x", query) == "SignatureDoesNotMatch"
    assert refused(path, query + b"&versionId=1") == "SignatureDoesNotMatch"


def test_signed_headers_may_come_as_headers_or_in_the_query() -> None:
    headers = {"x-amz-meta-a": "1", "Content-Type": "image/png"}
    path, query = link("PUT", "/bucket/key", headers=headers)
    assert b"x-amz-meta-a=1" in query
    check(path, query, "PUT")
    check(path, query, "PUT", {"content-type": "image/png", "x-amz-meta-a": "1"})
    assert refused(path, query, "PUT", {"content-type": "text/html"}) == "SignatureDoesNotMatch"
    assert refused(path, query, "PUT", {"x-amz-meta-b": "1"}) == "SignatureDoesNotMatch"
    assert refused(path, query, "PUT", {"x-amz-meta-a": "2"}) == "SignatureDoesNotMatch"


def test_altered_and_expired_links_are_refused() -> None:
    path, query = link("GET", "/bucket/key")
    assert refused(path, query, "DELETE") == "SignatureDoesNotMatch"
    assert refused(path, query, now=time.time() + 61) == "RequestExpired"
    assert refused(path, query.replace(b"Expires=", b"Expires=9")) == "SignatureDoesNotMatch"
    assert refused(path, query.replace(b"LKIAEXAMPLE", b"LKIAOTHER")) == "InvalidAccessKeyId"
    assert refused(path, query + b"&Expires=1") == "AccessDenied"
    assert refused(path, b"AWSAccessKeyId=a&Signature=b") == "AccessDenied"
    assert refused(path, query.replace(b"Expires=", b"Expires=x")) == "AccessDenied"


def test_a_link_that_writes_carries_no_unsigned_parameter() -> None:
    path, query = link("PUT", "/bucket")
    check(path, query, "PUT")
    assert refused(path, query + b"&publicAccessBlock", "PUT") == "AccessDenied"


def test_bucket_in_the_host_name() -> None:
    request = AWSRequest("GET", "http://bucket.localhost/key")
    request.auth_path = "/bucket/key"
    HmacV1QueryAuth(Credentials(ACCESS, SECRET), expires=60).add_auth(request)
    verify_presigned(
        lambda _: SECRET,
        method="GET",
        raw_path=b"/key",
        bucket_from_host="bucket",
        query=urlsplit(request.url).query.encode(),
        headers=HEADERS,
        now=time.time(),
    )
