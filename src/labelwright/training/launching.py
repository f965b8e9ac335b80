"""What is run for a host: a built-in algorithm, a user's script, a command, or a container."""

from __future__ import annotations

import dataclasses
import socket
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

from labelwright.training.container import container_command, container_name, engine, removal
from labelwright.training.description import BASE, JobDescription
from labelwright.training.devices import VISIBLE, devices_of_host, visible_devices
from labelwright.training.environment import job_variables, make_python, program_variables, user_variables
from labelwright.training.layout import HostFolders
from labelwright.training.namespace import is_allowed, namespaced
from labelwright.training.outcome import JobFailed
from labelwright.training.script_environment import PROGRAM
from labelwright.work.containers import variable_options

__all__ = ["Kind", "Launch", "Launcher"]

LOCAL: Final = "local:"
_DRIVERS = "sm_drivers"  # the channel in which SDK 3 sends what starts a script


class Kind(StrEnum):
    """How a job is carried out."""

    BUILTIN = "built-in algorithm"
    SCRIPT = "script"
    COMMAND = "command"
    CONTAINER = "container"


@dataclasses.dataclass(frozen=True, slots=True)
class Launch:
    """A command for one host.

    Attributes
    ----------
    command : list of str
    variables : Mapping
        Its whole environment.
    folder : Path
        Its working directory.
    last : list of str
        Another command, for when all is over.
    """

    command: list[str]
    variables: Mapping[str, str]
    folder: Path
    last: list[str] = dataclasses.field(default_factory=list)


class Launcher:
    """Decides for a job, then makes the command of each host.

    Parameters
    ----------
    folder : Path
        The job's.
    job : JobDescription
    environ : Mapping
        Of this program.

    Attributes
    ----------
    kind : Kind
    base : str or None
        What the processes see as ``/opt/ml``, None for each host's own folder.
    is_namespaced : bool
        Whether they run in a mount namespace.
    warnings : list of str
        What the user should know; for the log.

    Raises
    ------
    JobFailed
        Nothing here can run this job.
    """

    def __init__(self, folder: Path, job: JobDescription, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.job = job
        self.warnings: list[str] = []
        self._environ = environ
        self._engine: str | None = None
        self._port = _free_port() if len(job.hosts) > 1 else 0
        self._devices = visible_devices(environ)
        self.kind = self._kind()
        self.is_namespaced = self.kind in (Kind.SCRIPT, Kind.COMMAND) and self._has_namespace()
        if self.job.is_isolated and self.kind is Kind.SCRIPT and not self.is_namespaced:
            self.warnings.append(
                "WARNING: EnableNetworkIsolation is not in force: the kernel allows the server no namespaces."
            )
        self.base: str | None = BASE if self.is_namespaced or self.kind is Kind.CONTAINER else None
        if self.kind is Kind.COMMAND and not self.is_namespaced and self._names_base():
            raise JobFailed(
                "ClientError: This job's entrypoint needs real paths under /opt/ml, and neither a container "
                "engine answers here nor does the kernel allow mount namespaces to this user. Start Docker "
                "or Podman, or set kernel.unprivileged_userns_clone=1 "
                "(kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu)."
            )

    def _kind(self) -> Kind:
        job = self.job
        if job.algorithm is not None:
            return Kind.BUILTIN
        if not job.image.startswith(LOCAL):
            self._engine = engine()
            if self._engine is not None:
                return Kind.CONTAINER
            if not self._is_script():
                raise JobFailed(
                    f"ClientError: No container engine answers, so the image {job.image!r} cannot be run. "
                    "Start Docker or Podman, or train with a built-in algorithm, or with a script and the "
                    f"image {LOCAL}python."
                )
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            self.warnings.append(
                f"WARNING: no container engine answers, so the script runs with the server's Python "
                f"{version} and its packages, not with those of the image {job.image}."
            )
        if job.entrypoint or (job.arguments and not self._names_program()):
            return Kind.COMMAND
        return Kind.SCRIPT

    def _is_script(self) -> bool:
        """Whether the image only lends its Python: the SDKs send the script, and what starts it."""
        channels = {member.get("ChannelName") for member in self.job.request.get("InputDataConfig") or ()}
        return self._names_program() or (_DRIVERS in channels and bool(self.job.entrypoint))

    def _names_program(self) -> bool:
        return PROGRAM in self.job.hyperparameters

    def _names_base(self) -> bool:
        return any(BASE in word for word in (*self.job.entrypoint, *self.job.arguments))

    def _has_namespace(self) -> bool:
        return self.job.isolation != "process" and is_allowed()

    def base_of(self, folders: HostFolders) -> str:
        """What a host's processes see as ``/opt/ml``."""
        return self.base or str(folders.base.absolute())

    def launch(self, folders: HostFolders) -> Launch:
        """The command of a host."""
        match self.kind:
            case Kind.BUILTIN:
                launch = self._builtin(folders)
            case Kind.CONTAINER:
                return self._container(folders)
            case _:
                launch = self._process(folders)
        n_hosts = len(self.job.hosts)
        if self._devices and n_hosts > 1:
            own = ",".join(devices_of_host(self._devices, folders.host.number - 1, n_hosts))
            return dataclasses.replace(launch, variables={**launch.variables, VISIBLE: own})
        return launch

    def _builtin(self, folders: HostFolders) -> Launch:
        variables = user_variables(
            self.job,
            self._environ,
            base=self.base_of(folders),
            home=folders.temporary.absolute(),
            python=None,
        )
        if self._port:
            variables |= {
                "LABELWRIGHT_MASTER_ADDR": "127.0.0.1",
                "LABELWRIGHT_MASTER_PORT": str(self._port),
            }
        command = [sys.executable, "-m", "labelwright.train", str(self.job.algorithm)]
        return Launch(command, variables, folders.base)

    def _container(self, folders: HostFolders) -> Launch:
        assert self._engine is not None  # noqa: S101 - or the kind would be another
        # Names of users would be right for this machine only: the image has its own home and path.
        variables = job_variables(self.job, self._environ)
        command = container_command(
            self._engine,
            self.folder,
            folders,
            self.job,
            variables,
            has_gpus=bool(self._devices),
        )
        around = {"PATH": self._environ.get("PATH", ""), "HOME": self._environ.get("HOME", "/")}
        outside = program_variables(self._environ) | around
        last = removal(self._engine, container_name(self.folder, folders))
        return Launch(command, outside | variable_options(variables)[1], folders.own, last)

    def _process(self, folders: HostFolders) -> Launch:
        place = self._local_folder()
        interpreter = sys.executable
        if place is not None and (place / "bin" / "python").exists():
            interpreter, place = str(place / "bin" / "python"), None
        python = make_python(folders.own / "python", interpreter)
        variables = user_variables(
            self.job,
            self._environ,
            base=self.base_of(folders),
            home=folders.temporary.absolute(),
            python=python.absolute(),
        )
        if self.kind is Kind.COMMAND:
            command = [*self.job.entrypoint, *self.job.arguments]
        else:
            # The toolkit is ours and needs our packages; the script gets the private Python.
            command = [sys.executable, "-m", "labelwright.training.toolkit", str(python / "python")]
            if place is not None:
                command.append(str(place))
        if self.is_namespaced:
            hosts = self._hosts_file(folders)
            command = namespaced(
                command,
                folders.base,
                hosts,
                read_only=None if self.job.data_dir is None else Path(self.job.data_dir) / "objects",
                is_isolated=self.job.is_isolated,
            )
        return Launch(command, variables, folders.base)

    def _local_folder(self) -> Path | None:
        name = self.job.image.removeprefix(LOCAL)
        if not self.job.image.startswith(LOCAL) or name == "python":
            return None
        place = Path(name)
        if not place.is_absolute() or not place.is_dir():
            raise JobFailed(
                f"ClientError: The image {self.job.image!r} must be {LOCAL}python, or {LOCAL} and the "
                "absolute path of a folder on this machine: one with the script's source, or a Python "
                "environment."
            )
        return place

    def _hosts_file(self, folders: HostFolders) -> Path:
        path = folders.own / "hosts"
        names = " ".join(host.name for host in self.job.hosts)
        try:
            known = Path("/etc/hosts").read_text()
        except OSError:
            known = "127.0.0.1 localhost\n"
        path.write_text(f"{known.rstrip()}\n127.0.0.1 {names}\n")
        return path


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port
