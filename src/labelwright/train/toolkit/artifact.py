"""The model folder that becomes ``model.tar.gz``, and the archive of the channel ``model``.

``hyperparams.json``
    Flat, all values strings: what was given and the defaults.
``labelwright.json``
    What `labelwright.inference` needs to know: algorithm, network, classes, image shape, final metrics.
``model.safetensors``
    The weights.
``model.onnx``
    The graph that answers requests.
"""

from __future__ import annotations

import dataclasses
import json
import os
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from labelwright.algorithms import Algorithm
from labelwright.train.toolkit.environment import TrainingChannel
from labelwright.train.toolkit.problems import CustomerError

__all__ = ["Artifact", "read_artifact", "read_model_channel", "write_artifact", "write_description"]

_BYTES_MAX = 16 << 30
_NAMES = ("hyperparams.json", "labelwright.json", "model.safetensors", "model.onnx", "model.bin")


@dataclasses.dataclass(frozen=True, slots=True)
class Artifact:
    """What a model folder says.

    Attributes
    ----------
    hyperparameters : dict of str to str
    description : dict
        Content of ``labelwright.json``.
    weights : dict of str to Tensor
    """

    hyperparameters: dict[str, str]
    description: dict[str, Any]
    weights: dict[str, Tensor]


def write_artifact(
    folder: Path,
    *,
    algorithm: str,
    hyperparameters: Mapping[str, str],
    network: Mapping[str, Any],
    classes: list[str] | None,
    image_shape: list[int],
    final_metrics: Mapping[str, float],
    weights: Mapping[str, Tensor],
) -> None:
    """Write all but ``model.onnx``; each file is put in place whole.

    Parameters
    ----------
    folder : Path
    algorithm : str
    hyperparameters : mapping of str to str
        See `labelwright.algorithms.effective_hyperparameters`.
    network : mapping
        What is needed to build the network again and to use its answers.
    classes : list of str or None
        Names by class id, where they are known.
    image_shape : list of int
        Channels, height, width of the input.
    final_metrics : mapping of str to float
    weights : mapping of str to Tensor
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / ".model.safetensors.tmp"
    save_file({name: value.detach().cpu().contiguous() for name, value in weights.items()}, temporary)
    temporary.replace(folder / "model.safetensors")
    write_description(
        folder,
        algorithm=algorithm,
        hyperparameters=hyperparameters,
        network=network,
        classes=classes,
        image_shape=image_shape,
        final_metrics=final_metrics,
    )


def write_description(
    folder: Path,
    *,
    algorithm: str,
    hyperparameters: Mapping[str, str],
    network: Mapping[str, Any],
    classes: list[str] | None,
    image_shape: list[int] | None,
    final_metrics: Mapping[str, float],
) -> None:
    """Write ``hyperparams.json`` and ``labelwright.json`` alone; parameters as for `write_artifact`.

    ``image_shape`` is None where the input is no picture.
    """
    description = {
        "format": "labelwright-model",
        "version": 1,
        "algorithm": algorithm,
        "network": dict(network),
        "classes": classes,
        "image_shape": image_shape,
        "final_metrics": dict(final_metrics),
    }
    _write_json(folder / "hyperparams.json", dict(hyperparameters))
    _write_json(folder / "labelwright.json", description)


def read_artifact(folder: Path) -> Artifact:
    """Read a folder that `write_artifact` wrote.

    Raises
    ------
    CustomerError
        Something is missing or damaged.
    """
    try:
        hyperparameters = json.loads((folder / "hyperparams.json").read_bytes())
        description = json.loads((folder / "labelwright.json").read_bytes())
        weights = load_file(folder / "model.safetensors")
        if not isinstance(hyperparameters, dict) or not isinstance(description, dict):
            raise ValueError("hyperparams.json and labelwright.json must hold JSON objects")
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
        raise CustomerError(
            f"The model cannot be read: {error}. Give a model.tar.gz of a training job of this server."
        ) from error
    return Artifact({str(k): str(v) for k, v in hyperparameters.items()}, description, weights)


def read_model_channel(
    channel: TrainingChannel, algorithm: Algorithm, hyperparameters: Mapping[str, str], scratch: Path
) -> Artifact:
    """The model to go on from (incremental training), checked against this job.

    Parameters
    ----------
    channel : TrainingChannel
        Named ``model``; holds ``model.tar.gz`` or another file that ends in ``.tar.gz``.
    algorithm : Algorithm
    hyperparameters : mapping of str to str
        Effective ones of this job.
    scratch : Path
        A folder to unpack into.

    Raises
    ------
    CustomerError
        Wrong content type or mode, no archive, another algorithm, or a hyperparameter that differs.
    """
    if channel.content_type not in ("", "application/x-sagemaker-model") or channel.mode == "Pipe":
        raise CustomerError(
            f"Channel 'model' has content type {channel.content_type!r} and input mode {channel.mode}; give "
            "application/x-sagemaker-model and File."
        )
    archives = sorted(channel.folder.rglob("*.tar.gz"))
    if len(archives) != 1:
        raise CustomerError(
            f"Channel 'model' holds {len(archives)} files that end in .tar.gz; give one model.tar.gz."
        )
    _unpack(archives[0], scratch)
    artifact = read_artifact(scratch)
    if artifact.description.get("algorithm") != algorithm.name:
        raise CustomerError(
            f"Channel 'model' holds a model of {artifact.description.get('algorithm')}; this job trains "
            f"{algorithm.name}."
        )
    for name in algorithm.must_match:
        then, now = artifact.hyperparameters.get(name), hyperparameters.get(name)
        if then != now:
            raise CustomerError(
                f"The hyperparameter {name!r} is {now!r}, but the model in channel 'model' was trained with "
                f"{then!r}; it must be equal to go on training."
            )
    return artifact


def _unpack(archive: Path, folder: Path) -> None:
    """Take our own files out of an archive, whatever else is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = member.name.removeprefix("./")
                if name in _NAMES and member.isfile():
                    if member.size > _BYTES_MAX:
                        raise CustomerError(
                            f"{name} in {archive.name} has {member.size} bytes; {_BYTES_MAX} are allowed."
                        )
                    member.name = name
                    tar.extract(member, folder, filter="data")
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise CustomerError(f"{archive.name} cannot be unpacked: {error}.") from error


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
