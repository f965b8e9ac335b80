"""Annotation consolidation: from the answers of several workers to one label with a confidence.

One module per algorithm, numpy and scipy only, usable without a server. scipy is imported when an algorithm
that needs it runs, so that whoever only stores labels does not load it.
"""

from __future__ import annotations

from labelwright.consolidation.algorithms import ALGORITHMS, Algorithm, classify, classify_multi_label
from labelwright.consolidation.bayesian import CalibratedBayesian
from labelwright.consolidation.box_crowd import BoxCrowd, estimate_boxes
from labelwright.consolidation.box_workers import BoxWorker
from labelwright.consolidation.boxes import ConsolidatedBox, LabeledBox, consolidate_boxes
from labelwright.consolidation.confusion_em import DawidSkene, EMResult, dawid_skene_em
from labelwright.consolidation.dawid_skene import (
    class_posteriors,
    consolidate_classes,
    consolidate_multi_label,
    dawid_skene_kernel,
)
from labelwright.consolidation.estimates import ClassEstimate, WorkerQuality
from labelwright.consolidation.glad import GLAD
from labelwright.consolidation.iou import box_iou, box_iou_batch
from labelwright.consolidation.majority import majority_vote
from labelwright.consolidation.mask_em import estimate_mask
from labelwright.consolidation.masks import ConsolidatedMask, consolidate_masks
from labelwright.consolidation.one_coin import OneCoin
from labelwright.consolidation.responses import Responses
from labelwright.consolidation.span_sequences import (
    SpanDocument,
    combine_span_sequences,
    span_document,
)
from labelwright.consolidation.spans import ConsolidatedSpan, LabeledSpan, consolidate_spans, span_iou
from labelwright.consolidation.spectral import spectral_skills, spectral_start
from labelwright.consolidation.state_models import BayesianCombination
from labelwright.consolidation.workers import confusion_intervals, share_intervals, worker_quality

__all__ = [
    "BoxCrowd",
    "BoxWorker",
    "SpanDocument",
    "combine_span_sequences",
    "estimate_boxes",
    "estimate_mask",
    "span_document",
    "ALGORITHMS",
    "GLAD",
    "Algorithm",
    "BayesianCombination",
    "CalibratedBayesian",
    "ClassEstimate",
    "ConsolidatedBox",
    "ConsolidatedMask",
    "ConsolidatedSpan",
    "DawidSkene",
    "EMResult",
    "LabeledBox",
    "LabeledSpan",
    "OneCoin",
    "Responses",
    "WorkerQuality",
    "box_iou",
    "box_iou_batch",
    "class_posteriors",
    "classify",
    "classify_multi_label",
    "confusion_intervals",
    "consolidate_boxes",
    "consolidate_classes",
    "consolidate_masks",
    "consolidate_multi_label",
    "consolidate_spans",
    "dawid_skene_em",
    "dawid_skene_kernel",
    "majority_vote",
    "share_intervals",
    "span_iou",
    "spectral_skills",
    "spectral_start",
    "worker_quality",
]
