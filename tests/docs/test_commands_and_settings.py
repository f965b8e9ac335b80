"""What is public is documented: every command and every setting."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

from labelwright.config import Settings

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_the_page_of_commands_is_up_to_date() -> None:
    kept = (REFERENCE / "commands.md").read_text()
    # In a process of its own: click remembers on a command how its help was asked for first.
    made = subprocess.check_output([sys.executable, "-m", "labelwright.cli.reference"], text=True)
    assert kept == made, "run: python -m labelwright.cli.reference > docs/reference/commands.md"


def test_every_setting_is_described() -> None:
    page = (REFERENCE / "settings.md").read_text()
    missing = [
        field.name
        for field in dataclasses.fields(Settings)
        if f"`LABELWRIGHT_{field.name.upper()}`" not in page
    ]
    assert missing == []
