"""``labelwright events tail`` and ``labelwright job cost`` on a data directory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from labeling_workshop import REGION, Clock, Workshop, label, lines, make_workshop

from labelwright.cli.events import events
from labelwright.cli.job import job


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    shop = make_workshop(tmp_path / "data", Clock())
    _half_done_job(shop)
    yield tmp_path / "data"
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()


def _half_done_job(shop: Workshop) -> None:
    options = {
        "price-per-task": "0.036",
        "price-per-machine-label": "0.001",
        "budget": "2",
        "currency": "EUR",
    }
    manifest = lines(*({"source": str(i)} for i in range(10)))
    for name in ("Parts-A", "Other-1"):
        shop.create(
            name,
            manifest=manifest,
            kind="TextMultiClass",
            n_workers=2,
            options=options,
            MaxConcurrentTaskCount=2,
        )
    shop.settle()
    for _ in range(2):
        shop.answers(label("bolt"), label("bolt"))
        shop.settle()


def test_tail_prints_what_happened_to_one_job(data_dir: Path) -> None:
    asked = ["tail", "--data", str(data_dir), "--job", "parts-a", "--region", REGION]
    result = CliRunner().invoke(events, asked)
    assert result.exit_code == 0, result.output
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert {event["resources"][0].rpartition("/")[2] for event in told} == {"parts-a"}
    assert sum(event["detail"].get("State") == "Submitted" for event in told) == 4
    only = CliRunner().invoke(events, [*asked, "--kind", "job-log", "-n", "2"])
    assert [json.loads(line) for line in only.stdout.splitlines()] == [
        event for event in told if event["detail-type"].endswith("Job Log")
    ][-2:]


def test_tail_of_an_unknown_job_says_where_to_look(data_dir: Path) -> None:
    result = CliRunner().invoke(events, ["tail", "--data", str(data_dir), "--job", "nobody"])
    assert result.exit_code == 1
    assert "labelwright job list" in result.stderr


def test_cost_as_json_is_exact(data_dir: Path) -> None:
    result = CliRunner().invoke(
        job, ["cost", "Parts-A", "--data", str(data_dir), "--region", REGION, "--json"]
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["objects"] == {"human": 2, "machine": 0, "failed": 0, "left": 8}
    assert told["work"]["answers"] == 4
    assert told["cost"]["total"] == "0.144"
    assert told["cost"]["per_human_object"] == "0.072000"
    assert (told["currency"], told["budget"]) == ("EUR", "2")
    assert told["estimate"]["cost_to_end"] == "0.576000"


def test_cost_as_a_table(data_dir: Path) -> None:
    result = CliRunner().invoke(job, ["cost", "parts-a", "--data", str(data_dir), "--region", REGION])
    rows = {line.partition("  ")[0]: line for line in result.stdout.splitlines()}
    assert "0.1440 EUR" in rows["Spent in all"]
    assert "2.00 EUR" in rows["Budget"]
    assert "0.5760 EUR" in rows["Cost to the end"]
