"""Workforce operations: the pool of people of a region, signed in by our directory or by an OIDC provider.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateWorkforce.html and its neighbours.
Differences: a workforce is ``Active`` at once, with a VPC configuration too, which is kept and shown but has
no network behind it here.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import reads, writes
from labelwright.api.paging import page_of
from labelwright.errors import InvalidRequest, NotFound
from labelwright.store import workforces as store
from labelwright.store.secrets import SecretBox
from labelwright.store.tags import add_tags
from labelwright.store.workforces import WorkforceRow

__all__ = ["missing_is_invalid", "workforce_view"]


@contextlib.contextmanager
def missing_is_invalid() -> Iterator[None]:
    """Answer a missing workforce or team with ``ValidationException``, which is what tools look for.

    The service model has no "not found" error for these operations.
    """
    try:
        yield
    except NotFound as error:
        raise InvalidRequest(error.message) from error


@writes("sagemaker", "CreateWorkforce")
def create_workforce(
    context: RequestContext,
    connection: Connection,
    *,
    workforce_name: str,
    cognito_config: dict[str, Any] | None = None,
    oidc_config: dict[str, Any] | None = None,
    source_ip_config: dict[str, Any] | None = None,
    workforce_vpc_config: dict[str, Any] | None = None,
    ip_address_type: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """The one private workforce of the region; it makes no team."""
    if (cognito_config is None) == (oidc_config is None):
        raise InvalidRequest(
            "Exactly one of CognitoConfig and OidcConfig must be given; the request has "
            f"{'neither' if oidc_config is None else 'both'}.",
            field="CognitoConfig",
        )
    config = cognito_config if cognito_config is not None else _sealed(context, oidc_config or {})
    workforce = store.create_workforce(
        connection,
        region=context.region,
        name=workforce_name,
        kind="Cognito" if cognito_config is not None else "Oidc",
        config=config,
        settings=_settings(source_ip_config, workforce_vpc_config, ip_address_type),
        portal_host=context.portal_host,
        now=context.now,
    )
    if tags:
        add_tags(connection, workforce.arn, tags)
    return {"WorkforceArn": workforce.arn}


@reads("sagemaker", "DescribeWorkforce")
def describe_workforce(
    context: RequestContext, connection: Connection, *, workforce_name: str
) -> dict[str, Any]:
    """One workforce, without the client secret."""
    with missing_is_invalid():
        workforce = store.workforce_named(connection, context.region, workforce_name)
    return {"Workforce": workforce_view(context, workforce)}


@writes("sagemaker", "UpdateWorkforce")
def update_workforce(
    context: RequestContext,
    connection: Connection,
    *,
    workforce_name: str,
    source_ip_config: dict[str, Any] | None = None,
    oidc_config: dict[str, Any] | None = None,
    workforce_vpc_config: dict[str, Any] | None = None,
    ip_address_type: str | None = None,
) -> dict[str, Any]:
    """Replace what is given. An empty ``WorkforceVpcConfig`` takes the VPC away."""
    settings = _settings(source_ip_config, workforce_vpc_config, ip_address_type)
    with missing_is_invalid():
        workforce = store.update_workforce(
            connection,
            context.region,
            workforce_name,
            config=None if oidc_config is None else _sealed(context, oidc_config),
            settings=settings,
            now=context.now,
        )
    return {"Workforce": workforce_view(context, workforce)}


@writes("sagemaker", "DeleteWorkforce")
def delete_workforce(context: RequestContext, connection: Connection, *, workforce_name: str) -> None:
    """Delete a workforce without teams; the user pool stays."""
    with missing_is_invalid():
        store.delete_workforce(connection, context.region, workforce_name)


@reads("sagemaker", "ListWorkforces")
def list_workforces(
    context: RequestContext,
    connection: Connection,
    *,
    sort_by: str = "CreateDate",
    sort_order: str = "Ascending",
    name_contains: str = "",
    next_token: str | None = None,
    max_results: int | None = None,
) -> dict[str, Any]:
    """The private workforce of the region, if there is one. Vendors are not offered."""
    found = [w for w in store.list_workforces(connection, context.region) if name_contains in w.name]
    page = page_of(
        context,
        found,
        key=lambda w: (w.name,) if sort_by == "Name" else (w.created_at, w.name),
        descending=sort_order == "Descending",
        next_token=next_token,
        max_results=max_results,
    )
    return {"Workforces": [workforce_view(context, w) for w in page.items], "NextToken": page.next_token}


def workforce_view(context: RequestContext, workforce: WorkforceRow) -> dict[str, Any]:
    """A workforce as the API shows it."""
    settings = workforce.settings
    config = {key: value for key, value in workforce.config.items() if key != "ClientSecret"}
    return {
        "WorkforceName": workforce.name,
        "WorkforceArn": workforce.arn,
        "LastUpdatedDate": workforce.modified_at,
        "SourceIpConfig": settings.get("SourceIpConfig", {"Cidrs": []}),
        "SubDomain": context.portal_host,
        f"{workforce.kind}Config": config,
        "CreateDate": workforce.created_at,
        "WorkforceVpcConfig": settings.get("WorkforceVpcConfig"),
        "Status": workforce.status,
        "IpAddressType": settings.get("IpAddressType", "ipv4"),
    }


def _settings(
    source_ips: Mapping[str, Any] | None, vpc: Mapping[str, Any] | None, ip_address_type: str | None
) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if source_ips is not None:
        settings["SourceIpConfig"] = dict(source_ips)
    if vpc is not None:
        settings["WorkforceVpcConfig"] = _vpc(vpc)
    if ip_address_type is not None:
        settings["IpAddressType"] = ip_address_type
    return settings


def _vpc(config: Mapping[str, Any]) -> dict[str, Any] | None:
    if not config:
        return None
    missing = [name for name in ("VpcId", "SecurityGroupIds", "Subnets") if not config.get(name)]
    if missing:
        raise InvalidRequest(
            f"WorkforceVpcConfig lacks {', '.join(missing)}; give all three members, or an empty structure "
            "to take "
            "the VPC away.",
            field="WorkforceVpcConfig",
        )
    return {**config, "VpcEndpointId": f"vpce-{secrets.token_hex(8)}"}


def _sealed(context: RequestContext, config: Mapping[str, Any]) -> dict[str, Any]:
    box = SecretBox(context.app.settings.data_dir)
    scope = config.get("Scope") or "openid"
    return {**config, "Scope": scope, "ClientSecret": box.seal(config["ClientSecret"])}
