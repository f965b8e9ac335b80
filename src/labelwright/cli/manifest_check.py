"""The work of ``labelwright manifest check``: where the files are, progress, and what is printed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from labelwright import manifests
from labelwright.cli.remote import remote_blobs
from labelwright.errors import InvalidRequest, LabelwrightError

if TYPE_CHECKING:
    from labelwright.blobs import Blobs
    from labelwright.tasks import Categories

__all__ = ["run_check"]

_N_PRINTED_MAX = 50
_HINT = "leave the files out with --objects none"


def run_check(
    file: str,
    *,
    task_type: str,
    label_attribute_name: str,
    labels_file: Path | None,
    objects: str,
    n_threads: int,
    seed: int,
    is_auto: bool,
    data_dir: Path | None,
    region: str,
    as_json: bool,
) -> None:
    """Check and print; ends the program with 1 when something is wrong."""
    from labelwright.engine.manifest_check import ManifestCheck
    from labelwright.errors import NotFound

    n_objects = _n_objects(objects)
    needs_store = file.startswith("s3://") or n_objects != 0
    blobs = remote_blobs(data_dir, region, hint=_HINT) if needs_store else None
    try:
        check = ManifestCheck(
            task_type,
            label_attribute_name=label_attribute_name,
            categories=None if labels_file is None else _categories(labels_file, task_type),
            blobs=None if n_objects == 0 else blobs,
            n_objects=n_objects,
            n_threads=n_threads,
            seed=seed,
            is_auto=is_auto,
        )
    except NotFound as error:
        raise click.UsageError(f"--task-type: {error.message}") from error
    total, chunks = _source(file, blobs)
    with (
        tqdm(total=total, unit="B", unit_scale=True, desc="lines", disable=None, leave=False) as lines,
        tqdm(unit="", desc="files", disable=None, leave=False) as files,
    ):

        def read() -> Iterator[bytes]:
            for chunk in chunks:
                yield chunk
                lines.update(len(chunk))

        def on_objects(n_done: int, n_total: int) -> None:
            files.total = n_total or None
            files.update(n_done - files.n)

        result = check.run(read(), on_objects=on_objects)
    if as_json:
        facts: dict[str, Any] = {
            "manifest": file,
            "is_good": result.is_good,
            "n_lines": result.n_lines,
            "n_labeled": result.n_labeled,
            "n_objects_checked": result.n_objects_checked,
            "n_errors": result.n_errors,
            "n_warnings": result.n_warnings,
            "counts": dict(result.counts),
            "problems": [dataclasses.asdict(problem) for problem in result.problems],
        }
        click.echo(json.dumps(facts, indent=2))
    else:
        for problem in result.problems[:_N_PRINTED_MAX]:
            click.echo(f"{file}: {problem}", err=True)
        n_more = result.n_errors + result.n_warnings - min(len(result.problems), _N_PRINTED_MAX)
        if n_more:
            click.echo(f"... and {n_more} more (--json lists up to 1000)", err=True)
        click.echo(
            f"{result.n_lines} lines ({result.n_labeled} labeled already), {result.n_objects_checked} files "
            f"looked at, {result.n_errors} errors, {result.n_warnings} warnings"
        )
    if not result.is_good:
        raise SystemExit(1)


def _n_objects(text: str) -> int | None:
    if text == "all":
        return None
    if text == "none":
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise click.UsageError(f"--objects is {text!r}; write a whole number, all or none.")
    return int(text)


def _categories(file: Path, type_name: str) -> Categories:
    from labelwright.tasks import parse_categories, task_type

    kind = task_type(type_name)
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
        categories = parse_categories(document, n_min=kind.n_labels_min, n_max=kind.n_labels_max)
        kind.check_categories(categories)
    except ValueError as error:
        raise click.ClickException(f"{file} is not JSON: {error}. Mend the label category file.") from error
    except InvalidRequest as error:
        raise click.ClickException(f"{file}: {error.message}") from error
    return categories


def _source(file: str, blobs: Blobs | None) -> tuple[int, Iterator[bytes]]:
    try:
        if file.startswith("s3://") and blobs is not None:
            return blobs.head(file).size_bytes, blobs.stream(file)
        path = Path(file)
        return path.stat().st_size, manifests.chunks_of(path)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error
    except LabelwrightError as error:
        raise click.ClickException(error.message) from error
