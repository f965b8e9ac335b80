"""Which Python runs a user's script, and with which packages.

By default the server's, with what is installed there. The image ``local:/srv/venvs/torch`` names another
environment (a folder with ``bin/python``). A ``requirements.txt`` beside the script is installed once into an
environment that the instances of a variant share and that sees the server's packages.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from labelwright.hosting.interface import HostingError

__all__ = ["LOCAL", "local_folder", "python_of"]

LOCAL = "local:"
"""How images begin that are none: the script runs as a process of this machine."""

_INSTALL_S = 1800.0
_TAIL_LINES = 5


def local_folder(image: str) -> Path | None:
    """The folder that an image ``local:/...`` names; None for ``local:python`` and for real images.

    Raises
    ------
    HostingError
        There is no such folder.
    """
    place = image.removeprefix(LOCAL)
    if not image.startswith(LOCAL) or not place.startswith("/"):
        return None
    folder = Path(place)
    if not folder.is_dir():
        raise HostingError(f'The image "{image}" names a folder of this server that is not there.')
    return folder


def python_of(
    image: str, *, code_dir: Path, folder: Path, variables: Mapping[str, str], log: Callable[[str], None]
) -> str:
    """Path of the interpreter for a script.

    Parameters
    ----------
    image : str
    code_dir : Path
        Where a ``requirements.txt`` may be.
    folder : Path
        Shared by the instances of a variant; the environment is made there, once.
    variables : Mapping
        ``PIP_INDEX_URL`` and the like are looked at, over those of this process.
    log : callable

    Raises
    ------
    HostingError
        The requirements cannot be installed.
    """
    own = local_folder(image)
    if own is not None and (own / "bin" / "python").exists():
        return str(own / "bin" / "python")
    requirements = code_dir / "requirements.txt"
    if not requirements.is_file():
        return sys.executable
    from labelwright.training.environment import make_python

    target, ready = folder / "python", folder / "python.ready"
    lock = os.open(folder / "python.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first one installs, the others wait
        if not ready.exists():
            programs = make_python(target)
            _install(programs / "pip", requirements, variables, log)
            ready.touch()
    finally:
        os.close(lock)
    return str(target / "bin" / "python")


def _install(pip: Path, requirements: Path, variables: Mapping[str, str], log: Callable[[str], None]) -> None:
    from labelwright.training.environment import program_variables

    # What is installed may run code: nothing of the server's own settings is for it.
    own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = [str(pip), "install", "--no-input", "-r", str(requirements)]
    given = {key: value for key, value in variables.items() if key.startswith("PIP_")}
    try:
        done = subprocess.run(  # noqa: S603 - the user's requirements, on the user's behalf
            command,
            cwd=requirements.parent,
            env={**own, **program_variables(os.environ), **given},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_INSTALL_S,
            text=True,
            errors="replace",
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise HostingError(f"Installing requirements.txt took longer than {_INSTALL_S:g} s.") from error
    lines = done.stdout.splitlines()
    for line in lines:
        log(line)
    if done.returncode:
        last = " ".join(line.strip() for line in lines[-_TAIL_LINES:])
        raise HostingError(
            f"requirements.txt of the model's code cannot be installed: {last[:500]} Set PIP_INDEX_URL or "
            "PIP_FIND_LINKS in the model's Environment, or install the packages beside the server."
        )
