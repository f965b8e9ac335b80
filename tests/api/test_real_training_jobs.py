"""Training jobs from CreateTrainingJob to their artifacts, with scripts that really run."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from labelwright.testing.jobs import aws
from labelwright.testing.server import RunningServer, running_server

SCRIPT = """
import argparse, os, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--mode", default="train")
given = parser.parse_args()
for name in sorted(os.listdir(os.environ["SM_CHANNEL_TRAIN"])):
    print(f"read {name}", flush=True)
with open(os.path.join(os.environ["SM_MODEL_DIR"], "weights.txt"), "w") as file:
    file.write(str(given.lr))
for epoch in range(3):
    print(f"epoch={epoch} loss={given.lr / (epoch + 1)};", flush=True)
if given.mode == "fail":
    raise ValueError("no more data")
if given.mode == "hang":
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("data"), training_jobs_at_once=3) as running:
        s3 = aws(running, "s3")
        s3.create_bucket(Bucket="acme")
        s3.put_object(Bucket="acme", Key="in/a.txt", Body=b"a")
        s3.put_object(Bucket="acme", Key="src/sourcedir.tar.gz", Body=archive("train.py", SCRIPT))
        yield running


def archive(name: str, text: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        info = tarfile.TarInfo(name)
        info.size = len(text)
        packed.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def start(server: RunningServer, name: str, *, prefix: str = "s3://acme/in", **hyperparameters: str) -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": prefix}
    aws(server, "sagemaker").create_training_job(
        TrainingJobName=name,
        RoleArn="arn:aws:iam::000000000000:role/train",
        AlgorithmSpecification={
            "TrainingImage": "local:python",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*?);"}],
        },
        HyperParameters={
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps("s3://acme/src/sourcedir.tar.gz"),
            **hyperparameters,
        },
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        OutputDataConfig={"S3OutputPath": "s3://acme/out"},
        ResourceConfig={"InstanceType": "local", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 300},
    )


def ended(server: RunningServer, name: str) -> dict[str, Any]:
    sagemaker = aws(server, "sagemaker")
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    with contextlib.suppress(WaiterError):  # raised for a job that failed
        waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
    shown: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
    return shown


def steps(shown: dict[str, Any]) -> list[str]:
    return [step["Status"] for step in shown["SecondaryStatusTransitions"]]


def artifact(server: RunningServer, shown: dict[str, Any]) -> dict[str, bytes]:
    bucket, _, key = shown["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    body = aws(server, "s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as packed:
        return {
            member.name: packed.extractfile(member).read()  # type: ignore[union-attr]
            for member in packed
            if member.isfile()
        }


def test_a_script_is_trained(server: RunningServer) -> None:
    start(server, "script-1", lr="0.75")
    shown = ended(server, "script-1")
    assert shown["TrainingJobStatus"] == "Completed", shown.get("FailureReason")
    assert steps(shown) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert [(m["MetricName"], m["Value"]) for m in shown["FinalMetricDataList"]] == [("loss", 0.25)]
    assert artifact(server, shown) == {"weights.txt": b"0.75"}


def test_a_script_that_fails_says_why(server: RunningServer) -> None:
    start(server, "fails-1", lr="1", mode="fail")
    shown = ended(server, "fails-1")
    assert shown["TrainingJobStatus"] == "Failed"
    assert shown["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:")
    assert "no more data" in shown["FailureReason"]


def test_a_prefix_without_objects_fails_the_job(server: RunningServer) -> None:
    start(server, "empty-1", prefix="s3://acme/nothing", lr="1")
    shown = ended(server, "empty-1")
    assert shown["FailureReason"].startswith("ClientError: Data download failed:")


def test_a_stopped_script_keeps_its_model(server: RunningServer) -> None:
    sagemaker = aws(server, "sagemaker")
    start(server, "hangs-1", lr="0.5", mode="hang")
    while not (shown := sagemaker.describe_training_job(TrainingJobName="hangs-1"))["FinalMetricDataList"]:
        assert shown["TrainingJobStatus"] == "InProgress", shown["FailureReason"]
        time.sleep(0.05)
    sagemaker.stop_training_job(TrainingJobName="hangs-1")
    shown = ended(server, "hangs-1")
    assert shown["TrainingJobStatus"] == "Stopped"
    assert steps(shown)[-3:] == ["Stopping", "Uploading", "Stopped"]
    assert artifact(server, shown) == {"weights.txt": b"0.5"}
