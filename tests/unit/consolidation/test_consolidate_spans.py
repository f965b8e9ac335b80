from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.consolidation import ConsolidatedSpan, LabeledSpan, consolidate_spans, span_iou

Spans = list[tuple[int, int, int]]


def merge(*answers: Spans, n: int | None = None, seed: str = "") -> list[tuple[int, int, int, float]]:
    marked = [(f"w{i}", [LabeledSpan(*span) for span in spans]) for i, spans in enumerate(answers)]
    found = consolidate_spans(marked, n_workers_asked=n or len(answers), seed=seed)
    return [(span.start, span.end, span.class_id, span.confidence) for span in found]


def test_the_vector_of_the_specification() -> None:
    assert merge([(0, 4, 0)], [(0, 4, 0)], [(0, 5, 0)]) == [(0, 4, 0, 0.93)]


def test_one_worker_is_taken_as_is() -> None:
    marked = [(5, 9, 1), (0, 4, 0), (0, 4, 1), (0, 4, 0)]
    assert merge(marked) == [(0, 4, 0, 0.0), (0, 4, 1, 0.0), (5, 9, 1, 0.0)]


def test_one_answer_of_three_is_scored() -> None:
    assert merge([(0, 4, 0)], n=3) == [(0, 4, 0, 1.0)]
    assert merge([(0, 4, 0)], [], []) == [(0, 4, 0, 0.33)]


def test_boundaries_are_the_mode_or_the_lower_median() -> None:
    assert merge([(0, 10, 0)], [(1, 10, 0)], [(3, 10, 0)])[0][:2] == (1, 10)
    assert merge([(0, 10, 0)], [(1, 9, 0)])[0][:2] == (0, 9)
    assert merge([(2, 10, 0)], [(2, 10, 0)], [(0, 11, 0)], [(0, 12, 0)])[0][:2] == (0, 10)


def test_less_than_half_in_common_stays_apart() -> None:
    assert [found[:2] for found in merge([(0, 4, 0)], [(2, 6, 0)])] == [(0, 4), (2, 6)]
    assert [found[:2] for found in merge([(0, 4, 0)], [(0, 8, 0)])] == [(0, 4)]


def test_spans_with_several_labels_stay_apart() -> None:
    both = [(0, 4, 0), (0, 4, 1)]
    assert merge(both, both[::-1], both) == [(0, 4, 0, 1.0), (0, 4, 1, 1.0)]


def test_the_label_given_most_often_wins_and_alone_counts() -> None:
    assert merge([(0, 4, 0)], [(0, 4, 1)], [(0, 4, 1)]) == [(0, 4, 1, 0.67)]


def test_ties_of_labels_are_drawn_the_same_every_time() -> None:
    drawn = [merge([(0, 4, 0)], [(0, 4, 1)], seed=f"job\0{i}") for i in range(40)]
    assert drawn == [merge([(0, 4, 0)], [(0, 4, 1)], seed=f"job\0{i}") for i in range(40)]
    assert {result[0][2] for result in drawn} == {0, 1}
    assert all(len(result) == 1 and result[0][3] == 0.5 for result in drawn)


def test_equal_results_are_one_span_with_the_higher_confidence() -> None:
    # The second cluster loses its label vote only by the draw; equal span and label then appear twice.
    found = merge([(0, 4, 0), (0, 5, 0)], [(0, 4, 0)], [(0, 4, 0)])
    assert found == [(0, 4, 0, 1.0), (0, 5, 0, 0.33)]


def test_boundaries_that_cross_fall_back_to_a_member() -> None:
    # Starts have the mode 6; ends have none, and their median lies before it.
    spans = [[(0, 8, 0)], [(6, 14, 0)], [(6, 18, 0)], [(2, 6, 0)], [(1, 5, 0)]]
    for start, end, *_ in merge(*spans):
        assert start < end


@pytest.mark.parametrize(
    ("a", "b", "iou"), [((0, 4), (0, 4), 1.0), ((0, 4), (4, 8), 0.0), ((0, 0), (0, 0), 0.0)]
)
def test_span_iou(a: tuple[int, int], b: tuple[int, int], iou: float) -> None:
    assert span_iou(a, b) == span_iou(b, a) == iou


def test_spans_without_length_are_dropped() -> None:
    assert merge([(3, 3, 0), (5, 4, 0)], []) == []
    assert merge() == []


spans = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 8), st.integers(0, 2)).map(
        lambda t: (t[0], t[0] + t[1], t[2])
    ),
    max_size=6,
)


@given(st.lists(spans, min_size=1, max_size=5))
def test_invariants(answers: list[Spans]) -> None:
    found = consolidate_spans(
        [(f"w{i}", [LabeledSpan(*span) for span in marked]) for i, marked in enumerate(answers)],
        n_workers_asked=max(2, len(answers)),
    )
    flat = [span for marked in answers for span in marked]
    keys = [(span.start, span.end, span.class_id) for span in found]
    assert keys == sorted(set(keys))
    assert bool(found) == bool(flat)
    for span in found:
        assert isinstance(span, ConsolidatedSpan)
        assert span.start < span.end
        assert 0 <= span.confidence <= 1
        assert span.start in {start for start, _, _ in flat} and span.end in {end for _, end, _ in flat}
        assert span.class_id in {class_id for _, _, class_id in flat}
