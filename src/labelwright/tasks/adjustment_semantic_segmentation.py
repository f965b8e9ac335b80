"""Adjustment of the masks of an earlier job (``AdjustmentSemanticSegmentation``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.manifests import SegmentationLabel
from labelwright.tasks._classes import built_in_input
from labelwright.tasks._earlier import check_colors, earlier_masks
from labelwright.tasks._masks import (
    LABELS_MAX,
    MASK_ALGORITHMS,
    check_answer_mask,
    check_label_names,
    find_mask,
    fitted,
    label_of,
    mask_workers,
    masks_certainties,
    masks_of,
    target_size,
)
from labelwright.tasks._palette import HEX_COLOR, class_colors
from labelwright.tasks._png import BadPng, read_mask
from labelwright.tasks.adjustment_bounding_box import was_modified
from labelwright.tasks.task_type import (
    Categories,
    Certainty,
    Failure,
    JobNames,
    Media,
    ObjectAnswers,
    Outcome,
    ReadLine,
    TaskType,
    WorkerReport,
)

__all__ = ["TASK_TYPE", "AdjustmentSemanticSegmentation"]

Mask = npt.NDArray[np.uint8]


class AdjustmentSemanticSegmentation(TaskType):
    """Masks as painted anew, in the colours that their classes had before."""

    suffixes = ("AdjustmentSemanticSegmentation",)
    source_keys = ("source-ref",)
    media: Media = "image"
    n_labels_max = LABELS_MAX
    algorithms = MASK_ALGORITHMS
    certainty: Certainty = "agreement"
    n_reported = 40
    is_checked_in_thread = True  # the picture is inflated
    audits_labels = True

    def check_categories(self, categories: Categories) -> None:
        """The background is no label."""
        check_label_names(categories)

    def check_line(self, line: Mapping[str, Any], label_attribute_name: str) -> None:
        """A mask without colours ends the set-up."""
        check_colors(line, label_attribute_name)

    def problem_with(self, line: Mapping[str, Any], label_attribute_name: str) -> str | None:
        """A line without a mask of an earlier job cannot be given to workers."""
        return None if earlier_masks(line, label_attribute_name) else "The object has no mask to adjust."

    def task_input(self, line: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
        """``taskObject``, ``labels`` and the whole line as ``manifestLine``."""
        return built_in_input(line, categories)

    def validate_answer(
        self, answer: Mapping[str, Any], categories: Categories, line: ReadLine
    ) -> dict[str, Any]:
        """Check colours, size and the picture."""
        key = find_mask(answer)
        was_modified(answer[key], f"answer.{key}")
        check_answer_mask(answer, categories)
        return dict(answer)

    def certainties(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> list[float]:
        """How well the two answers that agree best agree."""
        return masks_certainties(objects, categories)

    def worker_reports(self, objects: Sequence[ObjectAnswers], categories: Categories) -> list[WorkerReport]:
        """How well the workers' masks agree with the labels."""
        return mask_workers(objects, categories)

    def consolidate(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> Iterator[Outcome]:
        """Masks one by one, with what became of the earlier ones."""
        for item in objects:
            yield _consolidate_one(item, categories, names)


def _consolidate_one(item: ObjectAnswers, categories: Categories, names: JobNames) -> Outcome:
    removed = _removed_labels(item, categories)
    size = target_size(item)
    masks = masks_of(item, size, categories, others=removed) if size is not None else []
    if size is None or not masks:
        return Failure("no mask has the shape of the image.")
    highest = max(int(mask.max()) for mask in masks)
    if highest > len(categories.labels):
        label = removed[highest - len(categories.labels) - 1]
        return Failure(
            f"a mask has the label {label!r}, which the label category file of this job lacks. Adjustment "
            "jobs may add labels, but not remove them."
        )
    earlier = earlier_masks(item.line, names.label_attribute_name)
    is_adjusted = _is_adjusted(item, masks, earlier, size=size, categories=categories)
    return label_of(
        item,
        masks,
        categories=categories,
        names=names,
        colors=class_colors(categories.labels, _colors_before(earlier)),
        status={"adjustment-status": "adjusted" if is_adjusted else "unadjusted"},
    )


def _removed_labels(item: ObjectAnswers, categories: Categories) -> list[str]:
    labels: dict[str, None] = {}
    for answer in item.answers:
        labels.update(dict.fromkeys(answer.content[find_mask(answer.content)]["labelMappings"]))
    return [label for label in labels if label not in categories.index]


def _colors_before(earlier: Sequence[SegmentationLabel]) -> dict[str, str]:
    return {
        entry.name: entry.hex_color
        for mask in earlier
        for entry in mask.classes
        if entry.hex_color is not None
    }


def _is_adjusted(
    item: ObjectAnswers,
    masks: Sequence[Mask],
    earlier: Sequence[SegmentationLabel],
    *,
    size: tuple[int, int],
    categories: Categories,
) -> bool:
    flags = [
        was_modified(value, "")
        for value in (answer.content[find_mask(answer.content)] for answer in item.answers)
    ]
    if any(flags):
        return True
    if None not in flags:
        return False
    # Some page does not say. Pages that do and did not change anything are equal to the mask before anyway.
    before = [_mask_before(item, mask, size, categories) for mask in earlier]
    return any(not any(old is not None and np.array_equal(mask, old) for old in before) for mask in masks)


def _mask_before(
    item: ObjectAnswers, label: SegmentationLabel, size: tuple[int, int], categories: Categories
) -> Mask | None:
    data = item.read(label.uri)
    if data is None:
        return None
    classes = {
        entry.hex_color.lower(): categories.index[entry.name] + 1
        for entry in label.classes
        if entry.hex_color and HEX_COLOR.fullmatch(entry.hex_color) and entry.name in categories.index
    }
    try:
        return fitted(read_mask(data, classes), size)
    except BadPng:
        return None


TASK_TYPE = AdjustmentSemanticSegmentation()
