"""The page about operations is what the handlers say."""

from __future__ import annotations

import inspect
from pathlib import Path

from labelwright.api.coverage import operations_page
from labelwright.api.dispatch import load_handlers

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "operations.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == operations_page(), (
        "run: python -m labelwright.api.coverage > docs/reference/operations.md"
    )


def test_every_operation_says_what_it_does() -> None:
    handlers = load_handlers().values()
    assert len(handlers) > 50
    assert [handler.operation for handler in handlers if not inspect.getdoc(handler.function)] == []
