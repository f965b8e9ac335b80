"""CVAT for images 1.1: one XML file with a list of labels and an element per picture.

Boxes are ``xtl ytl xbr ybr`` in pixels, classes of pictures are tags, regions are masks (run lengths along
the rows of their own box) or polygons.

References
----------
docs.cvat.ai, "CVAT for images".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from labelwright.core.limits import IMAGE_PIXELS_READ_MAX
from labelwright.dataprep.files import safe_name
from labelwright.dataprep.formats.plan import Format, Reading, Writing
from labelwright.dataprep.items import FEATURES, Item, MaskLabel, color_of, is_background
from labelwright.dataprep.polygons import fill_polygons, trace_polygons
from labelwright.dataprep.rle import from_runs, to_runs
from labelwright.dataprep.safe_xml import children_of_root
from labelwright.errors import InvalidRequest
from labelwright.manifests import (
    BoxesLabel,
    ClassLabel,
    LabeledBox,
    MultiLabel,
    SegmentationClass,
    chunks_of,
    number,
)

__all__ = ["CVAT"]

_DIGITS = 9


def write(items: Iterator[Item], writing: Writing) -> None:
    """Write the file as a stream."""
    survey = writing.survey
    names = survey.name_list
    with writing.target.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n')
        file.write(f"  <meta><task><name>{escape(survey.attribute)}</name><labels>\n")
        for i, name in enumerate(names):
            color = color_of(i, survey.colors.get(i))
            file.write(f"    <label><name>{escape(name)}</name><color>{color}</color>")
            file.write("<attributes><attribute><name>confidence</name><mutable>False</mutable>")
            file.write("<input_type>text</input_type></attribute></attributes></label>\n")
        file.write("  </labels></task></meta>\n")
        for i, item in enumerate(items):
            size = f' width="{item.size[0]}" height="{item.size[1]}"' if item.size is not None else ""
            file.write(f'  <image id="{i}" name={quoteattr(item.name)}{size}>\n')
            for line in _shapes(item, names, writing.polygons):
                file.write(f"    {line}\n")
            file.write("  </image>\n")
        file.write("</annotations>\n")


def _shapes(item: Item, names: list[str], as_polygons: bool) -> Iterator[str]:
    common = 'source="manual" occluded="0" z_order="0"'
    match item.label:
        case BoxesLabel(boxes=boxes):
            for box in boxes:
                edges = (box.left, box.top, box.left + box.width, box.top + box.height)
                xtl, ytl, xbr, ybr = (number(round(edge, _DIGITS)) for edge in edges)
                label = quoteattr(names[box.class_id])
                corners = f'xtl="{xtl}" ytl="{ytl}" xbr="{xbr}" ybr="{ybr}"'
                yield f"<box label={label} {common} {corners}>{_confidence(box.confidence)}</box>"
        case MaskLabel(indices=indices):
            for index in np.unique(indices).tolist():
                if index >= len(names) or is_background(index, names[index]):
                    continue
                label = quoteattr(names[index])
                region = indices == index
                if as_polygons:
                    for ring in trace_polygons(region):
                        points = ";".join(f"{number(x)},{number(y)}" for x, y in ring.tolist())
                        yield f'<polygon label={label} {common} points="{points}"/>'
                    continue
                ys, xs = np.nonzero(region)
                left, top, right, bottom = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
                runs = ", ".join(map(str, to_runs(region[top:bottom, left:right].ravel())))
                place = f'left="{left}" top="{top}" width="{right - left}" height="{bottom - top}"'
                yield f'<mask label={label} {common} rle="{runs}" {place}/>'
        case ClassLabel() as entry:
            label = quoteattr(names[entry.class_index])
            yield f'<tag label={label} source="manual">{_confidence(entry.confidence)}</tag>'
        case MultiLabel(classes):
            for entry in classes:
                label = quoteattr(names[entry.class_index])
                yield f'<tag label={label} source="manual">{_confidence(entry.confidence)}</tag>'
        case None:
            return


def _confidence(value: float | None) -> str:
    return "" if value is None else f'<attribute name="confidence">{value!r}</attribute>'


def read(reading: Reading) -> Iterator[Item]:
    """Read the pictures as a stream, after a first look at which kinds of shapes there are."""
    place = str(reading.source)
    names, colors, kinds, several = list[str](), list[str](), set[str](), False
    for child in _children(reading):
        if child.tag == "meta":
            for label in child.iter("label"):
                names.append((label.findtext("name") or "").strip())
                colors.append((label.findtext("color") or "").strip())
        elif child.tag == "image":
            kinds |= {shape.tag for shape in child}
            several = several or sum(shape.tag == "tag" for shape in child) > 1
    known = reading.names or names
    wants_masks = reading.wants_masks
    if wants_masks is None:
        wants_masks = "box" not in kinds and bool(kinds & {"mask", "polygon"})
    for child in _children(reading):
        if child.tag != "image":
            continue
        where = f"{place}: image {child.get('id')}"
        try:
            size = (
                (int(child.attrib["width"]), int(child.attrib["height"]), 3)
                if "width" in child.attrib
                else None
            )
            name = safe_name(child.attrib["name"])
            if size is not None and not (min(size) > 0 and size[0] * size[1] <= IMAGE_PIXELS_READ_MAX):
                raise ValueError(f"{size[0]}x{size[1]} pixels cannot be")
            value = _label(child, known, colors, kinds, several, wants_masks, size, reading)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidRequest(f"{where} is not of CVAT's form: {error!r}.", field="image") from error
        yield Item(name, size=size, label=value)


def _children(reading: Reading) -> Iterator[Element]:
    return children_of_root(chunks_of(reading.source), root="annotations", place=str(reading.source))


def _label(
    image: Element,
    names: list[str],
    colors: list[str],
    kinds: set[str],
    several: bool,
    wants_masks: bool,
    size: tuple[int, int, int] | None,
    reading: Reading,
) -> BoxesLabel | MaskLabel | ClassLabel | MultiLabel | None:
    tags = [shape for shape in image if shape.tag == "tag"]
    if kinds <= {"tag"}:
        entries = tuple(
            ClassLabel(names.index(tag.attrib["label"]), tag.attrib["label"], _score(tag)) for tag in tags
        )
        if several and entries:
            return MultiLabel(entries)
        return entries[0] if entries else None
    n_known = sum(shape.tag in ("box", "polygon", "mask") for shape in image)
    if n_known < len(image):
        reading.skip("shapes other than boxes, polygons and masks", len(image) - n_known)
    if size is None:
        return None
    if wants_masks:
        return _mask(image, names, colors, size)
    boxes = []
    for shape in image:
        corners = _bounds(shape)
        if corners is None:
            continue
        left, top, right, bottom = corners
        name = shape.attrib["label"]
        width, height = round(right - left, _DIGITS), round(bottom - top, _DIGITS)
        boxes.append(LabeledBox(names.index(name), left, top, width, height, _score(shape), name))
    return BoxesLabel(*size, tuple(boxes))


def _bounds(shape: Element) -> tuple[float, float, float, float] | None:
    known = shape.attrib
    if shape.tag == "box":
        if float(known.get("rotation", "0")):
            raise ValueError("a rotated box, which a manifest cannot hold")
        left, top, right, bottom = (float(known[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
    elif shape.tag == "polygon":
        points = _points(shape)
        (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    elif shape.tag == "mask":
        left, top = float(known["left"]), float(known["top"])
        right, bottom = left + float(known["width"]), top + float(known["height"])
    else:
        return None
    if not all(abs(v) < 1e9 for v in (left, top, right, bottom)):
        raise ValueError("a shape is not finite")
    return left, top, right, bottom


def _points(shape: Element) -> Any:
    points = np.array([point.split(",") for point in shape.attrib["points"].split(";")], dtype=np.float64)
    if not np.isfinite(points).all():
        raise ValueError("a polygon is not finite")
    return points


def _score(shape: Element) -> float | None:
    for child in shape:
        if child.get("name") == "confidence" and child.text:
            return float(child.text)
    return None


def _mask(image: Element, names: list[str], colors: list[str], size: tuple[int, int, int]) -> MaskLabel:
    has_background = bool(names) and is_background(0, names[0])
    known = names if has_background else ["BACKGROUND", *names]
    shift = 0 if has_background else 1
    if len(known) > 255:
        raise ValueError("more than 254 classes")
    width, height, _ = size
    indices = np.zeros((height, width), dtype=np.uint8)
    for shape in sorted(image, key=lambda shape: int(shape.get("z_order", "0"))):
        if shape.tag == "polygon":
            region = fill_polygons([_points(shape)], height, width)
        elif shape.tag == "mask":
            left, top, w, h = (int(float(shape.attrib[key])) for key in ("left", "top", "width", "height"))
            if not (left >= 0 and top >= 0 and w > 0 and h > 0 and left + w <= width and top + h <= height):
                raise ValueError("a mask reaches beyond the picture")
            runs = [int(run) for run in shape.attrib["rle"].split(",")]
            region = np.zeros((height, width), dtype=bool)
            region[top : top + h, left : left + w] = from_runs(runs, w * h).reshape(h, w)
        else:
            continue
        indices[region] = known.index(shape.attrib["label"])
    given = [
        color_of(i, colors[i - shift] if 0 <= i - shift < len(colors) else None) for i in range(len(known))
    ]
    classes = tuple(
        SegmentationClass(i, name, color, None)
        for i, (name, color) in enumerate(zip(known, given, strict=True))
    )
    return MaskLabel(indices, classes)


CVAT = Format(
    "cvat",
    "CVAT for images 1.1",
    False,
    frozenset(FEATURES) - {"image uri", "attributes", "metadata", "unlabeled", "mask confidence"},
    "Masks as CVAT's masks, with `--polygons` as polygons along pixel edges; both are exact. Rotated "
    "boxes, lines and "
    "points are not read. The confidence is an attribute of each shape. A picture without shapes is one "
    "without "
    "objects.",
    read,
    write,
)
