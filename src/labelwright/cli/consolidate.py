"""``labelwright consolidate``: combine a table of answers without a server."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

__all__ = ["consolidate"]

_COLUMNS = ("task", "worker", "label")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--algorithm", default="bayesian", show_default=True, help="Name of the algorithm.")
@click.option("--workers", "shows_workers", is_flag=True, help="Show the workers instead of the tasks.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def consolidate(file: Path, algorithm: str, *, shows_workers: bool, as_json: bool) -> None:
    """Combine the answers in FILE, a CSV with the columns task, worker and label.

    Prints a label with its probability for every task; with --workers each worker's accuracy and its 95 %
    interval. Ties go to the label that sorts first.
    """
    from labelwright.consolidation import ALGORITHMS, Responses, classify

    if algorithm not in ALGORITHMS:
        raise click.BadParameter(
            f"there is no {algorithm!r}; choose one of {', '.join(ALGORITHMS)}.", param_hint="--algorithm"
        )
    tasks, workers, labels = _columns(file)
    crowd = Responses.from_names(tasks, workers, labels, label_names=sorted(set(labels)))
    if not crowd.n_answers:
        raise click.ClickException(f"{file} holds no answers: it has a header and no rows.")
    found = classify(crowd, crowd.n_classes, algorithm=algorithm)
    names: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]
    if shows_workers:
        quality = found.worker_quality
        columns = (quality.n_answers, quality.accuracy, quality.lower, quality.upper)
        names = ("worker", "answers", "accuracy", "lower", "upper")
        rows = zip(crowd.worker_names, *(column.tolist() for column in columns), strict=True)
    else:
        chosen = [crowd.label_names[c] for c in found.labels]
        names = ("task", "label", "confidence")
        rows = zip(crowd.task_names, chosen, found.confidences.tolist(), strict=True)
    for line in _lines(names, rows, as_json=as_json):
        click.echo(line)


def _columns(file: Path) -> tuple[list[str], list[str], list[str]]:
    columns: tuple[list[str], list[str], list[str]] = ([], [], [])
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise click.ClickException(
                f"{file}, line 1: no column {', '.join(missing)}; the first line names task, worker, label."
            )
        for row in reader:
            values = [row[name] for name in _COLUMNS]
            for name, value, column in zip(_COLUMNS, values, columns, strict=True):
                if not value:
                    raise click.ClickException(
                        f"{file}, line {reader.line_num}: {name} is empty; fill it in or drop the line."
                    )
                column.append(value)
    return columns


def _lines(names: tuple[str, ...], rows: Iterator[tuple[Any, ...]], *, as_json: bool) -> Iterator[str]:
    if as_json:
        for row in rows:
            yield json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
        return
    yield "\t".join(names)
    for row in rows:
        yield "\t".join(f"{value:.4f}" if isinstance(value, float) else str(value) for value in row)
