"""Work teams: named subsets of the private workforce, made of user groups."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from labelwright.config import ACCOUNT_ID
from labelwright.core.names import check_region, check_workteam_name
from labelwright.errors import InvalidRequest, LimitExceeded, NameInUse, NotFound
from labelwright.store import directory, user_pools
from labelwright.store.directory_tables import workteam_groups, workteams
from labelwright.store.passwords import PreparedPassword, temporary_password
from labelwright.store.tags import delete_all_tags
from labelwright.store.workforces import (
    DEFAULT_NAME,
    WorkforceRow,
    create_workforce,
    workforce_named,
    workforce_of_region,
)

__all__ = [
    "MAX_TEAMS",
    "NewWorker",
    "WorkteamRow",
    "add_worker",
    "create_workteam",
    "delete_workteam",
    "ensure_private_team",
    "list_workteams",
    "update_workteam",
    "workteam_arn",
    "workteam_by_arn",
    "workteam_named",
]

MAX_TEAMS = 25
Members = Sequence[Mapping[str, Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class WorkteamRow:
    """A private work team.

    Attributes
    ----------
    member_definitions : list of dict
        As given: ``{"CognitoMemberDefinition": {...}}`` or ``{"OidcMemberDefinition": {...}}``.
    settings : dict
        ``NotificationConfiguration`` and ``WorkerAccessConfiguration`` as given.
    """

    region: str
    name: str
    arn: str
    workforce_arn: str
    description: str
    member_definitions: list[dict[str, Any]]
    settings: dict[str, Any]
    created_at: float
    modified_at: float


@dataclasses.dataclass(frozen=True, slots=True)
class NewWorker:
    """What `add_worker` did. ``temporary_password`` is None when one was given or the user existed."""

    user_id: str
    temporary_password: str | None = dataclasses.field(repr=False)
    is_new: bool = True


def workteam_arn(region: str, name: str) -> str:
    """The ARN of a private work team."""
    return f"arn:aws:sagemaker:{region}:{ACCOUNT_ID}:workteam/private-crowd/{name}"


def workteam_by_arn(connection: Connection, arn: str) -> WorkteamRow:
    """The work team of this ARN.

    Raises
    ------
    NotFound
    """
    row = connection.execute(sa.select(workteams).where(workteams.c.arn == arn)).first()
    if row is None:
        raise NotFound(f"The work team {arn} does not exist", kind="work team", name=arn)
    return _workteam(row)


def workteam_named(connection: Connection, region: str, name: str) -> WorkteamRow:
    """The work team of this name.

    Raises
    ------
    NotFound
    """
    team = _find(connection, region, name)
    if team is None:
        raise NotFound(f"The work team {name} does not exist", kind="work team", name=name)
    return team


def list_workteams(connection: Connection, region: str) -> list[WorkteamRow]:
    """The private work teams of a region (at most 25), by name."""
    query = sa.select(workteams).where(workteams.c.region == region).order_by(workteams.c.name)
    return [_workteam(row) for row in connection.execute(query)]


def create_workteam(
    connection: Connection,
    *,
    region: str,
    name: str,
    description: str,
    member_definitions: Members,
    workforce_name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    portal_host: str = "",
    now: float,
) -> WorkteamRow:
    """Create a work team; with the first team of a user pool comes a workforce named ``default``.

    Raises
    ------
    NameInUse, InvalidRequest
    NotFound
        ``workforce_name`` is given and does not exist.
    LimitExceeded
        The region has 25 teams.
    """
    if _find(connection, region, name) is not None:
        raise NameInUse(f"A work team named {name} already exists in {region}; choose another name.")
    n_teams = connection.scalar(
        sa.select(sa.func.count()).select_from(workteams).where(workteams.c.region == region)
    )
    if (n_teams or 0) >= MAX_TEAMS:
        raise LimitExceeded(
            f"The account has {n_teams} private work teams in {region}; at most {MAX_TEAMS} are allowed. "
            "Delete one you no longer need."
        )
    kind = _kind_of(member_definitions)
    if workforce_name is not None:
        workforce = workforce_named(connection, region, workforce_name)
    else:
        workforce = workforce_of_region(connection, region) or _default_workforce(
            connection, region, kind, member_definitions, portal_host, now
        )
    _check_members(connection, workforce, kind, member_definitions)
    row = WorkteamRow(
        region=region,
        name=name,
        arn=workteam_arn(region, name),
        workforce_arn=workforce.arn,
        description=description,
        member_definitions=[dict(member) for member in member_definitions],
        settings=dict(settings or {}),
        created_at=now,
        modified_at=now,
    )
    connection.execute(
        workteams.insert().values(
            {
                **dataclasses.asdict(row),
                "member_definitions": _dump(row.member_definitions),
                "settings": _dump(row.settings),
            }
        )
    )
    _write_groups(connection, row.arn, row.member_definitions)
    return row


def update_workteam(
    connection: Connection,
    region: str,
    name: str,
    *,
    description: str | None = None,
    member_definitions: Members | None = None,
    settings: Mapping[str, Any] | None = None,
    now: float,
) -> WorkteamRow:
    """Change a work team. ``member_definitions`` replaces the list, ``settings`` the members it names.

    Raises
    ------
    NotFound, InvalidRequest
    """
    team = workteam_named(connection, region, name)
    values: dict[str, Any] = {"modified_at": now}
    if description is not None:
        values["description"] = description
    if settings:
        values["settings"] = _dump({**team.settings, **settings})
    if member_definitions is not None:
        workforce = workforce_of_region(connection, region)
        if workforce is None:  # teams keep their workforce from being deleted
            raise NotFound(f"No workforce found with ARN {team.workforce_arn}", kind="workforce")
        _check_members(connection, workforce, _kind_of(member_definitions), member_definitions)
        values["member_definitions"] = _dump([dict(member) for member in member_definitions])
        connection.execute(workteam_groups.delete().where(workteam_groups.c.workteam_arn == team.arn))
        _write_groups(connection, team.arn, member_definitions)
    connection.execute(workteams.update().where(workteams.c.arn == team.arn).values(values))
    return workteam_named(connection, region, name)


def delete_workteam(connection: Connection, region: str, name: str) -> None:
    """Delete a work team; its groups and users stay.

    Raises
    ------
    NotFound
    """
    team = workteam_named(connection, region, name)
    connection.execute(workteams.delete().where(workteams.c.arn == team.arn))
    delete_all_tags(connection, team.arn)


def ensure_private_team(connection: Connection, *, region: str, team_name: str, now: float) -> WorkteamRow:
    """The team of this name; user pool, app client, workforce, group and team are made when absent.

    Raises
    ------
    InvalidRequest
        The name cannot be a team's, or the workforce of the region signs its workers in through an identity
        provider of its own.
    """
    check_workteam_name(team_name)
    check_region(region)
    team = _find(connection, region, team_name)
    if team is not None:
        return team
    workforce = workforce_of_region(connection, region)
    if workforce is None:
        pool = user_pools.create_pool(connection, region=region, name="labelwright", settings={}, now=now)
        client = user_pools.create_client(
            connection, pool_id=pool.id, name="portal", with_secret=True, settings={}, now=now
        )
        workforce = create_workforce(
            connection,
            region=region,
            name=DEFAULT_NAME,
            kind="Cognito",
            config={"UserPool": pool.id, "ClientId": client.id},
            now=now,
        )
    if workforce.kind != "Cognito":
        raise InvalidRequest(
            f"Workforce {workforce.name} signs its workers in through {workforce.config.get('Issuer')}; make "
            "the "
            f"team {team_name} with CreateWorkteam and the groups of that identity provider.",
            field="TeamName",
            value=team_name,
        )
    pool_id = workforce.config["UserPool"]
    if team_name not in {group.name for group in directory.list_groups(connection, pool_id)}:
        directory.create_group(connection, pool_id=pool_id, name=team_name, now=now)
    member = {"UserPool": pool_id, "UserGroup": team_name, "ClientId": workforce.config["ClientId"]}
    return create_workteam(
        connection,
        region=region,
        name=team_name,
        description=f"Workers of {team_name}",
        member_definitions=[{"CognitoMemberDefinition": member}],
        now=now,
    )


def add_worker(
    connection: Connection,
    *,
    region: str,
    team_name: str,
    username: str,
    email: str = "",
    password: str | PreparedPassword | None = None,
    now: float,
) -> NewWorker:
    """Put a worker into a team, making both when absent.

    Parameters
    ----------
    password : str or PreparedPassword, optional
        Permanent; without one a new user gets a temporary one that is returned. For a user that exists, a
        given password is set.

    Raises
    ------
    InvalidRequest
        The team has no group of the built-in directory, or the password breaks the pool's policy.
    """
    team = ensure_private_team(connection, region=region, team_name=team_name, now=now)
    pool_id, group = _first_group(team)
    existing = [user for user in directory.find_users(connection, username) if user.pool_id == pool_id]
    if existing:
        user = existing[0]
        if password is not None:
            directory.set_password(connection, user.id, password, True, now)
        directory.add_to_group(connection, user, group)
        return NewWorker(user.id, None, is_new=False)
    pool = user_pools.get_pool(connection, pool_id)
    temporary = temporary_password(pool.password_policy) if password is None else None
    user = directory.create_user(
        connection,
        pool_id=pool_id,
        username=username,
        email=email,
        password=password if password is not None else temporary,
        permanent=password is not None,
        now=now,
    )
    directory.add_to_group(connection, user, group)
    return NewWorker(user.id, temporary)


def _default_workforce(
    connection: Connection, region: str, kind: str, members: Members, portal_host: str, now: float
) -> WorkforceRow:
    if kind != "Cognito":
        raise InvalidRequest(
            f"There is no workforce in {region}; create one with CreateWorkforce and OidcConfig, then its "
            "teams.",
            field="WorkforceName",
        )
    first = members[0]["CognitoMemberDefinition"]
    return create_workforce(
        connection,
        region=region,
        name=DEFAULT_NAME,
        kind="Cognito",
        config={"UserPool": first["UserPool"], "ClientId": first["ClientId"]},
        portal_host=portal_host,
        now=now,
    )


def _kind_of(members: Members) -> str:
    """``Cognito`` or ``Oidc``; every element must hold exactly one definition, all of one kind."""
    kinds = set()
    for number, member in enumerate(members, 1):
        names = [name for name, value in member.items() if value is not None]
        if len(names) != 1:
            raise InvalidRequest(
                f"MemberDefinitions element {number} must hold exactly one of CognitoMemberDefinition and "
                f"OidcMemberDefinition; it holds {' and '.join(names) or 'neither'}.",
                field="MemberDefinitions",
            )
        kinds.add(names[0].removesuffix("MemberDefinition"))
    if len(kinds) != 1:
        raise InvalidRequest(
            "MemberDefinitions mixes CognitoMemberDefinition and OidcMemberDefinition; use the kind of the "
            "workforce for all of them.",
            field="MemberDefinitions",
        )
    return str(kinds.pop())


def _check_members(connection: Connection, workforce: WorkforceRow, kind: str, members: Members) -> None:
    if kind != workforce.kind:
        raise InvalidRequest(
            f"MemberDefinitions are of kind {kind}, but workforce {workforce.name} is of kind "
            f"{workforce.kind}; "
            f"use {workforce.kind}MemberDefinition.",
            field="MemberDefinitions",
        )
    if kind == "Oidc":
        for member in members:
            if not member["OidcMemberDefinition"].get("Groups"):
                raise InvalidRequest(
                    "OidcMemberDefinition.Groups is empty; name 1 to 10 groups of the identity provider.",
                    field="MemberDefinitions.OidcMemberDefinition.Groups",
                )
        return
    for member in members:
        definition = member["CognitoMemberDefinition"]
        for name in ("UserPool", "ClientId"):
            if definition[name] != workforce.config[name]:
                raise InvalidRequest(
                    f"CognitoMemberDefinition.{name} is {definition[name]}, but workforce {workforce.name} "
                    "uses "
                    f"{workforce.config[name]}; all members of a team must name the workforce's.",
                    field=f"MemberDefinitions.CognitoMemberDefinition.{name}",
                    value=definition[name],
                )
        try:
            directory.get_group(connection, definition["UserPool"], definition["UserGroup"])
        except NotFound as error:
            raise InvalidRequest(
                f"CognitoMemberDefinition.UserGroup: {error.message} Create it with CreateGroup first.",
                field="MemberDefinitions.CognitoMemberDefinition.UserGroup",
                value=definition["UserGroup"],
            ) from error


def _write_groups(connection: Connection, arn: str, members: Members) -> None:
    pairs = {
        (member["CognitoMemberDefinition"]["UserPool"], member["CognitoMemberDefinition"]["UserGroup"])
        for member in members
        if "CognitoMemberDefinition" in member
    }
    for pool_id, group in sorted(pairs):
        connection.execute(
            workteam_groups.insert().values(workteam_arn=arn, pool_id=pool_id, group_name=group)
        )


def _first_group(team: WorkteamRow) -> tuple[str, str]:
    definition = team.member_definitions[0].get("CognitoMemberDefinition")
    if definition is None:
        raise InvalidRequest(
            f"The work team {team.name} takes its workers from an identity provider; add the worker there.",
            field="TeamName",
            value=team.name,
        )
    return definition["UserPool"], definition["UserGroup"]


def _find(connection: Connection, region: str, name: str) -> WorkteamRow | None:
    row = connection.execute(
        sa.select(workteams).where(workteams.c.region == region, workteams.c.name == name)
    ).first()
    return _workteam(row) if row is not None else None


def _workteam(row: Row[Any]) -> WorkteamRow:
    return WorkteamRow(
        **{
            **row._mapping,
            "member_definitions": json.loads(row.member_definitions),
            "settings": json.loads(row.settings),
        }
    )


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
