"""What the console says of labels of each type, and that it says something of any."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.console.label_parts import Part, Piece, parts_of, pieces_of
from labelwright.console.pictures import boxes_of

SPANS = {
    "annotations": {
        "entities": [
            {"startOffset": 2, "endOffset": 6, "label": "org"},
            {"startOffset": 2, "endOffset": 13, "label": "act"},
            {"startOffset": 10, "endOffset": 99, "label": "act"},
        ],
        "labels": [{"label": "act"}, {"label": "org"}],
    }
}


@pytest.mark.parametrize(
    ("value", "metadata", "parts"),
    [
        (1, {"class-name": "nut", "confidence": 0.0}, [Part("nut", "")]),
        (
            [2, 0],
            {"class-map": {"2": "fog", "0": "tree"}, "confidence-map": {"2": 0.9, "0": 0.125}},
            [Part("fog", "0.90"), Part("tree", "0.12")],
        ),
        (
            {"annotations": [{"class_id": 1, "left": 4.5, "top": 2, "width": 30, "height": 10}]},
            {"class-map": {"1": "nut"}, "objects": [{"confidence": 0.9}], "adjustment-status": "adjusted"},
            [Part("nut", "30 x 10 at 4.5, 2, 0.90", "#1f77b4"), Part("adjusted", "", is_remark=True)],
        ),
        (
            "s3://b/m.png",
            {
                "internal-color-map": {
                    "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff"},
                    "1": {"class-name": "road", "hex-color": "#2ca02c", "confidence": 0.5},
                }
            },
            [Part("road", "0.50", "#2ca02c")],
        ),
        (
            1,
            {"class-name": "bad", "worker-feedback": [{"comment": "too wide"}]},
            [Part("bad", ""), Part("comment", "too wide", is_remark=True)],
        ),
        ({"any": "thing"}, {}, []),
    ],
)
def test_labels_are_taken_apart(value: Any, metadata: dict[str, Any], parts: list[Part]) -> None:
    assert parts_of(value, metadata) == parts


def test_a_text_is_cut_where_spans_begin_and_end() -> None:
    assert pieces_of("😀 Acme did open", SPANS) == [
        Piece("😀 "),
        Piece("Acme", "org, act", 1),
        Piece(" did", "act", 0),
        Piece(" op", "act", 0),
        Piece("en", "act", 0),
    ]
    assert pieces_of("plain", 3) == [Piece("plain")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 1) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(JSON, JSON, JSON)
def test_any_label_is_shown_somehow(value: Any, a: Any, b: Any) -> None:
    box = {"class_id": a, "left": 1, "top": b, "width": 2, "height": 3}
    boxes_of(
        {"image_size": [{"width": 9, "height": 9}], "annotations": [box, a, b]},
        {"objects": [a], "class-map": b},
    )
    boxes_of({"image_size": a, "annotations": [box]}, {})
    for label in (
        value,
        {"annotations": a},
        {"annotations": {"entities": a, "labels": b}},
        {"annotations": [a, b]},
    ):
        for key in (
            "class-map",
            "objects",
            "entities",
            "confidence-map",
            "internal-color-map",
            "worker-feedback",
        ):
            parts_of(label, {key: a, "class-name": b, "adjustment-status": value})
        assert "".join(piece.text for piece in pieces_of("abc", label)) == "abc"
