"""Which object a template means by an S3 location in one of its many spellings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

__all__ = ["MediaTarget", "media_target"]

_AWS_PATH_STYLE: Final = re.compile(r"s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?")
_AWS_HOST_STYLE: Final = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.-]*)\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?"
)
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")


@dataclass(frozen=True, slots=True)
class MediaTarget:
    """An object to sign (``bucket`` and ``key``), or a URL that is readable as it is (``url``)."""

    bucket: str = ""
    key: str = ""
    url: str = ""


def media_target(value: str, storage_hosts: frozenset[str] = frozenset()) -> MediaTarget | None:
    """Tell what a template wants to read.

    Parameters
    ----------
    value : str
        ``s3://bucket/key`` (the key is literal: blanks, ``%``, ``#``, ``?`` are part of it); an http(s) URL
        of S3 or of our own store in path or host style (the path is percent-decoded); any other http(s) or
        data URL.
    storage_hosts : frozenset of str
        Hosts, with port where it is not the default, at which our own store answers.

    Returns
    -------
    MediaTarget or None
        None when the value is none of these.

    Examples
    --------
    >>> media_target("s3://pics/a b&c.jpg")
    MediaTarget(bucket='pics', key='a b&c.jpg', url='')
    >>> media_target("https://pics.s3.eu-west-1.amazonaws.com/a%20b.jpg").key
    'a b.jpg'
    """
    if value[:5].lower() == "s3://":
        bucket, _, key = value[5:].partition("/")
        return MediaTarget(bucket=bucket, key=key) if _BUCKET.fullmatch(bucket) and key else None
    scheme = value[:8].lower()
    if scheme.startswith("data:"):
        return MediaTarget(url=value)
    if not scheme.startswith(("http://", "https://")):
        return None
    try:
        parts = urlsplit(value)
        host = parts.netloc.rpartition("@")[2].lower()
    except ValueError:
        return None
    if not host:
        return None
    path = parts.path
    if _AWS_PATH_STYLE.fullmatch(host) or host in storage_hosts:
        bucket, _, key = path.lstrip("/").partition("/")
        return _decoded(unquote(bucket), key)
    if match := _AWS_HOST_STYLE.fullmatch(host):
        return _decoded(match["bucket"], path[1:])
    for storage_host in storage_hosts:
        bucket = host.removesuffix("." + storage_host)
        if bucket != host:
            return _decoded(bucket, path[1:])
    return MediaTarget(url=value)


def _decoded(bucket: str, quoted_key: str) -> MediaTarget | None:
    key = unquote(quoted_key)
    return MediaTarget(bucket=bucket, key=key) if _BUCKET.fullmatch(bucket) and key else None
