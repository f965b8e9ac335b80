"""The parts of the object detector against slow and obvious versions of them."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra: pip install 'labelwright[train]'")
pytest.importorskip("torchvision", reason="training needs the extra: pip install 'labelwright[train]'")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torchvision.models import mobilenet_v2
from torchvision.ops import box_convert, box_iou, nms

from labelwright.recordio import encode_boxes as encode_label
from labelwright.train.object_detection.anchors import MapAnchors, anchor_boxes, decode_boxes, encode_boxes
from labelwright.train.object_detection.bases import build_base
from labelwright.train.object_detection.crops import WHOLE, Cropping, move_boxes, random_window, view
from labelwright.train.object_detection.detecting import Suppression, detections
from labelwright.train.object_detection.labels import Annotations, LabelRules, annotations_of
from labelwright.train.object_detection.loss import detection_loss
from labelwright.train.object_detection.matching import match, overlaps
from labelwright.train.object_detection.network import Detector, DetectorShape
from labelwright.train.toolkit.convolutions import prepare_for_export, speed_up
from labelwright.train.toolkit.optimizers import freeze
from labelwright.train.toolkit.problems import CustomerError

pytestmark = pytest.mark.train

RULES = LabelRules(n_classes=3)


def random_boxes(generator: torch.Generator, *shape: int) -> torch.Tensor:
    corners = torch.rand(*shape, 2, generator=generator)
    sides = torch.rand(*shape, 2, generator=generator) * 0.4 + 0.02
    return torch.cat([corners, corners + sides], dim=-1).clamp(0, 1)


def greedy_match(boxes: torch.Tensor, anchors_xyxy: torch.Tensor, threshold: float) -> list[int]:
    """One picture: the greatest pair again and again, then the rest by the threshold."""
    iou = box_iou(boxes, anchors_xyxy)  # (m, a)
    left = iou.clone()
    matched = [-1] * len(anchors_xyxy)
    for _ in range(len(boxes)):
        box, anchor = divmod(int(left.argmax()), left.shape[1])
        if left[box, anchor] <= 0:
            break
        matched[anchor] = box
        left[box, :] = -1
        left[:, anchor] = -1
    for anchor, box in enumerate(iou.argmax(dim=0).tolist()):
        if matched[anchor] < 0 and iou[box, anchor] >= threshold:
            matched[anchor] = box
    return matched


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 40))
def test_matching_equals_picking_the_greatest_pair_again_and_again(seed: int, m: int, a: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    boxes = random_boxes(generator, 3, m)
    anchors_xyxy = random_boxes(generator, a)
    is_box = torch.rand(3, m, generator=generator) < 0.8
    anchors = box_convert(anchors_xyxy, "xyxy", "cxcywh")
    found = match(boxes, is_box, anchors, threshold=0.5)
    for i_picture in range(3):
        numbers = is_box[i_picture].nonzero().flatten()
        if not len(numbers):
            assert found[i_picture].tolist() == [-1] * a
            continue
        wanted = greedy_match(boxes[i_picture, numbers], anchors_xyxy, 0.5)
        real = [int(numbers[w]) if w >= 0 else -1 for w in wanted]
        assert found[i_picture].tolist() == real


def test_overlaps_are_those_of_torchvision() -> None:
    generator = torch.Generator().manual_seed(1)
    boxes, anchors = random_boxes(generator, 2, 5), random_boxes(generator, 7)
    torch.testing.assert_close(overlaps(boxes, anchors)[1], box_iou(boxes[1], anchors))


def test_no_box_at_all_is_all_background() -> None:
    anchors = torch.tensor([[0.5, 0.5, 0.2, 0.2]])
    assert match(torch.zeros(2, 0, 4), torch.zeros(2, 0, dtype=torch.bool), anchors).tolist() == [[-1], [-1]]


def test_anchors_of_one_cell_are_those_of_the_table() -> None:
    spec = MapAnchors((0.2, 0.2720294), (1.0, 2.0, 0.5, 3.0, 1 / 3))
    anchors = anchor_boxes([spec], [(1, 1)])
    assert spec.n_per_cell == 6 == len(anchors)
    assert anchors[:, :2].tolist() == [[0.5, 0.5]] * 6
    widths = torch.tensor([0.2, 0.2720294, 0.2 * 2**0.5, 0.2 / 2**0.5, 0.2 * 3**0.5, 0.2 / 3**0.5])
    torch.testing.assert_close(anchors[:, 2], widths)
    torch.testing.assert_close(anchors[2:, 2] * anchors[2:, 3], torch.full((4,), 0.04))


def test_anchors_go_row_by_row() -> None:
    anchors = anchor_boxes([MapAnchors((0.1,), (1.0,))], [(2, 3)])
    assert anchors[1, :2].tolist() == pytest.approx([0.5, 0.25])
    assert anchors[3, :2].tolist() == pytest.approx([1 / 6, 0.75])


def test_decoding_undoes_encoding() -> None:
    generator = torch.Generator().manual_seed(2)
    boxes = random_boxes(generator, 50)
    anchors = torch.cat([torch.rand(50, 2, generator=generator), torch.full((50, 2), 0.2)], dim=1)
    torch.testing.assert_close(decode_boxes(encode_boxes(boxes, anchors), anchors), boxes)


@pytest.mark.parametrize(
    ("base", "side", "cells"),
    [
        ("vgg-16", 300, [38, 19, 10, 5, 3, 1]),
        ("resnet-50", 512, [32, 16, 8, 4, 2, 1]),
        ("mobilenet", 300, [38, 19, 10, 5, 3, 2]),
    ],
)
def test_maps_have_the_documented_strides(base: str, side: int, cells: list[int]) -> None:
    shape = DetectorShape(base, n_classes=2, image_side_px=side)
    model = Detector(shape)
    assert model._cells() == [(n, n) for n in cells]
    if base == "resnet-50":
        assert [head.out_channels for head in model.class_heads] == [12, 18, 18, 18, 12, 12]


def test_layers_have_the_documented_names() -> None:
    with torch.device("meta"):
        base = build_base("vgg-16")
    vgg = {base.public_name(name) for name, _ in base.named_parameters()}
    assert {"conv1_1_weight", "conv4_3_bias", "conv5_3_weight", "fc6_weight", "fc7_bias"} <= vgg
    resnet = build_base("resnet-18")
    names = {resnet.public_name(name) for name, _ in resnet.named_parameters()}
    assert {"conv0_weight", "bn0_gamma", "stage1_unit1_conv1_weight", "stage2_unit1_sc_bn_beta"} <= names
    assert len(names) == len(list(resnet.named_parameters()))


def test_freezing_by_pattern_keeps_weights_and_statistics() -> None:
    model = Detector(DetectorShape("resnet-18", n_classes=2))
    frozen = freeze(model, "^(conv0|bn0|stage1_).*", name_of=model.public_name)
    model.fix_norms(frozen, whole_base=False)
    model.train()
    assert all(name.startswith(("base.stem", "base.stages.0")) for name in frozen)
    assert len(frozen) == 3 + 4 * 3
    assert not model.base.stem[1].training
    assert model.base.stages[1][0].bn1.training
    assert not model.base.stem[0].weight.requires_grad
    assert model.base.stages[1][0].conv1.weight.requires_grad
    with pytest.raises(CustomerError, match="no regular expression"):
        freeze(model, "(", name_of=model.public_name)


def test_loss_is_that_of_the_paper_on_a_small_case() -> None:
    torch.manual_seed(3)
    anchors = torch.tensor([[(i + 0.5) / 40, 0.5, 0.02, 0.2] for i in range(40)])
    boxes = torch.tensor([[[0.0, 0.4, 0.025, 0.6], [0.0, 0.0, 0.0, 0.0]]])
    ids = torch.tensor([[1, -1]])
    scores, offsets = torch.randn(1, 40, 4), torch.randn(1, 40, 4)
    entropy, distance = detection_loss(scores, offsets, anchors, boxes, ids)
    positive = [0]
    background = functional.cross_entropy(scores[0], torch.zeros(40, dtype=torch.int64), reduction="none")
    negatives = [i for i in background.argsort(descending=True).tolist() if i not in positive][:12]
    wanted = functional.cross_entropy(scores[0, [0]], torch.tensor([2]), reduction="sum")
    wanted = wanted + background[negatives].sum()
    torch.testing.assert_close(entropy, wanted)
    target = encode_boxes(boxes[0, :1], anchors[:1])
    torch.testing.assert_close(distance, functional.smooth_l1_loss(offsets[0, :1], target, reduction="sum"))


def test_pictures_without_boxes_still_teach_the_background() -> None:
    scores = torch.zeros(2, 40, 3, requires_grad=True)
    anchors = torch.rand(40, 4) * 0.5 + 0.1
    entropy, distance = detection_loss(
        scores, torch.zeros(2, 40, 4), anchors, torch.zeros(2, 0, 4), torch.zeros(2, 0, dtype=torch.int64)
    )
    entropy.backward()
    assert scores.grad is not None
    assert int((scores.grad.abs().sum(dim=2) > 0).sum()) == 2 * 12
    assert float(distance) == 0.0


def test_suppression_is_torchvisions_whatever_the_class() -> None:
    torch.manual_seed(4)
    anchors = box_convert(random_boxes(torch.Generator().manual_seed(5), 60), "xyxy", "cxcywh")
    scores, offsets = torch.randn(2, 60, 4) * 3, torch.randn(2, 60, 4) * 0.3
    found = detections(scores, offsets, anchors, Suppression(nms_threshold=0.3, nms_topk=20))
    for i_picture in range(2):
        probability, class_id = scores[i_picture].softmax(dim=1)[:, 1:].max(dim=1)
        boxes = decode_boxes(offsets[i_picture], anchors)
        best = probability.argsort(descending=True)[:20]
        best = best[probability[best] >= 0.01]
        kept = best[nms(boxes[best], probability[best], 0.3)]
        np.testing.assert_allclose(found[i_picture].scores, probability[kept].numpy(), rtol=1e-6)
        np.testing.assert_allclose(found[i_picture].boxes_xyxy_px, boxes[kept].numpy(), rtol=1e-5, atol=1e-6)
        assert found[i_picture].class_ids.tolist() == class_id[kept].tolist()


def label(*rows: tuple[int, int, int, int, int], size: tuple[int, int] | None = (200, 100)) -> bytes:
    content: dict[str, object] = {
        "annotations": [
            {"class_id": c, "left": left, "top": top, "width": w, "height": h} for c, left, top, w, h in rows
        ]
    }
    if size:
        content["image_size"] = [{"width": size[0], "height": size[1], "depth": 3}]
    return json.dumps(content).encode()


def test_json_and_record_labels_mean_the_same() -> None:
    from_json = annotations_of(label((2, 20, 10, 60, 40)), "a.jpg", (1, 1), RULES)
    from_record = annotations_of(encode_label([[2, 0.1, 0.1, 0.4, 0.5]]), "record 0", (1, 1), RULES)
    np.testing.assert_allclose(from_json.boxes_xyxy, [[0.1, 0.1, 0.4, 0.5]], rtol=1e-6)
    np.testing.assert_allclose(from_record.boxes_xyxy, from_json.boxes_xyxy, rtol=1e-6)
    assert from_json.class_ids.tolist() == from_record.class_ids.tolist() == [2]


def test_boxes_are_cut_at_the_edge_and_the_picture_tells_its_size_where_the_label_does_not() -> None:
    found = annotations_of(label((0, -10, 50, 60, 100), size=None), "a.jpg", (100, 100), RULES)
    np.testing.assert_allclose(found.boxes_xyxy, [[0, 0.5, 0.5, 1]])


def test_no_boxes_are_a_negative_sample() -> None:
    assert annotations_of(label(), "a.jpg", (9, 9), RULES).boxes_xyxy.shape == (0, 4)
    assert annotations_of(encode_label([]), "record 0", (9, 9), RULES).class_ids.shape == (0,)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (label((3, 0, 0, 5, 5)), "class id 3; num_classes is 3"),
        (encode_label([[-1, 0, 0, 1, 1]]), "class id -1"),
        (b"{]", "is no JSON"),
        (b"[1]", "must be an object"),
        (b'{"annotations": [{"left": 1}]}', "no bounding-box label"),
        (b'{"boxes": []}', "no bounding-box label"),
        (np.array([2, 5, 1], dtype=np.float32), "cannot be used"),
        (label(*[(0, 0, 0, 5, 5)] * 70), "352 numbers (70 objects), more than label_width=350"),
    ],
)
def test_labels_that_break_a_rule_are_the_customers_error(value: bytes, message: str) -> None:
    with pytest.raises(CustomerError, match="sample 7") as caught:
        annotations_of(value, "sample 7", (10, 10), RULES)
    assert message in str(caught.value)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_boxes_move_with_the_pixels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = np.zeros((120, 160, 3), dtype=np.uint8)
    left, top = rng.integers(10, 100), rng.integers(10, 70)
    width, height = rng.integers(25, 50, size=2)
    right, bottom = min(left + width, 160), min(top + height, 120)
    pixels[top:bottom, left:right] = 255
    box = np.array([[left / 160, top / 120, right / 160, bottom / 120]], dtype=np.float32)
    window = random_window(Annotations(box, np.array([0])), rng, Cropping())
    moved = move_boxes(Annotations(box, np.array([0])), window)
    shown = view(pixels, window, 300)
    assert shown.shape == (300, 300, 3)
    if not len(moved.class_ids):
        return
    rows, columns = np.nonzero((shown == 255).all(axis=2) | (shown[..., 0] > 190))
    seen = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / 300
    np.testing.assert_allclose(seen, moved.boxes_xyxy[0], atol=0.025)


def test_boxes_whose_centre_is_out_of_view_are_left_out() -> None:
    both = Annotations(np.array([[0, 0, 0.2, 0.2], [0.5, 0.5, 1, 1]], np.float32), np.array([0, 1]))
    assert move_boxes(both, (0.4, 0.4, 1.0, 1.0)).class_ids.tolist() == [1]
    assert move_boxes(both, WHOLE) is both


def test_fixed_norms_and_strided_convolutions_compute_the_same_faster() -> None:
    torch.manual_seed(0)
    plain = mobilenet_v2().features[:6].double()
    for module in plain.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    quick = speed_up(copy.deepcopy(plain))
    assert list(quick.state_dict()) == list(plain.state_dict())
    pictures = torch.rand(2, 3, 33, 33, dtype=torch.float64)
    for trains in (True, False):
        for net in (plain, quick):
            net.train(trains).zero_grad()
            net(pictures).square().mean().backward()
        torch.testing.assert_close(quick(pictures), plain(pictures))
        for one, other in zip(quick.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(one.grad, other.grad)
    plain.eval()
    torch.testing.assert_close(prepare_for_export(quick.eval())(pictures), plain(pictures))


@pytest.mark.parametrize("base", ["vgg-16", "resnet-18", "mobilenet"])
def test_pretrained_weights_of_torchvision_are_taken_over(base: str, tmp_path: Path) -> None:
    from torchvision import models

    built = build_base(base)
    torch.manual_seed(1)
    if base == "vgg-16":
        with torch.device("meta"):  # only shapes; there are 138 million of them
            shapes = models.vgg16().state_dict()
        state = {n: torch.rand(v.shape) for n, v in shapes.items() if n.startswith("features.")}
        part = ("features.28.weight", "to_conv5_3.5.weight")
    else:
        state = models.get_model(built.torchvision_name).state_dict()
        part = (
            ("layer4.1.conv2.weight", "stages.3.1.conv2.weight")
            if base == "resnet-18"
            else ("features.18.0.weight", "blocks.18.0.weight")
        )
    built.take_pretrained(state)
    torch.testing.assert_close(built.state_dict()[part[1]], state[part[0]])
    with pytest.raises(CustomerError, match="do not fit"):
        built.take_pretrained({"features.0.weight": torch.zeros(1), "layer9.0.weight": torch.zeros(1)})
