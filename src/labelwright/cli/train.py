"""``labelwright train``: a training job on this machine, without a server."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import click
from tqdm import tqdm

from labelwright import algorithms
from labelwright.cli.options import data_option

__all__ = ["train"]

_SAMPLES: Final = "num_training_samples"
_IMAGES = frozenset({".jpg", ".jpeg", ".png"})


@click.command()
@click.argument("request", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--algorithm", metavar="NAME", help=f"A built-in one: {', '.join(algorithms.NAMES)}.")
@click.option(
    "--script",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own program; its folder is the source.",
)
@click.option("--train", "train_data", metavar="PATH", help="Channel `train`: folder, .rec file or manifest.")
@click.option("--validation", metavar="PATH", help="Channel `validation`.")
@click.option("--channel", "channels", multiple=True, metavar="NAME=PATH", help="Another channel.")
@click.option("--attributes", metavar="A,B", help="The files are augmented manifests: what of each line.")
@click.option("--content-type", help="Of all channels; guessed for records and manifests.")
@click.option("-p", "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A hyperparameter.")
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME=REGEX", help="To be found in a script's log."
)
@click.option("--output", default="training", show_default=True, metavar="FOLDER", help="For all jobs.")
@click.option("--name", help="Of the job, and of its folder in --output [algorithm or script, and the time].")
@click.option("--checkpoints", type=click.Path(file_okay=False, path_type=Path), help="Kept; resumed from.")
@click.option("--hosts", type=click.IntRange(1, 64), default=1, help="Processes that train together.")
@click.option("--max-runtime", type=click.IntRange(1), default=86_400, show_default=True, metavar="SECONDS")
@click.option("--keep", is_flag=True, help="Leave the job's own folder for a look.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, the log on standard error.")
@data_option
def train(
    request: Path | None,
    algorithm: str | None,
    script: Path | None,
    train_data: str | None,
    validation: str | None,
    channels: tuple[str, ...],
    attributes: str | None,
    content_type: str | None,
    settings: tuple[str, ...],
    metrics: tuple[str, ...],
    output: str,
    name: str | None,
    checkpoints: Path | None,
    hosts: int,
    max_runtime: int,
    keep: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Train on this machine, as a training job of the server does, with its log on the screen.

    REQUEST is a file with a CreateTrainingJob request in which paths may stand for s3:// URIs. Without one,
    name a built-in algorithm or a script, and its data:

    \b
        labelwright train --algorithm image-classification --train pets_train.rec \\
            --validation pets_val.rec -p num_classes=2 -p epochs=5
        labelwright train --algorithm object-detection --train train.manifest \\
            --validation val.manifest --attributes source-ref,bounding-box -p num_classes=1
        labelwright train --script train.py --train data/ -p lr=0.1

    The model is left in OUTPUT/NAME/output/model.tar.gz. Interrupt once to stop and keep what was learned,
    twice to end at once.
    """
    from labelwright.training.local import train_locally

    if request is not None:
        content = json.loads(request.read_bytes())
        if not isinstance(content, dict):
            raise click.ClickException(
                f"{request} holds no JSON object; it must be a CreateTrainingJob request."
            )
    else:
        content = _request(algorithm, script, hosts=hosts, max_runtime=max_runtime)
        given = {"train": train_data, "validation": validation} | _pairs(channels, "--channel")
        names = tuple(part.strip() for part in attributes.split(",")) if attributes else ()
        content["InputDataConfig"] = [
            _channel(key, path, content_type, names) for key, path in given.items() if path is not None
        ]
        content["HyperParameters"] |= _pairs(settings, "--set")
        if algorithm and train_data and algorithms.get(algorithm).hyperparameter(_SAMPLES) is not None:
            content["HyperParameters"].setdefault(_SAMPLES, str(_n_samples(Path(train_data), bool(names))))
        content["AlgorithmSpecification"]["MetricDefinitions"] = [
            {"Name": key, "Regex": regex} for key, regex in _pairs(metrics, "--metric").items()
        ]
        if checkpoints is not None:
            content["CheckpointConfig"] = {"S3Uri": str(checkpoints)}
    if name or "TrainingJobName" not in content:
        content["TrainingJobName"] = name or f"{algorithm or 'script'}-{time.strftime('%Y%m%d-%H%M%S')}"
    content.setdefault("OutputDataConfig", {"S3OutputPath": output})
    with _Screen(as_json=as_json) as screen:
        result = train_locally(
            content, on_line=screen.line, on_process=screen.watch, data_dir=data_dir, keep=keep
        )
    if as_json:
        last = dict(result.metrics())
        shown = {"outcome": result.outcome, "failure_reason": result.failure_reason}
        click.echo(json.dumps({**shown, "output": str(result.output), "metrics": last}, indent=2))
    if result.outcome == "Failed":
        raise click.ClickException(str(result.failure_reason))
    if not as_json:
        for key, value in dict(result.metrics()).items():
            click.echo(f"{key}: {value:g}")
        click.echo(f"{result.outcome}. What it made is in {result.output}")


def _request(algorithm: str | None, script: Path | None, *, hosts: int, max_runtime: int) -> dict[str, Any]:
    if (algorithm is None) == (script is None):
        raise click.UsageError("Give a REQUEST file, --algorithm or --script.")
    hyperparameters: dict[str, str] = {}
    if algorithm is not None:
        algorithms.get(algorithm)
    else:
        assert script is not None  # noqa: S101 - one of both is given
        hyperparameters = {
            "sagemaker_program": script.name,
            "sagemaker_submit_directory": str(script.absolute().parent),
        }
    return {
        "AlgorithmSpecification": {"TrainingImage": algorithm or "local:python", "TrainingInputMode": "File"},
        "HyperParameters": hyperparameters,
        "ResourceConfig": {"InstanceType": "local", "InstanceCount": hosts, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": max_runtime},
    }


def _channel(name: str, path: str, content_type: str | None, attributes: tuple[str, ...]) -> dict[str, Any]:
    from labelwright.training.local import channel_request

    if "://" not in path and not Path(path).exists():
        raise click.ClickException(f"Channel {name}: there is no file or folder {path}.")
    is_manifest = bool(attributes) and not Path(path).is_dir() and not path.endswith((".rec", ".tar.gz"))
    if name == "model" and content_type is None:
        content_type = "application/x-sagemaker-model"
    return channel_request(
        name, path, content_type=content_type, attributes=attributes if is_manifest else ()
    )


def _pairs(texts: tuple[str, ...], option: str) -> dict[str, str]:
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.UsageError(f"{option} {text!r} must be of the form NAME=VALUE.")
        found[key] = value
    return found


def _n_samples(path: Path, is_manifest: bool) -> int:
    """How many samples a channel of this machine holds."""
    if path.is_dir():
        return sum(each.suffix.lower() in _IMAGES for each in path.rglob("*"))
    if not path.is_file():
        raise click.ClickException(f"Say with --set {_SAMPLES}=N how many samples {path} holds.")
    if is_manifest:
        with path.open("rb") as file:
            return sum(bool(line.strip()) for line in file)
    from labelwright.recordio import record_offsets

    return sum(1 for _ in record_offsets(path))


class _Screen:
    """The log, with a bar below it where the algorithm says how far it is; and the keyboard's interrupt."""

    def __init__(self, *, as_json: bool) -> None:
        self._file = sys.stderr if as_json else sys.stdout
        self._bar = tqdm(total=100, unit="%", disable=None, leave=False)
        self._process: subprocess.Popen[bytes] | None = None
        self._before: Any = None
        self._n_interrupts = 0

    def __enter__(self) -> _Screen:
        with contextlib.suppress(ValueError):  # not in the main thread
            self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def line(self, text: str) -> None:
        tqdm.write(text, file=self._file)
        if "#progress_metric" in text and (words := text.rpartition("completed ")[2].split()):
            with contextlib.suppress(ValueError):
                self._bar.update(float(words[0]) - self._bar.n)

    def _interrupt(self, *_: object) -> None:
        self._n_interrupts += 1
        if self._process is not None:
            self._process.send_signal(signal.SIGINT if self._n_interrupts == 1 else signal.SIGTERM)
