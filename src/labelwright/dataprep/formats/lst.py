"""MXNet ``.lst``: a line per picture, ``index <tab> label ... <tab> path``.

A class is one number, several classes are several; boxes begin with the width of the header and of an object
(``2 5``), then ``class xmin ymin xmax ymax`` for each, as shares of the picture's size.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from labelwright.dataprep.files import safe_name
from labelwright.dataprep.formats.plan import Format, Reading, Writing, labels_beside, write_labels
from labelwright.dataprep.items import Item
from labelwright.errors import InvalidRequest
from labelwright.manifests import BoxesLabel, ClassLabel, LabeledBox, MultiLabel

__all__ = ["LST"]

_HEADER = (2, 5)
_DIGITS = 6


def write(items: Iterator[Item], writing: Writing) -> None:
    """Write the list, and a label category file beside it for the names."""
    with writing.target.open("w", encoding="utf-8") as file:
        for i, item in enumerate(items):
            if "\t" in item.name or "\n" in item.name:
                raise InvalidRequest(
                    f"The name {item.name!r} has a tab or a line break, which .lst cannot hold.", field="name"
                )
            match item.label:
                case BoxesLabel() as label:
                    numbers: list[float] = list(_HEADER)
                    for box in label.boxes:
                        width, height = label.image_width, label.image_height
                        numbers += [box.class_id, box.left / width, box.top / height]
                        numbers += [(box.left + box.width) / width, (box.top + box.height) / height]
                case ClassLabel() as label:
                    numbers = [label.class_index]
                case MultiLabel(classes) if classes:
                    numbers = [entry.class_index for entry in classes]
                case _:
                    continue
            file.write("\t".join([str(i), *(repr(value) for value in numbers), item.name]) + "\n")
    write_labels(_beside(writing), writing.survey.name_list)


def _beside(plan: Reading | Writing) -> Path:
    path = plan.source if isinstance(plan, Reading) else plan.target
    return path.with_suffix(".labels.json")


def read(reading: Reading) -> Iterator[Item]:
    """Read the list line by line."""
    names = reading.names or labels_beside(_beside(reading)) or []
    folder = str(reading.source.parent)
    with reading.source.open(encoding="utf-8-sig") as file:
        for i, line in enumerate(file):
            if not line.strip():
                continue
            place = f"{reading.source} line {i + 1}"
            cells = line.rstrip("\r\n").split("\t")
            try:
                numbers = [float(cell) for cell in cells[1:-1]]
            except ValueError as error:
                raise InvalidRequest(f"{place}: {error}.", field="source") from error
            if len(cells) < 3 or not all(abs(value) < 1e9 for value in numbers):
                raise InvalidRequest(
                    f"{place} has {len(cells)} cells between tabs; it needs an index, numbers and a path.",
                    field="source",
                )
            name = safe_name(cells[-1])
            if len(numbers) >= 2 and (numbers[0], numbers[1]) == _HEADER and (len(numbers) - 2) % 5 == 0:
                size = reading.image_size(name, folder)
                yield Item(name, size=size, label=_boxes(numbers[2:], names, size, place))
            elif len(numbers) > 2 and numbers[0] >= 2 and numbers[1] > 5 and numbers[0] == int(numbers[0]):
                raise InvalidRequest(
                    f"{place} has objects of {numbers[1]:g} numbers; those of 5 (class and box) can be read.",
                    field="source",
                )
            else:
                classes = tuple(_class(value, names, place) for value in numbers)
                yield Item(name, label=classes[0] if len(classes) == 1 else MultiLabel(classes))


def _class(value: float, names: list[str], place: str) -> ClassLabel:
    index = int(value)
    if index != value or index < 0 or (names and index >= len(names)):
        raise InvalidRequest(f"{place}: {value:g} is no class of the {len(names)} known ones.", field="label")
    return ClassLabel(index, names[index] if names else f"#{index}", None)


def _boxes(numbers: list[float], names: list[str], size: tuple[int, int, int], place: str) -> BoxesLabel:
    boxes = []
    for start in range(0, len(numbers), 5):
        value, xmin, ymin, xmax, ymax = numbers[start : start + 5]
        entry = _class(value, names, place)
        left, top = round(xmin * size[0], _DIGITS), round(ymin * size[1], _DIGITS)
        width, height = round((xmax - xmin) * size[0], _DIGITS), round((ymax - ymin) * size[1], _DIGITS)
        boxes.append(LabeledBox(entry.class_index, left, top, width, height, None, entry.name))
    return BoxesLabel(*size, tuple(boxes))


LST = Format(
    "lst",
    "MXNet .lst",
    False,
    frozenset({"boxes", "class", "classes", "fractions", "class indices", "class names"}),
    "Class names go into a label category file beside it. Sizes are read from the pictures. Pictures "
    "without a "
    "label are left out. A picture with one of several classes comes back as a picture of one class.",
    read,
    write,
)
