"""The page of the query language names everything that there is."""

from __future__ import annotations

from pathlib import Path

from labelwright import selection
from labelwright.selection.functions import AGGREGATES, DATE_PARTS, FUNCTIONS

PAGE = (Path(__file__).parents[2] / "docs/reference/selection.md").read_text("utf-8")


def test_every_function_is_described() -> None:
    names = {*AGGREGATES, *FUNCTIONS, "CAST", "CASE"}
    assert [name for name in sorted(names) if name not in PAGE] == []
    assert [part for part in DATE_PARTS if f"`{part}`" not in PAGE] == []


def test_every_public_name_is_described() -> None:
    assert [name for name in selection.__all__ if f"`{name}" not in PAGE] == []
