from __future__ import annotations

import json
from typing import Any

import pytest
from dataprep_making import boxes_line, class_line, lines_of

from labelwright.dataprep.injecting import InjectSummary, Origin, class_names, inject_classes
from labelwright.errors import ManifestError


def injected(source: list[bytes], *origins: Origin, **options: Any) -> list[dict[str, Any]]:
    names = options.pop("names", None) or class_names(source, origins)
    result = inject_classes(source, InjectSummary(), origins=origins, into="pieces", names=names, **options)
    return [json.loads(line) for line in result]


def two_colours(**yellow: Any) -> list[bytes]:
    line = boxes_line("s3://b/1", [(0, 1, 1, 9, 9)], {0: "box"}, attribute="blue-box", confidences=[0.8])
    more = boxes_line(
        "s3://b/1", [(0, 5, 5, 9, 9), (0, 30, 5, 9, 9)], {0: "box"}, attribute="yellow-box", **yellow
    )
    return lines_of(line | more, {"source-ref": "s3://b/2"})


def test_boxes_of_two_labels_become_two_classes_of_one() -> None:
    source = two_colours(human="no", date="2025-01-01T00:00:00.000000")
    line, other = injected(
        source, Origin("blue-box", "blue"), Origin("yellow-box", "yellow"), drops_origins=True
    )
    assert list(line) == ["source-ref", "pieces", "pieces-metadata"]
    assert [(b["class_id"], b["left"]) for b in line["pieces"]["annotations"]] == [(0, 1), (1, 5), (1, 30)]
    metadata = line["pieces-metadata"]
    assert metadata["class-map"] == {"0": "blue", "1": "yellow"}
    assert metadata["objects"] == [{"confidence": 0.8}, {"confidence": 0.9}, {"confidence": 0.9}]
    assert (metadata["human-annotated"], metadata["creation-date"]) == ("no", "2025-01-01T00:00:00.000000")
    assert other == {"source-ref": "s3://b/2"}


def test_own_classes_are_merged_by_name() -> None:
    one = boxes_line("s3://b/1", [(3, 1, 1, 9, 9)], {3: "cat"}, attribute="a")
    two = boxes_line("s3://b/1", [(0, 1, 1, 9, 9), (1, 1, 1, 9, 9)], {0: "dog", 1: "cat"}, attribute="b")
    (line,) = injected(lines_of(one | two), Origin("a"), Origin("b"))
    assert line["pieces-metadata"]["class-map"] == {"0": "cat", "1": "dog"}
    assert [box["class_id"] for box in line["pieces"]["annotations"]] == [0, 1, 0]


def test_boxes_take_the_class_of_the_picture() -> None:
    both = boxes_line("s3://b/1", [(0, 1, 1, 9, 9)], {0: "bird"}) | class_line("s3://b/1", 7, "heron")
    lone = boxes_line("s3://b/2", [(0, 1, 1, 9, 9)], {0: "bird"})
    line, without = injected(lines_of(both, lone), Origin("parts", class_attribute="kind"))
    assert line["pieces-metadata"]["class-map"] == {"0": "heron"}
    assert "pieces" not in without


def test_bad_lines_are_refused_with_the_reason() -> None:
    with pytest.raises(ManifestError, match="50x50 pixels, an earlier one of 100x80"):
        injected(two_colours(size=(50, 50)), Origin("blue-box", "a"), Origin("yellow-box", "b"))
    with pytest.raises(ManifestError, match="not boxes"):
        injected(lines_of(class_line("s3://b/1", 0, "a")), Origin("kind", "x"))
    with pytest.raises(ManifestError, match="class 'blue', which is not among red"):
        injected(two_colours(), Origin("blue-box", "blue"), names=["red"])
