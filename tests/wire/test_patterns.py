"""Java's regular expressions in Python."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.wire.model import ServiceModel
from labelwright.wire.patterns import predicate

HOSTILE = ("a", "-a", "a-", "A0", "/a", ".", "a.", "é", " ", "arn:aws:sagemaker:a:", "{#", "@")


def patterns_of(models: Mapping[str, ServiceModel]) -> set[str]:
    return {
        shape["pattern"]
        for service in models.values()
        for shape in service._shape_data.values()
        if "pattern" in shape
    }


def test_every_pattern_of_the_models_compiles(models: Mapping[str, ServiceModel]) -> None:
    patterns = patterns_of(models)
    assert len(patterns) > 300
    for pattern in patterns:
        predicate(pattern)


def test_no_pattern_is_made_slow_by_long_hostile_values(models: Mapping[str, ServiceModel]) -> None:
    """Not timed: with a catastrophic pattern this test would not end."""
    for service in models.values():
        for shape in service._shape_data.values():
            if "pattern" not in shape:
                continue
            length = min(shape.get("max", 2048), 2048)
            matches = predicate(shape["pattern"])
            for seed in HOSTILE:
                matches((seed * length)[: length - 1] + "\n")
                matches((seed * length)[: length - 1] + "!")


@given(st.text(max_size=20))
def test_unicode_categories(text: str) -> None:
    is_name = predicate(r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+")
    expected = bool(text) and all(unicodedata.category(c)[0] in "LMSNP" for c in text)
    assert is_name(text) is expected
    is_not_letters = predicate(r"[^\p{L}]*")
    assert is_not_letters(text) is all(unicodedata.category(c)[0] != "L" for c in text)


@given(st.text(max_size=20))
def test_tag_key(text: str) -> None:
    is_key = predicate(r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)")
    assert is_key(text) is all(unicodedata.category(c)[0] in "LZN" or c in "_.:/=+-@" for c in text)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", ["a", "a--b", "A1"], ["", "-a", "a-", "ä", "a\n"]),
        (r"[\w-]+_[0-9a-zA-Z]+", ["us-west-2_Ab1"], ["us-west-2", "é_a"]),  # \w is ASCII in Java
        (r"[\p{Alnum}\-]+", ["a-1"], ["é", "_"]),
        (r"[!#-\[\]-~]+( [!#-\[\]-~]+)*", ["openid email", "[x"], ["a  b", '"']),
        ("[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\t]*", ["a\t😀"], ["\n"]),
        (r"(?!\s*$).+", ["a"], ["  ", ""]),
    ],
)
def test_examples(pattern: str, good: list[str], bad: list[str]) -> None:
    matches = predicate(pattern)
    assert [value for value in good if not matches(value)] == []
    assert [value for value in bad if matches(value)] == []


def test_what_python_cannot_express_is_an_error() -> None:
    with pytest.raises(re.error):
        predicate(r"[\p{IsCyrillic}]")
