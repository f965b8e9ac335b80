"""The folder a training program runs in: what was asked, what lies where, who else takes part.

The folder has the shape of ``/opt/ml``; the environment variable ``SAGEMAKER_BASE_DIR`` says where it is. No
torch in here.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from labelwright.train.toolkit.problems import CustomerError

__all__ = ["Environment", "TrainingChannel"]

_ROOT = "/opt/ml"


@dataclasses.dataclass(frozen=True, slots=True)
class TrainingChannel:
    """One channel as ``inputdataconfig.json`` tells it.

    Attributes
    ----------
    name : str
    folder : Path
        Where the files lie in File and FastFile mode. In Pipe mode there is no such folder; the pipes stand
        beside it (`pipe`).
    content_type : str
        Without parameters, in lower case; ``""`` when none was given.
    parameters : mapping of str to str
        Those of the content type, such as ``label-format``.
    mode : {"File", "FastFile", "Pipe"}
    is_wrapped : bool
        RecordWrapperType is RecordIO: every object or attribute is a record of its own.
    is_sharded : bool
        Every host gets a part of its own (ShardedByS3Key) instead of everything.
    """

    name: str
    folder: Path
    content_type: str = ""
    parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    mode: Literal["File", "FastFile", "Pipe"] = "File"
    is_wrapped: bool = False
    is_sharded: bool = False

    def pipe(self, i_opening: int) -> Path:
        """The named pipe that the channel's reader opens as the ``i_opening``-th, counted from 0."""
        return self.folder.with_name(f"{self.folder.name}_{i_opening}")


@dataclasses.dataclass(frozen=True, slots=True)
class Environment:
    """Everything the program is told.

    Attributes
    ----------
    base : Path
        ``/opt/ml`` or what stands for it.
    hyperparameters : mapping of str to str
        As given, unchecked.
    channels : mapping of str to TrainingChannel
    hosts : tuple of str
        In the order of their ranks: ``algo-1, algo-2, ..., algo-10``.
    current_host : str
    model_dir, output_dir : Path
        ``output_dir`` is ``output`` itself: files for ``output.tar.gz`` go to its ``data``.
    checkpoint_dir : Path or None
        None when the job has no CheckpointConfig, so that nothing would keep what is written there.
    n_gpus : int
        Of this host.
    job_name : str
    """

    base: Path
    hyperparameters: Mapping[str, str]
    channels: Mapping[str, TrainingChannel]
    hosts: tuple[str, ...] = ("algo-1",)
    current_host: str = "algo-1"
    model_dir: Path = Path("model")
    output_dir: Path = Path("output")
    checkpoint_dir: Path | None = None
    n_gpus: int = 0
    job_name: str = ""

    @classmethod
    def read(cls, base: Path | None = None) -> Self:
        """Read the configuration files below ``input/config``.

        Parameters
        ----------
        base : Path, optional
            Default: ``SAGEMAKER_BASE_DIR``, else ``/opt/ml``.

        Raises
        ------
        CustomerError
            A hyperparameter or a channel has no form that the platform could have written.
        """
        base = Path(os.environ.get("SAGEMAKER_BASE_DIR", _ROOT)) if base is None else base
        config = base / "input" / "config"
        resources = _read_json(config / "resourceconfig.json")
        current = str(resources.get("current_host", "algo-1"))
        hosts = tuple(sorted((str(host) for host in resources.get("hosts", [current])), key=_host_number))
        (base / "model").mkdir(parents=True, exist_ok=True)
        (base / "output" / "data").mkdir(parents=True, exist_ok=True)
        return cls(
            base=base,
            hyperparameters={
                str(name): value if isinstance(value, str) else json.dumps(value)
                for name, value in _read_json(config / "hyperparameters.json").items()
            },
            channels={
                name: _channel(name, entry, base / "input" / "data")
                for name, entry in _read_json(config / "inputdataconfig.json").items()
            },
            hosts=hosts,
            current_host=current,
            model_dir=base / "model",
            output_dir=base / "output",
            checkpoint_dir=_checkpoint_dir(base, _read_json(config / "checkpointconfig.json")),
            n_gpus=_n_gpus(),
            job_name=os.environ.get("TRAINING_JOB_NAME", ""),
        )

    @property
    def failure_file(self) -> Path:
        """The file whose first 1024 characters become the job's FailureReason."""
        return self.output_dir / "failure"

    def channel(self, name: str) -> TrainingChannel:
        """A channel that must be there.

        Raises
        ------
        CustomerError
            It is not.
        """
        found = self.channels.get(name)
        if found is None:
            raise CustomerError(f"Required channel {name!r} is missing; add it to InputDataConfig.")
        return found


def _channel(name: str, entry: Mapping[str, Any], data: Path) -> TrainingChannel:
    content_type, *parameters = [part.strip() for part in str(entry.get("ContentType") or "").split(";")]
    mode = entry.get("TrainingInputMode", "File")
    if mode not in ("File", "FastFile", "Pipe"):
        raise CustomerError(f"Channel {name!r} has the input mode {mode!r}; give File, FastFile or Pipe.")
    pairs = (part.partition("=") for part in parameters if part)
    return TrainingChannel(
        name=name,
        folder=data / name,
        content_type=content_type.lower(),
        parameters={key.strip().lower(): value.strip() for key, _, value in pairs},
        mode=mode,
        is_wrapped=entry.get("RecordWrapperType") == "RecordIO",
        is_sharded=entry.get("S3DistributionType") == "ShardedByS3Key",
    )


def _checkpoint_dir(base: Path, config: Mapping[str, Any]) -> Path | None:
    if not config:
        return None
    path = str(config.get("LocalPath") or f"{_ROOT}/checkpoints")
    inside = Path(path).is_relative_to(_ROOT) and base != Path(_ROOT)
    folder = base / Path(path).relative_to(_ROOT) if inside else Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise CustomerError(f"{path.name} is no JSON: {error}.") from error
    if not isinstance(content, dict):
        raise CustomerError(f"{path.name} holds a {type(content).__name__}; it must be a JSON object.")
    return content


def _host_number(name: str) -> tuple[str, int, str]:
    """algo-2 before algo-10."""
    stem, _, number = name.rpartition("-")
    return (stem, int(number), "") if number.isdecimal() else (name, 0, name)


def _n_gpus() -> int:
    """GPUs of this host, without loading torch; ``CUDA_VISIBLE_DEVICES`` decides where it is set."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([device for device in visible.split(",") if device.strip() not in ("", "-1")])
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    found = subprocess.run([program, "-L"], capture_output=True, text=True, check=False)  # noqa: S603
    return sum(line.startswith("GPU ") for line in found.stdout.splitlines())
