"""What a put says about an object besides its bytes, and how a get says it again."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from labelwright.s3.conditions import http_date
from labelwright.s3.index import ObjectRow
from labelwright.s3.problems import S3Problem

__all__ = ["Attributes", "check_tags", "from_headers", "object_headers", "response_overrides"]

Header = tuple[bytes, bytes]

_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_KEPT = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")
_ALSO_KEPT = ("x-amz-website-redirect-location", "x-amz-storage-class")
_OVERRIDES = {f"response-{name}": name for name in ("content-type", *_KEPT)}
_MAX_METADATA_BYTES = 2048
_STORAGE_CLASSES = frozenset(
    {
        "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER",
        "DEEP_ARCHIVE", "GLACIER_IR", "EXPRESS_ONEZONE", "OUTPOSTS", "SNOW",
    }
)  # fmt: skip
_ACLS = frozenset({"private", "bucket-owner-full-control", "bucket-owner-read"})
# Objects are content of strangers and must not run with our origin's rights in a browser.
SAFETY: list[Header] = [
    (b"content-security-policy", b"sandbox"),
    (b"x-content-type-options", b"nosniff"),
]


@dataclasses.dataclass(frozen=True, slots=True)
class Attributes:
    """Content type, content headers, user metadata and tags."""

    content_type: str
    headers: dict[str, str]
    metadata: dict[str, str]
    tags: dict[str, str]


def from_headers(headers: Mapping[str, str]) -> Attributes:
    """Attributes of a put, copy or upload.

    Raises
    ------
    S3Problem
        ``MetadataTooLarge``, ``AccessControlListNotSupported``, ``InvalidTag``, ``NotImplemented``.
    """
    kept: dict[str, str] = {}
    metadata: dict[str, str] = {}
    n_bytes = 0
    for name, value in headers.items():
        if name.startswith("x-amz-meta-"):
            if _NAME.fullmatch(name) is None:  # a name in a link may be anything
                raise S3Problem("InvalidArgument", f"{name[:100]!r} is not a header name.")
            metadata[name[11:]] = value
            n_bytes += len(name) - 11 + len(value)
        elif name in _KEPT or name in _ALSO_KEPT:
            kept[name] = value
        elif name.startswith("x-amz-server-side-encryption-customer-"):
            raise S3Problem(
                "NotImplemented",
                "Server-side encryption with customer keys is not implemented by this server.",
                Header=name,
            )
    if n_bytes > _MAX_METADATA_BYTES:
        raise S3Problem(
            "MetadataTooLarge",
            f"Your metadata headers have {n_bytes} bytes; {_MAX_METADATA_BYTES} are allowed.",
            Size=str(n_bytes),
            MaxSizeAllowed=str(_MAX_METADATA_BYTES),
        )
    acl = headers.get("x-amz-acl")
    if (acl is not None and acl not in _ACLS) or any(name.startswith("x-amz-grant-") for name in headers):
        raise S3Problem(
            "AccessControlListNotSupported",
            "The bucket does not allow ACLs: objects are private here. Hand out presigned URLs instead.",
        )
    storage_class = kept.pop("x-amz-storage-class", "STANDARD")
    if storage_class not in _STORAGE_CLASSES:
        raise S3Problem(
            "InvalidRequest", f"The storage class you specified is not valid: {storage_class[:60]!r}."
        )
    if storage_class != "STANDARD":
        kept["x-amz-storage-class"] = storage_class
    encoding = kept.get("content-encoding")
    if encoding is not None:
        left = [part for part in (p.strip() for p in encoding.split(",")) if part and part != "aws-chunked"]
        kept["content-encoding"] = ",".join(left)
        if not left:
            del kept["content-encoding"]
    tags = dict(parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True))
    check_tags(list(tags.items()), most=10)
    return Attributes(headers.get("content-type") or "binary/octet-stream", kept, metadata, tags)


def check_tags(tags: list[tuple[str, str]], *, most: int) -> None:
    """Refuse tags that break S3's rules.

    Raises
    ------
    S3Problem
        ``InvalidTag``.
    """
    if len(tags) > most or len({name for name, _ in tags}) != len(tags):
        raise S3Problem("InvalidTag", f"There must be at most {most} tags, with different keys.")
    for name, value in tags:
        if not 1 <= len(name) <= 128 or len(value) > 256 or name.startswith("aws:"):
            raise S3Problem(
                "InvalidTag",
                f"The tag {name[:60]!r} is not valid: keys have 1 to 128 characters and do not begin "
                "with aws:, "
                "values have at most 256.",
            )


def object_headers(row: ObjectRow, *, with_checksums: bool) -> list[Header]:
    """Headers of a GET or HEAD answer, all but Content-Length and those of CORS."""
    headers: list[Header] = [
        (b"content-type", _latin(row.content_type)),
        (b"etag", f'"{row.etag}"'.encode()),
        (b"last-modified", http_date(row.modified_at).encode()),
        (b"accept-ranges", b"bytes"),
        *SAFETY,
    ]
    if row.details:
        details = row.parsed
        for name, value in details.get("headers", {}).items():
            headers.append((name.encode(), _latin(value)))
        for name, value in details.get("metadata", {}).items():
            headers.append((b"x-amz-meta-" + _latin(name), _latin(value)))
        if details.get("tags"):
            headers.append((b"x-amz-tagging-count", str(len(details["tags"])).encode()))
        if with_checksums:
            for name, value in details.get("checksums", {}).items():
                headers.append((f"x-amz-checksum-{name}".encode(), value.encode()))
                headers.append((b"x-amz-checksum-type", details.get("checksum_type", "FULL_OBJECT").encode()))
    return headers


def response_overrides(headers: list[Header], query: Mapping[str, str]) -> list[Header]:
    """Apply ``response-content-type`` and its siblings."""
    changes = {
        name.encode(): _latin(query[parameter])
        for parameter, name in _OVERRIDES.items()
        if parameter in query
    }
    if not changes:
        return headers
    return [(name, value) for name, value in headers if name not in changes] + list(changes.items())


def _latin(text: str) -> bytes:
    # Header values came in as Latin-1; what came from a query or a document may be anything.
    raw = text.encode("latin-1") if all(ord(c) < 256 for c in text) else text.encode()
    return bytes(byte for byte in raw if byte >= 32 and byte != 127)
