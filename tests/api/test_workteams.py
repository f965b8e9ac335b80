"""Workforces and work teams, as boto3 sees them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

OIDC = {
    "ClientId": "labeling+portal",
    "ClientSecret": "very-secret-words",
    "Issuer": "https://id.example.org",
    "AuthorizationEndpoint": "https://id.example.org/authorize",
    "TokenEndpoint": "https://id.example.org/token",
    "UserInfoEndpoint": "https://id.example.org/userinfo",
    "LogoutEndpoint": "https://id.example.org/logout",
    "JwksUri": "https://id.example.org/jwks",
}


def refused(code: str, *words: str) -> Any:
    """Expect a ClientError of this code whose message has these words."""
    return pytest.raises(ClientError, match=f"{code}.*{'.*'.join(words)}")


def test_the_life_of_a_cognito_workforce_with_25_teams(sagemaker: Any, cognito: Any, make_pool: Any) -> None:
    pool = make_pool("inspectors")
    made = sagemaker.create_workforce(WorkforceName="plant", CognitoConfig=pool.config)
    assert made["WorkforceArn"] == "arn:aws:sagemaker:eu-west-1:000000000000:workforce/plant"
    workforce = sagemaker.describe_workforce(WorkforceName="plant")["Workforce"]
    assert workforce["Status"] == "Active"
    assert workforce["CognitoConfig"] == pool.config
    assert workforce["SourceIpConfig"] == {"Cidrs": []}
    assert workforce["LastUpdatedDate"] == workforce["CreateDate"]
    assert "OidcConfig" not in workforce

    # The app client now belongs to the portal.
    client = cognito.describe_user_pool_client(UserPoolId=pool.id, ClientId=pool.client_id)["UserPoolClient"]
    assert client["CallbackURLs"] == [
        f"https://{workforce['SubDomain']}",
        f"https://{workforce['SubDomain']}/oauth2/idpresponse",
    ]
    assert client["AllowedOAuthFlows"] == ["code"]

    for number in range(25):
        sagemaker.create_workteam(
            WorkteamName=f"team-{number:02}",
            WorkforceName="plant",
            MemberDefinitions=pool.members("inspectors"),
            Description="Inspectors",
        )
    with refused("ResourceLimitExceeded", "25"):
        sagemaker.create_workteam(
            WorkteamName="team-25", MemberDefinitions=pool.members("inspectors"), Description="One too many"
        )
    with refused("ResourceInUse", "work teams"):
        sagemaker.delete_workforce(WorkforceName="plant")
    for number in range(25):
        assert sagemaker.delete_workteam(WorkteamName=f"team-{number:02}")["Success"] is True
    sagemaker.delete_workforce(WorkforceName="plant")
    with refused("ValidationException", "No workforce found with name plant"):
        sagemaker.describe_workforce(WorkforceName="plant")
    assert cognito.describe_user_pool(UserPoolId=pool.id)["UserPool"]["Name"] == "inspectors"


def test_oidc_workforce_is_changed_only_without_teams_and_never_shows_its_secret(
    sagemaker: Any, served: Any
) -> None:
    sagemaker.create_workforce(WorkforceName="outside", OidcConfig=OIDC)
    shown = sagemaker.describe_workforce(WorkforceName="outside")["Workforce"]
    assert shown["OidcConfig"]["Scope"] == "openid"
    assert "ClientSecret" not in shown["OidcConfig"]
    team = sagemaker.create_workteam(
        WorkteamName="labelers",
        WorkforceName="outside",
        MemberDefinitions=[{"OidcMemberDefinition": {"Groups": ["annotators"]}}],
        Description="From the identity provider",
    )
    changed = {**OIDC, "Issuer": "https://id2.example.org"}
    with refused("ConflictException", "no work teams"):
        sagemaker.update_workforce(WorkforceName="outside", OidcConfig=changed)
    sagemaker.delete_workteam(WorkteamName="labelers")
    workforce = sagemaker.update_workforce(WorkforceName="outside", OidcConfig=changed)["Workforce"]
    assert workforce["OidcConfig"]["Issuer"] == "https://id2.example.org"
    assert team["WorkteamArn"].endswith("workteam/private-crowd/labelers")
    served.app.context.database.read(lambda c: c.exec_driver_sql("select 1"))
    for file in served.data_dir.rglob("*"):
        if file.is_file():
            assert b"very-secret-words" not in file.read_bytes(), file


def test_one_workforce_per_region(sagemaker: Any, served: Any, make_pool: Any) -> None:
    pool = make_pool()
    sagemaker.create_workforce(WorkforceName="first", CognitoConfig=pool.config)
    with refused("ValidationException", "first exists in eu-west-1"):
        sagemaker.create_workforce(WorkforceName="second", OidcConfig=OIDC)
    elsewhere = served.client("sagemaker", region_name="us-west-2")
    elsewhere.create_workforce(WorkforceName="second", OidcConfig=OIDC)
    assert [w["WorkforceName"] for w in elsewhere.list_workforces()["Workforces"]] == ["second"]
    assert [w["WorkforceName"] for w in sagemaker.list_workforces()["Workforces"]] == ["first"]
    assert sagemaker.list_workforces(NameContains="second")["Workforces"] == []


def test_workforce_needs_exactly_one_way_to_sign_in(sagemaker: Any, make_pool: Any) -> None:
    with refused("ValidationException", "Exactly one", "neither"):
        sagemaker.create_workforce(WorkforceName="w")
    with refused("ValidationException", "Exactly one", "both"):
        sagemaker.create_workforce(WorkforceName="w", OidcConfig=OIDC, CognitoConfig=make_pool().config)


def test_workforce_needs_a_client_with_a_secret_in_its_pool(sagemaker: Any, make_pool: Any) -> None:
    without = make_pool(with_secret=False)
    with refused("ValidationException", "no client secret"):
        sagemaker.create_workforce(WorkforceName="w", CognitoConfig=without.config)
    with refused("ValidationException", "does not exist"):
        sagemaker.create_workforce(
            WorkforceName="w", CognitoConfig={"UserPool": "eu-west-1_Nothing11", "ClientId": "x"}
        )
    other = make_pool()
    with refused("ValidationException", "does not exist"):
        sagemaker.create_workforce(
            WorkforceName="w", CognitoConfig={"UserPool": other.id, "ClientId": without.client_id}
        )


def test_source_ips_and_vpc_are_set_and_taken_away(sagemaker: Any, make_pool: Any) -> None:
    vpc = {"VpcId": "vpc-1a2b", "SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    sagemaker.create_workforce(
        WorkforceName="w",
        CognitoConfig=make_pool().config,
        SourceIpConfig={"Cidrs": ["10.0.0.0/8", "2001:db8::/32"]},
        WorkforceVpcConfig=vpc,
    )
    shown = sagemaker.describe_workforce(WorkforceName="w")["Workforce"]
    assert shown["SourceIpConfig"] == {"Cidrs": ["10.0.0.0/8", "2001:db8::/32"]}
    assert shown["WorkforceVpcConfig"]["VpcEndpointId"].startswith("vpce-")
    assert shown["IpAddressType"] == "ipv4"
    shown = sagemaker.update_workforce(
        WorkforceName="w", SourceIpConfig={"Cidrs": []}, WorkforceVpcConfig={}, IpAddressType="dualstack"
    )["Workforce"]
    assert shown["SourceIpConfig"] == {"Cidrs": []}
    assert "WorkforceVpcConfig" not in shown
    assert shown["IpAddressType"] == "dualstack"
    assert shown["LastUpdatedDate"] > shown["CreateDate"]
    for cidr in ("10.0.0.1", "10.0.0.0/33", "words"):
        with refused("ValidationException", "Cidrs", cidr):
            sagemaker.update_workforce(WorkforceName="w", SourceIpConfig={"Cidrs": [cidr]})
    with refused("ValidationException", "at most 10"):
        sagemaker.update_workforce(WorkforceName="w", SourceIpConfig={"Cidrs": ["10.0.0.0/8"] * 11})
    with refused("ValidationException", "SecurityGroupIds"):
        sagemaker.update_workforce(WorkforceName="w", WorkforceVpcConfig={"VpcId": "vpc-1"})
    with refused("ValidationException", "OidcConfig"):
        sagemaker.update_workforce(WorkforceName="w", OidcConfig=OIDC)


def test_forty_at_once_make_twenty_five_teams(sagemaker: Any, make_pool: Any) -> None:
    pool = make_pool("a")

    def create(number: int) -> str:
        try:
            sagemaker.create_workteam(
                WorkteamName=f"t{number}", MemberDefinitions=pool.members("a"), Description="d"
            )
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "made"

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(create, range(40)))
    assert sorted(outcomes) == ["ResourceLimitExceeded"] * 15 + ["made"] * 25


def test_first_team_of_a_pool_brings_the_default_workforce(sagemaker: Any, make_pool: Any) -> None:
    pool = make_pool("a")
    sagemaker.create_workteam(WorkteamName="t", MemberDefinitions=pool.members("a"), Description="d")
    workforce = sagemaker.describe_workforce(WorkforceName="default")["Workforce"]
    assert workforce["CognitoConfig"] == pool.config
    team = sagemaker.describe_workteam(WorkteamName="t")["Workteam"]
    assert team["WorkforceArn"] == workforce["WorkforceArn"]
    assert team["SubDomain"] == workforce["SubDomain"]
    assert "://" not in team["SubDomain"]


def test_description_of_a_team(sagemaker: Any, make_pool: Any) -> None:
    pool = make_pool("a", "b")
    topic = "arn:aws:sns:eu-west-1:000000000000:jobs"
    sagemaker.create_workteam(
        WorkteamName="night-shift",
        MemberDefinitions=pool.members("a"),
        Description="At night",
        NotificationConfiguration={"NotificationTopicArn": topic},
        Tags=[{"Key": "shift", "Value": "night"}],
    )
    team = sagemaker.describe_workteam(WorkteamName="night-shift")["Workteam"]
    assert team["MemberDefinitions"] == pool.members("a")
    assert team["NotificationConfiguration"] == {"NotificationTopicArn": topic}
    assert team["WorkerAccessConfiguration"] == {
        "S3Presign": {"IamPolicyConstraints": {"SourceIp": "Disabled", "VpcSourceIp": "Disabled"}}
    }
    assert sagemaker.list_tags(ResourceArn=team["WorkteamArn"])["Tags"] == [
        {"Key": "shift", "Value": "night"}
    ]
    changed = sagemaker.update_workteam(
        WorkteamName="night-shift",
        MemberDefinitions=pool.members("b"),
        NotificationConfiguration={"NotificationTopicArn": ""},
        WorkerAccessConfiguration={"S3Presign": {"IamPolicyConstraints": {"SourceIp": "Enabled"}}},
    )["Workteam"]
    assert changed["MemberDefinitions"] == pool.members("b")
    assert changed["Description"] == "At night"
    assert changed["NotificationConfiguration"] == {}
    constraints = changed["WorkerAccessConfiguration"]["S3Presign"]["IamPolicyConstraints"]
    assert constraints == {"SourceIp": "Enabled", "VpcSourceIp": "Disabled"}


def test_members_must_fit_the_workforce(sagemaker: Any, make_pool: Any) -> None:
    pool, other = make_pool("a"), make_pool("a")
    sagemaker.create_workforce(WorkforceName="w", CognitoConfig=pool.config)

    def create(members: list[dict[str, Any]]) -> None:
        sagemaker.create_workteam(WorkteamName="t", MemberDefinitions=members, Description="d")

    with refused("ValidationException", "OidcMemberDefinition"):
        create([*pool.members("a"), {"OidcMemberDefinition": {"Groups": ["g"]}}])
    with refused("ValidationException", "Oidc.*Cognito"):
        create([{"OidcMemberDefinition": {"Groups": ["g"]}}])
    with refused("ValidationException", "UserPool", pool.id):
        create(other.members("a"))
    with refused("ValidationException", "UserGroup", "missing"):
        create(pool.members("missing"))
    with refused("ValidationException", "neither"):
        create([{}])
    with refused("ValidationException", "exactly one"):
        create([{**pool.members("a")[0], "OidcMemberDefinition": {"Groups": ["g"]}}])


def test_missing_and_double_teams(sagemaker: Any, make_pool: Any) -> None:
    pool = make_pool("a")
    for call in ("describe_workteam", "update_workteam", "delete_workteam"):
        with refused("ValidationException", "The work team night-shift does not exist"):
            getattr(sagemaker, call)(WorkteamName="night-shift")
    with refused("ValidationException", "No workforce found with name nobody"):
        sagemaker.create_workteam(
            WorkteamName="t", WorkforceName="nobody", MemberDefinitions=pool.members("a"), Description="d"
        )
    sagemaker.create_workteam(WorkteamName="t", MemberDefinitions=pool.members("a"), Description="d")
    with refused("ResourceInUse", "already exists"):
        sagemaker.create_workteam(WorkteamName="t", MemberDefinitions=pool.members("a"), Description="d")


def test_teams_are_listed_sorted_filtered_and_in_pages(sagemaker: Any, make_pool: Any) -> None:
    pool = make_pool("a")
    names = [f"{letter}-team" for letter in "zyxwvutsrqpon"]
    for name in names:
        sagemaker.create_workteam(WorkteamName=name, MemberDefinitions=pool.members("a"), Description="d")

    def listed(**query: Any) -> list[str]:
        pages = sagemaker.get_paginator("list_workteams").paginate(**query)
        return [team["WorkteamName"] for page in pages for team in page["Workteams"]]

    assert listed() == names  # by creation
    assert listed(SortOrder="Descending", PaginationConfig={"PageSize": 4}) == names[::-1]
    assert listed(SortBy="Name", PaginationConfig={"PageSize": 5}) == sorted(names)
    assert listed(NameContains="q-t") == ["q-team"]
    first = sagemaker.list_workteams()
    assert len(first["Workteams"]) == 10
    second = sagemaker.list_workteams(NextToken=first["NextToken"])
    assert len(second["Workteams"]) == 3
    assert "NextToken" not in second
    for query in ({"SortBy": "Name"}, {"NameContains": "team"}):
        with refused("ValidationException", "NextToken"):
            sagemaker.list_workteams(NextToken=first["NextToken"], **query)
    with refused("ValidationException", "NextToken"):
        sagemaker.list_workteams(NextToken="made-up")
    with refused("ValidationException", "NextToken"):
        sagemaker.list_workforces(NextToken=first["NextToken"])


def test_nobody_is_subscribed_to_vendors(sagemaker: Any) -> None:
    assert sagemaker.list_subscribed_workteams()["SubscribedWorkteams"] == []
    with refused("ValidationException", "does not exist"):
        sagemaker.describe_subscribed_workteam(
            WorkteamArn="arn:aws:sagemaker:eu-west-1:123456789012:workteam/vendor-crowd/x"
        )
