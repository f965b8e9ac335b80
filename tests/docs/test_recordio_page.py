"""The page on RecordIO runs and names everything that there is."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from labelwright import recordio

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "recordio.md"


def test_examples_run() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted > 5
    assert result.failed == 0


def test_every_public_name_is_described() -> None:
    words = set(re.findall(r"`(\w+)", PAGE.read_text()))
    assert [name for name in recordio.__all__ if name not in words] == []
