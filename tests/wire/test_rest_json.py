"""REST-JSON with botocore as the other end: it serializes and we parse, we serialize and it parses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
import pytest
from botocore.awsrequest import HeadersDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelwright.wire import model as wire_model
from labelwright.wire import rest_json
from labelwright.wire.model import Operation, ServiceModel, prune
from labelwright.wire.rest_json import Router
from labelwright.wire.validate import ConstraintsBroken, MalformedInput

SERVICES = ("lambda", "sagemaker-runtime")
QUICK = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)


@pytest.fixture(scope="module")
def theirs() -> Mapping[str, botocore.model.ServiceModel]:
    loader = botocore.loaders.Loader()
    return {
        name: botocore.model.ServiceModel(loader.load_service_model(name, "service-2"), name)
        for name in SERVICES
    }


@pytest.fixture(scope="module")
def ours(theirs: Mapping[str, botocore.model.ServiceModel]) -> Mapping[str, ServiceModel]:
    with pytest.MonkeyPatch.context() as patch:
        runtime = {"sagemaker-runtime": "sagemaker-runtime/2017-05-13"}
        patch.setattr(wire_model, "MODEL_PATHS", {**wire_model.MODEL_PATHS, **runtime})
        wanted = {name: model.operation_names for name, model in theirs.items()}
        return {name: ServiceModel(name, data) for name, data in prune(wanted).items()}


def heard(
    theirs: botocore.model.ServiceModel, ours: ServiceModel, name: str, members: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """What we understand of a request that botocore makes: the operation and its members."""
    serializer = botocore.serialize.create_serializer(theirs.metadata["protocol"], True)
    request = serializer.serialize_to_request(dict(members), theirs.operation_model(name))
    path, _, fixed = request["url_path"].partition("?")
    query = request["query_string"]
    text = "&".join(part for part in (fixed, urlencode(query, doseq=True)) if part)
    pairs = rest_json.path_query(text.encode())
    found = Router(ours.routes).find(request["method"], path.encode(), pairs)
    assert found is not None, (name, path)
    operation = ours.operation(found[0])
    assert operation is not None
    body = request["body"]
    parameters = rest_json.parse(
        operation,
        labels=found[1],
        query=pairs,
        headers={key.lower(): str(value) for key, value in request["headers"].items()},
        body=body.encode() if isinstance(body, str) else body or b"",
    )
    return found[0], parameters


def told(theirs: botocore.model.ServiceModel, operation: Operation, answer: Mapping[str, Any]) -> Any:
    """What botocore understands of our answer."""
    made = rest_json.serialise(operation, answer)
    shape = theirs.operation_model(operation.name).output_shape
    body: Any = made.body
    parser = botocore.parsers.create_parser("rest-json")
    if shape is not None and getattr(shape, "serialization", {}).get("payload"):
        body = SimpleNamespace(read=lambda: made.body)  # as an HTTP answer is read
    parsed = parser.parse(
        {"status_code": made.status, "headers": HeadersDict(made.headers), "body": body}, shape
    )
    parsed.pop("ResponseMetadata", None)
    return parsed


def test_every_operation_is_found_by_its_path(
    theirs: Mapping[str, botocore.model.ServiceModel], ours: Mapping[str, ServiceModel]
) -> None:
    """Labels with every character that a path can hold: botocore encodes, we find and decode."""
    label = "arn:aws:lambda:eu-west-1:000000000000:function:a b/c%é+?#"
    for service in SERVICES:
        router = Router(ours[service].routes)
        for name in theirs[service].operation_names:
            operation = theirs[service].operation_model(name)
            shape = operation.input_shape
            members = {} if shape is None else shape.members
            labels = {
                wire.serialization.get("name", member): label
                for member, wire in members.items()
                if wire.serialization.get("location") == "uri"
            }
            serializer = botocore.serialize.create_serializer("rest-json", False)
            path = serializer._render_uri_template(operation.http["requestUri"], labels)
            path, _, fixed = path.partition("?")
            found = router.find(operation.http["method"], path.encode(), rest_json.path_query(fixed.encode()))
            assert found == (name, labels), (service, name)


NAMES = st.text("abcXYZ09-_", min_size=1, max_size=20)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


@QUICK
@given(
    members=st.fixed_dictionaries(
        {
            "FunctionName": NAMES,
            "Role": st.just("arn:aws:iam::000000000000:role/r"),
            "Code": st.fixed_dictionaries({"ZipFile": st.binary(max_size=30)}),
        },
        optional={
            "Description": TEXT,
            "Timeout": st.integers(1, 900),
            "Publish": st.booleans(),
            "Environment": st.fixed_dictionaries(
                {"Variables": st.dictionaries(st.text("AbcX", min_size=2), TEXT, max_size=3)}
            ),
            "Architectures": st.lists(st.sampled_from(["x86_64", "arm64"]), min_size=1, max_size=1),
        },
    )
)
def test_members_in_a_json_body(
    theirs: Mapping[str, botocore.model.ServiceModel],
    ours: Mapping[str, ServiceModel],
    members: dict[str, Any],
) -> None:
    found = heard(theirs["lambda"], ours["lambda"], "CreateFunction", members)
    assert found == ("CreateFunction", members)


@QUICK
@given(
    payload=st.binary(max_size=50),
    more=st.fixed_dictionaries(
        {},
        optional={
            "InvocationType": st.sampled_from(["Event", "RequestResponse", "DryRun"]),
            "LogType": st.sampled_from(["None", "Tail"]),
            "Qualifier": st.text("abc09$_-", min_size=1, max_size=9),
            "ClientContext": st.text("abcXYZ019+/=", max_size=20),
        },
    ),
)
def test_members_in_path_query_headers_and_a_whole_body(
    theirs: Mapping[str, botocore.model.ServiceModel],
    ours: Mapping[str, ServiceModel],
    payload: bytes,
    more: dict[str, Any],
) -> None:
    name = "arn:aws:lambda:eu-west-1:000000000000:function:echo"
    members = {"FunctionName": name, **more}
    if payload:
        members["Payload"] = payload
    found = heard(theirs["lambda"], ours["lambda"], "Invoke", members)
    assert found == ("Invoke", members)


def test_numbers_flags_lists_and_times_outside_the_body(
    theirs: Mapping[str, botocore.model.ServiceModel], ours: Mapping[str, ServiceModel]
) -> None:
    their, our = theirs["lambda"], ours["lambda"]
    members: dict[str, Any] = {"MaxItems": 7, "Marker": "a&b=c d+é", "FunctionVersion": "ALL"}
    assert heard(their, our, "ListFunctions", members) == ("ListFunctions", members)
    members = {"Resource": "arn:aws:lambda:eu-west-1:000000000000:function:f", "TagKeys": ["a b", "é", "c"]}
    assert heard(their, our, "UntagResource", members) == ("UntagResource", members)
    members = {"EndpointName": "e", "Body": b"\0\xff", "ContentType": "text/csv", "Accept": "a/b"}
    assert heard(theirs["sagemaker-runtime"], ours["sagemaker-runtime"], "InvokeEndpoint", members) == (
        "InvokeEndpoint",
        members,
    )
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert rest_json._time("Fri, 02 Jan 2026 03:04:05 GMT", "rfc822") == at.timestamp()
    assert rest_json._time("2026-01-02T03:04:05Z", "iso8601") == at.timestamp()
    assert rest_json._time("1767323045", "unixTimestamp") == at.timestamp()


def test_what_cannot_be_read_is_named(ours: Mapping[str, ServiceModel]) -> None:
    operation = ours["lambda"].operation("ListFunctions")
    assert operation is not None
    for pairs in ([("MaxItems", "many")], [("FunctionVersion", "ONE")], [("MaxItems", "0")]):
        with pytest.raises((MalformedInput, ConstraintsBroken), match=r"maxItems|functionVersion"):
            rest_json.parse(operation, labels={}, query=pairs, headers={}, body=b"")
    operation = ours["lambda"].operation("CreateFunction")
    assert operation is not None
    for body, match in ((b"{", "Could not parse"), (b"[]", "not a JSON object"), (b"{}", "must not be null")):
        with pytest.raises((MalformedInput, ConstraintsBroken), match=f"(?i){match}"):
            rest_json.parse(operation, labels={}, query=[], headers={}, body=body)


def test_botocore_reads_our_answers(
    theirs: Mapping[str, botocore.model.ServiceModel], ours: Mapping[str, ServiceModel]
) -> None:
    their, our = theirs["lambda"], ours["lambda"]
    invoke, create = our.operation("Invoke"), our.operation("CreateFunction")
    delete, untag = our.operation("DeleteFunction"), our.operation("UntagResource")
    assert invoke is not None and create is not None and delete is not None and untag is not None
    answer = {
        "StatusCode": 202,
        "FunctionError": "Unhandled",
        "LogResult": "bG9n",
        "Payload": b"\0\xff",
        "ExecutedVersion": "7",
    }
    parsed = told(their, invoke, answer)
    if not isinstance(parsed["Payload"], bytes):
        parsed["Payload"] = parsed["Payload"].read()
    assert parsed == answer
    answer = {"FunctionName": "f", "CodeSize": 3, "Environment": {"Variables": {"A": "é"}}, "Layers": []}
    assert rest_json.serialise(create, answer).status == 201
    assert told(their, create, {**answer, "Description": None}) == answer
    assert rest_json.serialise(delete, {"StatusCode": 204}).status == 204
    assert rest_json.serialise(untag, {}) == rest_json.Answer(204, {"content-type": "application/json"}, b"")
    with pytest.raises(KeyError):
        rest_json.serialise(create, {"Nonsense": 1})


def test_content_type_and_times_in_headers(ours: Mapping[str, ServiceModel]) -> None:
    operation = ours["sagemaker-runtime"].operation("InvokeEndpoint")
    assert operation is not None
    answer = rest_json.serialise(operation, {"Body": b"1,2", "ContentType": "text/csv"})
    assert (answer.body, answer.headers["content-type"]) == (b"1,2", "text/csv")


@pytest.mark.parametrize("status", [404, 429, 500])
def test_botocore_reads_our_errors(status: int) -> None:
    body = rest_json.serialise_error("SomeException", "in words é", status=status)
    parser = botocore.parsers.create_parser("rest-json")
    headers = {"x-amzn-errortype": "SomeException"}
    parsed = parser.parse({"status_code": status, "headers": headers, "body": body}, None)
    assert parsed["Error"]["Code"] == "SomeException"
    assert parsed["Error"]["Message"] == "in words é"


def test_routes_that_look_alike() -> None:
    router = Router(
        {
            "List": ("GET", "/things"),
            "Get": ("GET", "/things/{Name}"),
            "Special": ("GET", "/things/special"),
            "All": ("GET", "/things?list=all"),
            "Rest": ("GET", "/files/{Path+}"),
            "Inner": ("GET", "/files/{Path+}/meta"),
            "Put": ("PUT", "/things/{Name}"),
        }
    )
    assert router.find("GET", b"/things", []) == ("List", {})
    assert router.find("GET", b"/things/", []) == ("List", {})
    assert router.find("GET", b"/things", [("list", "all"), ("x", "y")]) == ("All", {})
    assert router.find("GET", b"/things/special", []) == ("Special", {})
    assert router.find("GET", b"/things/a%2Fb", []) == ("Get", {"Name": "a/b"})
    assert router.find("PUT", b"/things/a", []) == ("Put", {"Name": "a"})
    assert router.find("GET", b"/files/a/b/c", []) == ("Rest", {"Path": "a/b/c"})
    assert router.find("GET", b"/files/a/b/meta", []) == ("Inner", {"Path": "a/b"})
    for method, path in (("POST", b"/things"), ("GET", b"/other"), ("GET", b"/things/a/b"), ("GET", b"/")):
        assert router.find(method, path, []) is None
