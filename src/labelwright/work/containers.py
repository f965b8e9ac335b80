"""Variables of a container, given to the engine's client so that the list of processes does not show them."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["variable_options"]

# What the client itself listens to: these go by its command line, or the container's would be the client's.
_OF_CLIENT = ("DOCKER_", "CONTAINER_", "PODMAN_", "BUILDAH_", "XDG_", "LD_", "DYLD_", "SSH_")
_OF_CLIENT_TOO = frozenset({"PATH", "HOME", "TMPDIR"})


def variable_options(variables: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Options of ``docker run``, and what the client's own environment must hold besides.

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
