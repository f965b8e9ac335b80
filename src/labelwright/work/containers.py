"""The client of a container engine: whether one answers, and how it is told a container's variables."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping

__all__ = ["find_client", "variable_options"]

_CLIENTS = ("docker", "podman")
_ANSWER_S = 10.0

# What the client itself listens to: these go by its command line, or the container's would be the client's.
_OF_CLIENT = ("DOCKER_", "CONTAINER_", "PODMAN_", "BUILDAH_", "XDG_", "LD_", "DYLD_", "SSH_")
_OF_CLIENT_TOO = frozenset({"PATH", "HOME", "TMPDIR"})


def find_client() -> str | None:
    """The path of the first client whose engine answers; None when none does."""
    for name in _CLIENTS:
        client = shutil.which(name)
        if client is None:
            continue
        try:
            asked = subprocess.run(  # noqa: S603 - a program that was looked up
                [client, "version"], capture_output=True, timeout=_ANSWER_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if asked.returncode == 0:
            return client
    return None


def variable_options(variables: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Options of ``docker run``, and what the client's own environment must hold besides.

    The list of processes does not show variables that are given like this.

    Examples
    --------
    >>> variable_options({"AWS_SECRET_ACCESS_KEY": "hush", "PATH": "/bin"})
    (['--env', 'AWS_SECRET_ACCESS_KEY', '--env', 'PATH=/bin'], {'AWS_SECRET_ACCESS_KEY': 'hush'})
    """
    options: list[str] = []
    kept: dict[str, str] = {}
    for name, value in sorted(variables.items()):
        if name.startswith(_OF_CLIENT) or name in _OF_CLIENT_TOO:
            options += ["--env", f"{name}={value}"]
        else:
            options += ["--env", name]
            kept[name] = value
    return options, kept
