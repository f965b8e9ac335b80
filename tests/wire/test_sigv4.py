"""botocore signs, we verify; then every altered request is refused."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.wire import sigv4

ACCESS, SECRET = "LKIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CREDENTIALS = Credentials(ACCESS, SECRET)
VERIFIER = sigv4.Verifier(lambda key: SECRET if key == ACCESS else None)


def sign(
    signer: auth.BaseSigner,
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> tuple[dict[str, object], float]:
    """Sign as botocore does and take the request apart as a server would."""
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers or {}))
    signer.add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    lowered = {
        k.lower(): v if isinstance(v, str) else v.decode("latin-1") for k, v in prepared.headers.items()
    }
    lowered.setdefault("host", parts.netloc)
    now = datetime.datetime.now(datetime.UTC).timestamp()
    sent: dict[str, object] = {
        "method": method,
        "raw_path": parts.path.encode(),
        "query": parts.query.encode(),
        "headers": lowered,
    }
    return sent, now


def s3_signer(region: str = "us-east-1") -> auth.S3SigV4Auth:
    return auth.S3SigV4Auth(CREDENTIALS, "s3", region)


def refused(sent: dict[str, object], now: float, **more: object) -> str:
    with pytest.raises(sigv4.SignatureProblem) as caught:
        VERIFIER.verify(**sent, now=now, **more)  # type: ignore[arg-type]
    return caught.value.code


def accepted(sent: dict[str, object], now: float, **more: object) -> sigv4.Verified:
    return VERIFIER.verify(**sent, now=now, **more)  # type: ignore[arg-type]


keys = st.text(
    st.one_of(
        st.sampled_from(" %+/.~!'()*&=;:@,?#$\\\"<>{}|^`[]\u00e9\u4e16\U0001f600"),
        st.characters(codec="utf-8"),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(key=keys)
def test_s3_header_signature_over_odd_keys(key: str) -> None:
    url = f"http://127.0.0.1:8400/bucket/{quote(key, safe='/~')}"
    sent, now = sign(s3_signer(), "GET", url)
    verified = accepted(sent, now)
    assert (verified.access_key_id, verified.region, verified.service) == (ACCESS, "us-east-1", "s3")
    assert not verified.is_presigned
    assert verified.signing_key.hex() not in repr(verified)
    assert repr(verified.signing_key) not in repr(verified)
    other = {**sent, "raw_path": sent["raw_path"] + b"x"}  # type: ignore[operator]
    assert refused(other, now) == "SignatureDoesNotMatch"


@settings(max_examples=100, deadline=None)
@given(key=keys, extra=st.dictionaries(keys, st.text(st.characters(codec="utf-8"), max_size=10), max_size=4))
def test_s3_presigned_over_odd_keys_and_parameters(key: str, extra: dict[str, str]) -> None:
    extra = {k: v for k, v in extra.items() if not k.startswith("X-Amz-")}
    query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in extra.items())
    url = f"http://h:1/bucket/{quote(key, safe='/~')}" + (f"?{query}" if query else "")
    sent, now = sign(auth.S3SigV4QueryAuth(CREDENTIALS, "s3", "eu-west-1", expires=60), "GET", url)
    verified = accepted(sent, now)
    assert verified.is_presigned
    assert verified.payload_hash == "UNSIGNED-PAYLOAD"
    assert refused({**sent, "query": sent["query"] + b"&a=b"}, now) == "SignatureDoesNotMatch"  # type: ignore[operator]


@settings(max_examples=80, deadline=None)
@given(pairs=st.lists(st.tuples(keys, st.text(st.characters(codec="utf-8"), max_size=8)), max_size=6))
def test_query_with_repeated_and_empty_parameters(pairs: list[tuple[str, str]]) -> None:
    # Names with the same prefix and values that sort below "=" are where naive sorting goes wrong.
    pairs = [*pairs, ("a", ""), ("a", "2"), ("a", "1"), ("a-b", "0"), ("uploads", "")]
    pairs = [(k, v) for k, v in pairs if not k.startswith("X-Amz-")]
    query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs)
    sent, now = sign(s3_signer(), "GET", f"http://h/bucket?{query}")
    accepted(sent, now)
    # The server also takes what is not encoded as the canonical form wants it, lower-case escapes for one.
    accepted({**sent, "query": sent["query"].replace(b"a-b", b"a%2db")}, now)  # type: ignore[attr-defined]
    bare = sent["query"].replace(b"uploads=", b"uploads")  # type: ignore[attr-defined]
    accepted({**sent, "query": bare}, now)


def test_other_services_sign_the_path_twice_encoded_and_the_body() -> None:
    signer = auth.SigV4Auth(CREDENTIALS, "sagemaker", "us-west-2")
    body = b'{"MaxResults": 10}'
    sent, now = sign(
        signer, "POST", "http://127.0.0.1:8400/a%20b/./c//d/../e%2Ff/", {"X-Amz-Target": "S.L"}, body
    )
    digest = hashlib.sha256(body).hexdigest()
    verified = accepted(sent, now, payload_hash=digest)
    assert (verified.service, verified.region) == ("sagemaker", "us-west-2")
    assert refused(sent, now, payload_hash=hashlib.sha256(b"{}").hexdigest()) == "SignatureDoesNotMatch"
    assert refused(sent, now, payload_hash=digest, service_hint="s3") == "SignatureDoesNotMatch"


def test_presigned_for_another_service() -> None:
    signer = auth.SigV4QueryAuth(CREDENTIALS, "sts", "us-east-1", expires=60)
    sent, now = sign(signer, "GET", "http://h/?Action=GetCallerIdentity&Version=2011-06-15")
    assert accepted(sent, now).service == "sts"


@pytest.mark.parametrize("value", ["  padded  ", "two  blanks\tand   a tab", "", "caf\u00e9"])
def test_header_whitespace_and_bytes(value: str) -> None:
    sent, now = sign(s3_signer(), "PUT", "http://h/b/k", {"x-amz-meta-note": value})
    headers = dict(sent["headers"])  # type: ignore[call-overload]
    headers["x-amz-meta-note"] = value.encode().decode("latin-1")
    accepted({**sent, "headers": headers}, now)


@pytest.mark.parametrize(
    ("name", "value"),
    [("host", "evil"), ("x-amz-date", None), ("x-amz-content-sha256", "0" * 64), ("x-amz-meta-a", "2")],
)
def test_altered_header_is_refused(name: str, value: str | None) -> None:
    sent, now = sign(s3_signer(), "PUT", "http://h/b/k", {"x-amz-meta-a": "1"})
    headers = dict(sent["headers"])  # type: ignore[call-overload]
    if value is None:
        stamp = headers[name]
        headers[name] = stamp[:-2] + ("0Z" if stamp[-2] != "0" else "1Z")
    else:
        headers[name] = value
    assert refused({**sent, "headers": headers}, now) == "SignatureDoesNotMatch"
    del headers[name]
    code = refused({**sent, "headers": headers}, now)
    assert code in ("SignatureDoesNotMatch", "IncompleteSignature", "InvalidArgument")


def test_altered_method_signature_key_and_added_headers_are_refused() -> None:
    sent, now = sign(s3_signer(), "PUT", "http://h/b/k")
    headers: dict[str, str] = dict(sent["headers"])  # type: ignore[call-overload]
    assert refused({**sent, "method": "DELETE"}, now) == "SignatureDoesNotMatch"
    assert refused({**sent, "query": b"acl"}, now) == "SignatureDoesNotMatch"
    assert refused({**sent, "headers": {**headers, "x-amz-acl": "public-read"}}, now) == "AccessDenied"
    authorization = headers["authorization"]
    flipped = authorization[:-1] + ("0" if authorization[-1] != "0" else "1")
    assert refused({**sent, "headers": {**headers, "authorization": flipped}}, now) == "SignatureDoesNotMatch"
    unknown = authorization.replace(ACCESS, "LKIAOTHER")
    assert refused({**sent, "headers": {**headers, "authorization": unknown}}, now) == "InvalidAccessKeyId"
    region = authorization.replace("us-east-1", "us-east-2")
    assert refused({**sent, "headers": {**headers, "authorization": region}}, now) == "SignatureDoesNotMatch"
    both = {**sent, "query": b"X-Amz-Signature=" + b"0" * 64}
    assert refused(both, now) == "InvalidArgument"


@pytest.mark.parametrize(
    ("authorization", "words"),
    [
        ("AWS LKIA:abcdef", "not supported"),
        ("AWS4-HMAC-SHA256 Credential=a/20260101/r/s3/aws4_request", "SignedHeaders and Signature"),
        ("AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=" + "0" * 64, "yyyymmdd"),
        (
            "AWS4-HMAC-SHA256 Credential=a/20260101/r/s3/aws4_request, SignedHeaders=host, Signature=short",
            "hexadecimal",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/20260101/r/s3/aws4_request, SignedHeaders=host;date, Signature="
            + "0" * 64,
            "sorted",
        ),
    ],
)
def test_malformed_authorization_says_what_is_wrong(authorization: str, words: str) -> None:
    headers = {"authorization": authorization, "host": "h", "x-amz-date": "20260101T000000Z"}
    with pytest.raises(sigv4.SignatureProblem, match=words) as caught:
        VERIFIER.verify(method="GET", raw_path=b"/", query=b"", headers=headers, now=1767225600.0)
    assert caught.value.code == "IncompleteSignature"


def test_unsigned_request_is_refused() -> None:
    assert refused({"method": "GET", "raw_path": b"/", "query": b"", "headers": {}}, 0.0) == (
        "MissingAuthenticationToken"
    )


def test_clock_skew_of_fifteen_minutes() -> None:
    sent, now = sign(s3_signer(), "GET", "http://h/b/k")
    accepted(sent, now + 890)
    accepted(sent, now - 890)
    assert refused(sent, now + 905) == "RequestTimeTooSkewed"
    assert refused(sent, now - 905) == "RequestTimeTooSkewed"


def presigned(now: float, **changes: int | str) -> dict[str, object]:
    arguments: dict[str, object] = {
        "base_url": "http://127.0.0.1:8400",
        "bucket": "bucket",
        "key": "a b/\u00e9+%.jpg",
        "access_key_id": ACCESS,
        "secret": SECRET,
        "region": "us-east-1",
        "expires_s": 60,
        "now": now,
        **changes,
    }
    parts = urlsplit(sigv4.presign_get(**arguments))  # type: ignore[arg-type]
    host = parts.netloc
    return {
        "method": "GET",
        "raw_path": parts.path.encode(),
        "query": parts.query.encode(),
        "headers": {"host": host},
    }


def test_our_own_links_verify_until_they_expire() -> None:
    now = 1_800_000_000.5
    sent = presigned(now, extra_query={"response-content-type": "image/png; a=b"})  # type: ignore[arg-type]
    assert accepted(sent, now).is_presigned
    accepted(sent, now + 59)
    assert refused(sent, now + 61) == "RequestExpired"
    assert refused(sent, now - 1000) == "RequestTimeTooSkewed"
    longer = {**sent, "query": sent["query"].replace(b"X-Amz-Expires=60", b"X-Amz-Expires=6000")}  # type: ignore[attr-defined]
    assert refused(longer, now) == "SignatureDoesNotMatch"
    assert refused({**sent, "headers": {"host": "other"}}, now) == "SignatureDoesNotMatch"
    twice = {**sent, "query": sent["query"] + b"&X-Amz-Expires=60"}  # type: ignore[operator]
    assert refused(twice, now) == "AuthorizationQueryParametersError"


def test_our_own_links_equal_those_of_botocore() -> None:
    signer = auth.S3SigV4QueryAuth(CREDENTIALS, "s3", "us-east-1", expires=900)
    request = AWSRequest(method="GET", url="http://127.0.0.1:8400/bucket/some/key%20one.png")
    signer.add_auth(request)
    stamp = dict(piece.split("=", 1) for piece in urlsplit(request.url).query.split("&"))["X-Amz-Date"]
    now = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC).timestamp()
    ours = sigv4.presign_get(
        base_url="http://127.0.0.1:8400",
        bucket="bucket",
        key="some/key one.png",
        access_key_id=ACCESS,
        secret=SECRET,
        region="us-east-1",
        expires_s=900,
        now=now,
    )
    assert ours == request.url


@pytest.mark.parametrize("expires", ["0", "604801", "-1", "x", "1.5", ""])
def test_expiry_out_of_range_is_refused(expires: str) -> None:
    now = 1_800_000_000.0
    sent = presigned(now)
    changed = {
        **sent,
        "query": sent["query"].replace(b"X-Amz-Expires=60", f"X-Amz-Expires={expires}".encode()),
    }  # type: ignore[attr-defined]
    assert refused(changed, now) == "AuthorizationQueryParametersError"
    with pytest.raises(ValueError, match="604800"):
        presigned(now, expires_s=604_801)


def test_default_port_is_left_out_of_the_signed_host() -> None:
    sent = presigned(1_800_000_000.0, base_url="http://store.example:80")
    accepted({**sent, "headers": {"host": "store.example"}}, 1_800_000_000.0)


def test_scope_service_reads_header_and_query() -> None:
    sent, _ = sign(auth.SigV4Auth(CREDENTIALS, "sagemaker", "us-east-1"), "POST", "http://h/")
    assert sigv4.scope_service(sent["headers"], b"") == "sagemaker"  # type: ignore[arg-type]
    assert sigv4.scope_service({}, presigned(1_800_000_000.0)["query"]) == "s3"  # type: ignore[arg-type]
    assert sigv4.scope_service({}, b"a=b") is None
    assert sigv4.scope_service({}, b"AWSAccessKeyId=a&Signature=b&Expires=1") == "s3"
    assert sigv4.scope_service({"authorization": "Basic abc"}, b"") is None
