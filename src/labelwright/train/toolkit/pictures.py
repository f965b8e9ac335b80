"""From encoded pictures to batches of uint8 tensors: decoding in threads, ahead of the training.

Pillow lets go of the interpreter while it decodes and scales, so threads are enough; nothing is copied
between processes. A JPEG that is much larger than needed is decoded at a half, a quarter or an eighth.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from labelwright.pictures import BadPicture, read_rgb
from labelwright.train.toolkit.problems import CustomerError

__all__ = [
    "PictureCache",
    "ahead",
    "batched",
    "batches_ahead",
    "decode_picture",
    "decode_threads",
    "resized",
    "stacked",
]

Given = TypeVar("Given")
Made = TypeVar("Made")
Pixels = npt.NDArray[np.uint8]


def decode_threads() -> int:
    """Threads that decode: as many as this process may use cores, at most 16."""
    return min(16, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def decode_picture(
    data: bytes, key: str, *, enough_px: tuple[int, int] | None = None
) -> tuple[Pixels, int, int]:
    """Decode a JPEG or PNG file to RGB.

    Parameters
    ----------
    data : bytes
    key : str
        Names the picture in messages.
    enough_px : tuple of int, optional
        Width and height that suffice. A JPEG is then decoded at the smallest of 1/1, 1/2, 1/4, 1/8 of its
        size that still has them.

    Returns
    -------
    pixels : ndarray of shape (h, w, 3), uint8
        In the stored orientation; grey pictures with three equal channels.
    width, height : int
        Of the picture as stored, whatever the scale it was decoded at.

    Raises
    ------
    CustomerError
        No picture, a damaged one, or one of more than 100 million pixels.
    """
    try:
        image, (width, height) = read_rgb(data, enough_px=enough_px)
    except BadPicture as error:
        raise CustomerError(f"{key} {error}.") from error
    return np.asarray(image), width, height


def resized(
    pixels: Pixels, size_px: tuple[int, int], *, box: tuple[float, float, float, float] | None = None
) -> Pixels:
    """Scale a picture, or a part of it, with a triangle filter (bilinear with antialiasing).

    Parameters
    ----------
    pixels : ndarray of shape (h, w, 3), uint8
    size_px : tuple of int
        Width and height of the result.
    box : tuple of float, optional
        Left, top, right, bottom of the part, in pixels, inside the picture.
    """
    if box is None and pixels.shape[1::-1] == size_px:
        return pixels
    image = Image.fromarray(pixels)
    return np.asarray(image.resize(size_px, Image.Resampling.BILINEAR, box=box))


def stacked(pictures: Sequence[Pixels]) -> Tensor:
    """Pictures of equal size as a tensor of shape (n, 3, h, w), uint8, channels last in memory."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)


def ahead(
    make: Callable[[Given], Made], given: Iterable[Given], *, n_threads: int, n_ahead: int = 64
) -> Iterator[Made]:
    """``make`` of each, in order, made by threads ahead of the reader.

    At most ``n_ahead`` are made and not yet taken. What ``make`` raises is raised in its place. ``given`` is
    walked in the reader's thread.
    """
    if n_threads < 1:
        yield from map(make, given)
        return
    pending: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(n_threads, "decode") as pool:
        try:
            for each in given:
                pending.append(pool.submit(make, each))
                if len(pending) >= n_ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def batched(items: Iterable[Made], size: int, *, least: int = 1) -> Iterator[list[Made]]:
    """Lists of ``size`` items; the last may be shorter.

    Where it would have fewer than ``least``, it joins the one before: batch normalisation learns nothing from
    a single sample.

    Examples
    --------
    >>> list(batched(range(5), 2, least=2))
    [[0, 1], [2, 3, 4]]
    """
    before: list[Made] = []
    batch: list[Made] = []
    for item in items:
        batch.append(item)
        if len(batch) < min(least, size):
            continue
        if before:
            yield before
            before = []
        if len(batch) == size:
            before, batch = batch, []
    if before or batch:
        yield before + batch


def batches_ahead(
    make: Callable[[Given], Made], given: Iterable[Given], size: int, *, least: int = 1
) -> Iterator[list[Made]]:
    """`batched` of what all threads make `ahead`, two batches at most."""
    return batched(ahead(make, given, n_threads=decode_threads(), n_ahead=2 * size), size, least=least)


class PictureCache:
    """Keeps decoded pictures of a source that can be revisited, up to a budget; full means no more are kept.

    Parameters
    ----------
    budget_bytes : int
        0 keeps nothing.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._left = budget_bytes
        self._kept: dict[int, tuple[Pixels, int, int]] = {}
        self._lock = threading.Lock()

    def get(self, index: int, make: Callable[[], tuple[Pixels, int, int]]) -> tuple[Pixels, int, int]:
        """The picture of this index (see `decode_picture`), made now if it is not kept."""
        found = self._kept.get(index)
        if found is not None:
            return found
        made = make()
        with self._lock:
            if made[0].nbytes <= self._left and index not in self._kept:
                self._left -= made[0].nbytes
                self._kept[index] = made
        return made
