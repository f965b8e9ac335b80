"""A promptable model: prompts, sizes, and the process it runs in."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labelwright.errors import InvalidRequest
from labelwright.segment import Prompt, SegmentService
from labelwright.segment.sam import OnnxSegmenter
from labelwright.segment.service import SegmentationFailed

sys.path.insert(0, str(Path(__file__).parent))
import tiny_sam


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sam.write(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[SegmentService]:
    service = SegmentService(folder)
    yield service
    service.close()


def _picture(width: int, height: int, *, dark_from: int | None = None) -> np.ndarray:
    picture = np.full((height, width, 3), 200, np.uint8)
    if dark_from is not None:
        picture[:, dark_from:] = 0
    return picture


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def _iou(mask: np.ndarray, left: int, top: int, right: int, bottom: int) -> float:
    wanted = np.zeros(mask.shape, bool)
    wanted[top:bottom, left:right] = True
    return float((mask & wanted).sum() / (mask | wanted).sum())


@pytest.mark.parametrize(("width", "height"), [(640, 400), (400, 640), (2048, 512)])
def test_a_box_is_found_in_the_images_own_pixels(folder, width, height):
    left, top, right, bottom = width // 4, height // 4, width // 2, height // 2
    mask = OnnxSegmenter(folder).segment(_picture(width, height), box=(left, top, right - left, bottom - top))
    assert mask.shape == (height, width)
    assert _iou(mask, left, top, right, bottom) > 0.9


def test_extreme_points_may_come_in_any_order(folder):
    segmenter = OnnxSegmenter(folder)
    picture = _picture(600, 400)
    points = [(300.0, 100.0), (200.0, 180.0), (420.0, 200.0), (310.0, 300.0)]
    masks = [segmenter.segment(picture, points=order) for order in (points, points[::-1])]
    assert np.array_equal(*masks)
    assert _iou(masks[0], 200, 100, 420, 300) > 0.9


def test_the_image_matters(folder):
    mask = OnnxSegmenter(folder).segment(_picture(640, 400, dark_from=320), box=(200, 100, 300, 200))
    assert _iou(mask, 200, 100, 320, 300) > 0.85


def test_a_folder_without_a_model_is_named(tmp_path, folder):
    with pytest.raises(InvalidRequest, match=r"has no encoder\.onnx"):
        OnnxSegmenter(tmp_path)
    (tmp_path / "encoder.onnx").write_bytes(b"no model")
    (tmp_path / "decoder.onnx").write_bytes(b"no model")
    with pytest.raises(InvalidRequest, match="cannot be loaded"):
        OnnxSegmenter(tmp_path)


def test_another_kind_of_decoder_is_named(tmp_path):
    with pytest.raises(InvalidRequest, match="text_tokens"):
        OnnxSegmenter(tiny_sam.write(tmp_path, decoder_input="text_tokens"))


def test_a_process_of_its_own_answers(service):
    answer = service.mask(_png(_picture(640, 400)), Prompt(box=(160, 100, 200, 150)))
    mask = np.asarray(Image.open(io.BytesIO(answer)))
    assert set(np.unique(mask)) == {0, 255}
    assert _iou(mask > 0, 160, 100, 360, 250) > 0.9


def test_a_broken_image_does_not_end_it(service):
    with pytest.raises(SegmentationFailed, match="is no image that can be read"):
        service.mask(b"no image", Prompt(box=(0, 0, 1, 1)))
    assert service.mask(_png(_picture(64, 64)), Prompt(box=(8, 8, 20, 20)))


def test_a_killed_process_is_replaced(service):
    service.mask(_png(_picture(64, 64)), Prompt(box=(8, 8, 20, 20)))
    os.kill(service._process.pid, signal.SIGKILL)
    service._process.wait()
    assert service.mask(_png(_picture(64, 64)), Prompt(box=(8, 8, 20, 20)))


def test_a_process_that_takes_too_long_is_ended(service, folder):
    slow = SegmentService(folder)
    try:
        slow.mask(_png(_picture(64, 64)), Prompt(box=(8, 8, 20, 20)))
        os.kill(slow._process.pid, signal.SIGSTOP)
        slow._time_limit_s = 0.2
        with pytest.raises(SegmentationFailed, match=r"longer than 0\.2 s"):
            slow.mask(_png(_picture(64, 64)), Prompt(box=(8, 8, 20, 20)))
        slow._time_limit_s = 30.0
        assert slow.mask(_png(_picture(64, 64)), Prompt(box=(8, 8, 20, 20)))
    finally:
        slow.close()


def test_a_wrong_folder_is_told_to_whoever_asks(tmp_path):
    with pytest.raises(SegmentationFailed, match=r"has no encoder\.onnx"):
        SegmentService(tmp_path).mask(_png(_picture(8, 8)), Prompt(box=(0, 0, 4, 4)))
