"""Verification of bounding boxes (``VerificationBoundingBox``)."""

from __future__ import annotations

from labelwright.tasks._earlier import earlier_boxes
from labelwright.tasks._verification import LabelVerification

__all__ = ["TASK_TYPE"]

TASK_TYPE = LabelVerification("VerificationBoundingBox", what="bounding boxes", earlier=earlier_boxes)
