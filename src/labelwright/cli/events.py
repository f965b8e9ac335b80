"""``labelwright events``: read what happened from the database, beside a running server or without one."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import click
import orjson

from labelwright.cli.options import data_option, open_database
from labelwright.config import DEFAULT_REGION

__all__ = ["events"]

_PAGE = 500
_POLL_S = 0.5
_KINDS = ("job-state", "job-log", "task-status", "worker-activity")  # labelwright.events.KINDS


@click.group()
def events() -> None:
    """Follow what happens to jobs and tasks."""


@events.command()
@data_option
@click.option("--job", "job_name", default=None, help="Only events of this labeling job.")
@click.option("--region", default=DEFAULT_REGION, show_default=True, help="Region of the job.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(_KINDS), help="Only these; repeatable.")
@click.option("-n", "n_last", type=click.IntRange(0), default=None, help="Only the last N of what is there.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on, until Ctrl-C.")
def tail(
    data_dir: Path | None,
    job_name: str | None,
    region: str,
    kinds: tuple[str, ...],
    n_last: int | None,
    follow: bool,
) -> None:
    """Print events as JSON lines, oldest first.

    Events of tasks are kept until every configured sink has them, and the last few thousand in any case;
    events of jobs are kept for good.
    """
    from collections import deque

    from labelwright.events import KINDS, events_of
    from labelwright.store import labeling_jobs, outbox

    _, database = open_database(data_dir)
    try:
        job_id = None
        if job_name is not None:
            job = database.read(partial(labeling_jobs.named, region=region, name=job_name))
            if job is None:
                raise click.ClickException(
                    f"There is no labeling job {job_name!r} in {region}; `labelwright job list` shows them."
                )
            job_id = job.id
        position = 0
        kept: deque[bytes] = deque(maxlen=n_last)
        is_past = n_last is not None  # whether lines are collected first
        while True:
            end = outbox.horizon(database)
            rows = database.read(partial(outbox.page, after=position, end=end, limit=_PAGE, job_id=job_id))
            lines = [orjson.dumps(event) for row in rows for event in events_of(row, kinds or KINDS)]
            position = rows[-1].id if len(rows) == _PAGE else end
            if is_past:
                kept.extend(lines)
            else:
                _print(lines)
            if len(rows) == _PAGE:
                continue
            if is_past:
                _print(list(kept))
                is_past = False
            if not follow:
                return
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        return
    finally:
        database.close()


def _print(lines: list[bytes]) -> None:
    if lines:
        click.echo(b"\n".join(lines))
