"""Who may do what: signatures, links, CORS, chunk signatures; and buckets with their sub-resources."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import zlib
from typing import Any
from xml.etree import ElementTree

import boto3
import httpx
import pytest
import serving
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from labelwright.wire import sigv4

CREDENTIALS = Credentials(serving.ACCESS, serving.SECRET)


def error_of(response: httpx.Response) -> tuple[int, str]:
    tree = ElementTree.fromstring(response.content)
    assert tree.tag == "Error"
    assert tree.findtext("RequestId") == response.headers["x-amz-request-id"]
    return response.status_code, tree.findtext("Code") or ""


def signed(method: str, url: str, body: bytes = b"", **headers: str) -> dict[str, str]:
    """Headers of a request, signed by botocore."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest(method, url, headers=named, data=body)
    S3SigV4Auth(CREDENTIALS, "s3", "us-east-1").add_auth(request)
    return {k: v for k, v in request.headers.items() if k.lower() != "host"}


def test_unsigned_and_wrongly_signed_requests_are_refused(s3: Any, bucket: str, url: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"secret")
    for method in ("GET", "HEAD", "PUT", "DELETE", "POST"):
        response = httpx.request(method, f"{url}/{bucket}/k")
        assert response.status_code == 403
        assert b"secret" not in response.content
    assert error_of(httpx.get(f"{url}/{bucket}/k")) == (403, "AccessDenied")
    assert error_of(httpx.get(f"{url}/")) == (403, "AccessDenied")
    for access, secret, code in (
        (serving.ACCESS, "wrong", "SignatureDoesNotMatch"),
        ("LKIAUNKNOWN", serving.SECRET, "InvalidAccessKeyId"),
    ):
        stranger = boto3.client(
            "s3",
            endpoint_url=url,
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            region_name="us-east-1",
            config=Config(retries={"max_attempts": 1}),
        )
        with pytest.raises(ClientError) as error:
            stranger.put_object(Bucket=bucket, Key="k", Body=b"other")
        assert error.value.response["Error"]["Code"] == code
        stranger.close()
    good = signed("GET", f"{url}/{bucket}/k")
    assert httpx.get(f"{url}/{bucket}/k", headers=good).content == b"secret"
    assert error_of(httpx.get(f"{url}/{bucket}/other", headers=good)) == (403, "SignatureDoesNotMatch")
    assert error_of(httpx.get(f"{url}/{bucket}/k?acl", headers=good)) == (403, "SignatureDoesNotMatch")
    assert (
        error_of(httpx.get(f"{url}/{bucket}/k", headers={**good, "x-amz-acl": "private"}))[1]
        == "AccessDenied"
    )
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"secret"


def test_a_body_that_is_not_the_signed_one_is_refused(s3: Any, bucket: str, url: str) -> None:
    target = f"{url}/{bucket}/k"
    headers = signed("PUT", target, b"signed body")
    assert error_of(httpx.put(target, headers=headers, content=b"another body")) == (
        400,
        "XAmzContentSHA256Mismatch",
    )
    assert httpx.put(target, headers=headers, content=b"signed body").status_code == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"signed body"


def test_presigned_links(s3: Any, bucket: str, url: str) -> None:
    s3.put_object(Bucket=bucket, Key="a b/\u00e9+%.txt", Body=b"content", ContentType="text/plain")
    params = {"Bucket": bucket, "Key": "a b/\u00e9+%.txt"}
    link = s3.generate_presigned_url("get_object", Params=params, ExpiresIn=60)
    response = httpx.get(link)
    assert (response.status_code, response.content) == (200, b"content")
    assert response.headers["content-security-policy"] == "sandbox"
    assert response.headers["access-control-allow-origin"] == "*"
    assert httpx.get(link, headers={"range": "bytes=0-2"}).content == b"con"
    changed = s3.generate_presigned_url(
        "get_object",
        Params={**params, "ResponseContentType": "image/png", "ResponseContentDisposition": "inline"},
    )
    response = httpx.get(changed)
    assert response.headers["content-type"] == "image/png"
    assert response.headers["content-disposition"] == "inline"
    # The link is for this object, this method and these parameters only.
    assert httpx.get(link + "&response-content-type=text/html").status_code == 403
    assert httpx.delete(link).status_code == 403
    assert httpx.get(link.replace("a%20b", "a%20c")).status_code == 403
    upload = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "new"}, ExpiresIn=60)
    assert httpx.put(upload, content=b"uploaded").status_code == 200
    assert s3.get_object(Bucket=bucket, Key="new")["Body"].read() == b"uploaded"
    head = s3.generate_presigned_url("head_object", Params={"Bucket": bucket, "Key": "new"})
    assert httpx.head(head).headers["content-length"] == "8"


def test_expired_link_is_refused(s3: Any, bucket: str, url: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    made = {"base_url": url, "bucket": bucket, "key": "k", "access_key_id": serving.ACCESS}
    made |= {"secret": serving.SECRET, "region": "us-east-1"}
    fresh = sigv4.presign_get(**made, expires_s=60, now=time.time())  # type: ignore[arg-type]
    assert httpx.get(fresh).content == b"x"
    stale = sigv4.presign_get(**made, expires_s=60, now=time.time() - 61)  # type: ignore[arg-type]
    response = httpx.get(stale)
    assert error_of(response) == (403, "AccessDenied")
    assert "expired" in response.text


def chunked_put(url: str, body: bytes, *, spoil: str = "") -> httpx.Response:
    """A STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER put, made from the published rules."""
    target = f"{url}/chunked"
    headers = {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(len(body)),
        "x-amz-trailer": "x-amz-checksum-crc32",
        "content-encoding": "aws-chunked",
    }
    request = AWSRequest("PUT", target, headers=headers)
    signer = S3SigV4Auth(CREDENTIALS, "s3", "us-east-1")
    signer.payload = lambda _: headers["x-amz-content-sha256"]  # type: ignore[method-assign]
    signer.add_auth(request)
    stamp = request.headers["X-Amz-Date"]
    scope = f"{stamp[:8]}/us-east-1/s3/aws4_request"
    key = sigv4.signing_key(serving.SECRET, date=stamp[:8], region="us-east-1", service="s3")
    previous = request.headers["Authorization"].rpartition("Signature=")[2]
    sent = b""
    for start in range(0, len(body) + 8192, 8192):
        chunk = body[start : start + 8192]
        text = (
            f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{scope}\n{previous}\n{sigv4.EMPTY_SHA256}\n"
            f"{hashlib.sha256(chunk).hexdigest()}"
        )
        previous = hmac.digest(key, text.encode(), "sha256").hex()
        if spoil == "chunk" and start == 8192:
            chunk = b"!" + chunk[1:]
        sent += b"%x;chunk-signature=%s\r\n" % (len(chunk), previous.encode())
        if not chunk:
            break
        sent += chunk + b"\r\n"
    crc = zlib.crc32(body) ^ (spoil == "checksum")
    trailer = f"x-amz-checksum-crc32:{base64.b64encode(crc.to_bytes(4, 'big')).decode()}\n"
    digest = hashlib.sha256(trailer.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256-TRAILER\n{stamp}\n{scope}\n{previous}\n{digest}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    if spoil == "trailer":
        signature = "0" * 64
    sent += f"{trailer.strip()}\r\nx-amz-trailer-signature:{signature}\r\n\r\n".encode()
    if spoil == "cut":
        sent = sent[:9000]
    final = {k: v for k, v in request.headers.items() if k.lower() != "host"}
    return httpx.put(target, headers=final, content=sent)


def test_signed_chunks_and_trailer(s3: Any, bucket: str, url: str) -> None:
    body = hashlib.shake_256(b"chunks").digest(20_000)
    response = chunked_put(f"{url}/{bucket}", body)
    assert response.status_code == 200, response.text
    got = s3.get_object(Bucket=bucket, Key="chunked", ChecksumMode="ENABLED")
    assert got["Body"].read() == body
    assert "ContentEncoding" not in got
    for spoil, code in (
        ("chunk", "SignatureDoesNotMatch"),
        ("trailer", "SignatureDoesNotMatch"),
        ("checksum", "BadDigest"),
        ("cut", "IncompleteBody"),
    ):
        response = chunked_put(f"{url}/{bucket}", body[::-1], spoil=spoil)
        assert error_of(response)[1] == code
    assert s3.get_object(Bucket=bucket, Key="chunked")["Body"].read() == body


def test_open_cors_by_default_and_rules_when_there_are(s3: Any, bucket: str, url: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    link = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert httpx.get(link, headers={"origin": "null"}).headers["access-control-allow-origin"] == "*"
    ask = {
        "origin": "null",
        "access-control-request-method": "GET",
        "access-control-request-headers": "range",
    }
    allowed = httpx.options(f"{url}/{bucket}/k", headers=ask)
    assert (allowed.status_code, allowed.headers["access-control-allow-headers"]) == (200, "range")
    refused = httpx.options(f"{url}/{bucket}/k", headers={**ask, "access-control-request-method": "PUT"})
    assert error_of(refused) == (403, "AccessDenied")
    rule = {
        "AllowedOrigins": ["https://*.example.com"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["x-*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 5,
    }
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [rule]
    good = httpx.get(link, headers={"origin": "https://a.example.com"})
    assert good.headers["access-control-allow-origin"] == "https://a.example.com"
    assert good.headers["access-control-expose-headers"] == "ETag"
    assert (
        "access-control-allow-origin" not in httpx.get(link, headers={"origin": "https://evil.test"}).headers
    )
    put = {"origin": "https://a.example.com", "access-control-request-method": "PUT"}
    allowed = httpx.options(
        f"{url}/{bucket}/k", headers={**put, "access-control-request-headers": "x-a, x-b"}
    )
    assert (allowed.status_code, allowed.headers["access-control-max-age"]) == (200, "5")
    assert (
        httpx.options(f"{url}/{bucket}/k", headers={**put, "access-control-request-headers": "y"}).status_code
        == 403
    )
    s3.delete_bucket_cors(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket=bucket)
    assert httpx.get(link, headers={"origin": "null"}).headers["access-control-allow-origin"] == "*"


def test_bucket_life(s3: Any) -> None:
    s3.create_bucket(Bucket="life-of-a-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.create_bucket(Bucket="life-of-a-bucket")
    assert s3.get_bucket_location(Bucket="life-of-a-bucket")["LocationConstraint"] == "eu-west-1"
    assert s3.head_bucket(Bucket="life-of-a-bucket")["BucketRegion"] == "eu-west-1"
    assert "life-of-a-bucket" in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    s3.put_object(Bucket="life-of-a-bucket", Key="k", Body=b"")
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket="life-of-a-bucket")
    s3.delete_object(Bucket="life-of-a-bucket", Key="k")
    s3.delete_bucket(Bucket="life-of-a-bucket")
    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket="life-of-a-bucket")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize(
    "name", ["UPPER", "ab", "a..b", "-ab", "ab-", "192.168.1.1", "x" * 64, "xn--a", "a_b"]
)
def test_bad_bucket_names(url: str, name: str) -> None:
    target = f"{url}/{name}"
    assert error_of(httpx.put(target, headers=signed("PUT", target))) == (400, "InvalidBucketName")


def test_sub_resources_say_what_there_is(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"] == "FULL_CONTROL"
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocked)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b"}]
    s3.delete_bucket_tagging(Bucket=bucket)
    for call, code in (
        (s3.get_bucket_policy, "NoSuchBucketPolicy"),
        (s3.get_bucket_tagging, "NoSuchTagSet"),
        (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
        (s3.get_bucket_encryption, "ServerSideEncryptionConfigurationNotFoundError"),
        (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
    ):
        with pytest.raises(ClientError) as error:
            call(Bucket=bucket)
        assert error.value.response["Error"]["Code"] == code
    with pytest.raises(ClientError, match="PutBucketPolicy is not implemented"):
        s3.put_bucket_policy(Bucket=bucket, Policy="{}")
    with pytest.raises(ClientError, match="PutBucketVersioning is not implemented"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<Delete>", b"<Other/>", b"<Delete/>",
        b'<!DOCTYPE d [<!ENTITY a "x">]><Delete><Object><Key>&a;</Key></Object></Delete>',
    ],
)  # fmt: skip
def test_malformed_documents_are_refused(bucket: str, url: str, body: bytes) -> None:
    target = f"{url}/{bucket}?delete"
    response = httpx.post(target, headers=signed("POST", target, body), content=body)
    assert error_of(response) == (400, "MalformedXML")


@pytest.mark.parametrize(
    "query",
    ["list-type=2&max-keys=x", "list-type=2&max-keys=-1", "max-keys=99999999999999", "encoding-type=html"],
)
def test_bad_numbers_name_the_parameter(bucket: str, url: str, query: str) -> None:
    target = f"{url}/{bucket}?{query}"
    assert error_of(httpx.get(target, headers=signed("GET", target))) == (400, "InvalidArgument")


def test_virtual_host_style(s3: Any, bucket: str, url: str) -> None:
    s3.put_object(Bucket=bucket, Key="a//b c", Body=b"x")
    port = url.rpartition(":")[2]
    named = f"http://{bucket}.localhost:{port}/a//b%20c"
    headers = {**signed("GET", named), "host": f"{bucket}.localhost:{port}"}
    assert httpx.get(f"{url}/a//b%20c", headers=headers).content == b"x"
    listing = f"http://{bucket}.localhost:{port}/?list-type=2"
    headers = {**signed("GET", listing), "host": f"{bucket}.localhost:{port}"}
    assert b"<Key>a//b c</Key>" in httpx.get(f"{url}/?list-type=2", headers=headers).content


def test_keys_that_are_not_utf8_are_refused(bucket: str, url: str) -> None:
    target = f"{url}/{bucket}/%ff%fe"
    response = httpx.put(target, headers=signed("PUT", target, b"x"), content=b"x")
    assert error_of(response) == (400, "InvalidURI")


def test_names_that_would_break_headers_are_refused(s3: Any, bucket: str, url: str) -> None:
    with pytest.raises(ClientError, match="InvalidLocationConstraint"):
        s3.create_bucket(
            Bucket="odd-region-here", CreateBucketConfiguration={"LocationConstraint": "a\r\nb: c"}
        )

    def put_by_link(query: str) -> httpx.Response:
        request = AWSRequest("PUT", f"{url}/{bucket}/k?{query}")
        S3SigV4QueryAuth(CREDENTIALS, "s3", "us-east-1", expires=60).add_auth(request)
        return httpx.put(request.url, content=b"x")

    assert error_of(put_by_link("x-amz-meta-a%20b%3A=1")) == (400, "InvalidArgument")
    assert put_by_link("x-amz-meta-note=from%20the%0D%0Alink").status_code == 200
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"note": "from thelink"}


def test_overlong_authorization_is_refused(url: str) -> None:
    long = "AWS4-HMAC-SHA256 Credential=" + "a" * 20_000
    assert httpx.get(f"{url}/b/k", headers={"authorization": long}).status_code in (400, 403, 431)
