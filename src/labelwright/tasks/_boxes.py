"""Boxes in answers: finding, checking and combining them, shared by drawing and adjusting.

Boxes are pixels of the stored image, origin in its top left corner.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from labelwright.consolidation import ConsolidatedBox, LabeledBox, consolidate_boxes
from labelwright.consolidation.box_crowd import estimate_boxes
from labelwright.errors import InvalidRequest
from labelwright.manifests import number
from labelwright.tasks._agreement import best_agreement, boxes_agreement
from labelwright.tasks._worker_reports import of_boxes
from labelwright.tasks.task_type import (
    COMPATIBLE,
    Answer,
    Categories,
    JobNames,
    ObjectAnswers,
    WorkerReport,
)

__all__ = [
    "BOX_ALGORITHMS",
    "agreed_size",
    "annotation",
    "box_workers",
    "boxes_certainties",
    "boxes_metadata",
    "boxes_value",
    "check_boxes",
    "combined",
    "drawn_boxes",
    "find_boxes",
    "is_number",
    "n_earlier_images",
]

BOX_ALGORITHMS: Mapping[str, str] = {COMPATIBLE: "1", "robust": "1"}

_N_EARLIER = 200

_ELEMENT = "boundingBox"
_KIND = "groundtruth/object-detection"


def find_boxes(answer: Mapping[str, Any]) -> str:
    """The name of the boxes element in the form.

    Raises
    ------
    InvalidRequest
        When the answer holds no boxes.
    """
    # By the shape of the value: authors rename elements.
    keys = [_ELEMENT, *sorted(answer)] if _ELEMENT in answer else sorted(answer)
    for key in keys:
        value = answer[key]
        if isinstance(value, Mapping) and "boundingBoxes" in value:
            return key
    raise InvalidRequest(
        'answer holds no boxes; expected {"boundingBox": {"boundingBoxes": [...], "inputImageProperties": '
        '{"height": ..., "width": ...}}}.',
        field=f"answer.{_ELEMENT}.boundingBoxes",
        rule="one bounding box element",
    )


def check_boxes(
    answer: Mapping[str, Any], categories: Categories, *, may_keep_other_labels: bool = False
) -> dict[str, Any]:
    """Check every box and clamp it to the image.

    Parameters
    ----------
    answer : Mapping
    categories : Categories
    may_keep_other_labels : bool
        True lets labels pass that are not the job's: the worker may not be the one to blame for them.

    Raises
    ------
    InvalidRequest
        No boxes element, no image size, an unknown label, a coordinate that is no number, a box without
        area or wholly outside of the image.
    """
    key = find_boxes(answer)
    path = f"answer.{key}"
    value = answer[key]
    width, height = _image_size(value.get("inputImageProperties"), f"{path}.inputImageProperties")
    boxes = value.get("boundingBoxes")
    if boxes is None:
        boxes = []
    if not isinstance(boxes, list):
        _refuse(f"{path}.boundingBoxes", boxes, "must be a list of boxes")
    checked = []
    for i, box in enumerate(boxes):
        at = f"{path}.boundingBoxes[{i}]"
        if not isinstance(box, Mapping):
            _refuse(at, box, "must be an object with label, left, top, width and height")
        label = box.get("label")
        if not isinstance(label, str) or (label not in categories.index and not may_keep_other_labels):
            known = ", ".join(repr(name) for name in categories.labels)
            _refuse(f"{at}.label", label, f"must be one of the job's labels: {known}")
        checked.append(_clamped(box, at, width=width, height=height))
    return {**answer, key: {**value, "boundingBoxes": checked}}


def combined(
    objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
) -> list[tuple[tuple[int, int], list[ConsolidatedBox]] | None]:
    """Per object the image's size and the boxes of all answers, combined; None without an image size."""
    sizes = [agreed_size(item) for item in objects]
    drawn = [
        [(answer.worker, _within(_boxes(answer, categories), size)) for answer in item.answers]
        for item, size in zip(objects, sizes, strict=True)
    ]
    if names.algorithm == COMPATIBLE or names.n_workers == 1:
        return [
            size and (size, consolidate_boxes(answers, image_height=size[1], n_workers_asked=names.n_workers))
            for size, answers in zip(sizes, drawn, strict=True)
        ]
    found = estimate_boxes(drawn).kept()
    return [size and (size, boxes) for size, boxes in zip(sizes, found, strict=True)]


def n_earlier_images(names: JobNames) -> int:
    """How many images of before help to judge the workers."""
    return 0 if names.algorithm == COMPATIBLE else _N_EARLIER


def box_workers(objects: Sequence[ObjectAnswers], categories: Categories) -> list[WorkerReport]:
    """Precision and recall of the workers' boxes."""
    return of_boxes(
        [[(answer.worker, _boxes(answer, categories)) for answer in item.answers] for item in objects]
    )


def boxes_certainties(objects: Sequence[ObjectAnswers], categories: Categories) -> list[float]:
    """How well the boxes of the two answers that agree best agree."""
    return [
        best_agreement([_boxes(answer, categories) for answer in item.answers], boxes_agreement)
        for item in objects
    ]


def annotation(box: ConsolidatedBox) -> dict[str, Any]:
    """A box as labels hold it."""
    return {
        "class_id": box.class_id,
        "top": number(box.top),
        "left": number(box.left),
        "height": number(box.height),
        "width": number(box.width),
    }


def boxes_value(size: tuple[int, int], annotations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The label: image size and boxes. The depth is 3 for grey images too, as in every known output."""
    width, height = size
    return {
        "image_size": [{"width": width, "height": height, "depth": 3}],
        "annotations": list(annotations),
    }


def boxes_metadata(
    item: ObjectAnswers, boxes: Sequence[ConsolidatedBox], categories: Categories, names: JobNames
) -> dict[str, Any]:
    """What goes with the label."""
    used = sorted({box.class_id for box in boxes})
    return {
        "objects": [{"confidence": box.confidence} for box in boxes],
        "class-map": {str(class_id): categories.labels[class_id] for class_id in used},
        "type": _KIND,
        "human-annotated": "yes",
        "creation-date": item.creation_date,
        "job-name": names.reference,
    }


def drawn_boxes(answer: Answer) -> list[Mapping[str, Any]]:
    """The boxes of one answer as they were handed in; none when it holds no boxes element."""
    try:
        value = answer.content[find_boxes(answer.content)]
    except InvalidRequest:
        return []
    return list(value.get("boundingBoxes") or [])


def _boxes(answer: Answer, categories: Categories) -> list[LabeledBox]:
    return [
        LabeledBox(
            class_id=categories.index[box["label"]],
            left=box["left"],
            top=box["top"],
            width=box["width"],
            height=box["height"],
        )
        for box in drawn_boxes(answer)
        if box["label"] in categories.index
    ]


def _within(boxes: list[LabeledBox], size: tuple[int, int] | None) -> list[LabeledBox]:
    """Boxes clamped to the image; an answer was clamped to the size it gave, which may not be the image's."""
    if size is None:
        return boxes
    found = []
    for box in boxes:
        if box.left + box.width <= size[0] and box.top + box.height <= size[1]:
            found.append(box)  # untouched: not even the last digit of a fraction changes
            continue
        width, height = min(box.width, size[0] - box.left), min(box.height, size[1] - box.top)
        if width > 0 and height > 0:
            found.append(dataclasses.replace(box, width=width, height=height))
    return found


def agreed_size(item: ObjectAnswers) -> tuple[int, int] | None:
    """(width, height) that all answers give; where they differ the stored image's, None when unreadable."""
    sizes = set()
    for answer in item.answers:
        try:
            value = answer.content[find_boxes(answer.content)]
            sizes.add(_image_size(value.get("inputImageProperties"), ""))
        except InvalidRequest:
            continue
    if len(sizes) == 1:
        width, height = sizes.pop()
        return int(width), int(height)
    return item.image_size()


def _image_size(properties: Any, path: str) -> tuple[float, float]:
    if not isinstance(properties, Mapping):
        _refuse(path, properties, "must give the image's width and height in pixels")
    sides: list[float] = []
    for side in ("width", "height"):
        value: Any = properties.get(side)
        if not is_number(value) or value < 1:
            _refuse(f"{path}.{side}", value, "must be the image's size in pixels, at least 1")
        sides.append(value)
    return sides[0], sides[1]


def _clamped(box: Mapping[str, Any], path: str, *, width: float, height: float) -> dict[str, Any]:
    for side in ("left", "top", "width", "height"):
        if not is_number(box.get(side)):
            _refuse(f"{path}.{side}", box.get(side), "must be a number of pixels")
    if box["width"] <= 0 or box["height"] <= 0:
        side = "width" if box["width"] <= 0 else "height"
        _refuse(f"{path}.{side}", box[side], "must be more than 0: a box needs an area")
    left, right = max(0, box["left"]), min(width, box["left"] + box["width"])
    top, bottom = max(0, box["top"]), min(height, box["top"] + box["height"])
    if right <= left or bottom <= top:
        side = "left" if right <= left else "top"
        _refuse(f"{path}.{side}", box[side], f"must put the box into the image of {width} x {height} pixels")
    clamped = {"height": bottom - top, "left": left, "top": top, "width": right - left}
    if all(clamped[side] == box[side] for side in ("left", "top")) and (
        right == box["left"] + box["width"] and bottom == box["top"] + box["height"]
    ):
        return dict(box)  # untouched: not even the last digit of a fraction changes
    return {**box, **clamped}


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _refuse(path: str, value: Any, rule: str) -> NoReturn:
    raise InvalidRequest(f"{path} is {value!r}; it {rule}.", field=path, value=value, rule=rule)
