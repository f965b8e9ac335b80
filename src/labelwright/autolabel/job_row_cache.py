"""Rows of numbers for every object of a job, computed once and kept in files for the next iteration."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.features import image_features
from labelwright.autolabel.features.encoder import TextEncoder
from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_reading import Reader, open_reader
from labelwright.errors import BlobNotFound, InvalidRequest
from labelwright.work import report_progress

__all__ = ["PictureRows", "RowCache", "TextRows"]

_N_READERS = 8


class RowCache:
    """Rows by object number.

    Parameters
    ----------
    content : Mapping
        The program's input: ``cache``, ``n_objects``.
    folder : Path
        For progress.

    Notes
    -----
    ``<name>-<width>.f32`` has a row for every object of the job (sparse on disk: only what was computed
    takes room), and ``.state`` beside it a byte: 0 not looked at, 1 computed, 2 unreadable. The byte is
    written after its row.
    """

    at_once = 64
    what = "objects"

    def __init__(self, content: Mapping[str, Any], folder: Path) -> None:
        self._n_objects = int(content["n_objects"])
        self._root = Path(content["cache"])
        self._root.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._rows: NDArray[np.float32] | None = None
        self._state: NDArray[np.uint8] | None = None
        self._n_computed = 0

    def name_and_width(self) -> tuple[str, int]:
        """What the rows are called, and numbers in one."""
        raise NotImplementedError

    def compute(self, lines: Sequence[Mapping[str, Any]]) -> list[NDArray[np.float32] | None]:
        """The rows of some objects, from their manifest lines; None where it cannot be had."""
        raise NotImplementedError

    def rows(
        self, objects: Objects, chosen: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Rows (n, d) of some objects and which of them can be used; computes what is missing."""
        numbers = objects.ids[chosen]
        rows, state = self._open()
        missing = chosen[state[numbers] == 0]
        for start in range(0, len(missing), self.at_once):
            part = missing[start : start + self.at_once]
            found = self.compute(list(objects.lines(part.tolist())))
            here = objects.ids[part]
            good = [i for i, row in enumerate(found) if row is not None]
            if good:
                rows[here[good]] = np.stack([row for row in found if row is not None])
            state[here] = 2
            state[here[good]] = 1
            self._n_computed += len(here)
            report_progress(self._folder, f"looked at {self.what}", done=self._n_computed)
        return np.asarray(rows[numbers], np.float32), state[numbers] == 1

    def _open(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Map the files."""
        if self._rows is None or self._state is None:
            name, width = self.name_and_width()
            path, state = self._root / f"{name}-{width}.f32", self._root / f"{name}-{width}.state"
            for file, size in ((path, 4 * width * self._n_objects), (state, self._n_objects)):
                with file.open("ab") as handle:
                    handle.truncate(size)
            self._rows = np.memmap(path, np.float32, "r+", shape=(self._n_objects, width))
            self._state = np.memmap(state, np.uint8, "r+", shape=(self._n_objects,))
        return self._rows, self._state


class PictureRows(RowCache):
    """Features of pictures, which are read from the object store.

    Parameters
    ----------
    content : Mapping
        As for :class:`RowCache`, and ``weights``, ``data_dir``, ``object_store``.
    folder : Path
    reader : Reader, optional
    """

    what = "images"

    def __init__(self, content: Mapping[str, Any], folder: Path, reader: Reader | None = None) -> None:
        super().__init__(content, folder)
        self._backbone = Path(content["weights"]) if content.get("weights") else None
        self._reader = reader or open_reader(Path(content["data_dir"]), content["object_store"])

    def name_and_width(self) -> tuple[str, int]:
        """The width is found out with a picture of our own."""
        name = "hog"
        if self._backbone is not None:
            name = "backbone-" + hashlib.sha256(self._backbone.read_bytes()).hexdigest()[:16]
        return name, image_features([np.zeros((8, 8, 3), np.uint8)], backbone=self._backbone).shape[1]

    def compute(self, lines: Sequence[Mapping[str, Any]]) -> list[NDArray[np.float32] | None]:
        """Features of the pictures that the lines name."""
        sources = [str(line.get("source-ref") or line.get("source") or "") for line in lines]
        return [self._row(content) for content in self._contents(sources)]

    def _row(self, content: bytes | None) -> NDArray[np.float32] | None:
        if content is None:
            return None
        try:
            return np.asarray(image_features([content], backbone=self._backbone)[0], np.float32)
        except InvalidRequest:
            return None

    def _contents(self, sources: Sequence[str]) -> Iterator[bytes | None]:
        with ThreadPoolExecutor(_N_READERS) as pool:
            yield from pool.map(self._read, sources)

    def _read(self, source: str) -> bytes | None:
        try:
            return self._reader.read(source)
        except (BlobNotFound, InvalidRequest):
            return None


class TextRows(RowCache):
    """Vectors of texts by a sentence encoder.

    Parameters
    ----------
    content : Mapping
        As for :class:`RowCache`.
    folder : Path
    encoder : TextEncoder
    """

    at_once = 2048
    what = "texts"

    def __init__(self, content: Mapping[str, Any], folder: Path, encoder: TextEncoder) -> None:
        super().__init__(content, folder)
        self._encoder = encoder

    def name_and_width(self) -> tuple[str, int]:
        """Named by all that decides on the vectors."""
        return f"encoder-{self._encoder.key}", self._encoder.width

    def compute(self, lines: Sequence[Mapping[str, Any]]) -> list[NDArray[np.float32] | None]:
        """Vectors of the lines' texts."""
        return list(self._encoder([str(line.get("source") or "") for line in lines]))
