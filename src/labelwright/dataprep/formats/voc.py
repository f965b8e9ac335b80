"""Pascal VOC: a folder with one XML file per picture, lists of names, and indexed PNG masks.

``Annotations/NAME.xml``, ``JPEGImages/``, ``ImageSets/Main/PART.txt`` (boxes) or ``ImageSets/Segmentation/
PART.txt`` with ``SegmentationClass/NAME.png``, and ``labelmap.txt`` as CVAT has it: names and colours in the
order of the class indices. Boxes are ``xmin ymin xmax ymax``, counted from 1, both ends inside.

References
----------
M. Everingham and J. Winn, "The PASCAL Visual Object Classes Challenge 2012 Development Kit", 2012.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from labelwright.dataprep.files import read_indices, safe_name
from labelwright.dataprep.formats.plan import Format, Reading, Writing
from labelwright.dataprep.items import FEATURES, Item, MaskLabel, color_of
from labelwright.dataprep.safe_xml import child_number, child_text, children_of_root
from labelwright.dataprep.to_manifest import encode_mask
from labelwright.errors import InvalidRequest
from labelwright.manifests import BoxesLabel, LabeledBox, SegmentationClass, number

__all__ = ["VOC"]

_XML_BYTES_MAX = 16 << 20


def write(items: Iterator[Item], writing: Writing) -> None:
    """Write the folder; file names are those of the pictures with ``__`` for ``/``."""
    survey = writing.survey
    has_masks = survey.kind == "masks"
    names = survey.name_list
    lines = ["# label:color_rgb:parts:actions"]
    for i, name in enumerate(names):
        red, green, blue = bytes.fromhex(color_of(i, survey.colors.get(i))[1:7])
        lines.append(f"{_one_line(name).replace(':', ' ')}:{red},{green},{blue}::")
    writing.create("labelmap.txt", "\n".join(lines) + "\n")
    listing = writing.target / "ImageSets" / ("Segmentation" if has_masks else "Main") / f"{writing.part}.txt"
    listing.parent.mkdir(parents=True)
    colors = {i: color_of(i, survey.colors.get(i)) for i in range(len(names))}
    with listing.open("w", encoding="utf-8") as file:
        for item in items:
            flat = item.name.replace("/", "__")
            stem = flat.rpartition(".")[0] or flat
            if isinstance(item.label, BoxesLabel):
                writing.create(f"Annotations/{stem}.xml", _document(item, item.label, flat))
            elif isinstance(item.label, MaskLabel):
                writing.create(f"SegmentationClass/{stem}.png", encode_mask(item.label.indices, colors))
            writing.copy_image(item, f"JPEGImages/{flat}")
            if item.label is not None:
                file.write(stem + "\n")


def _document(item: Item, label: BoxesLabel, flat: str) -> str:
    lines = [
        "<annotation>",
        "  <folder>JPEGImages</folder>",
        f"  <filename>{escape(flat)}</filename>",
    ]
    if item.uri is not None:
        lines.append(f"  <path>{escape(item.uri)}</path>")
    lines += [
        "  <source><database>Labelwright</database></source>",
        f"  <size><width>{label.image_width}</width><height>{label.image_height}</height>"
        f"<depth>{label.image_depth}</depth></size>",
        "  <segmented>0</segmented>",
    ]
    for box in label.boxes:
        edges = (box.left + 1, box.top + 1, box.left + box.width, box.top + box.height)
        xmin, ymin, xmax, ymax = (number(round(edge, 9)) for edge in edges)
        lines += [
            "  <object>",
            f"    <name>{escape(_one_line(box.name or f'#{box.class_id}'))}</name>",
            "    <pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>",
            "    "
            f"<bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>",
            "  </object>",
        ]
    return "\n".join([*lines, "</annotation>", ""])


def _one_line(name: str) -> str:
    return " ".join(name.split())


def read(reading: Reading) -> Iterator[Item]:
    """Read the pictures of one part, or all annotations in the order of their names."""
    root = reading.source
    wants_masks = reading.wants_masks
    if wants_masks is None:
        wants_masks = not (root / "Annotations").is_dir() and (root / "SegmentationClass").is_dir()
    folder, suffix = ("SegmentationClass", ".png") if wants_masks else ("Annotations", ".xml")
    if not (root / folder).is_dir():
        raise InvalidRequest(
            f"{root} has no folder {folder}, so it is no Pascal VOC data set.", field="source"
        )
    names, colors = _label_map(root / "labelmap.txt")
    names = names if reading.names is None else reading.names
    if names is None:
        if wants_masks:
            raise InvalidRequest(
                "The names of the mask's classes are not known: there is no labelmap.txt. Give --labels.",
                field="labels",
            )
        names = sorted(
            {
                child_text(child, "name")
                for stem in _stems(reading, folder, suffix)
                for child in _objects(root, stem)
            }
        )
    for stem in _stems(reading, folder, suffix):
        if wants_masks:
            yield _masked(reading, stem, names, colors)
        else:
            yield _boxed(root, stem, names)


def _stems(reading: Reading, folder: str, suffix: str) -> Iterator[str]:
    root = reading.source
    if reading.part is None:
        yield from sorted(path.stem for path in (root / folder).glob(f"*{suffix}"))
        return
    sets = "Segmentation" if suffix == ".png" else "Main"
    listing = root / "ImageSets" / sets / (safe_name(reading.part) + ".txt")
    if not listing.is_file():
        raise InvalidRequest(f"There is no {listing}, so no part {reading.part!r}.", field="part")
    with listing.open(encoding="utf-8-sig") as file:
        for line in file:
            if line.strip():
                yield safe_name(line.split()[0])


def _children(root: Path, stem: str) -> list[Element]:
    path = root / "Annotations" / f"{stem}.xml"
    try:
        data = path.read_bytes() if path.stat().st_size <= _XML_BYTES_MAX else None
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.", field="source") from error
    if data is None:
        raise InvalidRequest(f"{path} is larger than {_XML_BYTES_MAX} bytes.", field="source")
    return list(children_of_root([data], root="annotation", place=str(path)))


def _objects(root: Path, stem: str) -> list[Element]:
    return [child for child in _children(root, stem) if child.tag == "object"]


def _boxed(root: Path, stem: str, names: list[str]) -> Item:
    place = f"Annotations/{stem}.xml"
    name, uri, size = f"{stem}.jpg", None, None
    boxes = []
    for child in _children(root, stem):
        text = (child.text or "").strip()
        if child.tag == "filename" and text:
            name = safe_name(text)
        elif child.tag == "path" and text.startswith("s3://"):
            uri = text
        elif child.tag == "size":
            width, height = (child_number(child, key, place=place) for key in ("width", "height"))
            depth = child_number(child, "depth", place=place) if child_text(child, "depth") else 3
            size = (int(width), int(height), int(depth))
        elif child.tag == "object":
            boxes.append(_box(child, names, place))
    if size is None:
        raise InvalidRequest(f"{place} has no <size>. Add the width and height of the picture.", field="size")
    return Item(name=name, uri=uri, size=size, label=BoxesLabel(*size, tuple(boxes)))


def _box(child: Element, names: list[str], place: str) -> LabeledBox:
    name = child_text(child, "name")
    if name not in names:
        raise InvalidRequest(
            f"{place} has an object {name!r}, which is not among the classes {', '.join(names)[:300]}.",
            field="name",
            value=name,
        )
    bounds = child.find("bndbox")
    if bounds is None:
        raise InvalidRequest(f"{place} has an object without <bndbox>.", field="bndbox")
    xmin, ymin, xmax, ymax = (
        child_number(bounds, key, place=place) for key in ("xmin", "ymin", "xmax", "ymax")
    )
    left, top = round(xmin - 1, 9), round(ymin - 1, 9)
    return LabeledBox(names.index(name), left, top, round(xmax - left, 9), round(ymax - top, 9), None, name)


def _masked(reading: Reading, stem: str, names: list[str], colors: list[str] | None) -> Item:
    place = str(reading.source / "SegmentationClass" / f"{stem}.png")
    indices = read_indices(reading.files.read(place), place)
    given = colors or []
    classes = tuple(
        SegmentationClass(i, name, color_of(i, given[i] if i < len(given) else None), None)
        for i, name in enumerate(names)
    )
    found = [p.name for p in (reading.source / "JPEGImages").glob(f"{_literal(stem)}.*")]
    name = found[0] if found else f"{stem}.jpg"
    return Item(name=name, size=(indices.shape[1], indices.shape[0], 3), label=MaskLabel(indices, classes))


def _literal(name: str) -> str:
    """A name for a glob, its special characters taken as they are."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _label_map(path: Path) -> tuple[list[str] | None, list[str] | None]:
    if not path.is_file():
        return None, None
    names, colors = [], []
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, color, *_ = [*line.split(":"), ""]
        try:
            red, green, blue = (int(v) & 255 for v in color.split(","))
        except ValueError as error:
            raise InvalidRequest(
                f"{path}: {line[:80]!r} is not name:red,green,blue.", field="labelmap"
            ) from error
        names.append(name)
        colors.append(f"#{red:02x}{green:02x}{blue:02x}")
    return names, colors


VOC = Format(
    "voc",
    "Pascal VOC",
    True,
    frozenset(FEATURES)
    - {"class", "classes", "confidence", "mask confidence", "attributes", "metadata", "unlabeled"},
    "Boxes count pixels from 1 with both ends inside; fractions of pixels are kept, which some tools do "
    "not read. "
    "Without `labelmap.txt` class indices follow the alphabet. `path` holds where the picture is (boxes "
    "only).",
    read,
    write,
)
