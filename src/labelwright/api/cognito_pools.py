"""User pools, app clients and domains of the built-in directory, in the words of Amazon Cognito.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPool.html and its
neighbours. Differences: only what labeling workforces need has an effect, namely the password policy and the
invitation texts; the other settings are kept and shown.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import reads, writes
from labelwright.api.paging import page_of
from labelwright.config import ACCOUNT_ID
from labelwright.errors import InvalidRequest
from labelwright.store import directory, user_pools
from labelwright.store.user_pools import ClientRow, PoolRow

__all__ = ["MAX_PAGE", "pool_arn"]

MAX_PAGE = 60
"""Page size of Cognito's lists when the limit is absent or 0."""

# Can only be given at creation; an update does not mention them and must not lose them.
_FIXED = ("Schema", "AliasAttributes", "UsernameAttributes", "UsernameConfiguration")


def pool_arn(pool_id: str) -> str:
    """The ARN of a user pool."""
    region = pool_id.rpartition("_")[0]
    return f"arn:aws:cognito-idp:{region}:{ACCOUNT_ID}:userpool/{pool_id}"


@writes("cognito-idp", "CreateUserPool")
def create_user_pool(
    context: RequestContext, connection: Connection, *, pool_name: str, **settings: Any
) -> dict[str, Any]:
    """A new, empty user pool."""
    given = {k: v for k, v in context.parameters.items() if k != "PoolName"}
    _check_invitation(given)
    pool = user_pools.create_pool(
        connection, region=context.region, name=pool_name, settings=given, now=context.now
    )
    return {"UserPool": _pool_view(connection, pool)}


@reads("cognito-idp", "DescribeUserPool")
def describe_user_pool(
    context: RequestContext, connection: Connection, *, user_pool_id: str
) -> dict[str, Any]:
    """One user pool with its settings."""
    return {"UserPool": _pool_view(connection, user_pools.get_pool(connection, user_pool_id))}


@writes("cognito-idp", "UpdateUserPool")
def update_user_pool(
    context: RequestContext,
    connection: Connection,
    *,
    user_pool_id: str,
    pool_name: str | None = None,
    **settings: Any,
) -> None:
    """Replace the settings; as in Cognito, what is not given goes back to its default."""
    pool = user_pools.get_pool(connection, user_pool_id)
    given = {k: v for k, v in context.parameters.items() if k not in ("UserPoolId", "PoolName")}
    _check_invitation(given)
    kept = {k: pool.settings[k] for k in _FIXED if k in pool.settings}
    user_pools.update_pool(
        connection, user_pool_id, settings={**given, **kept}, name=pool_name, now=context.now
    )


@writes("cognito-idp", "DeleteUserPool")
def delete_user_pool(context: RequestContext, connection: Connection, *, user_pool_id: str) -> None:
    """Delete a pool with its users; refused while a workforce or a domain uses it."""
    pool = user_pools.get_pool(connection, user_pool_id)
    if pool.settings.get("DeletionProtection") == "ACTIVE":
        raise InvalidRequest(
            "The user pool cannot be deleted because deletion protection is activated. Deactivate it with "
            "UpdateUserPool first.",
            field="UserPoolId",
            value=user_pool_id,
        )
    user_pools.delete_pool(connection, user_pool_id)


@reads("cognito-idp", "ListUserPools")
def list_user_pools(
    context: RequestContext, connection: Connection, *, max_results: int, next_token: str | None = None
) -> dict[str, Any]:
    """The pools of the region, oldest first."""
    page = page_of(
        context,
        user_pools.list_pools(connection, context.region),
        key=lambda p: (p.created_at, p.id),
        max_results=max_results,
        next_token=next_token,
    )
    described = [
        {"Id": p.id, "Name": p.name, "CreationDate": p.created_at, "LastModifiedDate": p.modified_at}
        for p in page.items
    ]
    return {"UserPools": described, "NextToken": page.next_token}


@writes("cognito-idp", "CreateUserPoolClient")
def create_user_pool_client(
    context: RequestContext,
    connection: Connection,
    *,
    user_pool_id: str,
    client_name: str,
    generate_secret: bool = False,
    **settings: Any,
) -> dict[str, Any]:
    """A new app client; a workforce needs one with a secret."""
    client = user_pools.create_client(
        connection,
        pool_id=user_pool_id,
        name=client_name,
        with_secret=generate_secret,
        settings=_client_settings(context),
        now=context.now,
    )
    return {"UserPoolClient": _client_view(client)}


@reads("cognito-idp", "DescribeUserPoolClient")
def describe_user_pool_client(
    context: RequestContext, connection: Connection, *, user_pool_id: str, client_id: str
) -> dict[str, Any]:
    """One app client, with its secret."""
    return {"UserPoolClient": _client_view(user_pools.get_client(connection, user_pool_id, client_id))}


@writes("cognito-idp", "UpdateUserPoolClient")
def update_user_pool_client(
    context: RequestContext,
    connection: Connection,
    *,
    user_pool_id: str,
    client_id: str,
    client_name: str | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Replace the settings of an app client."""
    client = user_pools.update_client(
        connection,
        user_pool_id,
        client_id,
        settings=_client_settings(context),
        name=client_name,
        now=context.now,
    )
    return {"UserPoolClient": _client_view(client)}


@reads("cognito-idp", "ListUserPoolClients")
def list_user_pool_clients(
    context: RequestContext,
    connection: Connection,
    *,
    user_pool_id: str,
    max_results: int | None = None,
    next_token: str | None = None,
    client_type: str = "REGULAR",
) -> dict[str, Any]:
    """The app clients of a pool, oldest first."""
    clients = user_pools.list_clients(connection, user_pool_id) if client_type == "REGULAR" else []
    page = page_of(
        context,
        clients,
        key=lambda c: (c.created_at, c.id),
        max_results=max_results,
        next_token=next_token,
        default=MAX_PAGE,
    )
    described = [{"ClientId": c.id, "UserPoolId": c.pool_id, "ClientName": c.name} for c in page.items]
    return {"UserPoolClients": described, "NextToken": page.next_token}


@writes("cognito-idp", "DeleteUserPoolClient")
def delete_user_pool_client(
    context: RequestContext, connection: Connection, *, user_pool_id: str, client_id: str
) -> None:
    """Delete an app client."""
    user_pools.delete_client(connection, user_pool_id, client_id)


@writes("cognito-idp", "CreateUserPoolDomain")
def create_user_pool_domain(
    context: RequestContext, connection: Connection, *, user_pool_id: str, domain: str, **settings: Any
) -> dict[str, Any]:
    """Reserve a domain prefix for a pool. Workers sign in at the portal, whatever it is."""
    user_pools.create_domain(connection, pool_id=user_pool_id, domain=domain)
    return {}


@reads("cognito-idp", "DescribeUserPoolDomain")
def describe_user_pool_domain(
    context: RequestContext, connection: Connection, *, domain: str
) -> dict[str, Any]:
    """The pool of a domain; an empty description when nobody has it, as in Cognito."""
    pool_id = user_pools.get_domain(connection, domain)
    if pool_id is None:
        return {"DomainDescription": {}}
    description = {
        "UserPoolId": pool_id,
        "AWSAccountId": ACCOUNT_ID,
        "Domain": domain,
        "Status": "ACTIVE",
    }
    return {"DomainDescription": description}


@writes("cognito-idp", "DeleteUserPoolDomain")
def delete_user_pool_domain(
    context: RequestContext, connection: Connection, *, user_pool_id: str, domain: str
) -> None:
    """Take the domain away from a pool."""
    user_pools.delete_domain(connection, pool_id=user_pool_id, domain=domain)


@reads("cognito-idp", "ListIdentityProviders")
def list_identity_providers(
    context: RequestContext,
    connection: Connection,
    *,
    user_pool_id: str,
    max_results: int | None = None,
    next_token: str | None = None,
) -> dict[str, Any]:
    """Identity providers behind a pool: none, our directory signs its users in itself."""
    user_pools.get_pool(connection, user_pool_id)
    nothing: list[dict[str, Any]] = []
    page_of(context, nothing, key=lambda _: (), next_token=next_token)
    return {"Providers": nothing}


def _pool_view(connection: Connection, pool: PoolRow) -> dict[str, Any]:
    settings = dict(pool.settings)
    schema = settings.pop("Schema", None)
    policies = settings.pop("Policies", {})
    return {
        "DeletionProtection": "INACTIVE",
        "LambdaConfig": {},
        "MfaConfiguration": "OFF",
        "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": False, "UnusedAccountValidityDays": 7},
        **settings,
        "Id": pool.id,
        "Name": pool.name,
        "Arn": pool_arn(pool.id),
        "Policies": {**policies, "PasswordPolicy": pool.password_policy},
        "SchemaAttributes": schema,
        "CreationDate": pool.created_at,
        "LastModifiedDate": pool.modified_at,
        "EstimatedNumberOfUsers": directory.count_users(connection, pool.id),
        "Domain": user_pools.pool_domain(connection, pool.id),
    }


def _client_settings(context: RequestContext) -> dict[str, Any]:
    apart = ("UserPoolId", "ClientId", "ClientName", "GenerateSecret", "ClientSecret")
    return {k: v for k, v in context.parameters.items() if k not in apart and not k.startswith("Publish")}


def _client_view(client: ClientRow) -> dict[str, Any]:
    return {
        "RefreshTokenValidity": 30,
        "AllowedOAuthFlowsUserPoolClient": False,
        "EnableTokenRevocation": True,
        **client.settings,
        "UserPoolId": client.pool_id,
        "ClientName": client.name,
        "ClientId": client.id,
        "ClientSecret": client.secret,
        "CreationDate": client.created_at,
        "LastModifiedDate": client.modified_at,
    }


def _check_invitation(settings: dict[str, Any]) -> None:
    template = settings.get("AdminCreateUserConfig", {}).get("InviteMessageTemplate", {})
    body = template.get("EmailMessage")
    if body is not None and ("{username}" not in body or "{####}" not in body):
        raise InvalidRequest(
            "AdminCreateUserConfig.InviteMessageTemplate.EmailMessage must contain {username} and {####}, "
            "the places "
            "of the user name and of the temporary password.",
            field="AdminCreateUserConfig.InviteMessageTemplate.EmailMessage",
        )
