"""Make class labels out of other attributes: the boxes of several labels become classes of one.

Two jobs asked one question each ("box the blue pieces", "box the yellow pieces"); a detector wants one label
with two classes. Or the boxes say where the bird is, and another label says which species it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from labelwright.dataprep.classes import usable_label
from labelwright.errors import InvalidRequest, ManifestError
from labelwright.manifests import (
    METADATA_SUFFIX,
    BoxesLabel,
    ClassLabel,
    Label,
    Source,
    chunks_of,
    decode_exact,
    dumps,
    index_lines,
    label_from,
    parse_object,
)

__all__ = ["InjectSummary", "Origin", "class_names", "inject_classes"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where boxes come from.

    Attributes
    ----------
    attribute : str
        A label of boxes.
    class_name : str or None
        The class that all of its boxes get; None keeps their own classes, by name.
    class_attribute : str or None
        A label of one class per object, whose class all boxes of the object get.
    """

    attribute: str
    class_name: str | None = None
    class_attribute: str | None = None


@dataclass(slots=True)
class InjectSummary:
    """What was done. ``n_boxes`` counts by class name."""

    n_lines: int = 0
    n_labeled: int = 0
    n_without_class: int = 0
    n_boxes: dict[str, int] = field(default_factory=dict)


def class_names(source: Source, origins: Sequence[Origin]) -> list[str]:
    """All class names that the boxes will have, in the order of the origins and of their own indices.

    Reads the whole manifest when an origin brings classes of its own.
    """
    if not origins:
        raise InvalidRequest("There is nothing to take boxes from. Name a label with --from.", field="from")
    own: dict[str, dict[int, str]] = {}
    if any(origin.class_name is None for origin in origins):
        for span in index_lines(chunks_of(source)):
            data = parse_object(span.raw, span.number + 1)
            for origin in origins:
                if origin.class_name is not None:
                    continue
                name = origin.class_attribute or origin.attribute
                label = usable_label(data, name, line_number=span.number + 1)
                if label is None:
                    continue
                known = own.setdefault(name, {})
                for index, class_name in _own_classes(label, span.number + 1):
                    known.setdefault(index, class_name)
    names: dict[str, None] = {}
    for origin in origins:
        if origin.class_name is not None:
            names[origin.class_name] = None
        else:
            found = own.get(origin.class_attribute or origin.attribute, {})
            names.update(dict.fromkeys(found[index] for index in sorted(found)))
    return list(names)


def _own_classes(label: Label, line_number: int) -> list[tuple[int, str]]:
    match label.value:
        case ClassLabel() as item:
            return [(item.class_index, item.name or f"#{item.class_index}")]
        case BoxesLabel(boxes=boxes):
            return [(box.class_id, box.name or f"#{box.class_id}") for box in boxes]
        case value:
            raise ManifestError(
                f"the label {label.attribute!r} is {type(value).__name__}; classes come from boxes or from a "
                "label of one class.",
                line_number=line_number,
            )


def inject_classes(
    source: Source,
    summary: InjectSummary,
    *,
    origins: Sequence[Origin],
    into: str,
    names: Sequence[str],
    drops_origins: bool = False,
) -> Iterator[bytes]:
    """Yield lines with one label of boxes made of several.

    Parameters
    ----------
    source : path, open binary file, or iterable of bytes
    summary : InjectSummary
    origins : sequence of Origin
    into : str
        The label attribute name of the result; may be that of an origin.
    names : sequence of str
        Names of the classes 0, 1, ... (see `class_names`, or a label category file).
    drops_origins : bool
        Leave the labels that were used up out of the lines.

    Notes
    -----
    An object gets the label when at least one origin's boxes are there (none is a valid label); boxes without
    a class for them, because the object lacks ``class_attribute``, are counted and leave it unlabeled. The
    label is human-annotated if all of its parts are, and as old as the youngest.

    Raises
    ------
    ManifestError
        A bad line, two image sizes for one image, or a class that ``names`` does not have.
    """
    indices = {name: i for i, name in enumerate(names)}
    used = {
        name for origin in origins for name in (origin.attribute, origin.class_attribute) if name is not None
    }
    for span in index_lines(chunks_of(source)):
        number = span.number + 1
        summary.n_lines += 1
        parse_object(span.raw, number)
        data: dict[str, Any] = decode_exact(span.raw)
        made = _made_label(data, origins, indices, summary, number)
        if drops_origins:
            for name in used:
                data.pop(name, None)
                data.pop(name + METADATA_SUFFIX, None)
        if made is None:
            yield dumps(data) if drops_origins else span.raw
            continue
        summary.n_labeled += 1
        data.pop(into, None)
        data.pop(into + METADATA_SUFFIX, None)
        data[into], data[into + METADATA_SUFFIX] = made
        yield dumps(data)


def _made_label(
    data: dict[str, Any],
    origins: Sequence[Origin],
    indices: dict[str, int],
    summary: InjectSummary,
    line_number: int,
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    annotations: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    class_map: dict[str, str] = {}
    size: dict[str, Any] | None = None
    parts: list[Label] = []
    for origin in origins:
        label = usable_label(data, origin.attribute, line_number=line_number)
        if label is None:
            continue
        if not isinstance(label.value, BoxesLabel):
            raise ManifestError(
                f"the label {origin.attribute!r} is {type(label.value).__name__}, not boxes. Only boxes can "
                "be given classes of other attributes.",
                line_number=line_number,
            )
        raw = data[origin.attribute]
        own_size = raw["image_size"][0]
        if size is not None and (own_size["width"], own_size["height"]) != (size["width"], size["height"]):
            raise ManifestError(
                f"the label {origin.attribute!r} is of an image of {own_size['width']}x{own_size['height']} "
                f"pixels, an earlier one of {size['width']}x{size['height']}. Were they made on the same "
                "image?",
                line_number=line_number,
            )
        size = own_size if size is None else size
        image_class = _image_class(data, origin, line_number)
        if image_class == "" and label.value.boxes:
            summary.n_without_class += 1
            return None
        confidences = (data.get(origin.attribute + METADATA_SUFFIX) or {}).get("objects") or []
        for i, box in enumerate(label.value.boxes):
            name = origin.class_name or image_class or box.name or f"#{box.class_id}"
            index = indices.get(name)
            if index is None:
                raise ManifestError(
                    f"{origin.attribute!r} has a box of the class {name!r}, which is not among "
                    f"{', '.join(indices)}. Add it to the label category file.",
                    line_number=line_number,
                )
            annotations.append({**raw["annotations"][i], "class_id": index})
            objects.append(confidences[i] if i < len(confidences) else {"confidence": 0.0})
            class_map[str(index)] = name
            summary.n_boxes[name] = summary.n_boxes.get(name, 0) + 1
        parts.append(label)
    if size is None:
        return None
    return {"image_size": [size], "annotations": annotations}, _metadata(parts, objects, class_map)


def _image_class(data: dict[str, Any], origin: Origin, line_number: int) -> str | None:
    """Name of the class of the whole object; empty where it has none, None where none is asked for."""
    if origin.class_attribute is None:
        return None
    label = label_from(data, origin.class_attribute, line_number=line_number)
    if label is None or not isinstance(label.value, ClassLabel):
        return ""
    return label.value.name or f"#{label.value.class_index}"


def _metadata(
    parts: Sequence[Label], objects: list[dict[str, Any]], class_map: dict[str, str]
) -> dict[str, Any]:
    known = [part.metadata for part in parts if part.metadata is not None]
    return {
        "objects": objects,
        "class-map": class_map,
        "type": "groundtruth/object-detection",
        "human-annotated": "yes" if all(item.is_human_annotated for item in known) else "no",
        "creation-date": max((item.creation_date for item in known), default=""),
        "job-name": known[0].job_name if known else "",
    }
