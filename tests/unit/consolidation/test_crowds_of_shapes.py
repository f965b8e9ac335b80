"""Boxes, masks and spans estimated together with their workers, on synthetic crowds whose truth is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.consolidation.box_crowd import estimate_boxes
from labelwright.consolidation.boxes import LabeledBox, consolidate_boxes
from labelwright.consolidation.iou import box_iou
from labelwright.consolidation.mask_em import estimate_mask
from labelwright.consolidation.masks import consolidate_masks
from labelwright.consolidation.span_sequences import combine_span_sequences, span_document
from labelwright.consolidation.spans import LabeledSpan, consolidate_spans

Boxes = list[tuple[str, list[LabeledBox]]]


def crowd_of_boxes(seed: int, n_images: int = 60) -> tuple[list[Boxes], list[list[LabeledBox]]]:
    """Three workers of five are careful; one is careless and one draws boxes where nothing is."""
    rng = np.random.default_rng(seed)
    spread = dict(zip("abcde", (0.02, 0.02, 0.03, 0.25, 0.05), strict=True))
    images, truths = [], []
    for _ in range(n_images):
        truth = [
            LabeledBox(int(rng.integers(2)), 200.0 * i + 20, 30, 60 + 40 * rng.random(), 80)
            for i in range(rng.integers(0, 4))
        ]
        answers: Boxes = []
        for name, scale in spread.items():
            drawn = []
            for box in truth:
                if rng.random() < 0.12:
                    continue
                x0, y0, x1, y1 = rng.standard_t(4, 4) * scale
                label = box.class_id if rng.random() < 0.9 else 1 - box.class_id
                drawn.append(
                    LabeledBox(
                        label,
                        box.left + x0 * box.width,
                        box.top + y0 * box.height,
                        max(5.0, box.width * (1 + x1)),
                        max(5.0, box.height * (1 + y1)),
                    )
                )
            if name == "e" and rng.random() < 0.7:
                drawn.append(LabeledBox(0, 700 * rng.random(), 300, 50, 50))
            answers.append((name, drawn))
        images.append(answers)
        truths.append(truth)
    return images, truths


def mean_quality(found: list, truths: list[list[LabeledBox]]) -> float:
    """IoU of true boxes with the best found one of their label, over the mean number of both."""
    side = lambda b: (b.left, b.top, b.width, b.height)  # noqa: E731
    total = sum(
        max((box_iou(side(b), side(t)) for b in boxes if b.class_id == t.class_id), default=0.0)
        for boxes, truth in zip(found, truths, strict=True)
        for t in truth
    )
    return 2 * total / (sum(map(len, found)) + sum(map(len, truths)))


@pytest.mark.parametrize("seed", [1, 2])
def test_boxes_find_careless_workers_and_false_boxes(seed: int) -> None:
    images, truths = crowd_of_boxes(seed)
    crowd = estimate_boxes(images)
    mean = [consolidate_boxes(answers, image_height=400, n_workers_asked=5) for answers in images]
    assert mean_quality(crowd.kept(), truths) > mean_quality(mean, truths) + 0.2
    n_true = sum(map(len, truths))
    assert abs(sum(map(len, crowd.kept())) - n_true) <= 0.1 * n_true
    workers = crowd.workers
    assert workers["d"].spread > 2 * workers["a"].spread
    assert workers["e"].precision < 0.8 < workers["a"].precision
    assert all(abs(worker.recall - 0.88) < 0.1 for name, worker in workers.items() if name != "d")


def test_boxes_of_nobody_and_of_one() -> None:
    assert estimate_boxes([]).kept() == []
    assert estimate_boxes([[("a", []), ("b", [])]]).kept() == [[]]
    box = LabeledBox(3, 10, 20, 30, 40)
    [[found]] = estimate_boxes([[("a", [box, LabeledBox(0, 0, 0, 0, 5)])]]).kept()
    assert found.class_id == 3
    assert (found.left, found.top, found.width, found.height) == pytest.approx((10, 20, 30, 40))


def test_workers_who_differ_in_the_label_give_one_box() -> None:
    box = (10.0, 10.0, 20.0, 20.0)
    answers = [("a", [LabeledBox(0, *box)]), ("b", [LabeledBox(1, *box)]), ("c", [LabeledBox(1, *box)])]
    [[found]] = estimate_boxes([answers]).kept()
    assert found.class_id == 1
    assert len(consolidate_boxes(answers, image_height=100, n_workers_asked=3)) == 2


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.permutations(range(5)))
def test_boxes_do_not_depend_on_the_order_of_workers(seed: int, order: list[int]) -> None:
    images, _ = crowd_of_boxes(seed, n_images=3)
    shuffled = [[answers[i] for i in order] for answers in images]
    sides = lambda boxes: sorted((round(b.left, 6), b.class_id, b.confidence) for b in boxes)  # noqa: E731
    for a, b in zip(estimate_boxes(images).kept(), estimate_boxes(shuffled).kept(), strict=True):
        assert sides(a) == sides(b)


def painted(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two of five workers follow the border, three paint far over it, each elsewhere."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:80, :90]
    truth = ((y - 40) ** 2 + (x - 45) ** 2 < 20**2).astype(np.uint8)
    truth[70:, :30] = 2
    masks = np.repeat(truth[None], 5, axis=0)
    for k in (2, 3, 4):
        cx, cy = 45 + 12 * np.cos(2 * k), 40 + 12 * np.sin(2 * k)
        masks[k][((y - cy) ** 2 + (x - cx) ** 2 < 22**2)] = 1
    noise = rng.random(masks.shape) < 0.03
    masks[noise] = rng.integers(0, 3, noise.sum())
    return masks, truth


@pytest.mark.parametrize("seed", [1, 2])
def test_masks_find_workers_who_paint_over_borders(seed: int) -> None:
    masks, truth = painted(seed)
    found = estimate_mask(masks)
    vote = consolidate_masks(masks, n_workers_asked=5)
    wrong, wrong_by_vote = (int((mask != truth).sum()) for mask in (found.mask, vote.mask))
    assert wrong < 0.6 * wrong_by_vote
    assert 0.5 < found.confidence <= 0.97


def test_masks_agree_with_agreement() -> None:
    masks, truth = painted(3)
    same = np.repeat(truth[None], 3, axis=0)
    assert np.array_equal(estimate_mask(same).mask, truth)
    assert estimate_mask(np.zeros((3, 4, 4), dtype=np.uint8)).mask.sum() == 0
    agreed = (masks == masks[0]).all(axis=0)
    assert np.array_equal(estimate_mask(masks).mask[agreed], masks[0][agreed])
    one = estimate_mask(masks[:1])
    assert np.array_equal(one.mask, masks[0])
    with pytest.raises(ValueError, match="shape"):
        estimate_mask(np.zeros((0, 4, 4), dtype=np.uint8))


def crowd_of_spans(seed: int, n_texts: int = 40):
    """Workers overlook spans; one of five gives wrong labels, one cuts spans short."""
    rng = np.random.default_rng(seed)
    documents, truths = [], []
    for _ in range(n_texts):
        words = ["".join(rng.choice(list("abcdef"), rng.integers(2, 7))) for _ in range(40)]
        text = " ".join(words)
        starts = np.cumsum([0, *[len(word) + 1 for word in words[:-1]]])
        truth, at = [], 1
        while at < 36:
            n = int(rng.integers(1, 4))
            label = int(rng.integers(3))
            truth.append(
                LabeledSpan(int(starts[at]), int(starts[at + n - 1] + len(words[at + n - 1])), label)
            )
            at += n + int(rng.integers(1, 8))
        answers = []
        for name in "abcde":
            marked = []
            for span in truth:
                if rng.random() < 0.35:
                    continue
                end, label = span.end, span.class_id
                if name == "d" and rng.random() < 0.8:
                    label = (label + 1) % 3
                if name == "e":
                    end = span.start + len(text[span.start : span.end].split(" ")[0])
                marked.append(LabeledSpan(span.start, end, label))
            answers.append((name, marked))
        documents.append((text, answers))
        truths.append({(s.start, s.end, s.class_id) for s in truth})
    return documents, truths


def strict_f1(found, truths) -> float:
    keys = [{(s.start, s.end, s.class_id) for s in spans} for spans in found]
    n_right = sum(len(a & b) for a, b in zip(keys, truths, strict=True))
    return 2 * n_right / (sum(map(len, keys)) + sum(map(len, truths)))


@pytest.mark.parametrize("seed", [1, 2])
def test_span_sequences_know_what_each_worker_does(seed: int) -> None:
    documents, truths = crowd_of_spans(seed)
    found = combine_span_sequences([span_document(text, answers) for text, answers in documents])
    clustered = [consolidate_spans(answers, n_workers_asked=5) for _, answers in documents]
    assert strict_f1(found, truths) > max(0.9, strict_f1(clustered, truths) + 0.03)
    for spans in found:
        assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
        assert all(0.5 <= span.confidence <= 1 for span in spans)


def test_overlapping_spans_of_one_worker_are_kept() -> None:
    text = "The University of Oslo in Norway"
    whole, town, land = LabeledSpan(4, 22, 0), LabeledSpan(18, 22, 1), LabeledSpan(26, 32, 1)
    answers = [(name, [whole, town, land]) for name in "abc"]
    [found] = combine_span_sequences([span_document(text, answers)])
    assert [(s.start, s.end, s.class_id) for s in found] == [(4, 22, 0), (18, 22, 1), (26, 32, 1)]


def test_texts_without_answers_words_or_spans() -> None:
    documents = [
        span_document("", [("a", [])]),
        span_document("one two", []),
        span_document("one two", [("a", []), ("b", [])]),
        span_document("one  two", [("a", [LabeledSpan(3, 5, 0)])]),  # marks nothing but space
    ]
    assert combine_span_sequences(documents) == [[], [], [], []]


def test_long_texts_are_cut_where_no_span_lies() -> None:
    text = "word " * 1500
    spans = [LabeledSpan(1200 - 5, 1400 - 1, 0), LabeledSpan(5000, 5004, 1)]
    answers = [(name, spans) for name in "abc"]
    [found] = combine_span_sequences([span_document(text, answers)])
    assert [(s.start, s.end, s.class_id) for s in found] == [(1195, 1399, 0), (5000, 5004, 1)]
