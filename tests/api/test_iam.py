"""IAM and STS, as far as clients ask them before they train."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_the_callers_role_can_be_looked_up(served: Any) -> None:
    sts, iam = served.client("sts"), served.client("iam")
    arn = sts.get_caller_identity()["Arn"]
    name = arn.split("/")[1]
    role = iam.get_role(RoleName=name)["Role"]
    assert role["Arn"] == f"arn:aws:iam::000000000000:role/{name}"
    trust = role["AssumeRolePolicyDocument"]["Statement"][0]
    assert "sagemaker.amazonaws.com" in trust["Principal"]["Service"]
    assert [r["RoleName"] for r in iam.list_roles()["Roles"]] == [name]
    assert sts.assume_role(RoleArn=role["Arn"], RoleSessionName="me")["AssumedRoleUser"]["Arn"].endswith(
        "/me"
    )


def test_a_script_makes_the_role_of_its_function(served: Any) -> None:
    iam = served.client("iam")
    policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    role = iam.create_role(RoleName="gt", Path="/service-role/", AssumeRolePolicyDocument="{}")["Role"]
    assert role["Arn"] == "arn:aws:iam::000000000000:role/service-role/gt"
    iam.attach_role_policy(RoleName="gt", PolicyArn=policy)
    iam.put_role_policy(RoleName="gt", PolicyName="s3", PolicyDocument="{}")
    assert iam.get_role(RoleName="gt")["Role"]["RoleName"] == "gt"
    iam.delete_role_policy(RoleName="gt", PolicyName="s3")
    iam.detach_role_policy(RoleName="gt", PolicyArn=policy)
    iam.delete_role(RoleName="gt")


def test_roles_may_do_everything(served: Any) -> None:
    results = served.client("iam").simulate_principal_policy(
        PolicySourceArn="arn:aws:iam::000000000000:role/service-role/Any",
        ActionNames=["s3:PutObject", "s3:GetObject"],
        ResourceArns=["arn:aws:s3:::bucket/*"],
    )["EvaluationResults"]
    assert [(r["EvalActionName"], r["EvalResourceName"], r["EvalDecision"]) for r in results] == [
        ("s3:PutObject", "arn:aws:s3:::bucket/*", "allowed"),
        ("s3:GetObject", "arn:aws:s3:::bucket/*", "allowed"),
    ]


def test_refusals_have_the_names_of_the_service(served: Any) -> None:
    iam = served.client("iam")
    with pytest.raises(ClientError) as caught:
        iam.simulate_principal_policy(
            PolicySourceArn="arn:aws:s3:::not-a-role-at-all", ActionNames=["s3:Get"]
        )
    assert caught.value.response["Error"]["Code"] == "NoSuchEntity"
    with pytest.raises(ClientError) as caught:
        iam.get_role(RoleName="spaces are not allowed")
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError) as caught:
        iam.create_user(UserName="u")
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
