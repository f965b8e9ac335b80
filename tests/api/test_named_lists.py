"""Lists of models and configurations: filters, order and pages."""

from __future__ import annotations

from typing import Any

import pytest

ROLE = "arn:aws:iam::000000000000:role/serve"


@pytest.fixture
def several(sagemaker: Any, served: Any) -> Any:
    for name in ("b-one", "A-two", "c-three"):
        sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "local:python"}
        )
        variant = {
            "VariantName": "v",
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        served.clock.offset_s += 10
    return sagemaker


@pytest.mark.parametrize(
    ("operation", "member", "name"),
    [
        ("list_models", "Models", "ModelName"),
        ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
    ],
)
def test_filters_order_and_pages(several: Any, operation: str, member: str, name: str) -> None:
    def listed(**asked: Any) -> list[str]:
        return [row[name] for row in getattr(several, operation)(**asked)[member]]

    assert listed() == ["c-three", "A-two", "b-one"]
    assert listed(SortBy="Name", SortOrder="Ascending") == ["A-two", "b-one", "c-three"]
    assert listed(NameContains="T") == ["c-three", "A-two"]
    middle = getattr(several, operation)(NameContains="two")[member][0]["CreationTime"]
    # Bounds are exclusive, also of a time that was shown rounded.
    assert listed(CreationTimeAfter=middle) == ["c-three"]
    assert listed(CreationTimeBefore=middle) == ["b-one"]
    pages = several.get_paginator(operation).paginate(PaginationConfig={"PageSize": 2})
    assert [[row[name] for row in page[member]] for page in pages] == [["c-three", "A-two"], ["b-one"]]
