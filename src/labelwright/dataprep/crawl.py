"""Automated data setup: an input manifest from the files below a prefix.

Files are taken in the order of their keys, with all folders below. Images and videos give a line each, by
their ending; text files a line for each of theirs; CSV files one for each row, of which the first column is
the text. Empty lines and rows are left out, and a first row is a row like the others.

https://docs.aws.amazon.com/sagemaker/latest/dg/sms-console-create-manifest-file.html
"""

from __future__ import annotations

import codecs
import contextlib
import csv
from collections.abc import Generator, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import orjson

from labelwright.core.limits import MANIFEST_ATTRIBUTE_CHARS_MAX, MANIFEST_LINES_MAX
from labelwright.errors import ManifestError

if TYPE_CHECKING:
    from labelwright.blobs import Blobs

__all__ = ["ENDINGS", "DataKind", "crawl", "manifest_uri", "write_manifest"]

DataKind = Literal["image", "video", "text", "csv"]

ENDINGS: dict[DataKind, tuple[str, ...]] = {
    "image": (".jpg", ".jpeg", ".png"),
    "video": (".mp4", ".ogg", ".webm"),
    "text": (".txt",),
    "csv": (".csv",),
}
"""Endings of the files that each kind of data takes, in lower case."""

_PIECE_BYTES = 1 << 20


def manifest_uri(prefix: str, now: float) -> str:
    """Where the manifest goes: into the input location, with the time in its name.

    Examples
    --------
    >>> manifest_uri("s3://acme/set/", 0)
    's3://acme/set/dataset-19700101T000000.manifest'
    """
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S")
    return f"{prefix.rstrip('/')}/dataset-{stamp}.manifest"


def write_manifest(blobs: Blobs, prefix: str, kind: DataKind, *, now: float) -> tuple[str, int]:
    """Make the manifest of a prefix and write it there.

    Parameters
    ----------
    blobs : Blobs
    prefix : str
        ``s3://bucket/folder``, with or without a slash at its end.
    kind : DataKind
    now : float
        Epoch seconds.

    Returns
    -------
    tuple of (str, int)
        URI and number of lines.

    Raises
    ------
    ManifestError
        Nothing fits, or a file cannot be used; the message names it. Nothing is written then.
    BlobNotFound, AccessRefused, InvalidRequest
    """
    folder = prefix.rstrip("/") + "/"
    uri = manifest_uri(folder, now)
    n_lines = 0

    def pieces() -> Iterator[bytes]:
        nonlocal n_lines
        piece = bytearray()
        with contextlib.closing(crawl(blobs, folder, kind)) as lines:
            for line in lines:
                n_lines += 1
                piece += line
                if len(piece) > _PIECE_BYTES:
                    yield bytes(piece)
                    piece.clear()
        if n_lines == 0:  # raised here, so that no object comes into being
            listed = ", ".join(ENDINGS[kind])
            raise ManifestError(
                f"No file below {folder} gives an object: none with the ending {listed} has content. Check "
                "the location and the type of data."
            )
        yield bytes(piece)

    blobs.put(uri, pieces(), content_type="application/x-ndjson")
    return uri, n_lines


def crawl(blobs: Blobs, folder: str, kind: DataKind) -> Generator[bytes]:
    """The lines of the manifest, each with its line feed.

    Raises
    ------
    ManifestError
    """
    endings = ENDINGS[kind]
    n_lines = 0
    for info in blobs.list(folder):
        if not info.uri.lower().endswith(endings):
            continue
        found: Iterable[tuple[str, str]]
        if kind in ("image", "video"):
            found = [("source-ref", info.uri)] if info.size_bytes else []
        else:
            found = (("source", text) for text in _texts(blobs, info.uri, is_csv=kind == "csv"))
        for key, value in found:
            n_lines += 1
            if n_lines > MANIFEST_LINES_MAX:
                raise ManifestError(
                    f"{folder} has more than {MANIFEST_LINES_MAX:,} objects, the most that a manifest may "
                    "have. Name a folder below it."
                )
            yield orjson.dumps({key: value}) + b"\n"


def _texts(blobs: Blobs, uri: str, *, is_csv: bool) -> Iterator[str]:
    number = 0
    try:
        lines = _lines(blobs, uri)
        for text in _first_columns(lines) if is_csv else lines:
            number += 1
            text = text.strip("\r\n")
            if not text.strip():
                continue
            if len(text) > MANIFEST_ATTRIBUTE_CHARS_MAX:
                raise ManifestError(
                    f"{'row' if is_csv else 'line'} {number} of {uri} has {len(text):,} characters; a text "
                    f"may have at most {MANIFEST_ATTRIBUTE_CHARS_MAX:,}. Shorten or split it."
                )
            yield text
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"{uri} is not UTF-8 text (byte 0x{error.object[error.start]:02x} after line {number}). Save it "
            "as UTF-8."
        ) from error
    except csv.Error as error:
        raise ManifestError(f"{uri} is not a CSV file after row {number}: {error}. Correct it.") from error


def _lines(blobs: Blobs, uri: str) -> Iterator[str]:
    """Lines with their line ends, so that a CSV field may hold some."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest = ""
    for chunk in blobs.stream(uri):
        parts = (rest + decoder.decode(chunk)).split("\n")
        rest = parts.pop()
        if len(rest) > 64 * MANIFEST_ATTRIBUTE_CHARS_MAX:
            raise ManifestError(
                f"{uri} has a line of more than {len(rest):,} characters. Write one item a line."
            )
        for part in parts:
            yield part + "\n"
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def _first_columns(lines: Iterator[str]) -> Iterator[str]:
    return (row[0] if row else "" for row in csv.reader(lines))
