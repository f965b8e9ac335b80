"""The rules that a written label must keep, one small function per kind of label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from labelwright.errors import ManifestError
from labelwright.manifests.constants import CREATION_DATE_PATTERN, GROUNDTRUTH_TYPES, METADATA_SUFFIX
from labelwright.manifests.labels import (
    BoxesLabel,
    ClassLabel,
    CustomLabel,
    FailedLabel,
    Label,
    Metadata,
    MultiLabel,
    ReferenceLabel,
    SegmentationLabel,
    SpansLabel,
)
from labelwright.manifests.records import Record

__all__ = ["check_label"]

_BACKGROUND = ("BACKGROUND", "#ffffff")


def check_label(
    record: Record, attribute: str, *, class_names: Sequence[str] | None, n_workers: int | None
) -> Iterator[str]:
    """Yield one message per rule that the label of this record breaks.

    Parameters
    ----------
    record : Record
    attribute : str
        The label attribute name; an object without this label breaks no rule.
    class_names : sequence of str or None
        The job's labels; None skips the rules on them.
    n_workers : int or None
        Workers per object; None skips the rule on confidences of one-worker jobs.
    """
    try:
        label = record.label(attribute)
    except ManifestError as error:
        yield error.message
        return
    if label is None:
        if attribute + METADATA_SUFFIX in record.data:
            yield (
                f"{attribute + METADATA_SUFFIX!r} stands without {attribute!r} and gives no "
                "'failure-reason'. "
                "Remove it or add the label."
            )
        return
    if label.metadata is None:
        yield f"{attribute!r} has no {attribute + METADATA_SUFFIX!r}."
    elif not label.is_failed:
        yield from _check_metadata(label.metadata, attribute)
    yield from _check_value(label, record, class_names)
    if n_workers == 1:
        for confidence in _confidences(label):
            if confidence:
                yield f"{attribute!r}: confidence {confidence} with one worker per object; it must be 0."
                break


def _check_metadata(metadata: Metadata, attribute: str) -> Iterator[str]:
    raw = metadata.raw
    kind = metadata.type.lower()
    name = attribute + METADATA_SUFFIX
    if kind not in GROUNDTRUTH_TYPES:
        yield f"{name!r}: type {metadata.type!r} is not a known type."
    if raw.get("human-annotated") not in ("yes", "no"):
        yield f'{name!r}: human-annotated must be "yes" or "no", not {raw.get("human-annotated")!r}.'
    if not CREATION_DATE_PATTERN.fullmatch(metadata.creation_date):
        yield f"{name!r}: creation-date {metadata.creation_date!r} must look like 2024-05-01T10:00:00.000123."
    job = metadata.job_name
    if not job:
        yield f"{name!r}: job-name is missing."
    elif kind != "groundtruth/custom" and (not job.startswith("labeling-job/") or job != job.lower()):
        yield f"{name!r}: job-name {job!r} must be 'labeling-job/' and the job's name in lower case."


def _check_value(label: Label, record: Record, class_names: Sequence[str] | None) -> Iterator[str]:
    name = label.attribute
    raw = label.metadata.raw if label.metadata is not None else {}
    match label.value:
        case ClassLabel() as value:
            yield from _check_class(value, name, class_names)
        case MultiLabel(classes):
            yield from _check_multi_label(classes, name, class_names, raw)
        case BoxesLabel() as value:
            yield from _check_boxes(value, name, class_names, raw)
        case SegmentationLabel() as value:
            yield from _check_segmentation(value, name)
        case SpansLabel() as value:
            yield from _check_spans(value, name, record.source, raw)
        case ReferenceLabel(uri):
            if not uri.startswith("s3://"):
                yield f"{name!r}: {uri[:80]!r} is not an S3 URI."
        case CustomLabel():
            pass
        case FailedLabel(reason):
            if not reason.startswith(("ClientError:", "InternalServerError:")):
                yield f"{name!r}: failure-reason must begin with 'ClientError:' or 'InternalServerError:'."
        case _:
            assert_never(label.value)


def _check_class(value: ClassLabel, name: str, class_names: Sequence[str] | None) -> Iterator[str]:
    if value.class_index < 0:
        yield f"{name!r}: class index {value.class_index} is negative."
    if value.confidence is not None and not 0 <= value.confidence <= 1:
        yield f"{name!r}: confidence {value.confidence} is not between 0 and 1."
    if class_names is None:
        return
    if value.class_index >= len(class_names):
        yield f"{name!r}: class index {value.class_index}, but the job has {len(class_names)} labels."
    elif value.class_index >= 0 and value.name is not None and value.name != class_names[value.class_index]:
        yield (
            f"{name!r}: class-name {value.name!r} is not label {value.class_index}, "
            f"{class_names[value.class_index]!r}."
        )


def _check_multi_label(
    classes: Sequence[ClassLabel],
    name: str,
    class_names: Sequence[str] | None,
    raw: object,
) -> Iterator[str]:
    indices = [str(item.class_index) for item in classes]
    if not indices:
        yield f"{name!r}: the array of classes is empty."
    if len(set(indices)) != len(indices):
        yield f"{name!r}: a class occurs twice."
    if isinstance(raw, dict) and raw:
        for key in ("class-map", "confidence-map"):
            given = raw.get(key)
            keys = set(given) if isinstance(given, dict) else set()
            if keys != set(indices):
                yield f"{name!r}: the keys of {key} must be the classes of the array, {', '.join(indices)}."
    for item in classes:
        yield from _check_class(item, name, class_names)


def _check_boxes(
    value: BoxesLabel, name: str, class_names: Sequence[str] | None, raw: object
) -> Iterator[str]:
    if isinstance(raw, dict) and raw:
        n_objects = len(raw.get("objects") or [])
        if n_objects != len(value.boxes):
            yield f"{name!r}: {len(value.boxes)} annotations, but {n_objects} objects in the metadata."
        used = {str(box.class_id) for box in value.boxes}
        if set(raw.get("class-map") or {}) != used:
            yield f"{name!r}: class-map must hold exactly the classes that occur."
    # A mean of corners may stray from the edge by a rounding error.
    slack = 1e-6
    for i, box in enumerate(value.boxes):
        if not (box.width > 0 and box.height > 0):
            yield f"{name!r}: box {i} is {box.width} x {box.height}; width and height must be above 0."
        if (
            box.left < -slack
            or box.top < -slack
            or box.left + box.width > value.image_width + slack
            or box.top + box.height > value.image_height + slack
        ):
            yield f"{name!r}: box {i} reaches beyond the image of {value.image_width} x {value.image_height}."
        yield from _check_class(ClassLabel(box.class_id, box.name, box.confidence), name, class_names)


def _check_segmentation(value: SegmentationLabel, name: str) -> Iterator[str]:
    if not name.endswith("-ref"):
        yield f"{name!r}: the attribute name of a segmentation must end in '-ref'."
    if not value.uri.startswith("s3://"):
        yield f"{name!r}: {value.uri[:80]!r} is not an S3 URI."
    background = next((item for item in value.classes if item.class_index == 0), None)
    if background is None or (background.name, background.hex_color) != _BACKGROUND:
        yield f"{name!r}: index 0 of internal-color-map must be BACKGROUND with colour #ffffff."
    if any(item.hex_color is None for item in value.classes):
        yield f"{name!r}: internal-color-map lacks a hex-color, which adjustment and verification need."


def _check_spans(value: SpansLabel, name: str, text: str | None, raw: object) -> Iterator[str]:
    if isinstance(raw, dict) and raw and len(raw.get("entities") or []) != len(value.spans):
        yield f"{name!r}: {len(value.spans)} entities, but {len(raw.get('entities') or [])} in the metadata."
    n_characters = None if text is None else len(text)
    for i, span in enumerate(value.spans):
        if not 0 <= span.start < span.end or (n_characters is not None and span.end > n_characters):
            yield (
                f"{name!r}: entity {i} spans {span.start} to {span.end}; it must be non-empty and lie within "
                f"the text{'' if n_characters is None else f' of {n_characters} characters'}."
            )
        if value.labels and span.label not in value.labels:
            yield f"{name!r}: entity {i} has the label {span.label!r}, which is not in its list of labels."


def _confidences(label: Label) -> list[float | None]:
    match label.value:
        case ClassLabel(confidence=confidence):
            return [confidence]
        case MultiLabel(classes):
            return [item.confidence for item in classes]
        case BoxesLabel(boxes=boxes):
            return [box.confidence for box in boxes]
        case SegmentationLabel(classes=entries):
            return [entry.confidence for entry in entries]
        case SpansLabel(spans=spans):
            return [span.confidence for span in spans]
        case _:
            return []
