"""Keep the lines, or the single annotations, that quality marks, confidence, origin and class allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from labelwright.dataprep.classes import annotation_classes, annotation_confidences, usable_label
from labelwright.errors import InvalidRequest, ManifestError
from labelwright.manifests import (
    METADATA_SUFFIX,
    BoxesLabel,
    ClassLabel,
    Label,
    MultiLabel,
    Source,
    SpansLabel,
    chunks_of,
    decode_exact,
    dumps,
    index_lines,
    parse_object,
)

__all__ = ["Filter", "FilterSummary", "filter_manifest"]


@dataclass(frozen=True, slots=True)
class Filter:
    """What is kept. Conditions that are not given hold always.

    Attributes
    ----------
    attribute : str or None
        The label that the conditions on labels are about.
    is_labeled : bool or None
        Only objects with (without) that label; a recorded failure is no label.
    min_confidence, max_confidence : float or None
        Bounds on every confidence of the label, both included. Labels that carry none pass.
    is_human_annotated : bool or None
        Only labels made by people (by a model).
    classes, without_classes : frozenset of str
        Names; an object passes with at least one annotation of the first, and none of the second.
    annotations_only : bool
        Conditions on confidence and class drop single annotations (boxes, spans, ticked classes) instead of
        whole objects. An object that loses all of them is dropped too, unless ``keeps_emptied``.
    keeps_emptied : bool
        Keep objects that lost all annotations, as pictures without any.
    verification : str or None
        Label attribute of a verification job.
    verdicts : frozenset of str
        Classes of that job that pass. Objects it did not judge are dropped.
    """

    attribute: str | None = None
    is_labeled: bool | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    is_human_annotated: bool | None = None
    classes: frozenset[str] = frozenset()
    without_classes: frozenset[str] = frozenset()
    annotations_only: bool = False
    keeps_emptied: bool = False
    verification: str | None = None
    verdicts: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        needs_label = (
            self.is_labeled is not None
            or self.min_confidence is not None
            or self.max_confidence is not None
            or self.is_human_annotated is not None
            or bool(self.classes or self.without_classes)
        )
        if needs_label and self.attribute is None:
            raise InvalidRequest(
                "Conditions on a label need its name: give --label-attribute-name.",
                field="label_attribute_name",
            )
        if bool(self.verification) != bool(self.verdicts):
            raise InvalidRequest(
                "A verification label and the verdicts to keep go together: give both --verification and "
                "--verdict.",
                field="verification",
            )
        if not needs_label and not self.verification:
            raise InvalidRequest(
                "Nothing to filter by. Give a condition, such as --min-confidence.", field="filter"
            )


@dataclass(slots=True)
class FilterSummary:
    """Lines in and out, and by which condition lines were dropped (the first that did not hold)."""

    n_lines_in: int = 0
    n_lines_out: int = 0
    n_annotations_dropped: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    classes_seen: Counter[str] = field(default_factory=Counter)
    n_confidences: int = 0
    n_zero_confidences: int = 0

    @property
    def warnings(self) -> list[str]:
        """What a user should know about the outcome."""
        if self.n_confidences and self.n_zero_confidences == self.n_confidences:
            return [
                "All confidences are 0, as in jobs with one worker per object; they say nothing about "
                "quality."
            ]
        return []


def filter_manifest(source: Source, what: Filter, summary: FilterSummary) -> Iterator[bytes]:
    """Yield the lines that pass, without line ends; byte for byte unless annotations were dropped.

    Raises
    ------
    ManifestError
        At the first bad line.
    InvalidRequest
        After the last line, when a class or verdict that was asked for occurs nowhere.
    """
    for span in index_lines(chunks_of(source)):
        summary.n_lines_in += 1
        number = span.number + 1
        data = parse_object(span.raw, number)
        reason = _refused_object(data, what, summary, number)
        raw = span.raw
        if reason is None and what.annotations_only and what.attribute is not None:
            label = usable_label(data, what.attribute, line_number=number)
            if label is not None:
                data = decode_exact(raw)
                n_before, n_after = _drop_annotations(data, label, what, number)
                summary.n_annotations_dropped += n_before - n_after
                if n_before != n_after:
                    raw = dumps(data)
                    if not n_after and not what.keeps_emptied:
                        reason = "no annotation left"
        if reason is None:
            summary.n_lines_out += 1
            yield raw
        else:
            summary.dropped[reason] += 1
    missing = sorted((what.classes | what.without_classes | what.verdicts) - summary.classes_seen.keys())
    if missing and summary.n_lines_in:
        known = ", ".join(name for name, _ in summary.classes_seen.most_common(20)) or "none"
        raise InvalidRequest(
            f"No line has the class {missing[0]!r}. Classes seen: {known}. Mend the spelling.",
            field="class",
            value=missing[0],
        )


def _refused_object(
    data: dict[str, object], what: Filter, summary: FilterSummary, line_number: int
) -> str | None:
    """The first condition that does not hold for the whole object."""
    if what.verification is not None:
        verdict = usable_label(data, what.verification, line_number=line_number)
        names = {name or f"#{index}" for index, name in annotation_classes(verdict)} if verdict else set()
        summary.classes_seen.update(names)
        if not names & what.verdicts:
            return "verdict" if names else "not verified"
    if what.attribute is None:
        return None
    label = usable_label(data, what.attribute, line_number=line_number)
    if label is None:
        return None if what.is_labeled is False else "not labeled"
    if what.is_labeled is False:
        return "labeled"
    classes = {name or f"#{index}" for index, name in annotation_classes(label)}
    summary.classes_seen.update(classes)
    if what.is_human_annotated is not None and what.is_human_annotated != (
        label.metadata is None or label.metadata.is_human_annotated
    ):
        return "made by a model" if what.is_human_annotated else "made by people"
    confidences = annotation_confidences(label)
    summary.n_confidences += len(confidences)
    summary.n_zero_confidences += confidences.count(0.0)
    if what.annotations_only:
        return None
    if what.min_confidence is not None and any(value < what.min_confidence for value in confidences):
        return "confidence too low"
    if what.max_confidence is not None and any(value > what.max_confidence for value in confidences):
        return "confidence too high"
    if (what.classes and not classes & what.classes) or classes & what.without_classes:
        return "class"
    return None


def _drop_annotations(data: dict[str, Any], label: Label, what: Filter, line_number: int) -> tuple[int, int]:
    """Take single annotations out of a line, in place; how many there were and are."""
    kept = [
        (not what.classes or name in what.classes)
        and name not in what.without_classes
        and (confidence is None or what.min_confidence is None or confidence >= what.min_confidence)
        and (confidence is None or what.max_confidence is None or confidence <= what.max_confidence)
        for name, confidence in _annotations(label, line_number)
    ]
    n_kept = sum(kept)
    if n_kept == len(kept):
        return n_kept, n_kept
    name = label.attribute
    value, metadata = data[name], dict(data.get(name + METADATA_SUFFIX) or {})

    def chosen(items: list[Any]) -> list[Any]:
        return [item for i, item in enumerate(items) if i >= len(kept) or kept[i]]

    match label.value:
        case BoxesLabel():
            data[name] = {**value, "annotations": chosen(value["annotations"])}
            if "objects" in metadata:
                metadata["objects"] = chosen(metadata["objects"])
            used = {str(box["class_id"]) for box in data[name]["annotations"]}
            if "class-map" in metadata:
                metadata["class-map"] = {k: v for k, v in metadata["class-map"].items() if k in used}
        case SpansLabel():
            inner = value["annotations"]
            data[name] = {**value, "annotations": {**inner, "entities": chosen(inner["entities"])}}
            if "entities" in metadata:
                metadata["entities"] = chosen(metadata["entities"])
        case _:
            data[name] = chosen(value)
            used = {str(item) for item in data[name]}
            for part in ("class-map", "confidence-map"):
                if part in metadata:
                    metadata[part] = {k: v for k, v in metadata[part].items() if k in used}
    if name + METADATA_SUFFIX in data:
        data[name + METADATA_SUFFIX] = metadata
    return len(kept), n_kept


def _annotations(label: Label, line_number: int) -> list[tuple[str, float | None]]:
    match label.value:
        case MultiLabel(classes):
            return [(item.name or f"#{item.class_index}", item.confidence) for item in classes]
        case BoxesLabel(boxes=boxes):
            return [(box.name or f"#{box.class_id}", box.confidence) for box in boxes]
        case SpansLabel(spans=spans):
            return [(span.label, span.confidence) for span in spans]
        case value:
            what = "one class" if isinstance(value, ClassLabel) else type(value).__name__
            raise ManifestError(
                f"the label {label.attribute!r} is {what}; single annotations can be dropped from boxes, "
                "spans and multi-label classes only. Leave --annotations out.",
                line_number=line_number,
            )
