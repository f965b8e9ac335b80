"""The units of a channel: objects of a prefix, entries of a manifest, lines of an augmented manifest.

A unit is what shuffling moves and sharding deals out. It is described by its *emissions*: payloads that are
known already (bytes), and objects still to be read (`Reference`).
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import orjson

from labelwright.streaming.channel import Channel
from labelwright.streaming.lines import LineIndex
from labelwright.streaming.objects import PIECE_BYTES, Objects
from labelwright.streaming.payloads import gunzip_pieces
from labelwright.streaming.problems import ChannelError

__all__ = ["AugmentedSource", "Emission", "ObjectSource", "Reference", "Source", "open_source"]

_log = logging.getLogger(__name__)

_FAR_HEAD_BYTES = 8 << 20


class Reference(NamedTuple):
    """An object whose bytes are to be delivered."""

    uri: str


Emission = Reference | bytes


class Source(Protocol):
    """The units of a channel, by number."""

    def __len__(self) -> int: ...

    def emissions(self, i: int) -> Sequence[Emission]:
        """What one unit delivers, in order; nothing for a unit that is to be passed over."""

    def example_uri(self) -> str:
        """An object that is to be read, to see where objects are."""


def open_source(channel: Channel, objects: Objects) -> ObjectSource | AugmentedSource:
    """The source that a channel names.

    Raises
    ------
    ChannelError
        Nothing is there under the prefix, or the manifest is empty or broken.
    labelwright.errors.BlobNotFound
        There is no such manifest or bucket.
    """
    match channel.data_type:
        case "S3Prefix":
            return ObjectSource.of_prefix(channel.uri, objects)
        case "ManifestFile":
            return ObjectSource.of_manifest(channel.uri, objects)
        case "AugmentedManifestFile":
            return AugmentedSource(channel.uri, channel.attribute_names, objects)


class ObjectSource:
    """Whole objects.

    Parameters
    ----------
    uris : iterable of str
        Kept in an unnamed temporary file, 8 bytes of memory for each.
    prefix : str
        What the names of local copies leave out; see `labelwright.streaming.materialise`.
    """

    def __init__(self, uris: Iterable[str], *, prefix: str) -> None:
        self.prefix = prefix
        self._lines = LineIndex.of_chunks(_joined(uris))

    @classmethod
    def of_prefix(cls, prefix: str, objects: Objects) -> ObjectSource:
        """Every object whose URI begins with the prefix, in key order, without markers of folders.

        Raises
        ------
        ChannelError
            There is none.
        """
        source = cls((uri for uri in objects.list(prefix) if uri[-1] != "/"), prefix=prefix)
        if not len(source):
            raise ChannelError(
                f"Data download failed: no object begins with {prefix}. Check the S3Uri and its bucket.",
                field="S3Uri",
                value=prefix,
            )
        return source

    @classmethod
    def of_manifest(cls, uri: str, objects: Objects) -> ObjectSource:
        """The objects of a manifest file: ``[{"prefix": ...}, "rest of the key", ...]``.

        The document is parsed as a whole, so memory grows with it for that moment.

        Raises
        ------
        ChannelError
            It is not of that form.
        """
        form = f'{uri} must be a JSON array: [{{"prefix": "s3://bucket/..."}}, "key", ...]'
        try:
            entries = orjson.loads(objects.read(uri))
        except orjson.JSONDecodeError as error:
            raise ChannelError(f"{form}; it is not valid JSON: {error}.", field="S3Uri", value=uri) from error
        if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict):
            raise ChannelError(f"{form}; its first element is no object.", field="S3Uri", value=uri)
        prefix = entries[0].get("prefix")
        if not isinstance(prefix, str):
            raise ChannelError(f"{form}; its first element has no prefix.", field="S3Uri", value=uri)
        for number, entry in enumerate(entries[1:], start=2):
            if not isinstance(entry, str) or not entry:
                raise ChannelError(
                    f"{form}; element {number} is {json.dumps(entry)[:100]}, not a key.",
                    field="S3Uri",
                    value=uri,
                )
        if len(entries) == 1:
            raise ChannelError(
                f"Data download failed: {uri} names no object.", field="S3Uri", value=uri
            )  # fmt: skip
        return cls((prefix + rest for rest in entries[1:]), prefix=prefix)

    def __len__(self) -> int:
        return len(self._lines)

    def uri(self, i: int) -> str:
        """URI of an object."""
        uri: str = orjson.loads(self._lines[i])
        return uri

    def example_uri(self) -> str:
        """The first object."""
        return self.uri(0)

    def emissions(self, i: int) -> Sequence[Emission]:
        """The object."""
        return (Reference(self.uri(i)),)


class AugmentedSource:
    """Attributes of the lines of an augmented manifest.

    Parameters
    ----------
    uri : str
        May be compressed by gzip.
    attribute_names : sequence of str
        Delivered of each line in this order, whatever the order in the line.
    objects : Objects

    Notes
    -----
    A name that ends in ``-ref`` delivers the bytes of the object it names. Other strings are delivered as
    they are, in UTF-8, and everything else as ``json.dumps`` writes it. In a manifest on this machine paths
    may be relative to its folder.
    """

    def __init__(self, uri: str, attribute_names: Sequence[str], objects: Objects) -> None:
        self.uri = uri
        self.attribute_names = tuple(attribute_names)
        self._wanted = tuple((name, name.endswith("-ref")) for name in attribute_names)
        path = objects.local_path(uri)
        # Of a file here its first bytes say all; one that is far comes soonest by one request.
        head, rest = objects.open(uri, PIECE_BYTES if path is not None else _FAR_HEAD_BYTES)
        if path is not None and head[:2] != b"\x1f\x8b":
            self._lines = LineIndex.of_path(path)  # a store replaces files and never changes one
        else:
            self._lines = LineIndex.of_chunks(_unpacked(head, rest or iter(())))
        self._folder = None if uri.startswith("s3://") else Path(uri.removeprefix("file://")).parent
        self._n_skipped = 0
        self._lock = threading.Lock()
        if not len(self._lines):
            raise ChannelError(f"The augmented manifest {uri} has no lines.", field="S3Uri", value=uri)

    def __len__(self) -> int:
        return len(self._lines)

    def line(self, i: int) -> dict[str, Any]:
        """A line, parsed; integers of any size stay exact."""
        raw = self._lines[i]
        try:
            data = json.loads(raw)
        except ValueError as error:
            raise self._broken(i, f"is not valid JSON: {error}") from error
        if not isinstance(data, dict):
            raise self._broken(i, "is no JSON object")
        return data

    def values(self, i: int) -> list[Any]:
        """Values of the listed attributes of a line, in their order; none when labeling failed for one.

        Objects to be read are given as `Reference`. Integers beyond 64 bits arrive as floats.

        Raises
        ------
        ChannelError
            The line is broken, or an attribute is missing or no URI.
        """
        try:
            data = orjson.loads(self._lines[i])
        except orjson.JSONDecodeError:
            data = self.line(i)  # accepts a little more, and says what is wrong
        if type(data) is not dict:
            raise self._broken(i, "is no JSON object")
        found = []
        for name, is_ref in self._wanted:
            value = data.get(name, self)  # `self`: not there
            if value is self:
                if self._has_failed(data, name):
                    self._skip(i, name)
                    return []
                number = self._lines.line_number(i)
                raise ChannelError(
                    f"Attribute '{name}' not found in line {number} of the augmented manifest",
                    field="AttributeNames",
                    value=name,
                    line_number=number,
                )
            if is_ref:
                if type(value) is not str:
                    raise self._broken(i, f"has no S3 URI at '{name}': {json.dumps(value)[:100]}")
                value = Reference(self._placed(value))
            found.append(value)
        return found

    def emissions(self, i: int) -> Sequence[Emission]:
        """Payloads of a line; none when an attribute is missing because labeling failed.

        Raises
        ------
        ChannelError
            See `values`.
        """
        found: list[Emission] = []
        exact: dict[str, Any] | None = None
        for name, value in zip(self.attribute_names, self.values(i), strict=False):
            if type(value) is Reference:
                found.append(value)
            elif type(value) is str:
                found.append(value.encode(errors="replace"))
            elif type(value) is int:
                found.append(b"%d" % value)
            else:
                exact = exact or self.line(i)
                found.append(json.dumps(exact[name]).encode())
        return found

    def example_uri(self) -> str:
        """An object that one of the first lines names; the manifest where none does."""
        for i in range(min(10, len(self))):
            with contextlib.suppress(ChannelError):  # raised again when the line's turn comes
                found = (value for value in self.values(i) if type(value) is Reference)
                if (first := next(found, None)) is not None:
                    return first.uri
        return self.uri

    def _placed(self, uri: str) -> str:
        if self._folder is None or "://" in uri or uri[:1] == "/":
            return uri
        return str(self._folder / uri)

    @staticmethod
    def _has_failed(data: dict[str, Any], name: str) -> bool:
        metadata = data.get(f"{name}-metadata")
        return isinstance(metadata, dict) and "failure-reason" in metadata

    def _skip(self, i: int, name: str) -> None:
        with self._lock:
            self._n_skipped += 1
            if self._n_skipped > 1:
                return
        _log.warning(
            "a line lacks the attribute because its labeling failed; it is passed over, as are others",
            extra={
                "action": "stream",
                "manifest": self.uri,
                "line": self._lines.line_number(i),
                "attribute": name,
            },
        )

    def _broken(self, i: int, what: str) -> ChannelError:
        number = self._lines.line_number(i)
        return ChannelError(
            f"Line {number} of the augmented manifest {self.uri} {what}.", field="S3Uri", line_number=number
        )


def _joined(uris: Iterable[str]) -> Iterator[bytes]:
    lines: list[bytes] = []
    for uri in uris:
        lines.append(orjson.dumps(uri, option=orjson.OPT_APPEND_NEWLINE))
        if len(lines) == 4096:
            yield b"".join(lines)
            lines.clear()
    yield b"".join(lines)


def _unpacked(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from gunzip_pieces(head, rest)
    except (zlib.error, EOFError) as error:
        raise ChannelError(f"The manifest begins like a gzip file but is broken: {error}.") from error
