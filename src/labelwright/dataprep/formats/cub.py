"""CUB-200: text tables with a picture per line, one box and one of 200 species each.

``images.txt`` (id, path), ``classes.txt`` (id, name), ``image_class_labels.txt``, ``bounding_boxes.txt``
(x, y, width, height in pixels) and ``train_test_split.txt``; ids count from 1, pictures are below
``images/``.

References
----------
C. Wah et al., "The Caltech-UCSD Birds-200-2011 Dataset", 2011.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from labelwright.dataprep.files import safe_name
from labelwright.dataprep.formats.plan import Format, Reading, Writing
from labelwright.dataprep.items import Item
from labelwright.errors import InvalidRequest
from labelwright.manifests import BoxesLabel, ClassLabel, LabeledBox, number

__all__ = ["CUB"]


def write(items: Iterator[Item], writing: Writing) -> None:
    """Write the tables; every labeled picture needs exactly one box, or one class."""
    has_boxes = writing.survey.kind == "boxes"
    for i, name in enumerate(writing.survey.name_list):
        if "\n" in name:
            raise InvalidRequest(f"The class name {name!r} has a line break.", field="class")
        _append(writing.target / "classes.txt", f"{i + 1} {name}\n")
    with contextlib.ExitStack() as stack:
        tables = {
            name: stack.enter_context((writing.target / f"{name}.txt").open("w", encoding="utf-8"))
            for name in ("images", "image_class_labels", "train_test_split")
        }
        if has_boxes:
            boxes = (writing.target / "bounding_boxes.txt").open("w", encoding="utf-8")
            tables["bounding_boxes"] = stack.enter_context(boxes)
        i = 0
        for item in items:
            match item.label:
                case BoxesLabel(boxes=(box,)):
                    index = box.class_id
                case BoxesLabel(boxes=found):
                    raise InvalidRequest(
                        f"{item.name} has {len(found)} boxes; CUB-200 holds exactly one per picture. "
                        "Leave the "
                        "others out with `labelwright manifest filter`.",
                        field="boxes",
                    )
                case ClassLabel() as entry:
                    index = entry.class_index
                case _:
                    continue
            i += 1
            if isinstance(item.label, BoxesLabel):
                (box,) = item.label.boxes
                sides = " ".join(f"{float(v)!r}" for v in (box.left, box.top, box.width, box.height))
                tables["bounding_boxes"].write(f"{i} {sides}\n")
            tables["images"].write(f"{i} {item.name}\n")
            tables["image_class_labels"].write(f"{i} {index + 1}\n")
            is_training = item.attributes.get("split", writing.part) != "test"
            tables["train_test_split"].write(f"{i} {int(is_training)}\n")
            writing.copy_image(item, f"images/{item.name}")


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def read(reading: Reading) -> Iterator[Item]:
    """Read the tables side by side."""
    root = reading.source
    names = reading.names or [name for _, name in _table(root / "classes.txt")]
    has_boxes = (root / "bounding_boxes.txt").is_file()
    paths = _table(root / "images.txt")
    labels = _table(root / "image_class_labels.txt")
    boxes = _table(root / "bounding_boxes.txt") if has_boxes else None
    splits = _table(root / "train_test_split.txt") if (root / "train_test_split.txt").is_file() else None
    for identity, path in paths:
        index = _whole(_matching(labels, identity, "image_class_labels.txt"), root) - 1
        if not 0 <= index < len(names):
            raise InvalidRequest(f"{root}: image {identity} has the class {index + 1}.", field="class")
        name = safe_name(path)
        attributes: dict[str, object] = {}
        if splits is not None:
            is_training = _matching(splits, identity, "train_test_split.txt") == "1"
            attributes["split"] = "train" if is_training else "test"
        if boxes is None:
            label: BoxesLabel | ClassLabel = ClassLabel(index, names[index], None)
            size = None
        else:
            sides = _matching(boxes, identity, "bounding_boxes.txt").split()
            try:
                left, top, width, height = (float(number(float(side))) for side in sides)
            except ValueError as error:
                raise InvalidRequest(
                    f"{root / 'bounding_boxes.txt'}: image {identity} needs four numbers.", field="boxes"
                ) from error
            size = reading.image_size(name, str(root / "images"))
            label = BoxesLabel(*size, (LabeledBox(index, left, top, width, height, None, names[index]),))
        if reading.part is None or attributes.get("split") == reading.part:
            yield Item(name, size=size, label=label, attributes=attributes)


def _table(path: Path) -> Iterator[tuple[str, str]]:
    if not path.is_file():
        raise InvalidRequest(f"There is no {path}, so this is no CUB-200 data set.", field="source")
    with path.open(encoding="utf-8-sig") as file:
        for i, line in enumerate(file):
            identity, _, rest = line.strip().partition(" ")
            if not identity:
                continue
            if not rest:
                raise InvalidRequest(f"{path} line {i + 1} has no value behind the id.", field="source")
            yield identity, rest


def _matching(table: Iterator[tuple[str, str]], identity: str, name: str) -> str:
    found, value = next(table, ("nothing", ""))
    if found != identity:
        raise InvalidRequest(
            f"{name} has {found} where images.txt has {identity}. The tables must list the pictures in "
            "one order.",
            field="source",
        )
    return value


def _whole(text: str, root: Path) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidRequest(f"{root}: the class id {text[:40]!r} is no whole number.", field="class")
    return int(text)


CUB = Format(
    "cub",
    "CUB-200",
    True,
    frozenset({"boxes", "class", "fractions", "class indices", "class names"}),
    "Exactly one box per picture. Sizes are read from the pictures. The training flag is the attribute "
    "`split` "
    "(`train` or `test`). Parts, attributes and segmentations of the original set are not read.",
    read,
    write,
)
