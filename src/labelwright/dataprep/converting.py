"""Convert a data set between the augmented manifest and foreign formats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from labelwright.dataprep.files import Files
from labelwright.dataprep.formats import FORMATS, Format, Reading, Writing, lost_features
from labelwright.dataprep.from_manifest import items_of_manifest, survey_manifest
from labelwright.dataprep.items import Item, Survey
from labelwright.dataprep.to_manifest import ManifestTarget, lines_of_items
from labelwright.errors import InvalidRequest
from labelwright.manifests import Source

__all__ = ["Exported", "Imported", "export_dataset", "format_named", "import_dataset"]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and what the format could not carry, in words."""

    survey: Survey
    lost: list[str]


@dataclass(slots=True)
class Imported:
    """What was read, and what the reader left out, counted."""

    n_lines: int = 0
    n_labeled: int = 0
    skipped: dict[str, int] = field(default_factory=dict)


def format_named(name: str) -> Format:
    """A foreign format by its name.

    Raises
    ------
    InvalidRequest
        There is none of this name.
    """
    if name not in FORMATS:
        raise InvalidRequest(
            f"There is no format {name!r}. Known: {', '.join(FORMATS)}.", field="format", value=name
        )
    return FORMATS[name]


def export_dataset(
    source: Path,
    target: Path,
    format_: Format,
    *,
    files: Files,
    attribute: str | None = None,
    names: list[str] | None = None,
    prefix: str | None = None,
    copies_images: bool = False,
    part: str = "train",
    polygons: bool = False,
    chunks: Source | None = None,
) -> Exported:
    """Write an augmented manifest in a foreign format.

    Parameters
    ----------
    source : Path
        The manifest, which is read twice.
    target : Path
        The new file, or an empty folder.
    format_ : Format
    files : Files
        Where masks and pictures are.
    attribute, names, prefix
        See `survey_manifest` and `items_of_manifest`.
    copies_images, part, polygons
        See `Writing`.
    chunks : iterable of bytes, optional
        The manifest once more, for the second reading (for progress).

    Raises
    ------
    ManifestError, InvalidRequest
        The manifest is bad, or the format cannot hold its labels.
    """
    survey = survey_manifest(source, attribute, names=names)
    if not survey.n_labeled:
        raise InvalidRequest(f"No line has the label {survey.attribute!r}.", field="label_attribute_name")
    lost = lost_features(format_, survey)
    writing = Writing(target, survey, files, copies_images=copies_images, part=part, polygons=polygons)
    items = items_of_manifest(source if chunks is None else chunks, survey, files, prefix=prefix)
    format_.write(items, writing)
    return Exported(survey, lost)


def import_dataset(
    reading: Reading, format_: Format, target: ManifestTarget, imported: Imported
) -> Iterator[bytes]:
    """Yield lines of an augmented manifest from a foreign data set; masks are written on the way.

    Parameters
    ----------
    reading : Reading
    format_ : Format
    target : ManifestTarget
    imported : Imported
        Filled while the lines are read.
    """

    def counted() -> Iterator[Item]:
        for item in format_.read(reading):
            imported.n_lines += 1
            imported.n_labeled += item.label is not None
            yield item

    imported.skipped = reading.skipped
    yield from lines_of_items(counted(), target, reading.files)
