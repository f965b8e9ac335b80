"""Masks, label maps, crops, metrics, losses and schedules of semantic segmentation."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra: pip install 'labelwright[train]'")
pytest.importorskip("torchvision", reason="training needs the extra: pip install 'labelwright[train]'")

import torch
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image
from torch.nn import functional

from labelwright.algorithms import get, parse_hyperparameters
from labelwright.train.semantic_segmentation.losses import segmentation_loss
from labelwright.train.semantic_segmentation.masks import LabelMap, decode_mask, read_label_map
from labelwright.train.semantic_segmentation.metrics import Confusion
from labelwright.train.semantic_segmentation.networks import _region_means, build_segmenter
from labelwright.train.semantic_segmentation.pictures import Framing
from labelwright.train.semantic_segmentation.program import learning_rate
from labelwright.train.toolkit.problems import CustomerError

pytestmark = pytest.mark.train


def _png(values: np.ndarray, mode: str = "L") -> bytes:
    image = Image.fromarray(values)
    if mode == "P":
        image.putpalette(list(range(256)) * 3)
    elif mode != "L":
        image = image.convert(mode)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("mode", ["L", "P"])
def test_the_index_counts_and_255_is_void(mode: str) -> None:
    values = np.array([[0, 1, 255], [2, 1, 0]], dtype=np.uint8)
    mask = decode_mask(_png(values, mode), "a", LabelMap.scaled(1, 3), 3)
    assert mask.tolist() == values.tolist()


def test_other_modes_and_values_are_refused() -> None:
    values = np.array([[0, 7]], dtype=np.uint8)
    with pytest.raises(CustomerError, match="mode RGB; it must be a PNG with one channel"):
        decode_mask(_png(values, "RGB"), "a", LabelMap.scaled(1, 3), 3)
    with pytest.raises(
        CustomerError, match=r"The mask of a has the value 7.*values must be from 0 to 2, or 255"
    ):
        decode_mask(_png(values), "a", LabelMap.scaled(1, 3), 3)
    with pytest.raises(CustomerError, match="no image that can be read"):
        decode_mask(b"\x89PNG", "a", LabelMap.scaled(1, 3), 3)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_mask_that_is_too_large_is_not_decoded() -> None:
    large = io.BytesIO()
    Image.new("1", (20_000, 5_001)).save(large, "PNG")
    with pytest.raises(CustomerError, match="of a has 20000 x 5001 pixels; 100000000 are allowed"):
        decode_mask(large.getvalue(), "a", LabelMap.scaled(1, 3), 3)


def test_label_maps_scale_and_list(tmp_path: Path) -> None:
    path = tmp_path / "train_label_map.json"
    path.write_text('{"scale": "3"}')
    assert read_label_map(tmp_path, "train", 3).table[[0, 1, 3, 6, 255]].tolist() == [0, 0, 1, 2, 255]
    path.write_text('{"map": {"0": 5, "1": 0, "2": 2}}')
    mapped = read_label_map(tmp_path, "train", 3).table
    assert mapped[[0, 5, 2, 7, 255]].tolist() == [1, 0, 2, 255, 255]
    assert read_label_map(tmp_path, "validation", 3).table[[0, 2, 255]].tolist() == [0, 2, 255]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "must hold"),
        ('{"scale": "0"}', "has the scale 0; it must be from 1 to 255"),
        ('{"scale": "x"}', "holds 'x' where a whole number belongs"),
        ('{"map": {"9": 1}}', "maps the class 9"),
        ('{"map": {"0": 1, "1": 1}}', "maps two classes to the same pixel value"),
    ],
)
def test_broken_label_maps_are_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "train_label_map.json").write_text(content)
    with pytest.raises(CustomerError, match=message):
        read_label_map(tmp_path, "train", 3)


@given(some.integers(5, 90), some.integers(5, 90), some.integers(1, 5), some.integers(0, 10**6))
def test_crops_of_picture_and_mask_stay_together(width: int, height: int, eighths: int, seed: int) -> None:
    columns = np.broadcast_to((np.arange(width) * 255 // width).astype(np.uint8), (height, width))
    mask = (columns > 127).astype(np.uint8)
    framing = Framing(base_size=40, crop_size=8 * eighths)
    pixels = np.repeat(columns[:, :, None], 3, axis=2)
    crop, truth = framing.training(pixels, mask, np.random.default_rng(seed))
    assert crop.shape == (8 * eighths, 8 * eighths, 3) and truth.shape == (8 * eighths, 8 * eighths)
    seen = truth != 255
    # Bright pixels are class 1; not within a pixel of the border between the two, or twice that enlarged.
    far = np.abs(crop[:, :, 0].astype(int) - 127) > 4 * 255 / min(width, 8 * eighths)
    assert ((crop[:, :, 0] > 127) == (truth == 1))[seen & far].all()
    middle, middle_truth = framing.middle(pixels, mask)
    assert middle.shape == crop.shape and middle_truth.shape == truth.shape


def test_mean_iou_leaves_out_void_and_absent_classes() -> None:
    confusion = Confusion(4)
    confusion.add(torch.tensor([[0, 0, 1, 1]]), torch.tensor([[0, 1, 1, 255]]))
    confusion.add(torch.tensor([[3]]), torch.tensor([[0]]))
    # Class 0: 1 of 3, class 1: 1 of 2; 2 and 3 are not in the truth.
    assert confusion.mean_iou == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert confusion.pixel_accuracy == pytest.approx(2 / 4)
    confusion.reset()
    assert confusion.mean_iou == 0 and confusion.pixel_accuracy == 0


def test_the_loss_ignores_void_and_adds_the_second_head() -> None:
    scores, second = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 4, 4)
    truth = torch.randint(0, 3, (2, 8, 8))
    truth[0, :4] = 255
    plain = segmentation_loss(scores, None, truth)
    assert float(plain) == pytest.approx(float(functional.cross_entropy(scores, truth, ignore_index=255)))
    assert float(segmentation_loss(scores, second, truth)) > float(plain)
    assert float(segmentation_loss(scores, None, torch.full_like(truth, 255))) == 0


@pytest.mark.parametrize("size", [(7, 5), (6, 12), (1, 3)])
def test_region_means_are_those_of_adaptive_pooling(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size)
    for n_bins in (1, 2, 3, 6):
        torch.testing.assert_close(_region_means(x, n_bins), functional.adaptive_avg_pool2d(x, n_bins))


def test_rates_follow_the_schedule() -> None:
    least = {"num_classes": "2", "num_training_samples": "9", "epochs": "4", "learning_rate": "0.1"}

    def rates(**given: str) -> list[float]:
        values = parse_hyperparameters(get("semantic-segmentation"), least | given)
        return [round(learning_rate(values, epoch, 0.5), 5) for epoch in range(4)]

    poly = [round(0.1 * (1 - (epoch + 0.5) / 4) ** 0.9, 5) for epoch in range(4)]
    assert rates() == poly
    assert rates(lr_scheduler="step", lr_scheduler_step="1, 3") == [0.1, 0.01, 0.01, 0.001]
    cosine = rates(lr_scheduler="cosine")
    assert cosine == sorted(cosine, reverse=True) and cosine[0] + cosine[3] == pytest.approx(0.1)


@pytest.mark.parametrize("algorithm", ["fcn", "psp", "deeplab"])
def test_heavy_networks_have_stride_8_and_a_second_head(algorithm: str) -> None:
    with torch.device("meta"):
        network = build_segmenter("resnet-101", algorithm, 5).train()
        scores, auxiliary = network.maps(torch.zeros(2, 3, 64, 96, dtype=torch.uint8))
    assert scores.shape == (2, 5, 8, 12) and auxiliary is not None and auxiliary.shape == (2, 5, 8, 12)
    with torch.device("meta"):
        light = build_segmenter("resnet-18", algorithm, 5).train()
        scores, auxiliary = light.maps(torch.zeros(2, 3, 64, 96, dtype=torch.uint8))
    assert scores.shape == (2, 5, 16, 24) and auxiliary is None


def test_a_label_map_file_may_hold_numbers(tmp_path: Path) -> None:
    (tmp_path / "train_label_map.json").write_text(json.dumps({"scale": 255}))
    assert read_label_map(tmp_path, "train", 2).table[[0, 254, 255]].tolist() == [0, 0, 1]
