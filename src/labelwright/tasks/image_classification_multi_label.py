"""Image classification with any number of labels per image (``ImageMultiClassMultiLabel``)."""

from __future__ import annotations

from labelwright.tasks._multi_label import MultiLabelClassification

__all__ = ["TASK_TYPE"]

TASK_TYPE = MultiLabelClassification(
    ("ImageMultiClassMultiLabel",),
    source_keys=("source-ref",),
    media="image",
    kind="groundtruth/image-classification-multilabel",
    element="crowd-image-classifier-multi-select",
)
