"""Names, functions, stopping conditions and prices."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.arn import labeling_job_arn, parse_arn, team_kind
from labelwright.core.functions import TASK_KINDS, BuiltIn, kind_of, recognise
from labelwright.core.names import check_label_attribute_name, default_label_attribute_name
from labelwright.core.prices import check_price
from labelwright.core.stopping import Counters, StoppingConditions
from labelwright.errors import InvalidRequest

MUST_REF = {
    "SemanticSegmentation",
    "AdjustmentSemanticSegmentation",
    "VideoObjectDetection",
    "VideoObjectTracking",
    "AdjustmentVideoObjectDetection",
    "AdjustmentVideoObjectTracking",
    "3DPointCloudSemanticSegmentation",
    "3DPointCloudObjectTracking",
    "Adjustment3DPointCloudSemanticSegmentation",
    "Adjustment3DPointCloudObjectTracking",
}


@pytest.mark.parametrize("suffix", sorted(TASK_KINDS))
def test_ref_suffix_by_task_type(suffix: str) -> None:
    kind = TASK_KINDS[suffix]
    if suffix == "PassThrough":
        check_label_attribute_name("a-ref", kind)
        check_label_attribute_name("a", kind)
        return
    good, bad = ("a-ref", "a") if suffix in MUST_REF else ("a", "a-ref")
    check_label_attribute_name(good, kind)
    with pytest.raises(InvalidRequest) as refused:
        check_label_attribute_name(bad, kind)
    assert refused.value.field == "LabelAttributeName"
    assert suffix in refused.value.message
    check_label_attribute_name(default_label_attribute_name("job", kind), kind)


@pytest.mark.parametrize("name", ["x-metadata", "source", "source-ref", "a$b"])
def test_reserved_label_attribute_names(name: str) -> None:
    with pytest.raises(InvalidRequest):
        check_label_attribute_name(name, TASK_KINDS["PassThrough"])


@pytest.mark.parametrize(
    "arn", ["arn:aws:lambda:us-east-1:432418664414", "arn:aws-cn:lambda:x-1:000000000000"]
)
def test_built_in_functions_of_any_region_and_account(arn: str) -> None:
    for suffix in TASK_KINDS:
        assert recognise(f"{arn}:function:PRE-{suffix}", field="f") == BuiltIn("PRE", suffix)
        assert recognise(f"{arn}:function:ACS-{suffix}", field="f") == BuiltIn("ACS", suffix)
    assert recognise(f"{arn}:function:gtRecipe", field="f") is None
    with pytest.raises(InvalidRequest, match="PRE-Bounding is not"):
        recognise(f"{arn}:function:PRE-Bounding", field="f")


def test_both_functions_must_be_of_one_type() -> None:
    assert kind_of(None, None).suffix == "Custom"
    assert kind_of(BuiltIn("PRE", "PassThrough"), None).suffix == "PassThrough"
    assert kind_of(BuiltIn("PRE", "BoundingBox"), BuiltIn("ACS", "BoundingBox")).suffix == "BoundingBox"
    with pytest.raises(InvalidRequest, match="both must name the same"):
        kind_of(BuiltIn("PRE", "BoundingBox"), BuiltIn("ACS", "TextMultiClass"))
    with pytest.raises(InvalidRequest, match="needs both"):
        kind_of(BuiltIn("PRE", "BoundingBox"), None)


def test_arns() -> None:
    assert labeling_job_arn("r-1", "000000000000", "My-Job").endswith(":labeling-job/my-job")
    assert team_kind("arn:aws:sagemaker:r-1:394669845002:workteam/public-crowd/default") == "public-crowd"
    for text in ("nonsense", "arn:aws:sagemaker:r-1:000000000000"):
        with pytest.raises(InvalidRequest):
            parse_arn(text)
    with pytest.raises(InvalidRequest):
        team_kind("arn:aws:sagemaker:r-1:000000000000:workteam/other/x")


@settings(deadline=None)
@given(
    n=st.integers(0, 10_000),
    percent=st.integers(1, 100),
    labeled=st.floats(0, 1),
)
def test_percentage_is_met_exactly_when_documented(n: int, percent: int, labeled: float) -> None:
    counters = Counters(n_objects=n, n_human=int(labeled * n))
    conditions = StoppingConditions(max_percentage_labeled=percent)
    assert conditions.is_met(counters) == (counters.n_labeled * 100 >= percent * n)
    needed = conditions.n_still_needed(counters)
    assert needed is not None
    then = Counters(n_objects=n, n_human=counters.n_human + needed)
    assert conditions.is_met(then)
    if needed:
        assert not conditions.is_met(Counters(n_objects=n, n_human=counters.n_human + needed - 1))


def test_human_count_ignores_kept_labels() -> None:
    conditions = StoppingConditions(max_human_labeled=5)
    counters = Counters(n_objects=100, n_human=50, n_human_here=3)
    assert conditions.n_still_needed(counters) == 2
    assert StoppingConditions().n_still_needed(counters) is None


@pytest.mark.parametrize(
    ("suffix", "cents", "tenths", "is_allowed"),
    [
        ("BoundingBox", 3, 6, True),
        ("BoundingBox", 1, 2, False),
        ("ImageMultiClass", 1, 2, True),
        ("SemanticSegmentation", 84, 0, True),
        ("SemanticSegmentation", 3, 6, False),
        ("ImageMultiClass", 1, 3, False),
    ],
)
def test_prices_of_the_public_team(suffix: str, cents: int, tenths: int, is_allowed: bool) -> None:
    price = {"AmountInUsd": {"Cents": cents, "TenthFractionsOfACent": tenths}}
    if is_allowed:
        check_price(price, TASK_KINDS[suffix])
    else:
        with pytest.raises(InvalidRequest, match="may pay one of"):
            check_price(price, TASK_KINDS[suffix])
    with pytest.raises(InvalidRequest, match="missing"):
        check_price(None, TASK_KINDS[suffix])
