"""Operations on objects: get, head, put, copy, delete, tags, attributes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

from labelwright.s3 import attributes as at
from labelwright.s3 import conditions
from labelwright.s3.bodies import read_document, stage_body
from labelwright.s3.checksums import hasher
from labelwright.s3.documents import element, iso_time, parse, text_of
from labelwright.s3.files import CHUNK_BYTES, Files, OpenFile, StagedFile
from labelwright.s3.index import ObjectRow
from labelwright.s3.problems import S3Problem
from labelwright.s3.requests import Answer, Request, xml_answer
from labelwright.s3.store import Entry, NewObject, details_text

if TYPE_CHECKING:
    from labelwright.s3.door import Rooms

__all__ = [
    "INLINE_BYTES",
    "copy_object",
    "copy_source",
    "delete_object",
    "delete_objects",
    "delete_tagging",
    "get_attributes",
    "get_object",
    "get_tagging",
    "put_object",
    "put_tagging",
    "read_piece",
    "read_tags",
    "stage_copy",
    "tag_set",
]

INLINE_BYTES = 256 * 1024
"""Objects up to this size are answered in one piece, larger ones as a stream."""


async def get_object(rooms: Rooms, request: Request) -> Answer:
    """GetObject and HeadObject."""
    _check_version(request)
    entry = rooms.store.entry(request.bucket, request.key)
    row = entry.row
    headers = request.headers
    status = conditions.read_outcome(headers, etag=row.etag, modified_at=row.modified_at)
    if status == 412:
        raise S3Problem("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    if status == 304:
        kept = (b"etag", b"last-modified", b"cache-control", b"expires")
        listed = at.object_headers(row, with_checksums=False)
        return Answer(304, [header for header in listed if header[0] in kept])
    part = request.number("partNumber", 0, least=1, most=10_000) if "partNumber" in request.query else 0
    window = _part_window(row, part) if part else conditions.parse_range(headers.get("range"), row.size)
    with_checksums = headers.get("x-amz-checksum-mode", "").upper() == "ENABLED" and (
        window is None or window == (0, row.size)
    )
    answer_headers = at.response_overrides(
        at.object_headers(row, with_checksums=with_checksums), request.query
    )
    start, length = (0, row.size) if window is None else window
    if window is not None:
        last = max(start + length - 1, 0)
        answer_headers.append((b"content-range", f"bytes {start}-{last}/{row.size}".encode()))
    if part:
        n_parts = len(row.parsed.get("parts", ())) or 1
        answer_headers.append((b"x-amz-mp-parts-count", str(n_parts).encode()))
    answer = Answer(200 if window is None else 206, answer_headers, length=length)
    if request.method == "HEAD" or length == 0:
        return answer
    if length <= INLINE_BYTES:
        answer.body = await read_piece(rooms, entry.file, start, length)
    else:
        answer.stream = _stream(rooms, entry, start, length)
    return answer


async def read_piece(rooms: Rooms, file: OpenFile, start: int, length: int) -> bytes:
    """Bytes of a file: at once when they are in memory, through a thread when the disk is needed."""
    data = file.read_cached(start, length)
    if data is None:
        data = await asyncio.get_running_loop().run_in_executor(rooms.pool, file.read, start, length)
    return data


async def _stream(rooms: Rooms, entry: Entry, start: int, length: int) -> AsyncIterator[bytes]:
    end = start + length
    while start < end:
        piece = await read_piece(rooms, entry.file, start, min(CHUNK_BYTES, end - start))
        start += len(piece)
        yield piece


async def put_object(rooms: Rooms, request: Request) -> Answer:
    """PutObject, with If-Match and If-None-Match."""
    attributes = at.from_headers(request.headers)
    _check_version(request)
    headers = request.headers
    rooms.store.bucket(request.bucket)
    is_conditional = "if-none-match" in headers or "if-match" in headers

    def condition(current: ObjectRow | None) -> None:
        conditions.check_put(headers, current_etag=None if current is None else current.etag)

    if is_conditional:  # refuse before the body is sent; the write checks again
        condition(rooms.store.index.object(request.bucket, request.key))
    body = await stage_body(request, rooms.store.files, rooms.pool)
    new = NewObject(
        request.bucket,
        request.key,
        body.md5_hex,
        attributes.content_type,
        details_text(
            headers=attributes.headers,
            metadata=attributes.metadata,
            tags=attributes.tags,
            checksums=body.checksums,
            checksum_type="FULL_OBJECT",
        ),
    )
    try:
        future = rooms.store.commit(body.file, new, condition=condition if is_conditional else None)
    except BaseException:
        body.file.discard()
        raise
    row = await asyncio.wrap_future(future)
    return Answer(200, [(b"etag", f'"{row.etag}"'.encode()), *_checksum_headers(body.checksums)])


async def copy_object(rooms: Rooms, request: Request) -> Answer:
    """CopyObject, with its metadata directive and conditions."""
    headers = request.headers
    source = _source_entry(rooms, request)
    row = source.row
    details = row.parsed
    directive = headers.get("x-amz-metadata-directive", "COPY").upper()
    if directive not in ("COPY", "REPLACE"):
        raise S3Problem(
            "InvalidArgument", f"Unknown metadata directive {directive[:40]!r}; use COPY or REPLACE."
        )
    given = at.from_headers(headers)
    if directive == "COPY":
        if (row.bucket, row.key) == (request.bucket, request.key) and "x-amz-storage-class" not in headers:
            raise S3Problem(
                "InvalidRequest",
                "This copy request is illegal because it is trying to copy an object to itself "
                "without changing "
                "the object's metadata, storage class, website redirect location or encryption attributes.",
            )
        content_type = row.content_type
        kept, metadata = details.get("headers", {}), details.get("metadata", {})
    else:
        content_type, kept, metadata = given.content_type, given.headers, given.metadata
    replaces_tags = headers.get("x-amz-tagging-directive", "COPY").upper() == "REPLACE"
    tags = given.tags if replaces_tags else details.get("tags", {})
    algorithm = headers.get("x-amz-checksum-algorithm", "").lower()
    rooms.store.bucket(request.bucket)
    is_conditional = "if-none-match" in headers or "if-match" in headers

    def condition(current: ObjectRow | None) -> None:
        conditions.check_put(headers, current_etag=None if current is None else current.etag)

    if is_conditional:
        condition(rooms.store.index.object(request.bucket, request.key))
    loop = asyncio.get_running_loop()
    staged, etag, checksums = await loop.run_in_executor(
        rooms.pool, stage_copy, rooms.store.files, source, 0, row.size, algorithm
    )
    kept_type = "FULL_OBJECT"
    if not algorithm and "-" not in row.etag:
        checksums = details.get("checksums", {})
        kept_type = details.get("checksum_type", "FULL_OBJECT")
    new = NewObject(
        request.bucket,
        request.key,
        etag,
        content_type,
        details_text(
            headers=kept, metadata=metadata, tags=tags, checksums=checksums, checksum_type=kept_type
        ),
    )
    try:
        future = rooms.store.commit(staged, new, condition=condition if is_conditional else None)
    except BaseException:
        staged.discard()
        raise
    made = await asyncio.wrap_future(future)
    return xml_answer("CopyObjectResult", _copy_result(made.etag, made.modified_at, checksums, kept_type))


def _copy_result(etag: str, modified_at: float, checksums: dict[str, str], kind: str) -> list[str]:
    pieces = [element("LastModified", iso_time(modified_at)), element("ETag", f'"{etag}"')]
    pieces += [element(f"Checksum{name.upper()}", value) for name, value in checksums.items()]
    if checksums:
        pieces.append(element("ChecksumType", kind))
    return pieces


def stage_copy(
    files: Files, source: Entry, start: int, length: int, algorithm: str
) -> tuple[StagedFile, str, dict[str, str]]:
    """Copy bytes of an object aside: the new file, its ETag, and the checksum asked for (empty: none)."""
    checks = hasher(algorithm) if algorithm else None
    staged = files.stage()
    try:
        is_whole = (start, length) == (0, source.row.size)
        if is_whole and checks is None and "-" not in source.row.etag:
            staged.append_from(source.file, 0, length)
            etag = source.row.etag
        else:
            md5 = hashlib.md5(usedforsecurity=False)
            end = start + length
            while start < end:
                piece = source.file.read(start, min(CHUNK_BYTES, end - start))
                md5.update(piece)
                if checks is not None:
                    checks.update(piece)
                staged.write(piece)
                start += len(piece)
            etag = md5.hexdigest()
        files.finish(staged)
    except BaseException:
        staged.discard()
        raise
    values = {} if checks is None else {algorithm: base64.b64encode(checks.digest()).decode()}
    return staged, etag, values


def copy_source(request: Request) -> tuple[str, str]:
    """Bucket and key that ``x-amz-copy-source`` names.

    Raises
    ------
    S3Problem
        ``InvalidArgument`` or ``NoSuchVersion``.
    """
    text = request.headers["x-amz-copy-source"]
    path, _, version = text.partition("?versionId=")
    if version not in ("", "null"):
        raise S3Problem("NoSuchVersion", "The specified version does not exist; versions are not kept here.")
    # Clients encode the key or leave it as it is; headers arrive as Latin-1.
    try:
        decoded = unquote(path.encode("latin-1").decode(), errors="strict")
    except UnicodeDecodeError as error:
        raise S3Problem("InvalidArgument", "x-amz-copy-source is not UTF-8.") from error
    bucket, slash, key = decoded.removeprefix("/").partition("/")
    if not slash or not bucket or not key:
        raise S3Problem(
            "InvalidArgument",
            f"Invalid copy source object key: x-amz-copy-source={text[:200]!r} must be <bucket>/<key>.",
            ArgumentName="x-amz-copy-source",
        )
    return bucket, key


def _source_entry(rooms: Rooms, request: Request) -> Entry:
    bucket, key = copy_source(request)
    entry = rooms.store.entry(bucket, key)
    conditions.check_copy_source(request.headers, etag=entry.row.etag, modified_at=entry.row.modified_at)
    return entry


async def delete_object(rooms: Rooms, request: Request) -> Answer:
    """DeleteObject, with If-Match."""
    _check_version(request)
    if_match = request.headers.get("if-match")

    def condition(current: ObjectRow | None) -> None:
        conditions.check_put(
            {"if-match": if_match or ""}, current_etag=None if current is None else current.etag
        )

    await asyncio.wrap_future(
        rooms.store.delete(
            request.bucket, [request.key], condition=condition if if_match is not None else None
        )
    )
    return Answer(204)


async def delete_objects(rooms: Rooms, request: Request) -> Answer:
    """DeleteObjects: up to 1000 keys."""
    root = parse(await read_document(request), "Delete")
    nodes = root.findall("Object")
    if not 1 <= len(nodes) <= 1000:
        raise S3Problem("MalformedXML", f"A Delete names 1 to 1000 objects, this one {len(nodes)}.")
    is_quiet = text_of(root, "Quiet").lower() == "true"
    pieces: list[str] = []
    keys: list[str] = []
    for node in nodes:
        found = node.find("Key")
        key = "" if found is None or found.text is None else found.text
        version = text_of(node, "VersionId")
        if not key or version not in ("", "null"):
            code = "NoSuchVersion" if key else "InvalidArgument"
            pieces.append(
                f"<Error>{element('Key', key)}{element('Code', code)}"
                f"{element('Message', 'The key is empty, or the version does not exist.')}</Error>"
            )
        else:
            keys.append(key)
    await asyncio.wrap_future(rooms.store.delete(request.bucket, keys))
    if not is_quiet:
        pieces = [f"<Deleted>{element('Key', key)}</Deleted>" for key in keys] + pieces
    return xml_answer("DeleteResult", pieces)


async def get_tagging(rooms: Rooms, request: Request) -> Answer:
    """GetObjectTagging."""
    tags = rooms.store.entry(request.bucket, request.key).row.parsed.get("tags", {})
    return xml_answer("Tagging", [tag_set(tags)])


async def put_tagging(rooms: Rooms, request: Request) -> Answer:
    """PutObjectTagging."""
    tags = read_tags(await read_document(request), most=10)
    await asyncio.wrap_future(
        rooms.store.update_details(request.bucket, request.key, lambda details: details.update(tags=tags))
    )
    return Answer(200)


async def delete_tagging(rooms: Rooms, request: Request) -> Answer:
    """DeleteObjectTagging."""
    await asyncio.wrap_future(
        rooms.store.update_details(request.bucket, request.key, lambda details: details.pop("tags", None))
    )
    return Answer(204)


def read_tags(body: bytes, *, most: int) -> dict[str, str]:
    """Tags of a Tagging document."""
    root = parse(body, "Tagging")
    tags = [(text_of(node, "Key"), text_of(node, "Value")) for node in root.iter("Tag")]
    at.check_tags(tags, most=most)
    return dict(tags)


def tag_set(tags: dict[str, str]) -> str:
    """A TagSet element."""
    inner = "".join(f"<Tag>{element('Key', k)}{element('Value', v)}</Tag>" for k, v in tags.items())
    return f"<TagSet>{inner}</TagSet>"


async def get_attributes(rooms: Rooms, request: Request) -> Answer:
    """GetObjectAttributes."""
    row = rooms.store.entry(request.bucket, request.key).row
    asked = {name.strip() for name in request.headers.get("x-amz-object-attributes", "").split(",")}
    details = row.parsed
    pieces: list[str] = []
    if "ETag" in asked:
        pieces.append(element("ETag", row.etag))
    if "Checksum" in asked and details.get("checksums"):
        inner = "".join(element(f"Checksum{n.upper()}", v) for n, v in details["checksums"].items())
        pieces.append(f"<Checksum>{inner}{element('ChecksumType', details.get('checksum_type'))}</Checksum>")
    if "ObjectParts" in asked and details.get("parts"):
        pieces.append(f"<ObjectParts>{element('PartsCount', len(details['parts']))}</ObjectParts>")
    if "StorageClass" in asked:
        pieces.append(
            element("StorageClass", details.get("headers", {}).get("x-amz-storage-class", "STANDARD"))
        )
    if "ObjectSize" in asked:
        pieces.append(element("ObjectSize", row.size))
    modified = (b"last-modified", conditions.http_date(row.modified_at).encode())
    return xml_answer("GetObjectAttributesResponse", pieces, headers=[modified])


def _part_window(row: ObjectRow, number: int) -> tuple[int, int]:
    sizes = row.parsed.get("parts") or [row.size]
    if number > len(sizes):
        raise S3Problem(
            "InvalidPartNumber",
            "The requested partnumber is not satisfiable",
            PartNumberRequested=str(number),
            ActualPartCount=str(len(sizes)),
        )
    return sum(sizes[: number - 1]), sizes[number - 1]


def _checksum_headers(checksums: dict[str, str]) -> list[tuple[bytes, bytes]]:
    headers = [(f"x-amz-checksum-{name}".encode(), value.encode()) for name, value in checksums.items()]
    if headers:
        headers.append((b"x-amz-checksum-type", b"FULL_OBJECT"))
    return headers


def _check_version(request: Request) -> None:
    if request.query.get("versionId", "null") not in ("null", ""):
        raise S3Problem("NoSuchVersion", "The specified version does not exist; versions are not kept here.")
