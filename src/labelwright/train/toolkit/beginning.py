"""How the programs of all algorithms begin: check what is asked for, write it to the log, meet the others."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from labelwright import algorithms
from labelwright.algorithms import Algorithm, check_channels, effective_hyperparameters, parse_hyperparameters
from labelwright.train.toolkit.distributed import Processes
from labelwright.train.toolkit.environment import Environment
from labelwright.train.toolkit.log import JobLog

__all__ = ["Job", "begin"]

_PROVIDED = "/opt/ml/input/config/hyperparameters.json"


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """A training job that can be done.

    Attributes
    ----------
    environment : Environment
    algorithm : Algorithm
    values : dict
        Checked hyperparameters by name.
    effective : dict of str to str
        The same as strings, for ``hyperparams.json``.
    log : JobLog
        Quiet unless this is the first process.
    processes : Processes
    """

    environment: Environment
    algorithm: Algorithm
    values: dict[str, Any]
    effective: dict[str, str]
    log: JobLog
    processes: Processes


def begin(environment: Environment, name: str, *, is_alone: bool = False) -> Job:
    """Check hyperparameters, then channels, and start the other processes of the job.

    Parameters
    ----------
    environment : Environment
    name : str
        Of the algorithm.
    is_alone : bool
        For algorithms that do not train in several processes.

    Raises
    ------
    labelwright.errors.InvalidRequest
        A hyperparameter or a channel is wrong.
    """
    algorithm = algorithms.get(name)
    given = environment.hyperparameters
    log = JobLog(environment.current_host, is_quiet="LABELWRIGHT_LOCAL_RANK" in os.environ)
    log.configuration(effective_hyperparameters(algorithm, {}), dict(given), _PROVIDED)
    values = parse_hyperparameters(algorithm, given)
    train = environment.channels.get("train")
    check_channels(
        algorithm,
        {channel.name: channel.content_type for channel in environment.channels.values()},
        in_files=train is None or train.mode != "Pipe",
    )
    if not environment.n_gpus:
        log.warn_of("There is no GPU here; training runs on the CPU, which takes longer.")
    processes = Processes.join(environment, name, is_alone=is_alone)
    return Job(
        environment=environment,
        algorithm=algorithm,
        values=values,
        effective=effective_hyperparameters(algorithm, given),
        log=JobLog(environment.current_host, is_quiet=not processes.is_first),
        processes=processes,
    )
