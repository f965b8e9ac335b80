"""Accounts for synthetic workers: real users of the job's work team, made through the AWS API."""

from __future__ import annotations

import dataclasses
import secrets
import string
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from labelwright.errors import InvalidRequest, LabelwrightError

__all__ = ["Account", "Team", "call", "hire", "new_password", "team_of"]


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """User name and password of one worker."""

    username: str
    password: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Team:
    """Where a work team's members are kept."""

    user_pool: str
    user_group: str


def call(client: Any, operation: str, **members: Any) -> dict[str, Any]:
    """Call one operation of a botocore client; its errors become ours.

    Raises
    ------
    LabelwrightError
        The server refused, or did not answer; the message names the operation.
    """
    try:
        answer: dict[str, Any] = getattr(client, operation)(**members)
    except (ClientError, BotoCoreError) as error:
        raise LabelwrightError(f"{operation} failed: {error}") from error
    return answer


def team_of(sagemaker: Any, workteam_arn: str) -> Team:
    """The user group behind a private work team.

    Raises
    ------
    InvalidRequest
        The team is not a private one with a user pool.
    """
    if ":workteam/private-crowd/" not in workteam_arn:
        raise InvalidRequest(
            f"{workteam_arn} is not a private work team; synthetic workers need one. Clone the job with a "
            "private team to rehearse it.",
            field="WorkteamArn",
            value=workteam_arn,
        )
    workteam = call(sagemaker, "describe_workteam", WorkteamName=workteam_arn.rpartition("/")[2])["Workteam"]
    for member in workteam["MemberDefinitions"]:
        if "CognitoMemberDefinition" in member:
            cognito = member["CognitoMemberDefinition"]
            return Team(cognito["UserPool"], cognito["UserGroup"])
    raise InvalidRequest(
        f"Work team {workteam['WorkteamName']} has no user pool (its members come from an identity provider "
        "of yours); synthetic workers cannot be added to it.",
        field="WorkteamArn",
    )


def hire(cognito: Any, team: Team, n_workers: int, *, prefix: str = "sim-worker") -> list[Account]:
    """Put synthetic workers into a team: ``<prefix>-01``, ``<prefix>-02`` ...

    Accounts of earlier rehearsals are taken over with a new password, so the directory does not fill up.
    No invitation is sent.
    """
    accounts = []
    for number in range(1, n_workers + 1):
        username, password = f"{prefix}-{number:02d}", new_password()
        try:
            cognito.admin_create_user(UserPoolId=team.user_pool, Username=username, MessageAction="SUPPRESS")
        except ClientError as error:
            if error.response["Error"]["Code"] != "UsernameExistsException":
                raise LabelwrightError(f"admin_create_user failed for {username}: {error}") from error
        except BotoCoreError as error:
            raise LabelwrightError(f"admin_create_user failed for {username}: {error}") from error
        call(
            cognito,
            "admin_set_user_password",
            UserPoolId=team.user_pool,
            Username=username,
            Password=password,
            Permanent=True,
        )
        call(
            cognito,
            "admin_add_user_to_group",
            UserPoolId=team.user_pool,
            Username=username,
            GroupName=team.user_group,
        )
        accounts.append(Account(username, password))
    return accounts


def new_password(length: int = 16) -> str:
    """A random password with letters of either case, a digit and a symbol, as the default policy asks."""
    kinds = [string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.!"]
    characters = [secrets.choice(kind) for kind in kinds]
    characters += [secrets.choice("".join(kinds[:3])) for _ in range(length - len(kinds))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)
