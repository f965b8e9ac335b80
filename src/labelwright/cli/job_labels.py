"""What ``labelwright job lineage``, ``labelwright job recompute`` and ``labelwright job workers`` do."""

from __future__ import annotations

import dataclasses
import os
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from labelwright.blobs import Blobs, open_blobs
from labelwright.cli.options import credentials_of, json_text, open_database, print_table, server_url
from labelwright.config import Settings
from labelwright.engine.lineage import lineage_of
from labelwright.errors import LabelwrightError, NotFound
from labelwright.store import labeling_jobs
from labelwright.store.db import Database
from labelwright.store.labeling_jobs import JobRow

__all__ = ["print_lineage", "print_recomputed", "print_workers"]


def print_lineage(name: str, object_no: int, *, data_dir: Path | None, region: str, as_json: bool) -> None:
    """Print the lineage of one label.

    Raises
    ------
    click.ClickException
        When there is no such job or object.
    """
    settings, database = open_database(data_dir)
    try:
        job = _job(database, name, region)
        read = partial(lineage_of, job=job, object_no=object_no)
        try:
            blobs = _blobs(settings)
            found = database.read(lambda connection: read(connection, blobs))
        except NotFound as error:
            raise click.ClickException(str(error)) from error
        except LabelwrightError as error:
            click.echo(f"Labels of earlier jobs are left out: {error}", err=True)
            found = database.read(lambda connection: read(connection, None))
    finally:
        database.close()
    if as_json:
        click.echo(json_text(found))
        return
    print_table([f"{found['job']} object {object_no}", found["origin"]], _rows(found))


def _rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    group, model = found["consolidation"], found["model"]
    if group is not None:
        rows.append(("Algorithm", f"{group['algorithm']} {group['version']}".strip()))
        rows += [
            (key.replace("_", " ").capitalize(), str(value)) for key, value in group["parameters"].items()
        ]
        rows.append(("Estimated together", str(group["objects_estimated_together"])))
        rows.append(("Made", _time(group["made_at"])))
    if model is not None:
        rows += [("Model", str(model["arn"])), ("Iteration", str(model["iteration"]))]
        rows.append(("Trained on human labels", str(model["trained_on_human_labels"])))
    for answer in found["answers"]:
        more = ", asked in addition" if answer["asked_in_addition"] else ""
        text = f"{answer['worker_id']} at {_time(answer['submitted_at'])}{more}"
        rows.append((f"Answer {answer['task_id']}", text))
    for label in found["earlier_labels"]:
        came = f"job {label['job']}, {label['creation_date']}"
        rows.append((f"Came with {label['label_attribute_name']}", came))
    return rows


def _time(at: float | None) -> str:
    return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def print_recomputed(
    name: str, *, algorithm: str, output_uri: str, data_dir: Path | None, region: str, as_json: bool
) -> None:
    """Write a manifest with a job's labels made again, and print what came of it.

    Raises
    ------
    click.ClickException
        When there is no such job, or it cannot be done.
    """
    from labelwright.engine.recompute import recompute

    settings, database = open_database(data_dir)
    try:
        job = _job(database, name, region)
        try:
            made = recompute(
                database,
                _blobs(settings),
                job,
                algorithm=algorithm,
                output_uri=output_uri,
                now=time.time(),
            )
        except LabelwrightError as error:
            raise click.ClickException(str(error)) from error
    finally:
        database.close()
    if as_json:
        click.echo(json_text(dataclasses.asdict(made)))
        return
    rows = [
        ("Manifest", made.output_uri),
        ("Lineage", made.lineage_uri),
        ("Labels made again", f"{made.n_objects:,}"),
        ("Labels changed", f"{made.n_changed:,}"),
        ("Labels taken over", f"{made.n_kept:,}"),
    ]
    print_table([job.name, algorithm], rows)


def print_workers(name: str, *, data_dir: Path | None, region: str, as_json: bool) -> None:
    """Print how good a job's workers seem to be.

    Raises
    ------
    click.ClickException
        When there is no such job, or its input cannot be read.
    """
    from labelwright.engine.worker_reports import job_workers

    settings, database = open_database(data_dir)
    try:
        job = _job(database, name, region)
        try:
            found = job_workers(database, _blobs(settings), job)
        except LabelwrightError as error:
            raise click.ClickException(str(error)) from error
    finally:
        database.close()
    if as_json:
        workers = [
            {
                **dataclasses.asdict(report),
                "name": found.names.get(report.worker, ""),
                "below_the_others": found.is_outlier(report),
            }
            for report in found.reports
        ]
        click.echo(json_text({"job": job.name, "objects": found.n_objects, "workers": workers}))
        return
    if found.why_none:
        click.echo(found.why_none, err=True)
        return
    measures = [measure.name.upper() for measure in found.reports[0].measures]
    print_table(
        ["WORKER", "OBJECTS", *measures, "REMARKS"],
        [
            [
                found.names.get(report.worker, report.worker),
                report.n_objects,
                *(f"{m.value:.2f} ({m.lower:.2f}-{m.upper:.2f})" for m in report.measures),
                "; ".join(
                    ["below the others"] * found.is_outlier(report) + [report.remark] * bool(report.remark)
                ),
            ]
            for report in found.reports
        ],
    )


def _job(database: Database, name: str, region: str) -> JobRow:
    job = database.read(partial(labeling_jobs.named, region=region, name=name))
    if job is None:
        raise click.ClickException(
            f"There is no labeling job {name!r} in {region}; `labelwright job list` shows them."
        )
    return job


def _blobs(settings: Settings) -> Blobs:
    """The server's objects. Embedded ones through its S3 door: only the server itself writes to its index."""
    from labelwright.blobs.external import ExternalBlobs
    from labelwright.config import DEFAULT_REGION
    from labelwright.s3.upstream import Upstream

    credentials = credentials_of(settings)
    if settings.object_store:
        return open_blobs(settings, credentials)
    if os.environ.get("AWS_ENDPOINT_URL"):  # wins, as with every command that asks the server
        return ExternalBlobs(Upstream.from_environment("s3://"), credentials)
    upstream = Upstream(
        endpoint=server_url(settings),
        region=DEFAULT_REGION,
        access_key_id=credentials.access_key_id,
        secret_access_key=credentials.secret_access_key,
    )
    return ExternalBlobs(upstream, credentials)
