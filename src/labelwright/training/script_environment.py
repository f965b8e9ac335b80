"""What a user's script is told: arguments and ``SM_*`` variables, from the files under ``input/config``.

The names and forms are those of the public training toolkit, which scripts are written for. Pure functions of
the configuration; the only look at the machine is the count of its processors.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from labelwright.training.devices import visible_devices

__all__ = ["PROGRAM", "SUBMIT_DIRECTORY", "ScriptEnvironment", "arguments_of", "decoded", "read_environment"]

PROGRAM: Final = "sagemaker_program"
SUBMIT_DIRECTORY: Final = "sagemaker_submit_directory"
_LOG_LEVEL = "sagemaker_container_log_level"
_JOB_NAME = "sagemaker_job_name"
_REGION = "sagemaker_region"
_RESERVED_BEGINNING = "sagemaker_"
_TUNING = "_tuning_objective_metric"


def decoded(value: str) -> Any:
    """A hyperparameter's value: JSON where it is JSON, else the text.

    Examples
    --------
    >>> decoded("0.5"), decoded('"x"'), decoded("[1, 2]"), decoded("adam")
    (0.5, 'x', [1, 2], 'adam')
    """
    try:
        return json.loads(value)
    except ValueError:
        return value


def arguments_of(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Command-line arguments of a script, sorted by name.

    Examples
    --------
    >>> arguments_of({"lr": 0.1, "b": True, "sizes": [1, 2], "map": {"x": 1, "y": 2}})
    ['-b', 'True', '--lr', '0.1', '--map', 'x=1,y=2', '--sizes', '[1, 2]']
    """
    arguments = []
    for key, value in sorted(hyperparameters.items()):
        if isinstance(value, dict):
            value = ",".join(f"{name}={one}" for name, one in sorted(value.items()))
        arguments += [f"-{key}" if len(key) == 1 else f"--{key}", str(value)]
    return arguments


@dataclasses.dataclass(frozen=True, slots=True)
class ScriptEnvironment:
    """What a script is told.

    Attributes
    ----------
    base : str
        The base folder, ``/opt/ml`` in a container.
    hyperparameters : Mapping
        The user's own, decoded; in the order of their names.
    reserved : Mapping
        The others, decoded.
    channels : Mapping
        ``inputdataconfig.json``.
    resources : Mapping
        ``resourceconfig.json``.
    job_name : str
    n_gpus, n_cpus : int
    """

    base: str
    hyperparameters: Mapping[str, Any]
    reserved: Mapping[str, Any]
    channels: Mapping[str, Any]
    resources: Mapping[str, Any]
    job_name: str = ""
    n_gpus: int = 0
    n_cpus: int = 1

    @property
    def program(self) -> str:
        """The entry file, relative to the source's root."""
        return str(self.reserved.get(PROGRAM) or "")

    @property
    def code(self) -> str:
        """Folder of the source."""
        return f"{self.base}/code"

    @property
    def arguments(self) -> list[str]:
        """For the script."""
        return arguments_of(self.hyperparameters)

    def variables(self) -> dict[str, str]:
        """The ``SM_*`` variables."""
        values = self._values()
        found = {f"SM_{name}": _text(value) for name, value in values.items()}
        for name in self.channels:
            found[f"SM_CHANNEL_{name.upper()}"] = f"{self.base}/input/data/{name}"
        for key, value in self.hyperparameters.items():
            found[f"SM_HP_{key.upper()}"] = _text(value)
        found["SM_TRAINING_ENV"] = _text(self.training_environment())
        return found

    def training_environment(self) -> dict[str, Any]:
        """All of it as one object: ``SM_TRAINING_ENV``."""
        values = self._values()
        names = {
            "HPS": "hyperparameters",
            "FRAMEWORK_PARAMS": "additional_framework_parameters",
        }
        found = {names.get(name, name.lower()): value for name, value in values.items() if name != "CHANNELS"}
        del found["user_args"]
        hosts = self.resources["hosts"]
        return found | {
            "channel_input_dirs": {name: f"{self.base}/input/data/{name}" for name in sorted(self.channels)},
            "job_name": self.job_name,
            "is_master": self.resources["current_host"] == _master(hosts),
            "master_hostname": _master(hosts),
        }

    def _values(self) -> dict[str, Any]:
        base, resources = self.base, self.resources
        groups = {group["instance_group_name"]: group for group in resources.get("instance_groups", ())}
        current = groups.get(resources.get("current_group_name", ""), {})
        program = self.program
        return {
            "MODEL_DIR": f"{base}/model",
            "OUTPUT_DIR": f"{base}/output",
            "OUTPUT_DATA_DIR": f"{base}/output/data",
            "OUTPUT_INTERMEDIATE_DIR": f"{base}/output/intermediate",
            "INPUT_DIR": f"{base}/input",
            "INPUT_CONFIG_DIR": f"{base}/input/config",
            "CHANNELS": sorted(self.channels),
            "HPS": dict(self.hyperparameters),
            "CURRENT_HOST": resources["current_host"],
            "HOSTS": resources["hosts"],
            "NUM_GPUS": self.n_gpus,
            "NUM_CPUS": self.n_cpus,
            "NUM_NEURONS": 0,
            "NETWORK_INTERFACE_NAME": resources.get("network_interface_name", "eth0"),
            "CURRENT_INSTANCE_TYPE": resources.get("current_instance_type", "local"),
            "CURRENT_INSTANCE_GROUP": resources.get("current_group_name", ""),
            "CURRENT_INSTANCE_GROUP_HOSTS": current.get("hosts", resources["hosts"]),
            "INSTANCE_GROUPS": sorted(groups),
            "INSTANCE_GROUPS_DICT": groups,
            "DISTRIBUTION_INSTANCE_GROUPS": [],
            "IS_HETERO": len(groups) > 1,
            "RESOURCE_CONFIG": dict(resources),
            "INPUT_DATA_CONFIG": dict(self.channels),
            "MODULE_NAME": program.removesuffix(".py"),
            "MODULE_DIR": str(self.reserved.get(SUBMIT_DIRECTORY) or self.code),
            "USER_ENTRY_POINT": program,
            "FRAMEWORK_MODULE": "",
            "FRAMEWORK_PARAMS": {
                key: value
                for key, value in self.reserved.items()
                if key not in (PROGRAM, SUBMIT_DIRECTORY, _LOG_LEVEL, _JOB_NAME, _REGION)
            },
            "LOG_LEVEL": self.reserved.get(_LOG_LEVEL, 20),
            "USER_ARGS": self.arguments,
        }


def read_environment(base: Path, environ: Mapping[str, str]) -> ScriptEnvironment:
    """What the files under ``input/config`` say.

    Parameters
    ----------
    base : Path
    environ : Mapping
        Of this process; names the job.

    Raises
    ------
    OSError, ValueError
        A file is missing or damaged.
    """
    config = base / "input" / "config"
    given = {str(key): decoded(str(value)) for key, value in _read(config / "hyperparameters.json").items()}
    own = {key: value for key, value in sorted(given.items()) if not _is_reserved(key)}
    reserved = {key: value for key, value in sorted(given.items()) if _is_reserved(key)}
    return ScriptEnvironment(
        base=str(base),
        hyperparameters=own,
        reserved=reserved,
        channels=_read(config / "inputdataconfig.json"),
        resources=_read(config / "resourceconfig.json"),
        job_name=str(reserved.get(_JOB_NAME) or environ.get("TRAINING_JOB_NAME", "")),
        n_gpus=len(visible_devices(environ)),
        n_cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    )


def _is_reserved(key: str) -> bool:
    return key.startswith(_RESERVED_BEGINNING) or key == _TUNING


def _master(hosts: list[str]) -> str:
    return min(hosts, key=lambda name: (len(name), name))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content
