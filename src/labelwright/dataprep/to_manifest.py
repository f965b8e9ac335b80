"""Labeled pictures as lines of an augmented manifest."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from labelwright.dataprep.files import Files, join_place
from labelwright.dataprep.items import Item, MaskLabel, color_of
from labelwright.manifests import BoxesLabel, ClassLabel, MultiLabel, SegmentationClass, dumps, number

__all__ = ["ManifestTarget", "encode_mask", "lines_of_items"]

_TYPES = {
    BoxesLabel: "groundtruth/object-detection",
    ClassLabel: "groundtruth/image-classification",
    MultiLabel: "groundtruth/image-classification-multilabel",
    MaskLabel: "groundtruth/semantic-segmentation",
}


@dataclass(frozen=True, slots=True)
class ManifestTarget:
    """How the lines are to look.

    Attributes
    ----------
    attribute : str
        The label attribute name; masks get ``-ref`` behind it where it lacks that.
    images_uri : str or None
        Prefix of ``source-ref`` in place of what the foreign file says.
    default_uri : str
        Prefix of ``source-ref`` where the foreign file has names only.
    masks_place : str
        Folder or ``s3://`` prefix that masks are written to.
    job_name, creation_date : str
        Of labels whose source does not say.
    """

    attribute: str
    images_uri: str | None
    default_uri: str
    masks_place: str
    job_name: str
    creation_date: str


def lines_of_items(items: Iterable[Item], target: ManifestTarget, files: Files) -> Iterator[bytes]:
    """Yield one line per picture, without line end; masks are written beside."""
    for i, item in enumerate(items):
        uri = item.uri
        if uri is None or target.images_uri is not None:
            base = target.default_uri if target.images_uri is None else target.images_uri
            uri = join_place(base, item.name)
        line: dict[str, Any] = {"source-ref": uri, **item.attributes}
        label = item.label
        if label is not None:
            attribute = target.attribute
            if isinstance(label, MaskLabel) and not attribute.endswith("-ref"):
                attribute += "-ref"
            value: Any
            match label:
                case MaskLabel():
                    stem = item.name.rpartition("/")[2].rpartition(".")[0]
                    value = join_place(target.masks_place, f"{i}_{stem}.png")
                    colors = {
                        entry.class_index: color_of(entry.class_index, entry.hex_color)
                        for entry in label.classes
                    }
                    files.write(value, encode_mask(label.indices, colors), content_type="image/png")
                    own: dict[str, Any] = {"internal-color-map": _color_map(label.classes)}
                case BoxesLabel():
                    value, own = _boxes(label)
                case ClassLabel():
                    value = label.class_index
                    own = {"confidence": label.confidence or 0.0, "class-name": label.name}
                case MultiLabel(classes):
                    value = [entry.class_index for entry in classes]
                    own = {
                        "confidence-map": {
                            str(entry.class_index): entry.confidence or 0.0 for entry in classes
                        },
                        "class-map": {str(entry.class_index): entry.name for entry in classes},
                    }
            line[attribute] = value
            line[f"{attribute}-metadata"] = own | _shared(label, item.metadata, target)
        yield dumps(line)


def _shared(
    label: BoxesLabel | ClassLabel | MultiLabel | MaskLabel,
    known: Mapping[str, object],
    target: ManifestTarget,
) -> dict[str, object]:
    return {
        "type": _TYPES[type(label)],
        "human-annotated": known.get("human-annotated", "yes"),
        "creation-date": known.get("creation-date", target.creation_date),
        "job-name": known.get("job-name", target.job_name),
    }


def _boxes(label: BoxesLabel) -> tuple[dict[str, Any], dict[str, Any]]:
    value = {
        "image_size": [
            {"width": label.image_width, "height": label.image_height, "depth": label.image_depth}
        ],
        "annotations": [
            {
                "class_id": box.class_id,
                "top": number(box.top),
                "left": number(box.left),
                "height": number(box.height),
                "width": number(box.width),
            }
            for box in label.boxes
        ],
    }
    used = {box.class_id: box.name or f"#{box.class_id}" for box in label.boxes}
    own = {
        "objects": [{"confidence": box.confidence or 0.0} for box in label.boxes],
        "class-map": {str(index): used[index] for index in sorted(used)},
    }
    return value, own


def _color_map(classes: Iterable[SegmentationClass]) -> dict[str, Any]:
    return {
        str(entry.class_index): {
            "class-name": entry.name,
            "hex-color": color_of(entry.class_index, entry.hex_color),
            "confidence": entry.confidence or 0.0,
        }
        for entry in classes
    }


def encode_mask(indices: npt.NDArray[np.uint8], colors: Mapping[int, str]) -> bytes:
    """An indexed PNG whose pixel values are class indices and whose palette holds the classes' colours.

    Parameters
    ----------
    indices : ndarray of shape (height, width), uint8
    colors : mapping of int to str
        ``#rrggbb`` by index; other entries are white.
    """
    palette = bytearray(b"\xff" * 768)
    for index, color in colors.items():
        palette[3 * index : 3 * index + 3] = bytes.fromhex(color[1:7])
    image = Image.frombytes(
        "P", (indices.shape[1], indices.shape[0]), np.ascontiguousarray(indices).tobytes()
    )
    image.putpalette(bytes(palette))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
