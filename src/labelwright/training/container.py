"""The command line of a container, where Docker or Podman answers."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from labelwright.training.description import BASE, JobDescription
from labelwright.training.layout import CHECKPOINTS, HostFolders
from labelwright.work.containers import find_client, variable_options

__all__ = ["container_command", "container_name", "engine", "removal"]

_SHARED_MEMORY = "8g"
_GPU_FAMILIES = ("p", "g")


@functools.cache
def engine() -> str | None:
    """Program of the container engine that answers, None when none does; tried once."""
    return find_client()


def container_name(folder: Path, folders: HostFolders) -> str:
    """A name that no container of another job has: the folder of the job's program is in it."""
    return f"labelwright-{folder.name}-{folders.host.name}"


def container_command(
    program: str,
    folder: Path,
    folders: HostFolders,
    job: JobDescription,
    variables: Mapping[str, str],
    *,
    has_gpus: bool = False,
) -> list[str]:
    """The command that runs a host's container in the foreground.

    Parameters
    ----------
    program : str
        Of the engine.
    folder : Path
        The job's.
    folders : HostFolders
    job : JobDescription
    variables : Mapping
        Of the container; see `labelwright.work.containers.variable_options`.
    has_gpus : bool
        Whether this machine has any.
    """
    name = container_name(folder, folders)
    command = [program, "run", "--rm", "--init", "--name", name, "--hostname", folders.host.name]
    # The host's network, so that a server on this machine is where its address says.
    command += ["--network", "none" if job.is_isolated else "host", "--shm-size", _SHARED_MEMORY]
    command += [f"--add-host={host.name}:127.0.0.1" for host in job.hosts]
    command += ["--volume", f"{folders.base.absolute()}:{BASE}"]
    if job.checkpoint_uri is not None:
        checkpoints = (folder / CHECKPOINTS).resolve()
        command += ["--volume", f"{checkpoints}:{job.checkpoint_path}"]
    if has_gpus and folders.host.instance_type.removeprefix("ml.")[:1] in _GPU_FAMILIES:
        command += ["--gpus", "all"]
    command += variable_options(variables)[0]
    if job.entrypoint:
        command += ["--entrypoint", job.entrypoint[0]]
    arguments = [*job.entrypoint[1:], *job.arguments]
    if not job.entrypoint and not job.arguments:
        arguments = ["train"]
    return [*command, job.image, *arguments]


def removal(program: str, name: str) -> list[str]:
    """The command that ends a container at once, if it is there."""
    return [program, "rm", "--force", name]
