"""What a reader and a writer of a foreign format are given."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from labelwright.dataprep.files import Files, join_place, open_image, safe_name
from labelwright.dataprep.items import Item, Survey
from labelwright.errors import InvalidRequest

__all__ = ["Format", "Reading", "Writing", "labels_beside", "write_labels"]


@dataclass(slots=True)
class Reading:
    """A foreign data set to read.

    Attributes
    ----------
    source : Path
        The file, or the folder.
    files : Files
    images : str
        Folder or ``s3://`` prefix of the pictures, where sizes must be looked up; empty: the format's own.
    names : list of str or None
        Class names in order, where the user gave them.
    part : str or None
        One part of the data set (``train``, ``val``), where the format has parts.
    wants_masks : bool or None
        Read regions as masks, or as boxes; None: as the file is.
    skipped : dict of str to int
        Filled by the reader: what it left out, and how often.
    """

    source: Path
    files: Files
    images: str = ""
    names: list[str] | None = None
    part: str | None = None
    wants_masks: bool | None = None
    skipped: dict[str, int] = field(default_factory=dict)

    def skip(self, what: str, n: int = 1) -> None:
        """Note that something was left out."""
        self.skipped[what] = self.skipped.get(what, 0) + n

    def image_size(self, name: str, default_folder: str = "") -> tuple[int, int, int]:
        """Size of a picture from its header: width, height and 3."""
        place = join_place(self.images or default_folder, name)
        image = open_image(self.files.read(place), place)
        return image.width, image.height, 3


@dataclass(slots=True)
class Writing:
    """A foreign data set to write.

    Attributes
    ----------
    target : Path
        The file, or the folder (which exists and is empty).
    survey : Survey
        Of what is written.
    files : Files
        Where pictures are copied from.
    copies_images : bool
    part : str
        Name of the part, where the format has parts.
    polygons : bool
        Regions as polygons instead of run lengths, where the format has both.
    """

    target: Path
    survey: Survey
    files: Files
    copies_images: bool = False
    part: str = "train"
    polygons: bool = False

    def create(self, relative: str, data: bytes | str) -> None:
        """Write one new file below the target.

        Raises
        ------
        InvalidRequest
            There is one of this name already: two pictures have the same name.
        """
        path = self.target / safe_name(relative)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("xb") as file:
                file.write(data.encode() if isinstance(data, str) else data)
        except FileExistsError as error:
            raise InvalidRequest(
                f"Two pictures would share the file {relative!r}. Give their files different names, or write "
                "them as separate data sets.",
                field="name",
                value=relative,
            ) from error

    def copy_image(self, item: Item, relative: str) -> None:
        """Copy a picture below the target, if pictures are to be copied."""
        if self.copies_images and item.uri is not None:
            self.create(relative, self.files.read(item.uri))


@dataclass(frozen=True, slots=True)
class Format:
    """One foreign format.

    Attributes
    ----------
    name : str
        As it is called on the command line.
    title : str
    is_folder : bool
        Whether a data set is a folder or a single file.
    carries : frozenset of str
        Keys of `labelwright.dataprep.items.FEATURES` that survive there and back.
    notes : str
        One or two sentences for the reference page.
    read : callable
    write : callable
    """

    name: str
    title: str
    is_folder: bool
    carries: frozenset[str]
    notes: str
    read: Callable[[Reading], Iterator[Item]]
    write: Callable[[Iterator[Item], Writing], None]


def write_labels(path: Path, names: list[str]) -> None:
    """A label category file, which keeps the order of classes where the format has none."""
    document = {"document-version": "2018-11-28", "labels": [{"label": name} for name in names]}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def labels_beside(path: Path) -> list[str] | None:
    """The class names of a label category file, if it is there.

    Raises
    ------
    InvalidRequest
        It is there, but is none.
    """
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        return [str(entry["label"]) for entry in document["labels"]]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidRequest(f"{path} is not a label category file.", field="labels") from error
