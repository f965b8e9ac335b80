"""What ``labelwright job cost`` prints."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import click

from labelwright.cli.options import json_text, open_database, print_table
from labelwright.engine.accounts import account_of
from labelwright.ledger import cost_rows
from labelwright.store import labeling_jobs

__all__ = ["print_cost"]


def print_cost(name: str, *, data_dir: Path | None, region: str, as_json: bool) -> None:
    """Print a job's account as a table or as JSON.

    Raises
    ------
    click.ClickException
        When there is no such job.
    """
    _, database = open_database(data_dir)
    try:
        job = database.read(partial(labeling_jobs.named, region=region, name=name))
        if job is None:
            raise click.ClickException(
                f"There is no labeling job {name!r} in {region}; `labelwright job list` shows them."
            )
        kept = database.read(partial(account_of, job=job, now=time.time()))
    finally:
        database.close()
    if as_json:
        click.echo(json_text({"job": job.name, "status": job.status, **kept.as_dict()}))
        return
    counts = kept.counts
    rows = [
        ("Labeled by people", f"{counts.n_human:,}"),
        ("Labeled by machine", f"{counts.n_machine:,}"),
        ("Failed", f"{counts.n_failed:,}"),
        ("Left", f"{counts.n_left:,}"),
        ("Workers", f"{kept.n_workers:,}"),
    ]
    for row in cost_rows(counts, kept.prices, kept.money, kept.outlook, budget=kept.budget):
        rows.append((row[0], f"{row[1]} ({row[2]})" if row[2] else row[1]))
    print_table([job.name, job.status], rows)
