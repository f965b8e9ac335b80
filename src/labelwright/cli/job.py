"""``labelwright job``: look at labeling jobs and stop them, through the AWS API of the running server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from labelwright.cli.options import (
    aws_client,
    data_option,
    json_option,
    json_text,
    print_table,
    region_option,
)

__all__ = ["job"]


@click.group()
def job() -> None:
    """List, describe and stop labeling jobs."""


@job.command("list")
@data_option
@region_option
@json_option
def list_jobs(data_dir: Path | None, region: str, as_json: bool) -> None:
    """List the labeling jobs, newest first."""
    client = aws_client("sagemaker", data_dir, region)
    jobs: list[dict[str, Any]] = []
    try:
        for page in client.get_paginator("list_labeling_jobs").paginate(
            SortBy="CreationTime", SortOrder="Descending", PaginationConfig={"PageSize": 100}
        ):
            jobs += page["LabelingJobSummaryList"]
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(_explain(error)) from error
    if as_json:
        click.echo(json_text(jobs))
        return
    print_table(
        ["NAME", "STATUS", "LABELED", "FAILED", "LEFT", "CREATED"],
        [
            [
                item["LabelingJobName"],
                item["LabelingJobStatus"],
                item["LabelCounters"]["TotalLabeled"],
                item["LabelCounters"]["FailedNonRetryableError"],
                item["LabelCounters"]["Unlabeled"],
                item["CreationTime"].strftime("%Y-%m-%d %H:%M"),
            ]
            for item in jobs
        ],
    )


@job.command()
@click.argument("name")
@data_option
@region_option
@click.option("--json", "_as_json", is_flag=True, help="The only form; here so that scripts may ask for it.")
def describe(name: str, data_dir: Path | None, region: str, _as_json: bool) -> None:
    """Print everything known about one job as JSON."""
    client = aws_client("sagemaker", data_dir, region)
    try:
        answer = client.describe_labeling_job(LabelingJobName=name)
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(_explain(error)) from error
    answer.pop("ResponseMetadata", None)
    click.echo(json_text(answer))


@job.command()
@click.argument("name")
@data_option
@region_option
def stop(name: str, data_dir: Path | None, region: str) -> None:
    """Stop a job; what is labeled stays, and a stopped job can be continued by chaining."""
    client = aws_client("sagemaker", data_dir, region)
    try:
        client.stop_labeling_job(LabelingJobName=name)
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(_explain(error)) from error
    click.echo(f"Stopping {name}.", err=True)


@job.command("logs")
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended; exit 1 when it failed.")
@click.option(
    "--kind",
    type=click.Choice(["training", "transform", "endpoint", "function"]),
    help="What is called NAME [the first that is].",
)
@click.option("--timestamps", is_flag=True, help="Print the time of each line.")
@data_option
@region_option
def show_logs(
    name: str, follow: bool, kind: str | None, timestamps: bool, data_dir: Path | None, region: str
) -> None:
    """Print what a training job, transform job, endpoint or function has logged."""
    from labelwright.cli.job_logs import print_logs

    try:
        print_logs(
            name,
            client=lambda service: aws_client(service, data_dir, region),
            kind=kind,
            follow=follow,
            timestamps=timestamps,
        )
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(_explain(error)) from error


@job.command()
@click.argument("name")
@data_option
@region_option
@json_option
def cost(name: str, data_dir: Path | None, region: str, as_json: bool) -> None:
    """Show what a job has cost, what it saved, and what it will still take.

    Read from the database of the data directory or of LABELWRIGHT_DATABASE_URL, beside a running server or
    without one. Prices come from the job's tags.
    """
    from labelwright.cli.job_cost import print_cost

    print_cost(name, data_dir=data_dir, region=region, as_json=as_json)


@job.command()
@click.argument("name")
@click.option("--object", "object_no", type=click.IntRange(min=0), required=True, help="Line, from 0.")
@data_option
@region_option
@json_option
def lineage(name: str, object_no: int, data_dir: Path | None, region: str, as_json: bool) -> None:
    """Print what a label comes from: answers, algorithm, model, earlier jobs."""
    from labelwright.cli.job_labels import print_lineage

    print_lineage(name, object_no, data_dir=data_dir, region=region, as_json=as_json)


@job.command()
@click.argument("name")
@click.option("--algorithm", required=True, help="Consolidation algorithm, such as bayesian.")
@click.option("--output", "output_uri", required=True, help="New manifest, s3://<bucket>/<key>.")
@data_option
@region_option
@json_option
def recompute(
    name: str, algorithm: str, output_uri: str, data_dir: Path | None, region: str, as_json: bool
) -> None:
    """Make a job's labels again from its answers, as a new manifest; nobody is asked again."""
    from labelwright.cli.job_labels import print_recomputed

    print_recomputed(
        name, algorithm=algorithm, output_uri=output_uri, data_dir=data_dir, region=region, as_json=as_json
    )


@job.command()
@click.argument("name")
@data_option
@region_option
@json_option
def workers(name: str, data_dir: Path | None, region: str, as_json: bool) -> None:
    """Print how good each worker seems to be, with 95 % intervals, the worst first.

    Estimated from the answers to the objects that the job consolidated last; nobody knows the truth.
    """
    from labelwright.cli.job_labels import print_workers

    print_workers(name, data_dir=data_dir, region=region, as_json=as_json)


def _explain(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Message"])
    return f"{error} Is the server running? Start it with `labelwright serve`."
