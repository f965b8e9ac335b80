"""Labels of earlier jobs on a manifest line, for jobs that verify or adjust them.

Only the worker template says which label attribute it shows. So a line is fit when it has any label of the
right kind besides the job's own, and answers are compared with each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelwright.errors import InvalidRequest, ManifestError
from labelwright.manifests import (
    GROUNDTRUTH_TYPES,
    METADATA_SUFFIX,
    BoxesLabel,
    LabelValue,
    Metadata,
    SegmentationLabel,
    label_from,
)

__all__ = ["BACKGROUND", "check_colors", "earlier_boxes", "earlier_masks"]

BACKGROUND = "BACKGROUND"


def earlier_boxes(line: Mapping[str, Any], label_attribute_name: str) -> list[BoxesLabel]:
    """The bounding box labels of a line, but this job's own, in the order of the line."""
    return [label for _, label in _earlier(line, label_attribute_name) if isinstance(label, BoxesLabel)]


def earlier_masks(line: Mapping[str, Any], label_attribute_name: str) -> list[SegmentationLabel]:
    """The masks of a line that come with a colour map, but this job's own, in the order of the line."""
    return [
        label
        for metadata, label in _earlier(line, label_attribute_name)
        if isinstance(label, SegmentationLabel) and (label.classes or _says_mask(metadata))
    ]


def check_colors(line: Mapping[str, Any], label_attribute_name: str) -> None:
    """Refuse a line whose masks can all not be shown, because nothing says which colour is which class.

    Raises
    ------
    InvalidRequest
    """
    masks = earlier_masks(line, label_attribute_name)
    if masks and not any(_has_colors(mask) for mask in masks):
        raise InvalidRequest(
            "internal-color-map of the mask to check lacks the hex-color of a class, as in old jobs. "
            "Add the colours of the PNG to the manifest.",
            field="internal-color-map",
            rule="hex-color for every class",
        )


def _has_colors(mask: SegmentationLabel) -> bool:
    return bool(mask.classes) and all(
        entry.hex_color is not None or entry.name == BACKGROUND for entry in mask.classes
    )


def _says_mask(metadata: Metadata | None) -> bool:
    # Without a colour map only this tells a mask from any other picture that a line may name.
    return metadata is not None and GROUNDTRUTH_TYPES.get(metadata.type.lower()) == "segmentation"


def _earlier(line: Mapping[str, Any], label_attribute_name: str) -> list[tuple[Metadata | None, LabelValue]]:
    found: list[tuple[Metadata | None, LabelValue]] = []
    for key, value in line.items():
        if key in (label_attribute_name, "source", "source-ref") or key.endswith(METADATA_SUFFIX):
            continue
        if not isinstance(value, str | dict):
            continue
        try:
            label = label_from(line, key)
        except ManifestError:
            continue
        if label is not None:
            found.append((label.metadata, label.value))
    return found
