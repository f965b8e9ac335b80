"""Labels that a model makes: the same values as those of people, marked as not human-annotated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from labelwright.manifests import number
from labelwright.tasks._boxes import boxes_value
from labelwright.tasks._palette import BACKGROUND_COLOR, class_colors
from labelwright.tasks.task_type import Categories, JobNames, Label, LabelFile

__all__ = ["BACKGROUND_COLOR", "class_colors", "machine_label"]

_BACKGROUND = "BACKGROUND"
_DIGITS = 2


def machine_label(
    algorithm: str,
    prediction: Mapping[str, Any],
    *,
    categories: Categories,
    names: JobNames,
    object_no: int,
    creation_date: str,
    output_folder: str,
    read: Callable[[str], bytes],
) -> Label:
    """The label that a prediction gives.

    Parameters
    ----------
    algorithm : str
        ``image-classification``, ``text-classification``, ``object-detection`` or ``semantic-segmentation``.
    prediction : Mapping
        ``confidence`` in [0, 1], and ``label``: a class index; ``{"size": [width, height], "boxes": [[class,
        left, top, width, height, score], ...]}`` in pixels; or the name of a PNG file of class indices whose
        palette is the job's.
    categories, names : Categories, JobNames
    object_no : int
    creation_date : str
    output_folder : str
        URI under which mask files lie.
    read : callable
        Reads a file that a prediction names.
    """
    about = {
        "type": f"groundtruth/{algorithm}",
        "human-annotated": "no",
        "creation-date": creation_date,
        "job-name": names.reference,
    }
    confidence = round(float(prediction["confidence"]), _DIGITS)
    if algorithm in ("image-classification", "text-classification"):
        index = int(prediction["label"])
        return Label(
            {
                names.label_attribute_name: index,
                names.metadata_name: {
                    "job-name": about["job-name"],
                    "confidence": confidence,
                    "class-name": categories.labels[index],
                    "type": about["type"],
                    "creation-date": creation_date,
                    "human-annotated": "no",
                },
            }
        )
    if algorithm == "object-detection":
        boxes = prediction["label"]["boxes"]
        width, height = prediction["label"]["size"]
        value = boxes_value(
            (width, height),
            [
                {
                    "class_id": int(box[0]),
                    "top": number(box[2]),
                    "left": number(box[1]),
                    "height": number(box[4]),
                    "width": number(box[3]),
                }
                for box in boxes
            ],
        )
        metadata = {
            "objects": [{"confidence": round(float(box[5]), _DIGITS)} for box in boxes],
            "class-map": {str(i): categories.labels[i] for i in sorted({int(box[0]) for box in boxes})},
            **about,
        }
        return Label({names.label_attribute_name: value, names.metadata_name: metadata})
    uri = f"{output_folder}/{object_no}_{creation_date}.png"
    labels = (_BACKGROUND, *categories.labels)
    colors = (BACKGROUND_COLOR, *class_colors(categories.labels))
    metadata = {
        "internal-color-map": {
            str(i): {"class-name": name, "hex-color": color, "confidence": confidence}
            for i, (name, color) in enumerate(zip(labels, colors, strict=True))
        },
        **about,
    }
    file = LabelFile(uri, read(prediction["label"]), "image/png")
    return Label({names.label_attribute_name: uri, names.metadata_name: metadata}, (file,))
