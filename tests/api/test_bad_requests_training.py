"""Every operation around training and serving, member by member, given what nobody should send.

The requests are signed and sent as they are, so that nothing but the server looks at them: each answer is
either a good one or a refusal in AWS's form, and never an internal error.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.session
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from labelwright.api.dispatch import load_handlers
from labelwright.testing.jobs import aws
from labelwright.testing.server import RunningServer, running_server

ROLE = "arn:aws:iam::000000000000:role/train"
IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/object-detection:1"
_DEPTH_MAX = 5
_PER_OPERATION = 60

_SPECIFICATION = {"TrainingImage": IMAGE, "TrainingInputMode": "File"}
_CHANNEL = {
    "ChannelName": "train",
    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://acme/in"}},
}
_RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
_TUNED = {
    "StaticHyperParameters": {"num_classes": "2", "num_training_samples": "10"},
    "AlgorithmSpecification": _SPECIFICATION,
    "RoleArn": ROLE,
    "InputDataConfig": [_CHANNEL],
    "OutputDataConfig": {"S3OutputPath": "s3://acme/out"},
    "ResourceConfig": _RESOURCES,
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
_TUNING = {
    "Strategy": "Random",
    "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
    "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:mAP"},
    "ParameterRanges": {
        "ContinuousParameterRanges": [{"Name": "learning_rate", "MinValue": "0.001", "MaxValue": "0.1"}]
    },
}
_VARIANT = {
    "VariantName": "a",
    "ModelName": "there",
    "InstanceType": "ml.m5.large",
    "InitialInstanceCount": 1,
}

# Valid requests; {} stands for a new name each time.
REQUESTS: dict[tuple[str, str], dict[str, Any]] = {
    ("sagemaker", "CreateTrainingJob"): {**_TUNED, "TrainingJobName": "{}"},
    ("sagemaker", "UpdateTrainingJob"): {"TrainingJobName": "there"},
    ("sagemaker", "DescribeTrainingJob"): {"TrainingJobName": "there"},
    ("sagemaker", "ListTrainingJobs"): {},
    ("sagemaker", "StopTrainingJob"): {"TrainingJobName": "missing"},
    ("sagemaker", "DeleteTrainingJob"): {"TrainingJobName": "missing"},
    ("sagemaker", "CreateHyperParameterTuningJob"): {
        "HyperParameterTuningJobName": "{}",
        "HyperParameterTuningJobConfig": _TUNING,
        "TrainingJobDefinition": _TUNED,
    },
    ("sagemaker", "DescribeHyperParameterTuningJob"): {"HyperParameterTuningJobName": "there"},
    ("sagemaker", "ListHyperParameterTuningJobs"): {},
    ("sagemaker", "ListTrainingJobsForHyperParameterTuningJob"): {"HyperParameterTuningJobName": "missing"},
    ("sagemaker", "StopHyperParameterTuningJob"): {"HyperParameterTuningJobName": "missing"},
    ("sagemaker", "DeleteHyperParameterTuningJob"): {"HyperParameterTuningJobName": "missing"},
    ("sagemaker", "CreateModel"): {
        "ModelName": "{}",
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": "s3://acme/model.tar.gz"},
    },
    ("sagemaker", "DescribeModel"): {"ModelName": "there"},
    ("sagemaker", "ListModels"): {},
    ("sagemaker", "DeleteModel"): {"ModelName": "missing"},
    ("sagemaker", "CreateEndpointConfig"): {"EndpointConfigName": "{}", "ProductionVariants": [_VARIANT]},
    ("sagemaker", "DescribeEndpointConfig"): {"EndpointConfigName": "there"},
    ("sagemaker", "ListEndpointConfigs"): {},
    ("sagemaker", "DeleteEndpointConfig"): {"EndpointConfigName": "missing"},
    ("sagemaker", "CreateEndpoint"): {"EndpointName": "there", "EndpointConfigName": "missing"},
    ("sagemaker", "UpdateEndpoint"): {"EndpointName": "missing", "EndpointConfigName": "there"},
    ("sagemaker", "UpdateEndpointWeightsAndCapacities"): {
        "EndpointName": "missing",
        "DesiredWeightsAndCapacities": [{"VariantName": "a", "DesiredWeight": 1.0}],
    },
    ("sagemaker", "DescribeEndpoint"): {"EndpointName": "missing"},
    ("sagemaker", "ListEndpoints"): {},
    ("sagemaker", "DeleteEndpoint"): {"EndpointName": "missing"},
    ("sagemaker", "CreateTransformJob"): {
        "TransformJobName": "{}",
        "ModelName": "there",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://acme/in"}}
        },
        "TransformOutput": {"S3OutputPath": "s3://acme/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    },
    ("sagemaker", "DescribeTransformJob"): {"TransformJobName": "missing"},
    ("sagemaker", "ListTransformJobs"): {},
    ("sagemaker", "StopTransformJob"): {"TransformJobName": "missing"},
    ("logs", "DescribeLogGroups"): {},
    ("logs", "DescribeLogStreams"): {"logGroupName": "/aws/sagemaker/TrainingJobs"},
    ("logs", "GetLogEvents"): {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamName": "a/b"},
    ("logs", "FilterLogEvents"): {"logGroupName": "/aws/sagemaker/TrainingJobs"},
    ("logs", "CreateLogGroup"): {"logGroupName": "/aws/lambda/made"},
    ("logs", "DeleteLogGroup"): {"logGroupName": "/aws/lambda/made"},
    ("logs", "DeleteLogStream"): {"logGroupName": "/aws/lambda/made", "logStreamName": "a/b"},
    ("logs", "PutRetentionPolicy"): {"logGroupName": "/aws/lambda/made", "retentionInDays": 7},
    ("logs", "DeleteRetentionPolicy"): {"logGroupName": "/aws/lambda/made"},
    ("cloudwatch", "GetMetricData"): {
        "MetricDataQueries": [
            {
                "Id": "a",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "/aws/sagemaker/TrainingJobs",
                        "MetricName": "m",
                        "Dimensions": [{"Name": "TrainingJobName", "Value": "there"}],
                    },
                    "Period": 60,
                    "Stat": "Average",
                },
            }
        ],
        "StartTime": 1_700_000_000,
        "EndTime": 1_700_000_600,
    },
    ("cloudwatch", "GetMetricStatistics"): {
        "Namespace": "/aws/sagemaker/TrainingJobs",
        "MetricName": "m",
        "Dimensions": [{"Name": "TrainingJobName", "Value": "there"}],
        "StartTime": 1_700_000_000,
        "EndTime": 1_700_000_600,
        "Period": 60,
        "Statistics": ["Average"],
    },
    ("cloudwatch", "ListMetrics"): {},
}

_OTHER_TYPES: tuple[Any, ...] = ([], {}, "x", 7, True, [None], {"": None})
_TEXTS = (
    "",
    "\u0000",
    "/../..",
    "s3://",
    "s3:///a",
    "e\u0301\U0001f600\u202e",
    "-9",
    "{}" * 20,
    "a{99999999999}",
    "(" * 200 + ")" * 200,
    "x" * 3000,
)
_NUMBERS = (0, -1, 10_000, 2**31 - 1, -(2**31), 2**63, 1e300, 0.5, "NaN", "Infinity")

HOSTILE: dict[str, tuple[Any, ...]] = {
    "string": (*_TEXTS, 7, [], {}),
    "integer": (*_NUMBERS, "7", []),
    "long": (*_NUMBERS, -(2**63), 2**63 - 1, "7", []),
    "float": (*_NUMBERS, "7", []),
    "double": (*_NUMBERS, "7", []),
    "boolean": ("true", 1, []),
    "timestamp": (0, -1, -62135596800, 253402300799, 1e300, "yesterday", "NaN", []),
    "blob": (7, "%%%"),
}


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with (
        running_server(tmp_path_factory.mktemp("data"), training_jobs_at_once=-1) as server,
        closing(Caller(server)) as caller,
    ):
        prepare(server, caller)
        yield caller


def prepare(server: RunningServer, call: Caller) -> None:
    """What the requests refer to."""
    s3 = aws(server, "s3")
    s3.create_bucket(Bucket="acme")
    s3.put_object(Bucket="acme", Key="model.tar.gz", Body=b"-")
    for name in ("CreateModel", "CreateTrainingJob", "CreateEndpointConfig"):
        body = json.dumps(REQUESTS["sagemaker", name]).replace("{}", "there").encode()
        assert call("sagemaker", name, body)[0] == 200


class Caller:
    """Sends signed requests over one connection."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        keys = server.app.context.credentials
        self._keys = botocore.credentials.Credentials(keys.access_key_id, keys.secret_access_key)
        self._connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        self._session = botocore.session.Session()

    def close(self) -> None:
        self._connection.close()

    def input_of(self, service: str, operation: str) -> StructureShape:
        return self._session.get_service_model(service).operation_model(operation).input_shape

    def __call__(self, service: str, operation: str, body: bytes) -> tuple[int, Mapping[str, Any]]:
        about = self._session.get_service_model(service)
        prefix = about.metadata.get("targetPrefix", "")
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"{prefix}.{operation}",
        }
        request = botocore.awsrequest.AWSRequest("POST", f"{self._server.url}/", headers=headers, data=body)
        signer = botocore.auth.SigV4Auth(self._keys, about.signing_name, "us-east-1")
        signer.add_auth(request)
        return self._sent("/", request)

    def invoke(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, Any]]:
        """A request to the runtime, whose members are in the path and the headers."""
        url = f"{self._server.url}{path}"
        request = botocore.awsrequest.AWSRequest("POST", url, headers=dict(headers), data=body)
        botocore.auth.SigV4Auth(self._keys, "sagemaker", "us-east-1").add_auth(request)
        return self._sent(path, request)

    def _sent(self, path: str, request: botocore.awsrequest.AWSRequest) -> tuple[int, Mapping[str, Any]]:
        self._connection.request("POST", path, request.data, dict(request.headers))
        reply = self._connection.getresponse()
        content = reply.read()
        answer = json.loads(content) if content else {}
        kind = reply.headers.get("x-amzn-errortype")
        return reply.status, {"__type": kind, **answer} if kind else answer


def wrong(shape: Shape, given: Any, depth: int = 0) -> Iterator[Any]:
    """Variations of a value, each wrong, or odd, in one place."""
    if depth > _DEPTH_MAX:
        return
    if isinstance(shape, StructureShape):
        yield from (7, "x", [])
        own = given if isinstance(given, dict) else smallest(shape)
        for name, member in shape.members.items():
            if name in own and name in shape.required_members:
                yield {key: value for key, value in own.items() if key != name}
            for value in wrong(member, own.get(name), depth + 1):
                yield {**own, name: value}
    elif isinstance(shape, ListShape):
        first = given[0] if given else smallest(shape.member)
        yield from (7, {}, "x", [], [None], [first, first], [first] * 1000)
        for value in wrong(shape.member, first, depth + 1):
            yield [value]
    elif isinstance(shape, MapShape):
        own = dict(given or {})
        yield from (7, [], "x", {**own, "a": 1}, {**own, "": ""}, {**own, "a": "x" * 100_000})
        yield {**own, **{f"k{i}": "v" for i in range(1000)}}
        for value in _TEXTS:
            yield {**own, value: "1"}
            yield {**own, "num_classes": value}
    else:
        yield from HOSTILE.get(shape.type_name, ())


def smallest(shape: Shape, depth: int = 0) -> Any:
    """A value with all that is required and nothing else; its texts are no sensible ones."""
    if isinstance(shape, StructureShape):
        names = shape.required_members if depth < _DEPTH_MAX else ()
        return {name: smallest(shape.members[name], depth + 1) for name in names}
    if isinstance(shape, ListShape):
        return [smallest(shape.member, depth + 1)] * int(shape.metadata.get("min", 0))
    if isinstance(shape, MapShape):
        return {}
    if shape.type_name == "string":
        return (getattr(shape, "enum", None) or ["s3://acme/x"])[0]
    return {"boolean": True, "blob": ""}.get(shape.type_name, int(shape.metadata.get("min", 1)))


def _named(body: bytes, number: int) -> bytes:
    return body.replace(b'"{}"', f'"n{number}"'.encode(), 1)


def check(status: int, answer: Mapping[str, Any], body: bytes) -> None:
    """An answer is good, or says in AWS's form and in words what was wrong."""
    assert status < 500, (body[:2000], answer)
    if status != 200:
        assert answer.get("__type"), (body[:2000], answer)
        message = answer.get("message") or answer.get("Message")
        assert isinstance(message, str), (body[:2000], answer)
        assert 8 < len(message) < 20_000, (body[:2000], answer)


@pytest.mark.parametrize(("service", "operation"), REQUESTS, ids=lambda value: value)
def test_nothing_that_is_sent_is_an_internal_error(call: Caller, service: str, operation: str) -> None:
    given = REQUESTS[service, operation]
    bodies = [json.dumps(value).encode() for value in wrong(call.input_of(service, operation), given)]
    # Evenly spread over all members; `LABELWRIGHT_TEST_ALL_BAD_REQUESTS=1` sends every one of them.
    step = 1 if "LABELWRIGHT_TEST_ALL_BAD_REQUESTS" in os.environ else max(1, len(bodies) // _PER_OPERATION)
    for number, body in enumerate(bodies[::step]):
        status, answer = call(service, operation, _named(body, number))
        check(status, answer, body)


@pytest.mark.parametrize(("service", "operation"), REQUESTS, ids=lambda value: value)
def test_what_is_no_request_at_all_is_refused(call: Caller, service: str, operation: str) -> None:
    bodies = (b"[]", b"7", b"null", b"{", b"\xff\xfe", b'{"a":' * 5000, b'"' + b"x" * 100_000 + b'"')
    for body in bodies:
        status, answer = call(service, operation, body)
        assert 400 <= status < 500, (body[:200], answer)
        assert answer["__type"]


def _changed(given: Any, path: Sequence[str | int], value: Any) -> Any:
    if not path:
        return value
    if isinstance(given, list):
        assert isinstance(path[0], int)
        return [
            _changed(item, path[1:], value) if i == path[0] else item
            for i, item in enumerate(given or [None])
        ]
    inner = (given or {}).get(path[0])
    if inner is None and path[1:] and isinstance(path[1], int):
        inner = [{}]
    return {**(given or {}), path[0]: _changed(inner, path[1:], value)}


@pytest.mark.parametrize(
    ("operation", "path", "value", "words"),
    [
        ("CreateTrainingJob", "ResourceConfig/InstanceCount", 0, "must be at least 1"),
        ("CreateTrainingJob", "ResourceConfig/InstanceCount", 10_000, "10000 instances"),
        ("CreateTrainingJob", "Environment", {"A": "b\0"}, "Environment['A']"),
        ("CreateTrainingJob", "HyperParameters", {"a\0": "b"}, "zero character"),
        ("CreateTrainingJob", "AlgorithmSpecification/ContainerEntrypoint", ["a", "\0"], "Entrypoint[1]"),
        ("CreateTrainingJob", "HyperParameters", {"a": "b" * 3000}, "length less than or equal to 2500"),
        ("CreateTrainingJob", "InputDataConfig", [_CHANNEL, _CHANNEL], "names that differ"),
        ("CreateTrainingJob", "StoppingCondition/MaxRuntimeInSeconds", -1, "greater than or equal to 1"),
        ("CreateTrainingJob", "Tags", [{"Key": f"k{i}", "Value": ""} for i in range(1000)], "equal to 50"),
        (
            "CreateTrainingJob",
            "AlgorithmSpecification/MetricDefinitions",
            [{"Name": "a", "Regex": "a{99999999999}"}],
            "must be regular expressions",
        ),
        (
            "CreateHyperParameterTuningJob",
            "HyperParameterTuningJobConfig/TuningJobCompletionCriteria",
            {"TargetObjectiveMetricValue": "NaN"},
            "must be a number",
        ),
        (
            "CreateHyperParameterTuningJob",
            "TrainingJobDefinition/ResourceConfig/InstanceCount",
            10**5,
            "100000",
        ),
        ("CreateModel", "PrimaryContainer/Environment", {"A": "\0"}, "PrimaryContainer.Environment['A']"),
        ("CreateEndpointConfig", "ProductionVariants", [_VARIANT, _VARIANT], "given twice"),
        (
            "CreateEndpointConfig",
            "ProductionVariants",
            [{**_VARIANT, "InitialVariantWeight": "Infinity"}],
            "is inf; it must be a number",
        ),
        ("CreateTransformJob", "TransformResources/InstanceCount", 10_000, "must be 1 to 100"),
        ("CreateTransformJob", "TransformInput/ContentType", "a\0", "becomes a header"),
        ("CreateTransformJob", "Environment", {"A": "\0"}, "zero character"),
    ],
)
def test_a_refusal_says_what_is_wrong(
    call: Caller, operation: str, path: str, value: Any, words: str
) -> None:
    request = _changed(REQUESTS["sagemaker", operation], path.split("/"), value)
    body = json.dumps(request).replace("{}", "refused", 1).encode()
    status, answer = call("sagemaker", operation, body)
    assert status == 400
    assert words in answer["message"]


NAMES = ("missing", "%00", "..", "a%2Fb", "%F0%9F%98%80", "x" * 5000, "%ff", "-", "a b".replace(" ", "%20"))


@pytest.mark.parametrize("kind", ["invocations", "async-invocations", "invocations-response-stream"])
def test_requests_to_the_runtime(call: Caller, kind: str) -> None:
    bodies = (b"", b"{}", b"x" * 100_000)
    for number, name in enumerate(NAMES):
        path, body = f"/endpoints/{name}/{kind}", bodies[number % len(bodies)]
        check(*call.invoke(path, {}, body), path.encode())
    for header in (
        "X-Amzn-SageMaker-Custom-Attributes",
        "X-Amzn-SageMaker-Target-Model",
        "X-Amzn-SageMaker-Target-Variant",
        "X-Amzn-SageMaker-InputLocation",
        "X-Amzn-SageMaker-RequestTTLSeconds",
        "X-Amzn-SageMaker-InvocationTimeoutSeconds",
        "X-Amzn-SageMaker-Inference-Id",
        "Content-Type",
        "Accept",
    ):
        for value in ("", "-1", "99999999999999999999", "x" * 5000, "../..", "s3://", "a\tb", "NaN", "1e9"):
            headers = {"X-Amzn-SageMaker-InputLocation": "s3://acme/in", header: value}
            check(*call.invoke(f"/endpoints/missing/{kind}", headers, b"{}"), f"{header}: {value}".encode())


def test_no_operation_is_left_out() -> None:
    modules = ("training_jobs", "tuning_jobs", "models", "endpoint_configs", "endpoints", "transform_jobs")
    rooms = {f"labelwright.api.{name}" for name in (*modules, "logs", "cloudwatch")}
    handlers = load_handlers()
    there = {key for key, handler in handlers.items() if handler.function.__module__ in rooms}
    assert there == set(REQUESTS)
