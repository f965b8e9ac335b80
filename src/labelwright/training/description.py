"""One training job as the program reads it from ``input.json``: parsed once, trusted afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from labelwright import algorithms
from labelwright.errors import InvalidRequest
from labelwright.streaming import Channel

__all__ = ["BASE", "GROUP", "Host", "JobDescription"]

BASE: Final = "/opt/ml"
"""Where a container sees the base folder."""

GROUP: Final = "homogeneousCluster"
"""Name of the instance group of a job that names none."""


@dataclasses.dataclass(frozen=True, slots=True)
class Host:
    """One of the machines that the job believes to have.

    Attributes
    ----------
    name : str
        ``algo-1`` ...
    number : int
        From 1.
    instance_type : str
    group : str
        Name of its instance group.
    """

    name: str
    number: int
    instance_type: str
    group: str = GROUP


@dataclasses.dataclass(frozen=True, slots=True)
class JobDescription:
    """What is to be done.

    Attributes
    ----------
    name, arn, region, account : str
    request : Mapping
        Of CreateTrainingJob.
    hosts : tuple of Host
    data_dir : str or None
        Data directory of the embedded store; None reads ``s3://`` as the AWS variables of this process say.
    log_root : str or None
        Folder of all log streams; None writes none.
    endpoint_url : str
        The server's API for the user's code; empty for none.
    deadline : float or None
        Epoch seconds at which the job has run long enough; None counts ``MaxRuntimeInSeconds`` from now.
    is_local : bool
        Run by hand, without a server: paths of this machine are data as well, and log lines are printed.
    isolation : {"auto", "namespace", "process"}
        Whether the user's code gets ``/opt/ml`` by a mount namespace; "auto" where the kernel allows it.
    grace_s : float
        Between the request to end and the end by force.
    """

    name: str
    arn: str
    region: str
    account: str
    request: Mapping[str, Any]
    hosts: tuple[Host, ...]
    data_dir: str | None = None
    log_root: str | None = None
    endpoint_url: str = ""
    deadline: float | None = None
    is_local: bool = False
    isolation: str = "auto"
    grace_s: float = 120.0

    @classmethod
    def from_input(cls, content: Mapping[str, Any]) -> JobDescription:
        """The description in ``input.json``."""
        job, request = content["job"], content["request"]
        return cls(
            name=str(job["name"]),
            arn=str(job["arn"]),
            region=str(job["region"]),
            account=str(job["account"]),
            request=request,
            hosts=_hosts(request.get("ResourceConfig") or {}, int(content.get("host_count") or 1)),
            data_dir=content.get("data_dir"),
            log_root=content.get("log_folder"),
            endpoint_url=str(content.get("endpoint_url") or ""),
            deadline=content.get("deadline"),
            is_local=bool(content.get("is_local", False)),
            isolation=str(content.get("isolation", "auto")),
            grace_s=float(content.get("grace_s", 120.0)),
        )

    @property
    def specification(self) -> Mapping[str, Any]:
        """``AlgorithmSpecification``."""
        return self.request.get("AlgorithmSpecification") or {}

    @property
    def image(self) -> str:
        """``TrainingImage``, or what there is of ``AlgorithmName``."""
        return str(self.specification.get("TrainingImage") or self.specification.get("AlgorithmName") or "")

    @property
    def algorithm(self) -> str | None:
        """Name of the built-in algorithm, None for somebody's own."""
        return algorithms.algorithm_of(self.image)

    @property
    def hyperparameters(self) -> dict[str, str]:
        """All values are strings."""
        return {str(key): str(value) for key, value in (self.request.get("HyperParameters") or {}).items()}

    @property
    def entrypoint(self) -> list[str]:
        """``ContainerEntrypoint``; empty for the image's own."""
        return [str(part) for part in self.specification.get("ContainerEntrypoint") or ()]

    @property
    def arguments(self) -> list[str]:
        """``ContainerArguments``."""
        return [str(part) for part in self.specification.get("ContainerArguments") or ()]

    @property
    def environment(self) -> dict[str, str]:
        """``Environment`` of the request."""
        return {str(key): str(value) for key, value in (self.request.get("Environment") or {}).items()}

    @property
    def checkpoint_uri(self) -> str | None:
        """``CheckpointConfig.S3Uri``."""
        config = self.request.get("CheckpointConfig")
        return str(config["S3Uri"]) if config else None

    @property
    def checkpoint_path(self) -> str:
        """Where the container sees its checkpoints."""
        config = self.request.get("CheckpointConfig") or {}
        return str(config.get("LocalPath") or f"{BASE}/checkpoints").rstrip("/")

    @property
    def is_isolated(self) -> bool:
        """Whether the algorithm has no network: ``EnableNetworkIsolation``; hosts must reach each other."""
        return bool(self.request.get("EnableNetworkIsolation")) and len(self.hosts) == 1

    @property
    def is_compressed(self) -> bool:
        """Whether the artifacts become archives."""
        config = self.request.get("OutputDataConfig") or {}
        return str(config.get("CompressionType", "GZIP")) != "NONE"

    @property
    def max_runtime_s(self) -> float:
        """``MaxRuntimeInSeconds``, by default a day."""
        return float((self.request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds") or 86_400)

    @property
    def metric_definitions(self) -> list[tuple[str, str]]:
        """Name and regular expression of each metric; a built-in algorithm has its own."""
        if self.algorithm is not None:
            described = algorithms.get(self.algorithm)
            return [(metric.name, metric.regex) for metric in described.metrics_of(self.hyperparameters)]
        return [
            (str(metric["Name"]), str(metric["Regex"]))
            for metric in self.specification.get("MetricDefinitions") or ()
        ]

    def channels(self) -> list[tuple[Channel, Mapping[str, Any]]]:
        """The channels, each with its member of ``InputDataConfig``.

        An augmented manifest for a built-in image algorithm becomes records also where the request says
        nothing of records: early tutorials left it out, and the algorithms read nothing else.

        Raises
        ------
        InvalidRequest
            A channel breaks a rule.
        """
        mode = str(self.specification.get("TrainingInputMode") or "File")
        found = []
        for member in self.request.get("InputDataConfig") or ():
            channel = Channel.from_request(member, mode)
            if channel.data_type == "AugmentedManifestFile" and self.algorithm not in (None, "blazingtext"):
                if member.get("RecordWrapperType") == "None":
                    raise InvalidRequest(
                        f"RecordWrapperType of channel {channel.name!r} is None; {self.algorithm} reads an "
                        "augmented manifest as records only. Set it to RecordIO.",
                        field="RecordWrapperType",
                        value="None",
                    )
                channel = dataclasses.replace(channel, wrapper="RecordIO")
            found.append((channel, member))
        return found


def _hosts(resources: Mapping[str, Any], n_hosts: int) -> tuple[Host, ...]:
    kinds: list[tuple[str, str]] = []
    for group in resources.get("InstanceGroups") or ():
        kind = (str(group["InstanceType"]), str(group["InstanceGroupName"]))
        kinds += [kind] * int(group["InstanceCount"])
    kinds = kinds or [(str(resources.get("InstanceType") or "local"), GROUP)] * n_hosts
    return tuple(
        Host(f"algo-{number}", number, instance_type, group)
        for number, (instance_type, group) in enumerate(kinds, 1)
    )
