from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from dataprep_making import boxes_line, class_line, lines_of
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from labelwright.dataprep.augment import (
    AugmentPlaces,
    AugmentSummary,
    Move,
    Recipe,
    augment_manifest,
    clip_boxes,
    move_boxes,
)
from labelwright.dataprep.augment.pixels import change_colors, move_mask, move_picture
from labelwright.dataprep.files import Files
from labelwright.dataprep.to_manifest import encode_mask
from labelwright.errors import InvalidRequest, ManifestError

STEPS = ("mirrored", "flipped", "turned")
FLIPPED = {
    "mirrored": lambda a: a[:, ::-1],
    "flipped": lambda a: a[::-1],
    "turned": lambda a: np.rot90(a, -1),
}


@given(steps=st.lists(st.sampled_from(STEPS), max_size=5))
def test_exact_moves_agree_with_arrays(steps: list[str]) -> None:
    mask = np.arange(12, dtype=np.uint8).reshape(3, 4)
    move = Move.none(4, 3)
    for step in steps:
        move, mask = getattr(move, step)(), FLIPPED[step](mask)
    original = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(move_mask(original, move, 255), mask)
    draw = Recipe().draw(0, 0, 4, 3)
    picture = move_picture(Image.fromarray(original), type(draw)(move, draw.factors, draw.hue, True))
    assert np.array_equal(np.asarray(picture), mask)


recipes = st.builds(
    Recipe,
    mirror=st.booleans(),
    flip=st.booleans(),
    turn=st.booleans(),
    rotate_degrees=st.sampled_from([0.0, 10.0, 45.0]),
    crop=st.sampled_from([1.0, 0.4]),
    scale=st.sampled_from([(1.0, 1.0), (0.5, 2.0)]),
    seed=st.integers(0, 10),
)


@settings(deadline=None)
@given(
    recipe=recipes,
    left=st.integers(0, 30),
    top=st.integers(0, 20),
    width=st.integers(1, 9),
    height=st.integers(1, 9),
)
def test_a_box_stays_around_its_pixels_whatever_is_done(
    recipe: Recipe, left: int, top: int, width: int, height: int
) -> None:
    mask = np.zeros((30, 40), dtype=np.uint8)
    mask[top : top + height, left : left + width] = 1
    draw = recipe.draw(3, 1, 40, 30)
    moved = move_mask(mask, draw.move, 255)
    assert moved.shape == (draw.move.height, draw.move.width)
    box = np.array([[left, top, left + width, top + height]], dtype=np.float64)
    ((x0, y0, x1, y1),), (visible,) = clip_boxes(
        move_boxes(box, draw.move.matrix), draw.move.width, draw.move.height
    )
    ys, xs = np.nonzero(moved == 1)
    if len(xs):
        assert visible > 0
        # pixel centres are inside the box
        assert x0 <= xs.min() + 0.5 <= xs.max() + 0.5 <= x1
        assert y0 <= ys.min() + 0.5 <= ys.max() + 0.5 <= y1
    if not recipe.rotate_degrees and recipe.scale == (1.0, 1.0):
        assert (x1 - x0) * (y1 - y0) == pytest.approx(len(xs))
        assert visible == pytest.approx(len(xs) / (width * height))


def test_draws_depend_on_seed_object_and_copy_only() -> None:
    recipe = Recipe(mirror=True, rotate_degrees=10, color=0.5, seed=4)
    one, two = recipe.draw(7, 1, 40, 30), recipe.draw(7, 1, 40, 30)
    assert np.array_equal(one.move.matrix, two.move.matrix)
    assert one.factors == two.factors
    others = [
        recipe.draw(7, 2, 40, 30),
        recipe.draw(8, 1, 40, 30),
        Recipe(color=0.5, seed=5).draw(7, 1, 40, 30),
    ]
    assert all(other.factors != one.factors for other in others)


def test_colours_change_and_sizes_do_not() -> None:
    image = Image.new("RGB", (8, 8), (200, 30, 60))
    draw = Recipe(color=0.9, seed=1).draw(0, 0, 8, 8)
    changed = change_colors(image, draw)
    assert changed.size == (8, 8)
    assert changed.getpixel((0, 0)) != (200, 30, 60)


@pytest.mark.parametrize(
    "options", [{"rotate_degrees": 50}, {"crop": 0}, {"scale": (2, 1)}, {"color": 1}, {"min_visible": 2}]
)
def test_ranges_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="it must be"):
        Recipe(**options)


class Darkroom:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = Files(maps=[("s3://b", root / "in"), ("s3://new", root / "new")])
        (root / "in").mkdir()
        pixels = np.zeros((80, 100, 3), dtype=np.uint8)
        pixels[20:60, 10:40] = 255
        Image.fromarray(pixels).save(root / "in" / "a.png")
        mask = (pixels[..., 0] > 0).astype(np.uint8)
        (root / "in" / "m.png").write_bytes(encode_mask(mask, {0: "#ffffff", 1: "#2ca02c"}))

    def run(
        self, lines: list[dict[str, Any]], recipe: Recipe, **options: Any
    ) -> tuple[list[dict[str, Any]], AugmentSummary]:
        summary = AugmentSummary()
        places = AugmentPlaces("s3://new/x", "s3://new/x")
        made = augment_manifest(lines_of(*lines), recipe, places, self.files, summary, **options)
        return [json.loads(line) for line in made], summary

    def array(self, uri: str) -> npt.NDArray[np.uint8]:
        with Image.open(io.BytesIO(self.files.read(uri))) as image:
            return np.array(image)


@pytest.fixture
def darkroom(tmp_path: Path) -> Darkroom:
    return Darkroom(tmp_path)


def street(**others: Any) -> dict[str, Any]:
    color_map = {
        "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 1.0},
        "1": {"class-name": "road", "hex-color": "#2ca02c", "confidence": 1.0},
    }
    metadata = {"internal-color-map": color_map, "type": "groundtruth/semantic-segmentation"}
    return {"street-ref": "s3://b/m.png", "street-ref-metadata": metadata, **others}


def test_boxes_masks_and_pixels_move_together(darkroom: Darkroom) -> None:
    line = boxes_line("s3://b/a.png", [(0, 10, 20, 30, 40)], {0: "thing"}, batch=4) | street()
    recipe = Recipe(mirror=True, flip=True, turn=True, crop=0.7, min_visible=0.0, seed=2)
    lines, summary = darkroom.run([line, {"source-ref": "s3://b/none.png"}], recipe, n_copies=6)
    assert (len(lines), summary.n_pictures, summary.n_masks) == (8, 6, 6)
    assert lines[0] == line
    assert lines[-1] == {"source-ref": "s3://b/none.png"}
    for copy in lines[1:-1]:
        picture, mask = darkroom.array(copy["source-ref"]), darkroom.array(copy["street-ref"])
        assert np.array_equal(picture[..., 0] > 0, mask == 1)
        size = copy["parts"]["image_size"][0]
        assert (size["height"], size["width"]) == mask.shape
        covered = np.zeros(mask.shape, dtype=bool)
        for box in copy["parts"]["annotations"]:
            covered[box["top"] : box["top"] + box["height"], box["left"] : box["left"] + box["width"]] = True
        assert np.array_equal(covered, mask == 1)
        assert (copy["augmented-from"], copy["batch"]) == ("s3://b/a.png", 4)
        with Image.open(io.BytesIO(darkroom.files.read(copy["street-ref"]))) as image:
            assert bytes((image.getpalette() or [])[:6]).hex() == "ffffff2ca02c"


def test_boxes_of_which_little_is_left_are_dropped_with_their_confidence(darkroom: Darkroom) -> None:
    line = boxes_line("s3://b/a.png", [(0, 0, 0, 100, 80), (1, 0, 0, 2, 2)], {0: "big", 1: "corner"})
    (copy,), summary = darkroom.run([line], Recipe(crop=0.3, min_visible=0.25, seed=1), keeps_originals=False)
    assert [box["class_id"] for box in copy["parts"]["annotations"]] == [0]
    assert copy["parts-metadata"]["class-map"] == {"0": "big"}
    assert len(copy["parts-metadata"]["objects"]) == 1
    assert summary.n_boxes_dropped == 1


def test_outside_pixels_get_the_ignored_class_and_threads_change_nothing(darkroom: Darkroom) -> None:
    lines = [street(**{"source-ref": "s3://b/a.png"})] * 3
    recipe = Recipe(rotate_degrees=30, color=0.3, seed=3)
    one, _ = darkroom.run(lines, recipe, n_threads=1)
    pixels = [darkroom.array(line["source-ref"]) for line in one]
    many, _ = darkroom.run(lines, recipe, n_threads=4)
    assert one == many
    assert all(
        np.array_equal(a, darkroom.array(line["source-ref"])) for a, line in zip(pixels, many, strict=True)
    )
    values = set(np.unique(darkroom.array(one[1]["street-ref"])).tolist())
    assert values == {0, 1, 255}


def test_problems_name_the_line(darkroom: Darkroom) -> None:
    recipe = Recipe(mirror=True)
    good = class_line("s3://b/a.png", 0, "x")
    with pytest.raises(ManifestError, match=r"none\.png cannot be read") as caught:
        darkroom.run([good, class_line("s3://b/none.png", 0, "x")], recipe)
    assert caught.value.line_number == 2
    with pytest.raises(ManifestError, match="of a picture of 50x50 pixels; it has 100x80"):
        darkroom.run([boxes_line("s3://b/a.png", [(0, 1, 1, 2, 2)], {0: "x"}, size=(50, 50))], recipe)
