"""What a job asks for: its hyperparameters and channels, written to the log and checked. Needs no torch."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from labelwright import algorithms
from labelwright.algorithms import Algorithm, check_channels, effective_hyperparameters, parse_hyperparameters
from labelwright.train.toolkit.environment import Environment
from labelwright.train.toolkit.log import JobLog

__all__ = ["Request", "read_request", "seed_of_run"]

_PROVIDED = "/opt/ml/input/config/hyperparameters.json"


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """A request that can be met.

    Attributes
    ----------
    algorithm : Algorithm
    values : dict
        Checked hyperparameters by name.
    effective : dict of str to str
        The same as strings, for ``hyperparams.json``.
    """

    algorithm: Algorithm
    values: dict[str, Any]
    effective: dict[str, str]


def read_request(environment: Environment, name: str, log: JobLog) -> Request:
    """Check hyperparameters, then channels.

    Parameters
    ----------
    environment : Environment
    name : str
        Of the algorithm.
    log : JobLog
        Is told what was given, and what counts, before anything is checked.

    Raises
    ------
    labelwright.errors.InvalidRequest
        A hyperparameter or a channel is wrong.
    """
    algorithm = algorithms.get(name)
    given = environment.hyperparameters
    log.configuration(
        effective_hyperparameters(algorithm, {}),
        {key: value for key, value in given.items() if not key.startswith("sagemaker_")},
        _PROVIDED,
    )
    values = parse_hyperparameters(algorithm, given)
    train = environment.channels.get("train")
    check_channels(
        algorithm,
        {channel.name: channel.content_type for channel in environment.channels.values()},
        in_files=train is None or train.mode != "Pipe",
    )
    return Request(algorithm, values, effective_hyperparameters(algorithm, given))


def seed_of_run() -> int:
    """What every random choice of a training hangs on: ``LABELWRIGHT_SEED``, by default 0."""
    return int(os.environ.get("LABELWRIGHT_SEED", "0"))
