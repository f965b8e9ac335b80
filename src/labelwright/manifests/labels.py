"""Typed values of the labels that Ground Truth and Labelwright write into augmented manifests.

Reads both today's form and that of 2018/19 (other key order, ``job_name`` and ``creation_date`` with
underscores, class indices as strings). Coordinates are pixels of the stored image, origin at its top left
corner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from labelwright.errors import ManifestError
from labelwright.manifests.constants import GROUNDTRUTH_TYPES, METADATA_SUFFIX

__all__ = [
    "BoxesLabel",
    "ClassLabel",
    "CustomLabel",
    "FailedLabel",
    "Label",
    "LabelValue",
    "LabeledBox",
    "Metadata",
    "MultiLabel",
    "ReferenceLabel",
    "SegmentationClass",
    "SegmentationLabel",
    "Span",
    "SpansLabel",
    "label_from",
]


@dataclass(frozen=True, slots=True)
class ClassLabel:
    """One class; of a verification job also the comments. ``name`` is None where metadata lack it."""

    class_index: int
    name: str | None
    confidence: float | None
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MultiLabel:
    """Every class that at least one worker ticked, in the order of the manifest."""

    classes: tuple[ClassLabel, ...]


@dataclass(frozen=True, slots=True)
class LabeledBox:
    """A box in pixels: ``left``/``top`` is its top left corner."""

    class_id: int
    left: float
    top: float
    width: float
    height: float
    confidence: float | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class BoxesLabel:
    """The boxes of one image; none is a valid label."""

    image_width: int
    image_height: int
    image_depth: int
    boxes: tuple[LabeledBox, ...]


@dataclass(frozen=True, slots=True)
class SegmentationClass:
    """A class of a mask: pixel index, name, colour (``#rrggbb``) in the PNG's palette."""

    class_index: int
    name: str
    hex_color: str | None
    confidence: float | None


@dataclass(frozen=True, slots=True)
class SegmentationLabel:
    """A mask: the URI of an indexed PNG and its classes (index 0 is the background)."""

    uri: str
    classes: tuple[SegmentationClass, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A span of text: ``start`` inclusive, ``end`` exclusive, in code points."""

    start: int
    end: int
    label: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class SpansLabel:
    """Named entities of one text, and all labels the job offered."""

    spans: tuple[Span, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReferenceLabel:
    """A label that lies in a file of its own (video frames, point clouds)."""

    uri: str


@dataclass(frozen=True, slots=True)
class CustomLabel:
    """The JSON value of a custom job, as it stands."""

    value: object


@dataclass(frozen=True, slots=True)
class FailedLabel:
    """The object finally failed: there is no label, only the reason."""

    reason: str
    retry_count: int


LabelValue = (
    ClassLabel
    | MultiLabel
    | BoxesLabel
    | SegmentationLabel
    | SpansLabel
    | ReferenceLabel
    | CustomLabel
    | FailedLabel
)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What all types of metadata share. Fields that are absent are None or the empty string."""

    type: str
    job_name: str
    is_human_annotated: bool
    creation_date: str
    adjustment_status: str | None
    raw: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Label:
    """One label attribute of one data object."""

    attribute: str
    value: LabelValue
    metadata: Metadata | None

    @property
    def is_failed(self) -> bool:
        """Whether the object failed, so that there is no label."""
        return isinstance(self.value, FailedLabel)


def label_from(data: Mapping[str, object], attribute: str, *, line_number: int = 0) -> Label | None:
    """Read one label attribute of a parsed line.

    Parameters
    ----------
    data : mapping
        The line.
    attribute : str
        The label attribute name.
    line_number : int
        1-based, for messages.

    Returns
    -------
    Label or None
        None for an object that is not labeled: the attribute is absent or null, and no failure is recorded.

    Raises
    ------
    ManifestError
        The value does not have the shape that its type calls for.

    Notes
    -----
    A label without metadata counts as made by a human; its type is then told from the shape of the value.
    """
    value = data.get(attribute)
    raw_metadata = data.get(attribute + METADATA_SUFFIX)
    metadata = _metadata(raw_metadata) if isinstance(raw_metadata, dict) else None
    if value is None:
        if metadata is None or "failure-reason" not in metadata.raw:
            return None
        retries = metadata.raw.get("retry-count")
        failed = FailedLabel(str(metadata.raw["failure-reason"]), retries if isinstance(retries, int) else 0)
        return Label(attribute, failed, metadata)
    kind = GROUNDTRUTH_TYPES.get(metadata.type.lower()) if metadata is not None else None
    try:
        read = _READERS[kind or _kind_by_shape(value)]
        return Label(attribute, read(value, metadata.raw if metadata is not None else {}), metadata)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        what = f"missing key {error}" if isinstance(error, KeyError) else str(error)
        raise ManifestError(
            f"the label {attribute!r} does not have the form of {metadata.type if metadata else 'its kind'}: "
            f"{what}. Compare it with the reference page on manifests.",
            line_number=line_number,
        ) from error


def _metadata(raw: dict[str, object]) -> Metadata:
    return Metadata(
        type=_text(raw, "type", "type"),
        job_name=_text(raw, "job-name", "job_name"),
        is_human_annotated=_text(raw, "human-annotated", "human_annotated").lower() != "no",
        creation_date=_text(raw, "creation-date", "creation_date"),
        adjustment_status=_text(raw, "adjustment-status", "adjustment_status") or None,
        raw=raw,
    )


def _text(raw: dict[str, object], key: str, other_key: str) -> str:
    value = raw[key] if key in raw else raw.get(other_key)
    return value if isinstance(value, str) else ""


def _kind_by_shape(value: object) -> str:
    match value:
        case bool():
            return "custom"
        case int():
            return "class"
        case list() if value and all(isinstance(item, int) for item in value):
            return "multi-label"
        case {"annotations": list(), "image_size": list()}:
            return "boxes"
        case {"annotations": {"entities": list()}}:
            return "spans"
        case str() if value.startswith("s3://") and value.endswith(".png"):
            return "segmentation"
        case _:
            return "custom"


def _confidence(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"confidence {value!r} is not a number")
    return float(value)


def _index(value: Any) -> int:
    """Accept ``4`` and the ``"4"`` that some published examples show."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"class index {value!r} is not an integer")
    return int(value)


def _number(box: Mapping[str, Any], key: str) -> float:
    value = box[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{key} {value!r} is not a number")
    return value


def _read_class(value: Any, raw: Mapping[str, Any]) -> LabelValue:
    feedback = raw.get("worker-feedback") or []
    return ClassLabel(
        class_index=_index(value),
        name=raw.get("class-name"),
        confidence=_confidence(raw.get("confidence")),
        comments=tuple(str(entry["comment"]) for entry in feedback),
    )


def _read_multi_label(value: Any, raw: Mapping[str, Any]) -> LabelValue:
    names = raw.get("class-map") or {}
    confidences = raw.get("confidence-map") or {}
    if not isinstance(value, list):
        raise TypeError("the value must be an array of class indices")
    return MultiLabel(
        tuple(
            ClassLabel(_index(item), names.get(str(item)), _confidence(confidences.get(str(item))))
            for item in value
        )
    )


def _read_boxes(value: Any, raw: Mapping[str, Any]) -> LabelValue:
    size = value["image_size"][0]
    objects = raw.get("objects") or []
    names = raw.get("class-map") or {}
    boxes = []
    for i, box in enumerate(value["annotations"]):
        class_id = _index(box["class_id"])
        boxes.append(
            LabeledBox(
                class_id=class_id,
                left=_number(box, "left"),
                top=_number(box, "top"),
                width=_number(box, "width"),
                height=_number(box, "height"),
                confidence=_confidence(objects[i].get("confidence")) if i < len(objects) else None,
                name=names.get(str(class_id)),
            )
        )
    return BoxesLabel(int(size["width"]), int(size["height"]), int(size.get("depth", 3)), tuple(boxes))


def _read_segmentation(value: Any, raw: Mapping[str, Any]) -> LabelValue:
    if not isinstance(value, str):
        raise TypeError("the value must be the S3 URI of a PNG")
    classes = tuple(
        SegmentationClass(
            int(index), entry["class-name"], entry.get("hex-color"), _confidence(entry.get("confidence"))
        )
        for index, entry in (raw.get("internal-color-map") or {}).items()
    )
    return SegmentationLabel(value, classes)


def _read_spans(value: Any, raw: Mapping[str, Any]) -> LabelValue:
    annotations = value["annotations"]
    confidences = raw.get("entities") or []
    spans = tuple(
        Span(
            start=_index(entity["startOffset"]),
            end=_index(entity["endOffset"]),
            label=entity["label"],
            confidence=_confidence(confidences[i].get("confidence")) if i < len(confidences) else None,
        )
        for i, entity in enumerate(annotations["entities"])
    )
    return SpansLabel(spans, tuple(entry["label"] for entry in annotations.get("labels") or []))


def _read_reference(value: Any, raw: Mapping[str, Any]) -> LabelValue:
    if not isinstance(value, str):
        raise TypeError("the value must be an S3 URI")
    return ReferenceLabel(value)


def _read_custom(value: Any, raw: Mapping[str, Any]) -> LabelValue:
    return CustomLabel(value)


_READERS: dict[str, Callable[[Any, Mapping[str, Any]], LabelValue]] = {
    "class": _read_class,
    "verification": _read_class,
    "multi-label": _read_multi_label,
    "boxes": _read_boxes,
    "segmentation": _read_segmentation,
    "spans": _read_spans,
    "reference": _read_reference,
    "custom": _read_custom,
}
