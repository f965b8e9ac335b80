from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.consolidation import Responses

ANSWERS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(0, 3)), max_size=40)


@given(ANSWERS)
def test_every_distinct_answer_stays_once_under_its_task(answers: list[tuple[int, int, int]]) -> None:
    columns = np.array(answers, dtype=np.int64).reshape(-1, 3).T
    crowd = Responses.from_arrays(*columns, n_tasks=7, n_workers=5, n_classes=4)
    stored = zip(crowd.tasks.tolist(), crowd.workers.tolist(), crowd.labels.tolist(), strict=True)
    # Within a task the order of submission is kept; a repetition counts where it first came.
    assert list(stored) == sorted(dict.fromkeys(answers), key=lambda answer: answer[0])
    assert crowd.starts.tolist() == [0, *np.cumsum(crowd.n_per_task).tolist()]


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=3, max_size=3), min_size=1)
)
def test_repetitions_go_where_all_tasks_have_as_many_answers(tasks: list[list[tuple[int, int]]]) -> None:
    answers = [(i, j, c) for i, of_task in enumerate(tasks) for j, c in of_task]
    crowd = Responses.from_arrays(*np.array(answers).T)
    stored = zip(crowd.tasks.tolist(), crowd.workers.tolist(), crowd.labels.tolist(), strict=True)
    assert list(stored) == list(dict.fromkeys(answers))


def test_names_are_numbered_as_they_come_and_kept() -> None:
    crowd = Responses.from_names(["t2", "t1", "t2"], ["w", "w", "v"], ["dog", "cat", "cat"])
    assert list(crowd.task_names) == ["t2", "t1"]
    assert list(crowd.worker_names) == ["w", "v"]
    assert [crowd.label_names[c] for c in crowd.labels] == ["dog", "cat", "cat"]


def test_given_label_names_fix_the_classes() -> None:
    crowd = Responses.from_names(["t"], ["w"], ["dog"], label_names=["cat", "dog", "cow"])
    assert (crowd.n_classes, crowd.labels.tolist()) == (3, [1])
    with pytest.raises(ValueError, match="'pig' is none of the 1 label names"):
        Responses.from_names(["t"], ["w"], ["pig"], label_names=["cat"])


def test_inputs_may_be_read_only_and_stay_as_they_are() -> None:
    columns = np.array([[2, 0, 1], [0, 0, 1], [1, 0, 1]])
    columns.flags.writeable = False
    assert Responses.from_arrays(*columns).labels.tolist() == [0, 1, 1]


def test_bad_columns_are_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match=r"labels must be within 0\.\.1, got 0\.\.2"):
        Responses.from_arrays([0, 0], [0, 1], [0, 2], n_classes=2)
    with pytest.raises(ValueError, match="one length, got 2, 1 and 2"):
        Responses.from_arrays([0, 0], [0], [0, 1])
    with pytest.raises(ValueError, match="tasks must be integers"):
        Responses.from_arrays([0.5], [0], [0])
    with pytest.raises(ValueError, match="one dimension"):
        Responses.from_arrays([[0]], [0], [0])


def test_nothing_at_all() -> None:
    crowd = Responses.from_arrays([], [], [])
    assert (crowd.n_tasks, crowd.n_workers, crowd.n_classes, crowd.n_answers) == (0, 0, 0, 0)
