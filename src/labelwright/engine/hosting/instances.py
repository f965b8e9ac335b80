"""The processes of endpoints: their names, how one is started, whether it answers.

A name says everything: ``endpoint-<key>-<deployment>-<variant>-<instance>-<attempt>``, so a server that
starts anew knows from the folders which processes there are and what each is for.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import re
import shutil
from pathlib import Path

from labelwright.core.endpoint import Deployment, Variant
from labelwright.credentials import load_or_create
from labelwright.engine.supervisor import SupervisedTools
from labelwright.errors import Busy
from labelwright.hosting.client import HttpClient
from labelwright.hosting.interface import FAILED, LOG_GROUP, READY
from labelwright.hosting.sockets import socket_path
from labelwright.logstreams import StreamWriter, stream_path
from labelwright.work import Limits, Program, Runner, State

__all__ = [
    "Health",
    "Slot",
    "attempts",
    "health",
    "keys",
    "log_last_words",
    "not_healthy",
    "remove",
    "remove_models",
    "slots_of",
    "start",
    "time_limit_s",
]

_MODULE = "labelwright.hosting.process"
_PING_S = 2.0
_STARTUP_S = 240.0
_DOWNLOAD_S = 3600.0
_KEYS_S = 365 * 86_400.0  # as long as a serving process may run without a break
_NAME = re.compile(r"endpoint-(\d+)-(\d+)-(\d+)-(\d+)-(\d+)")


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Slot:
    """One instance that is to be there, whichever process fills it."""

    deployment: int
    variant: int
    instance: int


@dataclasses.dataclass(frozen=True, slots=True)
class Health:
    """What a process is doing.

    Attributes
    ----------
    is_alive, is_ready : bool
        It runs; it answers.
    reason : str
        Why it cannot serve, by its own words; empty when it did not say.
    last_words : str
        What it wrote to standard error before it ended.
    """

    is_alive: bool
    is_ready: bool = False
    reason: str = ""
    last_words: str = dataclasses.field(default="", repr=False)


def slots_of(deployment: Deployment, n_processes_max: int) -> dict[Slot, Variant]:
    """The slots of a deployment; of the instances of a variant, as many as the server runs."""
    return {
        Slot(deployment.number, v, i): variant
        for v, variant in enumerate(deployment.variants)
        for i in range(min(variant.count, max(1, n_processes_max)))
    }


def attempts(runner: Runner, key: int) -> dict[Slot, dict[int, str]]:
    """Every process that an endpoint has or had: the attempts to fill each slot, with their names."""
    found: dict[Slot, dict[int, str]] = {}
    for name in runner.names():
        match = _NAME.fullmatch(name)
        if match is not None and int(match[1]) == key:
            slot = Slot(int(match[2]), int(match[3]), int(match[4]))
            found.setdefault(slot, {})[int(match[5])] = name
    return found


def keys(runner: Runner) -> set[int]:
    """Keys of the endpoints that have or had processes."""
    return {int(match[1]) for name in runner.names() if (match := _NAME.fullmatch(name)) is not None}


def start(
    tools: SupervisedTools, key: int, endpoint: str, region: str, slot: Slot, variant: Variant, attempt: int
) -> str:
    """Start a process for a slot; its name."""
    name = f"endpoint-{key}-{slot.deployment}-{slot.variant}-{slot.instance}-{attempt}"
    settings = tools.settings
    threads = max(1, settings.endpoint_threads)
    data_dir = None if settings.object_store else str(settings.data_dir.resolve())
    about = {
        "endpoint": endpoint,
        "variant": variant.name,
        "instance": _instance_id(tools, name),
        "model": variant.model,
        "model_folder": str(_model_folder(tools, key, slot).resolve()),
        "data_dir": data_dir,
        "log_folder": str(tools.logs_root.resolve()),
        "n_threads": threads,
        "startup_s": variant.settings.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_S),
    }
    program = Program(
        _MODULE,
        about,
        limits=Limits(nice=0, n_threads=threads),
        environment=_environment(tools, region),
    )
    tools.runners["hosting"].start(name, program)
    return name


def _instance_id(tools: SupervisedTools, name: str) -> str:
    """As EC2's look; the same for a process whenever it is asked for."""
    place = f"{tools.settings.data_dir.resolve()}/{name}"
    return f"i-{hashlib.sha256(place.encode()).hexdigest()[:17]}"


def log_last_words(tools: SupervisedTools, endpoint: str, variant: Variant, name: str, text: str) -> None:
    """Put what a dead process wrote to standard error into its log stream, where users look."""
    if not text.strip():
        return
    path = stream_path(
        tools.logs_root, f"{LOG_GROUP}/{endpoint}", f"{variant.name}/{_instance_id(tools, name)}"
    )
    with contextlib.suppress(OSError, Busy), StreamWriter(path) as stream:
        stream.write(int(tools.clock() * 1000), text)


def _environment(tools: SupervisedTools, region: str) -> dict[str, str]:
    settings = tools.settings
    keys = load_or_create(settings).temporary(now=tools.clock(), duration_s=_KEYS_S)
    return {
        "CONTAINER_AWS_ENDPOINT_URL": settings.local_url,
        "CONTAINER_AWS_ACCESS_KEY_ID": keys.access_key_id,
        "CONTAINER_AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "CONTAINER_AWS_REGION": region,
        "CONTAINER_AWS_DEFAULT_REGION": region,
    }


def not_healthy(variant: Variant) -> str:
    """The failure reason when nothing more is known."""
    return (
        f"The primary container for production variant {variant.name} did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )


def time_limit_s(variant: Variant) -> float:
    """How long an instance may take until it answers."""
    given = variant.settings
    return float(
        given.get("ModelDataDownloadTimeoutInSeconds", _DOWNLOAD_S)
        + given.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_S)
    )


def health(runner: Runner, name: str) -> Health:
    """Look at a process: whether it runs, what it has reported, what it says to ``/ping``."""
    status = runner.poll(name)
    word = (status.progress or {}).get("message")
    if status.state is State.ABSENT:
        return Health(is_alive=False)
    if status.state is not State.RUNNING:
        return Health(
            is_alive=False,
            reason=str((status.progress or {}).get("reason", "")) if word == FAILED else "",
            last_words=status.log_tail,
        )
    if word != READY:
        return Health(is_alive=True)
    client = HttpClient(socket_path(runner.folder(name)))
    with contextlib.suppress(OSError), contextlib.closing(client):
        return Health(is_alive=True, is_ready=client.request("GET", "/ping", timeout_s=_PING_S).status == 200)
    return Health(is_alive=True)


def remove(runner: Runner, name: str) -> bool:
    """End a process and remove what it left; False when it would not end."""
    path = Path(socket_path(runner.folder(name)))
    if not runner.remove(name):
        return False
    path.unlink(missing_ok=True)
    return True


def remove_models(tools: SupervisedTools, key: int, kept: frozenset[int]) -> None:
    """Remove the unpacked models of an endpoint's deployments, but of those that are kept."""
    root = _models_root(tools)
    if not root.is_dir():
        return
    for folder in root.glob(f"{key}-*-*"):
        if int(folder.name.split("-")[1]) not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _models_root(tools: SupervisedTools) -> Path:
    root = tools.runners["hosting"].root
    return root.with_name(f"{root.name}-models")


def _model_folder(tools: SupervisedTools, key: int, slot: Slot) -> Path:
    return _models_root(tools) / f"{key}-{slot.deployment}-{slot.variant}"
