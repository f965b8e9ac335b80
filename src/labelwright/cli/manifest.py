"""``labelwright manifest``: check, describe and prepare manifests, without a server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click
from tqdm import tqdm

from labelwright import manifests
from labelwright.cli.options import data_option, region_option
from labelwright.cli.prepare_convert import convert
from labelwright.cli.prepare_lines import filter_command, inject, join, split
from labelwright.cli.prepare_pictures import augment, contact_sheet, frames
from labelwright.manifests.stats import CONFIDENCE_EDGES

__all__ = ["manifest"]

T = TypeVar("T")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_N_PRINTED_MAX = 50


@click.group()
def manifest() -> None:
    """Check, describe and prepare manifests."""


for _command in (join, filter_command, inject, split, convert, augment, contact_sheet, frames):
    manifest.add_command(_command)


@manifest.command()
@click.argument("file", type=_FILE)
@click.option(
    "--kind",
    type=click.Choice(["input", "output"]),
    default=None,
    help="What FILE is meant to be. Default: output if an option below is given, else input.",
)
@click.option("--label-attribute-name", metavar="NAME", help="Check this label only.")
@click.option("--input", "input_file", type=_FILE, help="The job's input manifest, to compare with.")
@click.option("--labels", "labels_file", type=_FILE, help="The job's label category file.")
@click.option("--workers", "n_workers", type=click.IntRange(1, 9), help="Workers per data object.")
@click.option("--max-lines", type=click.IntRange(1), help="Most lines allowed (input manifests).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def validate(
    file: Path,
    kind: str | None,
    label_attribute_name: str | None,
    input_file: Path | None,
    labels_file: Path | None,
    n_workers: int | None,
    max_lines: int | None,
    as_json: bool,
) -> None:
    """Check FILE line by line. Exit code 1 when something is wrong."""
    is_about_labels = any((label_attribute_name, input_file, labels_file, n_workers))
    if kind == "input" and is_about_labels:
        raise click.UsageError("--kind input goes only with --max-lines. Leave the other options out.")
    if kind == "output" or is_about_labels:
        if max_lines:
            raise click.UsageError("--max-lines is for input manifests only.")
        names = _read_class_names(labels_file) if labels_file else None
        outcome = _with_progress(
            file,
            lambda chunks: manifests.validate_output(
                chunks,
                label_attribute_name=label_attribute_name,
                input_source=input_file,
                class_names=names,
                n_workers=n_workers,
            ),
        )
    else:
        outcome = _with_progress(file, lambda chunks: manifests.validate_input(chunks, lines_max=max_lines))
    if as_json:
        click.echo(json.dumps({"file": str(file), "is_valid": outcome.is_valid, **asdict(outcome)}, indent=2))
    else:
        for finding in outcome.findings[:_N_PRINTED_MAX]:
            click.echo(f"{file}: {finding}", err=True)
        n_more = outcome.n_errors + outcome.n_warnings - min(len(outcome.findings), _N_PRINTED_MAX)
        if n_more:
            click.echo(f"... and {n_more} more (--json lists up to 1000)", err=True)
        click.echo(f"{outcome.n_lines} lines, {outcome.n_errors} errors, {outcome.n_warnings} warnings")
    if not outcome.is_valid:
        raise SystemExit(1)


@manifest.command()
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def stats(file: Path, as_json: bool) -> None:
    """Count objects, labels, classes and confidences in FILE."""
    counted = _with_progress(file, manifests.collect_stats)
    if as_json:
        click.echo(json.dumps({"file": str(file), **counted.as_json()}, indent=2, ensure_ascii=False))
        return
    click.echo(
        f"{counted.n_lines} objects: {counted.n_texts} texts, {counted.n_references} references to files"
    )
    for name, attribute in counted.attributes.items():
        click.echo(f"\n{name}  {', '.join(attribute.types)}".rstrip())
        click.echo(
            f"  labeled {attribute.n_labeled} (human {attribute.n_human}, machine {attribute.n_machine}), "
            f"failed {attribute.n_failed}, "
            f"unlabeled {counted.n_lines - attribute.n_labeled - attribute.n_failed}"
        )
        for job, n_objects in attribute.job_names.most_common(10):
            click.echo(f"  by {job or '(no job name)'}: {n_objects}")
        if attribute.n_annotations:
            click.echo(f"  annotations {attribute.n_annotations}")
        for label, n_annotations in attribute.classes.most_common(30):
            share = n_annotations / attribute.n_annotations
            click.echo(f"    {n_annotations:>9}  {share:6.1%}  {label}")
        if attribute.mean_confidence is not None:
            bins = "  ".join(
                f"{low:g}-{high:g}: {n}"
                for low, high, n in zip(
                    CONFIDENCE_EDGES, CONFIDENCE_EDGES[1:], attribute.confidences, strict=False
                )
            )
            click.echo(f"  confidence mean {attribute.mean_confidence:.3f}   {bins}")


@manifest.command()
@click.argument("file", metavar="MANIFEST")
@click.option("--task-type", required=True, help="Suffix of the job's functions, such as BoundingBox.")
@click.option("--label-attribute-name", default="", metavar="NAME", help="Of the job to come.")
@click.option("--label-categories", "labels_file", type=_FILE, help="The job's label category file.")
@click.option(
    "--objects",
    default="1000",
    show_default=True,
    metavar="N|all|none",
    help="How many of the files that the manifest refers to are looked at, drawn at random.",
)
@click.option(
    "--concurrency", type=click.IntRange(1, 256), default=16, show_default=True, help="Files at once."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the draw.")
@click.option("--auto-labeling", "is_auto", is_flag=True, help="The job will have automated labeling.")
@data_option
@region_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(
    file: str,
    task_type: str,
    label_attribute_name: str,
    labels_file: Path | None,
    objects: str,
    concurrency: int,
    seed: int,
    is_auto: bool,
    data_dir: Path | None,
    region: str,
    as_json: bool,
) -> None:
    """Check MANIFEST as a labeling job would, before there is one. Exit code 1 when something is wrong.

    MANIFEST is a file or an s3:// URI. Looks at every line, at labels of earlier jobs under the label
    attribute name, at data that occurs twice, and at the files: are they there, and are they images or
    videos of an allowed size.
    """
    from labelwright.cli.manifest_check import run_check

    run_check(
        file,
        task_type=task_type,
        label_attribute_name=label_attribute_name,
        labels_file=labels_file,
        objects=objects,
        n_threads=concurrency,
        seed=seed,
        is_auto=is_auto,
        data_dir=data_dir,
        region=region,
        as_json=as_json,
    )


def _with_progress(file: Path, work: Callable[[Iterator[bytes]], T]) -> T:
    """Run ``work`` over the file's chunks with a bar on standard error, where that is a terminal."""
    bar = tqdm(
        total=file.stat().st_size, unit="B", unit_scale=True, desc=file.name, disable=None, leave=False
    )

    def chunks() -> Iterator[bytes]:
        for chunk in manifests.chunks_of(file):
            yield chunk
            bar.update(len(chunk))

    with bar:
        return work(chunks())


def _read_class_names(file: Path) -> list[str]:
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
        return [entry["label"] for entry in document["labels"]]
    except (ValueError, KeyError, TypeError) as error:
        raise click.ClickException(
            f'{file} is not a label category file. It must look like {{"labels": [{{"label": "bolt"}}]}}.'
        ) from error
