"""From a model, as CreateModel was given it, to a container that answers.

Which one, in this order: the artifact of a built-in algorithm is answered by its predictor in this process;
any other image by a container engine, where one answers; a model with a script (``SAGEMAKER_PROGRAM``, or
``code/inference.py`` in its artifact) by a Python process. Images ``local:...`` are always such a process.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelwright.algorithms import algorithm_of
from labelwright.hosting.artifacts import fetched_model
from labelwright.hosting.docker import find_engine
from labelwright.hosting.interface import Container, HostingError, PingFailed
from labelwright.hosting.interpreters import LOCAL
from labelwright.hosting.multi_model import MultiModel
from labelwright.hosting.pipeline import Pipeline
from labelwright.hosting.predictors import open_predictor
from labelwright.hosting.programs import open_image, open_script, script_of

if TYPE_CHECKING:
    from labelwright.streaming.objects import Objects

__all__ = ["open_container"]

_log = logging.getLogger(__name__)


def open_container(
    model: Mapping[str, Any],
    *,
    folder: Path,
    objects: Objects,
    environment: Mapping[str, str] | None = None,
    log: Callable[[str], None] | None = None,
    n_threads: int = 1,
    startup_s: float = 240.0,
) -> Container:
    """Fetch and unpack a model's artifacts, start what serves it, and wait until it answers ``/ping``.

    Parameters
    ----------
    model : Mapping
        The request of CreateModel: ``PrimaryContainer`` or ``Containers``, which are called one after the
        other.
    folder : Path
        Gets a folder for each container; what is unpacked there already is used again.
    objects : Objects
        Where artifacts are read from, see `labelwright.streaming.objects.open_objects`.
    environment : Mapping, optional
        Put over the containers' own variables (``SAGEMAKER_BATCH``, ...).
    log : callable, optional
        Gets what containers print, line by line, from any thread.
    n_threads : int
        Processor cores for one prediction.
    startup_s : float
        How long a container may take to answer.

    Raises
    ------
    HostingError
        With the documented failure reason.
    """
    definitions = model.get("Containers") or [model["PrimaryContainer"]]
    mode = (model.get("InferenceExecutionConfig") or {}).get("Mode", "Serial")
    opened: list[Container] = []
    try:
        for i, definition in enumerate(definitions, 1):
            name = "primary" if len(definitions) == 1 else definition.get("ContainerHostname")
            opened.append(
                _open_one(
                    definition,
                    name=name or f"container_{i}",
                    label=f"container_{i}",
                    folder=folder / f"container_{i}",
                    objects=objects,
                    variables={**(definition.get("Environment") or {}), **(environment or {})},
                    log=log or _log.info,
                    n_threads=n_threads,
                    startup_s=startup_s,
                )
            )
    except BaseException:
        for container in opened:
            container.close()
        raise
    return opened[0] if len(opened) == 1 else Pipeline(opened, is_direct=mode == "Direct")


def _open_one(
    definition: Mapping[str, Any],
    *,
    name: str,
    label: str,
    folder: Path,
    objects: Objects,
    variables: Mapping[str, str],
    log: Callable[[str], None],
    n_threads: int,
    startup_s: float,
) -> Container:
    image = definition.get("Image") or ""
    if definition.get("Mode") == "MultiModel":
        prefix = str(definition.get("ModelDataUrl", "")).rstrip("/")

        def open_target(target: str) -> Container:
            single = {**definition, "Mode": "SingleModel", "ModelDataUrl": f"{prefix}/{target}"}
            return _open_one(
                single,
                name=name,
                label=label,
                folder=folder / hashlib.sha256(target.encode()).hexdigest()[:32],
                objects=objects,
                variables=variables,
                log=log,
                n_threads=n_threads,
                startup_s=startup_s,
            )

        return MultiModel(name, open_target)
    model_dir = fetched_model(definition, folder, objects, name=label)
    program = script_of(model_dir, variables)
    if program is None and (algorithm_of(image) is not None or (model_dir / "labelwright.json").is_file()):
        try:
            return open_predictor(model_dir, name=name, n_threads=n_threads, log=log)
        except Exception as error:
            log(f"The model could not be loaded: {type(error).__name__}: {error}")
            raise PingFailed(name) from error
    engine = None if image.startswith(LOCAL) else find_engine()
    if engine is None and (program is not None or image.startswith(LOCAL)):
        if not image.startswith(LOCAL):
            log(f"No container engine answers, so the script runs with the server's Python, not in {image}.")
        return open_script(
            program or "inference.py",
            name=name,
            model_dir=model_dir,
            folder=folder,
            objects=objects,
            variables=variables,
            image=image,
            log=log,
            n_threads=n_threads,
            startup_s=startup_s,
        )
    if engine is None:
        raise HostingError(
            f'Failed to pull image "{image}" for container "{label}": no container engine (docker or podman) '
            "answers on this machine. Use the image of a built-in algorithm, or serve the model by a script: "
            "code/inference.py in its artifact, or SAGEMAKER_PROGRAM and SAGEMAKER_SUBMIT_DIRECTORY."
        )
    return open_image(
        engine,
        image,
        name=name,
        model_dir=model_dir,
        folder=folder,
        variables=variables,
        log=log,
        startup_s=startup_s,
    )
