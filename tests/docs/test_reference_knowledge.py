"""The reference pages on manifests and templates run and are complete."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from labelwright import manifests, templates
from labelwright.templates import liquid_dialect

PAGES = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", ["manifests.md", "templates.md"])
def test_examples_run(name: str) -> None:
    result = doctest.testfile(str(PAGES / name), module_relative=False)
    assert result.attempted > 0 and result.failed == 0


def test_every_public_name_is_documented() -> None:
    page = (PAGES / "manifests.md").read_text()
    assert [name for name in manifests.__all__ if name not in page] == []


def test_every_filter_tag_and_type_is_documented() -> None:
    page = (PAGES / "templates.md").read_text()
    environment = liquid_dialect._ENVIRONMENT
    inner = {"content", "output", "illegal", "statement"}
    for name in (*environment.filters, *environment.tags, *templates.BUILTIN_TASK_TYPES):
        assert f"`{name}`" in page or name in inner, name
