"""Listings against a simple model, over keys that sort oddly; and pages that cost the same in a "
"large bucket."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelwright.s3.index import Index
from labelwright.s3.listing import list_page, read_token, write_token
from labelwright.s3.names import after_prefix
from labelwright.s3.problems import S3Problem

texts = st.text(st.sampled_from("ab/-.0\u00e9\ud7ff\ue000\uffff\U0010ffff"), max_size=6)
keys = st.sets(texts.filter(bool), max_size=25)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    index = Index(tmp_path_factory.mktemp("listing") / "objects.sqlite")
    yield index
    index.close()


def fill(index: Index, names: list[str]) -> None:
    def work(connection: Any) -> None:
        connection.exec_driver_sql("DELETE FROM objects")
        for name in names:
            connection.exec_driver_sql(
                "INSERT INTO objects VALUES ('data', ?, 0, '', 0.0, 0, NULL, '', NULL)", (name,)
            )

    index.database.write(work)


def model(names: set[str], prefix: str, delimiter: str, after: str) -> list[tuple[str, bool]]:
    """Entries of the whole listing: (key or common prefix, is a prefix), in order."""
    entries: list[tuple[str, bool]] = []
    for name in sorted(names):
        if not name.startswith(prefix) or name <= after:
            continue
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        entry = (name, False) if cut < 0 else (name[: cut + len(delimiter)], True)
        if entry not in entries:
            entries.append(entry)
    return entries


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=keys,
    prefix=texts,
    delimiter=st.sampled_from(["", "/", "-", "a", "\U0010ffff", "b/"]),
    size=st.integers(1, 4),
    after=texts,
)
def test_pages_make_up_the_listing(
    index: Index, names: set[str], prefix: str, delimiter: str, size: int, after: str
) -> None:
    fill(index, sorted(names, reverse=True))
    query = ("data", prefix, delimiter)
    seen: list[tuple[str, bool]] = []
    position, skip = after, False
    for _ in range(60):
        page = list_page(
            index, "data", prefix=prefix, delimiter=delimiter, after=position, skip_prefix=skip, max_keys=size
        )
        entries = [(row.key, False) for row in page.objects] + [(name, True) for name in page.prefixes]
        assert len(entries) <= size
        seen += sorted(entries)
        if not page.is_truncated:
            break
        assert len(entries) == size
        position, skip = read_token(write_token(page, query=query), query=query)
    assert seen == model(names, prefix, delimiter, after)


@given(prefix=texts.filter(bool), rest=texts)
def test_after_prefix_is_the_least_string_behind(prefix: str, rest: str) -> None:
    behind = after_prefix(prefix)
    if behind is None:
        assert set(prefix) == {"\U0010ffff"}
    else:
        assert (prefix + rest) < behind
        assert not behind.startswith(prefix)


def test_tokens_are_bound_to_their_query(index: Index) -> None:
    fill(index, ["a", "b"])
    token = write_token(list_page(index, "data", max_keys=1), query=("data", "", ""))
    for bad, query in (
        (token, ("data", "x", "")),
        ("nonsense", ("data", "", "")),
        ("AAAA", ("data", "", "")),
    ):
        with pytest.raises(S3Problem, match="token"):
            read_token(bad, query=query)


def test_a_page_does_not_read_what_it_skips(tmp_path: Path) -> None:
    """Counts the rows that SQLite steps over, in a bucket of 60 prefixes with 2000 keys each."""
    index = Index(tmp_path / "objects.sqlite")
    with sqlite3.connect(tmp_path / "objects.sqlite") as connection:
        connection.executemany(
            "INSERT INTO objects VALUES ('data', ?, 0, '', 0.0, 0, NULL, '', NULL)",
            ((f"p{i:02d}/{j:05d}",) for i in range(60) for j in range(2000)),
        )
    connection.close()
    n_rows = 0
    original = index.rows_from

    def counting(*args: Any, **kwargs: Any) -> Any:
        nonlocal n_rows
        rows = original(*args, **kwargs)
        n_rows += len(rows)
        return rows

    index.rows_from = counting  # type: ignore[method-assign]
    page = list_page(index, "data", delimiter="/")
    assert len(page.prefixes) == 60
    assert n_rows < 60 * 20 + 1100
    n_rows = 0
    page = list_page(index, "data", prefix="p30/", delimiter="/", after="p30/01500", max_keys=100)
    assert [row.key for row in page.objects][:2] == ["p30/01501", "p30/01502"]
    assert n_rows == 101
    index.close()


def test_boto3_paginators(s3: Any, bucket: str) -> None:
    names = [f"{d}/{i} \u00e9+%.txt" for d in ("a", "b", "c") for i in range(4)] + ["top", "z\x01"]
    for name in names:
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    for operation in ("list_objects", "list_objects_v2", "list_object_versions"):
        pages = list(s3.get_paginator(operation).paginate(Bucket=bucket, PaginationConfig={"PageSize": 3}))
        member = "Versions" if operation == "list_object_versions" else "Contents"
        assert [o["Key"] for page in pages for o in page.get(member, [])] == sorted(names)
        pages = list(
            s3.get_paginator(operation).paginate(
                Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2}
            )
        )
        assert [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])] == ["a/", "b/", "c/"]
        assert [o["Key"] for page in pages for o in page.get(member, [])] == ["top", "z\x01"]
    owned = s3.list_objects_v2(Bucket=bucket, Prefix="b/", StartAfter="b/1 \u00e9+%.txt", FetchOwner=True)
    assert [o["Key"] for o in owned["Contents"]] == ["b/2 \u00e9+%.txt", "b/3 \u00e9+%.txt"]
    assert owned["Contents"][0]["Owner"]["DisplayName"] == "labelwright"
    empty = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert (empty["KeyCount"], empty["IsTruncated"]) == (0, False)
