"""Bounding boxes (``BoundingBox``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labelwright.tasks._boxes import (
    agreed_size,
    annotation,
    boxes_metadata,
    boxes_value,
    check_boxes,
    combined,
)
from labelwright.tasks._classes import built_in_input
from labelwright.tasks.task_type import (
    Categories,
    Failure,
    JobNames,
    Label,
    Media,
    ObjectAnswers,
    Outcome,
    ReadLine,
    TaskType,
)

__all__ = ["TASK_TYPE", "BoundingBox"]


class BoundingBox(TaskType):
    """Any number of labeled boxes; boxes of different workers are matched by IoU and averaged."""

    suffixes = ("BoundingBox",)
    source_keys = ("source-ref",)
    media: Media = "image"
    n_labels_max = 50

    def task_input(self, line: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
        """``taskObject``, ``labels`` and the whole line as ``manifestLine``."""
        return built_in_input(line, categories)

    def validate_answer(
        self, answer: Mapping[str, Any], categories: Categories, line: ReadLine
    ) -> dict[str, Any]:
        """Check every box and clamp it to the image."""
        return check_boxes(answer, categories)

    def consolidate(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> list[Outcome]:
        """Matched boxes, averaged; each object stands alone."""
        return [_consolidate_one(item, categories, names) for item in objects]


def _consolidate_one(item: ObjectAnswers, categories: Categories, names: JobNames) -> Outcome:
    size, found = agreed_size(item), combined(item, categories, names)
    if size is None or found is None:
        return Failure("the answers do not agree on the image's size and the image cannot be read.")
    value = boxes_value(size, [annotation(box) for box in found])
    metadata = boxes_metadata(item, found, categories, names)
    return Label({names.label_attribute_name: value, names.metadata_name: metadata})


TASK_TYPE = BoundingBox()
