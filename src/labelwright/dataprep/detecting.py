"""Which format a file or folder is, told from its name and its first bytes."""

from __future__ import annotations

from pathlib import Path

from labelwright.errors import InvalidRequest

__all__ = ["detect_format"]

_HEAD_BYTES = 4096


def detect_format(path: Path) -> str:
    """Name of the format; ``manifest`` for an augmented manifest.

    Raises
    ------
    InvalidRequest
        It is none that is known.
    """
    if path.is_dir():
        marks = (
            ("voc", ("Annotations", "SegmentationClass")),
            ("yolo", ("data.yaml", "dataset.yaml", "labels")),
            ("cub", ("image_class_labels.txt",)),
        )
        for name, entries in marks:
            if any((path / entry).exists() for entry in entries):
                return name
        if any(child.is_dir() for child in path.iterdir()):
            return "folders"
    elif path.is_file():
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
        suffix = path.suffix.lower()
        if suffix == ".lst":
            return "lst"
        if head.startswith(b"<"):
            return "cvat"
        if head.startswith(b"["):
            return "label-studio"
        if head.startswith(b"{"):
            first = head.split(b"\n", 1)[0]
            if suffix != ".json" and (b'"source-ref"' in first or b'"source"' in first):
                return "manifest"
            return "coco"
    raise InvalidRequest(
        f"It cannot be told which format {path} has. Name it with --from.", field="from", value=str(path)
    )
