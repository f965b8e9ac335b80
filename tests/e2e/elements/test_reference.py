"""Every element has its page, and every page its element."""

from __future__ import annotations

import re

from .conftest import ROOT


def test_each_element_is_described() -> None:
    register = (ROOT / "web/packages/crowd-elements/src/register.ts").read_text()
    elements = set(re.findall(r'^  "([a-z-]+)": ', register, re.MULTILINE))
    pages = {page.stem for page in (ROOT / "docs/reference/elements").glob("*.md")} - {"index"}
    assert elements == pages
    index = (ROOT / "docs/reference/elements/index.md").read_text()
    assert elements == set(re.findall(r"\]\(([a-z-]+)\.md\)", index))
