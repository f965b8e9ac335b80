"""Augmented manifests as labeled pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labelwright.dataprep.classes import annotation_confidences, find_attribute
from labelwright.dataprep.files import Files, read_indices, safe_name
from labelwright.dataprep.items import Item, Kind, MaskLabel, Survey
from labelwright.errors import InvalidRequest, ManifestError
from labelwright.manifests import (
    METADATA_SUFFIX,
    SOURCE_REF_KEY,
    BoxesLabel,
    ClassLabel,
    FailedLabel,
    Label,
    MultiLabel,
    Record,
    SegmentationLabel,
    Source,
    chunks_of,
    index_lines,
    label_from,
    parse_object,
)

__all__ = ["items_of_manifest", "survey_manifest"]

_SHARED = ("human-annotated", "creation-date", "job-name")


def survey_manifest(
    source: Source, attribute: str | None = None, *, names: list[str] | None = None
) -> Survey:
    """Read a manifest once and say what it has.

    Parameters
    ----------
    source : path, open binary file, or iterable of bytes
    attribute : str, optional
        The label; may be left out when the manifest has only one.
    names : list of str, optional
        All class names in order, in place of those that the lines give.

    Raises
    ------
    ManifestError
        A bad line, a text instead of a picture, or labels that are no boxes, classes or masks.
    InvalidRequest
        No label, or several and none is named.
    """
    seen: dict[str, None] = {}
    kind: Kind | None = None
    prefix: str | None = None
    survey = Survey(attribute or "", "boxes")
    for span in index_lines(chunks_of(source)):
        number = span.number + 1
        data = parse_object(span.raw, number)
        survey.n_lines += 1
        folder = _reference(data, number).rpartition("/")[0]
        prefix = folder if prefix is None else _common(prefix, folder)
        if attribute is None:
            found = Record(span.number, data).label_attribute_names
            seen.update(dict.fromkeys(found))
            own = found[0] if len(found) == 1 else None
        else:
            own = attribute
        label = None if own is None else label_from(data, own, line_number=number)
        if own is not None and any(key not in (SOURCE_REF_KEY, own, own + METADATA_SUFFIX) for key in data):
            survey.features.add("attributes")
        if label is None or isinstance(label.value, FailedLabel):
            survey.features.add("unlabeled")
            survey.n_failed += label is not None
            continue
        survey.n_labeled += 1
        kind = _note(label, kind, survey, number)
    survey.attribute = attribute or find_attribute([list(seen)])
    survey.kind = kind or "boxes"
    survey.prefix = prefix or ""
    survey.features |= {survey.kind, "image uri"}
    if names is not None:
        highest = max(survey.names, default=-1)
        if highest >= len(names):
            raise InvalidRequest(
                f"The manifest has the class {highest}; the labels given are {len(names)}, so the last "
                "class is "
                f"{len(names) - 1}. Give all labels in the order of the job's label category file.",
                field="labels",
                value=highest,
            )
        survey.names = dict(enumerate(names))
        survey.features |= {"class names"}
    return survey


def _note(label: Label, kind: Kind | None, survey: Survey, line_number: int) -> Kind:
    features = survey.features
    match label.value:
        case BoxesLabel(boxes=boxes):
            own: Kind = "boxes"
            classes = [(box.class_id, box.name) for box in boxes]
            features.add("image size")
            if any(v != int(v) for box in boxes for v in (box.left, box.top, box.width, box.height)):
                features.add("fractions")
        case ClassLabel() as item:
            own, classes = "class", [(item.class_index, item.name)]
        case MultiLabel(items):
            own, classes = "classes", [(item.class_index, item.name) for item in items]
        case SegmentationLabel(classes=entries):
            own, classes = "masks", [(entry.class_index, entry.name) for entry in entries]
            for entry in entries:
                if entry.hex_color:
                    survey.colors.setdefault(entry.class_index, entry.hex_color)
                    features.add("colors")
        case value:
            raise ManifestError(
                f"the label {label.attribute!r} is {type(value).__name__}; boxes, classes and masks of "
                "pictures can be converted.",
                line_number=line_number,
            )
    if kind is not None and own != kind:
        raise ManifestError(
            f"the label {label.attribute!r} is of the kind {own!r} here and {kind!r} in earlier lines. Split "
            "the manifest first.",
            line_number=line_number,
        )
    for index, name in classes:
        if index < 0 or (own == "masks" and index > 255) or index > 1_000_000:
            raise ManifestError(f"the class index {index} cannot be.", line_number=line_number)
        if name is None:
            continue
        features.add("class names")
        known = survey.names.setdefault(index, name)
        if known != name:
            raise ManifestError(
                f"class {index} of {label.attribute!r} is {name!r} here and {known!r} in earlier lines. Put "
                "the classes in order with `labelwright manifest join --renumber-classes`.",
                line_number=line_number,
            )
    for index, _ in classes:
        survey.names.setdefault(index, f"#{index}")
    features.add("class indices")
    if any(annotation_confidences(label)):
        features.add("mask confidence" if own == "masks" else "confidence")
    if label.metadata is not None:
        features.add("metadata")
    return own


def items_of_manifest(
    source: Source, survey: Survey, files: Files, *, prefix: str | None = None, reads_masks: bool = True
) -> Iterator[Item]:
    """The pictures of a manifest in its order.

    Parameters
    ----------
    source : path, open binary file, or iterable of bytes
    survey : Survey
        Of the same manifest.
    files : Files
        Where masks are read from.
    prefix : str, optional
        What is taken off the pictures' URIs to make their names; the folder they share without it.
    """
    prefix = (survey.prefix if prefix is None else prefix).rstrip("/")
    attribute = survey.attribute
    own = (SOURCE_REF_KEY, attribute, attribute + METADATA_SUFFIX)
    for span in index_lines(chunks_of(source)):
        number = span.number + 1
        data = parse_object(span.raw, number)
        uri = _reference(data, number)
        if prefix and not uri.startswith(prefix + "/"):
            raise ManifestError(
                f"'source-ref' is {uri[:200]!r}, which does not begin with {prefix}/.", line_number=number
            )
        label = label_from(data, attribute, line_number=number)
        metadata: Mapping[str, Any] = {}
        value: BoxesLabel | ClassLabel | MultiLabel | MaskLabel | None = None
        size = None
        if label is not None and not isinstance(label.value, FailedLabel):
            raw = label.metadata.raw if label.metadata is not None else {}
            metadata = {key: raw[key] for key in _SHARED if key in raw}
            if isinstance(label.value, SegmentationLabel):
                if reads_masks:
                    indices = read_indices(files.read(label.value.uri), label.value.uri)
                    value = MaskLabel(indices, label.value.classes)
                    size = (indices.shape[1], indices.shape[0], 3)
            elif isinstance(label.value, BoxesLabel | ClassLabel | MultiLabel):
                value = label.value
                if isinstance(value, BoxesLabel):
                    size = (value.image_width, value.image_height, value.image_depth)
        yield Item(
            name=safe_name(uri[len(prefix) + 1 :] if prefix else uri.removeprefix("s3://").lstrip("/")),
            uri=uri,
            size=size,
            label=value,
            attributes={key: other for key, other in data.items() if key not in own},
            metadata=metadata,
        )


def _reference(data: Mapping[str, object], line_number: int) -> str:
    uri = data.get(SOURCE_REF_KEY)
    if not isinstance(uri, str):
        raise ManifestError(
            "the object is a text ('source'); only pictures ('source-ref') can be converted.",
            line_number=line_number,
        )
    return uri


def _common(a: str, b: str) -> str:
    """The folder that two folders share."""
    if a == b:
        return a
    shared = []
    for one, two in zip(a.split("/"), b.split("/"), strict=False):
        if one != two:
            break
        shared.append(one)
    # Not less than the bucket: "s3:" and the empty part are no folder.
    return "/".join(shared) if len(shared) > 2 or not a.startswith("s3://") else ""
