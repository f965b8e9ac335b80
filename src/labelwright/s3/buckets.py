"""Operations on buckets: list, create, head, delete, listings, and their sub-resources."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from labelwright.config import ACCOUNT_ID, DEFAULT_REGION
from labelwright.s3 import cors
from labelwright.s3.bodies import read_document
from labelwright.s3.documents import element, iso_time, parse, text_of, url_encoded
from labelwright.s3.index import ObjectRow
from labelwright.s3.listing import Page, is_common_prefix, list_page, read_token, write_token
from labelwright.s3.objects import read_tags, tag_set
from labelwright.s3.problems import S3Problem, not_implemented
from labelwright.s3.requests import Answer, Request, xml_answer

if TYPE_CHECKING:
    from labelwright.s3.door import Rooms

__all__ = [
    "create_bucket",
    "delete_bucket",
    "delete_sub_resource",
    "get_sub_resource",
    "head_bucket",
    "list_buckets",
    "list_objects",
    "list_objects_v2",
    "list_versions",
    "put_sub_resource",
]

_OWNER = element("ID", ACCOUNT_ID.zfill(64)) + element("DisplayName", "labelwright")

# Sub-resources that we do not keep, and what S3 says where there is none: an error, or an empty document.
_ABSENT = {
    "policy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "policyStatus": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "lifecycle": ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    "website": (
        "NoSuchWebsiteConfiguration",
        "The specified bucket does not have a website configuration",
    ),
    "replication": (
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
    ),
    "encryption": (
        "ServerSideEncryptionConfigurationNotFoundError",
        "The server side encryption configuration was not found",
    ),
    "object-lock": (
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
    ),
    "ownershipControls": (
        "OwnershipControlsNotFoundError",
        "The bucket ownership controls were not found",
    ),
}
_EMPTY = {
    "versioning": ("VersioningConfiguration", ""),
    "notification": ("NotificationConfiguration", ""),
    "logging": ("BucketLoggingStatus", ""),
    "accelerate": ("AccelerateConfiguration", ""),
    "requestPayment": ("RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>"),
    # All content is private here whatever is asked for.
    "publicAccessBlock": (
        "PublicAccessBlockConfiguration",
        "<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>"
        "<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets>",
    ),
}


async def list_buckets(rooms: Rooms, request: Request) -> Answer:
    """ListBuckets."""
    prefix = request.query.get("prefix", "")
    after = request.query.get("continuation-token", "")
    most = request.number("max-buckets", 10_000, least=1, most=10_000)
    found = [b for b in rooms.store.index.buckets() if b.name.startswith(prefix) and b.name > after]
    listed = "".join(
        f"<Bucket>{element('Name', b.name)}{element('CreationDate', iso_time(b.created_at))}"
        f"{element('BucketRegion', b.region)}</Bucket>"
        for b in found[:most]
    )
    pieces = [f"<Owner>{_OWNER}</Owner>", f"<Buckets>{listed}</Buckets>"]
    if len(found) > most:
        pieces.append(element("ContinuationToken", found[most - 1].name))
    if prefix:
        pieces.append(element("Prefix", prefix))
    return xml_answer("ListAllMyBucketsResult", pieces)


async def create_bucket(rooms: Rooms, request: Request) -> Answer:
    """CreateBucket. Making one that is there already succeeds in us-east-1 only, as in S3."""
    region = request.verified.region
    body = await read_document(request)
    if body.strip():
        asked = text_of(parse(body, "CreateBucketConfiguration"), "LocationConstraint")
        if asked and re.fullmatch(r"[A-Za-z0-9-]{1,64}", asked) is None:
            raise S3Problem(
                "InvalidLocationConstraint",
                f"The location constraint {asked[:60]!r} is not valid; use a region such as eu-west-1.",
            )
        region = asked or region
    if request.headers.get("x-amz-bucket-object-lock-enabled", "false").lower() == "true":
        raise not_implemented("CreateBucket with object lock")
    if request.headers.get("x-amz-acl", "private") != "private":
        raise S3Problem(
            "AccessControlListNotSupported", "Buckets are private here. Hand out presigned URLs instead."
        )
    is_new = await asyncio.to_thread(rooms.store.create_bucket, request.bucket, region=region)
    if not is_new and request.verified.region != DEFAULT_REGION:
        raise S3Problem(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
            BucketName=request.bucket,
        )
    return Answer(200, [(b"location", f"/{request.bucket}".encode())])


async def head_bucket(rooms: Rooms, request: Request) -> Answer:
    """HeadBucket."""
    bucket = rooms.store.bucket(request.bucket)
    return Answer(
        200, [(b"x-amz-bucket-region", bucket.region.encode()), (b"content-type", b"application/xml")]
    )


async def delete_bucket(rooms: Rooms, request: Request) -> Answer:
    """DeleteBucket."""
    await asyncio.to_thread(rooms.store.delete_bucket, request.bucket)
    return Answer(204)


async def list_objects(rooms: Rooms, request: Request) -> Answer:
    """ListObjects, version 1."""
    query = request.query
    marker = query.get("marker", "")
    delimiter = query.get("delimiter", "")
    skip = is_common_prefix(marker, prefix=query.get("prefix", ""), delimiter=delimiter)
    page, most = await _page(rooms, request, after=marker, skip_prefix=skip)
    encode = _encoder(query)
    pieces = [*_list_head(request, most, encode), element("Marker", encode(marker))]
    pieces.append(element("IsTruncated", page.is_truncated))
    if page.is_truncated:
        pieces.append(element("NextMarker", encode(page.last)))
    pieces += [_contents(row, encode, with_owner=True) for row in page.objects]
    pieces += _common(page, encode)
    return xml_answer("ListBucketResult", pieces)


async def list_objects_v2(rooms: Rooms, request: Request) -> Answer:
    """ListObjectsV2."""
    query = request.query
    start_after = query.get("start-after", "")
    bound = (request.bucket, query.get("prefix", ""), query.get("delimiter", ""))
    token = query.get("continuation-token")
    if token is not None:
        after, skip_prefix = read_token(token, query=bound)
    else:
        after, skip_prefix = start_after, False
    page, most = await _page(rooms, request, after=after, skip_prefix=skip_prefix)
    encode = _encoder(query)
    pieces = _list_head(request, most, encode)
    pieces.append(element("KeyCount", len(page.objects) + len(page.prefixes)))
    pieces.append(element("IsTruncated", page.is_truncated))
    if token is not None:
        pieces.append(element("ContinuationToken", token))
    if start_after:
        pieces.append(element("StartAfter", encode(start_after)))
    if page.is_truncated:
        pieces.append(element("NextContinuationToken", write_token(page, query=bound)))
    with_owner = query.get("fetch-owner", "").lower() == "true"
    pieces += [_contents(row, encode, with_owner=with_owner) for row in page.objects]
    pieces += _common(page, encode)
    return xml_answer("ListBucketResult", pieces)


async def list_versions(rooms: Rooms, request: Request) -> Answer:
    """ListObjectVersions: every object has the one version ``null``."""
    query = request.query
    marker = query.get("key-marker", "")
    delimiter = query.get("delimiter", "")
    skip = is_common_prefix(marker, prefix=query.get("prefix", ""), delimiter=delimiter)
    page, most = await _page(rooms, request, after=marker, skip_prefix=skip)
    encode = _encoder(query)
    pieces = [*_list_head(request, most, encode), element("KeyMarker", encode(marker))]
    pieces.append(element("IsTruncated", page.is_truncated))
    if page.is_truncated:
        pieces += [element("NextKeyMarker", encode(page.last)), element("NextVersionIdMarker", "null")]
    for row in page.objects:
        inner = element("VersionId", "null") + element("IsLatest", True)
        pieces.append(f"<Version>{inner}{_inner(row, encode, with_owner=True)}</Version>")
    pieces += _common(page, encode)
    return xml_answer("ListVersionsResult", pieces)


async def get_sub_resource(rooms: Rooms, request: Request, name: str) -> Answer:
    """GetBucketLocation, GetBucketCors, GetBucketTagging, GetBucketVersioning, GetBucketPolicy ..."""
    bucket = rooms.store.bucket(request.bucket)
    if name == "location":
        region = "" if bucket.region == DEFAULT_REGION else bucket.region
        return xml_answer("LocationConstraint", [region])
    if name == "cors":
        rules = bucket.documents.get("cors")
        if rules is None:
            raise S3Problem(
                "NoSuchCORSConfiguration",
                "The CORS configuration does not exist",
                BucketName=request.bucket,
            )
        return xml_answer("CORSConfiguration", cors.rules_document(rules))
    if name == "tagging":
        tags = bucket.documents.get("tagging")
        if not tags:
            raise S3Problem("NoSuchTagSet", "The TagSet does not exist", BucketName=request.bucket)
        return xml_answer("Tagging", [tag_set(tags)])
    if name == "acl":
        return acl_answer()
    if name in _ABSENT:
        code, message = _ABSENT[name]
        raise S3Problem(code, message, BucketName=request.bucket)
    root, inner = _EMPTY[name]
    return xml_answer(root, [inner])


def acl_answer() -> Answer:
    """The one access control list there is: full control for the owner."""
    grantee = (
        '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">'
        f"{_OWNER}</Grantee>"
    )
    grant = f"<Grant>{grantee}<Permission>FULL_CONTROL</Permission></Grant>"
    return xml_answer(
        "AccessControlPolicy",
        [f"<Owner>{_OWNER}</Owner>", f"<AccessControlList>{grant}</AccessControlList>"],
    )


async def put_sub_resource(rooms: Rooms, request: Request, name: str) -> Answer:
    """PutBucketCors, PutBucketTagging, PutPublicAccessBlock; the others are not implemented."""
    rooms.store.bucket(request.bucket)
    body = await read_document(request)
    if name == "publicAccessBlock":  # nothing is public here, so all that this can ask for holds already
        parse(body, "PublicAccessBlockConfiguration")
        return Answer(200)
    value: object = cors.parse_rules(body) if name == "cors" else read_tags(body, most=50)
    await asyncio.to_thread(rooms.store.set_document, request.bucket, name, value)
    return Answer(200 if name == "cors" else 204)


async def delete_sub_resource(rooms: Rooms, request: Request, name: str) -> Answer:
    """DeleteBucketCors, DeleteBucketTagging; and the others, of which there is none to delete."""
    rooms.store.bucket(request.bucket)
    if name in ("cors", "tagging"):
        await asyncio.to_thread(rooms.store.set_document, request.bucket, name, None)
    return Answer(204)


async def _page(rooms: Rooms, request: Request, *, after: str, skip_prefix: bool) -> tuple[Page, int]:
    rooms.store.bucket(request.bucket)
    query = request.query
    if query.get("encoding-type", "url") != "url":
        raise S3Problem(
            "InvalidArgument", "Invalid Encoding Method specified in Request", ArgumentName="encoding-type"
        )
    most = min(request.number("max-keys", 1000), 1000)
    page = await asyncio.get_running_loop().run_in_executor(
        rooms.pool,
        lambda: list_page(
            rooms.store.index,
            request.bucket,
            prefix=query.get("prefix", ""),
            delimiter=query.get("delimiter", ""),
            after=after,
            skip_prefix=skip_prefix,
            max_keys=most,
        ),
    )
    return page, most


def _encoder(query: Mapping[str, str]) -> Callable[[str], str]:
    return url_encoded if query.get("encoding-type") == "url" else str


def _list_head(request: Request, most: int, encode: Callable[[str], str]) -> list[str]:
    delimiter = request.query.get("delimiter", "")
    pieces = [
        element("Name", request.bucket),
        element("Prefix", encode(request.query.get("prefix", ""))),
        element("MaxKeys", most),
    ]
    if delimiter:
        pieces.append(element("Delimiter", encode(delimiter)))
    if encode is url_encoded:
        pieces.append(element("EncodingType", "url"))
    return pieces


def _inner(row: ObjectRow, encode: Callable[[str], str], *, with_owner: bool) -> str:
    text = (
        element("Key", encode(row.key))
        + f"<LastModified>{iso_time(row.modified_at)}</LastModified>"
        + f"<ETag>&quot;{row.etag}&quot;</ETag><Size>{row.size}</Size><StorageClass>STANDARD</StorageClass>"
    )
    if row.details and '"checksums"' in row.details:
        details = row.parsed
        text += "".join(element("ChecksumAlgorithm", name.upper()) for name in details.get("checksums", ()))
        text += element("ChecksumType", details.get("checksum_type", "FULL_OBJECT"))
    return text + f"<Owner>{_OWNER}</Owner>" if with_owner else text


def _contents(row: ObjectRow, encode: Callable[[str], str], *, with_owner: bool) -> str:
    return f"<Contents>{_inner(row, encode, with_owner=with_owner)}</Contents>"


def _common(page: Page, encode: Callable[[str], str]) -> list[str]:
    return [f"<CommonPrefixes>{element('Prefix', encode(p))}</CommonPrefixes>" for p in page.prefixes]
