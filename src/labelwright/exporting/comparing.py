"""How far two ways to run a network agree on pictures, and how long one takes.

Detections are matched as people look at them: what both show with a score of at least 0.2 in nearly the same
place. Probabilities are compared by the class they lead to and by their largest difference.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.inference.images import decode, scaled
from labelwright.inference.interface import InferenceError
from labelwright.inference.semantic_segmentation import working_size

__all__ = ["Agreement", "compare_graphs", "example_pictures", "milliseconds", "runner_of"]

Pictures = npt.NDArray[np.uint8]
Run = Callable[[Pictures], npt.NDArray[np.float32]]

_SHOWN_SCORE = 0.2
_SAME_PLACE_IOU = 0.5
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})


@dataclasses.dataclass(frozen=True, slots=True)
class Agreement:
    """Of two networks on the same pictures.

    Attributes
    ----------
    n_pictures : int
    share : float
        Detections: of the objects that either shows, those that both show, with one class and an overlap of
        at least 0.5. Probabilities: of pictures or pixels, those with the same likeliest class. 1 when there
        was nothing to compare.
    largest_difference : float
        Of probabilities or scores, where the two agree.
    """

    n_pictures: int
    share: float
    largest_difference: float


def example_pictures(
    description: dict[str, Any], folder: Path | None, n: int, *, seed: int = 0
) -> list[Pictures]:
    """Pictures at the size the graph takes, each of shape (1, height, width, 3).

    Parameters
    ----------
    description : dict
        Content of ``labelwright.json``.
    folder : Path or None
        At most ``n`` pictures evenly spread over its files, by name; None: noise in soft blobs, which is
        enough to compare two runs of one network but says nothing on accuracy.
    n : int
    seed : int
        Of the noise.
    """
    _, height, width = description["image_shape"]
    if description["algorithm"] == "semantic-segmentation":
        width, height = working_size(width, height, int(description["network"]["base_size"]))
    if folder is None:
        generator = np.random.default_rng(seed)
        found = []
        for _ in range(n):
            coarse = generator.uniform(0, 255, (1, max(1, height // 32), max(1, width // 32), 3))
            blown = coarse.repeat(32, axis=1).repeat(32, axis=2)
            pixels = np.resize(blown, (1, height, width, 3)) + generator.normal(0, 12, (1, height, width, 3))
            found.append(pixels.clip(0, 255).astype(np.uint8))
        return found
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    chosen = [paths[i * len(paths) // n] for i in range(n)] if len(paths) > n else paths
    found = []
    for path in chosen:
        try:
            decoded = decode(path.read_bytes(), enough_px=(width, height))
        except (OSError, InferenceError):
            continue
        found.append(scaled(decoded, (width, height)).pixels[None])
    return found


def runner_of(session: Any) -> Run:
    """An onnxruntime session as a function of pictures."""

    def run(pictures: Pictures) -> npt.NDArray[np.float32]:
        outputs: npt.NDArray[np.float32] = session.run(None, {"images": pictures})[0]
        return outputs

    return run


def compare_graphs(algorithm: str, one: Run, other: Run, pictures: Iterable[Pictures]) -> Agreement:
    """Run both on every picture."""
    n_pictures = n_same = n_all = 0
    largest = 0.0
    for each in pictures:
        n_pictures += 1
        a, b = one(each), other(each)
        if algorithm == "object-detection":
            same, total, difference = _compared_boxes(a[0], b[0])
        else:
            axis = 1
            is_same = a.argmax(axis) == b.argmax(axis)
            same, total = int(is_same.sum()), is_same.size
            difference = float(np.abs(a - b).max())
        n_same, n_all = n_same + same, n_all + total
        largest = max(largest, difference)
    return Agreement(n_pictures, n_same / n_all if n_all else 1.0, largest)


def milliseconds(runs: Sequence[Run], pictures: Sequence[Pictures], *, n_runs: int = 10) -> list[float]:
    """Median time of one picture for each; in turn, so that a busy moment meets all of them."""
    taken: list[list[float]] = [[] for _ in runs]
    for run in runs:
        run(pictures[0])
    for i in range(n_runs):
        for run, times in zip(runs, taken, strict=True):
            begun = time.perf_counter()
            run(pictures[i % len(pictures)])
            times.append(time.perf_counter() - begun)
    return [1000 * float(np.median(times)) for times in taken]


def _compared_boxes(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> tuple[int, int, float]:
    """Objects that both show, that either shows, and the largest difference of scores."""
    # A score next to the limit may fall on either side, so the partner may be a little below it.
    shown_a, shown_b = (rows[(rows[:, 0] >= 0) & (rows[:, 1] >= _SHOWN_SCORE)] for rows in (a, b))
    same, largest = 0, 0.0
    missed = 0
    for shown, others in ((shown_a, b), (shown_b, a)):
        others = others[others[:, 0] >= 0]
        for row in shown:
            overlaps = np.where(others[:, 0] == row[0], _overlaps(row[2:], others[:, 2:]), 0.0)
            if len(overlaps) and overlaps.max() >= _SAME_PLACE_IOU:
                largest = max(largest, float(abs(others[overlaps.argmax(), 1] - row[1])))
                same += 1
            else:
                missed += 1
    return same, same + missed, largest


def _overlaps(box: npt.NDArray[np.float32], boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Intersection over union of one box with others, (n,)."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    overlaps: npt.NDArray[np.float32] = shared / np.maximum(areas - shared, 1e-12)
    return overlaps
