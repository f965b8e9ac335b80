"""Batch transform through boto3, with a model served by a script."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import signal
import tarfile
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

BUCKET = "birds"
SCRIPT = '''
"""Answers with what it was sent, in upper case; some words have effects."""
import json, os, time

def model_fn(model_dir):
    return os.environ.get("GREETING", "")

def transform_fn(greeting, body, content_type, accept):
    text = body
    if "slow" in text:
        time.sleep(float(os.environ["SLOW_S"]))
    if "broken" in text:
        raise ValueError("a broken record")
    if "deadly" in text:
        os._exit(3)
    if accept == "application/jsonlines":
        return json.dumps({"n": len(text), "batch": os.environ["SAGEMAKER_BATCH"]}) + "\\n", accept
    if accept == "text/csv":
        return "\\n".join(str(row.count(",") + 1) for row in text.split("\\n")), accept
    return greeting + text.upper(), "text/plain"
'''
REQUEST: dict[str, Any] = {
    "ModelName": "shouter",
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in/"}},
        "ContentType": "text/plain",
    },
    "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/out/"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    "ModelClientConfig": {"InvocationsMaxRetries": 0},
}


def request(name: str, **changes: Any) -> dict[str, Any]:
    """The usual request with other members; ``TransformInput__SplitType`` names a nested one."""
    made: dict[str, Any] = json.loads(json.dumps({"TransformJobName": name, **REQUEST}))
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = made
        for parent in parents:
            place = place[parent]
        place[last] = value
    return made


@pytest.fixture
def s3(served: Any) -> Any:
    client = served.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": served.region})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        info = tarfile.TarInfo("code/inference.py")
        info.size = len(SCRIPT)
        archive.addfile(info, io.BytesIO(SCRIPT.encode()))
    client.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=packed.getvalue())
    return client


@pytest.fixture
def model(sagemaker: Any, s3: Any) -> None:
    sagemaker.create_model(
        ModelName="shouter",
        PrimaryContainer={
            "Image": "000000000000.dkr.ecr.eu-west-1.amazonaws.com/shouter:1",
            "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz",
            "Environment": {"GREETING": "oh, "},
        },
        ExecutionRoleArn="arn:aws:iam::000000000000:role/Transforming",
    )


def put(s3: Any, **objects: str | bytes) -> None:
    for key, body in objects.items():
        s3.put_object(Bucket=BUCKET, Key=f"in/{key}", Body=body)


def outputs(s3: Any) -> dict[str, bytes]:
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix="out/").get("Contents", [])
    return {
        entry["Key"].removeprefix("out/"): s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
        for entry in found
    }


def wait(sagemaker: Any, name: str) -> dict[str, Any]:
    waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
    with contextlib.suppress(Exception):
        waiter.wait(TransformJobName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})
    described: dict[str, Any] = sagemaker.describe_transform_job(TransformJobName=name)
    assert described["TransformJobStatus"] in ("Completed", "Failed", "Stopped"), described
    return described


def refused(call: Callable[..., Any], **members: Any) -> dict[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**members)
    error: dict[str, str] = caught.value.response["Error"]
    return error


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_job_from_request_to_outputs(served: Any, sagemaker: Any, s3: Any, model: None) -> None:
    put(s3, **{"a.txt": "lark", "more/b.txt": "wren", "broken.txt": "broken"})
    tags = [{"Key": "kind", "Value": "songbird"}]
    arn = sagemaker.create_transform_job(**request("first"), Tags=tags)["TransformJobArn"]
    assert arn == "arn:aws:sagemaker:eu-west-1:000000000000:transform-job/first"
    described = wait(sagemaker, "first")

    # One bad object stops none of the others, and makes the job a failed one.
    assert outputs(s3) == {"a.txt.out": b"oh, LARK", "more/b.txt.out": b"oh, WREN"}
    assert described["TransformJobStatus"] == "Failed"
    reason = described["FailureReason"]
    assert reason.startswith("InternalServerError: See job logs for more information.")
    assert "1 of 3 objects failed" in reason and "a broken record" in reason
    assert {key: described[key] for key in REQUEST} == REQUEST
    assert described["CreationTime"] <= described["TransformStartTime"] <= described["TransformEndTime"]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
    assert s3.head_object(Bucket=BUCKET, Key="out/a.txt.out")["ContentType"] == "text/plain"

    logs = served.client("logs")
    group = "/aws/sagemaker/TransformJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="first/")["logStreams"]
    assert len(streams) == 2 and streams[1]["logStreamName"].endswith("/data-log")
    events = logs.get_log_events(
        logGroupName=group, logStreamName=streams[1]["logStreamName"], startFromHead=True
    )["events"]
    assert events[0]["message"] == (
        "[sagemaker logs]: MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
    )
    assert events[1]["message"].startswith("[sagemaker logs]: broken.txt: InternalServerError: ")

    taken = refused(sagemaker.create_transform_job, **request("First"))
    assert taken["Code"] == "ResourceInUse"
    assert "must be unique within an AWS account" in taken["Message"] and arn in taken["Message"]
    over = refused(sagemaker.stop_transform_job, TransformJobName="first")
    assert over["Message"] == "The request was rejected because the transform job is in status Failed."
    # Nothing of it stays on the disk but its logs.
    until(lambda: not list((served.data_dir / "spool").rglob("*.*.*")))


def test_lines_are_filtered_joined_and_assembled(sagemaker: Any, s3: Any, model: None) -> None:
    put(s3, **{"rows.csv.gz": gzip.compress(b"17,a,b,c\n18,d,e,f\n\n19,g,h,i\n")})
    csv = request(
        "csv",
        TransformInput__ContentType="text/csv",
        TransformInput__SplitType="Line",
        TransformInput__CompressionType="Gzip",
        TransformOutput__AssembleWith="Line",
        TransformOutput__Accept="text/csv",
        DataProcessing={"InputFilter": "$[1:]", "OutputFilter": "$[0,-1]", "JoinSource": "Input"},
    )
    sagemaker.create_transform_job(**csv)
    assert wait(sagemaker, "csv")["TransformJobStatus"] == "Completed"
    assert outputs(s3) == {"rows.csv.gz.out": b"17,3\n18,3\n19,3\n"}


def test_manifests_and_lines_of_augmented_manifests(sagemaker: Any, s3: Any, model: None) -> None:
    put(s3, a="lark", b="wren")
    keys = json.dumps([{"prefix": f"s3://{BUCKET}/in/"}, "a", "b"])
    lines = [
        {"id": 1, "source-ref": f"s3://{BUCKET}/in/a"},
        {"id": 2, "source": "robin"},
        {"source-ref": f"s3://{BUCKET}/in/none", "id": 3},
    ]
    s3.put_object(Bucket=BUCKET, Key="keys.json", Body=keys)
    s3.put_object(Bucket=BUCKET, Key="birds.manifest", Body="\n".join(map(json.dumps, lines)))
    plain = request("keys", TransformOutput__S3OutputPath=f"s3://{BUCKET}/out/keys")
    plain["TransformInput"]["DataSource"]["S3DataSource"] = {
        "S3DataType": "ManifestFile",
        "S3Uri": f"s3://{BUCKET}/keys.json",
    }
    joined = request(
        "lines",
        TransformOutput__Accept="application/jsonlines",
        DataProcessing={"JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"},
    )
    joined["TransformInput"]["DataSource"]["S3DataSource"] = {
        "S3DataType": "AugmentedManifestFile",
        "S3Uri": f"s3://{BUCKET}/birds.manifest",
    }
    sagemaker.create_transform_job(**plain)
    sagemaker.create_transform_job(**joined)
    assert wait(sagemaker, "keys")["TransformJobStatus"] == "Completed"
    described = wait(sagemaker, "lines")
    assert described["FailureReason"].startswith("ClientError: See job logs for more information.")
    assert "NoSuchKey" in described["FailureReason"]
    assert outputs(s3) == {
        "birds.manifest/00000001.out": b'{"id":1,"SageMakerOutput":{"n":4,"batch":"true"}}',
        "birds.manifest/00000002.out": b'{"id":2,"SageMakerOutput":{"n":5,"batch":"true"}}',
        "keys/a.out": b"oh, LARK",
        "keys/b.out": b"oh, WREN",
    }


def test_a_job_is_stopped(sagemaker: Any, s3: Any, model: None) -> None:
    put(s3, **{"1": "lark", "2": "slow", "3": "wren"})
    sagemaker.create_transform_job(**request("slow", Environment={"SLOW_S": "600"}))
    until(lambda: "1.out" in outputs(s3))
    sagemaker.stop_transform_job(TransformJobName="slow")
    again = refused(sagemaker.stop_transform_job, TransformJobName="slow")
    assert again["Code"] == "ValidationException"
    assert wait(sagemaker, "slow")["TransformJobStatus"] == "Stopped"
    assert list(outputs(s3)) == ["1.out"]


def test_a_container_that_dies_and_a_program_that_is_killed(
    served: Any, sagemaker: Any, s3: Any, model: None
) -> None:
    put(s3, **{"1": "lark", "2": "deadly", "3": "robin", "4": "slow wren"})
    sagemaker.create_transform_job(**request("killed", Environment={"SLOW_S": "1"}))
    until(lambda: "3.out" in outputs(s3))
    before = s3.head_object(Bucket=BUCKET, Key="out/1.out")["LastModified"]
    process = next((served.data_dir / "programs" / "transform").glob("killed.*.1/process.json"))
    os.kill(json.loads(process.read_bytes())["pid"], signal.SIGKILL)
    described = wait(sagemaker, "killed")
    assert "1 of 4 objects failed" in described["FailureReason"]
    assert outputs(s3) == {"1.out": b"oh, LARK", "3.out": b"oh, ROBIN", "4.out": b"oh, SLOW WREN"}
    assert s3.head_object(Bucket=BUCKET, Key="out/1.out")["LastModified"] == before  # not done again


def test_what_cannot_be(sagemaker: Any, s3: Any, model: None) -> None:
    create = sagemaker.create_transform_job
    missing = refused(create, **request("x", ModelName="nobody"))
    assert missing["Code"] == "ValidationException"
    assert missing["Message"].startswith(
        'Could not find model "arn:aws:sagemaker:eu-west-1:000000000000:model/nobody".'
    )
    for field, value, said in (
        ("MaxPayloadInMB", 101, "0 to 100"),
        ("MaxConcurrentTransforms", 17, "102 and must not exceed 100"),
        ("TransformResources__InstanceCount", 101, "1 to 100"),
        ("TransformInput__DataSource__S3DataSource__S3DataType", "Converse", "S3Prefix"),
        ("TransformOutput__S3OutputPath", "https://b/x", "S3 URI"),
        ("DataProcessing", {"JoinSource": "Input"}, "ContentType"),
    ):
        error = refused(create, **request("x", **{"MaxPayloadInMB": 6, field: value}))
        assert error["Code"] == "ValidationException" and said in error["Message"], error
    for call in (sagemaker.describe_transform_job, sagemaker.stop_transform_job):
        error = refused(call, TransformJobName="nothing")
        assert (error["Code"], error["Message"]) == (
            "ValidationException",
            "Could not find requested job with name: nothing",
        )
    # What only shows once the job runs is the reason of its failure.
    create(**request("empty"))
    assert "no object begins with" in wait(sagemaker, "empty")["FailureReason"]
    put(s3, a="lark")
    create(**request("nowhere", TransformOutput__S3OutputPath="s3://no-such-bucket/out"))
    assert wait(sagemaker, "nowhere")["FailureReason"].startswith("ClientError: Data upload failed")


def test_jobs_are_listed(sagemaker: Any, s3: Any, model: None) -> None:
    for name in ("lark-1", "wren-1", "lark-2"):
        sagemaker.create_transform_job(**request(name))
        wait(sagemaker, name)

    def names(**members: Any) -> list[str]:
        pages = sagemaker.get_paginator("list_transform_jobs").paginate(
            PaginationConfig={"PageSize": 2}, **members
        )
        return [job["TransformJobName"] for page in pages for job in page["TransformJobSummaries"]]

    assert names() == ["lark-2", "wren-1", "lark-1"]
    assert names(SortBy="Name", SortOrder="Ascending") == ["lark-1", "lark-2", "wren-1"]
    assert names(NameContains="LARK", SortOrder="Ascending") == ["lark-1", "lark-2"]
    assert names(StatusEquals="Failed", SortBy="Status") == ["lark-2", "wren-1", "lark-1"]
    assert names(StatusEquals="InProgress") == []
    created = sagemaker.describe_transform_job(TransformJobName="wren-1")["CreationTime"]
    assert names(CreationTimeAfter=created) == ["lark-2"]
    assert names(CreationTimeBefore=created) == ["lark-1"]
