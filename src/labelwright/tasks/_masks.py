"""Masks in answers and labels, shared by painting and adjusting.

A mask holds class indices: 0 is the background, ``i + 1`` the label at position ``i`` of the label category
file. Workers' pictures are read by colour, labels are indexed PNG files.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from labelwright.consolidation import consolidate_masks
from labelwright.consolidation.mask_em import estimate_mask
from labelwright.errors import InvalidRequest
from labelwright.tasks._agreement import best_agreement, masks_agreement
from labelwright.tasks._boxes import is_number
from labelwright.tasks._earlier import BACKGROUND
from labelwright.tasks._palette import BACKGROUND_COLOR, HEX_COLOR
from labelwright.tasks._png import BadPng, check_png, read_mask, write_mask
from labelwright.tasks._worker_reports import of_masks
from labelwright.tasks.task_type import (
    COMPATIBLE,
    Answer,
    Categories,
    JobNames,
    Label,
    LabelFile,
    ObjectAnswers,
    WorkerReport,
)

__all__ = [
    "LABELS_MAX",
    "MASK_ALGORITHMS",
    "check_answer_mask",
    "check_label_names",
    "find_mask",
    "fitted",
    "label_of",
    "mask_workers",
    "masks_certainties",
    "masks_of",
    "target_size",
]

Mask = npt.NDArray[np.uint8]

LABELS_MAX = 254
"""0 is the background, and training takes 255 for "ignore"."""

MASK_ALGORITHMS: Mapping[str, str] = {COMPATIBLE: "1", "staple": "1"}

_STAPLE_ANSWERS_MIN = 3  # two masks cannot tell which of them is right
_ELEMENT = "crowd-semantic-segmentation"
_KIND = "groundtruth/semantic-segmentation"


def check_label_names(categories: Categories) -> None:
    """``BACKGROUND`` is what is left over, in every mask.

    Raises
    ------
    InvalidRequest
    """
    if BACKGROUND in categories.index:
        field = f"labels[{categories.index[BACKGROUND]}].label"
        raise InvalidRequest(
            f"The label category file has the label {BACKGROUND!r} at {field}, which every mask has already; "
            "leave it out.",
            field=field,
            value=BACKGROUND,
        )


def find_mask(answer: Mapping[str, Any]) -> str:
    """The name of the segmentation element in the form.

    Raises
    ------
    InvalidRequest
        When the answer holds no mask.
    """
    # By the shape of the value: authors rename elements.
    keys = [_ELEMENT, *sorted(answer)] if _ELEMENT in answer else sorted(answer)
    for key in keys:
        if isinstance(answer[key], Mapping) and "labeledImage" in answer[key]:
            return key
    raise InvalidRequest(
        f'answer holds no mask; expected {{"{_ELEMENT}": {{"labelMappings": {{...}}, "labeledImage": '
        '{"pngImageData": "<base64>"}, "inputImageProperties": {"height": ..., "width": ...}}}.',
        field=f"answer.{_ELEMENT}.labeledImage",
        rule="one segmentation element",
    )


def check_answer_mask(answer: Mapping[str, Any], categories: Categories) -> None:
    """Check colours, size and the picture itself.

    Raises
    ------
    InvalidRequest
    """
    key = find_mask(answer)
    path, value = f"answer.{key}", answer[key]
    _check_mappings(value.get("labelMappings"), f"{path}.labelMappings", categories)
    size = _input_size(value.get("inputImageProperties"), f"{path}.inputImageProperties")
    picture = value["labeledImage"]
    field = f"{path}.labeledImage.pngImageData"
    text = picture.get("pngImageData") if isinstance(picture, Mapping) else None
    try:
        found = check_png(_bytes_of(text))
    except BadPng as error:
        raise InvalidRequest(
            f"{field} {error}.", field=field, value=str(text)[:40], rule="a PNG in base64"
        ) from error
    if not _has_same_shape(found, size):
        _refuse(field, f"{found[0]} x {found[1]}", f"must have the shape of the image, {size[0]} x {size[1]}")


def _check_mappings(mappings: Any, path: str, categories: Categories) -> None:
    if not isinstance(mappings, Mapping):
        _refuse(path, mappings, 'must give the colours of the labels: {"<label>": {"color": "#rrggbb"}}')
    owners: dict[str, str] = {}
    for label, entry in mappings.items():
        field = f"{path}.{label}.color"
        color = entry.get("color") if isinstance(entry, Mapping) else None
        if not isinstance(color, str) or not HEX_COLOR.fullmatch(color):
            _refuse(field, color, "must be a colour such as #2ca02c")
        color = color.lower()
        if color == BACKGROUND_COLOR and label in categories.index:
            _refuse(field, color, "must not be white, which is the background")
        if color in owners:
            _refuse(field, color, f"must not be the colour of another label ({owners[color]!r})")
        owners[color] = label


def _input_size(properties: Any, path: str) -> tuple[int, int]:
    if not isinstance(properties, Mapping):
        _refuse(path, properties, "must give the image's width and height in pixels")
    sides = []
    for side in ("width", "height"):
        value: Any = properties.get(side)
        if not is_number(value) or value < 1:
            _refuse(f"{path}.{side}", value, "must be the image's size in pixels, at least 1")
        sides.append(round(value))
    return sides[0], sides[1]


def _bytes_of(text: Any) -> bytes:
    if not isinstance(text, str):
        raise BadPng("is missing")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadPng("is not base64") from error


def target_size(item: ObjectAnswers) -> tuple[int, int] | None:
    """(width, height) of the label: that of the stored image, else what all answers give.

    A photograph with the note to be turned is painted on as it is seen: there the answers' size holds.
    """
    stored = item.image_size()
    sizes = {
        _input_size(answer.content[find_mask(answer.content)].get("inputImageProperties"), "")
        for answer in item.answers
    }
    agreed = sizes.pop() if len(sizes) == 1 else None
    if stored is None or (agreed is not None and agreed == (stored[1], stored[0])):
        return agreed
    return stored


def masks_of(
    item: ObjectAnswers, size: tuple[int, int], categories: Categories, *, others: Sequence[str] = ()
) -> list[Mask]:
    """The answers' masks at one size; those that do not have its shape are left out.

    Parameters
    ----------
    others : sequence of str
        Labels that are not the job's but are told apart: they follow the job's labels as classes.
    """
    return [mask for _, mask in _masks_by_worker(item, size, categories, others)]


def _masks_by_worker(
    item: ObjectAnswers, size: tuple[int, int], categories: Categories, others: Sequence[str] = ()
) -> list[tuple[str, Mask]]:
    found = []
    for answer in item.answers:
        try:
            mask = fitted(_mask(answer, categories, others), size)
        except BadPng:  # checked when it came in; a decoder may still be stricter
            mask = None
        if mask is not None:
            found.append((answer.worker, mask))
    return found


def _mask(answer: Answer, categories: Categories, others: Sequence[str]) -> Mask:
    value = answer.content[find_mask(answer.content)]
    classes: dict[str, int] = {}
    for label, entry in value["labelMappings"].items():
        index = 0
        if label in categories.index:
            index = categories.index[label] + 1
        elif label in others:
            index = len(categories.labels) + 1 + others.index(label)
        classes[entry["color"].lower()] = index if index <= LABELS_MAX else 0
    # In the order of classes, the background last: so go ties between equally near colours.
    ordered = dict(sorted(classes.items(), key=lambda entry: entry[1] or LABELS_MAX + 1))
    return read_mask(_bytes_of(value["labeledImage"]["pngImageData"]), ordered)


def fitted(mask: Mask, size: tuple[int, int]) -> Mask | None:
    """A mask at another size, by nearest neighbour; None when the shapes differ."""
    height, width = mask.shape
    if (width, height) == size:
        return mask
    if not _has_same_shape((width, height), size):
        return None
    rows = ((np.arange(size[1]) + 0.5) * height / size[1]).astype(np.intp)
    columns = ((np.arange(size[0]) + 0.5) * width / size[0]).astype(np.intp)
    scaled: Mask = mask[rows[:, None], columns[None, :]]
    return scaled


def _has_same_shape(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether one is the other scaled down, its shorter side rounded to a whole pixel."""
    small, large = sorted((a, b), key=lambda size: size[0] * size[1])
    long, short = (0, 1) if large[0] >= large[1] else (1, 0)
    return abs(max(1.0, large[short] * small[long] / large[long]) - small[short]) < 1


def masks_certainties(objects: Sequence[ObjectAnswers], categories: Categories) -> list[float]:
    """How well the masks of the two answers that agree best agree."""
    found = []
    for item in objects:
        size = target_size(item)
        masks = masks_of(item, size, categories) if size is not None else []
        found.append(best_agreement(masks, masks_agreement))
    return found


def mask_workers(objects: Sequence[ObjectAnswers], categories: Categories) -> list[WorkerReport]:
    """How well the workers' masks agree with the labels."""
    sized = ((item, target_size(item)) for item in objects)
    return of_masks(_masks_by_worker(item, size, categories) for item, size in sized if size is not None)


def label_of(
    item: ObjectAnswers,
    masks: Sequence[Mask],
    *,
    categories: Categories,
    names: JobNames,
    colors: Sequence[str],
    status: Mapping[str, str] | None = None,
) -> Label:
    """The label that masks of one size give, with its file.

    Parameters
    ----------
    colors : sequence of str
        Of the job's labels, in their order.
    status : mapping, optional
        Further metadata, put last.
    """
    stacked = np.stack(masks)
    if names.algorithm == "staple" and len(masks) >= _STAPLE_ANSWERS_MIN:
        result = estimate_mask(stacked)
    else:
        result = consolidate_masks(stacked, n_workers_asked=names.n_workers)
    class_names, class_colors = (BACKGROUND, *categories.labels), (BACKGROUND_COLOR, *colors)
    uri = f"{item.output_folder}/{item.object_no}_{item.creation_date}.png"
    metadata = {
        "internal-color-map": {
            str(index): {"class-name": name, "hex-color": color, "confidence": result.confidence}
            for index, (name, color) in enumerate(zip(class_names, class_colors, strict=True))
        },
        "type": _KIND,
        "human-annotated": "yes",
        "creation-date": item.creation_date,
        "job-name": names.reference,
        **(status or {}),
    }
    return Label(
        {names.label_attribute_name: uri, names.metadata_name: metadata},
        (LabelFile(uri, write_mask(result.mask, class_colors), "image/png"),),
    )


def _refuse(path: str, value: Any, rule: str) -> NoReturn:
    raise InvalidRequest(f"{path} is {value!r}; it {rule}.", field=path, value=value, rule=rule)
