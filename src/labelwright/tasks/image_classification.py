"""Image classification with one label per image (``ImageMultiClass``)."""

from __future__ import annotations

from labelwright.tasks._classes import SingleLabelClassification

__all__ = ["TASK_TYPE"]

TASK_TYPE = SingleLabelClassification(
    ("ImageMultiClass",),
    source_keys=("source-ref",),
    media="image",
    kind="groundtruth/image-classification",
    element="crowd-image-classifier",
)
