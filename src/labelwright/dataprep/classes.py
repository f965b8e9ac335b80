"""Which classes the labels of a manifest have, and giving them other indices.

Works on parsed lines as they stand, so that everything else in a label keeps its form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from labelwright.errors import InvalidRequest, ManifestError
from labelwright.manifests import METADATA_SUFFIX, SOURCE_KEY, SOURCE_REF_KEY, FailedLabel, Label, label_from
from labelwright.manifests.labels import (
    BoxesLabel,
    ClassLabel,
    MultiLabel,
    SegmentationLabel,
    SpansLabel,
)

__all__ = [
    "ClassTable",
    "annotation_classes",
    "annotation_confidences",
    "find_attribute",
    "key_of",
    "renumber",
    "usable_label",
]


class ClassTable:
    """Names of class indices, gathered line by line, that refuses contradictions.

    Parameters
    ----------
    attribute : str
        For messages.
    """

    def __init__(self, attribute: str) -> None:
        self.attribute = attribute
        self.names: dict[int, str] = {}
        self._indices: dict[str, int] = {}

    def note(self, index: int, name: str | None, *, place: str = "") -> None:
        """Learn one class.

        Raises
        ------
        InvalidRequest
            The index has another name already.
        """
        if name is None:
            return
        known = self.names.setdefault(index, name)
        if known != name:
            raise InvalidRequest(
                f"{place}the label {self.attribute!r} calls class {index} {name!r}; earlier lines call it "
                f"{known!r}. One index must mean one class: were the jobs made with different label files? "
                "Join with --renumber-classes, which goes by the names.",
                field=self.attribute,
                value=name,
                rule="one name per class index",
            )
        self._indices.setdefault(name, index)

    def index_for(self, index: int, name: str | None) -> int:
        """The index that the class gets when classes are told apart by name: its own where that is free."""
        if name is None:
            return index
        known = self._indices.get(name)
        if known is not None:
            return known
        if index in self.names:
            index = max(self.names) + 1
        self.names[index] = name
        self._indices[name] = index
        return index

    def name(self, index: int) -> str:
        """The name, or ``#<index>`` where no line gave one."""
        return self.names.get(index, f"#{index}")


def key_of(data: Mapping[str, object], key: str | None, *, line_number: int) -> str:
    """What tells one data object from another: ``source-ref``, else ``source``, or the attribute asked for.

    Raises
    ------
    ManifestError
        The line has no such attribute.
    """
    if key is None:
        value = data.get(SOURCE_REF_KEY)
        if value is None:
            value = data.get(SOURCE_KEY)
        return str(value)
    if key not in data:
        raise ManifestError(
            f"the line has no attribute {key!r}, by which objects are told apart. Add it, or leave the key "
            "out to use 'source-ref' or 'source'.",
            line_number=line_number,
        )
    return str(data[key])


def usable_label(data: Mapping[str, object], attribute: str, *, line_number: int) -> Label | None:
    """The label of a line; None where the object is not labeled or failed."""
    label = label_from(data, attribute, line_number=line_number)
    return None if label is None or isinstance(label.value, FailedLabel) else label


def annotation_classes(label: Label) -> list[tuple[int, str | None]]:
    """Index and name of each annotation's class, in order; spans have a name and the index -1."""
    match label.value:
        case ClassLabel() as value:
            return [(value.class_index, value.name)]
        case MultiLabel(classes):
            return [(item.class_index, item.name) for item in classes]
        case BoxesLabel(boxes=boxes):
            return [(box.class_id, box.name) for box in boxes]
        case SegmentationLabel(classes=entries):
            return [(entry.class_index, entry.name) for entry in entries]
        case SpansLabel(spans=spans):
            return [(-1, span.label) for span in spans]
        case _:
            return []


def annotation_confidences(label: Label) -> list[float]:
    """The confidences that a label carries, in order of its annotations; one for a mask."""
    match label.value:
        case ClassLabel() as value:
            found: list[float | None] = [value.confidence]
        case MultiLabel(classes):
            found = [item.confidence for item in classes]
        case BoxesLabel(boxes=boxes):
            found = [box.confidence for box in boxes]
        case SegmentationLabel(classes=entries):
            found = [entry.confidence for entry in entries[:1]]
        case SpansLabel(spans=spans):
            found = [span.confidence for span in spans]
        case _:
            found = []
    return [value for value in found if value is not None]


def renumber(data: dict[str, Any], attribute: str, index_for: Callable[[int, str | None], int]) -> None:
    """Give the classes of one label other indices, in place.

    Parameters
    ----------
    data : dict
        The line; the values under the attribute and its metadata are replaced, never changed inside.
    attribute : str
    index_for : callable
        Old index and name to the new index.

    Raises
    ------
    InvalidRequest
        The label is a mask and an index changes: the pixels of the PNG would have to change too.
    """
    label = label_from(data, attribute)
    if label is None:
        return
    value: Any = data.get(attribute)
    metadata: dict[str, Any] = dict(data.get(attribute + METADATA_SUFFIX) or {})
    names = dict(annotation_classes(label))
    fresh = {index: index_for(index, name) for index, name in names.items() if index >= 0}
    if all(old == new for old, new in fresh.items()):
        return
    match label.value:
        case ClassLabel() as item:
            data[attribute] = fresh[item.class_index]
        case MultiLabel(classes):
            data[attribute] = [fresh[item.class_index] for item in classes]
            for key in ("class-map", "confidence-map"):
                if key in metadata:
                    metadata[key] = {
                        str(fresh.get(int(old), int(old))): v for old, v in metadata[key].items()
                    }
        case BoxesLabel(boxes=boxes):
            annotations = [
                {**raw, "class_id": fresh[box.class_id]}
                for raw, box in zip(value["annotations"], boxes, strict=True)
            ]
            data[attribute] = {**value, "annotations": annotations}
            if "class-map" in metadata:
                metadata["class-map"] = {
                    str(fresh.get(int(old), int(old))): v for old, v in metadata["class-map"].items()
                }
        case SegmentationLabel():
            raise InvalidRequest(
                f"The masks of {attribute!r} give the same class different pixel values; renumbering would "
                "change the pictures. Label them with one label file, or convert them.",
                field=attribute,
            )
        case _:
            return
    if attribute + METADATA_SUFFIX in data:
        data[attribute + METADATA_SUFFIX] = metadata


def find_attribute(names: Iterator[list[str]] | list[list[str]]) -> str:
    """The one label attribute that a manifest has.

    Raises
    ------
    InvalidRequest
        There is none, or more than one.
    """
    seen: dict[str, None] = {}
    for some in names:
        seen.update(dict.fromkeys(some))
    if len(seen) == 1:
        return next(iter(seen))
    if not seen:
        raise InvalidRequest(
            "No line of the manifest has a label. Name the label with --label-attribute-name if it has no "
            "metadata.",
            field="label_attribute_name",
        )
    raise InvalidRequest(
        f"The manifest has several labels: {', '.join(seen)}. Name one with --label-attribute-name.",
        field="label_attribute_name",
    )
