"""Multipart uploads through boto3, its transfer manager included."""

from __future__ import annotations

import base64
import hashlib
import io
import zlib
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from labelwright.s3.store import ObjectStore

MIB = 1 << 20
BODY = hashlib.shake_256(b"multipart").digest(12 * MIB + 345)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def staged(store: ObjectStore) -> set[str]:
    return set(store.files.staged_names())


def test_transfer_manager_up_and_down(s3: Any, bucket: str, store: ObjectStore) -> None:
    before = staged(store)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(BODY), bucket, "big/file.bin", Config=config)
    head = s3.head_object(Bucket=bucket, Key="big/file.bin", ChecksumMode="ENABLED")
    pieces = [BODY[i : i + 5 * MIB] for i in range(0, len(BODY), 5 * MIB)]
    md5s = b"".join(hashlib.md5(piece).digest() for piece in pieces)
    assert head["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-3"'
    crcs = b"".join(zlib.crc32(piece).to_bytes(4, "big") for piece in pieces)
    expected = base64.b64encode(zlib.crc32(crcs).to_bytes(4, "big")).decode()
    assert head["ChecksumCRC32"] in (
        f"{expected}-3",
        base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode(),
    )
    out = io.BytesIO()
    s3.download_fileobj(bucket, "big/file.bin", out, Config=config)
    assert out.getvalue() == BODY
    assert (store.files.root / bucket / "big/file.bin").read_bytes() == BODY
    assert staged(store) == before


def test_parts_by_hand(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ContentType="a/b", Metadata={"m": "1"})[
        "UploadId"
    ]
    at = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
    etags = {}
    for number in (3, 1, 2):
        body = bytes([number]) * (5 * MIB if number < 3 else 10)
        etags[number] = s3.upload_part(**at, PartNumber=number, Body=body)["ETag"]
    listed = s3.list_parts(**at, MaxParts=2)
    assert [part["PartNumber"] for part in listed["Parts"]] == [1, 2]
    assert listed["IsTruncated"]
    rest = s3.list_parts(**at, PartNumberMarker=listed["NextPartNumberMarker"])
    assert [part["PartNumber"] for part in rest["Parts"]] == [3]
    parts = [{"PartNumber": n, "ETag": etags[n]} for n in (1, 2, 3)]
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(**at, MultipartUpload={"Parts": [parts[1], parts[0]]})
    assert code_of(error) == "InvalidPartOrder"
    with pytest.raises(ClientError) as error:
        wrong = {"PartNumber": 1, "ETag": '"0"'}
        s3.complete_multipart_upload(**at, MultipartUpload={"Parts": [wrong]})
    assert code_of(error) == "InvalidPart"
    with pytest.raises(ClientError) as error:
        s3.upload_part(**at, PartNumber=0, Body=b"x")
    assert code_of(error) == "InvalidArgument"
    done = s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    assert done["ETag"].endswith('-3"')
    # A client that missed the answer asks again and is told the same.
    assert s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})["ETag"] == done["ETag"]
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentType"], head["Metadata"], head["ContentLength"]) == (
        "a/b",
        {"m": "1"},
        10 * MIB + 10,
    )
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=3)
    assert second["Body"].read() == b"\3" * 10
    assert second["PartsCount"] == 3
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="k", PartNumber=4)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 416


def test_small_parts_are_refused(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    at = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**at, PartNumber=n, Body=b"small")["ETag"]} for n in (1, 2)
    ]
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    assert code_of(error) == "EntityTooSmall"
    s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts[1:]})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"small"


def test_abort_removes_the_parts(s3: Any, bucket: str, store: ObjectStore) -> None:
    before = staged(store)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    at = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    s3.upload_part(**at, PartNumber=1, Body=b"one")
    s3.upload_part(**at, PartNumber=1, Body=b"again")
    assert len(staged(store) - before) == 1
    s3.abort_multipart_upload(**at)
    assert staged(store) == before
    for call in (s3.list_parts, s3.abort_multipart_upload):
        with pytest.raises(ClientError) as error:
            call(**at)
        assert code_of(error) == "NoSuchUpload"
    with pytest.raises(ClientError) as error:
        s3.upload_part(**at, PartNumber=1, Body=b"late")
    assert code_of(error) == "NoSuchUpload"
    assert staged(store) == before


def test_complete_if_absent(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"there")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    at = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    etag = s3.upload_part(**at, PartNumber=1, Body=b"new")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(**at, MultipartUpload=parts, IfNoneMatch="*")
    assert code_of(error) == "PreconditionFailed"
    s3.delete_object(Bucket=bucket, Key="k")
    s3.complete_multipart_upload(**at, MultipartUpload=parts, IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"


def test_upload_part_copy(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=BODY)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    at = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    source = {"Bucket": bucket, "Key": "source"}
    parts = []
    for number, window in ((1, f"bytes=0-{5 * MIB - 1}"), (2, f"bytes={5 * MIB}-{len(BODY) - 1}")):
        copied = s3.upload_part_copy(**at, PartNumber=number, CopySource=source, CopySourceRange=window)
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    with pytest.raises(ClientError) as error:
        s3.upload_part_copy(**at, PartNumber=3, CopySource=source, CopySourceRange="bytes=0-99999999")
    assert code_of(error) == "InvalidArgument"
    s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == BODY


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_full_object_checksums_of_parts(s3: Any, bucket: str, algorithm: str) -> None:
    whole = s3.put_object(Bucket=bucket, Key="w", Body=BODY, ChecksumAlgorithm=algorithm)[
        f"Checksum{algorithm}"
    ]
    upload = s3.create_multipart_upload(
        Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT"
    )["UploadId"]
    at = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    parts = []
    for number, body in ((1, BODY[: 6 * MIB]), (2, BODY[6 * MIB :])):
        part = s3.upload_part(**at, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    done = s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    assert done[f"Checksum{algorithm}"] == whole
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == BODY


def test_impossible_checksum_types_are_refused(s3: Any, bucket: str) -> None:
    for algorithm, kind in (("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")):
        with pytest.raises(ClientError) as error:
            s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType=kind)
        assert code_of(error) == "InvalidRequest"
