"""Options that a job takes from its tags."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from labelwright.core import job_options
from labelwright.core.job_options import JobOptions, parse_job_options
from labelwright.errors import InvalidRequest


def _tags(**options: str) -> list[dict[str, str]]:
    return [{"Key": f"labelwright:{name.replace('_', '-')}", "Value": v} for name, v in options.items()]


def test_no_tags_give_what_ground_truth_did() -> None:
    assert parse_job_options([{"Key": "team", "Value": "birds"}]) == JobOptions()


def test_every_field_has_a_tag() -> None:
    names = {field.name.replace("_", "-") for field in dataclasses.fields(JobOptions)}
    assert names == set(job_options._PARSERS)


def test_values_are_parsed() -> None:
    options = parse_job_options(
        _tags(max_workers_per_object="5", ask_more_below="0.8", budget="100", price_per_task="0.036")
    )
    assert options == JobOptions(
        max_workers_per_object=5, ask_more_below=0.8, budget=Decimal(100), price_per_task=Decimal("0.036")
    )


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("consolidation", "Best One", "lower-case"),
        ("max_workers_per_object", "12", "1 to 9"),
        ("max_workers_per_object", "three", "1 to 9"),
        ("ask_more_below", "1", "between 0 and 1"),
        ("ask_more_below", "nan", "between 0 and 1"),
        ("auto_labeling", "magic", "certified, plain"),
        ("price_per_task", "-1", "above 0"),
        ("price_per_task", "NaN", "above 0"),
        ("budget", "Infinity", "above 0"),
        ("currency", "euro", "three capital letters"),
    ],
)
def test_wrong_values_are_named(name: str, value: str, rule: str) -> None:
    with pytest.raises(InvalidRequest, match=rule) as caught:
        parse_job_options(_tags(**{name: value}))
    assert caught.value.field == f"labelwright:{name.replace('_', '-')}"


def test_unknown_option_lists_the_known_ones() -> None:
    with pytest.raises(InvalidRequest, match="labelwright:budget"):
        parse_job_options(_tags(budgte="3"))


def test_a_budget_needs_prices() -> None:
    with pytest.raises(InvalidRequest, match="price-per-task"):
        parse_job_options(_tags(budget="3"))
    assert parse_job_options(_tags(budget="3"), is_task_priced=True).budget == 3
