"""Text classification with any number of labels per text (``TextMultiClassMultiLabel``)."""

from __future__ import annotations

from labelwright.tasks._multi_label import MultiLabelClassification

__all__ = ["TASK_TYPE"]

TASK_TYPE = MultiLabelClassification(
    ("TextMultiClassMultiLabel",),
    source_keys=("source",),
    media="text",
    kind="groundtruth/text-classification-multilabel",
    element="crowd-classifier-multi-select",
)
