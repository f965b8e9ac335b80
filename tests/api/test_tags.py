"""Tags, as boto3 sees them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def arn(sagemaker: Any, make_pool: Any) -> str:
    """Something with an ARN."""
    made: str = sagemaker.create_workforce(WorkforceName="w", CognitoConfig=make_pool().config)[
        "WorkforceArn"
    ]
    return made


def tag(key: str, value: str = "v") -> dict[str, str]:
    return {"Key": key, "Value": value}


def test_tags_are_added_changed_and_deleted(sagemaker: Any, arn: str) -> None:
    assert sagemaker.add_tags(ResourceArn=arn, Tags=[tag("a"), tag("größe", "5 m²".replace("²", "2"))])[
        "Tags"
    ]
    assert sagemaker.add_tags(ResourceArn=arn, Tags=[tag("a", "new"), tag("b")])["Tags"] == [
        tag("a", "new"),
        tag("größe", "5 m2"),
        tag("b"),
    ]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a", "not there"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [tag("größe", "5 m2"), tag("b")]


def test_rules_about_tags(sagemaker: Any, arn: str) -> None:
    sagemaker.add_tags(ResourceArn=arn, Tags=[tag(f"k{n}") for n in range(50)])
    with pytest.raises(ClientError, match=r"ResourceLimitExceeded.*at most 50"):
        sagemaker.add_tags(ResourceArn=arn, Tags=[tag("one-more")])
    with pytest.raises(ClientError, match=r"ValidationException.*'k1' is given twice"):
        sagemaker.add_tags(ResourceArn=arn, Tags=[tag("k1"), tag("k1")])
    with pytest.raises(ClientError, match=r"ValidationException.*aws:"):
        sagemaker.add_tags(ResourceArn=arn, Tags=[tag("aws:x")])
    with pytest.raises(ClientError, match=r"ValidationException.*'tags\.1\.member\.key'.*regular expression"):
        sagemaker.add_tags(ResourceArn=arn, Tags=[tag("a!")])
    assert len(sagemaker.list_tags(ResourceArn=arn)["Tags"]) == 50


def test_unknown_resource_is_refused(sagemaker: Any, arn: str) -> None:
    unknown = f"{arn}-other"
    for call in (
        lambda: sagemaker.add_tags(ResourceArn=unknown, Tags=[tag("a")]),
        lambda: sagemaker.list_tags(ResourceArn=unknown),
        lambda: sagemaker.delete_tags(ResourceArn=unknown, TagKeys=["a"]),
    ):
        with pytest.raises(ClientError, match=r"ResourceNotFound.*does not exist"):
            call()


def test_tags_go_with_their_resource(sagemaker: Any, arn: str, make_pool: Any) -> None:
    sagemaker.add_tags(ResourceArn=arn, Tags=[tag("a")])
    sagemaker.delete_workforce(WorkforceName="w")
    assert (
        sagemaker.create_workforce(WorkforceName="w", CognitoConfig=make_pool().config)["WorkforceArn"] == arn
    )
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == []
