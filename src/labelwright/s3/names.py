"""Names: which buckets and keys are allowed, and where a key lies under the bucket's directory.

A key is kept at ``<bucket>/<key>`` whenever that is a path that means the same thing: no empty segment, no
``.`` or ``..``, no NUL, no segment longer than a file name may be. `plain_path` says so; all other keys are
kept under a made-up name and found through the index, so a key can never point outside its bucket.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from labelwright.s3.problems import S3Problem

__all__ = ["MAX_KEY_BYTES", "after_prefix", "check_bucket_name", "check_key", "is_plain"]

MAX_KEY_BYTES = 1024
_MAX_SEGMENT_BYTES = 255
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


@lru_cache(maxsize=1024)
def check_bucket_name(name: str) -> None:
    """Refuse a bucket name that breaks S3's rules.

    Raises
    ------
    S3Problem
        ``InvalidBucketName``.
    """
    rule = ""
    if _BUCKET.fullmatch(name) is None:
        rule = "3 to 63 lower-case letters, digits, dots and hyphens, a letter or digit at both ends"
    elif ".." in name:
        rule = "no two dots side by side"
    elif name.startswith(_RESERVED_PREFIXES) or name.endswith(_RESERVED_SUFFIXES):
        rule = f"not one of the reserved beginnings {_RESERVED_PREFIXES} or endings {_RESERVED_SUFFIXES}"
    else:
        try:
            ipaddress.IPv4Address(name)
        except ValueError:
            return
        rule = "not an IP address"
    raise S3Problem(
        "InvalidBucketName",
        f"The specified bucket is not valid: {name[:100]!r} must be {rule}.",
        BucketName=name[:100],
    )


def check_key(key: str) -> None:
    """Refuse a key that S3 would not take: empty, or longer than 1024 bytes of UTF-8.

    Raises
    ------
    S3Problem
        ``KeyTooLongError`` or ``InvalidURI``.
    """
    try:
        n_bytes = len(key) if key.isascii() else len(key.encode())
    except UnicodeEncodeError as error:
        raise S3Problem("InvalidURI", "Couldn't parse the specified URI: the key is not UTF-8.") from error
    if n_bytes > MAX_KEY_BYTES:
        raise S3Problem(
            "KeyTooLongError",
            f"Your key is too long: {n_bytes} bytes of UTF-8; {MAX_KEY_BYTES} are allowed.",
            Size=str(n_bytes),
            MaxSizeAllowed=str(MAX_KEY_BYTES),
        )
    if not key:
        raise S3Problem("InvalidURI", "Couldn't parse the specified URI: the key is empty.")


def is_plain(key: str) -> bool:
    """Whether the key can be kept at the path of its own name.

    Examples
    --------
    >>> is_plain("images/0001.jpg"), is_plain("a/../b"), is_plain("folder/"), is_plain("a//b")
    (True, False, False, False)
    """
    if "\0" in key:
        return False
    for segment in key.split("/"):
        if segment in ("", ".", ".."):
            return False
        if len(segment) * 4 > _MAX_SEGMENT_BYTES and len(segment.encode()) > _MAX_SEGMENT_BYTES:
            return False
    return True


def after_prefix(prefix: str) -> str | None:
    """The least string that sorts after every string with this prefix; None when there is none.

    Order is that of code points, which is also that of UTF-8 bytes.

    Examples
    --------
    >>> after_prefix("photos/")
    'photos0'
    >>> after_prefix("") is None
    True
    """
    trimmed = prefix.rstrip("\U0010ffff")
    if not trimmed:
        return None
    following = ord(trimmed[-1]) + 1
    if following == 0xD800:  # surrogates are no characters
        following = 0xE000
    return trimmed[:-1] + chr(following)
