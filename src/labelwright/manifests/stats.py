"""What a manifest holds, counted in one pass."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from labelwright.manifests.constants import SOURCE_KEY
from labelwright.manifests.labels import (
    BoxesLabel,
    ClassLabel,
    FailedLabel,
    Label,
    MultiLabel,
    SegmentationLabel,
    SpansLabel,
)
from labelwright.manifests.lines import Source
from labelwright.manifests.records import read

__all__ = ["AttributeStats", "ManifestStats", "collect_stats"]

CONFIDENCE_EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(slots=True)
class AttributeStats:
    """Counts of one label attribute.

    Attributes
    ----------
    n_labeled, n_failed, n_human, n_machine : int
        Objects.
    n_annotations : int
        Classes, boxes or entities over all objects.
    classes : Counter
        Annotations per class name (``#<index>`` where the metadata give no name).
    confidences : list of int
        Annotations per confidence bin ``[0, 0.2) [0.2, 0.4) ... [0.8, 1]``.
    """

    types: Counter[str] = field(default_factory=Counter)
    job_names: Counter[str] = field(default_factory=Counter)
    n_labeled: int = 0
    n_failed: int = 0
    n_human: int = 0
    n_machine: int = 0
    n_annotations: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    confidences: list[int] = field(default_factory=lambda: [0] * (len(CONFIDENCE_EDGES) - 1))
    confidence_sum: float = 0.0
    n_confidences: int = 0

    @property
    def mean_confidence(self) -> float | None:
        """Mean over all annotations that carry one."""
        return self.confidence_sum / self.n_confidences if self.n_confidences else None


@dataclass(slots=True)
class ManifestStats:
    """Counts of a whole manifest. ``keys`` are the plain attributes, in order of first sight."""

    n_lines: int = 0
    n_texts: int = 0
    n_references: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    attributes: dict[str, AttributeStats] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return plain objects for ``--json``."""
        plain = {name: getattr(self, name) for name in ("n_lines", "n_texts", "n_references", "keys")}
        attributes = {
            name: {key: getattr(counts, key) for key in AttributeStats.__dataclass_fields__}
            | {"mean_confidence": counts.mean_confidence}
            for name, counts in self.attributes.items()
        }
        return plain | {"attributes": attributes}


def collect_stats(source: Source) -> ManifestStats:
    """Count objects, labels, classes and confidences of a manifest.

    Parameters
    ----------
    source : path, open binary file, or iterable of bytes

    Raises
    ------
    ManifestError
        At the first bad line.
    """
    stats = ManifestStats()
    keys = stats.keys
    for record in read(source):
        stats.n_lines += 1
        if SOURCE_KEY in record.data:
            stats.n_texts += 1
        else:
            stats.n_references += 1
        for key in record.data:
            keys[key] += 1
        for name in record.label_attribute_names:
            label = record.label(name)
            if label is not None:
                _count(stats.attributes.setdefault(name, AttributeStats()), label)
    return stats


def _count(stats: AttributeStats, label: Label) -> None:
    if isinstance(label.value, FailedLabel):
        stats.n_failed += 1
        return
    stats.n_labeled += 1
    if label.metadata is not None:
        stats.types[label.metadata.type] += 1
        stats.job_names[label.metadata.job_name] += 1
    if label.metadata is None or label.metadata.is_human_annotated:
        stats.n_human += 1
    else:
        stats.n_machine += 1
    for name, confidence in _annotations(label):
        stats.n_annotations += 1
        stats.classes[name] += 1
        if confidence is not None:
            stats.n_confidences += 1
            stats.confidence_sum += confidence
            stats.confidences[_bin(confidence)] += 1


def _bin(confidence: float) -> int:
    for i, (_, high) in enumerate(pairwise(CONFIDENCE_EDGES)):
        if confidence < high:
            return i
    return len(CONFIDENCE_EDGES) - 2


def _annotations(label: Label) -> list[tuple[str, float | None]]:
    match label.value:
        case ClassLabel() as value:
            return [(value.name or f"#{value.class_index}", value.confidence)]
        case MultiLabel(classes):
            return [(item.name or f"#{item.class_index}", item.confidence) for item in classes]
        case BoxesLabel(boxes=boxes):
            return [(box.name or f"#{box.class_id}", box.confidence) for box in boxes]
        case SpansLabel(spans=spans):
            return [(span.label, span.confidence) for span in spans]
        case SegmentationLabel(classes=entries):
            return [(entry.name, entry.confidence) for entry in entries]
        case _:
            return []
