"""Text classification with one label per text (``TextMultiClass``)."""

from __future__ import annotations

from labelwright.tasks._classes import SingleLabelClassification

__all__ = ["TASK_TYPE"]

TASK_TYPE = SingleLabelClassification(
    ("TextMultiClass",),
    source_keys=("source",),
    media="text",
    kind="groundtruth/text-classification",
    element="crowd-classifier",
)
