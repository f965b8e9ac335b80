"""One labeled picture as every format sees it, and what a whole data set holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from labelwright.manifests import BoxesLabel, ClassLabel, MultiLabel, SegmentationClass

__all__ = ["FEATURES", "Item", "Kind", "MaskLabel", "Survey", "color_of", "is_background"]

Kind = Literal["boxes", "class", "classes", "masks"]

FEATURES: Mapping[str, str] = {
    "boxes": "boxes",
    "class": "one class per picture",
    "classes": "several classes per picture",
    "masks": "masks",
    "fractions": "fractions of pixels",
    "class indices": "class indices",
    "class names": "class names",
    "colors": "colours of mask classes",
    "confidence": "confidences of boxes and classes",
    "mask confidence": "confidences of masks",
    "image size": "sizes of pictures",
    "image uri": "where pictures are",
    "unlabeled": "pictures without a label",
    "attributes": "other attributes",
    "metadata": "who made the label, when, in which job",
}
"""What a format can carry or lose, and how that is called."""

_COLORS = ("#2ca02c", "#1f77b4", "#ff7f0e", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22")


@dataclass(frozen=True, slots=True, eq=False)
class MaskLabel:
    """A decoded mask.

    Attributes
    ----------
    indices : ndarray of shape (height, width), uint8
        Class of each pixel.
    classes : tuple of SegmentationClass
    """

    indices: npt.NDArray[np.uint8]
    classes: tuple[SegmentationClass, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One picture.

    Attributes
    ----------
    name : str
        Relative path of the picture, with ``/``, as foreign files name it.
    uri : str or None
        Where it really is, if that is known.
    size : tuple of (width, height, depth) or None
    label : BoxesLabel, ClassLabel, MultiLabel, MaskLabel or None
        None: not labeled.
    attributes : mapping
        Everything else of the line.
    metadata : mapping
        Of the label: who, when, which job.
    """

    name: str
    uri: str | None = None
    size: tuple[int, int, int] | None = None
    label: BoxesLabel | ClassLabel | MultiLabel | MaskLabel | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Survey:
    """What the pictures of a data set have, found before anything is written.

    Attributes
    ----------
    names : dict of int to str
        Classes that occur.
    colors : dict of int to str
        ``#rrggbb`` of mask classes.
    features : set of str
        Keys of `FEATURES` that are there.
    prefix : str
        The folder that all pictures are in; their names are relative to it.
    """

    attribute: str
    kind: Kind
    n_lines: int = 0
    n_labeled: int = 0
    n_failed: int = 0
    names: dict[int, str] = field(default_factory=dict)
    colors: dict[int, str] = field(default_factory=dict)
    features: set[str] = field(default_factory=set)
    prefix: str = ""

    @property
    def name_list(self) -> list[str]:
        """Names of the classes 0, 1, ...; ``#<index>`` for an index that no label has."""
        return [self.names.get(i, f"#{i}") for i in range(max(self.names, default=-1) + 1)]


def is_background(index: int, name: str) -> bool:
    """Whether a mask class means nothing in particular: index 0 of this name, or without one."""
    return index == 0 and name.upper() in ("BACKGROUND", "#0")


def color_of(index: int, given: str | None = None) -> str:
    """A class's colour: its own, else white for the background and one of a row for others."""
    if given:
        return given.lower()
    if index == 0:
        return "#ffffff"
    if index <= len(_COLORS):
        return _COLORS[index - 1]
    # A walk through the colour cube that visits 255 different places and never white.
    code = (index * 0x9E3779) & 0xFEFEFE
    return f"#{code:06x}"
