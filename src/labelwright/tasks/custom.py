"""Custom templates without functions of one's own (``PassThrough``, or no functions at all).

The template gets the manifest line; the label is empty and its metadata points to the answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labelwright.core.functions import CUSTOM, PASS_THROUGH
from labelwright.tasks.own_functions import custom_metadata
from labelwright.tasks.task_type import (
    Categories,
    JobNames,
    Label,
    Media,
    ObjectAnswers,
    Outcome,
    ReadLine,
    TaskType,
)

__all__ = ["TASK_TYPE", "Custom"]


class Custom(TaskType):
    """Any template, any JSON answer."""

    suffixes = (CUSTOM, PASS_THROUGH)
    source_keys = ("source", "source-ref")
    media: Media = "any"
    n_labels_min = 0

    def task_input(self, line: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
        """The manifest line itself."""
        return dict(line)

    def validate_answer(
        self, answer: Mapping[str, Any], categories: Categories, line: ReadLine
    ) -> dict[str, Any]:
        """Any object fits."""
        return dict(answer)

    def consolidate(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> list[Outcome]:
        """An empty label that refers to the answers."""
        return [
            Label(
                {
                    names.label_attribute_name: {},
                    names.metadata_name: {
                        **custom_metadata(names, item.creation_date),
                        "worker-response-ref": item.response_uri,
                    },
                }
            )
            for item in objects
        ]


TASK_TYPE = Custom()
