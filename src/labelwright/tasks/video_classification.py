"""Video classification with one label per video (``VideoMultiClass`` or ``VideoClassification``)."""

from __future__ import annotations

from labelwright.tasks._classes import SingleLabelClassification

__all__ = ["TASK_TYPE"]

TASK_TYPE = SingleLabelClassification(
    ("VideoMultiClass", "VideoClassification"),
    source_keys=("source-ref",),
    media="video",
    kind="groundtruth/video-classification",
    element="crowd-classifier",
    n_labels_min=1,
    n_labels_max=30,
)
