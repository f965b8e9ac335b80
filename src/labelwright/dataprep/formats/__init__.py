"""Foreign formats, one module each, and how to find them."""

from __future__ import annotations

from labelwright.dataprep.formats.coco import COCO
from labelwright.dataprep.formats.cub import CUB
from labelwright.dataprep.formats.cvat import CVAT
from labelwright.dataprep.formats.folders import FOLDERS
from labelwright.dataprep.formats.label_studio import LABEL_STUDIO
from labelwright.dataprep.formats.lst import LST
from labelwright.dataprep.formats.plan import Format, Reading, Writing
from labelwright.dataprep.formats.voc import VOC
from labelwright.dataprep.formats.yolo import YOLO
from labelwright.dataprep.items import FEATURES, Survey
from labelwright.errors import InvalidRequest

__all__ = ["FORMATS", "Format", "Reading", "Writing", "carries_table", "lost_features"]

FORMATS: dict[str, Format] = {
    format_.name: format_ for format_ in (COCO, VOC, YOLO, CUB, LST, FOLDERS, LABEL_STUDIO, CVAT)
}


def lost_features(format_: Format, survey: Survey) -> list[str]:
    """What this data set has that the format cannot carry, in words.

    Raises
    ------
    InvalidRequest
        The labels themselves cannot be written.
    """
    if survey.kind not in format_.carries:
        able = ", ".join(other.name for other in FORMATS.values() if survey.kind in other.carries)
        raise InvalidRequest(
            f"{format_.title} cannot hold {FEATURES[survey.kind]}. These can: {able}.", field="format"
        )
    return [text for key, text in FEATURES.items() if key in survey.features and key not in format_.carries]


def carries_table() -> str:
    """The table of the reference page, as Markdown."""
    formats = list(FORMATS.values())
    lines = [
        "| | " + " | ".join(format_.title for format_ in formats) + " |",
        "| --- |" + " --- |" * len(formats),
    ]
    for key, text in FEATURES.items():
        marks = ["yes" if key in format_.carries else "" for format_ in formats]
        lines.append(f"| {text} | " + " | ".join(marks) + " |")
    return "\n".join(lines) + "\n"
