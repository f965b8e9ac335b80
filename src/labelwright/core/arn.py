"""Amazon resource names: build ours, read anybody's."""

from __future__ import annotations

import dataclasses
import re

from labelwright.errors import InvalidRequest

__all__ = [
    "ALGORITHM_ACCOUNT",
    "PUBLIC_CROWD_ACCOUNT",
    "Arn",
    "TeamKind",
    "labeling_job_arn",
    "parse_arn",
    "team_kind",
    "training_job_arn",
    "tuning_job_arn",
]

PUBLIC_CROWD_ACCOUNT = "394669845002"
"""The account that owns the public team (and the built-in human task UIs) in every region."""

ALGORITHM_ACCOUNT = "027400017018"
"""The account that owns the algorithms of automated labeling in every region."""

TeamKind = str
"""``private-crowd``, ``vendor-crowd`` or ``public-crowd``."""

_ARN = re.compile(r"arn:(aws[a-z\-]*):([a-z0-9\-]+):([a-z0-9\-]*):([0-9]{12}|):(.+)", re.DOTALL)
_TEAM = re.compile(r"workteam/(private-crowd|vendor-crowd|public-crowd)/(.+)")


@dataclasses.dataclass(frozen=True, slots=True)
class Arn:
    """The parts of ``arn:<partition>:<service>:<region>:<account>:<resource>``."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def parse_arn(text: str) -> Arn:
    """Take an ARN apart.

    Raises
    ------
    InvalidRequest
        When it does not have the six parts.

    Examples
    --------
    >>> parse_arn("arn:aws:lambda:us-east-1:432418664414:function:PRE-BoundingBox").resource
    'function:PRE-BoundingBox'
    """
    match = _ARN.fullmatch(text)
    if match is None:
        raise InvalidRequest(
            f"{text!r} is not an ARN; write arn:aws:<service>:<region>:<account>:<resource>.", value=text
        )
    return Arn(*match.groups())


def labeling_job_arn(region: str, account: str, name: str) -> str:
    """The ARN of a labeling job; the name in it is lower case.

    Examples
    --------
    >>> labeling_job_arn("us-west-2", "000000000000", "Screws-Round1")
    'arn:aws:sagemaker:us-west-2:000000000000:labeling-job/screws-round1'
    """
    return f"arn:aws:sagemaker:{region}:{account}:labeling-job/{name.lower()}"


def training_job_arn(region: str, account: str, name: str) -> str:
    """The ARN of a training job; the name in it keeps its case.

    Examples
    --------
    >>> training_job_arn("eu-west-1", "000000000000", "Screws-7")
    'arn:aws:sagemaker:eu-west-1:000000000000:training-job/Screws-7'
    """
    return f"arn:aws:sagemaker:{region}:{account}:training-job/{name}"


def tuning_job_arn(region: str, account: str, name: str) -> str:
    """The ARN of a hyperparameter tuning job; the name in it keeps its case.

    Examples
    --------
    >>> tuning_job_arn("eu-west-1", "000000000000", "Screws-7")
    'arn:aws:sagemaker:eu-west-1:000000000000:hyper-parameter-tuning-job/Screws-7'
    """
    return f"arn:aws:sagemaker:{region}:{account}:hyper-parameter-tuning-job/{name}"


def team_kind(workteam_arn: str) -> TeamKind:
    """Which kind of team an ARN names, by its path.

    Raises
    ------
    InvalidRequest
        When the path is none of the three kinds.

    Examples
    --------
    >>> team_kind("arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/shift-a")
    'private-crowd'
    """
    match = _TEAM.fullmatch(parse_arn(workteam_arn).resource)
    if match is None:
        raise InvalidRequest(
            f"{workteam_arn!r} is not the ARN of a work team; its last part must be "
            "workteam/private-crowd/<name>, workteam/vendor-crowd/<name> or workteam/public-crowd/default.",
            value=workteam_arn,
            rule="workteam/(private|vendor|public)-crowd/<name>",
        )
    return match.group(1)
