"""The door in front of another S3 store: another of our doors, with other credentials, under plain boto3."""

from __future__ import annotations

import contextlib
import hashlib
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import serving
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from labelwright.s3.door import Door
from labelwright.s3.forward import Forwarder
from labelwright.s3.store import ObjectStore
from labelwright.s3.upstream import Upstream
from labelwright.wire.sigv4 import Verifier

MIB = 1 << 20


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    store = ObjectStore(tmp_path_factory.mktemp("behind"))
    behind = Door(store, Verifier(lambda key: "other" if key == "LKIAOTHER" else None), clock=time.time)
    with serving.running(behind) as address:
        upstream = Upstream(address, "us-east-1", "LKIAOTHER", "other")
        with serving.running(Forwarder(upstream, serving.verifier(), clock=time.time)) as url:
            client = serving.client(url)
            client.create_bucket(Bucket="passed")
            yield client
            client.close()
    store.close()


@pytest.mark.parametrize("key", ["plain", "a b+c%", "\u00e9/\u4e16", "a//b", "../x", "folder/", "x?y#z"])
def test_objects_pass_through(front: Any, key: str) -> None:
    front.put_object(
        Bucket="passed", Key=key, Body=b"body", ContentType="a/b", Metadata={"m": "1"}, ContentEncoding="gzip"
    )
    got = front.get_object(Bucket="passed", Key=key, ChecksumMode="ENABLED")
    assert got["Body"].read() == b"body"
    assert (got["ContentType"], got["Metadata"], got["ContentEncoding"]) == ("a/b", {"m": "1"}, "gzip")
    assert "ChecksumCRC32" in got
    assert front.get_object(Bucket="passed", Key=key, Range="bytes=1-2")["Body"].read() == b"od"
    front.copy_object(Bucket="passed", Key="copied", CopySource={"Bucket": "passed", "Key": key})
    listed = front.list_objects_v2(Bucket="passed")["Contents"]
    assert {o["Key"] for o in listed} == {key, "copied"}
    front.delete_objects(Bucket="passed", Delete={"Objects": [{"Key": key}, {"Key": "copied"}]})
    with pytest.raises(ClientError, match="404"):
        front.head_object(Bucket="passed", Key=key)


def test_select_passes_through(front: Any) -> None:
    front.put_object(Bucket="passed", Key="m", Body=b'{"a":1}\n{"a":2}\n')
    answer = front.select_object_content(
        Bucket="passed", Key="m", Expression="SELECT * FROM S3Object s WHERE s.a = 2", ExpressionType="SQL",
        InputSerialization={"JSON": {"Type": "LINES"}}, OutputSerialization={"JSON": {}},
    )  # fmt: skip
    with contextlib.closing(answer["Payload"]) as payload:
        events = list(payload)
    assert events[0]["Records"]["Payload"] == b'{"a":2}\n'
    front.delete_object(Bucket="passed", Key="m")


def test_multipart_streams_through(front: Any) -> None:
    body = hashlib.shake_256(b"through").digest(11 * MIB + 7)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    front.upload_fileobj(io.BytesIO(body), "passed", "big", Config=config)
    out = io.BytesIO()
    front.download_fileobj("passed", "big", out, Config=config)
    assert out.getvalue() == body
    assert front.head_object(Bucket="passed", Key="big")["ETag"].endswith('-3"')


def test_links_conditions_and_errors(front: Any) -> None:
    front.put_object(Bucket="passed", Key="once", Body=b"x", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        front.put_object(Bucket="passed", Key="once", Body=b"y", IfNoneMatch="*")
    link = front.generate_presigned_url("get_object", Params={"Bucket": "passed", "Key": "once"})
    response = httpx.get(link, headers={"origin": "null"})
    assert (response.status_code, response.content) == (200, b"x")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["content-security-policy"] == "sandbox"
    assert httpx.get(link.replace("once", "other")).status_code == 403
    with pytest.raises(ClientError, match="NoSuchBucket"):
        front.get_object(Bucket="not-there", Key="x")
    with pytest.raises(ClientError, match="BadDigest"):
        front.put_object(Bucket="passed", Key="bad", Body=b"x", ChecksumCRC32="AAAAAA==")


def test_store_that_does_not_answer(tmp_path: Path) -> None:
    upstream = Upstream("http://127.0.0.1:9", "us-east-1", "LKIAOTHER", "other")
    with serving.running(Forwarder(upstream, serving.verifier(), clock=time.time)) as url:
        client = serving.client(url)
        with pytest.raises(ClientError, match="does not answer"):
            client.list_buckets()
        client.close()
