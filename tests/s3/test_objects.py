"""Objects through boto3, with its defaults."""

from __future__ import annotations

import base64
import hashlib
import io
import zlib
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from labelwright.s3.store import ObjectStore

ODD_KEYS = [
    "plain.txt", "a/b/c.jpg", "with space", "a+b", "100%", "%2e%2e/x", "\u00e9\u00fc/\u4e16\u754c.png",
    "\U0001f600", "a//b", "//", "./x", "../x", "a/../../../../etc/passwd", "..", ".", "folder/",
    "x" * 300, "colon:key", "q?uery&=#frag", "quote'\"<&>", "back\\slash", "tab\there", "tilde~",
    ".unplaced/x", "*", "a/./b",
]  # fmt: skip


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_odd_keys_come_back(s3: Any, bucket: str, key: str) -> None:
    body = key.encode() * 3
    put = s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="text/plain", Metadata={"one": "1"})
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == body
    assert got["Metadata"] == {"one": "1"}
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.copy_object(Bucket=bucket, Key="copy of", CopySource={"Bucket": bucket, "Key": key})
    assert s3.get_object(Bucket=bucket, Key="copy of")["Body"].read() == body
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}, {"Key": "copy of"}]})
    assert {o["Key"] for o in deleted["Deleted"]} == {key, "copy of"}
    s3.delete_bucket(Bucket=bucket)


def test_plain_keys_are_files_and_odd_ones_stay_inside(s3: Any, bucket: str, store: ObjectStore) -> None:
    for key in ODD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    root = store.files.root
    for key in (
        "plain.txt",
        "a/b/c.jpg",
        "with space",
        "colon:key",
        "\u00e9\u00fc/\u4e16\u754c.png",
        "%2e%2e/x",
    ):
        assert (root / bucket / key).read_bytes() == key.encode()
    allowed = {root.parent / name for name in ("objects", "objects.lock")}
    outside = {p for p in root.parent.iterdir() if not p.name.startswith("objects.sqlite")}
    assert outside == allowed
    assert not Path("/etc/passwd").read_bytes().startswith(b"a/..")
    for key in ODD_KEYS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()


def test_key_that_is_a_directory_of_another_key(s3: Any, bucket: str) -> None:
    for key in ("a/b/c", "a/b", "a", "d", "d/e", "d/e/f"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in ("a/b/c", "a/b", "a", "d", "d/e", "d/e/f"):
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    s3.delete_object(Bucket=bucket, Key="d")
    s3.put_object(Bucket=bucket, Key="d/e", Body=b"new")
    s3.delete_object(Bucket=bucket, Key="a/b")
    assert s3.get_object(Bucket=bucket, Key="a/b/c")["Body"].read() == b"a/b/c"
    assert s3.get_object(Bucket=bucket, Key="d/e")["Body"].read() == b"new"
    assert s3.get_object(Bucket=bucket, Key="d/e/f")["Body"].read() == b"d/e/f"
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="a/b")
    assert code_of(error) == ("NoSuchKey", 404)


def test_too_long_and_missing_names(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k" * 1025, Body=b"")
    assert code_of(error) == ("KeyTooLongError", 400)
    s3.put_object(Bucket=bucket, Key="k" * 1024, Body=b"x")
    for call in (s3.get_object, s3.head_object):
        with pytest.raises(ClientError) as error:
            call(Bucket=bucket, Key="absent")
        assert code_of(error)[1] == 404
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="no-such-bucket-here", Key="x")
    assert code_of(error) == ("NoSuchBucket", 404)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="no-such-bucket-here", Key="x", Body=b"x")
    assert code_of(error) == ("NoSuchBucket", 404)
    s3.delete_object(Bucket=bucket, Key="absent")


@pytest.mark.parametrize(
    ("asked", "expected", "content_range"),
    [
        ("bytes=0-9", slice(0, 10), "bytes 0-9/1000"),
        ("bytes=990-", slice(990, 1000), "bytes 990-999/1000"),
        ("bytes=-10", slice(990, 1000), "bytes 990-999/1000"),
        ("bytes=500-9999", slice(500, 1000), "bytes 500-999/1000"),
        ("bytes=-5000", slice(0, 1000), "bytes 0-999/1000"),
    ],
)
def test_ranges(s3: Any, bucket: str, asked: str, expected: slice, content_range: str) -> None:
    body = bytes(range(250)) * 4
    s3.put_object(Bucket=bucket, Key="r", Body=body)
    got = s3.get_object(Bucket=bucket, Key="r", Range=asked, ChecksumMode="ENABLED")
    assert got["Body"].read() == body[expected]
    assert got["ContentRange"] == content_range
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_range_behind_the_end_and_empty_objects(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="r", Body=b"0123456789")
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="r", Range="bytes=10-")
    assert code_of(error) == ("InvalidRange", 416)
    assert s3.get_object(Bucket=bucket, Key="r", Range="bytes=5-2")["Body"].read() == b"0123456789"
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    assert s3.get_object(Bucket=bucket, Key="empty")["Body"].read() == b""
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="empty", Range="bytes=0-1")
    assert code_of(error) == ("InvalidRange", 416)


def test_conditional_reads(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="c", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="c")["LastModified"]
    for condition in ({"IfNoneMatch": etag}, {"IfModifiedSince": modified}):
        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket=bucket, Key="c", **condition)
        assert code_of(error)[1] == 304
    for condition in ({"IfMatch": '"other"'}, {"IfUnmodifiedSince": "2001-01-01"}):
        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket=bucket, Key="c", **condition)
        assert code_of(error)[1] == 412
    # If-Match that holds wins over If-Unmodified-Since that does not.
    s3.get_object(Bucket=bucket, Key="c", IfMatch=etag, IfUnmodifiedSince="2001-01-01")


def test_put_if_absent_and_if_match(s3: Any, bucket: str) -> None:
    first = s3.put_object(Bucket=bucket, Key="p", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="p", Body=b"2", IfNoneMatch="*")
    assert code_of(error) == ("PreconditionFailed", 412)
    second = s3.put_object(Bucket=bucket, Key="p", Body=b"3", IfMatch=first)["ETag"]
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="p", Body=b"4", IfMatch=first)
    assert code_of(error) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="absent", Body=b"4", IfMatch=first)
    assert code_of(error) == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as error:
        s3.delete_object(Bucket=bucket, Key="p", IfMatch=first)
    assert code_of(error)[1] == 412
    s3.delete_object(Bucket=bucket, Key="p", IfMatch=second)


def test_headers_metadata_and_overrides(s3: Any, bucket: str) -> None:
    s3.put_object(
        Bucket=bucket,
        Key="h",
        Body=b"x",
        ContentType="image/png",
        CacheControl="max-age=5",
        ContentDisposition='attachment; filename="a b.png"',
        ContentLanguage="de",
        ContentEncoding="gzip",
        Metadata={"a-b": "two  blanks", "quoted": "=?UTF-8?B?w6k=?="},
        Tagging="k=v&x=y%20z",
    )
    head = s3.head_object(Bucket=bucket, Key="h")
    assert (head["ContentType"], head["CacheControl"], head["ContentLanguage"], head["ContentEncoding"]) == (
        "image/png", "max-age=5", "de", "gzip",
    )  # fmt: skip
    assert head["ContentDisposition"] == 'attachment; filename="a b.png"'
    assert head["Metadata"] == {"a-b": "two  blanks", "quoted": "=?UTF-8?B?w6k=?="}
    raw = head["ResponseMetadata"]["HTTPHeaders"]
    assert raw["content-security-policy"] == "sandbox"
    assert raw["x-content-type-options"] == "nosniff"
    assert s3.get_object_tagging(Bucket=bucket, Key="h")["TagSet"] == [
        {"Key": "k", "Value": "v"},
        {"Key": "x", "Value": "y z"},
    ]
    got = s3.get_object(
        Bucket=bucket, Key="h", ResponseContentType="text/css", ResponseCacheControl="no-store"
    )
    assert (got["ContentType"], got["CacheControl"]) == ("text/css", "no-store")
    s3.put_object_tagging(Bucket=bucket, Key="h", Tagging={"TagSet": [{"Key": "n", "Value": "1"}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="h")["TagSet"] == [{"Key": "n", "Value": "1"}]
    s3.delete_object_tagging(Bucket=bucket, Key="h")
    assert s3.get_object_tagging(Bucket=bucket, Key="h")["TagSet"] == []


def test_copy_directives_and_conditions(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="s", Body=b"data", ContentType="a/b", Metadata={"k": "1"})["ETag"]
    source = {"Bucket": bucket, "Key": "s"}
    s3.copy_object(Bucket=bucket, Key="t", CopySource=source)
    assert s3.head_object(Bucket=bucket, Key="t")["Metadata"] == {"k": "1"}
    s3.copy_object(
        Bucket=bucket,
        Key="s",
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"k": "2"},
        ContentType="c/d",
    )
    head = s3.head_object(Bucket=bucket, Key="s")
    assert (head["Metadata"], head["ContentType"]) == ({"k": "2"}, "c/d")
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=bucket, Key="s", CopySource=source)
    assert code_of(error) == ("InvalidRequest", 400)
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=bucket, Key="u", CopySource=source, CopySourceIfNoneMatch=etag)
    assert code_of(error)[1] == 412
    copied = s3.copy_object(Bucket=bucket, Key="u", CopySource=source, ChecksumAlgorithm="SHA256")
    assert copied["CopyObjectResult"]["ChecksumSHA256"] == (
        base64.b64encode(hashlib.sha256(b"data").digest()).decode()
    )
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=bucket, Key="v", CopySource={"Bucket": bucket, "Key": "absent"})
    assert code_of(error) == ("NoSuchKey", 404)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_are_computed_verified_and_told_again(s3: Any, bucket: str, algorithm: str) -> None:
    body = b"checksum me" * 1000
    put = s3.put_object(Bucket=bucket, Key="k", Body=io.BytesIO(body), ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == body
    name = f"Checksum{algorithm}"
    assert got[name] == put[name]
    if algorithm == "CRC32":
        assert got[name] == base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectSize"])
    assert attributes["ObjectSize"] == len(body)
    assert attributes["Checksum"][name] == put[name]


def test_wrong_checksums_are_refused(s3: Any, bucket: str) -> None:
    wrong = base64.b64encode(b"\0" * 4).decode()
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ChecksumCRC32=wrong)
    assert code_of(error) == ("BadDigest", 400)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5=base64.b64encode(b"\0" * 16).decode())
    assert code_of(error) == ("BadDigest", 400)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5="abc")
    assert code_of(error) == ("InvalidDigest", 400)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_public_access_and_customer_keys_are_refused(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    assert code_of(error) == ("AccessControlListNotSupported", 400)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="private", ServerSideEncryption="AES256")
    assert s3.get_object_acl(Bucket=bucket, Key="k")["Grants"][0]["Permission"] == "FULL_CONTROL"


def test_large_object_streams_both_ways(s3: Any, bucket: str) -> None:
    body = bytes(hashlib.shake_256(b"seed").digest(3_500_001))
    s3.put_object(Bucket=bucket, Key="big", Body=body)
    got = s3.get_object(Bucket=bucket, Key="big", ChecksumMode="ENABLED")["Body"].read()
    assert got == body
    window = s3.get_object(Bucket=bucket, Key="big", Range="bytes=1000001-3000000")["Body"].read()
    assert window == body[1000001:3000001]


def test_overwrite_is_seen_at_once(s3: Any, bucket: str) -> None:
    for i in range(30):
        s3.put_object(Bucket=bucket, Key="o", Body=str(i).encode())
        assert s3.get_object(Bucket=bucket, Key="o")["Body"].read() == str(i).encode()
