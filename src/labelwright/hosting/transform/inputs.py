"""The objects of a transform job, fixed once: a listing or manifest that changes later changes nothing.

========================  ===============================================================================
``S3Prefix``              every object whose key begins with the prefix; markers of folders are left out
``ManifestFile``          the objects of a JSON array, ``[{"prefix": ...}, "rest of the key", ...]``
``AugmentedManifestFile`` (our extension) one object for each line of a JSON Lines file: the bytes that the
                          line's first ``...-ref`` attribute names, or else the text of ``source`` or of its
                          first attribute
========================  ===============================================================================
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from labelwright.errors import InvalidRequest
from labelwright.streaming.lines import LineIndex
from labelwright.streaming.materialise import relative_key
from labelwright.streaming.objects import PIECE_BYTES, Objects
from labelwright.streaming.payloads import gunzip_pieces
from labelwright.streaming.sources import ObjectSource

__all__ = ["Unit", "Units", "open_units"]

_LINES_AT_A_TIME: Final = 1000


class Unit(NamedTuple):
    """One object to be transformed.

    Attributes
    ----------
    i : int
        Its place in the job.
    name : str
        Key of its output below S3OutputPath, without ``.out``.
    uri : str
        Where its bytes are; empty where `data` holds them.
    data : bytes
    line : bytes
        The line of the augmented manifest; empty otherwise.
    """

    i: int
    name: str
    uri: str
    data: bytes = b""
    line: bytes = b""


class Units:
    """The objects of a job by place, 8 bytes of memory for each.

    Parameters
    ----------
    path : Path
        One line for each: a JSON string, or the line of an augmented manifest.
    data_type, uri : str
        Of the request's ``S3DataSource``.
    prefix : str
        What names of outputs leave out.
    """

    def __init__(self, path: Path, data_type: str, uri: str, prefix: str) -> None:
        self._lines = LineIndex.of_path(path)
        self._data_type = data_type
        self._uri = uri
        self._prefix = prefix
        self._stem = uri.rpartition("/")[2]

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, i: int) -> Unit:
        """One object.

        Raises
        ------
        InvalidRequest
            The line of the augmented manifest is no JSON object, or empty.
        """
        raw = self._lines[i]
        if self._data_type == "AugmentedManifestFile":
            return _unit_of_line(i, raw, self.name(i))
        return Unit(i, self.name(i), orjson.loads(raw))

    def example_uri(self) -> str:
        """Where objects are: the first one, or the manifest that holds the data itself."""
        if self._data_type == "AugmentedManifestFile":
            return self._uri
        uri: str = orjson.loads(self._lines[0])
        return uri

    def name(self, i: int) -> str:
        """Key of an output below S3OutputPath, without ``.out``; lines are numbered from 1."""
        if self._data_type == "AugmentedManifestFile":
            return f"{self._stem}/{i + 1:08d}"
        uri: str = orjson.loads(self._lines[i])
        is_manifest = self._data_type == "ManifestFile"
        return relative_key(uri, self._prefix, is_manifest=is_manifest) or uri.rpartition("/")[2]


def open_units(source: dict[str, Any], folder: Path, objects: Objects) -> Units:
    """The objects of ``S3DataSource``, as they were when the job first asked.

    Parameters
    ----------
    source : dict
    folder : Path
        Keeps the listing.
    objects : Objects

    Raises
    ------
    InvalidRequest
        Nothing is there under the prefix, or the manifest is empty or broken.
    labelwright.errors.BlobNotFound
        There is no such manifest or bucket.
    """
    data_type, uri = source["S3DataType"], source["S3Uri"]
    path, about = folder / "objects.jsonl", folder / "objects.json"
    if not about.exists():
        prefix = uri
        if data_type == "AugmentedManifestFile":
            _write(path, _unpacked(uri, objects))
        else:
            find = ObjectSource.of_manifest if data_type == "ManifestFile" else ObjectSource.of_prefix
            made = find(uri, objects)
            prefix = made.prefix
            _write(path, _listed(made))
        _write(about, (orjson.dumps({"prefix": prefix}),))
    units = Units(path, data_type, uri, orjson.loads(about.read_bytes())["prefix"])
    if not len(units):
        raise InvalidRequest(f"The manifest {uri} has no lines.", field="S3Uri", value=uri)
    return units


def _unit_of_line(i: int, raw: bytes, name: str) -> Unit:
    try:
        line = json.loads(raw)
    except ValueError as error:
        raise InvalidRequest(f"Line {i + 1} of the manifest is no valid JSON: {error}.") from error
    if not isinstance(line, dict) or not line:
        raise InvalidRequest(f"Line {i + 1} of the manifest is no JSON object with attributes.")
    for attribute, value in line.items():
        if attribute.endswith("-ref"):
            if not isinstance(value, str) or not value.startswith("s3://"):
                raise InvalidRequest(
                    f"Line {i + 1} of the manifest has no S3 URI at {attribute!r}: {json.dumps(value)[:100]}."
                )
            return Unit(i, name, value, line=raw)
    value = line["source"] if "source" in line else next(iter(line.values()))
    text = value if isinstance(value, str) else json.dumps(value)
    return Unit(i, name, "", text.encode(errors="replace"), raw)


def _listed(source: ObjectSource) -> Iterator[bytes]:
    for start in range(0, len(source), _LINES_AT_A_TIME):
        stop = min(len(source), start + _LINES_AT_A_TIME)
        yield b"".join(
            orjson.dumps(source.uri(i), option=orjson.OPT_APPEND_NEWLINE) for i in range(start, stop)
        )


def _unpacked(uri: str, objects: Objects) -> Iterator[bytes]:
    head, rest = objects.open(uri, PIECE_BYTES)
    yield from gunzip_pieces(head, rest or ())


def _write(path: Path, chunks: Iterable[bytes]) -> None:
    """A file that is there whole and durable, or not at all."""
    aside = path.with_name(f"{path.name}.part")
    try:
        with aside.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise
