from __future__ import annotations

import json
from typing import Any

import pytest
from dataprep_making import boxes_line, class_line, lines_of

from labelwright.dataprep.joining import JoinSummary, join_manifests
from labelwright.errors import InvalidRequest, LabelwrightError


def joined(*manifests: list[bytes], **options: Any) -> tuple[list[dict[str, Any]], JoinSummary]:
    summary = JoinSummary()
    sources = [(f"m{i}", chunks) for i, chunks in enumerate(manifests)]
    lines = [json.loads(line) for line in join_manifests(sources, summary, **options)]
    return lines, summary


@pytest.mark.parametrize("memory_bytes", [1, 64 << 20])
def test_union_keeps_the_order_of_first_sight_and_puts_labels_together(memory_bytes: int) -> None:
    boxes = lines_of(
        boxes_line("s3://b/2", [(0, 1, 2, 3, 4)], {0: "screw"}, batch=4), {"source-ref": "s3://b/1"}
    )
    classes = lines_of(class_line("s3://b/3", 0, "a"), class_line("s3://b/2", 1, "b"))
    lines, summary = joined(boxes, classes, memory_bytes=memory_bytes)
    assert [line["source-ref"] for line in lines] == ["s3://b/2", "s3://b/1", "s3://b/3"]
    assert list(lines[0]) == ["source-ref", "batch", "parts", "parts-metadata", "kind", "kind-metadata"]
    assert (lines[0]["kind"], lines[0]["kind-metadata"]["class-name"]) == (1, "b")
    assert (summary.n_lines_in, summary.n_lines_out, summary.n_merged) == ([2, 2], 3, 1)


def test_lines_that_occur_once_are_copied_byte_for_byte() -> None:
    raw = b'{"source":"x", "big": 123456789012345678901234567890, "f": 1.50}'
    summary = JoinSummary()
    lines = join_manifests([("a", [raw + b"\r\n"]), ("b", [b'{"source":"y"}'])], summary)
    assert next(iter(lines)) == raw


def test_the_same_label_twice_is_no_conflict() -> None:
    line = class_line("s3://b/1", 0, "a")
    lines, summary = joined(lines_of(line), lines_of(line))
    assert lines == [line]
    assert not summary.n_conflicts


def test_a_conflict_is_refused_with_both_places() -> None:
    with pytest.raises(
        InvalidRequest, match=r"m0 line 1 and m1 line 2 give 's3://b/1' .*'kind'.*--on-conflict"
    ):
        joined(
            lines_of(class_line("s3://b/1", 0, "a")),
            lines_of(class_line("s3://b/2", 0, "a"), class_line("s3://b/1", 1, "b")),
        )


@pytest.mark.parametrize(
    ("rule", "kept"),
    [("first", "a"), ("last", "d"), ("newest", "b"), ("confident", "c"), ("human", "d")],
)
def test_rules_choose_one_label_and_report_what_was_dropped(rule: Any, kept: str) -> None:
    manifests = [
        lines_of(class_line("s3://b/1", 0, "a", human="no", confidence=0.5)),
        lines_of(
            class_line("s3://b/1", 1, "b", human="no", confidence=0.5, date="2025-01-01T00:00:00.000000")
        ),
        lines_of(class_line("s3://b/1", 2, "c", human="no", confidence=0.99)),
        lines_of(class_line("s3://b/1", 3, "d", confidence=0.4)),
    ]
    (line,), summary = joined(*manifests, rule=rule)
    assert line["kind-metadata"]["class-name"] == kept
    assert summary.n_conflicts == {"kind": 3}
    assert summary.conflicts[0].key == "s3://b/1"


def test_a_label_wins_over_a_failure_whichever_comes_first() -> None:
    failed = {
        "source-ref": "s3://b/1",
        "kind-metadata": {"failure-reason": "ClientError: x", "retry-count": 1},
    }
    good = class_line("s3://b/1", 0, "a")
    for order in ([failed, good], [good, failed]):
        (line,), _ = joined(*(lines_of(item) for item in order))
        assert line == good


def test_one_index_with_two_names_is_refused_or_renumbered() -> None:
    one = lines_of(boxes_line("s3://b/1", [(0, 1, 1, 2, 2), (1, 5, 5, 2, 2)], {0: "cat", 1: "dog"}))
    two = lines_of(boxes_line("s3://b/2", [(0, 1, 1, 2, 2), (1, 5, 5, 2, 2)], {0: "dog", 1: "fox"}))
    with pytest.raises(InvalidRequest, match=r"m1 line 1: .*class 0 'dog'.*'cat'.*--renumber-classes"):
        joined(one, two)
    lines, _ = joined(one, two, renumbers_classes=True)
    assert lines[0] == json.loads(one[0])
    assert [box["class_id"] for box in lines[1]["parts"]["annotations"]] == [1, 2]
    assert lines[1]["parts-metadata"]["class-map"] == {"1": "dog", "2": "fox"}


def test_other_keys_and_bad_lines_are_named() -> None:
    with pytest.raises(LabelwrightError, match=r"m1: line 1: .*no attribute 'id'"):
        joined(lines_of({"source": "x", "id": 1}), lines_of({"source": "x"}), key="id")
    lines, _ = joined(lines_of({"source": "x", "id": 1}), lines_of({"source": "x", "id": 2}), key="id")
    assert len(lines) == 2
