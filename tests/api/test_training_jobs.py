"""Training job operations with boto3; the server holds jobs back, so that they stay as they were made."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from labelwright.core.training_job import Ended, Outcome, Phase, PhaseBegan
from labelwright.store import metric_points, training_jobs
from labelwright.testing.jobs import aws
from labelwright.testing.server import RunningServer, running_server

ROLE = "arn:aws:iam::000000000000:role/train"
ECR = "811284229777.dkr.ecr.us-east-1.amazonaws.com"
REGION = "us-east-1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("data"), training_jobs_at_once=-1) as running:
        yield running


@pytest.fixture(scope="module")
def sagemaker(server: RunningServer) -> Any:
    return aws(server, "sagemaker")


def channel(name: str = "train", **more: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://acme/in", **more.pop("source", {})}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **more}


def request(name: str, **more: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": "acme/trainer:3", "TrainingInputMode": "File"},
        "InputDataConfig": [channel()],
        "OutputDataConfig": {"S3OutputPath": "s3://acme/out/"},
        "ResourceConfig": {"InstanceType": "ml.p9.tiny", "InstanceCount": 1, "VolumeSizeInGB": 50},
        "StoppingCondition": {"MaxRuntimeInSeconds": 360_000},
        **more,
    }


def refused(sagemaker: Any, words: str, **more: Any) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.create_training_job(**request("refused", **more))
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert words in error.value.response["Error"]["Message"]


def play(server: RunningServer, name: str, *outcome: Outcome, reason: str | None = None) -> None:
    """Let a job happen as if a program had run."""
    database = server.app.context.database
    row = database.read(partial(training_jobs.named, region=REGION, name=name))
    assert row is not None
    at = row.created_at
    events = [PhaseBegan(at + 5, Phase.DOWNLOADING), PhaseBegan(at + 10, Phase.TRAINING)]
    if outcome:
        events.append(PhaseBegan(at + 60, Phase.UPLOADING))
    ends = [Ended(at + 65, each, reason) for each in outcome]
    database.write(lambda c: training_jobs.transition(c, row.id, *events, *ends))


def test_the_answer_has_everything_that_clients_read(server: RunningServer, sagemaker: Any) -> None:
    extras = {
        # What SDKs always send, and has no effect here.
        "DebugHookConfig": {"S3OutputPath": "s3://acme/out", "CollectionConfigurations": []},
        "ProfilerConfig": {"S3OutputPath": "s3://acme/out", "DisableProfiler": False},
        "ExperimentConfig": {"ExperimentName": "e"},
        "Environment": {"A": "b"},
        "HyperParameters": {"num_classes": "2", "lr_scheduler_step": ""},
        "RetryStrategy": {"MaximumRetryAttempts": 2},
        "EnableNetworkIsolation": True,
    }
    image = {"TrainingImage": f"{ECR}/object-detection:1", "TrainingInputMode": "Pipe"}
    pipe = channel(
        source={"S3DataType": "AugmentedManifestFile", "AttributeNames": ["source-ref", "bb"]},
        ContentType="application/x-recordio",
    )
    sent = request("Birds-1", AlgorithmSpecification=image, InputDataConfig=[pipe], **extras)
    made = sagemaker.create_training_job(**sent, Tags=[{"Key": "team", "Value": "a"}])
    arn = "arn:aws:sagemaker:us-east-1:000000000000:training-job/Birds-1"
    assert made["TrainingJobArn"] == arn
    shown = sagemaker.describe_training_job(TrainingJobName="birds-1")
    for key in ("TrainingJobName", "RoleArn", "ResourceConfig", "StoppingCondition", *extras):
        assert shown[key] == sent[key], key
    assert shown["TrainingJobArn"] == arn
    assert (shown["TrainingJobStatus"], shown["SecondaryStatus"] in ("Starting", "Pending")) == (
        "InProgress",
        True,
    )
    assert shown["SecondaryStatusTransitions"][0]["Status"] == "Starting"
    assert all(step["StatusMessage"] for step in shown["SecondaryStatusTransitions"])
    assert shown["ModelArtifacts"] == {"S3ModelArtifacts": "s3://acme/out/Birds-1/output/model.tar.gz"}
    assert shown["OutputDataConfig"] == {
        "S3OutputPath": "s3://acme/out/",
        "KmsKeyId": "",
        "CompressionType": "GZIP",
    }
    assert shown["InputDataConfig"] == [{**pipe, "CompressionType": "None", "RecordWrapperType": "None"}]
    names = [metric["Name"] for metric in shown["AlgorithmSpecification"]["MetricDefinitions"]]
    assert "validation:mAP" in names
    assert shown["EnableManagedSpotTraining"] is False
    assert "TrainingTimeInSeconds" not in shown
    assert sagemaker.list_tags(ResourceArn=arn.lower())["Tags"] == [{"Key": "team", "Value": "a"}]


def test_a_job_that_has_ended(server: RunningServer, sagemaker: Any) -> None:
    definitions = [{"Name": "loss", "Regex": "loss=(.*?);"}]
    specification = {
        "TrainingImage": "acme/trainer",
        "TrainingInputMode": "File",
        "MetricDefinitions": definitions,
    }
    sagemaker.create_training_job(
        **request(
            "done",
            AlgorithmSpecification=specification,
            OutputDataConfig={"S3OutputPath": "s3://acme", "CompressionType": "NONE"},
        )
    )
    database = server.app.context.database
    row = database.read(partial(training_jobs.named, region=REGION, name="done"))
    assert row is not None
    database.write(lambda c: metric_points.add_points(c, "training-job", row.id, [("loss", 0.5, 1000.0)]))
    play(server, "done", Outcome.COMPLETED)
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName="done", WaiterConfig={"MaxAttempts": 1})
    shown = sagemaker.describe_training_job(TrainingJobName="done")
    story = shown["SecondaryStatusTransitions"]
    assert [step["Status"] for step in story if step["Status"] != "Pending"] == [
        "Starting", "Downloading", "Training", "Uploading", "Completed",
    ]  # fmt: skip
    assert all(a["EndTime"] == b["StartTime"] for a, b in pairwise(story))
    assert story[-1]["EndTime"] == shown["TrainingEndTime"]
    assert (shown["TrainingTimeInSeconds"], shown["BillableTimeInSeconds"]) == (60, 60)
    assert shown["ModelArtifacts"]["S3ModelArtifacts"] == "s3://acme/done/output/model/"
    assert shown["AlgorithmSpecification"]["MetricDefinitions"] == definitions
    assert [(m["MetricName"], m["Value"]) for m in shown["FinalMetricDataList"]] == [("loss", 0.5)]
    with pytest.raises(ClientError, match=r"ValidationException.*is in status Completed\."):
        sagemaker.stop_training_job(TrainingJobName="done")


def test_a_job_that_failed(server: RunningServer, sagemaker: Any) -> None:
    sagemaker.create_training_job(**request("failed"))
    play(server, "failed", Outcome.FAILED, reason="AlgorithmError: " + "x" * 2000)
    shown = sagemaker.describe_training_job(TrainingJobName="failed")
    assert shown["TrainingJobStatus"] == "Failed"
    assert len(shown["FailureReason"]) == 1024
    with pytest.raises(WaiterError):
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(
            TrainingJobName="failed", WaiterConfig={"MaxAttempts": 1}
        )


def test_names_are_unique_for_ever(server: RunningServer, sagemaker: Any) -> None:
    sagemaker.create_training_job(**request("Once"))
    play(server, "Once", Outcome.STOPPED)
    sagemaker.delete_training_job(TrainingJobName="Once")
    with pytest.raises(ClientError, match=r"ValidationException.*Requested resource not found\."):
        sagemaker.describe_training_job(TrainingJobName="Once")
    with pytest.raises(
        ClientError,
        match=r"ResourceInUse.*Training job names must be unique within an AWS account and region, and a "
        r"training job with this name already exists \(arn:aws:sagemaker:.*:training-job/Once\)",
    ):
        sagemaker.create_training_job(**request("once"))


def test_stopping_and_deleting(server: RunningServer, sagemaker: Any) -> None:
    sagemaker.create_training_job(**request("running"))
    play(server, "running")
    with pytest.raises(ClientError, match=r"ValidationException.*InProgress"):
        sagemaker.delete_training_job(TrainingJobName="running")
    sagemaker.create_training_job(**request("waiting"))
    sagemaker.stop_training_job(TrainingJobName="waiting")
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName="waiting", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    shown = sagemaker.describe_training_job(TrainingJobName="waiting")
    assert (shown["TrainingJobStatus"], shown["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert shown["TrainingTimeInSeconds"] >= 1
    for call in (sagemaker.stop_training_job, sagemaker.delete_training_job):
        with pytest.raises(ClientError, match=r"ValidationException.*Requested resource not found\."):
            call(TrainingJobName="never-was")


def test_changing_a_job(server: RunningServer, sagemaker: Any) -> None:
    resources = {"InstanceType": "local", "InstanceCount": 1, "KeepAlivePeriodInSeconds": 600}
    made = sagemaker.create_training_job(**request("warm", ResourceConfig=resources))
    answer = sagemaker.update_training_job(
        TrainingJobName="warm",
        ResourceConfig={"KeepAlivePeriodInSeconds": 60},
        ProfilerConfig={"DisableProfiler": True},
    )
    assert answer["TrainingJobArn"] == made["TrainingJobArn"]
    shown = sagemaker.describe_training_job(TrainingJobName="warm")
    assert shown["ResourceConfig"] == {**resources, "KeepAlivePeriodInSeconds": 60, "VolumeSizeInGB": 30}
    assert shown["ProfilerConfig"] == {"DisableProfiler": True}
    assert shown["WarmPoolStatus"] == {"Status": "InUse"}
    in_use = sagemaker.list_training_jobs(WarmPoolStatusEquals="InUse")["TrainingJobSummaries"]
    assert [job["TrainingJobName"] for job in in_use] == ["warm"]
    play(server, "warm", Outcome.COMPLETED)
    shown = sagemaker.describe_training_job(TrainingJobName="warm")
    assert shown["WarmPoolStatus"]["Status"] == "Terminated"
    assert sagemaker.list_training_jobs(WarmPoolStatusEquals="InUse")["TrainingJobSummaries"] == []
    with pytest.raises(ClientError, match=r"ValidationException.*is in status Completed"):
        sagemaker.update_training_job(TrainingJobName="warm", ProfilerConfig={"DisableProfiler": False})


def test_listing(server: RunningServer, sagemaker: Any) -> None:
    names = [f"List-{n}" for n in "cabed"]
    for name in names:
        sagemaker.create_training_job(**request(name))
    play(server, "List-a", Outcome.FAILED)

    def listed(**more: Any) -> list[str]:
        pages = sagemaker.get_paginator("list_training_jobs").paginate(
            NameContains="list-", PaginationConfig={"PageSize": 2}, **more
        )
        return [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]

    assert listed() == names[::-1]  # newest first when nothing is said
    assert listed(SortOrder="Ascending") == names
    assert listed(SortBy="Name") == sorted(names)
    assert listed(SortBy="Name", SortOrder="Descending") == sorted(names, reverse=True)
    assert listed(SortBy="Status")[0] == "List-a"
    assert listed(StatusEquals="Failed") == ["List-a"]
    third = sagemaker.describe_training_job(TrainingJobName="List-b")["CreationTime"]
    assert listed(CreationTimeAfter=third) == ["List-d", "List-e"]
    assert listed(CreationTimeBefore=third) == ["List-a", "List-c"]
    summary = sagemaker.list_training_jobs(NameContains="List-a")["TrainingJobSummaries"][0]
    assert summary["SecondaryStatus"] == "Failed"
    assert summary["TrainingEndTime"] > summary["CreationTime"]


def test_requests_that_cannot_be(sagemaker: Any) -> None:
    def specified(**specification: Any) -> dict[str, Any]:
        return {"AlgorithmSpecification": {"TrainingInputMode": "File", **specification}}

    refused(sagemaker, "Could not find algorithm", **specified(AlgorithmName="market"))
    refused(sagemaker, "TrainingImage", **specified())
    refused(
        sagemaker,
        "regular expression",
        **specified(TrainingImage="a", MetricDefinitions=[{"Name": "a", "Regex": "("}]),
    )
    manifest = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["a"]}
    refused(sagemaker, "must be Pipe", InputDataConfig=[channel(source=manifest)])
    refused(
        sagemaker,
        "AttributeNames",
        InputDataConfig=[channel(source={"S3DataType": "AugmentedManifestFile"}, InputMode="Pipe")],
    )
    refused(sagemaker, "only when S3DataType", InputDataConfig=[channel(source={"AttributeNames": ["a"]})])
    refused(
        sagemaker,
        "must be S3Prefix",
        InputDataConfig=[channel(source={"S3DataType": "ManifestFile"}, InputMode="FastFile")],
    )
    refused(sagemaker, "differ", InputDataConfig=[channel(), channel()])
    files = {
        "FileSystemId": "fs-01234567",
        "FileSystemAccessMode": "ro",
        "FileSystemType": "EFS",
        "DirectoryPath": "/a",
    }
    both = channel()
    both["DataSource"]["FileSystemDataSource"] = files
    refused(sagemaker, "exactly one data source", InputDataConfig=[both])
    mounted = {"ChannelName": "a", "DataSource": {"FileSystemDataSource": files}}
    refused(sagemaker, "cannot be mounted", InputDataConfig=[mounted])
    refused(sagemaker, "S3OutputPath", OutputDataConfig={"S3OutputPath": "https://acme/out"})
    refused(
        sagemaker,
        "'resourceConfig.instanceType' failed to satisfy constraint: Member must satisfy enum value set",
        ResourceConfig={"InstanceType": "m5.large", "InstanceCount": 1},
    )
    group = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "InstanceGroupName": "g"}
    refused(
        sagemaker, "InstanceGroups", ResourceConfig={"InstanceGroups": [group], "InstanceType": "ml.m5.large"}
    )
    refused(sagemaker, "28 days", StoppingCondition={"MaxRuntimeInSeconds": 2_419_201})
    refused(sagemaker, "MaxWaitTimeInSeconds must be given", EnableManagedSpotTraining=True)
    times = {"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 99}
    refused(sagemaker, "at least MaxRuntime", EnableManagedSpotTraining=True, StoppingCondition=times)
    refused(sagemaker, "only with Enable", StoppingCondition=times)
    text = {"TrainingImage": f"{ECR}/blazingtext:1", "TrainingInputMode": "File"}
    refused(
        sagemaker,
        "no checkpoints",
        EnableManagedSpotTraining=True,
        AlgorithmSpecification=text,
        StoppingCondition={"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 3601},
    )
    refused(sagemaker, "LocalPath", CheckpointConfig={"S3Uri": "s3://acme/c", "LocalPath": "/opt/ml/model/x"})
    refused(sagemaker, "'trainingJobName'", TrainingJobName="bad name")
    with pytest.raises(ClientError, match="Requested resource not found"):
        sagemaker.describe_training_job(TrainingJobName="refused")


def test_what_may_be_left_out(sagemaker: Any) -> None:
    short = request("short", ResourceConfig={"InstanceType": "local", "InstanceCount": 1})
    del short["InputDataConfig"], short["StoppingCondition"]
    sagemaker.create_training_job(**short)
    shown = sagemaker.describe_training_job(TrainingJobName="short")
    assert shown["InputDataConfig"] == []
    assert shown["StoppingCondition"] == {"MaxRuntimeInSeconds": 86_400}
    assert shown["ResourceConfig"]["VolumeSizeInGB"] == 30
