"""Every option of a job is on its page, with its default."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from labelwright.core.job_options import PREFIX, JobOptions

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "job-options.md"


def test_every_option_of_a_job_has_a_row() -> None:
    rows = [line.split("|")[1].strip() for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    tags = [f"`{PREFIX}{field.name.replace('_', '-')}`" for field in dataclasses.fields(JobOptions)]
    assert [row for row in rows if row.startswith(f"`{PREFIX}")] == tags
