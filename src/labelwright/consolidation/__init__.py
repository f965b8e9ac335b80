"""Annotation consolidation: from the answers of several workers to one label with a confidence.

One module per algorithm, numpy only, usable without a server.
"""

from __future__ import annotations

from labelwright.consolidation.algorithms import ALGORITHMS, Algorithm, classify, classify_multi_label
from labelwright.consolidation.boxes import ConsolidatedBox, LabeledBox, consolidate_boxes
from labelwright.consolidation.dawid_skene import (
    class_posteriors,
    consolidate_classes,
    consolidate_multi_label,
    dawid_skene_kernel,
)
from labelwright.consolidation.estimates import ClassEstimate, WorkerQuality
from labelwright.consolidation.iou import box_iou, box_iou_batch
from labelwright.consolidation.masks import ConsolidatedMask, consolidate_masks
from labelwright.consolidation.responses import Responses
from labelwright.consolidation.spans import ConsolidatedSpan, LabeledSpan, consolidate_spans, span_iou

__all__ = [
    "ALGORITHMS",
    "Algorithm",
    "ClassEstimate",
    "ConsolidatedBox",
    "ConsolidatedMask",
    "ConsolidatedSpan",
    "LabeledBox",
    "LabeledSpan",
    "Responses",
    "WorkerQuality",
    "box_iou",
    "box_iou_batch",
    "class_posteriors",
    "classify",
    "classify_multi_label",
    "consolidate_boxes",
    "consolidate_classes",
    "consolidate_masks",
    "consolidate_multi_label",
    "consolidate_spans",
    "dawid_skene_kernel",
    "span_iou",
]
