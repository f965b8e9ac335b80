"""Image folders: a folder per class with the pictures in it, as many training scripts read them."""

from __future__ import annotations

from collections.abc import Iterator

from labelwright.dataprep.files import IMAGE_SUFFIXES, safe_name
from labelwright.dataprep.formats.plan import Format, Reading, Writing, labels_beside, write_labels
from labelwright.dataprep.items import Item
from labelwright.errors import InvalidRequest
from labelwright.manifests import ClassLabel

__all__ = ["FOLDERS"]

_LABELS = "labels.json"


def write(items: Iterator[Item], writing: Writing) -> None:
    """Copy the pictures into folders of their classes' names."""
    for item in items:
        if isinstance(item.label, ClassLabel) and item.uri is not None:
            folder = _folder(item.label.name or f"#{item.label.class_index}")
            name = item.name.removeprefix(folder + "/").replace("/", "__")
            writing.create(f"{folder}/{name}", writing.files.read(item.uri))
    write_labels(writing.target / _LABELS, writing.survey.name_list)


def _folder(name: str) -> str:
    folder = safe_name(name)
    if "/" in folder or folder != name:
        raise InvalidRequest(
            f"The class name {name!r} cannot be the name of a folder. Rename the class.",
            field="class",
            value=name,
        )
    return folder


def read(reading: Reading) -> Iterator[Item]:
    """Read the folders in the order of the label category file, else of the alphabet."""
    root = reading.source
    folders = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    names = reading.names or labels_beside(root / _LABELS) or folders
    unknown = [name for name in folders if name not in names]
    if unknown or not folders:
        what = f"the folder {unknown[0]!r} is not among the labels" if unknown else "there is no folder in it"
        raise InvalidRequest(f"{root}: {what}. Each class needs a folder of its name.", field="source")
    for index, name in enumerate(names):
        for path in sorted((root / name).rglob("*")):
            if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
                yield Item(path.relative_to(root).as_posix(), label=ClassLabel(index, name, None))


FOLDERS = Format(
    "folders",
    "image folders",
    True,
    frozenset({"class", "class indices", "class names"}),
    "Pictures are always copied; those without a label are left out. The order of the classes goes into "
    "`labels.json`; without it they follow the alphabet.",
    read,
    write,
)
