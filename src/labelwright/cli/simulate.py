"""``labelwright simulate``: rehearse a labeling job with synthetic workers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labelwright.cli.options import aws_client, data_option, json_option, print_table, region_option

if TYPE_CHECKING:
    from labelwright.simulate import Rehearsal

__all__ = ["simulate"]


@click.command()
@click.argument("job")
@click.option("--truth", required=True, help="Manifest of true labels: a file or an s3:// URI.")
@click.option("--attribute", required=True, help="Label attribute name that holds the truth.")
@click.option("--workers", type=int, default=None, help="Synthetic workers [2 more than the job asks for].")
@click.option("--accuracy", type=float, default=0.9, show_default=True, help="Mean accuracy of the crowd.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of all mistakes.")
@click.option(
    "--patience",
    type=float,
    default=10.0,
    show_default=True,
    help="Seconds without any task before giving up.",
)
@data_option
@region_option
@json_option
def simulate(
    job: str,
    truth: str,
    attribute: str,
    workers: int | None,
    accuracy: float,
    seed: int,
    patience: float,
    data_dir: Path | None,
    region: str,
    as_json: bool,
) -> None:
    """Answer the tasks of JOB with synthetic workers who make realistic mistakes.

    Tells how well single answers and consolidated labels agree with the truth, how fast it went and what the
    job would cost, before real people are paid. All built-in task types can be rehearsed; the workers join
    the job's private team as sim-worker-01, sim-worker-02 and so on.
    """
    from tqdm import tqdm

    from labelwright.simulate.rehearsal import AwsClients, simulate_job

    clients = AwsClients(
        sagemaker=aws_client("sagemaker", data_dir, region),
        cognito=aws_client("cognito-idp", data_dir, region),
        s3=aws_client("s3", data_dir, region),
    )
    with tqdm(desc=f"answers to {job}", unit="", disable=None, leave=False) as bar:

        def show(n_done: int, n_expected: int) -> None:
            bar.total = n_expected
            bar.update(n_done - bar.n)

        rehearsal = simulate_job(
            job,
            clients=clients,
            base_url=clients.sagemaker.meta.endpoint_url,
            truth=truth,
            attribute=attribute,
            n_workers=workers,
            accuracy=accuracy,
            seed=seed,
            patience_s=patience,
            on_progress=show,
        )
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(rehearsal), indent=2))
        return
    _print(rehearsal)


def _print(rehearsal: Rehearsal) -> None:
    skills = ", ".join(f"{accuracy:.2f}" for accuracy in rehearsal.worker_accuracies)
    click.echo(
        f"{rehearsal.n_answers} answers to {rehearsal.n_objects} objects of {rehearsal.job_name} "
        f"({rehearsal.task_type}) from {rehearsal.n_workers} workers with accuracies {skills}."
    )
    click.echo(
        f"{rehearsal.duration_s:.1f} s, {rehearsal.answers_per_s:.0f} answers per second; the job is "
        f"{rehearsal.job_status}."
    )
    if rehearsal.n_workers < rehearsal.n_workers_per_object:
        click.echo(
            f"The job asks for {rehearsal.n_workers_per_object} workers per object, so it waits for others. "
            f"Run again with --workers {rehearsal.n_workers_per_object} or more to finish it."
        )
    for count, text in (
        (
            rehearsal.n_without_truth,
            "tasks were declined because the truth manifest does not have their object",
        ),
        (rehearsal.n_declined, "tasks were declined, as workers do now and then"),
        (rehearsal.n_late, "answers came too late: another worker or the end of the job was faster"),
    ):
        if count:
            click.echo(f"{count} {text}.")
    if rehearsal.single_quality:
        click.echo()
        names = list(rehearsal.single_quality)
        print_table(
            ["AGREEMENT WITH THE TRUTH", *(name.upper() for name in names)],
            [
                ["single worker", *(f"{rehearsal.single_quality[name]:.3f}" for name in names)],
                ["consolidated", *(f"{rehearsal.consolidated_quality.get(name, 0.0):.3f}" for name in names)],
            ],
        )
    click.echo()
    click.echo(
        f"At published prices this would cost about {rehearsal.cost_usd:.2f} USD (0.08 per object and the "
        "lowest public task price per answer)."
    )
