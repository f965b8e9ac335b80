"""YOLO: a folder with a text file per picture; all numbers are shares of the picture's width and height.

``data.yaml`` names the classes; ``images/PART/`` holds the pictures and ``labels/PART/NAME.txt`` one line per
object: ``class x_center y_center width height``, or ``class x1 y1 x2 y2 ...`` for a region.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from labelwright.dataprep.files import IMAGE_SUFFIXES, safe_name
from labelwright.dataprep.formats.plan import Format, Reading, Writing
from labelwright.dataprep.items import Item, MaskLabel, color_of, is_background
from labelwright.dataprep.polygons import fill_polygons, trace_polygons
from labelwright.errors import InvalidRequest
from labelwright.manifests import BoxesLabel, LabeledBox, SegmentationClass

__all__ = ["YOLO"]

_TEXT_BYTES_MAX = 64 << 20
_DIGITS = 6  # of pixels; shares are written with all of theirs


def write(items: Iterator[Item], writing: Writing) -> None:
    """Write the folder. A picture without a label gets no file, one without objects an empty one."""
    survey, part = writing.survey, safe_name(writing.part)
    shift = _background_shift(survey.names) if survey.kind == "masks" else 0
    names = {i - shift: name for i, name in sorted(survey.names.items()) if i >= shift}
    listing = "".join(f"  {i}: {json.dumps(name, ensure_ascii=False)}\n" for i, name in names.items())
    writing.create("data.yaml", f"path: .\n{part}: images/{part}\nnames:\n{listing}")
    for item in items:
        stem = item.name.rpartition(".")[0] or item.name
        lines: list[str] | None = None
        if isinstance(item.label, BoxesLabel):
            width, height = item.label.image_width, item.label.image_height
            lines = [
                f"{box.class_id} {(box.left + box.width / 2) / width!r} "
                f"{(box.top + box.height / 2) / height!r} "
                f"{box.width / width!r} {box.height / height!r}"
                for box in item.label.boxes
            ]
        elif isinstance(item.label, MaskLabel):
            lines = list(_polygons(item.label, survey.names, shift))
        if lines is not None:
            writing.create(f"labels/{part}/{stem}.txt", "".join(line + "\n" for line in lines))
        writing.copy_image(item, f"images/{part}/{item.name}")


def _background_shift(names: dict[int, str]) -> int:
    return 1 if is_background(0, names.get(0, "BACKGROUND")) else 0


def _polygons(label: MaskLabel, names: dict[int, str], shift: int) -> Iterator[str]:
    height, width = label.indices.shape
    for index in np.unique(label.indices).tolist():
        if index < shift or index not in names:
            continue
        for ring in trace_polygons(label.indices == index):
            numbers = (ring / (width, height)).ravel().tolist()
            yield f"{index - shift} " + " ".join(repr(value) for value in numbers)


def read(reading: Reading) -> Iterator[Item]:
    """Read the pictures of one part; pictures without a label file come without a label."""
    root = reading.source
    names = reading.names or _names(root)
    part = reading.part or _only_part(root)
    pictures, labels = root / "images" / safe_name(part), root / "labels" / safe_name(part)
    if not labels.is_dir():
        raise InvalidRequest(f"There is no folder {labels}. Name the part with --part.", field="part")
    for name, file in _pictures(pictures, labels, reading):
        size = reading.image_size(name, str(pictures))
        rows = None if file is None else _rows(file, names)
        label: BoxesLabel | MaskLabel | None = None
        if rows is not None:
            wants_masks = reading.wants_masks
            if wants_masks is None:
                wants_masks = bool(rows) and all(len(values) > 4 for _, values in rows)
            label = _mask(rows, names, size) if wants_masks else _boxes(rows, names, size)
        yield Item(name=name, size=size, label=label)


def _only_part(root: Path) -> str:
    parts = sorted(path.name for path in (root / "labels").glob("*") if path.is_dir())
    if len(parts) != 1:
        found = f"the parts {', '.join(parts)}" if parts else "no part"
        raise InvalidRequest(f"{root / 'labels'} has {found}. Name one with --part.", field="part")
    return parts[0]


def _pictures(pictures: Path, labels: Path, reading: Reading) -> Iterator[tuple[str, Path | None]]:
    """Names of pictures, each with its label file."""
    if pictures.is_dir():
        for path in sorted(pictures.rglob("*")):
            if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
                relative = path.relative_to(pictures)
                file = labels / relative.with_suffix(".txt")
                yield relative.as_posix(), file if file.is_file() else None
        return
    if not reading.images:
        raise InvalidRequest(
            f"There is no folder {pictures}, and pixels cannot be told from shares without the pictures. Say "
            "where they are with --images.",
            field="images",
        )
    for file in sorted(labels.rglob("*.txt")):
        yield file.relative_to(labels).with_suffix(".jpg").as_posix(), file


def _rows(file: Path, names: list[str]) -> list[tuple[int, list[float]]]:
    if file.stat().st_size > _TEXT_BYTES_MAX:
        raise InvalidRequest(f"{file} is larger than {_TEXT_BYTES_MAX} bytes.", field="source")
    rows = []
    for i, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines()):
        words = line.split()
        if not words:
            continue
        try:
            index, values = int(words[0]), [float(word) for word in words[1:]]
        except ValueError:
            index, values = -1, []
        is_known = 0 <= index < len(names) and all(abs(value) < 1e6 for value in values)
        if not is_known or not (len(values) == 4 or (len(values) >= 6 and len(values) % 2 == 0)):
            raise InvalidRequest(
                f"{file} line {i + 1} is {line[:80]!r}. It must be a class from 0 to {len(names) - 1} and "
                "four "
                "numbers, or at least three points.",
                field="source",
                value=line[:200],
            )
        rows.append((index, values))
    return rows


def _boxes(rows: list[tuple[int, list[float]]], names: list[str], size: tuple[int, int, int]) -> BoxesLabel:
    boxes = []
    for index, values in rows:
        if len(values) == 4:
            x, y, width, height = values
        else:
            xs, ys = values[::2], values[1::2]
            width, height = max(xs) - min(xs), max(ys) - min(ys)
            x, y = min(xs) + width / 2, min(ys) + height / 2
        left, top = round((x - width / 2) * size[0], _DIGITS), round((y - height / 2) * size[1], _DIGITS)
        width, height = round(width * size[0], _DIGITS), round(height * size[1], _DIGITS)
        boxes.append(LabeledBox(index, left, top, width, height, None, names[index]))
    return BoxesLabel(*size, tuple(boxes))


def _mask(rows: list[tuple[int, list[float]]], names: list[str], size: tuple[int, int, int]) -> MaskLabel:
    if len(names) > 254:
        raise InvalidRequest(f"A mask has at most 254 classes; data.yaml has {len(names)}.", field="names")
    width, height, _ = size
    indices = np.zeros((height, width), dtype=np.uint8)
    for index, values in rows:
        if len(values) == 4:  # a box: its four corners
            x, y, w, h = values
            left, top, right, bottom = x - w / 2, y - h / 2, x + w / 2, y + h / 2
            values = [left, top, right, top, right, bottom, left, bottom]
        ring = np.array(values).reshape(-1, 2) * (width, height)
        # Shares of whole pixels come back a hair off; put them on the pixel edge again.
        indices[fill_polygons([np.round(ring, _DIGITS)], height, width)] = index + 1
    known = [(0, "BACKGROUND"), *((i + 1, name) for i, name in enumerate(names))]
    return MaskLabel(indices, tuple(SegmentationClass(i, name, color_of(i), None) for i, name in known))


_INLINE = re.compile(r"^names:\s*(\[.*\]|\{.*\})\s*(#.*)?$", re.DOTALL)


def _names(root: Path) -> list[str]:
    """Class names of ``data.yaml`` (or ``classes.txt``): lists and mappings, as YOLO tools write them."""
    path = next((root / name for name in ("data.yaml", "dataset.yaml") if (root / name).is_file()), None)
    if path is None:
        if (root / "classes.txt").is_file():
            return (root / "classes.txt").read_text(encoding="utf-8-sig").split("\n")[:-1]
        raise InvalidRequest(f"{root} has no data.yaml. Give the class names with --labels.", field="labels")
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("names:")), None)
    found: dict[int, str] = {}
    if start is not None:
        block = [lines[start]]
        for line in lines[start + 1 :]:
            if line.strip() and not line.startswith((" ", "\t", "-", "]", "}")):
                break
            block.append(line)
        inline = _INLINE.match(" ".join(line.strip() for line in block))
        if inline:
            inner = inline[1][1:-1]
            words = [word.strip() for word in re.findall(r"(?:'[^']*'|\"(?:[^\"\\]|\\.)*\"|[^,])+", inner)]
            entries = [word for word in words if word]
            is_mapping = inline[1].startswith("{")
        else:
            entries = [
                line.strip() for line in block[1:] if line.strip() and not line.strip().startswith("#")
            ]
            is_mapping = bool(entries) and not entries[0].startswith("-")
            entries = [entry.removeprefix("-").strip() for entry in entries]
        for i, entry in enumerate(entries):
            key, _, value = entry.partition(":") if is_mapping else (str(i), "", entry)
            if key.strip().isdigit() and int(key) < 1_000_000:
                found[int(key)] = _scalar(value.strip())
    if not found:
        raise InvalidRequest(f"{path} has no names of classes. Give them with --labels.", field="labels")
    return [found.get(i, f"#{i}") for i in range(max(found) + 1)]


def _scalar(text: str) -> str:
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text.strip('"')
    if text.startswith("'"):
        return text.strip("'").replace("''", "'")
    return text.partition(" #")[0].strip()


YOLO = Format(
    "yolo",
    "YOLO",
    True,
    frozenset({"boxes", "masks", "fractions", "class indices", "class names", "image size", "unlabeled"}),
    "Boxes and, for masks, polygons along pixel edges. Sizes are read from the pictures, so they must be "
    "there "
    "(`--copy-images` writes them). Classes of masks count from 0 without the background.",
    read,
    write,
)
