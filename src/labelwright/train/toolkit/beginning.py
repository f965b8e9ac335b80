"""How the programs on PyTorch begin: check what is asked for, log it, meet the other processes."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from labelwright.algorithms import Algorithm
from labelwright.train.toolkit.distributed import Processes
from labelwright.train.toolkit.environment import Environment
from labelwright.train.toolkit.log import JobLog
from labelwright.train.toolkit.request import read_request

__all__ = ["Job", "begin"]


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


def begin(environment: Environment, name: str) -> Job:
    """Check hyperparameters, then channels, and start the other processes of the job.

    Parameters
    ----------
    environment : Environment
    name : str
        Of the algorithm.

    Raises
    ------
    labelwright.errors.InvalidRequest
        A hyperparameter or a channel is wrong.
    """
    log = JobLog(environment.current_host, is_quiet="LABELWRIGHT_LOCAL_RANK" in os.environ)
    request = read_request(environment, name, log)
    if not environment.n_gpus:
        log.warn_of("There is no GPU here; training runs on the CPU, which takes longer.")
    processes = Processes.join(environment, name)
    return Job(
        environment=environment,
        algorithm=request.algorithm,
        values=request.values,
        effective=request.effective,
        log=JobLog(environment.current_host, is_quiet=not processes.is_first),
        processes=processes,
    )
