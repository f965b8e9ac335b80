"""Sets of objects as a program finds them in its folder, and what it leaves there.

A set is ``<name>.manifest``, one line an object, with ``<name>.ids`` beside it; ``.iterations`` and
``.draws`` say in which order people were asked. Lines are found by their place in the file and parsed when
they are needed.
"""

from __future__ import annotations

import json
import mmap
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from labelwright.errors import InvalidRequest

__all__ = ["Joined", "ObjectSet", "Objects", "pack_model", "unpack_model", "write_json", "write_jsonl"]

_MODEL_FILES_MAX = 64
_MODEL_BYTES_MAX = 2 << 30


class Objects:
    """Objects by position.

    Attributes
    ----------
    ids : ndarray of shape (n,), int64
        Object numbers.
    """

    ids: NDArray[np.int64]

    def line(self, i: int) -> dict[str, Any]:
        """The manifest line of one object."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.ids)

    def lines(self, positions: Iterable[int] | None = None) -> Iterator[dict[str, Any]]:
        """The manifest lines of some objects, by default of all."""
        for i in range(len(self)) if positions is None else positions:
            yield self.line(int(i))

    def labels(self, attribute: str) -> list[Any]:
        """Values of the label attribute."""
        return [line[attribute] for line in self.lines()]


class ObjectSet(Objects):
    """One set of a folder.

    Parameters
    ----------
    folder : Path
    name : str
        ``training``, ``validation`` or ``unlabeled``.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.ids = _column(folder / f"{name}.ids")
        self.iterations = _column(folder / f"{name}.iterations")
        self.draws = _column(folder / f"{name}.draws")
        path = folder / f"{name}.manifest"
        self._data: mmap.mmap | bytes = b""
        if path.exists() and path.stat().st_size:
            with path.open("rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._ends = np.flatnonzero(np.frombuffer(self._data, np.uint8) == ord("\n")).astype(np.int64)
        if len(self._ends) != len(self.ids):
            raise InvalidRequest(
                f"{path} has {len(self._ends)} lines for {len(self.ids)} object numbers.", field=name
            )

    def line(self, i: int) -> dict[str, Any]:
        """The manifest line of one object."""
        start = int(self._ends[i - 1]) + 1 if i else 0
        content: dict[str, Any] = orjson.loads(self._data[start : int(self._ends[i])])
        return content


class Joined(Objects):
    """Several sets as one."""

    def __init__(self, *parts: Objects) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *(len(part) for part in parts)])
        self.ids = np.concatenate([part.ids for part in parts])

    def line(self, i: int) -> dict[str, Any]:
        """The manifest line of one object."""
        k = int(np.searchsorted(self._starts, i, side="right")) - 1
        return self._parts[k].line(i - int(self._starts[k]))


def _column(path: Path) -> NDArray[np.int64]:
    return np.fromfile(path, np.int64) if path.exists() else np.empty(0, np.int64)


def write_jsonl(path: Path, items: Iterable[Mapping[str, Any]]) -> int:
    """Write one JSON object a line; how many there were."""
    n = 0
    with path.open("wb") as file:
        for item in items:
            file.write(orjson.dumps(item, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n")
            n += 1
    return n


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write one JSON object."""
    path.write_text(json.dumps(content, indent=2) + "\n")


def pack_model(folder: Path, target: Path) -> None:
    """Put the files of a folder into ``model.tar.gz``."""
    with tarfile.open(target, "w:gz", compresslevel=1) as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, arcname=path.name, filter=_anonymous)


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def unpack_model(archive_path: Path, folder: Path) -> None:
    """Take the files out of ``model.tar.gz``: plain files by their last name, and no more than is sensible.

    Raises
    ------
    InvalidRequest
        When it is no such archive.
    """
    folder.mkdir(exist_ok=True)
    try:
        with tarfile.open(archive_path, "r:gz") as archive:
            for n, info in enumerate(archive):
                if n >= _MODEL_FILES_MAX or info.size > _MODEL_BYTES_MAX:
                    raise InvalidRequest(
                        f"{archive_path.name} holds more than a model of ours.", field="model"
                    )
                source = archive.extractfile(info) if info.isfile() else None
                if source is not None:
                    (folder / Path(info.name).name).write_bytes(source.read())
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InvalidRequest(f"{archive_path.name} is not a model: {error}", field="model") from error


def sorted_by_id(
    ids: NDArray[np.int64],
    confidences: NDArray[np.float64],
    label: Callable[[int], Any],
    chosen: Sequence[int],
) -> Iterator[dict[str, Any]]:
    """Lines of ``auto.jsonl`` for the chosen positions, in order of the ids."""
    positions = np.asarray(chosen, np.int64)
    for i in positions[np.argsort(ids[positions], kind="stable")].tolist():
        yield {"id": int(ids[i]), "confidence": round(float(confidences[i]), 6), "label": label(i)}
