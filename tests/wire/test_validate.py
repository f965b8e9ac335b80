"""Input against its shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import botocore.model
import botocore.validate
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelwright.wire.model import ServiceModel, Shape
from labelwright.wire.validate import ConstraintsBroken, MalformedInput, validate

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=10,
)


def shape_of(models: Mapping[str, ServiceModel], operation: str, service: str = "sagemaker") -> Shape:
    found = models[service].operation(operation)
    assert found is not None
    assert found.input is not None
    return found.input


def tiny(shapes: dict[str, Any], root: str = "Root") -> Shape:
    """A root shape of a model with just these shapes."""
    metadata = {"protocol": "json", "apiVersion": "1"}
    return ServiceModel(
        "tiny", {"metadata": metadata, "names": [], "operations": {}, "shapes": shapes}
    ).shape(root)


def structure(**members: str) -> dict[str, Any]:
    return {"type": "structure", "members": {name: {"shape": shape} for name, shape in members.items()}}


def violations(shape: Shape, value: Any) -> list[str]:
    with pytest.raises(ConstraintsBroken) as caught:
        validate(shape, value)
    return caught.value.violations


def test_wording(models: Mapping[str, ServiceModel]) -> None:
    shape = shape_of(models, "CreateWorkteam")
    with pytest.raises(ConstraintsBroken) as caught:
        validate(shape, {"WorkteamName": "-", "Description": ""})
    assert str(caught.value) == (
        "3 validation errors detected: "
        "Value '-' at 'workteamName' failed to satisfy constraint: Member must satisfy regular expression "
        "pattern: "
        "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}; "
        "Value null at 'memberDefinitions' failed to satisfy constraint: Member must not be null; "
        "Value '' at 'description' failed to satisfy constraint: Member must have length greater than or "
        "equal to 1"
    )
    with pytest.raises(
        ConstraintsBroken, match=r"^1 validation error detected: Value '101' at 'maxResults' failed"
    ):
        validate(shape_of(models, "ListWorkteams"), {"MaxResults": 101})


def test_paths_name_elements_of_lists(models: Mapping[str, ServiceModel]) -> None:
    request = {
        "WorkteamName": "t",
        "Description": "d",
        "MemberDefinitions": [
            {"OidcMemberDefinition": {"Groups": ["ok"]}},
            {"OidcMemberDefinition": {"Groups": ["ok", "x" * 64]}},
        ],
    }
    (violation,) = violations(shape_of(models, "CreateWorkteam"), request)
    assert "at 'memberDefinitions.2.member.oidcMemberDefinition.groups.2.member' failed" in violation
    assert violation.endswith("Member must have length less than or equal to 63")


def test_enum_and_range(models: Mapping[str, ServiceModel]) -> None:
    found = violations(shape_of(models, "ListWorkteams"), {"SortBy": "Age", "MaxResults": 0})
    assert found == [
        "Value 'Age' at 'sortBy' failed to satisfy constraint: Member must satisfy enum value set: [Name, "
        "CreateDate]",
        "Value '0' at 'maxResults' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1",
    ]


def test_unions_have_one_member() -> None:
    shape = tiny(
        {
            "Root": structure(Choice="Choice"),
            "Choice": {**structure(A="Text", B="Text"), "union": True},
            "Text": {"type": "string"},
        }
    )
    assert validate(shape, {"Choice": {"A": "x", "B": None}}) == {"Choice": {"A": "x"}}
    (violation,) = violations(shape, {"Choice": {"A": "x", "B": "y"}})
    assert violation.endswith(
        "at 'choice' failed to satisfy constraint: Member must have exactly one of its members set; 2 are set"
    )
    assert len(violations(shape, {"Choice": {}})) == 1


def test_sensitive_values_are_not_repeated() -> None:
    shape = tiny(
        {
            "Root": structure(Word="Word"),
            "Word": {"type": "string", "sensitive": True, "max": 5, "pattern": "a+"},
        }
    )
    assert violations(shape, {"Word": "secret-one"})[0].startswith("Value at 'word' failed")
    assert violations(shape, {"Word": "hush"})[0].startswith("Value at 'word' failed")


def test_maps_name_their_keys() -> None:
    shape = tiny(
        {
            "Root": structure(Map="Map"),
            "Map": {"type": "map", "key": {"shape": "Key"}, "value": {"shape": "Number"}, "max": 2},
            "Key": {"type": "string", "max": 3},
            "Number": {"type": "integer", "max": 9},
        }
    )
    assert validate(shape, {"Map": {"a": 1, "b": None}}) == {"Map": {"a": 1}}
    found = violations(shape, {"Map": {"long key": 1, "b": 10, "c": 1}})
    assert [v.split("'")[3] for v in found] == ["map", "map.key", "map.b.member"]


def test_shapes_may_contain_themselves() -> None:
    shape = tiny(
        {
            "Root": {**structure(Next="Root", Name="Name"), "required": ["Name"]},
            "Name": {"type": "string", "max": 2},
        }
    )
    assert validate(shape, {"Name": "a", "Next": {"Name": "b"}}) == {"Name": "a", "Next": {"Name": "b"}}
    (violation,) = violations(shape, {"Name": "a", "Next": {"Name": "b", "Next": {"Name": "abc"}}})
    assert "at 'next.next.name'" in violation


def test_numbers_times_and_blobs() -> None:
    shape = tiny(
        {
            "Root": structure(I="integer", L="long", F="double", T="timestamp", B="blob", Y="boolean"),
            **{
                kind: {"type": kind} for kind in ("integer", "long", "double", "timestamp", "blob", "boolean")
            },
        }
    )
    assert validate(shape, {"I": 5.0, "L": 2**40, "F": "NaN", "T": 5, "B": "aGk=", "Y": False})["B"] == b"hi"
    for wrong in (
        {"I": 5.5},
        {"I": 2**31},
        {"I": True},
        {"L": 2**63},
        {"F": "many"},
        {"T": "2026-01-01"},
        {"T": 1e300},
        {"B": "?"},
        {"B": 5},
        {"Y": "true"},
    ):
        with pytest.raises(MalformedInput, match="can not be converted to"):
            validate(shape, wrong)


def test_long_values_and_many_violations_stay_short() -> None:
    shape = tiny(
        {
            "Root": structure(Words="Words"),
            "Words": {"type": "list", "member": {"shape": "Word"}},
            "Word": {"type": "string", "max": 3},
        }
    )
    with pytest.raises(ConstraintsBroken) as caught:
        validate(shape, {"Words": ["x" * 10_000] * 500})
    assert str(caught.value).startswith("500 validation errors detected: ")
    assert len(str(caught.value)) < 10_000


def test_patterns_are_not_asked_about_values_of_wrong_length() -> None:
    evil = {"type": "string", "pattern": "(a+)+b", "max": 20}
    shape = tiny({"Root": structure(Word="Word"), "Word": evil})
    (violation,) = violations(shape, {"Word": "a" * 100_000})
    assert "length" in violation
    unlimited = {"type": "string", "pattern": ".+@.+@"}
    shape = tiny({"Root": structure(Word="Word"), "Word": unlimited})
    (violation,) = violations(shape, {"Word": "@" * 1_000_000})
    assert "length less than or equal to 2048" in violation


@given(value=JSON_VALUES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_any_json_is_accepted_or_refused_with_reasons(models: Mapping[str, ServiceModel], value: Any) -> None:
    for operation in ("CreateLabelingJob", "CreateWorkforce", "AddTags"):
        shape = shape_of(models, operation)
        names = sorted(shape.members)
        for candidate in (value, {names[0]: value, names[-1]: value}):
            try:
                validate(shape, candidate)
            except (ConstraintsBroken, MalformedInput) as error:
                assert json.dumps(str(error))
                assert "'" in str(error)


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_agrees_with_botocore_about_required_members_and_lengths(
    models: Mapping[str, ServiceModel],
    botocore_models: Mapping[str, botocore.model.ServiceModel],
    data: st.DataObject,
) -> None:
    """botocore checks only required members, types and least sizes; where it objects, so do we."""
    name = data.draw(st.sampled_from(["CreateWorkteam", "CreateWorkforce", "RenderUiTemplate", "ListTags"]))
    theirs = botocore_models["sagemaker"].operation_model(name).input_shape
    value = data.draw(_inputs(theirs))
    report = botocore.validate.ParamValidator().validate(value, theirs)
    if report.has_errors():
        with pytest.raises((ConstraintsBroken, MalformedInput)):
            validate(shape_of(models, name), value)


def _inputs(shape: Any) -> st.SearchStrategy[Any]:
    """Values of about the right form, some members missing, some of the wrong type."""
    match shape.type_name:
        case "structure":
            members = {name: _inputs(member) for name, member in shape.members.items()}
            return st.fixed_dictionaries({}, optional=members)
        case "list":
            return st.lists(_inputs(shape.member), max_size=2)
        case "map":
            return st.dictionaries(st.text(max_size=3), _inputs(shape.value), max_size=2)
        case "integer":
            return st.integers(-1, 60)
        case _:
            return st.text("ab-:/", max_size=4) | st.sampled_from([5, ["x"]])
