"""What a model is asked about: the pictures of a folder, or the lines of a file of texts."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path

from labelwright.errors import InvalidRequest

__all__ = ["Input", "count_inputs", "list_inputs"]

_PICTURES = frozenset({".jpg", ".jpeg", ".png"})
_TEXT_TABLES = frozenset({".jsonl", ".manifest", ".json"})


@dataclasses.dataclass(frozen=True, slots=True)
class Input:
    """One picture, by its path relative to the folder, or one text.

    Attributes
    ----------
    name : str
        Path of a picture with ``/`` between its parts; of a text its number, from 1.
    text : str or None
    """

    name: str
    text: str | None = None


def list_inputs(place: Path, algorithm: str) -> Iterator[Input]:
    """Everything at a place, in the order of names or lines; nothing is read ahead.

    Parameters
    ----------
    place : Path
        Pictures: a folder, with its folders, or one file. Texts: a file with one text a line, or with JSON
        lines that have a ``source``; or a folder of ``.txt`` files, each one text.
    algorithm : str

    Raises
    ------
    InvalidRequest
        There is no such place, or a line is no JSON object with a text.
    """
    if not place.exists():
        raise InvalidRequest(
            f"There is nothing at {place}. Give a folder of pictures, or a file of texts for a text model.",
            field="INPUT",
            value=str(place),
        )
    if algorithm == "blazingtext":
        return _texts(place)
    if place.is_file():
        return iter([Input(place.name)])
    return (Input(name) for name in _walk(place, "", _PICTURES))


def count_inputs(place: Path, algorithm: str) -> int:
    """How many `list_inputs` gives; for a progress bar."""
    if algorithm == "blazingtext" and place.is_file():
        with place.open("rb") as file:
            return sum(1 for line in file if line.strip())
    return sum(1 for _ in list_inputs(place, algorithm))


def _walk(folder: Path, prefix: str, suffixes: frozenset[str]) -> Iterator[str]:
    """Names below a folder, one folder's names in memory at a time."""
    with os.scandir(folder / prefix) as entries:
        found = sorted(
            (entry.name, entry.is_dir(follow_symlinks=False))
            for entry in entries
            if not entry.name.startswith(".")
        )
    for name, is_folder in found:
        if is_folder:
            yield from _walk(folder, f"{prefix}{name}/", suffixes)
        elif os.path.splitext(name)[1].lower() in suffixes:  # noqa: PTH122 - a Path for each costs
            yield prefix + name


def _texts(place: Path) -> Iterator[Input]:
    if place.is_dir():
        for name in _walk(place, "", frozenset({".txt"})):
            yield Input(name, (place / name).read_text("utf-8", "replace").strip())
        return
    is_table = place.suffix.lower() in _TEXT_TABLES
    with place.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            text = _source(line, number, place) if is_table else line.decode("utf-8", "replace").strip()
            yield Input(str(number), text)


def _source(line: bytes, number: int, place: Path) -> str:
    try:
        content = json.loads(line)
    except ValueError as error:
        raise InvalidRequest(f"Line {number} of {place.name} is no JSON: {error}.") from error
    source = content.get("source") if isinstance(content, dict) else None
    if not isinstance(source, str):
        raise InvalidRequest(
            f'Line {number} of {place.name} has no text under "source"; give lines such as '
            '{"source": "a text"}.'
        )
    return source
