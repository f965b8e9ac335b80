"""The rules of CreateTrainingJob that its service model cannot say.

They hold for the training jobs of a tuning job as well, whose definition has the same members. What lies in
an object store is not looked at here: a missing prefix makes a job fail when it begins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from labelwright.errors import InvalidRequest, LimitExceeded

__all__ = [
    "HOSTS_MAX",
    "MAX_RUNTIME_S",
    "MAX_RUNTIME_S_DEFAULT",
    "VOLUME_GB_DEFAULT",
    "check_instance_type",
    "check_texts",
    "check_training_request",
    "host_count",
    "max_runtime_s",
    "output_prefix",
]

MAX_RUNTIME_S = 2_419_200
"""28 days."""
MAX_RUNTIME_S_DEFAULT = 86_400
VOLUME_GB_DEFAULT = 30
HOSTS_MAX = 64
"""Each is a process, or a container, of the same machine."""

_WAIT_S_MAX_WITHOUT_CHECKPOINTS = 3600
_KEEP_ALIVE_S_MAX = 3600
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+|local|local_gpu")
_RESERVED_FOLDERS = ("/opt/ml/input", "/opt/ml/model", "/opt/ml/output")


def check_training_request(
    request: Mapping[str, Any], *, algorithm: str | None = None, can_checkpoint: bool = True
) -> None:
    """Check a request that has passed the service model.

    Parameters
    ----------
    request : Mapping
        ``CreateTrainingJob`` with wire names.
    algorithm : str or None
        The built-in algorithm that the image means.
    can_checkpoint : bool
        Whether it writes checkpoints.

    Raises
    ------
    InvalidRequest
        The first rule that is broken.
    LimitExceeded
        More than `HOSTS_MAX` hosts.
    """
    specification = request.get("AlgorithmSpecification")
    if specification is None:
        raise _broken("AlgorithmSpecification", None, "must be given, with a TrainingImage")
    _check_algorithm(specification)
    _check_channels(request.get("InputDataConfig") or (), specification["TrainingInputMode"])
    _check_output(request["OutputDataConfig"]["S3OutputPath"])
    _check_resources(request.get("ResourceConfig") or {})
    _check_stopping(request, algorithm if algorithm and not can_checkpoint else None)
    _check_checkpoints(request.get("CheckpointConfig"))
    check_texts("HyperParameters", request.get("HyperParameters") or {})
    check_texts("Environment", request.get("Environment") or {})
    for key in ("ContainerEntrypoint", "ContainerArguments"):
        words = specification.get(key) or ()
        check_texts(f"AlgorithmSpecification.{key}", dict(enumerate(words)))


def check_texts(field: str, values: Mapping[Any, str]) -> None:
    """Check what becomes variables, arguments or names; no zero character can be in any of them.

    Raises
    ------
    InvalidRequest
    """
    for key, value in values.items():
        if "\0" in value or "\0" in str(key):
            raise _broken(f"{field}[{key!r}]", value[:200], "must not hold a zero character")


def check_instance_type(value: str | None, path: str) -> None:
    """Check the name of an instance type; new ones appear all the time, so their form is all that counts.

    Raises
    ------
    InvalidRequest
    """
    if value is not None and not _INSTANCE_TYPE.fullmatch(value):
        raise InvalidRequest(
            f"1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: Member "
            "must satisfy enum value set: [ml.<family>.<size>, local, local_gpu]",
            field=path,
            value=value,
        )


def host_count(request: Mapping[str, Any]) -> int:
    """How many hosts a request asks for, over all instance groups."""
    resources = request.get("ResourceConfig") or {}
    groups = resources.get("InstanceGroups")
    if groups:
        return max(1, sum(int(group["InstanceCount"]) for group in groups))
    return max(1, int(resources.get("InstanceCount", 1)))


def max_runtime_s(request: Mapping[str, Any]) -> int:
    """``MaxRuntimeInSeconds``, or its default."""
    condition = request.get("StoppingCondition") or {}
    return int(condition.get("MaxRuntimeInSeconds", MAX_RUNTIME_S_DEFAULT))


def output_prefix(request: Mapping[str, Any], name: str) -> str:
    """Where the outputs of a job go, without a slash at the end.

    Examples
    --------
    >>> output_prefix({"OutputDataConfig": {"S3OutputPath": "s3://bucket/"}}, "a-1")
    's3://bucket/a-1/output'
    """
    return f"{request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{name}/output"


def _check_algorithm(specification: Mapping[str, Any]) -> None:
    image, name = specification.get("TrainingImage"), specification.get("AlgorithmName")
    if name and not image:
        raise InvalidRequest(
            f"Could not find algorithm {name!r}; give AlgorithmSpecification.TrainingImage, for example that "
            "of a built-in algorithm.",
            field="AlgorithmSpecification.AlgorithmName",
            value=name,
        )
    if bool(image) == bool(name):
        raise _broken(
            "AlgorithmSpecification.TrainingImage", image, "must be given, and AlgorithmName must not"
        )
    names = [definition["Name"] for definition in specification.get("MetricDefinitions") or ()]
    for name in names:
        if names.count(name) > 1:
            raise _broken("AlgorithmSpecification.MetricDefinitions", name, "must have names that differ")
    for definition in specification.get("MetricDefinitions") or ():
        check_texts("AlgorithmSpecification.MetricDefinitions", definition)
        try:
            re.compile(definition["Regex"])
        except (re.error, OverflowError, RecursionError) as error:
            raise _broken(
                "AlgorithmSpecification.MetricDefinitions",
                definition["Regex"],
                f"must be regular expressions; this one is not: {error}",
            ) from error


def _check_channels(channels: Sequence[Mapping[str, Any]], job_mode: str) -> None:
    seen: set[str] = set()
    for channel in channels:
        name = channel["ChannelName"]
        if name in seen:
            raise _broken("InputDataConfig", name, "must have channel names that differ")
        seen.add(name)
        source = {key: value for key, value in channel["DataSource"].items() if value is not None}
        if len(source) != 1:
            raise _broken(
                f"DataSource of channel {name}", sorted(source), "must have exactly one data source"
            )
        if "S3DataSource" not in source:
            raise _broken(
                f"DataSource of channel {name}",
                next(iter(source)),
                "must be an S3DataSource; file systems cannot be mounted, so put the files into a bucket",
            )
        _check_s3_source(name, source["S3DataSource"], channel.get("InputMode") or job_mode)


def _check_s3_source(name: str, source: Mapping[str, Any], mode: str) -> None:
    kind = source["S3DataType"]
    where = f"S3DataSource of channel {name}"
    if kind == "Converse":
        raise _broken(where, kind, "must be S3Prefix, ManifestFile or AugmentedManifestFile here")
    _check_uri(source["S3Uri"], f"S3Uri of channel {name}")
    attributes = source.get("AttributeNames") or ()
    if kind == "AugmentedManifestFile":
        if mode != "Pipe":
            raise _broken(
                f"InputMode of channel {name}",
                mode,
                "must be Pipe for the S3DataType AugmentedManifestFile; set InputMode of the channel or "
                "TrainingInputMode of the job to Pipe",
            )
        if not attributes:
            raise _broken(
                f"AttributeNames of channel {name}",
                None,
                "must name the attributes to stream when S3DataType is AugmentedManifestFile",
            )
    elif attributes:
        raise _broken(
            f"AttributeNames of channel {name}",
            attributes,
            "may be set only when S3DataType is AugmentedManifestFile",
        )
    if mode == "FastFile" and kind != "S3Prefix":
        raise _broken(f"S3DataType of channel {name}", kind, "must be S3Prefix in FastFile mode")


def _check_uri(uri: str, field: str) -> None:
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme not in ("s3", "https") or not rest.partition("/")[0]:
        raise _broken(field, uri, "must be s3://bucket/... (or https://...)")


def _check_output(path: str) -> None:
    if not path.startswith("s3://") or not path.removeprefix("s3://").partition("/")[0]:
        raise _broken("OutputDataConfig.S3OutputPath", path, "must be s3://bucket or s3://bucket/prefix")


def _check_resources(resources: Mapping[str, Any]) -> None:
    check_instance_type(resources.get("InstanceType"), "resourceConfig.instanceType")
    groups = resources.get("InstanceGroups")
    if groups and ("InstanceType" in resources or "InstanceCount" in resources):
        raise _broken(
            "ResourceConfig.InstanceGroups",
            [group["InstanceGroupName"] for group in groups],
            "must not be given together with InstanceType or InstanceCount",
        )
    names = [group["InstanceGroupName"] for group in groups or ()]
    if len(set(names)) < len(names):
        raise _broken("ResourceConfig.InstanceGroups", names, "must have names that differ")
    for number, group in enumerate(groups or (), 1):
        check_instance_type(
            group["InstanceType"], f"resourceConfig.instanceGroups.{number}.member.instanceType"
        )
        if group["InstanceCount"] < 1:
            raise _broken("ResourceConfig.InstanceGroups", group["InstanceCount"], "need at least 1 instance")
    for key in ("InstanceCount", "VolumeSizeInGB"):
        if key in resources and resources[key] < 1:
            raise _broken(f"ResourceConfig.{key}", resources[key], "must be at least 1")
    n_hosts = host_count({"ResourceConfig": resources})
    if n_hosts > HOSTS_MAX:
        raise LimitExceeded(
            f"ResourceConfig asks for {n_hosts} instances; all of them run on this machine, so at most "
            f"{HOSTS_MAX} are allowed. Lower InstanceCount."
        )
    keep_alive = resources.get("KeepAlivePeriodInSeconds", 0)
    if keep_alive > _KEEP_ALIVE_S_MAX:
        raise _broken(
            "ResourceConfig.KeepAlivePeriodInSeconds", keep_alive, f"must be at most {_KEEP_ALIVE_S_MAX}"
        )


def _check_stopping(request: Mapping[str, Any], without_checkpoints: str | None) -> None:
    condition = request.get("StoppingCondition") or {}
    runtime, wait = max_runtime_s(request), condition.get("MaxWaitTimeInSeconds")
    if runtime > MAX_RUNTIME_S:
        raise _broken(
            "StoppingCondition.MaxRuntimeInSeconds", runtime, f"must be at most {MAX_RUNTIME_S} (28 days)"
        )
    if not request.get("EnableManagedSpotTraining"):
        if wait is not None:
            raise _broken(
                "StoppingCondition.MaxWaitTimeInSeconds",
                wait,
                "may be given only with EnableManagedSpotTraining",
            )
        return
    if wait is None:
        raise _broken(
            "StoppingCondition.MaxWaitTimeInSeconds", None, "must be given with EnableManagedSpotTraining"
        )
    if wait < runtime:
        raise _broken(
            "StoppingCondition.MaxWaitTimeInSeconds",
            wait,
            f"must be at least MaxRuntimeInSeconds, which is {runtime}",
        )
    if without_checkpoints and wait > _WAIT_S_MAX_WITHOUT_CHECKPOINTS:
        raise _broken(
            "StoppingCondition.MaxWaitTimeInSeconds",
            wait,
            f"must be at most {_WAIT_S_MAX_WITHOUT_CHECKPOINTS} for {without_checkpoints}, which writes no "
            "checkpoints",
        )


def _check_checkpoints(config: Mapping[str, Any] | None) -> None:
    if config is None:
        return
    _check_output_like(config["S3Uri"])
    path = config.get("LocalPath")
    if path is None:
        return
    if not path.startswith("/") or ".." in path.split("/"):
        raise _broken("CheckpointConfig.LocalPath", path, "must be an absolute path")
    for folder in _RESERVED_FOLDERS:
        if path == folder or path.startswith(f"{folder}/"):
            raise _broken(
                "CheckpointConfig.LocalPath", path, f"must not be {folder} or below it; the default is "
                "/opt/ml/checkpoints",
            )  # fmt: skip


def _check_output_like(uri: str) -> None:
    if not uri.startswith("s3://") or not uri.removeprefix("s3://").partition("/")[0]:
        raise _broken("CheckpointConfig.S3Uri", uri, "must be s3://bucket/prefix")


def _broken(field: str, value: object, rule: str) -> InvalidRequest:
    shown = "" if value is None else f" is {value!r}, it"
    message = f"{field}{shown} {rule}."
    return InvalidRequest(message, field=field, value=value, rule=rule)
