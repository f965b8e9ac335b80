"""Masks: from the file to class indexes, and what a label map makes of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.pictures import BadPicture, opened_picture
from labelwright.train.toolkit.problems import CustomerError

__all__ = ["IGNORED", "LabelMap", "decode_mask", "read_label_map"]

IGNORED = 255
"""Pixels of this value count neither in the loss nor in a metric."""

Mask = npt.NDArray[np.uint8]


class LabelMap:
    """From pixel values to class indexes.

    Parameters
    ----------
    table : ndarray of shape (256,), uint8
        The class index of every pixel value; `IGNORED` for none.

    Examples
    --------
    >>> LabelMap.scaled(3, n_classes=4).table[[0, 3, 7, 255]]
    array([  0,   1,   2, 255], dtype=uint8)
    >>> LabelMap.scaled(255, n_classes=2).table[[0, 255]]
    array([0, 1], dtype=uint8)
    """

    def __init__(self, table: npt.NDArray[np.uint8]) -> None:
        self.table = table

    @classmethod
    def scaled(cls, scale: int, n_classes: int) -> LabelMap:
        """Index = value // scale. 255 stays void unless that makes it one of ``n_classes`` classes."""
        table = (np.arange(256) // scale).astype(np.uint8)
        if table[IGNORED] >= n_classes:
            table[IGNORED] = IGNORED
        return cls(table)

    @classmethod
    def listed(cls, values: Mapping[int, int]) -> LabelMap:
        """From class index to pixel value; pixels of other values are ignored."""
        table = np.full(256, IGNORED, dtype=np.uint8)
        for index, value in values.items():
            table[value] = index
        return cls(table)


def read_label_map(folder: Path, name: str, n_classes: int) -> LabelMap:
    """The map of one side of the data.

    Parameters
    ----------
    folder : Path
        Of the channel ``label_map``.
    name : {"train", "validation"}
        The file is ``{name}_label_map.json``; without it values are class indexes.
    n_classes : int

    Raises
    ------
    CustomerError
        The file is none of ``{"scale": "3"}`` and ``{"map": {"0": 5, "1": 0}}``.
    """
    path = folder / f"{name}_label_map.json"
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return LabelMap.scaled(1, n_classes)
    except ValueError as error:
        raise CustomerError(f"{path.name} in the channel 'label_map' is no JSON: {error}.") from error
    if isinstance(content, dict) and isinstance(content.get("map"), dict):
        values = {
            _integer(index, path.name): _integer(value, path.name) for index, value in content["map"].items()
        }
        for index, value in values.items():
            if not 0 <= index < n_classes or not 0 <= value <= 255:
                raise CustomerError(
                    f"{path.name} maps the class {index} to the pixel value {value}; classes must be from 0 "
                    f"to {n_classes - 1} (num_classes is {n_classes}) and values from 0 to 255."
                )
        if len(set(values.values())) < len(values):
            raise CustomerError(f"{path.name} maps two classes to the same pixel value; give each its own.")
        return LabelMap.listed(values)
    if isinstance(content, dict) and "scale" in content:
        scale = _integer(content["scale"], path.name)
        if not 1 <= scale <= 255:
            raise CustomerError(f"{path.name} has the scale {scale}; it must be from 1 to 255.")
        return LabelMap.scaled(scale, n_classes)
    raise CustomerError(
        f"{path.name} in the channel 'label_map' must hold "
        '{"scale": "3"} or {"map": {"0": 5, "1": 0}}.'
    )


def decode_mask(data: bytes, key: str, labels: LabelMap, n_classes: int) -> Mask:
    """Class indexes of a mask file.

    Parameters
    ----------
    data : bytes
        A PNG of mode P (the index counts, not the colour) or L; one bit a pixel is read as 0 and 1.
    key : str
        Names the sample in messages.
    labels : LabelMap
    n_classes : int

    Returns
    -------
    ndarray of shape (h, w), uint8
        Less than n_classes, or `IGNORED`.

    Raises
    ------
    CustomerError
        Not readable, several channels or 16 bits, or a value that is no class.
    """
    try:
        with opened_picture(data) as image:
            if image.mode not in ("P", "L", "1"):
                raise CustomerError(
                    f"The mask of {key} has the mode {image.mode}; it must be a PNG with one channel of 8 "
                    "bits, palette (P) or grey (L), whose values are class indexes."
                )
            values = np.asarray(image).astype(np.uint8, copy=False)
    except BadPicture as error:
        raise CustomerError(f"The mask of {key} {error}.") from error
    mask = labels.table[values]
    wrong = (mask >= n_classes) & (mask != IGNORED)
    if wrong.any():
        raise CustomerError(
            f"The mask of {key} has the value {int(values[wrong][0])}, which stands for the class "
            f"{int(mask[wrong][0])}; num_classes is {n_classes}, so values must be from 0 to "
            f"{n_classes - 1}, or {IGNORED} for what is to be ignored."
        )
    return mask


def _integer(value: Any, name: str) -> int:
    try:
        if isinstance(value, bool) or int(value) != float(value):
            raise ValueError
        return int(value)
    except (TypeError, ValueError):
        raise CustomerError(f"{name} holds {value!r} where a whole number belongs.") from None
