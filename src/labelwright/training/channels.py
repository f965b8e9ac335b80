"""Bringing a job its data: copies before the start, named pipes while it runs, checkpoints of before.

Pipes are fed by a process of their own for each host (`labelwright.streaming.feeder`), which ends with the
training program: its standard input does.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from labelwright.errors import InvalidRequest
from labelwright.streaming import Channel, Objects, materialise
from labelwright.training.description import BASE, Host, JobDescription
from labelwright.training.layout import CHECKPOINTS, HostFolders
from labelwright.training.outcome import JobFailed
from labelwright.training.publish import remember_checkpoints
from labelwright.training.script_environment import SUBMIT_DIRECTORY, decoded
from labelwright.training.sources import unpack_source

__all__ = ["ChannelMember", "Feeder", "bring_checkpoints", "bring_files", "bring_source", "channels_of"]

_log = logging.getLogger(__name__)

_PIECE_BYTES = 1 << 20

ChannelMember = tuple[Channel, Mapping[str, Any]]
"""A channel and its member of ``InputDataConfig``."""


def channels_of(host: Host, channels: Iterable[ChannelMember]) -> list[ChannelMember]:
    """The channels that a host gets: all, but those of other instance groups."""
    return [
        (channel, member) for channel, member in channels if host.group in _groups(member, default=host.group)
    ]


def _groups(member: Mapping[str, Any], default: str) -> Sequence[str]:
    source = (member.get("DataSource") or {}).get("S3DataSource") or {}
    return source.get("InstanceGroupNames") or [default]


def _part(host: Host, channel: Channel, member: Mapping[str, Any], job: JobDescription) -> tuple[int, int]:
    """Number of a host among those that share a channel, and how many they are."""
    if channel.distribution == "FullyReplicated":
        return 0, 1
    sharing = [each for each in job.hosts if each.group in _groups(member, default=each.group)]
    return sharing.index(host), len(sharing)


def bring_files(
    folders: HostFolders,
    job: JobDescription,
    channels: Iterable[ChannelMember],
    objects: Objects,
    *,
    may_link: bool,
    may_share: bool,
) -> None:
    """Fill the folders of a host's File and FastFile channels.

    Parameters
    ----------
    folders : HostFolders
    job : JobDescription
    channels : iterable
    objects : Objects
    may_link : bool
        Whether FastFile may be links out of the base folder: not from a container, nor where a script could
        write through them.
    may_share : bool
        Whether copies may share their file with the object: for those who never write to them.

    Raises
    ------
    labelwright.errors.LabelwrightError
        See `labelwright.streaming.materialise`.
    """
    for channel, member in channels:
        if channel.mode == "Pipe":
            continue
        host, n_hosts = _part(folders.host, channel, member, job)
        if channel.mode == "FastFile" and not may_link:
            channel = dataclasses.replace(channel, mode="File")
        brought = materialise(channel, folders.data, objects, host=host, n_hosts=n_hosts, may_share=may_share)
        _log.info(
            "brought a channel",
            extra={"action": "download", "channel": channel.name, "n_files": brought.n_files},
        )


def bring_source(folders: HostFolders, job: JobDescription, objects: Objects) -> None:
    """Unpack the source of a script, ``sagemaker_submit_directory``, into the host's folder ``code``.

    Raises
    ------
    labelwright.errors.LabelwrightError
        The archive is missing, is none, or has members that lead out of the folder.
    """
    given = job.hyperparameters.get(SUBMIT_DIRECTORY)
    if given is None or job.algorithm is not None:
        return
    uri = str(decoded(given)).removeprefix("file://")
    code = folders.base / "code"
    if not uri.startswith("s3://"):
        is_within = uri.startswith(f"{BASE}/")  # such as a channel
        place = folders.base / uri.removeprefix(f"{BASE}/") if is_within else Path(uri)
        if place.is_dir():
            shutil.copytree(place, code, dirs_exist_ok=True)
            return
        if not place.is_file():
            raise InvalidRequest(
                f"{SUBMIT_DIRECTORY} is {uri[:200]!r}; it must be an s3:// URI of a .tar.gz, or a path of "
                "this machine.",
                field=SUBMIT_DIRECTORY,
                value=uri,
            )
        unpack_source(place, code, uri)
        return
    archive = folders.own / "sourcedir.tar.gz"
    head, rest = objects.open(uri, _PIECE_BYTES)
    with archive.open("wb") as file:
        file.write(head)
        for piece in rest or ():
            file.write(piece)
    unpack_source(archive, code, uri)
    archive.unlink()


def bring_checkpoints(folder: Path, uri: str, objects: Objects) -> None:
    """Fill the folder of checkpoints with what an earlier job left at the URI; nothing there is fine."""
    prefix = uri.rstrip("/") + "/"
    if any(not found.endswith("/") for found in objects.list(prefix)):
        # The folder is there already, and a link; its files are replaced one by one.
        materialise(Channel(name=CHECKPOINTS, uri=prefix), folder, objects)
    remember_checkpoints(folder)


class Feeder:
    """The process that feeds the pipes of one host.

    Parameters
    ----------
    folders : HostFolders
    job : JobDescription
    channels : sequence
        Those of the host.
    """

    def __init__(self, folders: HostFolders, job: JobDescription, channels: Sequence[ChannelMember]) -> None:
        self.folders = folders
        self._process: subprocess.Popen[str] | None = None
        self._is_closing = False
        self._descriptions = [
            _description(folders, job, part, members)
            for part, members in _by_part(folders.host, job, channels).items()
        ]
        if len(self._descriptions) > 1:
            raise InvalidRequest(
                "Pipe channels of one host that are sharded over different groups of hosts are not "
                "supported; give them the same InstanceGroupNames.",
                field="InstanceGroupNames",
            )

    @property
    def is_needed(self) -> bool:
        """Whether there is a Pipe channel."""
        return bool(self._descriptions)

    @property
    def pid(self) -> int:
        """Of the process, -1 before its start."""
        return -1 if self._process is None else self._process.pid

    def start(self, on_end: Callable[[Feeder], None]) -> None:
        """Start it, and wait until the pipes of the first epoch are there.

        Parameters
        ----------
        on_end : callable
            Called from a thread when it ends before `close`.

        Raises
        ------
        JobFailed
            A channel cannot be opened.
        """
        path = self.folders.own / "feeder.json"
        path.write_text(json.dumps(self._descriptions[0]))
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "labelwright.streaming.feeder", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        if not _is_ready(self._process.stdout):
            self._process.wait()
            raise JobFailed(self.failure() or "InternalServerError: The data channels could not be opened.")
        threading.Thread(target=self._watch, args=(on_end,), daemon=True).start()

    def _watch(self, on_end: Callable[[Feeder], None]) -> None:
        assert self._process is not None  # noqa: S101 - started before
        self._process.wait()
        if not self._is_closing:
            on_end(self)

    def failure(self) -> str | None:
        """Why a channel failed, when one did."""
        try:
            return self.folders.feeder_failure.read_text()
        except FileNotFoundError:
            pass
        if self._process is not None and not self._is_closing and self._process.poll() is not None:
            return (
                "InternalServerError: The process that streams the data channels ended with exit code "
                f"{self._process.returncode}; what was read is not complete. Run the job again."
            )
        return None

    def close(self) -> None:
        """End it; its pipes go away. May be repeated."""
        self._is_closing = True
        if self._process is None:
            return
        for end in (self._process.stdin, self._process.stdout):
            if end is not None:
                end.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _is_ready(output: IO[str]) -> bool:
    return any('"ready"' in line for line in output)


def _by_part(
    host: Host, job: JobDescription, channels: Sequence[ChannelMember]
) -> dict[tuple[int, int], list[ChannelMember]]:
    found: dict[tuple[int, int], list[ChannelMember]] = {}
    pipes = [(channel, member) for channel, member in channels if channel.mode == "Pipe"]
    parts = [_part(host, channel, member, job) for channel, member in pipes]
    sharded = {part for part in parts if part != (0, 1)} or {(0, 1)}
    for each, part in zip(pipes, parts, strict=True):
        # A replicated channel does not look at its part, so it can go with any.
        found.setdefault(part if part != (0, 1) else min(sharded), []).append(each)
    return found


def _description(
    folders: HostFolders, job: JobDescription, part: tuple[int, int], channels: Sequence[ChannelMember]
) -> dict[str, Any]:
    members = []
    for channel, member in channels:
        # As understood by us: the mode of the job, and records where they go without saying.
        members.append({**member, "InputMode": channel.mode, "RecordWrapperType": channel.wrapper})
    return {
        "folder": str(folders.data),
        "channels": members,
        "host": part[0],
        "n_hosts": part[1],
        "data_dir": job.data_dir,
        "local_files": job.is_local,
        "failure": str(folders.feeder_failure),
    }
