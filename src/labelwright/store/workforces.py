"""Workforces: the one private workforce of a region and how its workers sign in."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
from collections.abc import Mapping
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from labelwright.config import ACCOUNT_ID
from labelwright.errors import Conflict, InvalidRequest, NameInUse, NotFound
from labelwright.store import user_pools
from labelwright.store.directory_tables import workforces, workteams
from labelwright.store.tags import delete_all_tags

__all__ = [
    "DEFAULT_NAME",
    "WorkforceRow",
    "check_source_ips",
    "create_workforce",
    "delete_workforce",
    "list_workforces",
    "update_workforce",
    "workforce_arn",
    "workforce_by_arn",
    "workforce_named",
    "workforce_of_region",
]

DEFAULT_NAME = "default"
Kind = Literal["Cognito", "Oidc"]


@dataclasses.dataclass(frozen=True, slots=True)
class WorkforceRow:
    """A workforce.

    Attributes
    ----------
    config : dict
        ``CognitoConfig``, or ``OidcConfig`` whose ``ClientSecret`` is sealed.
    settings : dict
        ``SourceIpConfig``, ``WorkforceVpcConfig`` (with ``VpcEndpointId``) and ``IpAddressType`` as given.
    """

    region: str
    name: str
    arn: str
    kind: Kind
    config: dict[str, Any] = dataclasses.field(repr=False)
    settings: dict[str, Any]
    status: str
    created_at: float
    modified_at: float


def workforce_arn(region: str, name: str) -> str:
    """The ARN of a workforce."""
    return f"arn:aws:sagemaker:{region}:{ACCOUNT_ID}:workforce/{name}"


def workforce_of_region(connection: Connection, region: str) -> WorkforceRow | None:
    """The private workforce of a region, or None."""
    row = connection.execute(sa.select(workforces).where(workforces.c.region == region)).first()
    return _workforce(row) if row is not None else None


def workforce_named(connection: Connection, region: str, name: str) -> WorkforceRow:
    """The workforce of this name.

    Raises
    ------
    NotFound
    """
    workforce = workforce_of_region(connection, region)
    if workforce is None or workforce.name != name:
        raise NotFound(f"No workforce found with name {name}", kind="workforce", name=name)
    return workforce


def workforce_by_arn(connection: Connection, arn: str) -> WorkforceRow:
    """The workforce of this ARN.

    Raises
    ------
    NotFound
    """
    row = connection.execute(sa.select(workforces).where(workforces.c.arn == arn)).first()
    if row is None:
        raise NotFound(f"No workforce found with ARN {arn}", kind="workforce", name=arn)
    return _workforce(row)


def list_workforces(connection: Connection, region: str) -> list[WorkforceRow]:
    """The workforces of a region: one or none."""
    workforce = workforce_of_region(connection, region)
    return [workforce] if workforce is not None else []


def create_workforce(
    connection: Connection,
    *,
    region: str,
    name: str,
    kind: Kind,
    config: Mapping[str, Any],
    settings: Mapping[str, Any] | None = None,
    portal_host: str = "",
    now: float,
) -> WorkforceRow:
    """Create the workforce of a region.

    A Cognito one takes over its app client: the callback and sign-out URLs become those of the portal.

    Parameters
    ----------
    portal_host : str
        Host, port and path of the portal; empty leaves the app client's URLs alone.

    Raises
    ------
    InvalidRequest
        The region has one, or pool and client do not fit.
    """
    existing = workforce_of_region(connection, region)
    if existing is not None:
        raise InvalidRequest(
            f"Only one private workforce is allowed per account and region; {existing.name} exists in "
            f"{region}. "
            "Use it, or delete it first.",
            field="WorkforceName",
            value=name,
        )
    settings = dict(settings or {})
    check_source_ips(settings.get("SourceIpConfig"))
    if kind == "Cognito":
        _take_client(connection, region, config, portal_host, now)
    row = WorkforceRow(
        region, name, workforce_arn(region, name), kind, dict(config), settings, "Active", now, now
    )
    connection.execute(
        workforces.insert().values(
            {**dataclasses.asdict(row), "config": json.dumps(row.config), "settings": json.dumps(settings)}
        )
    )
    return row


def update_workforce(
    connection: Connection,
    region: str,
    name: str,
    *,
    config: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    now: float,
) -> WorkforceRow:
    """Replace the sign-in configuration of an OIDC workforce, or some of the settings.

    Parameters
    ----------
    config : mapping, optional
        A whole ``OidcConfig``.
    settings : mapping, optional
        The members to replace; a value of None removes one.

    Raises
    ------
    NotFound, InvalidRequest
    Conflict
        A new ``OidcConfig`` while the workforce has teams.
    """
    workforce = workforce_named(connection, region, name)
    if config is not None:
        if workforce.kind != "Oidc":
            raise InvalidRequest(
                f"Workforce {name} signs its workers in through a user pool; OidcConfig cannot be set. To "
                "change "
                "over, delete the workforce and create it again.",
                field="OidcConfig",
            )
        team = _any_team(connection, workforce.arn)
        if team is not None:
            raise Conflict(
                f"OidcConfig of workforce {name} can only be changed while it has no work teams; it has "
                f"{team}. "
                "Delete its work teams first."
            )
    merged = {**workforce.settings, **(settings or {})}
    merged = {key: value for key, value in merged.items() if value is not None}
    check_source_ips(merged.get("SourceIpConfig"))
    connection.execute(
        workforces.update()
        .where(workforces.c.arn == workforce.arn)
        .values(
            config=json.dumps(workforce.config if config is None else dict(config)),
            settings=json.dumps(merged),
            modified_at=now,
        )
    )
    return workforce_named(connection, region, name)


def delete_workforce(connection: Connection, region: str, name: str) -> None:
    """Delete a workforce; its user pool stays.

    Raises
    ------
    NotFound
    NameInUse
        While it has teams.
    """
    workforce = workforce_named(connection, region, name)
    team = _any_team(connection, workforce.arn)
    if team is not None:
        raise NameInUse(f"Workforce {name} has work teams, such as {team}; delete its work teams first.")
    connection.execute(workforces.delete().where(workforces.c.arn == workforce.arn))
    delete_all_tags(connection, workforce.arn)


def check_source_ips(config: Mapping[str, Any] | None) -> None:
    """Check ``SourceIpConfig``: at most ten blocks in CIDR notation. None and an empty list are fine.

    Raises
    ------
    InvalidRequest
    """
    if config is None:
        return
    cidrs = config["Cidrs"]
    if len(cidrs) > 10:
        raise InvalidRequest(
            f"SourceIpConfig.Cidrs has {len(cidrs)} values; at most 10 are allowed.",
            field="SourceIpConfig.Cidrs",
            value=cidrs,
        )
    for cidr in cidrs:
        try:
            if "/" not in cidr:
                raise ValueError("the mask is missing")
            ipaddress.ip_network(cidr, strict=False)
        except ValueError as error:
            raise InvalidRequest(
                f"SourceIpConfig.Cidrs: {cidr!r} is not an IPv4 or IPv6 block such as 10.0.0.0/16 ({error}).",
                field="SourceIpConfig.Cidrs",
                value=cidr,
            ) from error


def _take_client(
    connection: Connection, region: str, config: Mapping[str, Any], portal_host: str, now: float
) -> None:
    pool_id, client_id = config["UserPool"], config["ClientId"]
    try:
        pool = user_pools.get_pool(connection, pool_id)
        client = user_pools.get_client(connection, pool_id, client_id)
    except NotFound as error:
        raise InvalidRequest(
            f"CognitoConfig: {error.message}", field="CognitoConfig", value=pool_id
        ) from error
    if pool.region != region:
        raise InvalidRequest(
            f"CognitoConfig: user pool {pool_id} is in {pool.region}; the workforce needs one in {region}.",
            field="CognitoConfig.UserPool",
            value=pool_id,
        )
    if client.secret is None:
        raise InvalidRequest(
            f"CognitoConfig: app client {client_id} has no client secret; create one with GenerateSecret.",
            field="CognitoConfig.ClientId",
            value=client_id,
        )
    if not portal_host:
        return
    scopes = client.settings.get("AllowedOAuthScopes", [])
    settings = {
        **client.settings,
        "CallbackURLs": [f"https://{portal_host}", f"https://{portal_host}/oauth2/idpresponse"],
        "LogoutURLs": [f"https://{portal_host}/logout"],
        "AllowedOAuthFlows": ["code"],
        "AllowedOAuthFlowsUserPoolClient": True,
        "AllowedOAuthScopes": list(dict.fromkeys([*scopes, "email", "openid", "profile"])),
    }
    user_pools.update_client(connection, pool_id, client_id, settings=settings, now=now)


def _any_team(connection: Connection, arn: str) -> str | None:
    name: str | None = connection.scalar(
        sa.select(workteams.c.name).where(workteams.c.workforce_arn == arn).order_by(workteams.c.name)
    )
    return name


def _workforce(row: Row[Any]) -> WorkforceRow:
    return WorkforceRow(
        **{**row._mapping, "config": json.loads(row.config), "settings": json.loads(row.settings)}
    )
