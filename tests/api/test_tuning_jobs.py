"""Tuning job operations with boto3, over scripts that really run."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from labelwright.testing.jobs import aws
from labelwright.testing.server import RunningServer, running_server

SCRIPT = """
import argparse, time
parser = argparse.ArgumentParser()
parser.add_argument("-x", type=float)
parser.add_argument("--hold", default="no")
given, _ = parser.parse_known_args()
print(f"score={(given.x - 0.25) ** 2};", flush=True)
if given.hold == "yes":
    time.sleep(600)
"""
ROLE = "arn:aws:iam::000000000000:role/tune"
TERMINAL = ("Completed", "Failed", "Stopped")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("data"), training_jobs_at_once=3) as running:
        s3 = aws(running, "s3")
        s3.create_bucket(Bucket="acme")
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as packed:
            info = tarfile.TarInfo("train.py")
            info.size = len(SCRIPT)
            packed.addfile(info, io.BytesIO(SCRIPT.encode()))
        s3.put_object(Bucket="acme", Key="src/sourcedir.tar.gz", Body=out.getvalue())
        yield running


@pytest.fixture(scope="module")
def sagemaker(server: RunningServer) -> Any:
    return aws(server, "sagemaker")


def request(name: str, *, hold: str = "no", n: int = 3, **config: Any) -> dict[str, Any]:
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "score"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": n, "MaxParallelTrainingJobs": 3},
            "ParameterRanges": {
                "ContinuousParameterRanges": [
                    {"Name": "x", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"}
                ],
                "IntegerParameterRanges": [],
                "CategoricalParameterRanges": [],
            },
            "TrainingJobEarlyStoppingType": "Off",
            "RandomSeed": 1,
            **config,
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {
                "hold": hold,
                "sagemaker_program": json.dumps("train.py"),
                "sagemaker_submit_directory": json.dumps("s3://acme/src/sourcedir.tar.gz"),
            },
            "AlgorithmSpecification": {
                "TrainingImage": "local:python",
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "score", "Regex": "score=(.*?);"}],
            },
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": "s3://acme/out"},
            "HyperParameterTuningResourceConfig": {
                "InstanceCount": 1,
                "InstanceType": "local",
                "VolumeSizeInGB": 1,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        },
    }


def described(sagemaker: Any, name: str) -> dict[str, Any]:
    shown: dict[str, Any] = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    return shown


def ended(sagemaker: Any, name: str) -> dict[str, Any]:
    end = time.monotonic() + 180
    while (shown := described(sagemaker, name))["HyperParameterTuningJobStatus"] not in TERMINAL:
        assert time.monotonic() < end, shown
        time.sleep(0.05)
    return shown


def test_a_tuning_job_and_what_clients_read_of_it(sagemaker: Any) -> None:
    sent = request("Screws-1")
    made = sagemaker.create_hyper_parameter_tuning_job(**sent, Tags=[{"Key": "team", "Value": "a"}])
    arn = "arn:aws:sagemaker:us-east-1:000000000000:hyper-parameter-tuning-job/Screws-1"
    assert made["HyperParameterTuningJobArn"] == arn
    shown = ended(sagemaker, "screws-1")
    assert shown["HyperParameterTuningJobStatus"] == "Completed", shown.get("FailureReason")
    config = sent["HyperParameterTuningJobConfig"]
    assert shown["HyperParameterTuningJobConfig"] == config
    static = shown["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static["_tuning_objective_metric"] == "score" and static["hold"] == "no"
    assert shown["TrainingJobStatusCounters"] == {
        "Completed": 3,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    }
    assert shown["ObjectiveStatusCounters"] == {"Succeeded": 3, "Pending": 0, "Failed": 0}
    assert shown["ConsumedResources"]["RuntimeInSeconds"] >= 0
    assert shown["HyperParameterTuningEndTime"] >= shown["CreationTime"]

    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName="Screws-1",
        SortBy="FinalObjectiveMetricValue",
        PaginationConfig={"PageSize": 2},
    )
    jobs = [job for page in pages for job in page["TrainingJobSummaries"]]
    values = [job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for job in jobs]
    assert len(jobs) == 3 and values == sorted(values)
    for job in jobs:
        assert job["ObjectiveStatus"] == "Succeeded" and job["TrainingJobStatus"] == "Completed"
        expected = (float(job["TunedHyperParameters"]["x"]) - 0.25) ** 2
        assert job["FinalHyperParameterTuningJobObjectiveMetric"] == {
            "Type": "Minimize",
            "MetricName": "score",
            "Value": pytest.approx(expected),
        }
    best = shown["BestTrainingJob"]
    assert best["TrainingJobName"] == jobs[0]["TrainingJobName"]
    trained = sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert trained["TuningJobArn"] == arn
    assert trained["HyperParameters"]["x"] == best["TunedHyperParameters"]["x"]
    assert sagemaker.list_tags(ResourceArn=trained["TrainingJobArn"])["Tags"] == [
        {"Key": "team", "Value": "a"}
    ]
    with pytest.raises(
        ClientError, match=r"ResourceInUse.*must be unique within an AWS account.*already exists"
    ):
        sagemaker.create_hyper_parameter_tuning_job(**request("screws-1"))
    with pytest.raises(ClientError, match=r"ValidationException.*tuning job is in status Completed\."):
        sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="Screws-1")

    # A warm start on the same data shows the best of all.
    child = request("Screws-2", n=1)
    child["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "Screws-1"}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    child["HyperParameterTuningJobConfig"]["ParameterRanges"]["ContinuousParameterRanges"] = [
        {"Name": "x", "MinValue": "0.9", "MaxValue": "1"}
    ]
    sagemaker.create_hyper_parameter_tuning_job(**child)
    warm = ended(sagemaker, "Screws-2")
    assert warm["WarmStartConfig"] == child["WarmStartConfig"]
    assert warm["OverallBestTrainingJob"]["TrainingJobName"] == best["TrainingJobName"]
    assert warm["OverallBestTrainingJob"]["TuningJobName"] == "Screws-1"
    assert warm["BestTrainingJob"]["TrainingJobName"].startswith("Screws-2-001-")

    sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="Screws-2")
    with pytest.raises(
        ClientError, match=r"ResourceNotFound.*can't find a tuning job with the name Screws-2"
    ):
        described(sagemaker, "Screws-2")


def test_stopping_a_tuning_job(sagemaker: Any) -> None:
    sagemaker.create_hyper_parameter_tuning_job(**request("stopped-1", hold="yes", n=9))
    running: list[dict[str, Any]] = []
    while len(running) < 3:
        assert described(sagemaker, "stopped-1")["HyperParameterTuningJobStatus"] == "InProgress"
        time.sleep(0.05)
        running = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
            HyperParameterTuningJobName="stopped-1"
        )["TrainingJobSummaries"]
    with pytest.raises(ClientError, match="ValidationException"):
        sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped-1")
    parent = request("child-1")
    parent["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "stopped-1"}],
        "WarmStartType": "TransferLearning",
    }
    with pytest.raises(ClientError, match=r"ValidationException.*it is InProgress"):
        sagemaker.create_hyper_parameter_tuning_job(**parent)
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped-1")
    shown = ended(sagemaker, "stopped-1")
    assert shown["HyperParameterTuningJobStatus"] == "Stopped"
    assert shown["TrainingJobStatusCounters"]["Stopped"] == 3


def test_listing_tuning_jobs(server: RunningServer, sagemaker: Any) -> None:
    for name in ("list-b", "list-c", "List-a"):
        sagemaker.create_hyper_parameter_tuning_job(**request(name, n=1))

    def listed(**more: Any) -> list[str]:
        pages = sagemaker.get_paginator("list_hyper_parameter_tuning_jobs").paginate(
            NameContains="list", PaginationConfig={"PageSize": 2}, **more
        )
        return [
            job["HyperParameterTuningJobName"]
            for page in pages
            for job in page["HyperParameterTuningJobSummaries"]
        ]

    assert listed() == ["List-a", "list-b", "list-c"]
    assert listed(SortBy="CreationTime", SortOrder="Descending") == ["List-a", "list-c", "list-b"]
    assert listed(StatusEquals="Failed") == []
    (summary,) = sagemaker.list_hyper_parameter_tuning_jobs(NameContains="list-b")[
        "HyperParameterTuningJobSummaries"
    ]
    assert summary["Strategy"] == "Random"
    assert summary["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 1
    for name in ("list-b", "list-c", "List-a"):
        assert ended(sagemaker, name)["HyperParameterTuningJobStatus"] == "Completed"


def test_requests_that_cannot_be(sagemaker: Any) -> None:
    wrong = request("wrong", Strategy="Grid")
    with pytest.raises(ClientError, match=r"ValidationException.*must be categorical"):
        sagemaker.create_hyper_parameter_tuning_job(**wrong)
    missing = request("wrong")
    missing["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"] = "loss"
    with pytest.raises(ClientError, match=r"ValidationException.*one of the MetricDefinitions"):
        sagemaker.create_hyper_parameter_tuning_job(**missing)
    for call in (
        sagemaker.stop_hyper_parameter_tuning_job,
        sagemaker.delete_hyper_parameter_tuning_job,
        sagemaker.list_training_jobs_for_hyper_parameter_tuning_job,
    ):
        with pytest.raises(ClientError, match="ResourceNotFound"):
            call(HyperParameterTuningJobName="wrong")
