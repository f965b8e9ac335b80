# ruff: noqa: E501 - tables of cases read best one case a line
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.templates import MediaTarget, media_target

OWN = frozenset({"localhost:8400", "store.example"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("s3://pics/a b&c's+%41#?é.jpg", ("pics", "a b&c's+%41#?é.jpg")),
        ("S3://pics/k", ("pics", "k")),
        ("https://s3.amazonaws.com/pics/a%20b%2Bc.jpg", ("pics", "a b+c.jpg")),
        ("http://s3.amazonaws.com/pics/d/k", ("pics", "d/k")),
        ("https://s3.eu-west-1.amazonaws.com/pics/k?versionId=1", ("pics", "k")),
        ("https://s3-us-west-2.amazonaws.com/pics/k", ("pics", "k")),
        ("https://pics.s3.amazonaws.com/a/b", ("pics", "a/b")),
        ("https://my.pics.s3.eu-west-1.amazonaws.com/k", ("my.pics", "k")),
        ("http://localhost:8400/pics/k", ("pics", "k")),
        ("https://pics.store.example/d/k", ("pics", "d/k")),
    ],
)
def test_locations_to_sign(value: str, expected: tuple[str, str]) -> None:
    assert media_target(value, OWN) == MediaTarget(bucket=expected[0], key=expected[1])


@pytest.mark.parametrize(
    "value",
    [
        "https://cdn.example/a.png?x=1",
        "http://localhost:9999/pics/k",
        "data:image/png;base64,AAAA",
        "https://evil-s3.amazonaws.com.example/pics/k",
    ],
)
def test_other_urls_stay_as_they_are(value: str) -> None:
    assert media_target(value, OWN) == MediaTarget(url=value)


@pytest.mark.parametrize(
    "value",
    ["s3://", "s3://pics", "s3://pics/", "s3:///k", "s3://pi cs/k", "pics/k", "ftp://a/b", "javascript:alert(1)",
     "https://", "https://s3.amazonaws.com/pics", " s3://pics/k", "http://[::1/k"],
)  # fmt: skip
def test_anything_else_is_refused(value: str) -> None:
    assert media_target(value, OWN) is None


@given(st.text())
def test_no_text_fails_otherwise(value: str) -> None:
    for prefix in ("", "s3://", "https://", "http://s3.amazonaws.com/"):
        target = media_target(prefix + value, OWN)
        assert target is None or bool(target.url) != bool(target.bucket and target.key)
