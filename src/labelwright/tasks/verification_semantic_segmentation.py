"""Verification of masks (``VerificationSemanticSegmentation``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelwright.tasks._earlier import check_colors, earlier_masks
from labelwright.tasks._verification import LabelVerification

__all__ = ["TASK_TYPE", "MaskVerification"]


class MaskVerification(LabelVerification):
    """Verification of masks, which can only be shown when the manifest says which colour is which class."""

    def check_line(self, line: Mapping[str, Any], label_attribute_name: str) -> None:
        """A mask without colours ends the set-up."""
        check_colors(line, label_attribute_name)


TASK_TYPE = MaskVerification("VerificationSemanticSegmentation", what="mask", earlier=earlier_masks)
