"""botocore as the other end: it serializes and we parse, we serialize and it parses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import botocore.model
import botocore.parsers
import botocore.serialize
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelwright.wire import aws_json, query
from labelwright.wire.errors import WireError, body_of
from labelwright.wire.model import Operation, ServiceModel
from labelwright.wire.validate import ConstraintsBroken, MalformedInput

OURS = Mapping[str, ServiceModel]
THEIRS = Mapping[str, botocore.model.ServiceModel]
QUICK = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)

MOMENTS = st.integers(0, 4_000_000_000_000).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


def value_of(shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Python values as botocore takes and gives them."""
    match shape.type_name:
        case "structure":
            members = {name: value_of(member, depth + 1) for name, member in shape.members.items()}
            needed = {name: members.pop(name) for name in shape.required_members}
            return st.fixed_dictionaries(needed, optional=members if depth < 3 else {})
        case "list":
            return st.lists(value_of(shape.member, depth + 1), max_size=2)
        case "map":
            return st.dictionaries(TEXT.filter(bool), value_of(shape.value, depth + 1), max_size=2)
        case "integer":
            return st.integers(-(2**31), 2**31 - 1)
        case "long":
            return st.integers(-(2**63), 2**63 - 1)
        case "float" | "double":
            return st.floats(-1e6, 1e6)
        case "boolean":
            return st.booleans()
        case "timestamp":
            return MOMENTS
        case "blob":
            return st.binary(max_size=8)
        case _:
            return st.sampled_from(shape.enum) if getattr(shape, "enum", None) else TEXT


def handed_out(shape: Any, value: Any) -> Any:
    """The value as a handler gives it: epoch seconds in place of datetimes."""
    match shape.type_name:
        case "structure":
            return {name: handed_out(shape.members[name], member) for name, member in value.items()}
        case "list":
            return [handed_out(shape.member, item) for item in value]
        case "map":
            return {key: handed_out(shape.value, item) for key, item in value.items()}
        case "timestamp":
            return value.timestamp()
        case _:
            return value


def ours(models: OURS, service: str, name: str) -> Operation:
    operation = models[service].operation(name)
    assert operation is not None
    return operation


JSON_OPERATIONS = [
    ("sagemaker", "CreateLabelingJob"),
    ("sagemaker", "DescribeLabelingJob"),
    ("sagemaker", "CreateWorkforce"),
    ("sagemaker", "ListWorkteams"),
    ("sagemaker", "ListLabelingJobs"),
    ("sagemaker", "CreateTrainingJob"),
    ("cognito-idp", "AdminCreateUser"),
    ("cognito-idp", "CreateUserPool"),
    ("cognito-idp", "AdminDeleteUser"),
]


@given(data=st.data())
@QUICK
def test_what_botocore_sends_is_never_malformed(
    models: OURS, botocore_models: THEIRS, data: st.DataObject
) -> None:
    service, name = data.draw(st.sampled_from(JSON_OPERATIONS))
    their_operation = botocore_models[service].operation_model(name)
    value = data.draw(value_of(their_operation.input_shape))
    serializer = botocore.serialize.create_serializer("json", include_validation=False)
    request = serializer.serialize_to_request(value, their_operation)
    body = request["body"] if isinstance(request["body"], bytes) else request["body"].encode()
    try:
        parsed = aws_json.parse(ours(models, service, name), body)
    except ConstraintsBroken:
        return  # random texts seldom satisfy patterns; what counts is that types were understood
    assert set(parsed) == set(value)


@given(data=st.data())
@QUICK
def test_botocore_reads_what_we_send(models: OURS, botocore_models: THEIRS, data: st.DataObject) -> None:
    service, name = data.draw(st.sampled_from(JSON_OPERATIONS))
    their_operation = botocore_models[service].operation_model(name)
    if their_operation.output_shape is None:
        assert aws_json.serialise(ours(models, service, name), {}) == b""
        return
    value = data.draw(value_of(their_operation.output_shape))
    body = aws_json.serialise(ours(models, service, name), handed_out(their_operation.output_shape, value))
    parser = botocore.parsers.create_parser("json")
    answer = parser.parse({"body": body, "headers": {}, "status_code": 200}, their_operation.output_shape)
    answer.pop("ResponseMetadata")
    assert answer == value


def test_members_that_are_none_are_left_out_and_unknown_ones_are_a_bug(models: OURS) -> None:
    operation = ours(models, "sagemaker", "ListWorkteams")
    assert json.loads(aws_json.serialise(operation, {"Workteams": [], "NextToken": None})) == {
        "Workteams": []
    }
    with pytest.raises(KeyError, match="Teams"):
        aws_json.serialise(operation, {"Teams": []})


def test_times_are_epoch_seconds_with_milliseconds(models: OURS) -> None:
    operation = ours(models, "sagemaker", "DescribeWorkforce")
    workforce = {"WorkforceName": "w", "WorkforceArn": "a", "CreateDate": 1622151252.4514}
    assert b'"CreateDate":1622151252.451' in aws_json.serialise(operation, {"Workforce": workforce})


QUERY_OPERATIONS = ["AssumeRole", "GetFederationToken", "GetSessionToken", "AssumeRoleWithWebIdentity"]


@given(data=st.data())
@QUICK
def test_query_requests_of_botocore_are_understood(
    models: OURS, botocore_models: THEIRS, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(QUERY_OPERATIONS))
    their_operation = botocore_models["sts"].operation_model(name)
    value = data.draw(value_of(their_operation.input_shape))
    serializer = botocore.serialize.create_serializer("query", include_validation=False)
    request = serializer.serialize_to_request(value, their_operation)
    form = query.fields(urlencode(request["body"]).encode())
    assert form["Action"] == name
    try:
        parsed = query.parse(ours(models, "sts", name), form)
    except ConstraintsBroken:
        return
    # In a form there is nothing to see of structures without members, nor of a list of them.
    assert set(parsed) == {key for key, item in value.items() if _is_in_a_form(item)}


def _is_in_a_form(item: object) -> bool:
    if isinstance(item, list):
        return not item or any(_is_in_a_form(part) for part in item)
    return item != {}


def test_query_lists_and_numbers(models: OURS) -> None:
    form = query.fields(
        b"Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A000000000000%3Arole%2Fr&RoleSessionName=session"
        b"&DurationSeconds=900&Tags.member.1.Key=a&Tags.member.1.Value=b+c&Tags.member.2.Key=d&Tags.member.2.Value="
    )
    parsed = query.parse(ours(models, "sts", "AssumeRole"), form)
    assert parsed["DurationSeconds"] == 900
    assert parsed["Tags"] == [{"Key": "a", "Value": "b c"}, {"Key": "d", "Value": ""}]
    with pytest.raises(MalformedInput, match="STRING_VALUE at 'durationSeconds'"):
        query.parse(ours(models, "sts", "AssumeRole"), {**form, "DurationSeconds": "long"})
    for bad in ({"Tags.member.1.Key": "a", "Tags.member.1.Key.x": "b"}, {".".join("a" * 30): "x"}):
        with pytest.raises(MalformedInput):
            query.parse(ours(models, "sts", "AssumeRole"), bad)
    for body in (b"Action=\xff", b"Action=%ff", b"&".join(b"a%d=1" % n for n in range(3000))):
        with pytest.raises(MalformedInput):
            query.fields(body)


@given(data=st.data())
@QUICK
def test_botocore_reads_our_xml(models: OURS, botocore_models: THEIRS, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*QUERY_OPERATIONS, "GetCallerIdentity"]))
    their_operation = botocore_models["sts"].operation_model(name)
    value = data.draw(value_of(their_operation.output_shape))
    answer = handed_out(their_operation.output_shape, value)
    body = query.serialise(ours(models, "sts", name), answer, "request-1")
    parser = botocore.parsers.create_parser("query")
    parsed = parser.parse({"body": body, "headers": {}, "status_code": 200}, their_operation.output_shape)
    assert parsed.pop("ResponseMetadata")["RequestId"] == "request-1"
    assert parsed == value


@pytest.mark.parametrize("protocol", ["json", "query"])
def test_botocore_reads_our_errors(protocol: Any) -> None:
    error = WireError("SomeCode", 400, "Wörds <&> of warning\x01")
    body = body_of(error, protocol=protocol, request_id="request-1")
    parser = botocore.parsers.create_parser(protocol)
    headers = {"x-amzn-requestid": "request-1"}
    parsed = parser.parse({"body": body, "headers": headers, "status_code": 400}, None)
    assert parsed["Error"]["Code"] == "SomeCode"
    assert parsed["Error"]["Message"].startswith("Wörds <&> of warning")
    assert parsed["ResponseMetadata"]["RequestId"] == "request-1"
