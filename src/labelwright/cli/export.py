"""``labelwright export``: take a model to where it will be used."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labelwright.errors import LabelwrightError

if TYPE_CHECKING:
    from labelwright.exporting import Check, Quantised

__all__ = ["export"]


@click.command()
@click.argument("model")
@click.argument("target", type=click.Path(path_type=Path), metavar="OUT")
@click.option(
    "--to",
    "form",
    required=True,
    type=click.Choice(["onnx", "int8", "runtime"]),
    help="onnx: the graph, checked. int8: a smaller one. runtime: a folder that runs alone.",
)
@click.option(
    "--calibration",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="int8: folder of typical pictures; some dozens will do.",
)
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="onnx: folder of pictures to check on instead of noise.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.option(
    "--data", "data_dir", type=click.Path(path_type=Path), help="Read s3:// from this data directory's files."
)
def export(
    model: str,
    target: Path,
    form: str,
    calibration: Path | None,
    pictures: Path | None,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Write MODEL in another form to OUT, a file or (for runtime) a folder.

    MODEL is the folder or the model.tar.gz of a training job, or its s3:// URI. The graph takes pictures as
    bytes of RGB and has scaling, decoding of boxes and their suppression inside. MXNet's files are not
    written: models of this server run on ONNX runtimes instead.
    """
    if calibration is not None and form != "int8":
        raise click.UsageError("--calibration goes with --to int8.")
    if pictures is not None and form != "onnx":
        raise click.UsageError("--pictures goes with --to onnx.")
    from labelwright import exporting
    from labelwright.prediction import opened_model

    try:
        with opened_model(model, data_dir=data_dir) as folder:
            if form == "onnx":
                _say_check(exporting.export_graph(folder, target, examples=pictures), target, as_json)
            elif form == "int8":
                _say_savings(exporting.export_int8(folder, target, calibration=calibration), target, as_json)
            else:
                _write_runtime(folder, target, as_json)
    except LabelwrightError as error:
        raise click.ClickException(error.message) from error
    except OSError as error:
        raise click.ClickException(
            f"{error.filename or target} cannot be written: {error.strerror}."
        ) from error


def _say_check(check: Check, target: Path, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**asdict(check), "is_good": check.is_good}, indent=2))
    else:
        click.echo(f"{target}, {target.stat().st_size:,} bytes")
        for name, values in (("takes", check.inputs), ("gives", check.outputs)):
            click.echo(f"  {name} {', '.join(values)}")
        if check.agreement is None:
            click.echo(f"  not compared with PyTorch: {check.why_not}")
        else:
            click.echo(
                f"  agrees with PyTorch on {check.agreement.n_pictures} pictures: "
                f"{check.agreement.share:.2%}, scores differ by at most "
                f"{check.agreement.largest_difference:.1e}"
            )
    if not check.is_good:
        raise click.ClickException(
            "The graph does not answer as the network in PyTorch does; train the model again with this "
            "version, and report it if that does not help."
        )


def _say_savings(found: Quantised, target: Path, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    how = f"calibrated on {found.n_calibration} pictures" if found.is_static else "weights only"
    click.echo(f"{target}, int8 ({how})")
    click.echo(
        f"  size  {found.bytes_before / 1e6:8.2f} MB -> {found.bytes_after / 1e6:8.2f} MB "
        f"({found.bytes_after / found.bytes_before:.0%})"
    )
    click.echo(
        f"  time  {found.ms_before:8.2f} ms -> {found.ms_after:8.2f} ms a picture, one thread here "
        f"({found.ms_before / found.ms_after:.2f}x as fast)"
    )
    click.echo(
        f"  same answers as float32: {found.agreement.share:.1%} on {found.agreement.n_pictures} pictures, "
        f"scores differ by at most {found.agreement.largest_difference:.3f}"
    )
    click.echo(f"  layers left in float32 for that: {found.n_float_layers}")
    if not found.is_static:
        click.echo("  give --calibration FOLDER with typical pictures for more speed", err=True)


def _write_runtime(folder: Path, target: Path, as_json: bool) -> None:
    from labelwright.cli.places import Places
    from labelwright.config import DEFAULT_REGION
    from labelwright.exporting import export_runtime

    with Places(None, DEFAULT_REGION).new_folder(str(target)) as inner:
        packages = export_runtime(folder, inner)
    if as_json:
        click.echo(json.dumps({"folder": str(target), "packages": packages}, indent=2))
    else:
        click.echo(f"{target} runs on {', '.join(packages)}: python {target}/predict.py --help")
