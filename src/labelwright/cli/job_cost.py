"""What ``labelwright job cost`` prints."""

from __future__ import annotations

import time
from decimal import Decimal
from functools import partial
from pathlib import Path

import click

from labelwright.cli.options import json_text, open_database, print_table
from labelwright.engine.accounts import JobAccount, account_of
from labelwright.ledger import amount_text, duration_text
from labelwright.store import labeling_jobs

__all__ = ["cost_rows", "print_cost"]


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
    print_table([job.name, job.status], cost_rows(kept))


def cost_rows(kept: JobAccount) -> list[tuple[str, str]]:
    """Pairs of a name and a value, without what is not known."""
    counts, money, outlook = kept.counts, kept.money, kept.outlook

    def amount(value: Decimal | None) -> str:
        return "" if value is None else amount_text(value, kept.prices.currency)

    is_priced = kept.prices.has_human_price or kept.prices.per_machine_label is not None
    rows = [
        ("labeled by people", f"{counts.n_human:,}"),
        ("labeled by machine", f"{counts.n_machine:,}"),
        ("failed", f"{counts.n_failed:,}"),
        ("left", f"{counts.n_left:,}"),
        ("answers", f"{counts.n_answers:,} of {kept.n_workers:,} workers"),
        ("worker time", duration_text(counts.seconds)),
        ("training", duration_text(counts.training_s) if counts.training_s else ""),
        ("inference", duration_text(counts.inference_s) if counts.inference_s else ""),
        ("spent on people", amount(money.human) if is_priced else ""),
        ("spent on machine labels", amount(money.machine) if counts.n_machine and is_priced else ""),
        ("spent in all", amount(money.total) if is_priced else "no prices; see the tags of a job"),
        ("budget", amount(kept.budget)),
        ("an object by people", amount(money.per_human_object)),
        ("saved by the machine", amount(money.saved_by_machine)),
        ("saved by asking fewer", amount(money.saved_by_redundancy)),
    ]
    if outlook is not None and counts.n_left:
        rows.append(("to the end", _ranged(amount(outlook.cost), amount(outlook.low), amount(outlook.high))))
        if outlook.seconds is not None:
            s = outlook.seconds
            low, high = ("" if v is None else duration_text(v) for v in (s.low, s.high))
            rows.append(("time to the end", _ranged(duration_text(s.value), low, high)))
    return [(name, value) for name, value in rows if value]


def _ranged(value: str, low: str, high: str) -> str:
    if not value or not low or low == high:
        return value
    return f"{value} ({low} to {high})"
