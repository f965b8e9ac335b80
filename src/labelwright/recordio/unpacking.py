"""From records back to files, and what is in a record."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from labelwright.recordio.atomic import atomic_file
from labelwright.recordio.augmented import contained
from labelwright.recordio.framing import RecordIOError
from labelwright.recordio.images import HEADER_BYTES, image_format, open_image, unpack
from labelwright.recordio.lists import ListEntry, format_entry
from labelwright.recordio.protobuf import Tensor, Value, decode_record
from labelwright.recordio.reader import OnBroken, PlacedRecord, read_placed

__all__ = ["Kind", "Unpacked", "describe", "kind_of", "unpack_file"]

Kind = Literal["image", "raw", "protobuf"]

_PIXELS_MAX = 1 << 40  # sizes are only told, nothing is decoded


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came of unpacking. ``lst`` is the list that was written, for image records."""

    kind: Kind
    n_files: int
    n_bytes: int
    lst: Path | None


def kind_of(record: bytes) -> Kind:
    """Tell what a record is: an image record, a protobuf record, or raw bytes (such as a bare image)."""
    if image_format(record) in ("jpeg", "png"):
        return "raw"
    if len(record) >= HEADER_BYTES:
        try:
            _, data = unpack(record)
        except RecordIOError:
            pass
        else:
            if image_format(data) or not data:
                return "image"
    try:
        decoded = decode_record(record)
    except RecordIOError:
        return "raw"
    return "protobuf" if decoded.features or decoded.label else "raw"


def describe(placed: PlacedRecord, number: int) -> dict[str, object]:
    """Return what is in a record, ready for JSON.

    Returns
    -------
    dict
        ``record`` (its number), ``offset``, ``bytes``, ``parts``, ``kind``; of images also ``id``,
        ``labels``, ``format``, ``width``, ``height``; of protobuf records ``features`` and ``label``: type
        and shape by name.
    """
    kind = kind_of(placed.data)
    facts: dict[str, object] = {
        "record": number,
        "offset": placed.offset,
        "bytes": len(placed.data),
        "parts": placed.n_parts,
        "kind": kind,
    }
    data = placed.data
    if kind == "protobuf":
        decoded = decode_record(data)
        facts["features"] = {key: _shape(value) for key, value in decoded.features.items()}
        facts["label"] = {key: _shape(value) for key, value in decoded.label.items()}
        return facts
    if kind == "image":
        header, data = unpack(data)
        labels = np.atleast_1d(header.label).tolist()
        facts |= {"id": header.id, "labels": labels}
    name = image_format(data)
    if name:
        facts["format"] = name
        try:
            facts["width"], facts["height"] = open_image(data, pixels_max=_PIXELS_MAX).size
        except RecordIOError as error:
            facts["problem"] = error.message
    return facts


def unpack_file(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    kind: Kind | None = None,
    names: Mapping[int, str] | None = None,
    on_broken: OnBroken | None = None,
    on_record: Callable[[PlacedRecord], None] | None = None,
) -> Unpacked:
    """Write each record to a file of its own.

    Image records become image files, byte for byte as they were packed, named by their ids, and a list with
    their labels, ``<name of the file>.lst``. Raw records are named by their numbers. Protobuf records become
    one file of JSON Lines.

    Parameters
    ----------
    path : path
    folder : path
        Made if it is not there. Nothing in it is overwritten.
    kind : {"image", "raw", "protobuf"}, optional
        What the records are; told from the first one where left out.
    names : mapping of int to str, optional
        Paths by id, such as the list that the file was packed from has; relative, parts separated by ``/``.
    on_broken : callable, optional
        See :func:`labelwright.recordio.read`.
    on_record : callable, optional
        Called with each record after it is written.

    Raises
    ------
    RecordIOError
        The file is broken, a record is not of this kind, or a file is there already.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    stem = Path(path).stem
    records = read_placed(path, on_broken=on_broken)
    first = next(records, None)
    if first is None:
        return Unpacked(kind or "raw", 0, 0, None)
    kind = kind or kind_of(first.data)
    side = {"image": target / f"{stem}.lst", "protobuf": target / f"{stem}.jsonl", "raw": None}[kind]
    if side is not None and side.exists():
        raise _is_there(side)
    n_files = n_bytes = 0
    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(atomic_file(side)) if side is not None else None
        for number, placed in enumerate(itertools.chain([first], records)):
            if kind == "protobuf":
                line, data = _json_line(placed, str(path)), placed.data
                n_files = 1
            else:
                name, data, line = _file_of(placed, number, kind, names or {}, str(path))
                _write_new(contained(name, target), data)
                n_files += 1
            n_bytes += len(data)
            if lines is not None:
                lines.write(line.encode())
            if on_record is not None:
                on_record(placed)
    return Unpacked(kind, n_files, n_bytes, side if kind == "image" else None)


def _file_of(
    placed: PlacedRecord, number: int, kind: Kind, names: Mapping[int, str], path: str
) -> tuple[str, bytes, str]:
    """Name, bytes and line of the list for one record."""
    if kind == "raw":
        return f"{number:08d}{_suffix(placed.data)}", placed.data, ""
    try:
        header, data = unpack(placed.data)
    except RecordIOError as error:
        raise RecordIOError(error.message, path=path, offset=placed.offset) from None
    name = names.get(header.id) or f"{header.id:08d}{_suffix(data)}"
    labels = tuple(np.atleast_1d(header.label).tolist())
    return name, data, format_entry(ListEntry(header.id, labels, name))


def _write_new(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("xb") as out:
            out.write(data)
    except FileExistsError:
        raise _is_there(file) from None


def _is_there(file: Path) -> RecordIOError:
    return RecordIOError(
        "this file is there already, from an earlier run or because two records have the same id. Choose "
        "an empty "
        "folder, or unpack with --kind raw, which names files by the number of the record.",
        path=str(file),
    )


def _suffix(data: bytes) -> str:
    name = image_format(data)
    return {"jpeg": ".jpg", "": ".bin"}.get(name, f".{name}")


def _shape(value: Value) -> dict[str, object]:
    if isinstance(value, Tensor):
        facts: dict[str, object] = {
            "type": value.values.dtype.name,
            "shape": list(value.shape or value.values.shape),
        }
        return facts | {"n_values": value.values.size} if value.keys is not None else facts
    return {"type": value.content_type or "bytes", "sizes": [len(item) for item in value.values]}


def _json_line(placed: PlacedRecord, path: str) -> str:
    try:
        record = decode_record(placed.data)
    except RecordIOError as error:
        at = placed.offset + 8 + (error.offset or 0)
        raise RecordIOError(error.message, path=path, offset=at) from None
    facts = {
        "features": {key: _values(value) for key, value in record.features.items()},
        "label": {key: _values(value) for key, value in record.label.items()},
        "uid": record.uid,
        "metadata": record.metadata,
        "configuration": record.configuration,
    }
    return json.dumps({key: value for key, value in facts.items() if value}, ensure_ascii=False) + "\n"


def _values(value: Value) -> dict[str, object]:
    if isinstance(value, Tensor):
        facts: dict[str, object] = {"type": value.values.dtype.name, "values": value.values.tolist()}
        if value.keys is not None:
            facts["keys"] = value.keys.tolist()
        return facts | ({"shape": list(value.shape)} if value.shape else {})
    return {
        "content_type": value.content_type,
        "base64": [base64.b64encode(item).decode() for item in value.values],
    }
