"""What a job asks of a manifest line beyond being a data object, at its start and in checks before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from labelwright.core.limits import MANIFEST_LINES_MAX
from labelwright.errors import ManifestError
from labelwright.manifests import GROUNDTRUTH_TYPES, METADATA_SUFFIX
from labelwright.tasks import TaskType

__all__ = ["LABEL_TYPES", "check_line"]

LABEL_TYPES: Final[dict[str, str]] = {
    "AdjustmentBoundingBox": "groundtruth/object-detection",
    "AdjustmentSemanticSegmentation": "groundtruth/semantic-segmentation",
    "BoundingBox": "groundtruth/object-detection",
    "ImageMultiClass": "groundtruth/image-classification",
    "ImageMultiClassMultiLabel": "groundtruth/image-classification-multilabel",
    "NamedEntityRecognition": "groundtruth/text-span",
    "SemanticSegmentation": "groundtruth/semantic-segmentation",
    "TextMultiClass": "groundtruth/text-classification",
    "TextMultiClassMultiLabel": "groundtruth/text-classification-multilabel",
    "VerificationBoundingBox": "groundtruth/label-verification",
    "VerificationSemanticSegmentation": "groundtruth/label-verification",
    "VideoClassification": "groundtruth/video-classification",
    "VideoMultiClass": "groundtruth/video-classification",
}
"""``type`` of the labels that a task type makes; custom types may make any."""


def check_line(
    kind: TaskType, type_name: str, line: Mapping[str, Any], *, label_attribute_name: str, number: int
) -> None:
    """Check a line that is a data object already.

    Parameters
    ----------
    kind : TaskType
    type_name : str
        Its suffix.
    line : mapping
        The parsed line.
    label_attribute_name : str
        Of the job; empty when it is not known.
    number : int
        1-based.

    Raises
    ------
    ManifestError, InvalidRequest
        The message stands without the line's number.
    """
    keys = kind.source_keys
    if line.get(keys[0]) is None and not any(line.get(key) is not None for key in keys):
        wanted = " or ".join(repr(key) for key in keys)
        raise ManifestError(f"the task type {type_name} needs the key {wanted}.", line_number=number)
    if number > MANIFEST_LINES_MAX:
        raise ManifestError(
            f"a manifest may have at most {MANIFEST_LINES_MAX:,} lines. Split it.", line_number=number
        )
    label = line.get(label_attribute_name) if label_attribute_name else None
    if kind.audits_labels:
        _check_audited(kind, line, label_attribute_name, has_label=label is not None)
    if label is not None:
        _check_type(type_name, line, label_attribute_name)


def _check_audited(kind: TaskType, line: Mapping[str, Any], name: str, *, has_label: bool) -> None:
    if not has_label:
        kind.check_line(line, name)
    elif kind.problem_with(line, name) is not None:
        # Taken for done already, when it is what the job should look at.
        raise ManifestError(
            f"it has no label to look at besides {name!r}; give the job a LabelAttributeName of its own."
        )


def _check_type(type_name: str, line: Mapping[str, Any], name: str) -> None:
    """Refuse a kept label that says to be of another kind: the output would mix the two under one name."""
    expected = LABEL_TYPES.get(type_name)
    metadata = line.get(name + METADATA_SUFFIX)
    if expected is None or not isinstance(metadata, dict):
        return
    found = metadata.get("type")
    kind_found = GROUNDTRUTH_TYPES.get(found.lower()) if isinstance(found, str) else None
    if kind_found is not None and kind_found != GROUNDTRUTH_TYPES[expected]:
        raise ManifestError(
            f"the label {name!r} is of type {found!r}, from a job of another type; a job of type {type_name} "
            f"makes {expected!r}. Give the job another LabelAttributeName, or take {name!r} and "
            f"{name + METADATA_SUFFIX!r} out of the line."
        )
