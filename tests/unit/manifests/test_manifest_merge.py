from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from labelwright.errors import ManifestError
from labelwright.manifests import dumps, merge_labels, merge_line, number

DATA = Path(__file__).parents[2] / "data" / "manifests"


def test_worked_example_byte_for_byte() -> None:
    expected = (DATA / "worked-output.manifest").read_bytes()
    labels = []
    for i, line in enumerate(expected.splitlines()[:3]):
        data = json.loads(line)
        labels.append((i, dumps({key: data[key] for key in ("parts", "parts-metadata") if key in data})))
    given_lines = (DATA / "worked-input.manifest").read_bytes()
    assert b"".join(merge_labels([given_lines], labels, label_attribute_name="parts")) == expected
    assert b"".join(merge_labels([given_lines], labels)) == expected
    assert b"".join(merge_labels([given_lines[:50], given_lines[50:]], [])) == given_lines


@pytest.mark.parametrize(
    ("raw", "content", "expected"),
    [
        # values keep their spelling
        (
            '{"source": "x", "big": 123456789012345678901234567890, "f": 1.50, "e": 1E5, "z": -0.0}',
            '{"a":1}',
            '{"source":"x","big":123456789012345678901234567890,"f":1.50,"e":1E5,"z":-0.0,"a":1}',
        ),
        # blanks and separators inside strings stay
        ('{"source": "a, \\"b\\": c , "}', '{"a":1}', '{"source":"a, \\"b\\": c , ","a":1}'),
        # own keys go to the end, wherever they were; a failed line loses its stale metadata
        (
            '{"a":9,"source":"x","a-metadata":{"p":[1, 2]},"b":2}',
            '{"a":1}',
            '{"source":"x","a-metadata":{"p":[1,2]},"b":2,"a":1}',
        ),
        (
            '{"a-metadata":{"failure-reason":"}"},"source":"x"}',
            '{"a":1,"a-metadata":{}}',
            '{"source":"x","a":1,"a-metadata":{}}',
        ),
        (
            '{"a":null,"source":"x"}',
            '{"a-metadata":{"failure-reason":"r"}}',
            '{"source":"x","a-metadata":{"failure-reason":"r"}}',
        ),
        # a key that is only a part of another, or only a value, stays
        ('{"source":"a","aa":1,"b":"a"}', '{"a":1}', '{"source":"a","aa":1,"b":"a","a":1}'),
        # escapes: ASCII ones stay, beyond ASCII they are written out, names are compared unescaped
        (
            '{"source":"\\u00e9\\t\\\\u00e9\\u0041\\ud83d\\ude00"}',
            '{"a":1}',
            '{"source":"é\\t\\\\u00e9\\u0041😀","a":1}',
        ),
        ('{"\\u0061":9,"source":"x"}', '{"a":1}', '{"source":"x","a":1}'),
        ('{ "a" : 9 }', '{"a":1}', '{"a":1}'),
    ],
)
def test_key_surgery(raw: str, content: str, expected: str) -> None:
    assert merge_line(raw.encode(), content.encode()).decode() == expected


def test_both_own_keys_go_when_the_attribute_is_named() -> None:
    merged = merge_line(b'{"a":9,"source":"x","a-metadata":{}}', b'{"a":1}', label_attribute_name="a")
    assert merged == b'{"source":"x","a":1}'


def test_untouched_lines_are_copied_and_every_line_is_ended() -> None:
    given_lines = b'\xef\xbb\xbf{ "source" : "x" }\r\n{"source":"y"}\n\n'
    merged = b"".join(merge_labels([given_lines], [(1, b'{"a":1}')]))
    assert merged == b'{ "source" : "x" }\n{"source":"y","a":1}\n'


def test_labels_that_do_not_fit_are_refused() -> None:
    lines = [b'{"source":"x"}\n{"source":"y"}\n']
    with pytest.raises(ValueError, match="line number 2"):
        list(merge_labels(lines, [(2, b'{"a":1}')]))
    with pytest.raises(ValueError, match="ascending"):
        list(merge_labels(lines, [(1, b'{"a":1}'), (0, b'{"a":1}')]))
    with pytest.raises(ManifestError, match="line 1: cannot put the label in"):
        list(merge_labels(lines, [(0, b"[1]")]))


keys = st.sampled_from(["source", "a", "a-metadata", "b", 'q"u', "ü", "a b"])
# DEL is left out: Python escapes it only in its ASCII mode.
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x7f")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(keys, values, max_size=5),
    st.dictionaries(keys, values, min_size=1, max_size=3),
    st.booleans(),
    st.sampled_from([None, (", ", ": "), (" ,", " :"), (",", ":")]),
)
@example({"a": "x, \\"}, {"b": 1}, True, None)
def test_merged_line_equals_merged_objects(
    data: dict[str, object], new: dict[str, object], is_ascii: bool, separators: tuple[str, str] | None
) -> None:
    raw = json.dumps(data, ensure_ascii=is_ascii, separators=separators).encode()
    content = json.dumps(new, ensure_ascii=False, separators=(",", ":")).encode()
    dropped = set(new) | {key.removesuffix("-metadata") for key in new if key.endswith("-metadata")}
    expected = {key: value for key, value in data.items() if key not in dropped} | new
    merged = merge_line(raw, content)
    assert merged.decode() == json.dumps(expected, ensure_ascii=False, separators=(",", ":"))
    assert list(json.loads(merged)) == list(expected)


def test_numbers_are_written_by_the_rules() -> None:
    assert (
        dumps([number(859.0), number(164.60000000000002), 0.0, 0.05]) == b"[859,164.60000000000002,0.0,0.05]"
    )
    assert dumps({"n": 2**70}) == b'{"n":1180591620717411303424}'
    with pytest.raises(TypeError, match="nan"):
        dumps({"a": [float("nan")]})
    with pytest.raises(TypeError, match="inf"):
        dumps(float("inf"))
    with pytest.raises(TypeError):
        dumps({"a": object()})
