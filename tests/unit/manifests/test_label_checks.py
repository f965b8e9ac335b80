"""Label checks meet whatever other tools wrote: they find fault with it and never break."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from labelwright.manifests import GROUNDTRUTH_TYPES, Record
from labelwright.manifests.checks import check_label

_KEYS = ("class-map", "confidence-map", "objects", "annotations", "image_size", "entities", "label", "0", "x")
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.floats(allow_nan=False)
    | st.sampled_from(("", "0", "a")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=3),
    max_leaves=6,
)
_METADATA = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(GROUNDTRUTH_TYPES))},
    optional=dict.fromkeys(
        ("class-map", "class-name", "confidence", "confidence-map", "objects", "entities", "job-name",
         "internal-color-map", "human-annotated", "creation-date"),
        _VALUES,
    ),
)  # fmt: skip


@given(value=_VALUES | st.lists(st.integers(-1, 3), max_size=3), metadata=_METADATA | _VALUES)
def test_any_label_gets_an_answer(value: Any, metadata: Any) -> None:
    line = {"source": "abc", "x": value, "x-metadata": metadata}
    for message in check_label(Record(0, line), "x", class_names=("a", "b"), n_workers=1):
        assert message
