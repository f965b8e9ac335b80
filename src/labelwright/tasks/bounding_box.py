"""Bounding boxes (``BoundingBox``).

Boxes are pixels of the stored image, origin in its top left corner.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from labelwright.consolidation import LabeledBox, consolidate_boxes
from labelwright.errors import InvalidRequest
from labelwright.manifests import number
from labelwright.tasks._classes import built_in_input
from labelwright.tasks.task_type import (
    Answer,
    Categories,
    Failure,
    JobNames,
    Label,
    Media,
    ObjectAnswers,
    Outcome,
)

__all__ = ["TASK_TYPE", "BoundingBox"]

_ELEMENT = "boundingBox"
_KIND = "groundtruth/object-detection"


class BoundingBox:
    """Any number of labeled boxes; boxes of different workers are matched by IoU and averaged."""

    suffixes = ("BoundingBox",)
    source_keys = ("source-ref",)
    media: Media = "image"
    n_labels_min = 1
    n_labels_max: int | None = 50

    def task_input(self, line: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
        """``taskObject``, ``labels`` and the whole line as ``manifestLine``."""
        return built_in_input(line, categories)

    def validate_answer(self, answer: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
        """Check every box and clamp it to the image.

        Raises
        ------
        InvalidRequest
            No boxes element, no image size, an unknown label, a coordinate that is no number, a box without
            area or wholly outside of the image.
        """
        key = _find(answer)
        path = f"answer.{key}"
        value = answer[key]
        width, height = _image_size(value.get("inputImageProperties"), f"{path}.inputImageProperties")
        boxes = value.get("boundingBoxes")
        if boxes is None:
            boxes = []
        if not isinstance(boxes, list):
            _refuse(f"{path}.boundingBoxes", boxes, "must be a list of boxes")
        checked = [
            _check_box(box, f"{path}.boundingBoxes[{i}]", width=width, height=height, categories=categories)
            for i, box in enumerate(boxes)
        ]
        return {**answer, key: {**value, "boundingBoxes": checked}}

    def consolidate(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> list[Outcome]:
        """Matched boxes, averaged; each object stands alone."""
        return [_consolidate_one(item, categories, names) for item in objects]


def _consolidate_one(item: ObjectAnswers, categories: Categories, names: JobNames) -> Outcome:
    size = _agreed_size(item)
    if size is None:
        return Failure("the answers do not agree on the image's size and the image cannot be read.")
    width, height = size
    answers = [(answer.worker, _boxes(answer, categories)) for answer in item.answers]
    found = consolidate_boxes(answers, image_height=height, n_workers_asked=names.n_workers)
    annotations = [
        {
            "class_id": box.class_id,
            "top": number(box.top),
            "left": number(box.left),
            "height": number(box.height),
            "width": number(box.width),
        }
        for box in found
    ]
    used = sorted({box.class_id for box in found})
    metadata = {
        "objects": [{"confidence": box.confidence} for box in found],
        "class-map": {str(class_id): categories.labels[class_id] for class_id in used},
        "type": _KIND,
        "human-annotated": "yes",
        "creation-date": item.creation_date,
        "job-name": names.reference,
    }
    label = {"image_size": [{"width": width, "height": height, "depth": 3}], "annotations": annotations}
    return Label({names.label_attribute_name: label, names.metadata_name: metadata})


def _boxes(answer: Answer, categories: Categories) -> list[LabeledBox]:
    try:
        value = answer.content[_find(answer.content)]
    except InvalidRequest:
        return []
    return [
        LabeledBox(
            class_id=categories.index[box["label"]],
            left=box["left"],
            top=box["top"],
            width=box["width"],
            height=box["height"],
        )
        for box in value.get("boundingBoxes") or []
        if box["label"] in categories.index
    ]


def _agreed_size(item: ObjectAnswers) -> tuple[int, int] | None:
    sizes = set()
    for answer in item.answers:
        try:
            value = answer.content[_find(answer.content)]
            sizes.add(_image_size(value.get("inputImageProperties"), ""))
        except InvalidRequest:
            continue
    if len(sizes) == 1:
        width, height = sizes.pop()
        return int(width), int(height)
    return item.image_size()


def _find(answer: Mapping[str, Any]) -> str:
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


def _image_size(properties: Any, path: str) -> tuple[float, float]:
    if not isinstance(properties, Mapping):
        _refuse(path, properties, "must give the image's width and height in pixels")
    sides: list[float] = []
    for side in ("width", "height"):
        value: Any = properties.get(side)
        if not _is_number(value) or value < 1:
            _refuse(f"{path}.{side}", value, "must be the image's size in pixels, at least 1")
        sides.append(value)
    return sides[0], sides[1]


def _check_box(box: Any, path: str, *, width: float, height: float, categories: Categories) -> dict[str, Any]:
    if not isinstance(box, Mapping):
        _refuse(path, box, "must be an object with label, left, top, width and height")
    label = box.get("label")
    if label not in categories.index:
        known = ", ".join(repr(name) for name in categories.labels)
        _refuse(f"{path}.label", label, f"must be one of the job's labels: {known}")
    for side in ("left", "top", "width", "height"):
        if not _is_number(box.get(side)):
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


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _refuse(path: str, value: Any, rule: str) -> NoReturn:
    raise InvalidRequest(f"{path} is {value!r}; it {rule}.", field=path, value=value, rule=rule)


TASK_TYPE = BoundingBox()
