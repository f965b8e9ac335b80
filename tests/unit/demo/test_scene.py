"""The demo's pictures: the same for the same seed, with fair boxes, and all classes well mixed."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
from PIL import Image

from labelwright.demo.scene import CLASSES, IMAGE_SIZE, draw_scene, jpeg_bytes


def test_equal_seeds_draw_equal_scenes() -> None:
    first, second, other = draw_scene(7), draw_scene(7), draw_scene(8)
    assert first.boxes == second.boxes
    assert np.array_equal(np.asarray(first.image), np.asarray(second.image))
    assert first.boxes != other.boxes


def test_boxes_are_inside_and_large_enough_to_draw() -> None:
    for seed in range(30):
        boxes = draw_scene(seed).boxes
        assert 1 <= len(boxes) <= 16
        for box in boxes:
            assert 0 <= box.class_id < len(CLASSES)
            assert min(box.width, box.height) >= 10
            assert box.left >= 0
            assert box.top >= 0
            assert box.left + box.width <= IMAGE_SIZE[0]
            assert box.top + box.height <= IMAGE_SIZE[1]


def test_all_classes_are_common() -> None:
    counts = Counter(box.class_id for seed in range(40) for box in draw_scene(seed).boxes)
    total = sum(counts.values())
    assert set(counts) == set(range(len(CLASSES)))
    assert min(counts.values()) > total / len(CLASSES) / 2


def test_boxes_hold_their_thing_and_not_just_floor() -> None:
    # what is in a box differs from the same place without things more than the rest of the picture does
    scene = draw_scene(3)
    pixels = np.asarray(scene.image, dtype=np.float64)
    for box in scene.boxes:
        inside = pixels[box.top : box.top + box.height, box.left : box.left + box.width]
        assert inside.std() > 8


def test_file_is_a_small_jpeg_of_the_stated_size() -> None:
    content = jpeg_bytes(draw_scene(0))
    assert len(content) < 40_000
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size, image.mode) == ("JPEG", IMAGE_SIZE, "RGB")
