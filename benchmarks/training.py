"""Trainings of built-in algorithms as benchmarks run them: in a process of their own; CPU time, metrics."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from labelwright.testing.training_folder import TrainingFolder

SHARED = Path(__file__).parents[2] / "shared" / "data"


# Threads that wait for each other spin; on a busy machine that is most of the CPU time they take.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


class Trained(NamedTuple):
    """What a training came to; the model's folder goes with ``holder``."""

    cpu_s: float
    history: dict[str, list[float]]
    model: Path
    holder: tempfile.TemporaryDirectory[str]


def data_folder(name: str, given: str | None) -> Path:
    """The folder of a data set, or the end of the benchmark with a word on where to get it."""
    folder = Path(given) if given else SHARED / "vision" / name
    if not (folder / "train.manifest").is_file():
        raise SystemExit(
            f"{folder} holds no train.manifest; give the folder of the data set {name!r} as argument."
        )
    return folder


def lines_of(folder: Path, side: str) -> list[dict[str, Any]]:
    """The lines of one side's manifest."""
    with (folder / f"{side}.manifest").open() as lines:
        return [json.loads(line) for line in lines]


def local(folder: Path, uri: str) -> Path:
    """Where an object of the set lies: its key below ``<set's name>/``."""
    return folder / uri.split(f"/{folder.name}/", 1)[1]


def train(
    algorithm: str,
    hyperparameters: Mapping[str, object],
    fill: Callable[[TrainingFolder], None],
    patterns: Mapping[str, str],
    *,
    weights: Path | None,
) -> Trained:
    """Run one training.

    Parameters
    ----------
    algorithm : str
    hyperparameters : mapping
    fill : callable
        Adds the channels.
    patterns : mapping of str to str
        Metrics to take from the log.
    weights : Path or None
        Folder of pretrained weights.
    """
    holder = tempfile.TemporaryDirectory(prefix="labelwright-training-")
    folder = TrainingFolder(Path(holder.name), hyperparameters)
    fill(folder)
    environment = dict(ONE_THREAD)
    if weights is not None:
        environment["LABELWRIGHT_PRETRAINED_DIR"] = str(weights)
    process = folder.start(algorithm, **environment)
    history: dict[str, list[float]] = {name: [] for name in patterns}
    assert process.stdout is not None
    for line in process.stdout:
        for name, pattern in patterns.items():
            if found := re.search(pattern, line):
                history[name].append(float(found[1]))
                print(f"    {name} {found[1]}", flush=True)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"training ended with {process.returncode}: {folder.failure}")
    return Trained(usage.ru_utime + usage.ru_stime, history, folder.model, holder)


def pretrained_folder() -> Path | None:
    """The folder with weights beside the repository, if it is there."""
    folder = SHARED / "weights"
    return folder if folder.is_dir() else None


def plain_speed(module: str, *arguments: str) -> float:
    """Pictures per CPU second of a plain training loop, which runs in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **ONE_THREAD},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{module} failed:\n{done.stderr}")
    return float(done.stdout.split()[-1])
