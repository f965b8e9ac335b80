"""The folders of a job, one ``/opt/ml`` for each host, and the files that tell a host what it is.

::

    hosts/algo-1/ml/input/config/*.json     hyperparameters, channels, hosts, checkpoints
                    input/data/             channels: folders and named pipes
                    model/ output/data/ output/failure checkpoints/ code/
    hosts/algo-1/tmp/                       home and temporary files of the user's code
    checkpoints                             leads to the first host's folder of checkpoints, as do the others'
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from labelwright.errors import InvalidRequest
from labelwright.streaming import Channel
from labelwright.training.description import BASE, Host, JobDescription

__all__ = ["CHECKPOINTS", "HostFolders", "make_host", "write_configuration"]

CHECKPOINTS = "checkpoints"


class HostFolders:
    """Where things of one host are.

    Parameters
    ----------
    folder : Path
        The job's.
    host : Host
    """

    def __init__(self, folder: Path, host: Host) -> None:
        self.host = host
        self.own = folder / "hosts" / host.name
        self.base = self.own / "ml"
        self.temporary = self.own / "tmp"
        self.config = self.base / "input" / "config"
        self.data = self.base / "input" / "data"
        self.model = self.base / "model"
        self.output_data = self.base / "output" / "data"
        self.intermediate = self.base / "output" / "intermediate"
        self.failure = self.base / "output" / "failure"
        self.feeder_failure = self.own / "feeder.failure"


def make_host(folder: Path, job: JobDescription, host: Host, *, is_container: bool) -> HostFolders:
    """Make the folders of a host; what is there already stays.

    Parameters
    ----------
    folder : Path
        The job's.
    job : JobDescription
    host : Host
    is_container : bool
        Whether a folder can be mounted anywhere.

    Raises
    ------
    InvalidRequest
        The folder of checkpoints is none below ``/opt/ml``.
    """
    folders = HostFolders(folder, host)
    for path in (
        folders.config,
        folders.data,
        folders.model,
        folders.output_data,
        folders.intermediate,
        folders.base / "code",
        folders.temporary,
    ):
        path.mkdir(parents=True, exist_ok=True)
    if job.checkpoint_uri is None:
        (folders.base / CHECKPOINTS).mkdir(exist_ok=True)
        return folders
    place = _below_base(job.checkpoint_path) or (CHECKPOINTS if is_container else None)
    if place is None:
        raise InvalidRequest(
            f"CheckpointConfig.LocalPath is {job.checkpoint_path!r}; it must be a folder below {BASE}, such "
            f"as {BASE}/checkpoints.",
            field="LocalPath",
            value=job.checkpoint_path,
        )
    first = HostFolders(folder, job.hosts[0]).base / place
    if job.is_local:  # a folder of this machine, used as it is
        first = Path(job.checkpoint_uri)
    first.mkdir(parents=True, exist_ok=True)
    for link in (folder / CHECKPOINTS, folders.base / place):
        link.parent.mkdir(parents=True, exist_ok=True)
        if is_container and link.parent == folders.base:
            link.mkdir(exist_ok=True)  # something is mounted there
        elif link != first and not link.is_symlink():
            link.symlink_to(first.absolute(), target_is_directory=True)
    return folders


def _below_base(path: str) -> str | None:
    place = path.removeprefix(f"{BASE}/")
    is_plain = place != path and not any(part in ("", ".", "..") for part in place.split("/"))
    reserved = ("input", "model", "output", "code")
    return place if is_plain and place.split("/")[0] not in reserved else None


def write_configuration(
    folders: HostFolders,
    job: JobDescription,
    channels: Iterable[tuple[Channel, Mapping[str, Any]]],
    *,
    base: str,
) -> None:
    """Write the files under ``input/config`` of a host.

    Parameters
    ----------
    folders : HostFolders
    job : JobDescription
    channels : iterable
        The channels that this host has.
    base : str
        What the host's processes see as ``/opt/ml``.
    """
    host = folders.host
    _write(folders.config / "hyperparameters.json", job.hyperparameters)
    _write(
        folders.config / "inputdataconfig.json",
        {channel.name: _channel(channel, member) for channel, member in channels},
    )
    names = sorted(each.name for each in job.hosts)
    groups: dict[str, dict[str, Any]] = {}
    for each in sorted(job.hosts, key=lambda each: each.name):
        group = groups.setdefault(
            each.group,
            {"instance_group_name": each.group, "instance_type": each.instance_type, "hosts": []},
        )
        group["hosts"].append(each.name)
    _write(
        folders.config / "resourceconfig.json",
        {
            "current_host": host.name,
            "current_instance_type": host.instance_type,
            "current_group_name": host.group,
            "hosts": names,
            "instance_groups": list(groups.values()),
            # Several hosts of ours are on one machine and find one another there.
            "network_interface_name": "lo" if len(names) > 1 else "eth0",
        },
    )
    if job.checkpoint_uri is not None:
        path = base + job.checkpoint_path.removeprefix(BASE)
        _write(folders.config / "checkpointconfig.json", {"S3Uri": job.checkpoint_uri, "LocalPath": path})


def _channel(channel: Channel, member: Mapping[str, Any]) -> dict[str, str]:
    said = {"ContentType": str(member["ContentType"])} if member.get("ContentType") else {}
    return said | {
        "TrainingInputMode": channel.mode,
        "S3DistributionType": channel.distribution,
        "RecordWrapperType": channel.wrapper,
    }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content))
