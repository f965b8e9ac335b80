"""Semantic segmentation (``SemanticSegmentation``): one class for every pixel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labelwright.tasks._classes import built_in_input
from labelwright.tasks._masks import (
    LABELS_MAX,
    MASK_ALGORITHMS,
    check_answer_mask,
    check_label_names,
    label_of,
    mask_workers,
    masks_certainties,
    masks_of,
    target_size,
)
from labelwright.tasks._palette import class_colors
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

__all__ = ["TASK_TYPE", "SemanticSegmentation"]


class SemanticSegmentation(TaskType):
    """A mask per image: every pixel by vote, with a say of its neighbours."""

    suffixes = ("SemanticSegmentation",)
    source_keys = ("source-ref",)
    media: Media = "image"
    n_labels_max = LABELS_MAX
    algorithms = MASK_ALGORITHMS
    certainty: Certainty = "agreement"
    n_reported = 40
    is_checked_in_thread = True  # the picture is inflated

    def check_categories(self, categories: Categories) -> None:
        """The background is no label."""
        check_label_names(categories)

    def task_input(self, line: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
        """``taskObject``, ``labels`` and the whole line as ``manifestLine``."""
        return built_in_input(line, categories)

    def validate_answer(
        self, answer: Mapping[str, Any], categories: Categories, line: ReadLine
    ) -> dict[str, Any]:
        """Check colours, size and the picture."""
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
        """Masks one by one: those of a whole group might not fit into memory."""
        colors = class_colors(categories.labels)
        for item in objects:
            size = target_size(item)
            masks = masks_of(item, size, categories) if size is not None else []
            if masks:
                yield label_of(item, masks, categories=categories, names=names, colors=colors)
            else:
                yield Failure("no mask has the shape of the image.")


TASK_TYPE = SemanticSegmentation()
