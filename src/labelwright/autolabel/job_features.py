"""Feature maps of a job's pictures, computed once and kept in files for the next iteration.

Pictures are stretched to one size for the whole job, so that every one of them has a row of equal length in a
file that is mapped into memory. What is trained on is seen in several **views**: the picture as it is, then
cuts of it, every other one mirrored. A view depends on seed and object alone and is computed once as well.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_pictures import Pictures
from labelwright.autolabel.job_trunks import STRIDES, Trunk
from labelwright.core.limits import IMAGE_FORMATS
from labelwright.work import report_progress

__all__ = ["FeatureMaps", "View", "view_of"]

_AREA = 384 * 288  # pixels of a picture as the trunk sees it
_ENLARGED = 4  # at most so many times a picture's own pixels
_STEP = 32
_N_LOOKED_AT = 25  # pictures that decide on what fits a job
_CHUNK = 8
_BYTES_MAX = 8 << 30  # of whole pictures; a larger job computes those without a label in every iteration
_LEAST_CUT = 0.6  # share of a side

View = tuple[float, float, float, float, bool]
"""Left, top, right, bottom as shares of the picture's sides, and whether it is mirrored."""


def view_of(number: int, i_view: int, *, seed: int) -> View:
    """What a view shows of an object's picture.

    Parameters
    ----------
    number : int
        Object number.
    i_view : int
        0 is the whole picture, 1 the whole picture mirrored.
    seed : int
    """
    if i_view < 2:
        return 0.0, 0.0, 1.0, 1.0, i_view == 1
    rng = np.random.default_rng([seed, 17, number, i_view])
    side = float(rng.uniform(_LEAST_CUT, 1.0))
    left, top = (float(value) for value in rng.uniform(0, 1 - side, size=2))
    return left, top, left + side, top + side, bool(i_view % 2)


class FeatureMaps:
    """Rows of feature maps by object number.

    Parameters
    ----------
    content : Mapping
        The program's input: ``cache``, ``n_objects``, ``seed``.
    folder : Path
        For progress.
    pictures : Pictures
    trunk : Trunk
    strides : tuple of int
        Those of `STRIDES` that are wanted.

    Notes
    -----
    For each view ``<key>-<view>.f16`` has a row for every object of the job (sparse on disk: only what was
    computed takes room, 0.4 to 0.8 MB a picture) and ``<key>-<view>.state`` a byte: 0 not looked at, 1
    computed, 2 unreadable. The byte is written after its row.
    """

    def __init__(
        self,
        content: Mapping[str, Any],
        folder: Path,
        pictures: Pictures,
        trunk: Trunk,
        strides: tuple[int, ...],
    ) -> None:
        self._folder, self._pictures, self._trunk = folder, pictures, trunk
        self._root = Path(content["cache"])
        self._root.mkdir(parents=True, exist_ok=True)
        self._n_objects = int(content["n_objects"])
        self._seed = int(content["seed"]) % (1 << 31)
        self._levels = tuple(STRIDES.index(stride) for stride in strides)
        self._strides = strides
        self._files: dict[int, tuple[NDArray[np.float16], NDArray[np.uint8]]] = {}
        self._sizes: NDArray[np.int32] | None = None
        self._canvas: tuple[int, int] | None = None
        self._n_computed = 0

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the maps that were asked for."""
        return tuple(self._trunk.channels[level] for level in self._levels)

    def canvas(self, objects: Objects) -> tuple[int, int]:
        """Height and width of pictures as the trunk sees them, decided once for a job."""
        if self._canvas is None:
            path = self._root / "canvas.json"
            if not path.exists():
                path.write_text(json.dumps(self._fitting_canvas(objects)))
            height, width = json.loads(path.read_text())
            self._canvas = int(height), int(width)
        return self._canvas

    def rows(
        self, objects: Objects, chosen: NDArray[np.int64], i_view: int = 0
    ) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
        """Rows (n, length) of some objects and which of them can be used; computes what is missing."""
        numbers = objects.ids[chosen]
        if i_view == 0 and self._is_too_much(objects):
            return self._loose(objects, chosen)
        rows, state = self._open(objects, i_view)
        self.compute(objects, chosen, i_view)
        return np.asarray(rows[numbers]), state[numbers] == 1

    def compute(self, objects: Objects, chosen: NDArray[np.int64], i_view: int = 0) -> None:
        """Compute what is missing of a view."""
        rows, state = self._open(objects, i_view)
        missing = chosen[state[objects.ids[chosen]] == 0]
        for start in range(0, len(missing), _CHUNK):
            part = missing[start : start + _CHUNK]
            found, is_usable = self._look(objects, part, i_view)
            numbers = objects.ids[part]
            rows[numbers[is_usable]] = found[is_usable]
            state[numbers] = np.where(is_usable, 1, 2)

    def states(self, objects: Objects, chosen: NDArray[np.int64], i_view: int = 0) -> NDArray[np.uint8]:
        """0 not looked at, 1 computed, 2 unreadable, (n,)."""
        return np.asarray(self._open(objects, i_view)[1][objects.ids[chosen]])

    def stored(self, objects: Objects, i_view: int) -> NDArray[np.float16]:
        """The file of a view, a row for every object number; only rows that were computed hold anything."""
        return self._open(objects, i_view)[0]

    def sizes(self, objects: Objects, chosen: NDArray[np.int64]) -> NDArray[np.int32]:
        """Height and width of the pictures as stored, (n, 2); 0 for those that were not looked at."""
        return np.asarray(self._sizes_file()[objects.ids[chosen]])

    def maps(self, rows: NDArray[np.float16]) -> list[Tensor]:
        """Rows (n, length) as maps (n, channels, height, width) for each stride, float32."""
        values = torch.from_numpy(rows.astype(np.float32))
        found, start = [], 0
        for shape in self._shapes():
            end = start + int(np.prod(shape))
            part = values[:, start:end].reshape(-1, *shape)
            found.append(part.contiguous(memory_format=torch.channels_last))  # a fifth quicker on CPUs
            start = end
        return found

    def _shapes(self) -> list[tuple[int, int, int]]:
        if self._canvas is None:
            raise AssertionError("the canvas is decided first")
        height, width = self._canvas
        return [
            (n, height // stride, width // stride)
            for n, stride in zip(self.channels, self._strides, strict=True)
        ]

    def _fitting_canvas(self, objects: Objects) -> tuple[int, int]:
        sizes = []
        for line in objects.lines(range(min(len(objects), _N_LOOKED_AT))):
            content = self._pictures.bytes_of(_source(line))
            if content is not None:
                try:
                    with Image.open(io.BytesIO(content), formats=IMAGE_FORMATS) as image:
                        sizes.append(image.size)
                except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
                    continue
        widths, heights = np.array(sizes or [(1, 1)], np.float64).T
        aspect = float(np.clip(np.median(widths / heights), 0.5, 2.0))
        area = float(np.clip(_ENLARGED * np.median(widths * heights), 32 * 32, _AREA))
        height = max(_STEP, round((area / aspect) ** 0.5 / _STEP) * _STEP)
        width = max(_STEP, round((area * aspect) ** 0.5 / _STEP) * _STEP)
        return height, width

    def _is_too_much(self, objects: Objects) -> bool:
        self.canvas(objects)
        length = sum(int(np.prod(shape)) for shape in self._shapes())
        return 2 * length * self._n_objects > _BYTES_MAX

    def _loose(
        self, objects: Objects, chosen: NDArray[np.int64]
    ) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
        parts = [
            self._look(objects, chosen[start : start + _CHUNK], 0) for start in range(0, len(chosen), _CHUNK)
        ]
        return np.concatenate([rows for rows, _ in parts]), np.concatenate([usable for _, usable in parts])

    def _look(
        self, objects: Objects, part: NDArray[np.int64], i_view: int
    ) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
        height, width = self.canvas(objects)
        batch = np.zeros((len(part), height, width, 3), np.uint8)
        is_usable = np.zeros(len(part), np.bool_)
        for k, i in enumerate(part.tolist()):
            view = view_of(int(objects.ids[i]), i_view, seed=self._seed)
            content = self._pictures.bytes_of(_source(objects.line(i)))
            found = None if content is None else _stretched(content, (width, height), view)
            if found is not None:
                batch[k], self._sizes_file()[objects.ids[i]] = found
                is_usable[k] = True
        values = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255
        maps = self._trunk.maps(values)
        rows = torch.cat([maps[level].flatten(1) for level in self._levels], dim=1)
        self._n_computed += len(part)
        report_progress(self._folder, "looked at images", done=self._n_computed)
        return rows.clamp(-6e4, 6e4).half().numpy(), is_usable

    def _open(self, objects: Objects, i_view: int) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
        if i_view not in self._files:
            height, width = self.canvas(objects)
            length = sum(int(np.prod(shape)) for shape in self._shapes())
            name = f"{self._trunk.key}-{height}x{width}-{min(self._strides)}-{i_view}"
            rows, state = self._root / f"{name}.f16", self._root / f"{name}.state"
            _grow(rows, 2 * length * self._n_objects)
            _grow(state, self._n_objects)
            self._files[i_view] = (
                np.memmap(rows, np.float16, "r+", shape=(self._n_objects, length)),
                np.memmap(state, np.uint8, "r+", shape=(self._n_objects,)),
            )
        return self._files[i_view]

    def _sizes_file(self) -> NDArray[np.int32]:
        if self._sizes is None:
            path = self._root / "sizes.i32"
            _grow(path, 8 * self._n_objects)
            self._sizes = np.memmap(path, np.int32, "r+", shape=(self._n_objects, 2))
        return self._sizes


def _source(line: Mapping[str, Any]) -> str:
    return str(line.get("source-ref") or line.get("source") or "")


def _grow(path: Path, size: int) -> None:
    with path.open("ab") as handle:
        handle.truncate(size)


def _stretched(
    content: bytes, size: tuple[int, int], view: View
) -> tuple[NDArray[np.uint8], tuple[int, int]] | None:
    """A view of a picture at (width, height) and the picture's own height and width; None if unreadable."""
    left, top, right, bottom, is_mirrored = view
    try:
        with Image.open(io.BytesIO(content), formats=IMAGE_FORMATS) as image:
            width, height = image.size
            # A JPEG is decoded at half or a quarter of its size where that is still enough.
            image.draft("RGB", (2 * size[0], 2 * size[1]))
            picture = image.convert("RGB")
        box = (
            left * picture.width,
            top * picture.height,
            right * picture.width,
            bottom * picture.height,
        )
        pixels = np.asarray(picture.resize(size, Image.Resampling.BILINEAR, box=box))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None
    return (pixels[:, ::-1] if is_mirrored else pixels), (height, width)
