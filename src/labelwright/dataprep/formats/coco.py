"""COCO: one JSON file of images, annotations and categories.

Boxes are ``[x, y, width, height]`` in pixels; regions are polygons or run lengths. Beyond the standard keys
this writes ``class_id`` and ``color`` with categories, ``score`` with annotations, and under ``labelwright``
what else a manifest holds; readers that do not know them pass over them.

References
----------
Data format page of cocodataset.org.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core.limits import IMAGE_PIXELS_READ_MAX
from labelwright.dataprep.files import safe_name
from labelwright.dataprep.formats.plan import Format, Reading, Writing
from labelwright.dataprep.items import FEATURES, Item, MaskLabel, color_of, is_background
from labelwright.dataprep.json_stream import walk_document
from labelwright.dataprep.polygons import fill_polygons, trace_polygons
from labelwright.dataprep.rle import compress, decompress, from_runs, to_runs
from labelwright.dataprep.sorting import ExternalSorter
from labelwright.errors import InvalidRequest
from labelwright.manifests import BoxesLabel, LabeledBox, SegmentationClass, number

__all__ = ["COCO"]


def write(items: Iterator[Item], writing: Writing) -> None:
    """Write the file; annotations wait in a temporary one while images are written."""
    survey = writing.survey
    about = {"kind": survey.kind, "attribute": survey.attribute}
    n_annotations = 0
    with writing.target.open("w", encoding="utf-8") as file, tempfile.TemporaryFile("w+") as waiting:
        file.write(
            f'{{"info":{_compact({"description": survey.attribute, "labelwright": about})},\n"images":['
        )
        for i, item in enumerate(items):
            image: dict[str, Any] = {"id": i + 1, "file_name": item.name}
            if item.size is not None:
                image |= {"width": item.size[0], "height": item.size[1]}
            if item.uri is not None:
                image["coco_url"] = item.uri
            more: dict[str, Any] = {"labeled": item.label is not None}
            if item.size is not None and item.size[2] != 3:
                more["depth"] = item.size[2]
            if item.attributes:
                more["attributes"] = item.attributes
            if item.metadata:
                more["metadata"] = item.metadata
            if isinstance(item.label, MaskLabel):
                more["confidence"] = next((c.confidence for c in item.label.classes), None)
            image["labelwright"] = more
            file.write(("" if i == 0 else ",\n") + _compact(image))
            for annotation in _annotations(item, writing):
                n_annotations += 1
                known = {"id": n_annotations, "image_id": i + 1, **annotation}
                waiting.write(("" if n_annotations == 1 else ",\n") + _compact(known))
        file.write('],\n"annotations":[')
        waiting.seek(0)
        shutil.copyfileobj(waiting, file)
        categories = [
            {"id": index + 1, "name": survey.names[index], "supercategory": "", "class_id": index}
            | ({"color": _rgb(survey.colors[index])} if index in survey.colors else {})
            for index in sorted(survey.names)
            if survey.kind != "masks" or not is_background(index, survey.names[index])
        ]
        file.write(f'],\n"categories":{_compact(categories)}}}\n')


def _annotations(item: Item, writing: Writing) -> Iterator[dict[str, Any]]:
    match item.label:
        case BoxesLabel(boxes=boxes):
            for box in boxes:
                annotation: dict[str, Any] = {
                    "category_id": box.class_id + 1,
                    "bbox": [number(box.left), number(box.top), number(box.width), number(box.height)],
                    "area": number(box.width * box.height),
                    "iscrowd": 0,
                }
                yield annotation if box.confidence is None else {**annotation, "score": box.confidence}
        case MaskLabel(indices=indices):
            for index in np.unique(indices).tolist():
                name = writing.survey.names.get(index)
                if name is None or is_background(index, name):
                    continue
                yield from _regions(indices == index, index, writing.polygons)


def _regions(region: npt.NDArray[np.bool_], index: int, as_polygons: bool) -> Iterator[dict[str, Any]]:
    ys, xs = np.nonzero(region)
    left, top = int(xs.min()), int(ys.min())
    common = {
        "category_id": index + 1,
        "bbox": [left, top, int(xs.max()) + 1 - left, int(ys.max()) + 1 - top],
        "area": len(xs),
    }
    if as_polygons:
        rings = [[number(v) for v in ring.ravel().tolist()] for ring in trace_polygons(region)]
        yield {**common, "segmentation": rings, "iscrowd": 0}
        return
    height, width = region.shape
    counts = compress(to_runs(region.ravel(order="F")))
    yield {**common, "segmentation": {"size": [height, width], "counts": counts}, "iscrowd": 1}


def read(reading: Reading) -> Iterator[Item]:
    """Read the file once; images and annotations are put together by an external sort over image ids."""
    place = str(reading.source)
    categories: list[dict[str, Any]] = []
    about: dict[str, Any] = {}
    has_boxes = False
    with ExternalSorter() as images, ExternalSorter() as annotations:
        for i, (member, value) in enumerate(walk_document(reading.source)):
            if member == "images":
                images.add(_key(value, "id", place), json.dumps(value).encode())
            elif member == "annotations":
                has_boxes = has_boxes or bool(isinstance(value, dict) and value.get("bbox"))
                annotations.add(
                    _key(value, "image_id", place) + i.to_bytes(8, "big"), json.dumps(value).encode()
                )
            elif member == "categories":
                categories.append(value)
            elif member == "info" and isinstance(value, dict) and isinstance(value.get("labelwright"), dict):
                about = value["labelwright"]
        classes = _Classes(categories, reading.names, place)
        wants_masks = reading.wants_masks
        if wants_masks is None:
            wants_masks = about.get("kind") == "masks" or not has_boxes
        pending = iter(annotations)
        key, payload = next(pending, (b"", b""))
        for image_key, raw in images:
            image = json.loads(raw)
            own: list[dict[str, Any]] = []
            while payload and key[:16] <= image_key:
                if key[:16] == image_key:
                    own.append(json.loads(payload))
                else:
                    reading.skip("annotations of images that are not listed")
                key, payload = next(pending, (b"", b""))
            yield _item(image, own, classes, reading, wants_masks)
        n_left = (1 if payload else 0) + sum(1 for _ in pending)
        if n_left:
            reading.skip("annotations of images that are not listed", n_left)


def _key(value: Any, name: str, place: str) -> bytes:
    number_ = value.get(name) if isinstance(value, dict) else None
    if isinstance(number_, bool) or not isinstance(number_, int) or not 0 <= number_ < 1 << 127:
        raise InvalidRequest(
            f"{place}: {name} is {str(number_)[:80]}; every image and annotation needs a whole number there.",
            field=name,
            value=number_,
        )
    return number_.to_bytes(16, "big")


class _Classes:
    """Categories by id: our class index and name. Indices are those the file gives, else ranks of the ids."""

    def __init__(self, categories: list[dict[str, Any]], names: list[str] | None, place: str) -> None:
        try:
            ordered = sorted(categories, key=lambda category: int(category["id"]))
            own = [category.get("class_id") for category in ordered]
            is_kept = all(type(index) is int and 0 <= index < 1_000_000 for index in own)
            self.by_id: dict[int, tuple[int, str]] = {}
            self.colors: dict[int, str] = {}
            for rank, category in enumerate(ordered):
                name = str(category["name"])
                index = category["class_id"] if is_kept else rank
                if names is not None:
                    if name not in names:
                        raise InvalidRequest(
                            f"{place} has the category {name!r}, which is not among the labels given.",
                            field="labels",
                            value=name,
                        )
                    index = names.index(name)
                self.by_id[int(category["id"])] = (index, name)
                if isinstance(category.get("color"), list):
                    red, green, blue = (int(v) & 255 for v in category["color"])
                    self.colors[index] = f"#{red:02x}{green:02x}{blue:02x}"
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidRequest(
                f"{place}: a category needs a whole number as id and a name.", field="categories"
            ) from error
        self.has_indices = is_kept

    def of(self, annotation: dict[str, Any], place: str) -> tuple[int, str]:
        found = self.by_id.get(annotation.get("category_id", -1))
        if found is None:
            raise InvalidRequest(
                f"{place}: an annotation of image {annotation.get('image_id')} has the category "
                f"{annotation.get('category_id')!r}, which is not in the list of categories.",
                field="category_id",
            )
        return found


def _item(
    image: dict[str, Any], own: list[dict[str, Any]], classes: _Classes, reading: Reading, wants_masks: bool
) -> Item:
    place = f"{reading.source}: image {image['id']}"
    name = safe_name(str(image.get("file_name", "")))
    more: dict[str, Any] = image["labelwright"] if isinstance(image.get("labelwright"), dict) else {}
    uri = image.get("coco_url")
    width, height = image.get("width"), image.get("height")
    if not (type(width) is int and type(height) is int):
        if more.get("labeled") is False:
            width = height = None
        else:
            width, height, _ = reading.image_size(name)
    elif not (width > 0 and height > 0 and width * height <= IMAGE_PIXELS_READ_MAX):
        raise InvalidRequest(f"{place} is {width}x{height} pixels large, which cannot be.", field="width")
    label: BoxesLabel | MaskLabel | None = None
    try:
        if more.get("labeled") is not False and width is not None and height is not None:
            if wants_masks:
                label = _mask(own, classes, reading, (height, width), place, more.get("confidence"))
            else:
                label = _boxes(own, classes, reading, (width, height, more.get("depth", 3)), place)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InvalidRequest(
            f"{place} has an annotation that is not of COCO's form: {error}.", field="annotations"
        ) from error
    return Item(
        name=name,
        uri=uri if isinstance(uri, str) and uri.startswith("s3://") else None,
        size=None if width is None or height is None else (width, height, more.get("depth", 3)),
        label=label,
        attributes=more.get("attributes", {}),
        metadata=more.get("metadata", {}),
    )


def _boxes(
    own: list[dict[str, Any]], classes: _Classes, reading: Reading, size: tuple[int, int, int], place: str
) -> BoxesLabel:
    boxes = []
    crowded: Counter[str] = Counter()
    for annotation in own:
        if annotation.get("iscrowd"):
            crowded["crowd annotations, which are no single boxes"] += 1
            continue
        left, top, width, height = (float(v) for v in annotation["bbox"])
        if not all(abs(v) < 1e9 for v in (left, top, width, height)):
            raise ValueError("the box is not finite")
        index, name = classes.of(annotation, place)
        score = annotation.get("score")
        boxes.append(
            LabeledBox(index, left, top, width, height, None if score is None else float(score), name)
        )
    for what, count in crowded.items():
        reading.skip(what, count)
    return BoxesLabel(*size, tuple(boxes))


def _mask(
    own: list[dict[str, Any]],
    classes: _Classes,
    reading: Reading,
    shape: tuple[int, int],
    place: str,
    confidence: float | None,
) -> MaskLabel:
    """Regions painted in their order, later ones over earlier ones."""
    # Without indices of the file's own, 0 is kept free for the background.
    shift = 0 if classes.has_indices or reading.names is not None else 1
    indices = np.zeros(shape, dtype=np.uint8)
    for annotation in own:
        index = classes.of(annotation, place)[0] + shift
        if index > 254:
            raise InvalidRequest(f"{place}: a mask has at most 254 classes.", field="categories")
        segmentation = annotation.get("segmentation")
        if not segmentation:
            reading.skip("annotations without a region")
            continue
        if isinstance(segmentation, dict):
            counts = segmentation["counts"]
            if list(segmentation["size"]) != list(shape):
                raise ValueError(f"a region of size {segmentation['size']}")
            runs = decompress(counts) if isinstance(counts, str) else counts
            region = from_runs(runs, shape[0] * shape[1]).reshape(shape, order="F")
        else:
            rings = [np.array(ring, dtype=np.float64).reshape(-1, 2) for ring in segmentation]
            if not all(np.isfinite(ring).all() for ring in rings):
                raise ValueError("a polygon is not finite")
            region = fill_polygons(rings, *shape)
        indices[region] = index
    known = {index + shift: name for index, name in classes.by_id.values()}
    known.setdefault(0, "BACKGROUND")
    entries = [
        SegmentationClass(index, known[index], color_of(index, classes.colors.get(index - shift)), confidence)
        for index in sorted(known)
    ]
    return MaskLabel(indices, tuple(entries))


def _rgb(color: str) -> list[int]:
    return list(bytes.fromhex(color[1:7]))


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


COCO = Format(
    "coco",
    "COCO",
    False,
    frozenset(FEATURES) - {"class", "classes"},
    "Masks as run lengths (`iscrowd` 1), with `--polygons` as polygons along pixel edges; both are exact. In "
    "files from elsewhere class indices follow the order of category ids, and regions painted later cover "
    "earlier ones.",
    read,
    write,
)
