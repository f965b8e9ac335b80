"""Pages and tokens."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.errors import InvalidRequest
from labelwright.wire.paginate import paginate

SECRET = b"secret"
ITEMS = st.lists(st.tuples(st.floats(0, 10), st.text(max_size=3)), unique=True, max_size=30)


def pages(items: list[Any], size: int, descending: bool, query: dict[str, Any]) -> list[list[Any]]:
    token, found = None, []
    while True:
        page = paginate(
            items,
            key=lambda item: item,
            query=query,
            secret=SECRET,
            max_results=size,
            next_token=token,
            descending=descending,
        )
        found.append(page.items)
        token = page.next_token
        if token is None:
            return found


@given(items=ITEMS, size=st.integers(1, 7), descending=st.booleans())
def test_pages_hold_every_item_once_and_in_order(items: list[Any], size: int, descending: bool) -> None:
    found = pages(items, size, descending, {"operation": "List"})
    assert [item for page in found for item in page] == sorted(items, reverse=descending)
    assert all(len(page) == size for page in found[:-1])
    assert found == [[]] or all(found)


@given(items=ITEMS.filter(lambda items: len(items) > 3), new=ITEMS, gone=st.sets(st.integers(0, 29)))
def test_changes_between_pages_neither_repeat_nor_hide_items(
    items: list[Any], new: list[Any], gone: set[int]
) -> None:
    query = {"operation": "List"}
    first = paginate(items, key=lambda i: i, query=query, secret=SECRET, max_results=2)
    stays = [item for n, item in enumerate(items) if n not in gone]
    now = list({*stays, *new})
    rest = paginate(
        now, key=lambda i: i, query=query, secret=SECRET, max_results=100, next_token=first.next_token
    )
    assert not set(first.items) & set(rest.items)
    assert set(stays) <= set(first.items) | set(rest.items)


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda b: base64.urlsafe_b64encode(b).decode()))
def test_made_up_tokens_are_refused(token: str) -> None:
    if not token:
        return
    with pytest.raises(InvalidRequest, match="NextToken"):
        paginate([], key=lambda i: i, query={}, secret=SECRET, max_results=1, next_token=token)


def test_token_of_another_query_or_installation_is_refused() -> None:
    items = [(n,) for n in range(5)]
    query = {"operation": "List", "name": "a"}
    token = paginate(items, key=lambda i: i, query=query, secret=SECRET, max_results=2).next_token
    assert token is not None
    for other, secret in (({**query, "name": "b"}, SECRET), (query, b"other")):
        with pytest.raises(InvalidRequest, match="does not belong to this query"):
            paginate(items, key=lambda i: i, query=other, secret=secret, max_results=2, next_token=token)
    tampered = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    with pytest.raises(InvalidRequest):
        paginate(items, key=lambda i: i, query=query, secret=SECRET, max_results=2, next_token=tampered)
