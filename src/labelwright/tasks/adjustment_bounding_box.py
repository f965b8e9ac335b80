"""Adjustment of the bounding boxes of an earlier job (``AdjustmentBoundingBox``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labelwright.consolidation import ConsolidatedBox
from labelwright.errors import InvalidRequest
from labelwright.manifests import LabeledBox as EarlierBox
from labelwright.manifests import number
from labelwright.tasks._boxes import (
    BOX_ALGORITHMS,
    annotation,
    box_workers,
    boxes_certainties,
    boxes_metadata,
    boxes_value,
    check_boxes,
    combined,
    drawn_boxes,
    find_boxes,
    n_earlier_images,
)
from labelwright.tasks._classes import built_in_input
from labelwright.tasks._earlier import earlier_boxes
from labelwright.tasks.task_type import (
    Answer,
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

__all__ = ["TASK_TYPE", "AdjustmentBoundingBox", "was_modified"]

_FLAG = "initialValueModified"
_ROUNDING_PX = 1.0  # the page works in whole pixels, earlier labels may be fractional means
_Named = tuple[str, float, float, float, float]  # label, left, top, width, height


class AdjustmentBoundingBox(TaskType):
    """Boxes as drawn anew; an object that nobody changed keeps its boxes to the last digit."""

    suffixes = ("AdjustmentBoundingBox",)
    source_keys = ("source-ref",)
    media: Media = "image"
    n_labels_max = 50
    algorithms = BOX_ALGORITHMS
    certainty: Certainty = "agreement"
    n_reported = 300
    audits_labels = True

    def problem_with(self, line: Mapping[str, Any], label_attribute_name: str) -> str | None:
        """A line without boxes of an earlier job cannot be given to workers."""
        return (
            None
            if earlier_boxes(line, label_attribute_name)
            else "The object has no bounding boxes to adjust."
        )

    def task_input(self, line: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
        """``taskObject``, ``labels`` and the whole line as ``manifestLine``."""
        return built_in_input(line, categories)

    def validate_answer(
        self, answer: Mapping[str, Any], categories: Categories, line: ReadLine
    ) -> dict[str, Any]:
        """As bounding boxes. Labels that the job lacks pass: they came with the boxes to adjust."""
        key = find_boxes(answer)
        was_modified(answer[key], f"answer.{key}")
        return check_boxes(answer, categories, may_keep_other_labels=True)

    def consolidate(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> list[Outcome]:
        """Matched boxes, averaged, with what became of the earlier ones."""
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


def was_modified(value: Mapping[str, Any], path: str) -> bool | None:
    """What an element says about its initial value: changed, not changed, or nothing.

    Raises
    ------
    InvalidRequest
        When it is neither true nor false.
    """
    flag = value.get(_FLAG)
    if flag is not None and not isinstance(flag, bool):
        field = f"{path}.{_FLAG}"
        raise InvalidRequest(
            f"{field} is {flag!r}; it must be true or false.", field=field, value=flag, rule="a boolean"
        )
    return flag


def _label(
    item: ObjectAnswers,
    result: tuple[tuple[int, int], list[ConsolidatedBox]] | None,
    categories: Categories,
    names: JobNames,
) -> Outcome:
    for answer in item.answers:
        for box in drawn_boxes(answer):
            if box["label"] not in categories.index:
                return Failure(
                    f"a box has the label {box['label']!r}, which the label category file of this job lacks. "
                    "Adjustment jobs may add labels, but not remove them."
                )
    if result is None:
        return Failure("the answers do not agree on the image's size and the image cannot be read.")
    size, found = result
    earlier = [label.boxes for label in earlier_boxes(item.line, names.label_attribute_name)]
    is_adjusted = any(_is_changed(answer, earlier) for answer in item.answers)
    annotations = [annotation(box) for box in found]
    if not is_adjusted:
        annotations = _as_before(found, earlier, categories) or annotations
    metadata = boxes_metadata(item, found, categories, names)
    metadata["adjustment-status"] = "adjusted" if is_adjusted else "unadjusted"
    value = boxes_value(size, annotations)
    return Label({names.label_attribute_name: value, names.metadata_name: metadata})


def _is_changed(answer: Answer, earlier: Sequence[Sequence[EarlierBox]]) -> bool:
    flag = answer.content[find_boxes(answer.content)].get(_FLAG)
    if isinstance(flag, bool):
        return flag
    boxes = [(b["label"], b["left"], b["top"], b["width"], b["height"]) for b in drawn_boxes(answer)]
    return all(_paired(boxes, before) is None for before in earlier)


def _as_before(
    found: Sequence[ConsolidatedBox], earlier: Sequence[Sequence[EarlierBox]], categories: Categories
) -> list[dict[str, Any]] | None:
    """The earlier boxes with this job's classes, in the order of ``found``; None when these are not they."""
    boxes = [(categories.labels[b.class_id], b.left, b.top, b.width, b.height) for b in found]
    for before in earlier:
        paired = _paired(boxes, before)
        if paired is not None:
            return [
                {
                    "class_id": box.class_id,
                    "top": number(old.top),
                    "left": number(old.left),
                    "height": number(old.height),
                    "width": number(old.width),
                }
                for box, old in zip(found, paired, strict=True)
            ]
    return None


def _paired(boxes: Sequence[_Named], earlier: Sequence[EarlierBox]) -> list[EarlierBox] | None:
    """For each box the earlier one it is, up to rounding; None when they are not the same boxes."""
    if len(boxes) != len(earlier):
        return None
    left_over = list(earlier)
    paired = []
    for box in boxes:
        same = next((old for old in left_over if _is_same(box, old)), None)
        if same is None:
            return None
        left_over.remove(same)
        paired.append(same)
    return paired


def _is_same(box: _Named, old: EarlierBox) -> bool:
    label, *sides = box
    before = (old.left, old.top, old.width, old.height)
    return label == old.name and all(
        abs(now - was) <= _ROUNDING_PX for now, was in zip(sides, before, strict=True)
    )


TASK_TYPE = AdjustmentBoundingBox()
