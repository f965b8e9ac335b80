"""Operations on multipart uploads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from labelwright.s3 import attributes as at
from labelwright.s3 import conditions
from labelwright.s3.bodies import read_document, stage_body
from labelwright.s3.checksums import ALGORITHMS, algorithm_of_header
from labelwright.s3.documents import document, element, error_document, iso_time, parse, text_of, url_encoded
from labelwright.s3.index import ObjectRow
from labelwright.s3.objects import copy_source, stage_copy
from labelwright.s3.problems import S3Problem
from labelwright.s3.requests import Answer, Request, xml_answer
from labelwright.s3.store import details_text
from labelwright.s3.uploads import MAX_PARTS, Claim, Upload, multipart_etag

if TYPE_CHECKING:
    from labelwright.s3.door import Rooms

__all__ = [
    "abort_upload",
    "complete_upload",
    "create_upload",
    "list_parts",
    "list_uploads",
    "upload_part",
    "upload_part_copy",
]

# Putting large uploads together takes longer than clients wait; blanks keep their connection alive, as in S3.
_PATIENCE_S = 5.0


async def create_upload(rooms: Rooms, request: Request) -> Answer:
    """CreateMultipartUpload."""
    given = at.from_headers(request.headers)
    algorithm = request.headers.get("x-amz-checksum-algorithm", "").lower() or None
    upload = await asyncio.to_thread(
        rooms.uploads.create,
        request.bucket,
        request.key,
        content_type=given.content_type,
        details=details_text(headers=given.headers, metadata=given.metadata, tags=given.tags),
        algorithm=algorithm,
        checksum_type=request.headers.get("x-amz-checksum-type", "").upper() or None,
    )
    headers: list[tuple[bytes, bytes]] = []
    if upload.algorithm and upload.checksum_type:
        headers.append((b"x-amz-checksum-algorithm", upload.algorithm.upper().encode()))
        headers.append((b"x-amz-checksum-type", upload.checksum_type.encode()))
    pieces = [
        element("Bucket", upload.bucket),
        element("Key", upload.key),
        element("UploadId", upload.upload_id),
    ]
    return xml_answer("InitiateMultipartUploadResult", pieces, headers=headers)


async def upload_part(rooms: Rooms, request: Request) -> Answer:
    """UploadPart."""
    upload, number = _upload_and_number(rooms, request)
    also = (upload.algorithm,) if upload.algorithm else ()
    body = await stage_body(request, rooms.store.files, rooms.pool, also=also)
    part = await asyncio.wrap_future(
        rooms.uploads.put_part(upload, number, body.file, etag=body.md5_hex, checksums=body.checksums)
    )
    headers = [(b"etag", f'"{part.etag}"'.encode())]
    headers += [(f"x-amz-checksum-{name}".encode(), value.encode()) for name, value in part.checksums.items()]
    return Answer(200, headers)


async def upload_part_copy(rooms: Rooms, request: Request) -> Answer:
    """UploadPartCopy, whole objects or ranges."""
    upload, number = _upload_and_number(rooms, request)
    source = rooms.store.entry(*copy_source(request))
    row = source.row
    conditions.check_copy_source(request.headers, etag=row.etag, modified_at=row.modified_at)
    start, length = 0, row.size
    asked = request.headers.get("x-amz-copy-source-range")
    if asked is not None:
        window = conditions.parse_range(asked, row.size)
        last = asked.rpartition("-")[2]
        if window is None or not last.isdigit() or int(last) >= row.size:
            raise S3Problem(
                "InvalidArgument",
                f"Range specified is not valid for source object of size: {row.size}",
                ArgumentName="x-amz-copy-source-range",
                ArgumentValue=asked[:100],
            )
        start, length = window
    loop = asyncio.get_running_loop()
    staged, etag, checksums = await loop.run_in_executor(
        rooms.pool, stage_copy, rooms.store.files, source, start, length, upload.algorithm or ""
    )
    part = await asyncio.wrap_future(
        rooms.uploads.put_part(upload, number, staged, etag=etag, checksums=checksums)
    )
    pieces = [element("LastModified", iso_time(part.modified_at)), element("ETag", f'"{part.etag}"')]
    pieces += [element(f"Checksum{name.upper()}", value) for name, value in part.checksums.items()]
    return xml_answer("CopyPartResult", pieces)


async def complete_upload(rooms: Rooms, request: Request) -> Answer:
    """CompleteMultipartUpload, with If-Match and If-None-Match."""
    claims = _claims(parse(await read_document(request), "CompleteMultipartUpload"))
    headers = request.headers
    upload_id = request.query["uploadId"]
    try:
        upload = rooms.uploads.get(request.bucket, request.key, upload_id)
    except S3Problem as problem:
        # A client that missed our answer asks again.
        current = rooms.store.index.object(request.bucket, request.key)
        if problem.code == "NoSuchUpload" and current is not None and _is_made_of(current, claims):
            return Answer(200, [(b"content-type", b"application/xml")], _completed(current))
        raise
    is_conditional = "if-none-match" in headers or "if-match" in headers

    def condition(current: ObjectRow | None) -> None:
        conditions.check_put(headers, current_etag=None if current is None else current.etag)

    if is_conditional:
        condition(rooms.store.index.object(request.bucket, request.key))
    size = headers.get("x-amz-mp-object-size", "")
    expected = [value for name, value in headers.items() if algorithm_of_header(name) == upload.algorithm]

    def work() -> ObjectRow:
        return rooms.uploads.complete(
            upload,
            claims,
            condition=condition if is_conditional else None,
            expected_size=int(size) if size.isascii() and size.isdigit() else None,
            expected_checksum=expected[0] if expected and upload.algorithm else None,
        )

    future = asyncio.get_running_loop().run_in_executor(rooms.pool, work)
    done, _ = await asyncio.wait([future], timeout=_PATIENCE_S)
    if done:
        return Answer(200, [(b"content-type", b"application/xml")], _completed(future.result()))
    return Answer(
        200, [(b"content-type", b"application/xml")], stream=_completing(future, request)
    )  # length unknown yet


async def _completing(future: asyncio.Future[ObjectRow], request: Request) -> AsyncIterator[bytes]:
    head, _, _ = document("x", []).partition(b"\n")
    yield head + b"\n"
    while not future.done():
        await asyncio.wait([future], timeout=_PATIENCE_S)
        yield b" "
    try:
        body = _completed(future.result())
    except S3Problem as problem:
        body = error_document(
            code=problem.code,
            message=problem.message,
            resource=f"/{request.bucket}/{request.key}",
            request_id=request.request_id,
            details=problem.details,
        )
    yield body.partition(b"\n")[2]


def _completed(row: ObjectRow) -> bytes:
    details = row.parsed
    pieces = [
        element("Location", f"/{row.bucket}/{url_encoded(row.key)}"),
        element("Bucket", row.bucket),
        element("Key", row.key),
        element("ETag", f'"{row.etag}"'),
    ]
    checksums = details.get("checksums", {})
    pieces += [element(f"Checksum{name.upper()}", value) for name, value in checksums.items()]
    if checksums:
        pieces.append(element("ChecksumType", details.get("checksum_type", "")))
    return document("CompleteMultipartUploadResult", pieces)


async def abort_upload(rooms: Rooms, request: Request) -> Answer:
    """AbortMultipartUpload."""
    upload = rooms.uploads.get(request.bucket, request.key, request.query["uploadId"])
    await asyncio.to_thread(rooms.uploads.abort, upload)
    return Answer(204)


async def list_parts(rooms: Rooms, request: Request) -> Answer:
    """ListParts."""
    upload = rooms.uploads.get(request.bucket, request.key, request.query["uploadId"])
    most = min(request.number("max-parts", 1000), 1000)
    after = request.number("part-number-marker", 0)
    parts = rooms.uploads.parts(upload, after=after, limit=most + 1)
    is_truncated = len(parts) > most
    parts = parts[:most]
    pieces = [
        element("Bucket", upload.bucket),
        element("Key", upload.key),
        element("UploadId", upload.upload_id),
        element("PartNumberMarker", after),
        element("NextPartNumberMarker", parts[-1].number if parts else 0),
        element("MaxParts", most),
        element("IsTruncated", is_truncated),
        element("StorageClass", "STANDARD"),
    ]
    if upload.algorithm:
        pieces.append(element("ChecksumAlgorithm", upload.algorithm.upper()))
        pieces.append(element("ChecksumType", upload.checksum_type))
    for part in parts:
        inner = (
            element("PartNumber", part.number)
            + element("LastModified", iso_time(part.modified_at))
            + element("ETag", f'"{part.etag}"')
            + element("Size", part.size)
        )
        inner += "".join(element(f"Checksum{name.upper()}", value) for name, value in part.checksums.items())
        pieces.append(f"<Part>{inner}</Part>")
    return xml_answer("ListPartsResult", pieces)


async def list_uploads(rooms: Rooms, request: Request) -> Answer:
    """ListMultipartUploads."""
    rooms.store.bucket(request.bucket)
    query = request.query
    most = min(request.number("max-uploads", 1000), 1000)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    key_marker, id_marker = query.get("key-marker", ""), query.get("upload-id-marker", "")
    encode = url_encoded if query.get("encoding-type") == "url" else str
    listed: list[Upload] = []
    prefixes: list[str] = []
    last_key, last_id, is_truncated = key_marker, id_marker, False
    while True:
        found = rooms.uploads.uploads(
            request.bucket, prefix=prefix, key_after=last_key, id_after=last_id, limit=1000
        )
        for upload in found:
            cut = upload.key.find(delimiter, len(prefix)) if delimiter else -1
            common = upload.key[: cut + len(delimiter)] if cut >= 0 else None
            is_new = common is None or (common not in prefixes and not key_marker.startswith(common))
            if is_new and len(listed) + len(prefixes) >= most:
                is_truncated = True
                break
            if common is None:
                listed.append(upload)
            elif is_new:
                prefixes.append(common)
            last_key, last_id = upload.key, upload.upload_id
        if is_truncated or len(found) < 1000:
            break
    pieces = [
        element("Bucket", request.bucket),
        element("KeyMarker", encode(key_marker)),
        element("UploadIdMarker", id_marker),
        element("MaxUploads", most),
        element("Prefix", encode(prefix)),
        element("Delimiter", encode(delimiter)) if delimiter else "",
        element("EncodingType", "url") if encode is url_encoded else "",
        element("IsTruncated", is_truncated),
    ]
    if is_truncated:
        pieces += [element("NextKeyMarker", encode(last_key)), element("NextUploadIdMarker", last_id)]
    for upload in listed:
        inner = (
            element("Key", encode(upload.key))
            + element("UploadId", upload.upload_id)
            + element("StorageClass", "STANDARD")
            + element("Initiated", iso_time(upload.initiated_at))
        )
        pieces.append(f"<Upload>{inner}</Upload>")
    pieces += [f"<CommonPrefixes>{element('Prefix', encode(p))}</CommonPrefixes>" for p in prefixes]
    return xml_answer("ListMultipartUploadsResult", pieces)


def _upload_and_number(rooms: Rooms, request: Request) -> tuple[Upload, int]:
    text = request.query.get("partNumber", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= MAX_PARTS):
        raise S3Problem(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive; it is {text[:40]!r}.",
            ArgumentName="partNumber",
            ArgumentValue=text[:40],
        )
    return rooms.uploads.get(request.bucket, request.key, request.query.get("uploadId", "")), int(text)


def _claims(root: Element) -> list[Claim]:
    claims: list[Claim] = []
    for node in root.findall("Part"):
        number = text_of(node, "PartNumber")
        etag = text_of(node, "ETag").strip('"')
        if not (number.isascii() and number.isdigit() and len(number) <= 6) or len(claims) >= MAX_PARTS:
            raise S3Problem("MalformedXML", f"PartNumber={number[:40]!r} is not 1 to {MAX_PARTS}.")
        checksums = {name: text_of(node, f"Checksum{name.upper()}") for name in ALGORITHMS}
        claims.append(Claim(int(number), etag, {k: v for k, v in checksums.items() if v}))
    return claims


def _is_made_of(row: ObjectRow, claims: list[Claim]) -> bool:
    try:
        return row.etag == multipart_etag([claim.etag for claim in claims])
    except ValueError:
        return False
