"""The built-in user directory, as a script that used Amazon Cognito sees it."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(code: str, words: str = "") -> Any:
    """Expect a ClientError of this code whose message has these words."""
    return pytest.raises(ClientError, match=f"\\({code}\\).*{words}")


@pytest.fixture
def pool(make_pool: Any) -> str:
    """A pool with two groups."""
    pool_id: str = make_pool("day", "night").id
    return pool_id


def attributes(user: dict[str, Any], key: str = "Attributes") -> dict[str, str]:
    return {a["Name"]: a["Value"] for a in user[key]}


def mails(served: Any) -> list[Any]:
    """The mails written so far, in the order of writing."""
    files = sorted(served.data_dir.glob("outbox/*.eml"), key=lambda p: p.stat().st_mtime_ns)
    return [message_from_bytes(file.read_bytes(), policy=default) for file in files]


def test_pool_shows_what_was_set_and_the_defaults(cognito: Any) -> None:
    made = cognito.create_user_pool(
        PoolName="inspectors",
        Policies={"PasswordPolicy": {"MinimumLength": 12, "RequireSymbols": False}},
        UsernameAttributes=["email"],
        UserPoolTags={"plant": "north"},
    )["UserPool"]
    assert re.fullmatch(r"eu-west-1_[0-9a-zA-Z]{9}", made["Id"])
    shown = cognito.describe_user_pool(UserPoolId=made["Id"])["UserPool"]
    assert shown == made
    assert shown["Arn"] == f"arn:aws:cognito-idp:eu-west-1:000000000000:userpool/{made['Id']}"
    assert shown["Policies"]["PasswordPolicy"] == {
        "MinimumLength": 12,
        "RequireUppercase": True,
        "RequireLowercase": True,
        "RequireNumbers": True,
        "RequireSymbols": False,
        "TemporaryPasswordValidityDays": 7,
    }
    assert shown["EstimatedNumberOfUsers"] == 0
    cognito.update_user_pool(UserPoolId=made["Id"], MfaConfiguration="OPTIONAL", PoolName="renamed")
    shown = cognito.describe_user_pool(UserPoolId=made["Id"])["UserPool"]
    assert (shown["Name"], shown["MfaConfiguration"]) == ("renamed", "OPTIONAL")
    assert shown["UsernameAttributes"] == ["email"]  # fixed at creation
    assert shown["Policies"]["PasswordPolicy"]["MinimumLength"] == 8  # not given: back to its default


def test_pools_are_listed_in_pages(cognito: Any) -> None:
    ids = [cognito.create_user_pool(PoolName=f"p{n}")["UserPool"]["Id"] for n in range(5)]
    pages = cognito.get_paginator("list_user_pools").paginate(PaginationConfig={"PageSize": 2})
    assert [p["Id"] for page in pages for p in page["UserPools"]] == ids
    cognito.delete_user_pool(UserPoolId=ids[0])
    with refused("ResourceNotFoundException", ids[0]):
        cognito.describe_user_pool(UserPoolId=ids[0])


def test_app_clients(cognito: Any, pool: str) -> None:
    made = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="second", GenerateSecret=True, ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"]
    )["UserPoolClient"]
    assert len(made["ClientSecret"]) >= 24
    key = {"UserPoolId": pool, "ClientId": made["ClientId"]}
    assert cognito.describe_user_pool_client(**key)["UserPoolClient"] == made
    changed = cognito.update_user_pool_client(**key, CallbackURLs=["https://a.example"])["UserPoolClient"]
    assert changed["CallbackURLs"] == ["https://a.example"]
    assert changed["ClientSecret"] == made["ClientSecret"]
    names = [c["ClientName"] for c in cognito.list_user_pool_clients(UserPoolId=pool)["UserPoolClients"]]
    assert names == ["portal", "second"]
    cognito.delete_user_pool_client(**key)
    with refused("ResourceNotFoundException", made["ClientId"]):
        cognito.describe_user_pool_client(**key)


def test_domains(cognito: Any, pool: str) -> None:
    cognito.create_user_pool_domain(UserPoolId=pool, Domain="plant-north")
    described = cognito.describe_user_pool_domain(Domain="plant-north")["DomainDescription"]
    assert (described["UserPoolId"], described["Status"]) == (pool, "ACTIVE")
    assert cognito.describe_user_pool(UserPoolId=pool)["UserPool"]["Domain"] == "plant-north"
    with refused("InvalidParameterException", "already"):
        cognito.create_user_pool_domain(UserPoolId=pool, Domain="plant-north")
    with refused("InvalidParameterException", "domain"):
        cognito.delete_user_pool(UserPoolId=pool)
    cognito.delete_user_pool_domain(UserPoolId=pool, Domain="plant-north")
    assert cognito.describe_user_pool_domain(Domain="plant-north")["DomainDescription"] == {}


def test_groups(cognito: Any, pool: str) -> None:
    group = cognito.create_group(UserPoolId=pool, GroupName="größe", Description="d", Precedence=3)["Group"]
    assert cognito.get_group(UserPoolId=pool, GroupName="größe")["Group"] == group
    with refused("GroupExistsException", "größe"):
        cognito.create_group(UserPoolId=pool, GroupName="größe")
    groups = [g["GroupName"] for g in cognito.list_groups(UserPoolId=pool)["Groups"]]
    assert groups == ["day", "größe", "night"]
    cognito.delete_group(UserPoolId=pool, GroupName="größe")
    with refused("ResourceNotFoundException", "größe"):
        cognito.get_group(UserPoolId=pool, GroupName="größe")


def test_group_that_backs_a_team_stays(cognito: Any, sagemaker: Any, make_pool: Any) -> None:
    pool = make_pool("a")
    sagemaker.create_workteam(WorkteamName="t", MemberDefinitions=pool.members("a"), Description="d")
    with refused("InvalidParameterException", "workteam/private-crowd/t"):
        cognito.delete_group(UserPoolId=pool.id, GroupName="a")
    with refused("InvalidParameterException", "workforce default"):
        cognito.delete_user_pool(UserPoolId=pool.id)
    sagemaker.delete_workteam(WorkteamName="t")
    cognito.delete_group(UserPoolId=pool.id, GroupName="a")


def test_invitation_holds_a_temporary_password_that_fits_the_policy(
    cognito: Any, served: Any, pool: str
) -> None:
    user = cognito.admin_create_user(
        UserPoolId=pool, Username="ana", UserAttributes=[{"Name": "email", "Value": "Ana@x.org"}]
    )["User"]
    assert user["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    assert user["Enabled"] is True
    assert attributes(user)["email"] == "Ana@x.org"
    (mail,) = mails(served)
    assert mail["To"] == "Ana@x.org"
    text = mail.get_content()
    assert f"{served.url}/portal" in text
    first = re.search(r"Temporary password\s+(\S+)", text)
    assert first is not None

    cognito.admin_create_user(UserPoolId=pool, Username="ana", MessageAction="RESEND")
    second = re.search(r"Temporary password\s+(\S+)", mails(served)[1].get_content())
    assert second is not None
    assert second.group(1) != first.group(1)

    cognito.admin_set_user_password(UserPoolId=pool, Username="ana", Password="Abc-12345", Permanent=True)
    assert cognito.admin_get_user(UserPoolId=pool, Username="ana")["UserStatus"] == "CONFIRMED"
    with refused("UnsupportedUserStateException", "CONFIRMED"):
        cognito.admin_create_user(UserPoolId=pool, Username="ana", MessageAction="RESEND")


def test_invitation_uses_the_pools_own_text(cognito: Any, served: Any) -> None:
    def create(body: str) -> str:
        template = {"EmailMessage": body, "EmailSubject": "Welcome"}
        config = {"InviteMessageTemplate": template}
        pool_id: str = cognito.create_user_pool(
            PoolName="p", AdminCreateUserConfig=config, UsernameAttributes=["email"]
        )["UserPool"]["Id"]
        return pool_id

    with refused("InvalidParameterException", "{username}"):
        create("Your password is {####}")
    pool = create("Hello {username}, your password is {####}")
    cognito.admin_create_user(UserPoolId=pool, Username="ana@x.org", TemporaryPassword="Abc-12345")
    (mail,) = mails(served)
    assert mail["Subject"] == "Welcome"
    assert mail.get_content().strip() == "Hello ana@x.org, your password is Abc-12345"


def test_suppressed_and_impossible_invitations(cognito: Any, served: Any, pool: str) -> None:
    email = [{"Name": "email", "Value": "ana@x.org"}]
    cognito.admin_create_user(UserPoolId=pool, Username="ana", UserAttributes=email, MessageAction="SUPPRESS")
    assert mails(served) == []
    with refused("InvalidParameterException"):
        cognito.admin_create_user(
            UserPoolId=pool, Username="bob", UserAttributes=[{"Name": "email", "Value": "bob@x\r\nBcc: y"}]
        )
    with refused("UserNotFoundException", "bob"):
        cognito.admin_get_user(UserPoolId=pool, Username="bob")


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("Ab-1", "long enough"),
        ("abc-12345", "uppercase"),
        ("ABC-12345", "lowercase"),
        ("Abc-defgh", "numeric"),
        ("Abc12345", "symbol"),
    ],
)
def test_password_policy(cognito: Any, pool: str, password: str, rule: str) -> None:
    with pytest.raises(ClientError, match=f"InvalidPasswordException.*{rule}") as caught:
        cognito.admin_create_user(UserPoolId=pool, Username="ana", TemporaryPassword=password)
    assert password not in str(caught.value)


def test_user_names_are_unique_and_compared_with_case(cognito: Any, pool: str) -> None:
    for name in ("Ana@x.org", "ana@x.org"):
        cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    with refused("UsernameExistsException", "Ana@x.org"):
        cognito.admin_create_user(UserPoolId=pool, Username="Ana@x.org", MessageAction="SUPPRESS")
    user = cognito.admin_get_user(UserPoolId=pool, Username="ana@x.org")
    assert user["Username"] == "ana@x.org"
    by_sub = cognito.admin_get_user(UserPoolId=pool, Username=attributes(user, "UserAttributes")["sub"])
    assert by_sub["Username"] == "ana@x.org"


def test_membership(cognito: Any, pool: str) -> None:
    for name in ("ana", "bob"):
        cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName="day")
    cognito.admin_add_user_to_group(UserPoolId=pool, Username="ana", GroupName="day")  # twice is fine
    cognito.admin_add_user_to_group(UserPoolId=pool, Username="ana", GroupName="night")
    groups = cognito.admin_list_groups_for_user(UserPoolId=pool, Username="ana")["Groups"]
    assert [g["GroupName"] for g in groups] == ["day", "night"]
    cognito.admin_remove_user_from_group(UserPoolId=pool, Username="bob", GroupName="day")
    users = cognito.list_users_in_group(UserPoolId=pool, GroupName="day")["Users"]
    assert [u["Username"] for u in users] == ["ana"]
    with refused("ResourceNotFoundException", "evening"):
        cognito.admin_add_user_to_group(UserPoolId=pool, Username="ana", GroupName="evening")
    with refused("UserNotFoundException", "carl"):
        cognito.admin_add_user_to_group(UserPoolId=pool, Username="carl", GroupName="day")


def test_only_disabled_users_are_deleted(cognito: Any, pool: str) -> None:
    cognito.admin_create_user(UserPoolId=pool, Username="ana", MessageAction="SUPPRESS")
    with refused("InvalidParameterException", "disable"):
        cognito.admin_delete_user(UserPoolId=pool, Username="ana")
    cognito.admin_disable_user(UserPoolId=pool, Username="ana")
    assert cognito.admin_get_user(UserPoolId=pool, Username="ana")["Enabled"] is False
    cognito.admin_enable_user(UserPoolId=pool, Username="ana")
    assert cognito.admin_get_user(UserPoolId=pool, Username="ana")["Enabled"] is True
    cognito.admin_disable_user(UserPoolId=pool, Username="ana")
    cognito.admin_delete_user(UserPoolId=pool, Username="ana")
    with refused("UserNotFoundException", "ana"):
        cognito.admin_get_user(UserPoolId=pool, Username="ana")


def test_users_are_filtered_and_listed_in_pages(cognito: Any, pool: str) -> None:
    for n in range(7):
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=f"user{n}",
            UserAttributes=[{"Name": "email", "Value": f"u{n}@x.org"}, {"Name": "name", "Value": 'A "B"'}],
            MessageAction="SUPPRESS",
        )
    cognito.admin_disable_user(UserPoolId=pool, Username="user3")

    def names(**query: Any) -> list[str]:
        pages = cognito.get_paginator("list_users").paginate(UserPoolId=pool, **query)
        return [user["Username"] for page in pages for user in page["Users"]]

    assert names(PaginationConfig={"PageSize": 3}) == [f"user{n}" for n in range(7)]
    assert names(Filter='username ^= "user"', PaginationConfig={"PageSize": 2}) == names()
    assert names(Filter='email = "u5@x.org"') == ["user5"]
    assert names(Filter='"email" = "u"') == []
    assert names(Filter='status = "Disabled"') == ["user3"]
    assert names(Filter=r'name = "A \"B\""') == names()
    assert len(names(Filter='cognito:user_status = "FORCE_CHANGE_PASSWORD"')) == 7
    some = cognito.list_users(UserPoolId=pool, AttributesToGet=["email"], Limit=1)["Users"]
    assert [a["Name"] for a in some[0]["Attributes"]] == ["email"]
    for wrong in ("email", 'shoe = "9"', 'email like "x"'):
        with refused("InvalidParameterException", "filter"):
            cognito.list_users(UserPoolId=pool, Filter=wrong)


def test_constraints_use_cognitos_code(cognito: Any, pool: str) -> None:
    with refused("InvalidParameterException", "1 validation error detected: Value 'no pool' at 'userPoolId'"):
        cognito.describe_user_pool(UserPoolId="no pool")
    with refused("InvalidParameterException", "Value at 'temporaryPassword' failed") as caught:
        cognito.admin_create_user(UserPoolId=pool, Username="ana", TemporaryPassword="with blank 1A-")
    assert "with blank" not in str(caught.value)
    assert cognito.list_identity_providers(UserPoolId=pool)["Providers"] == []
