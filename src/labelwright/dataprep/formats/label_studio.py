"""Label Studio: a JSON list of tasks, each with its annotations or predictions.

Boxes are ``rectanglelabels`` and regions ``polygonlabels``, both in per cent of the picture's size; classes
are ``choices``. Labels made by a model are written as ``predictions``.

References
----------
labelstud.io, "Label Studio JSON format of annotated tasks".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from labelwright.core.limits import IMAGE_PIXELS_READ_MAX
from labelwright.dataprep.files import safe_name
from labelwright.dataprep.formats.plan import Format, Reading, Writing, labels_beside, write_labels
from labelwright.dataprep.items import FEATURES, Item, MaskLabel, color_of, is_background
from labelwright.dataprep.json_stream import walk_document
from labelwright.dataprep.polygons import fill_polygons, trace_polygons
from labelwright.errors import InvalidRequest
from labelwright.manifests import BoxesLabel, ClassLabel, LabeledBox, MultiLabel, SegmentationClass

__all__ = ["LABEL_STUDIO"]

_DIGITS = 6


def write(items: Iterator[Item], writing: Writing) -> None:
    """Write the tasks one by one, and a label category file beside for the order of the classes."""
    names = writing.survey.name_list
    with writing.target.open("w", encoding="utf-8") as file:
        file.write("[")
        for i, item in enumerate(items):
            task: dict[str, Any] = {"id": i + 1, "data": {"image": item.uri or item.name, **item.attributes}}
            if item.label is not None:
                is_human = item.metadata.get("human-annotated", "yes") == "yes"
                answer = {"result": list(_results(item, names))}
                task["annotations" if is_human else "predictions"] = [answer]
            size = {} if item.size is None else {"size": list(item.size)}
            task["meta"] = {"labelwright": {"name": item.name, **size, **item.metadata}}
            file.write((",\n" if i else "\n") + json.dumps(task, ensure_ascii=False))
        file.write("\n]\n")
    write_labels(_beside(writing.target), names)


def _beside(path: Path) -> Path:
    return path.with_suffix(".labels.json")


def _results(item: Item, names: list[str]) -> Iterator[dict[str, Any]]:
    common: dict[str, Any] = {"from_name": "label", "to_name": "image"}
    match item.label:
        case BoxesLabel(image_width=width, image_height=height, boxes=boxes):
            for box in boxes:
                value: dict[str, Any] = {
                    "x": 100 * box.left / width,
                    "y": 100 * box.top / height,
                    "width": 100 * box.width / width,
                    "height": 100 * box.height / height,
                    "rotation": 0,
                    "rectanglelabels": [names[box.class_id]],
                }
                yield {
                    **common,
                    "type": "rectanglelabels",
                    "original_width": width,
                    "original_height": height,
                    "value": value,
                } | _score(box.confidence)
        case MaskLabel(indices=indices):
            height, width = indices.shape
            for index in np.unique(indices).tolist():
                if index >= len(names) or is_background(index, names[index]):
                    continue
                for ring in trace_polygons(indices == index):
                    value = {
                        "points": (ring * 100 / (width, height)).tolist(),
                        "polygonlabels": [names[index]],
                        "closed": True,
                    }
                    yield {
                        **common,
                        "type": "polygonlabels",
                        "original_width": width,
                        "original_height": height,
                        "value": value,
                    }
        case ClassLabel() as entry:
            value = {"choices": [names[entry.class_index]]}
            yield {**common, "type": "choices", "value": value} | _score(entry.confidence)
        case MultiLabel(classes):
            for entry in classes:
                value = {"choices": [names[entry.class_index]]}
                yield {**common, "type": "choices", "value": value} | _score(entry.confidence)
        case None:
            return


def _score(confidence: float | None) -> dict[str, float]:
    return {} if confidence is None else {"score": confidence}


def read(reading: Reading) -> Iterator[Item]:
    """Read the tasks one by one; of several annotations of one task the first that was not cancelled."""
    names = reading.names or labels_beside(_beside(reading.source))
    if names is None:
        names = sorted({name for task in _tasks(reading) for name in _names(task)})
    kinds = {kind for task in _tasks(reading) for kind in _kinds(task)}
    several = any(len(_choices(task)) > 1 for task in _tasks(reading))
    wants_masks = reading.wants_masks
    if wants_masks is None:
        wants_masks = "rectanglelabels" not in kinds
    for task in _tasks(reading):
        try:
            yield _item(task, names, kinds, several, wants_masks, reading)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidRequest(
                f"{reading.source}: task {task.get('id')} is not of Label Studio's form: {error!r}.",
                field="task",
            ) from error


def _tasks(reading: Reading) -> Iterator[dict[str, Any]]:
    for key, task in walk_document(reading.source):
        if key or not isinstance(task, dict) or not isinstance(task.get("data"), dict):
            raise InvalidRequest(
                f"{reading.source} is not a list of tasks with 'data'. Export from Label Studio as JSON (not "
                "JSON-MIN).",
                field="source",
            )
        yield task


def _answer(task: dict[str, Any]) -> tuple[list[dict[str, Any]] | None, bool]:
    """The results of the answer that counts, and whether people gave it."""
    for answer in task.get("annotations") or task.get("completions") or []:
        if not answer.get("was_cancelled"):
            return answer.get("result") or [], True
    for answer in task.get("predictions") or []:
        return answer.get("result") or [], False
    return None, True


def _names(task: dict[str, Any]) -> Iterator[str]:
    for result in _answer(task)[0] or []:
        value = result.get("value") or {}
        for kind in ("rectanglelabels", "polygonlabels", "choices"):
            yield from map(str, value.get(kind) or [])


def _kinds(task: dict[str, Any]) -> Iterator[str]:
    for result in _answer(task)[0] or []:
        yield str(result.get("type"))


def _choices(task: dict[str, Any]) -> list[str]:
    return [
        name
        for result in _answer(task)[0] or []
        if result.get("type") == "choices"
        for name in result["value"]["choices"]
    ]


def _item(
    task: dict[str, Any],
    names: list[str],
    kinds: set[str],
    several: bool,
    wants_masks: bool,
    reading: Reading,
) -> Item:
    data = dict(task["data"])
    image = data.pop("image", None)
    if not isinstance(image, str):
        raise InvalidRequest(
            f"{reading.source}: task {task.get('id')} has no 'image' in its data.", field="image"
        )
    meta = dict((task.get("meta") or {}).get("labelwright") or {})
    name = meta.pop("name", None) or _name(image)
    own_size = meta.pop("size", None)
    results, is_human = _answer(task)
    metadata = {**meta, "human-annotated": "yes" if is_human else "no"} if results is not None else {}
    uri = image if image.startswith("s3://") else None
    if results is None:
        return Item(safe_name(name), uri, attributes=data)
    regions = [result for result in results if result.get("type") in ("rectanglelabels", "polygonlabels")]
    label: BoxesLabel | MaskLabel | ClassLabel | MultiLabel | None
    size = None
    if kinds & {"rectanglelabels", "polygonlabels"} or not kinds:
        if own_size is not None:
            size = (int(own_size[0]), int(own_size[1]), int(own_size[2]))
        elif regions:
            size = (int(regions[0]["original_width"]), int(regions[0]["original_height"]), 3)
        else:
            place = image if uri else ""
            size = (
                reading.image_size(safe_name(name))
                if reading.images or not place
                else _remote(reading, place)
            )
        if not (size[0] > 0 and size[1] > 0 and size[0] * size[1] <= IMAGE_PIXELS_READ_MAX):
            raise ValueError(f"{size[0]}x{size[1]} pixels cannot be")
        label = _mask(regions, names, size) if wants_masks and kinds else _boxes(regions, names, size)
        n_other = len(results) - len(regions)
        if n_other:
            reading.skip("results that are neither boxes nor polygons", n_other)
    else:
        entries = tuple(
            ClassLabel(names.index(name), name, result.get("score"))
            for result in results
            if result.get("type") == "choices"
            for name in result["value"]["choices"]
        )
        label = MultiLabel(entries) if several else (entries[0] if entries else None)
    return Item(safe_name(name), uri, size, label, data, metadata)


def _remote(reading: Reading, place: str) -> tuple[int, int, int]:
    from labelwright.dataprep.files import open_image

    image = open_image(reading.files.read(place), place)
    return image.width, image.height, 3


def _name(image: str) -> str:
    """A relative name of the picture behind a path, a link or a link to local files (``?d=path``)."""
    where = urlsplit(image)
    path = where.query.partition("d=")[2] if where.path.endswith("local-files/") else where.path
    return unquote(path).lstrip("/")


def _boxes(results: list[dict[str, Any]], names: list[str], size: tuple[int, int, int]) -> BoxesLabel:
    boxes = []
    width, height, _ = size
    for result in results:
        value = result["value"]
        if value.get("rotation"):
            raise ValueError("a rotated box, which a manifest cannot hold")
        if "points" in value:
            points = np.array(value["points"], dtype=np.float64).reshape(-1, 2)
            (x, y), (w, h) = points.min(axis=0).tolist(), np.ptp(points, axis=0).tolist()
        else:
            x, y, w, h = (float(value[key]) for key in ("x", "y", "width", "height"))
        if not all(abs(v) < 1e6 for v in (x, y, w, h)):
            raise ValueError("a box is not finite")
        name = str((value.get("rectanglelabels") or value.get("polygonlabels"))[0])
        left, top = round(x * width / 100, _DIGITS), round(y * height / 100, _DIGITS)
        w, h = round(w * width / 100, _DIGITS), round(h * height / 100, _DIGITS)
        boxes.append(LabeledBox(_index(name, names), left, top, w, h, result.get("score"), name))
    return BoxesLabel(*size, tuple(boxes))


def _index(name: str, names: list[str]) -> int:
    if name not in names:
        raise ValueError(f"the label {name!r} is not among {', '.join(names)[:200]}")
    return names.index(name)


def _mask(results: list[dict[str, Any]], names: list[str], size: tuple[int, int, int]) -> MaskLabel:
    width, height, _ = size
    has_background = bool(names) and is_background(0, names[0])
    known = names if has_background or not names else ["BACKGROUND", *names]
    if len(known) > 255:
        raise ValueError("more than 254 classes")
    indices = np.zeros((height, width), dtype=np.uint8)
    for result in results:
        value = result["value"]
        if "points" not in value:
            continue
        ring = np.array(value["points"], dtype=np.float64).reshape(-1, 2) * (width, height) / 100
        if not np.isfinite(ring).all():
            raise ValueError("a polygon is not finite")
        region = fill_polygons([np.round(ring, _DIGITS)], height, width)
        indices[region] = _index(str(value["polygonlabels"][0]), known)
    return MaskLabel(
        indices, tuple(SegmentationClass(i, name, color_of(i), None) for i, name in enumerate(known))
    )


LABEL_STUDIO = Format(
    "label-studio",
    "Label Studio JSON",
    False,
    frozenset(FEATURES) - {"colors", "mask confidence"},
    "Regions as polygons along pixel edges; brush strokes and rotated boxes are not read. The order of "
    "the classes "
    "goes into a label category file beside it; without it they follow the alphabet.",
    read,
    write,
)
