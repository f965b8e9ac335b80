"""What is public is documented: every command and every setting."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from labelwright.cli.reference import commands_page
from labelwright.config import Settings

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_the_page_of_commands_is_up_to_date() -> None:
    kept = (REFERENCE / "commands.md").read_text()
    assert kept == commands_page(), "run: python -m labelwright.cli.reference > docs/reference/commands.md"


def test_every_setting_is_described() -> None:
    page = (REFERENCE / "settings.md").read_text()
    missing = [
        field.name
        for field in dataclasses.fields(Settings)
        if f"`LABELWRIGHT_{field.name.upper()}`" not in page
    ]
    assert missing == []
