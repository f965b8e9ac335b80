"""Boxes out of labels: of image records, of annotation files, of augmented manifests.

All end as shares of the picture's sides, cut at its edge.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright import recordio
from labelwright.recordio import RecordIOError
from labelwright.train.toolkit.environment import TrainingChannel
from labelwright.train.toolkit.log import JobLog
from labelwright.train.toolkit.problems import CustomerError
from labelwright.train.toolkit.samples import FileItem, FileSource, Label, image_files

__all__ = ["Annotations", "LabelRules", "annotated_files", "annotations_of", "class_names"]

_LEAST_SIDE = 1e-4
"""Boxes with a shorter side, as a share of the picture's, have nothing to be found by."""


@dataclasses.dataclass(frozen=True, slots=True)
class Annotations:
    """The boxes of a picture.

    Attributes
    ----------
    boxes_xyxy : ndarray of shape (m, 4), float32
        Left, top, right, bottom from 0 to 1.
    class_ids : ndarray of shape (m,), int64
    """

    boxes_xyxy: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True)
class LabelRules:
    """What labels must keep to.

    Attributes
    ----------
    n_classes : int
    label_width : int
        Most numbers of one label, its header of two included.
    """

    n_classes: int
    label_width: int = 350


def annotations_of(label: Label, key: str, size_px: tuple[int, int], rules: LabelRules) -> Annotations:
    """The boxes of a label of either kind.

    Parameters
    ----------
    label : float, ndarray or bytes
        Numbers of an image record, or JSON text.
    key : str
        Names the sample in messages.
    size_px : tuple of int
        Width and height of the picture, for JSON labels that do not tell.
    rules : LabelRules

    Raises
    ------
    CustomerError
        It is no detection label, has a class id that is too large, or more numbers than ``label_width``.
    """
    rows = _rows_of_json(label, key, size_px) if isinstance(label, bytes) else _rows_of_record(label, key)
    width = 2 + 5 * len(rows) if isinstance(label, bytes) else int(np.size(label))
    if width > rules.label_width:
        raise CustomerError(
            f"The label of {key} has {width} numbers ({len(rows)} objects), more than label_width="
            f"{rules.label_width}. Set label_width to at least {width}."
        )
    ids = rows[:, 0]
    wrong = (ids < 0) | (ids >= rules.n_classes) | (ids % 1 != 0)
    if wrong.any():
        raise CustomerError(
            f"The label of {key} has the class id {float(ids[wrong][0]):g}; num_classes is "
            f"{rules.n_classes}, so class ids must be whole numbers from 0 to {rules.n_classes - 1}."
        )
    boxes = np.clip(rows[:, 1:5], 0, 1)
    if not np.isfinite(boxes).all():
        raise CustomerError(f"The label of {key} has a coordinate that is no finite number.")
    is_box = (boxes[:, 2:] - boxes[:, :2] > _LEAST_SIDE).all(axis=1)
    return Annotations(boxes[is_box].astype(np.float32), ids[is_box].astype(np.int64))


def annotated_files(images: TrainingChannel, annotations: TrainingChannel, log: JobLog) -> FileSource:
    """Pictures and annotation files of the image input format.

    Parameters
    ----------
    images, annotations : TrainingChannel
        Such as ``train`` and ``train_annotation``, in File or FastFile mode.
    log : JobLog
        Gets a warning about images without an annotation; they are left out.

    Raises
    ------
    CustomerError
        An annotation names an image that is not there, or is no JSON.
    """
    items: dict[str, FileItem] = {}
    found = {str(path.relative_to(images.folder)): path for path in image_files(images.folder)}
    by_stem = {name.rpartition(".")[0]: name for name in found}
    for path in sorted(annotations.folder.rglob("*.json")):
        content = _read(path.read_bytes(), f"{annotations.name}/{path.name}")
        stem = str(path.relative_to(annotations.folder).with_suffix(""))
        name = str(content.get("file") or by_stem.get(stem) or f"{stem}.jpg").lstrip("/")
        if name not in found:
            raise CustomerError(
                f"{annotations.name}/{path.name} names the image {name!r}, which is not in channel "
                f"{images.name!r}; 'file' is the path below the channel's prefix."
            )
        items[name] = FileItem(found[name], path)
    left_out = len(found) - len(items)
    if left_out:
        log.warn_of(
            f"{left_out} images of channel {images.name!r} have no annotation file; they are skipped."
        )
    return FileSource([items[name] for name in sorted(items)], images.folder)


def class_names(annotations: TrainingChannel, n_classes: int) -> list[str] | None:
    """Names of the classes, where the ``categories`` of an annotation file tell all of them."""
    names: dict[int, str] = {}
    for path in sorted(annotations.folder.rglob("*.json"))[:100]:
        for category in _read(path.read_bytes(), path.name).get("categories") or []:
            if isinstance(category, Mapping) and isinstance(category.get("class_id"), int):
                names[category["class_id"]] = str(category.get("name", ""))
        if all(class_id in names for class_id in range(n_classes)):
            return [names[class_id] for class_id in range(n_classes)]
    return None


def _rows_of_record(label: float | npt.NDArray[np.float32], key: str) -> npt.NDArray[np.float64]:
    try:
        return recordio.decode_boxes(label)[:, :5].astype(np.float64)
    except RecordIOError as error:
        raise CustomerError(f"The label of {key} cannot be used: {error}") from error


def _rows_of_json(label: bytes, key: str, size_px: tuple[int, int]) -> npt.NDArray[np.float64]:
    content = _read(label, f"The label of {key}")
    try:
        sizes = content.get("image_size") or [{}]
        width = float(sizes[0].get("width") or size_px[0])
        height = float(sizes[0].get("height") or size_px[1])
        rows = [
            (
                float(box["class_id"]),
                box["left"] / width,
                box["top"] / height,
                (box["left"] + box["width"]) / width,
                (box["top"] + box["height"]) / height,
            )
            for box in content["annotations"]
        ]
    except (TypeError, KeyError, ValueError, IndexError, AttributeError, ZeroDivisionError) as error:
        raise CustomerError(
            f"The label of {key} is no bounding-box label ({error!r}): it needs annotations, a list of "
            "objects with class_id, left, top, width and height. AttributeNames must name the image "
            "first, then the label."
        ) from error
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


def _read(text: bytes, what: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise CustomerError(f"{what} is no JSON: {error}.") from error
    if not isinstance(content, dict):
        raise CustomerError(f"{what} is JSON of type {type(content).__name__}; it must be an object.")
    return content
