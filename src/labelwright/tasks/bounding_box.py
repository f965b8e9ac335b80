"""Bounding boxes (``BoundingBox``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labelwright.consolidation import ConsolidatedBox
from labelwright.tasks._boxes import (
    BOX_ALGORITHMS,
    annotation,
    box_workers,
    boxes_certainties,
    boxes_metadata,
    boxes_value,
    check_boxes,
    combined,
    n_earlier_images,
)
from labelwright.tasks._classes import built_in_input
from labelwright.tasks.task_type import (
    Categories,
    Certainty,
    Failure,
    JobNames,
    Label,
    Media,
    ObjectAnswers,
    Outcome,
    ReadLine,
    TaskType,
    WorkerReport,
)

__all__ = ["TASK_TYPE", "BoundingBox"]


class BoundingBox(TaskType):
    """Any number of labeled boxes; boxes of different workers are matched by IoU and averaged."""

    suffixes = ("BoundingBox",)
    source_keys = ("source-ref",)
    media: Media = "image"
    n_labels_max = 50
    algorithms = BOX_ALGORITHMS
    certainty: Certainty = "agreement"
    n_reported = 300

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
        """Matched boxes, averaged, or estimated together with the workers of the group."""
        found = combined(objects, categories, names)
        return [_label(item, result, categories, names) for item, result in zip(objects, found, strict=True)]

    def n_earlier(self, categories: Categories, names: JobNames) -> int:
        """Images of before, from which the workers' recall, labels and care are known."""
        return n_earlier_images(names)

    def certainties(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> list[float]:
        """How well the two answers that agree best agree."""
        return boxes_certainties(objects, categories)

    def worker_reports(self, objects: Sequence[ObjectAnswers], categories: Categories) -> list[WorkerReport]:
        """Precision and recall of the workers' boxes."""
        return box_workers(objects, categories)


def _label(
    item: ObjectAnswers,
    result: tuple[tuple[int, int], list[ConsolidatedBox]] | None,
    categories: Categories,
    names: JobNames,
) -> Outcome:
    if result is None:
        return Failure("the answers do not agree on the image's size and the image cannot be read.")
    size, found = result
    value = boxes_value(size, [annotation(box) for box in found])
    metadata = boxes_metadata(item, found, categories, names)
    return Label({names.label_attribute_name: value, names.metadata_name: metadata})


TASK_TYPE = BoundingBox()
