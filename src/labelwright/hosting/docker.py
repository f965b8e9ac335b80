"""Images under Docker or Podman: whether an engine answers, and the command line of a serving container."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from labelwright.work.containers import find_client, variable_options

__all__ = ["Engine", "find_engine", "free_port", "run_command"]

_PORT = 8080


@dataclasses.dataclass(frozen=True, slots=True)
class Engine:
    """A container engine's client program.

    Attributes
    ----------
    path : str
    """

    path: str

    def remove(self, container: str) -> None:
        """End and remove a container, when it is still there."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(  # noqa: S603 - the client that was found, and a name of ours
                [self.path, "rm", "--force", container], capture_output=True, timeout=60, check=False
            )


def find_engine() -> Engine | None:
    """The first engine that answers, not only one whose client is installed."""
    client = find_client()
    return None if client is None else Engine(client)


def free_port() -> int:
    """A port of the loopback address that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_command(
    engine: Engine,
    image: str,
    *,
    container: str,
    port: int,
    model_dir: Path,
    variables: Mapping[str, str],
) -> list[str]:
    """The command that serves a model: ``docker run ... IMAGE serve``, attached, so that it logs to us.

    Parameters
    ----------
    engine : Engine
    image : str
    container : str
        Name of the container, by which it is removed.
    port : int
        Of the loopback address; leads to the container's 8080.
    model_dir : Path
        Becomes ``/opt/ml/model``, read-only.
    variables : Mapping
        Its environment, besides the image's own; see `labelwright.work.containers.variable_options`.

    Examples
    --------
    >>> command = run_command(Engine("docker"), "my/image:1", container="c", port=49152,
    ...                       model_dir=Path("/data/model"), variables={"A": "1"})
    >>> " ".join(command[1:8])
    'run --rm --init --name c --publish 127.0.0.1:49152:8080'
    >>> " ".join(command[8:])
    '--volume /data/model:/opt/ml/model:ro --env A my/image:1 serve'
    """
    command = [
        engine.path, "run", "--rm", "--init", "--name", container,
        "--publish", f"127.0.0.1:{port}:{_PORT}",
        "--volume", f"{model_dir}:/opt/ml/model:ro",
    ]  # fmt: skip
    return [*command, *variable_options(variables)[0], image, "serve"]
