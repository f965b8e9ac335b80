"""Labels, crops, colours, scores, losses and networks of image classification."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra: pip install 'labelwright[train]'")
pytest.importorskip("torchvision", reason="training needs the extra: pip install 'labelwright[train]'")

import torch
from hypothesis import given
from hypothesis import strategies as some
from torch.nn import functional

from labelwright.train.image_classification import labels
from labelwright.train.image_classification.losses import ClassificationLoss
from labelwright.train.image_classification.metrics import Scores
from labelwright.train.image_classification.networks import build_classifier
from labelwright.train.image_classification.pictures import Cropping, jitter_hsl
from labelwright.train.toolkit.problems import CustomerError

pytestmark = pytest.mark.train


@pytest.mark.parametrize("text", [b"2", b'"2"', b" 2 ", b"2.0", b'"2.0"'])
def test_a_class_id_may_be_a_number_or_digits(text: bytes) -> None:
    assert labels.class_id_of_text(text, 3) == 2


@pytest.mark.parametrize(
    "text", [b"3", b"-1", b"1.5", b"true", b"null", b"[0]", b"cat", b"", b"NaN", b"1e999"]
)
def test_what_is_no_class_is_refused(text: bytes) -> None:
    with pytest.raises(CustomerError, match="label"):
        labels.class_id_of_text(text, 3)


@given(some.lists(some.booleans(), min_size=1, max_size=9), some.booleans())
def test_both_label_formats_say_the_same(present: list[bool], is_in_a_string: bool) -> None:
    def text(value: list[int]) -> str:
        return f'"{value}"' if is_in_a_string else str(value)

    hot = [int(each) for each in present]
    ids = [i for i, each in enumerate(present) if each]
    first = labels.classes_of_text(text(hot), len(present), "multi-hot")
    second = labels.classes_of_text(text(ids), len(present), "class-id")
    assert first.tolist() == second.tolist() == labels.classes_of_numbers(hot, len(present)).tolist() == hot


def test_a_multi_hot_label_of_another_length_is_refused() -> None:
    with pytest.raises(CustomerError, match=r"has 2 entries; num_classes is 3"):
        labels.classes_of_text("[0, 2]", 3, "multi-hot")
    with pytest.raises(CustomerError, match="nothing but 0 and 1"):
        labels.classes_of_text("[0, 2, 1]", 3, "multi-hot")
    with pytest.raises(CustomerError, match="is no list, but multi_label is 1"):
        labels.classes_of_text("1", 3, "class-id")
    with pytest.raises(CustomerError, match=r"has 2 numbers .* but multi_label is 0"):
        labels.class_id_of_numbers([1.0, 0.0], 3)


@pytest.mark.parametrize("augmentation", [None, "crop", "crop_color", "crop_color_transform"])
@pytest.mark.parametrize("n_channels", [1, 3])
def test_crops_have_the_image_shape_and_repeat(augmentation: str | None, n_channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    cropping = Cropping((n_channels, 30, 40), resize=44, augmentation=augmentation)
    scaled = cropping.scaled(pixels, "a")
    assert scaled.shape == (44, 62, n_channels)
    first, second = (cropping.training(scaled, np.random.default_rng(5)) for _ in range(2))
    assert first.shape == (30, 40, n_channels)
    assert (first == second).all()
    assert cropping.middle(scaled).shape == (30, 40, n_channels)


def test_a_turned_crop_shows_about_the_same() -> None:
    rows, columns = np.mgrid[0:100, 0:100]
    pixels = np.stack([rows * 2, columns * 2, rows + columns], axis=2).astype(np.uint8)
    plain = Cropping((3, 60, 60), augmentation="crop").training(pixels, np.random.default_rng(1))
    warped = Cropping((3, 60, 60), augmentation="crop_color_transform").training(
        pixels, np.random.default_rng(1)
    )
    middle = slice(28, 32)
    # Both drew the same place first; the middle of a warped crop stays where it was, mirrored or not.
    for each in (plain, warped):
        assert abs(each[middle, middle].mean() - plain[middle, middle].mean()) < 3
    assert (plain.shape == warped.shape) and (plain != warped).any()


def test_a_picture_smaller_than_the_shape_is_refused() -> None:
    pixels = np.zeros((50, 70, 3), dtype=np.uint8)
    with pytest.raises(CustomerError, match=r"x\.jpg is smaller than image_shape: it has 70 x 50 pixels"):
        Cropping((3, 60, 60)).scaled(pixels, "x.jpg")


def test_hue_saturation_and_lightness_move_as_in_the_color_space() -> None:
    chance = np.random.default_rng(3)
    pictures = torch.from_numpy(chance.integers(0, 256, (2, 3, 4, 5), dtype=np.uint8))
    moved = jitter_hsl(pictures, torch.Generator().manual_seed(4))
    draws = torch.rand(2, 3, generator=torch.Generator().manual_seed(4)) * 2 - 1
    by = (draws * torch.tensor([36 / 180, 50 / 255, 50 / 255])).numpy()
    for i in range(2):
        for y in range(4):
            for x in range(5):
                h, lightness, s = colorsys.rgb_to_hls(*(pictures[i, :, y, x].numpy() / 255))
                expected = colorsys.hls_to_rgb(
                    (h + by[i, 0]) % 1,
                    min(1, max(0, lightness + by[i, 2])),
                    min(1, max(0, s + by[i, 1])) if s else 0,
                )
                np.testing.assert_allclose(moved[i, :, y, x] / 255, expected, atol=2e-4)


def test_accuracy_top_k_and_the_mean_over_classes() -> None:
    scores = Scores(multi_label=False, top_k=2)
    scores.add(torch.tensor([[3.0, 2, 1], [1, 2, 3], [1, 3, 2]]), torch.tensor([0, 0, 2]))
    assert scores.named() == [("accuracy", pytest.approx(1 / 3)), ("top_k_accuracy_2", pytest.approx(2 / 3))]
    several = Scores(multi_label=True, top_k=2)
    several.add(torch.tensor([[3.0, -2], [-1, -2]]), torch.tensor([[1.0, 1], [0, 0]]))
    assert several.named() == [("accuracy", pytest.approx(3 / 4))]


def test_weights_make_rare_classes_count() -> None:
    truth = torch.tensor([[1.0, 0]] * 9 + [[1.0, 1]])
    scores = torch.zeros(10, 2, requires_grad=True)
    plain = ClassificationLoss(2, multi_label=True)
    assert plain(scores, truth).item() == pytest.approx(np.log(2))
    weighted = ClassificationLoss(2, multi_label=True, is_weighted=True)
    weighted.restore({"n_with": torch.tensor([900.0, 100], dtype=torch.float64), "n_seen": 1000.0})
    weighted(scores, truth).backward()
    pull = scores.grad[:, 1]
    # One picture with the second class pulls about as hard as the nine without it together.
    assert float(pull[9]) == pytest.approx(-float(pull[:9].sum()), rel=0.05)
    again = ClassificationLoss(2, multi_label=True, is_weighted=True)
    again.restore(weighted.state())
    assert again(scores, truth).item() == weighted(scores, truth).item()
    one = ClassificationLoss(3)
    given_scores = torch.randn(4, 3)
    assert torch.equal(
        one(given_scores, torch.tensor([0, 1, 2, 0])),
        functional.cross_entropy(given_scores, torch.tensor([0, 1, 2, 0])),
    )


@pytest.mark.parametrize(
    ("n_layers", "n_weighted"),
    [(18, 18), (34, 34), (50, 50), (101, 101), (152, 152), (200, 200), (20, 20), (44, 44), (110, 110)],
)
def test_networks_have_as_many_layers_as_they_say(n_layers: int, n_weighted: int) -> None:
    with torch.device("meta"):
        network = build_classifier("resnet", n_layers, (3, 224, 224), 7)
    counted = [
        name
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear) and "downsample" not in name
    ]
    assert len(counted) == n_weighted


@pytest.mark.parametrize(
    ("base_network", "n_layers", "shape"),
    [("resnet", 18, (1, 32, 24)), ("resnet", 32, (3, 28, 28)), ("mobilenet", 152, (1, 40, 40))],
)
def test_networks_take_the_image_shape(base_network: str, n_layers: int, shape: tuple[int, int, int]) -> None:
    network = build_classifier(base_network, n_layers, shape, 4).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, *shape, dtype=torch.uint8)).shape == (2, 4)
