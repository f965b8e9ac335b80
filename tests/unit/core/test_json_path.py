"""The JSONPath of filters."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core.json_path import JsonPath, PathNotFound
from labelwright.errors import InvalidRequest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
ARRAY = ["a", "b", "c", "d"]
DOCUMENT = {"id": 7, "x-y": [1, 2], "deep": {"boxes": [{"s": 1}, {"s": 2, "t": 3}]}, "it's": 0}


@pytest.mark.parametrize(
    ("path", "document", "selected"),
    [
        ("$", ARRAY, ARRAY),
        ("$[0]", ARRAY, "a"),
        ("$[-1]", ARRAY, "d"),
        ("$[1,3]", ARRAY, ["b", "d"]),
        ("$[0, -1]", ARRAY, ["a", "d"]),
        ("$[1:]", ARRAY, ["b", "c", "d"]),
        ("$[:2]", ARRAY, ["a", "b"]),
        ("$[1:3]", ARRAY, ["b", "c"]),  # without its end
        ("$[-2:]", ARRAY, ["c", "d"]),
        ("$[2:99]", ARRAY, ["c", "d"]),
        ("$[*]", ARRAY, ARRAY),
        ("$.id", DOCUMENT, 7),
        ("$['id']", DOCUMENT, 7),
        ('$["id"]', DOCUMENT, 7),
        ("$.x-y[1]", DOCUMENT, 2),
        ("$['it\\'s']", DOCUMENT, 0),
        ("$['id','x-y']", DOCUMENT, {"id": 7, "x-y": [1, 2]}),
        ("$['id', 'x-y']", DOCUMENT, {"id": 7, "x-y": [1, 2]}),
        ("$.deep.boxes[*].s", DOCUMENT, [1, 2]),
        ("$.deep.boxes[0:1]", DOCUMENT, [{"s": 1}]),
        ("$.deep.boxes[0,1].s", DOCUMENT, [1, 2]),
        ("$.deep.*", DOCUMENT, [[{"s": 1}, {"s": 2, "t": 3}]]),
    ],
)
def test_what_a_path_selects(path: str, document: Any, selected: Any) -> None:
    assert JsonPath(path).select(document) == selected


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("$[4]", ARRAY),
        ("$[-5]", ARRAY),
        ("$[0,9]", ARRAY),
        ("$.a", ARRAY),
        ("$.none", DOCUMENT),
        ("$['id','none']", DOCUMENT),
        ("$[0]", DOCUMENT),
        ("$.deep.boxes[*].t", DOCUMENT),
        ("$.id.*", DOCUMENT),
    ],
)
def test_what_is_not_there_is_an_error(path: str, document: Any) -> None:
    with pytest.raises(PathNotFound, match="does not fit the record"):
        JsonPath(path).select(document)


@pytest.mark.parametrize(
    "path",
    ["", "a", "$a", "$.", "$..a", "$[", "$[]", "$[a]", "$[1", "$['a]", "$[1:2:3]", "$['a',]", "$[1,]", "$ "],
)
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a JSONPath that filters understand"):
        JsonPath(path)


@pytest.mark.parametrize("path", ["$['a','b'].c", "$[a:]", "$[?(@.a)]"])
def test_what_other_dialects_know(path: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a JSONPath that filters understand"):
        JsonPath(path)


def test_a_path_has_at_most_63_characters() -> None:
    assert JsonPath("$." + "a" * 61)
    with pytest.raises(InvalidRequest, match="64 characters"):
        JsonPath("$." + "a" * 62)


@given(st.text(alphabet="$.[]'\",:-*a1 \\", max_size=20))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    try:
        JsonPath("$" + text)
    except InvalidRequest as error:
        assert repr("$" + text) in str(error)


@given(JSON)
def test_a_whole_document_is_itself(document: Any) -> None:
    path = JsonPath("$")
    assert path.is_whole and path.select(document) is document


@given(st.lists(JSON, max_size=6), st.integers(-8, 8) | st.none(), st.integers(-8, 8) | st.none())
def test_slices_are_those_of_python(array: list[Any], start: int | None, stop: int | None) -> None:
    text = f"$[{'' if start is None else start}:{'' if stop is None else stop}]"
    assert JsonPath(text).select(array) == array[start:stop]


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), JSON, min_size=1))
def test_any_name_can_be_quoted(document: dict[str, Any]) -> None:
    for name, value in document.items():
        quoted = name.replace("\\", "\\\\").replace("'", "\\'")
        assert JsonPath(f"$['{quoted}']").select(document) is value
