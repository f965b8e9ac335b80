"""Augment a whole manifest: new pictures, masks and lines, in order, by several threads."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelwright.dataprep.augment.geometry import clip_boxes, move_boxes
from labelwright.dataprep.augment.pixels import change_colors, move_mask, move_picture
from labelwright.dataprep.augment.recipe import Draw, Recipe
from labelwright.dataprep.files import Files, join_place, open_image, read_indices
from labelwright.dataprep.to_manifest import encode_mask
from labelwright.errors import InvalidRequest, LabelwrightError, ManifestError
from labelwright.manifests import (
    METADATA_SUFFIX,
    SOURCE_REF_KEY,
    BoxesLabel,
    ClassLabel,
    FailedLabel,
    Label,
    MultiLabel,
    Record,
    SegmentationLabel,
    Source,
    chunks_of,
    decode_exact,
    dumps,
    index_lines,
    label_from,
    number,
    parse_object,
)

__all__ = ["AugmentPlaces", "AugmentSummary", "augment_manifest"]

_DIGITS = 4  # of pixels; more would be noise of the arithmetic
_JPEG_QUALITY = 92


@dataclass(frozen=True, slots=True)
class AugmentPlaces:
    """Where new files go, and how the new manifest calls that place.

    Attributes
    ----------
    folder : str
        Local folder or ``s3://`` prefix.
    uri : str
        What ``source-ref`` and mask references begin with.
    """

    folder: str
    uri: str


@dataclass(slots=True)
class AugmentSummary:
    """Counts."""

    n_lines_in: int = 0
    n_lines_out: int = 0
    n_pictures: int = 0
    n_masks: int = 0
    n_boxes: int = 0
    n_boxes_dropped: int = 0


def augment_manifest(
    source: Source,
    recipe: Recipe,
    places: AugmentPlaces,
    files: Files,
    summary: AugmentSummary,
    *,
    n_copies: int = 1,
    keeps_originals: bool = True,
    mask_fill: int = 255,
    n_threads: int = 2,
) -> Iterator[bytes]:
    """Yield lines of the new manifest, without line ends, while pictures are written.

    Parameters
    ----------
    source : path, open binary file, or iterable of bytes
    recipe : Recipe
    places : AugmentPlaces
    files : Files
    summary : AugmentSummary
    n_copies : int
        New pictures per object. Objects without any label are left as they are.
    keeps_originals : bool
        Put each line itself before its copies.
    mask_fill : int
        Class index of mask pixels that come from outside the picture; 255 is what segmentation training
        leaves out.
    n_threads : int
        Pictures in work at once.

    Notes
    -----
    Boxes move with the picture, are cut at its edges, and dropped below ``recipe.min_visible``, with their
    confidences. Classes stay. The copies carry all other attributes, ``augmented-from`` with the original's
    URI, and no labels of other kinds (spans, video, custom), which cannot be moved.

    Raises
    ------
    ManifestError
        A bad line, or a picture that cannot be read or is not as large as its label says; with its line.
    """

    def jobs() -> Iterator[tuple[int, bytes, dict[str, Any], list[Label]]]:
        for span in index_lines(chunks_of(source)):
            summary.n_lines_in += 1
            data = parse_object(span.raw, span.number + 1)
            names = Record(span.number, data).label_attribute_names
            found = [label_from(data, name, line_number=span.number + 1) for name in names]
            labels = [
                label for label in found if label is not None and not isinstance(label.value, FailedLabel)
            ]
            yield span.number, span.raw, data, labels

    def work(i: int, raw: bytes, labels: Sequence[Label]) -> list[tuple[bytes, _Counts]]:
        try:
            return list(_copies(i, decode_exact(raw), labels, recipe, places, files, n_copies, mask_fill))
        except ManifestError:
            raise
        except LabelwrightError as error:
            raise ManifestError(error.message, line_number=i + 1) from error

    pending: deque[tuple[bytes, Future[list[tuple[bytes, _Counts]]] | None]] = deque()

    def finished() -> Iterator[bytes]:
        raw, future = pending.popleft()
        if keeps_originals or future is None:
            summary.n_lines_out += 1
            yield raw
        for line, counts in future.result() if future is not None else []:
            summary.n_lines_out += 1
            summary.n_pictures += 1
            summary.n_masks += counts.n_masks
            summary.n_boxes += counts.n_boxes
            summary.n_boxes_dropped += counts.n_boxes_dropped
            yield line

    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="augment")
    try:
        for i, raw, data, labels in jobs():
            if labels and not isinstance(data.get(SOURCE_REF_KEY), str):
                raise ManifestError(
                    "the object is a text; only pictures can be augmented.", line_number=i + 1
                )
            pending.append((raw, pool.submit(work, i, raw, labels) if labels else None))
            while len(pending) > 2 * n_threads:
                yield from finished()
        while pending:
            yield from finished()
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(slots=True)
class _Counts:
    n_boxes: int = 0
    n_boxes_dropped: int = 0
    n_masks: int = 0


def _copies(
    i_object: int,
    data: dict[str, Any],
    labels: Sequence[Label],
    recipe: Recipe,
    places: AugmentPlaces,
    files: Files,
    n_copies: int,
    mask_fill: int,
) -> Iterator[tuple[bytes, _Counts]]:
    uri = str(data[SOURCE_REF_KEY])
    image = open_image(files.read(uri), uri)
    is_png = image.format == "PNG"
    try:
        image = image if image.mode in ("RGB", "L") else image.convert("RGB")
        image.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise InvalidRequest(f"{uri} cannot be decoded: {error}.", field=SOURCE_REF_KEY, value=uri) from error
    masks = {
        label.attribute: read_indices(files.read(label.value.uri), label.value.uri)
        for label in labels
        if isinstance(label.value, SegmentationLabel)
    }
    own = {name for label in labels for name in (label.attribute, label.attribute + METADATA_SUFFIX)}
    stem = uri.rpartition("/")[2].rpartition(".")[0]
    for i_copy in range(n_copies):
        draw = recipe.draw(i_object, i_copy, image.width, image.height)
        name = f"{i_object}_{stem}_{i_copy + 1}"
        counts = _Counts()
        line: dict[str, Any] = {key: value for key, value in data.items() if key not in own}
        line[SOURCE_REF_KEY] = join_place(places.uri, f"{name}{'.png' if is_png else '.jpg'}")
        line["augmented-from"] = uri
        for label in labels:
            moved = _moved_label(data, label, draw, recipe, image.size, counts)
            if isinstance(label.value, SegmentationLabel):
                indices = masks[label.attribute]
                if indices.shape != (image.height, image.width):
                    raise InvalidRequest(
                        f"The mask {label.value.uri} is {indices.shape[1]}x{indices.shape[0]} pixels, its "
                        "picture "
                        f"{image.width}x{image.height}.",
                        field=label.attribute,
                    )
                colors = {c.class_index: c.hex_color for c in label.value.classes if c.hex_color}
                mask_name = f"{name}_{label.attribute}.png"
                encoded = encode_mask(move_mask(indices, draw.move, mask_fill), colors)
                files.write(join_place(places.folder, mask_name), encoded, content_type="image/png")
                counts.n_masks += 1
                line[label.attribute] = join_place(places.uri, mask_name)
                line[label.attribute + METADATA_SUFFIX] = data[label.attribute + METADATA_SUFFIX]
            elif moved is not None:
                line |= moved
        out = io.BytesIO()
        picture = change_colors(move_picture(image, draw), draw)
        if is_png:
            picture.save(out, "PNG")
        else:
            picture.save(out, "JPEG", quality=_JPEG_QUALITY)
        kind = "png" if is_png else "jpeg"
        target = join_place(places.folder, line[SOURCE_REF_KEY].rpartition("/")[2])
        files.write(target, out.getvalue(), content_type=f"image/{kind}")
        yield dumps(line), counts


def _moved_label(
    data: dict[str, Any], label: Label, draw: Draw, recipe: Recipe, size: tuple[int, int], counts: _Counts
) -> dict[str, Any] | None:
    """The label's two members of the line; None for one that is not moved here (masks are elsewhere)."""
    name = label.attribute
    members = {key: data[key] for key in (name, name + METADATA_SUFFIX) if key in data}
    match label.value:
        case ClassLabel() | MultiLabel():
            return members
        case BoxesLabel() as value:
            pass
        case _:
            return None
    if (value.image_width, value.image_height) != size:
        raise InvalidRequest(
            f"The boxes of {name!r} are of a picture of {value.image_width}x{value.image_height} pixels; "
            "it has "
            f"{size[0]}x{size[1]}. Coordinates count pixels of the stored picture.",
            field=name,
        )
    edges = np.array(
        [(box.left, box.top, box.left + box.width, box.top + box.height) for box in value.boxes],
        dtype=np.float64,
    ).reshape(-1, 4)
    clipped, visible = clip_boxes(move_boxes(edges, draw.move.matrix), draw.move.width, draw.move.height)
    clipped = np.round(clipped, _DIGITS)
    sides = clipped[:, 2:] - clipped[:, :2]
    kept = (visible >= recipe.min_visible) & (visible > 0) & (sides > 0).all(axis=1)
    counts.n_boxes += int(kept.sum())
    counts.n_boxes_dropped += len(kept) - int(kept.sum())
    raw = data[name]
    annotations = []
    for i in np.flatnonzero(kept).tolist():
        left, top = clipped[i, :2].tolist()
        width, height = np.round(sides[i], _DIGITS).tolist()
        place = {"left": number(left), "top": number(top), "width": number(width), "height": number(height)}
        annotations.append({**raw["annotations"][i], **place})
    image_size = [{**raw["image_size"][0], "width": draw.move.width, "height": draw.move.height}]
    members[name] = {**raw, "image_size": image_size, "annotations": annotations}
    if isinstance(members.get(name + METADATA_SUFFIX), dict):
        metadata = dict(members[name + METADATA_SUFFIX])
        if "objects" in metadata:
            metadata["objects"] = [
                entry for i, entry in enumerate(metadata["objects"]) if i >= len(kept) or kept[i]
            ]
        if "class-map" in metadata:
            used = {str(box["class_id"]) for box in annotations}
            metadata["class-map"] = {k: v for k, v in metadata["class-map"].items() if k in used}
        members[name + METADATA_SUFFIX] = metadata
    return members
