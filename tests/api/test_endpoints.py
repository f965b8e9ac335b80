"""Models, endpoint configurations, endpoints and InvokeEndpoint through boto3."""

from __future__ import annotations

import json
import re
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError
from hosting_workshop import (
    CLASSIFIER_IMAGE,
    ROLE,
    SCRIPT_IMAGE,
    Hosting,
    classifier_model,
    packed,
    picture,
    script_model,
    variant_of,
    with_model_cache,
)

from labelwright.testing.server import running_server


@pytest.fixture(scope="module")
def hosting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosting]:
    with running_server(with_model_cache(tmp_path_factory.mktemp("hosting") / "data")) as server:
        hosting = Hosting(server)
        hosting.model("one", script_model("one"))
        hosting.model("two", script_model("two"))
        hosting.config("one", {"ModelName": "one"})
        hosting.endpoint("one", "one")
        yield hosting
        for each in hosting.sagemaker.list_endpoints(MaxResults=100)["Endpoints"]:
            hosting.sagemaker.delete_endpoint(EndpointName=each["EndpointName"])
            hosting.wait_until_gone(each["EndpointName"])
        hosting.close()
        assert server.app.context.supervisor.tools.runners["hosting"].names() == []


def refused(call: Any, code: str, text: str, **request: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error: dict[str, Any] = caught.value.response
    assert error["Error"]["Code"] == code
    assert re.search(text, error["Error"]["Message"]), error["Error"]["Message"]
    return error


def arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:000000000000:{kind}/{name}"


# -- models -------------------------------------------------------------------------------------------------


def test_models_are_refused_in_aws_words(hosting: Hosting) -> None:
    create = hosting.sagemaker.create_model
    container = {"Image": SCRIPT_IMAGE, "ModelDataUrl": "s3://models/one/model.tar.gz", "Environment": {}}
    refused(
        create,
        "ValidationException",
        f'^Cannot create already existing model "{arn("model", "one")}".$',
        ModelName="One",
        PrimaryContainer=container,
    )
    absent = {**container, "ModelDataUrl": "s3://models/absent.tar.gz"}
    refused(
        create,
        "ValidationException",
        "^Could not find model data at s3://models/absent.tar.gz.$",
        ModelName="new",
        PrimaryContainer=absent,
    )
    for bad, text in (
        ({"PrimaryContainer": container, "Containers": [container, container]}, "Exactly one"),
        ({}, "Exactly one"),
        ({"PrimaryContainer": {"ModelDataUrl": "s3://models/one/model.tar.gz"}}, "Image is missing"),
        ({"PrimaryContainer": {**container, "ModelDataUrl": "https://a/b.tar.gz"}}, "must be an s3:// URI"),
        ({"PrimaryContainer": {"Image": SCRIPT_IMAGE, "Mode": "MultiModel"}}, "must be the s3:// prefix"),
        (
            {"PrimaryContainer": {**container, "Environment": {f"K{i}": "v" * 1024 for i in range(33)}}},
            "at most 32768",
        ),
        (
            {"Containers": [container] * 2, "InferenceExecutionConfig": {"Mode": "Direct"}},
            "every container needs a ContainerHostname",
        ),
        ({"Containers": [{**container, "ContainerHostname": "a"}] * 2}, "must be unique"),
    ):
        refused(create, "ValidationException", text, ModelName="new", **bad)
    for call in (hosting.sagemaker.describe_model, hosting.sagemaker.delete_model):
        refused(
            call, "ValidationException", f'^Could not find model "{arn("model", "new")}".$', ModelName="new"
        )


# -- configurations -----------------------------------------------------------------------------------------


def test_a_configuration_from_creation_to_deletion(hosting: Hosting) -> None:
    sagemaker = hosting.sagemaker
    made = sagemaker.create_endpoint_config(
        EndpointConfigName="kept",
        ProductionVariants=[variant_of("one", InitialVariantWeight=3.0), variant_of("two", "B")],
        DataCaptureConfig={
            "EnableCapture": False,
            "InitialSamplingPercentage": 10,
            "DestinationS3Uri": "s3://models/captured",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        },
        KmsKeyId="alias/mine",
        Tags=[{"Key": "line", "Value": "7"}],
    )
    assert made["EndpointConfigArn"] == arn("endpoint-config", "kept")
    found = sagemaker.describe_endpoint_config(EndpointConfigName="KEPT")
    assert found["EndpointConfigName"] == "kept"
    assert [v["InitialVariantWeight"] for v in found["ProductionVariants"]] == [3.0, 1.0]
    assert found["DataCaptureConfig"]["InitialSamplingPercentage"] == 10
    assert found["KmsKeyId"] == "alias/mine"
    tags = sagemaker.list_tags(ResourceArn=made["EndpointConfigArn"], MaxResults=50)["Tags"]
    assert tags == [{"Key": "line", "Value": "7"}]
    listed = sagemaker.list_endpoint_configs(NameContains="KEP")["EndpointConfigs"]
    assert [each["EndpointConfigName"] for each in listed] == ["kept"]
    by_name = sagemaker.get_paginator("list_endpoint_configs").paginate(
        SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 1}
    )
    names = [each["EndpointConfigName"] for page in by_name for each in page["EndpointConfigs"]]
    assert names == sorted(names)
    assert {"kept", "one"} <= set(names)
    refused(
        sagemaker.create_endpoint_config,
        "ValidationException",
        f'^Cannot create already existing endpoint configuration "{arn("endpoint-config", "kept")}".$',
        EndpointConfigName="Kept",
        ProductionVariants=[variant_of("one")],
    )
    sagemaker.delete_endpoint_config(EndpointConfigName="kept")
    for call in (sagemaker.describe_endpoint_config, sagemaker.delete_endpoint_config):
        refused(
            call,
            "ValidationException",
            f'^Could not find endpoint configuration "{arn("endpoint-config", "kept")}".$',
            EndpointConfigName="kept",
        )


@pytest.mark.parametrize(
    ("variants", "text"),
    [
        ([variant_of("nothing")], f'^Could not find model "{arn("model", "nothing")}".$'),
        ([variant_of("one"), variant_of("two")], "given twice"),
        ([variant_of("one", InitialVariantWeight=-1.0)], "greater than or equal to 0"),
        ([variant_of("one", InitialVariantWeight=0.0)], "above 0"),
        ([{"VariantName": "A", "ModelName": "one"}], "either ServerlessConfig"),
        (
            [
                {
                    "VariantName": "A",
                    "ModelName": "one",
                    "ServerlessConfig": {"MemorySizeInMB": 1500, "MaxConcurrency": 1},
                }
            ],
            "multiple of 1024",
        ),
        ([{"VariantName": "A", "InstanceType": "ml.m5.xlarge"}], "ModelName is missing"),
        ([variant_of("one", InitialInstanceCount=0)], "greater than or equal to 1"),
    ],
)
def test_bad_variants_are_refused(hosting: Hosting, variants: list[dict[str, Any]], text: str) -> None:
    create = hosting.unchecked.create_endpoint_config
    refused(create, "ValidationException", text, EndpointConfigName="bad", ProductionVariants=variants)


# -- endpoints ----------------------------------------------------------------------------------------------


def test_what_describe_shows_of_an_endpoint(hosting: Hosting) -> None:
    found = hosting.sagemaker.describe_endpoint(EndpointName="one")
    assert found["EndpointArn"] == arn("endpoint", "one")
    assert found["EndpointConfigName"] == "one"
    assert found["EndpointStatus"] == "InService"
    [variant] = found["ProductionVariants"]
    assert variant["VariantName"] == "AllTraffic"
    assert variant["DeployedImages"][0]["SpecifiedImage"] == SCRIPT_IMAGE
    assert (variant["CurrentWeight"], variant["DesiredWeight"]) == (1.0, 1.0)
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)
    assert "FailureReason" not in found
    assert found["LastModifiedTime"] >= found["CreationTime"]
    listed = hosting.sagemaker.list_endpoints(StatusEquals="InService", SortBy="Name")["Endpoints"]
    assert "one" in [each["EndpointName"] for each in listed]
    waiter = hosting.sagemaker.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName="one")


def test_endpoints_are_refused_in_aws_words(hosting: Hosting) -> None:
    sagemaker = hosting.sagemaker
    refused(
        sagemaker.create_endpoint,
        "ValidationException",
        f'^Cannot create already existing endpoint "{arn("endpoint", "one")}".$',
        EndpointName="ONE",
        EndpointConfigName="one",
    )
    refused(
        sagemaker.create_endpoint,
        "ValidationException",
        f'^Could not find endpoint configuration "{arn("endpoint-config", "none")}".$',
        EndpointName="new",
        EndpointConfigName="none",
    )
    missing = f'^Could not find endpoint "{arn("endpoint", "new")}".$'
    for call in (sagemaker.describe_endpoint, sagemaker.delete_endpoint):
        refused(call, "ValidationException", missing, EndpointName="new")
    refused(
        sagemaker.update_endpoint,
        "ValidationException",
        missing,
        EndpointName="new",
        EndpointConfigName="one",
    )
    for change, text in (
        ({"VariantName": "B", "DesiredWeight": 1.0}, "has no variant"),
        ({"VariantName": "AllTraffic", "DesiredWeight": 0.0}, "above 0"),
        ({"VariantName": "AllTraffic", "DesiredInstanceCount": 0}, "at least one instance"),
    ):
        refused(
            sagemaker.update_endpoint_weights_and_capacities,
            "ValidationException",
            text,
            EndpointName="one",
            DesiredWeightsAndCapacities=[change],
        )


def test_a_missing_artifact_fails_the_endpoint(hosting: Hosting) -> None:
    hosting.model("fleeting", script_model("x"))
    hosting.config("fleeting", {"ModelName": "fleeting"})
    hosting.s3.delete_object(Bucket="models", Key="fleeting/model.tar.gz")
    hosting.sagemaker.create_endpoint(EndpointName="fleeting", EndpointConfigName="fleeting")
    found = hosting.wait("fleeting", "Failed")
    assert found["FailureReason"].startswith(
        'Failed to download model data for container "container_1" from URL: '
        '"s3://models/fleeting/model.tar.gz".'
    )
    waiter = hosting.sagemaker.get_waiter("endpoint_in_service")
    with pytest.raises(WaiterError, match="Failed"):
        waiter.wait(EndpointName="fleeting")
    text = "is Failed"
    refused(hosting.runtime.invoke_endpoint, "ValidationError", text, EndpointName="fleeting", Body=b"[]")
    refused(
        hosting.sagemaker.update_endpoint,
        "ValidationException",
        "delete it",
        EndpointName="fleeting",
        EndpointConfigName="one",
    )
    hosting.sagemaker.delete_endpoint(EndpointName="fleeting")
    hosting.wait_until_gone("fleeting")


@pytest.mark.parametrize(
    ("artifact", "reason"),
    [
        (b"no archive", "Failed to extract model data archive"),
        (packed({"code/inference.py": "raise ImportError('no such thing')"}), "did not pass the ping"),
        (packed({"weights": "1"}), "no container engine"),
    ],
    ids=["no archive", "broken script", "image"],
)
def test_models_that_cannot_be_served_say_why(hosting: Hosting, artifact: bytes, reason: str) -> None:
    name = f"bad-{len(artifact)}"
    hosting.model(name, artifact)
    hosting.config(name, {"ModelName": name})
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    found = hosting.wait(name, "Failed")
    assert reason in found["FailureReason"]
    if "ping" in reason:
        assert found["FailureReason"] == (
            "The primary container for production variant AllTraffic did not pass the ping health check. "
            "Please check CloudWatch logs for this endpoint."
        )
        group = f"/aws/sagemaker/Endpoints/{name}"
        [stream] = hosting.logs.describe_log_streams(logGroupName=group)["logStreams"]
        assert re.fullmatch(r"AllTraffic/i-[0-9a-f]{17}", stream["logStreamName"])
        events = hosting.logs.filter_log_events(logGroupName=group)["events"]
        assert "ImportError: no such thing" in [event["message"] for event in events]


# -- invoking -----------------------------------------------------------------------------------------------


def test_an_answer_and_its_headers(hosting: Hosting) -> None:
    found = hosting.runtime.invoke_endpoint(
        EndpointName="One",
        Body=b"[1, 2, 3]",
        ContentType="application/json",
        Accept="application/json",
        CustomAttributes="trace=1",
        InferenceId="abc",
    )
    assert json.loads(found["Body"].read()) == {"model": "one", "sum": 6}
    assert found["ContentType"] == "application/json"
    assert found["InvokedProductionVariant"] == "AllTraffic"
    assert found["CustomAttributes"] == "trace=1;seen"
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_errors_of_the_runtime(hosting: Hosting) -> None:
    invoke = hosting.runtime.invoke_endpoint
    missing = "^Endpoint none of account 000000000000 not found.$"
    refused(invoke, "ValidationError", missing, EndpointName="none", Body=b"")
    refused(invoke, "ValidationError", "Variant B not found", EndpointName="one", Body=b"", TargetVariant="B")
    error = refused(
        invoke,
        "ModelError",
        r"^Received server error \(500\) from primary with message \"ValueError: cannot read image/jpeg\"\.",
        EndpointName="one",
        Body=b"x",
        ContentType="image/jpeg",
    )
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert error["OriginalStatusCode"] == 500
    assert error["OriginalMessage"] == "ValueError: cannot read image/jpeg"
    assert error["LogStreamArn"].endswith(":log-group:/aws/sagemaker/Endpoints/one")
    error = refused(invoke, "ModelError", "octet-stream", EndpointName="one", Body=b"x")
    for size in (6 * 1024 * 1024 + 1, 9 * 1024 * 1024):
        refused(invoke, "ValidationError", "", EndpointName="one", Body=bytes(size))
    largest = b"[" + b" " * (6 * 1024 * 1024 - 2) + b"]"
    assert invoke(EndpointName="one", Body=largest, ContentType="application/json")["Body"].read()


def test_a_built_in_model(hosting: Hosting) -> None:
    pytest.importorskip("onnxruntime")
    hosting.model("colours", classifier_model(), CLASSIFIER_IMAGE, Environment={})
    hosting.config("colours", {"ModelName": "colours"})
    hosting.endpoint("colours", "colours")
    invoke = hosting.runtime.invoke_endpoint
    for i, color in enumerate([(250, 0, 0), (0, 250, 0), (0, 0, 250)]):
        found = invoke(EndpointName="colours", Body=picture(color), ContentType="application/x-image")
        scores = json.loads(found["Body"].read())
        assert max(range(3), key=scores.__getitem__) == i
        assert sum(scores) == pytest.approx(1)
    found = invoke(
        EndpointName="colours",
        Body=picture((250, 0, 0), "JPEG"),
        ContentType="image/jpeg",
        Accept="application/jsonlines",
    )
    assert found["ContentType"] == "application/jsonlines"
    assert len(json.loads(found["Body"].read())["prediction"]) == 3
    request = {"EndpointName": "colours", "Body": picture((0, 0, 0))}
    error = refused(invoke, "ModelError", r"client error \(415\)", **request, ContentType="text/csv")
    assert error["OriginalStatusCode"] == 415
    error = refused(
        invoke,
        "ModelError",
        r"client error \(400\)",
        EndpointName="colours",
        Body=b"x",
        ContentType="image/png",
    )
    assert error["OriginalStatusCode"] == 400


def test_variants_share_the_traffic(hosting: Hosting) -> None:
    hosting.config(
        "shared",
        {"ModelName": "one", "VariantName": "A", "InitialVariantWeight": 3.0},
        {"ModelName": "two", "VariantName": "B", "InitialVariantWeight": 1.0},
    )
    hosting.endpoint("shared", "shared")

    def asked(**more: Any) -> str:
        return str(hosting.answer("shared", [1], **more)["model"])

    counts = Counter(asked() for _ in range(200))
    assert 110 <= counts["one"] <= 185  # 150 expected; more than five standard deviations away fails
    assert asked(TargetVariant="B") == "two"
    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="shared",
        DesiredWeightsAndCapacities=[
            {"VariantName": "A", "DesiredWeight": 0.0},
            {"VariantName": "B", "DesiredWeight": 2.0, "DesiredInstanceCount": 2},
        ],
    )
    found = hosting.wait("shared")
    weights = {v["VariantName"]: v["CurrentWeight"] for v in found["ProductionVariants"]}
    counts_of = {v["VariantName"]: v["CurrentInstanceCount"] for v in found["ProductionVariants"]}
    assert weights == {"A": 0.0, "B": 2.0}
    assert counts_of == {"A": 1, "B": 2}
    assert {asked() for _ in range(20)} == {"two"}
    assert asked(TargetVariant="A") == "one"
    hosting.config("shared-2", {"ModelName": "two", "VariantName": "B"})
    hosting.sagemaker.update_endpoint(
        EndpointName="shared", EndpointConfigName="shared-2", RetainAllVariantProperties=True
    )
    [variant] = hosting.wait("shared")["ProductionVariants"]
    assert (variant["VariantName"], variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (
        "B",
        2,
        2.0,
    )
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: asked(), range(40))) == {"two"}


def test_containers_in_series(hosting: Hosting) -> None:
    doubling = "def model_fn(d):\n    return lambda x: x * 2\n"
    adding = "def model_fn(d):\n    return lambda x: x + 1\n"
    for name, script in (("doubling", doubling), ("adding", adding)):
        hosting.s3.put_object(
            Bucket="models", Key=f"{name}.tar.gz", Body=packed({"code/inference.py": script})
        )
    containers = [
        {"Image": SCRIPT_IMAGE, "ModelDataUrl": f"s3://models/{name}.tar.gz", "ContainerHostname": name}
        for name in ("doubling", "adding")
    ]
    for mode in ("Serial", "Direct"):
        hosting.sagemaker.create_model(
            ModelName=mode,
            Containers=containers,
            InferenceExecutionConfig={"Mode": mode},
            ExecutionRoleArn=ROLE,
        )
    hosting.config(
        "chained",
        {"ModelName": "Serial", "VariantName": "S"},
        {"ModelName": "Direct", "VariantName": "D", "InitialVariantWeight": 0.0},
    )
    hosting.endpoint("chained", "chained")
    assert hosting.answer("chained", [1, 2]) == [3, 5]
    direct = {"TargetVariant": "D", "TargetContainerHostname": "adding"}
    assert hosting.answer("chained", [1, 2], **direct) == [2, 3]


def test_invocations_are_counted(hosting: Hosting) -> None:
    def counts() -> dict[str, float]:
        with urllib.request.urlopen(f"{hosting.server.url}/metrics") as page:
            lines = page.read().decode().splitlines()
        found = {}
        for line in lines:
            if line.startswith("labelwright_endpoint_") and 'EndpointName="one"' in line:
                name, _, value = line.rpartition(" ")
                found[name.partition("{")[0] + "".join(re.findall('metric="([^"]+)"', name))] = float(value)
        return found

    hosting.answer("one", [])
    before = counts()
    hosting.answer("one", [])
    refused(hosting.runtime.invoke_endpoint, "ModelError", "500", EndpointName="one", Body=b"x")
    after = counts()
    invocations = "labelwright_endpoint_invocations_total"
    assert after[f"{invocations}Invocations"] - before[f"{invocations}Invocations"] == 2
    assert after[f"{invocations}Invocation5XXErrors"] - before[f"{invocations}Invocation5XXErrors"] == 1
    assert after[f"{invocations}Invocation4XXErrors"] == before[f"{invocations}Invocation4XXErrors"]
    seconds = "labelwright_endpoint_model_seconds_count"
    assert after[seconds] - before[seconds] == 2


def test_a_sample_is_captured(hosting: Hosting) -> None:
    hosting.config(
        "captured",
        {"ModelName": "one"},
        DataCaptureConfig={
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": "s3://models/captured",
            "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
            "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
        },
    )
    hosting.endpoint("captured", "captured")
    found = hosting.sagemaker.describe_endpoint(EndpointName="captured")["DataCaptureConfig"]
    assert (found["EnableCapture"], found["CaptureStatus"]) == (True, "Started")
    hosting.answer("captured", [4], InferenceId="mine")
    refused(hosting.runtime.invoke_endpoint, "ModelError", "500", EndpointName="captured", Body=b"x")
    hosting.server.app.context.captures.flush()
    [entry] = hosting.s3.list_objects_v2(Bucket="models", Prefix="captured/")["Contents"]
    place, _, name = entry["Key"].rpartition("/")
    assert re.fullmatch(r"captured/captured/AllTraffic/\d{4}/\d\d/\d\d/\d\d", place)
    assert re.fullmatch(r"\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl", name)
    [line] = hosting.s3.get_object(Bucket="models", Key=entry["Key"])["Body"].read().splitlines()
    content = json.loads(line)
    assert content["captureData"]["endpointInput"]["data"] == "[4]"
    assert json.loads(content["captureData"]["endpointOutput"]["data"]) == {"model": "one", "sum": 4}
    assert content["eventMetadata"]["inferenceId"] == "mine"


def test_many_models_behind_one_container(hosting: Hosting) -> None:
    for tag in ("red", "blue"):
        hosting.s3.put_object(Bucket="models", Key=f"many/{tag}.tar.gz", Body=script_model(tag))
    container = {"Image": SCRIPT_IMAGE, "ModelDataUrl": "s3://models/many/", "Mode": "MultiModel"}
    hosting.sagemaker.create_model(ModelName="many", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    hosting.config("many", {"ModelName": "many"})
    hosting.endpoint("many", "many")
    for tag in ("red", "blue", "red"):
        assert hosting.answer("many", [1], TargetModel=f"{tag}.tar.gz")["model"] == tag
    invoke = hosting.runtime.invoke_endpoint
    for target in ("../one/model.tar.gz", "none.tar.gz"):
        refused(invoke, "ModelError", r"\(400\)", EndpointName="many", Body=b"[]", TargetModel=target)
    refused(invoke, "ModelError", "TargetModel is", EndpointName="many", Body=b"[]")


def test_an_answer_in_parts(hosting: Hosting) -> None:
    script = (
        "def model_fn(d):\n    return None\n"
        "def transform_fn(m, body, kind, accept):\n    return body * 30_000, kind\n"
    )
    hosting.model("long", packed({"code/inference.py": script}))
    hosting.config("long", {"ModelName": "long"})
    hosting.endpoint("long", "long")
    request = {"EndpointName": "long", "ContentType": "a/b", "Accept": "a/b"}
    found = hosting.runtime.invoke_endpoint_with_response_stream(**request, Body=b"0123456789")
    assert (found["ContentType"], found["InvokedProductionVariant"]) == ("a/b", "AllTraffic")
    pieces = [event["PayloadPart"]["Bytes"] for event in found["Body"]]
    assert len(pieces) == 3
    assert b"".join(pieces) == b"0123456789" * 30_000
    nothing = hosting.runtime.invoke_endpoint_with_response_stream(**request, Body=b"")
    assert list(nothing["Body"]) == []
