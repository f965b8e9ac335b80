"""Images and labels of an augmented manifest, to be packed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from labelwright import manifests
from labelwright.errors import ManifestError
from labelwright.manifests import BoxesLabel, ClassLabel, FailedLabel, Label, MultiLabel
from labelwright.recordio.detection import encode_boxes
from labelwright.recordio.encoding import Frame
from labelwright.recordio.framing import RecordIOError
from labelwright.recordio.packing import Item

__all__ = ["count_classes", "items_of_manifest", "local_path"]

Load = Callable[[str], bytes]
OnLeftOut = Callable[[int, str], None]


def items_of_manifest(
    manifest: str | os.PathLike[str],
    attribute: str | None,
    load: Load,
    *,
    n_classes: int | None = None,
    keeps_empty: bool = True,
    on_left_out: OnLeftOut | None = None,
) -> Iterator[Item]:
    """Turn the labeled lines of a manifest into images to be packed.

    A class becomes a number, several classes a multi-hot array, boxes a detection label (see
    :func:`labelwright.recordio.encode_boxes`). The key is the number of the line, from 0.

    Parameters
    ----------
    manifest : path
    attribute : str, optional
        The label attribute name; may be left out where lines have one label.
    load : callable
        Given a ``source-ref``, returns the bytes of the image; called in threads.
    n_classes : int, optional
        Length of multi-hot arrays; where left out the manifest is gone through once before, if need be.
    keeps_empty : bool
        Keep images without boxes. MXNet's own iterator refuses them, Labelwright's training does not.
    on_left_out : callable, optional
        Called with line number (from 1) and reason for each line without a label.

    Raises
    ------
    ManifestError
        A line or label is malformed, or of a kind that image records do not have.
    """
    for record in manifests.read(manifest):
        line = record.number + 1
        label = record.label(attribute)
        source = record.source_ref
        reason = _reason(label, source)
        if (
            label is not None
            and isinstance(label.value, BoxesLabel)
            and not label.value.boxes
            and not keeps_empty
        ):
            reason = "no boxes"
        if reason or label is None or source is None:
            if on_left_out is not None:
                on_left_out(line, reason)
            continue
        size = None
        match label.value:
            case ClassLabel(class_index=index):
                make: Callable[[Frame | None], float | npt.NDArray[np.float32]] = partial(
                    _fixed, float(index)
                )
            case MultiLabel(classes=classes):
                if n_classes is None:
                    n_classes = count_classes(manifest, attribute)
                make = partial(_fixed, _multi_hot([entry.class_index for entry in classes], n_classes, line))
            case BoxesLabel() as boxes:
                size = (boxes.image_width, boxes.image_height)
                if min(size) < 1:
                    raise ManifestError(
                        f"the image size {size} of the boxes is not possible.", line_number=line
                    )
                make = partial(_boxes, boxes)
            case other:
                raise ManifestError(
                    f"the label {label.attribute!r} is a {type(other).__name__}, which image records cannot "
                    "hold. "
                    "Choose a label of classes or boxes.",
                    line_number=line,
                )
        yield Item(record.number, source, partial(load, source), make, size)


def count_classes(manifest: str | os.PathLike[str], attribute: str | None) -> int:
    """Largest class index plus one, of labels and of the class maps in their metadata."""
    largest = -1
    for record in manifests.read(manifest):
        label = record.label(attribute)
        if label is None or not isinstance(label.value, MultiLabel):
            continue
        largest = max([largest, *(entry.class_index for entry in label.value.classes)])
    return largest + 1


def local_path(source: str, root: str | os.PathLike[str], prefix: str | None = None) -> Path:
    """Where the file of a ``source-ref`` lies below a folder.

    Parameters
    ----------
    source : str
        ``s3://bucket/key``, or a path relative to the folder.
    root : path
    prefix : str, optional
        What to leave out at the beginning of the URI; where left out, ``s3://bucket/``.

    Raises
    ------
    RecordIOError
        The URI does not begin with the prefix, or leads out of the folder.
    """
    if prefix is not None:
        if not source.startswith(prefix):
            raise RecordIOError(f"{source!r} does not begin with {prefix!r}; correct --strip.")
        relative = source.removeprefix(prefix).lstrip("/")
    elif source.startswith("s3://"):
        relative = source.removeprefix("s3://").partition("/")[2]
    else:
        relative = source
    return contained(relative, root)


def contained(relative: str, root: str | os.PathLike[str]) -> Path:
    """Join, and refuse what leads out of the folder."""
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in relative:
        raise RecordIOError(
            f"the path {relative!r} leads out of the folder, or is none. Paths must be relative, without "
            "'..'."
        )
    return Path(root) / path


def _reason(label: Label | None, source: str | None) -> str:
    if source is None:
        return "no source-ref"
    if label is None:
        return "no label"
    return f"failed: {label.value.reason}" if isinstance(label.value, FailedLabel) else ""


def _fixed(label: float | npt.NDArray[np.float32], frame: Frame | None) -> float | npt.NDArray[np.float32]:
    return label


def _multi_hot(indexes: list[int], n_classes: int, line: int) -> npt.NDArray[np.float32]:
    if any(not 0 <= index < n_classes for index in indexes):
        raise ManifestError(
            f"the classes {indexes} are not all below the number of classes, {n_classes}.", line_number=line
        )
    label = np.zeros(n_classes, dtype=np.float32)
    label[indexes] = 1
    return label


def _boxes(label: BoxesLabel, frame: Frame | None) -> npt.NDArray[np.float32]:
    """Boxes as fractions of the packed image; those that a crop left nothing of are gone."""
    corners = [[b.class_id, b.left, b.top, b.left + b.width, b.top + b.height] for b in label.boxes]
    rows = np.array(corners, dtype=np.float64)
    if not len(rows):
        return encode_boxes(rows)
    width, height = label.image_width, label.image_height
    left, top, right, bottom = 0.0, 0.0, float(width), float(height)
    if frame is not None:
        if (frame.width, frame.height) != (width, height):
            raise RecordIOError(
                f"the labels say {width} x {height} pixels, the image has {frame.width} x {frame.height}: "
                "the boxes "
                "were not made on this image."
            )
        left, top, right, bottom = frame.left, frame.top, frame.right, frame.bottom
    rows[:, [1, 3]] = ((rows[:, [1, 3]] - left) / (right - left)).clip(0, 1)
    rows[:, [2, 4]] = ((rows[:, [2, 4]] - top) / (bottom - top)).clip(0, 1)
    is_there = (rows[:, 3] > rows[:, 1]) & (rows[:, 4] > rows[:, 2])
    return encode_boxes(rows[is_there])
