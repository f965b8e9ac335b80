"""``labelwright predict``: use a trained model on this machine, with reports to look at."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from labelwright.errors import LabelwrightError

__all__ = ["predict"]

_RESULTS = "validation-inference-results.json"


@click.command()
@click.argument("model")
@click.argument("inputs", type=click.Path(path_type=Path), metavar="FOLDER")
@click.argument("class_names", nargs=-1)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help=f"Folder for {_RESULTS} (and masks), or the file itself when it ends in .json or .jsonl.",
)
@click.option("--report", type=click.Path(path_type=Path), metavar="PDF", help="Write a report on paper.")
@click.option(
    "--html",
    "html_report",
    type=click.Path(path_type=Path),
    metavar="HTML",
    help="Write a report for a browser.",
)
@click.option(
    "-c",
    "--confidence",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    help="Reports show scores from here on; the one in the browser can be moved.",
)
@click.option(
    "--least-score",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="Boxes with lower scores are left out of the results; 0 keeps all.",
)
@click.option("-k", "k", type=click.IntRange(1), default=3, show_default=True, help="Labels of each text.")
@click.option("--workers", type=click.IntRange(1), help="Threads; default: one a processor.")
@click.option("--title", default="Predictions", show_default=True, help="Of the reports.")
@click.option(
    "--data", "data_dir", type=click.Path(path_type=Path), help="Read s3:// from this data directory's files."
)
def predict(
    model: str,
    inputs: Path,
    class_names: tuple[str, ...],
    out: Path,
    report: Path | None,
    html_report: Path | None,
    confidence: float,
    least_score: float,
    k: int,
    workers: int | None,
    title: str,
    data_dir: Path | None,
) -> None:
    """Ask MODEL about every picture in FOLDER, or about every line of a file of texts.

    MODEL is the folder or the model.tar.gz of a training job, or its s3:// URI. Results are JSON lines, one a
    picture in the order of their names. CLASS_NAMES replace those the model knows, from class 0 on.
    """
    if out.suffix in (".json", ".jsonl"):
        folder, results = out.parent, out
    else:
        folder, results = out, out / _RESULTS
    try:
        with _opened(model, data_dir) as (predictor, known):
            names = list(class_names) or known
            folder.mkdir(parents=True, exist_ok=True)
            n_written, n_failed = _predict(
                predictor, inputs, results, least_score=least_score, k=k, n_workers=workers
            )
        click.echo(f"{n_written} results in {results}")
        if report is not None or html_report is not None:
            _write_reports(
                results, inputs, names, report, html_report,
                confidence=confidence, title=title, model=model,
            )  # fmt: skip
    except LabelwrightError as error:
        raise click.ClickException(error.message) from error
    except OSError as error:
        raise click.ClickException(
            f"{error.filename or out} cannot be written or read: {error.strerror}."
        ) from error
    if n_failed:
        click.echo(f'{n_failed} could not be read; their lines say why under "error".', err=True)
    if n_written and n_failed == n_written:
        raise click.exceptions.Exit(1)


@contextlib.contextmanager
def _opened(model: str, data_dir: Path | None) -> Iterator[tuple[Any, list[str]]]:
    """The predictor, and the names of its classes."""
    from labelwright.inference import load_predictor
    from labelwright.inference.load import read_description
    from labelwright.prediction import opened_model

    with opened_model(model, data_dir=data_dir) as folder:
        predictor = load_predictor(folder)
        names = getattr(predictor, "labels", None) or read_description(folder).get("classes") or []
        yield predictor, list(names)


def _predict(
    predictor: Any, inputs: Path, results: Path, *, least_score: float, k: int, n_workers: int | None
) -> tuple[int, int]:
    from labelwright.cli.places import progress
    from labelwright.prediction import list_inputs, predict_inputs, write_results
    from labelwright.prediction.inputs import count_inputs

    algorithm = predictor.algorithm
    n_inputs = count_inputs(inputs, algorithm)
    if not n_inputs:
        raise click.ClickException(
            f"There are no {'texts' if algorithm == 'blazingtext' else 'JPEG or PNG files'} in {inputs}."
        )
    temporary = results.with_name(f".{results.name}.part")
    with (
        progress(n_inputs, "predicting", unit="") as bar,
        _put_in_place(temporary, results),
        temporary.open("wb") as file,
    ):

        def told() -> Iterator[dict[str, Any]]:
            for record in predict_inputs(
                predictor,
                list_inputs(inputs, algorithm),
                inputs if inputs.is_dir() else inputs.parent,
                masks=results.parent / "masks",
                least_score=least_score,
                k=k,
                n_workers=n_workers,
            ):
                yield record
                bar.update()

        counts = write_results(told(), file)
        file.flush()
        os.fsync(file.fileno())
    return counts


@contextlib.contextmanager
def _put_in_place(temporary: Path, target: Path) -> Iterator[None]:
    """The file becomes the target when the block ends well, and goes when it does not."""
    try:
        yield
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _write_reports(
    results: Path,
    inputs: Path,
    names: Sequence[str],
    pdf: Path | None,
    html: Path | None,
    *,
    confidence: float,
    title: str,
    model: str,
) -> None:
    from labelwright.cli.places import progress
    from labelwright.prediction import read_results, summarise, write_html_report, write_pdf_report
    from labelwright.prediction.pdf_report import Report

    about = Report(
        title=title,
        facts=[
            ("Model", model),
            ("Input", str(inputs)),
            ("Made on", datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ],
        threshold=confidence,
        names=names,
        pictures=inputs if inputs.is_dir() else inputs.parent,
        results=results.parent,
    )
    summary = summarise(read_results(results), confidence)
    if pdf is not None:
        pdf.parent.mkdir(parents=True, exist_ok=True)
        temporary = pdf.with_name(f".{pdf.name}.part")
        with (
            progress(summary.n_inputs, pdf.name, unit="") as bar,
            _put_in_place(temporary, pdf),
            temporary.open("wb") as file,
        ):
            n_pages = write_pdf_report(file, about, summary, read_results(results), tell=bar.update)
        click.echo(f"{n_pages} pages in {pdf}")
    if html is not None:
        html.parent.mkdir(parents=True, exist_ok=True)
        with progress(summary.n_inputs, html.name, unit="") as bar:
            write_html_report(html, about, summary, read_results(results), tell=bar.update)
        click.echo(f"{html} and {html.stem}_files")
