"""Training with the AWS CLI, unmodified: create, look, read the log, fetch the model."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelwright.testing.server import RunningServer

AWS = Path(sys.executable).with_name("aws")
LABELWRIGHT = Path(sys.executable).with_name("labelwright")
SOURCE = Path(__file__).parent / "flows" / "source" / "train.py"
GROUP = "/aws/sagemaker/TrainingJobs"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not AWS.exists(), reason="the AWS CLI is not installed beside this Python"),
]


@pytest.fixture
def aws(sdk_server: RunningServer, tmp_path: Path) -> Callable[..., Any]:
    """Runs ``labelwright exec -- aws ...``; its JSON answer, or its text."""

    def run(*words: str, **variables: str) -> Any:
        environment = {
            **os.environ, **sdk_server.environment(), "HOME": str(tmp_path), "AWS_PAGER": "", **variables,
        }  # fmt: skip
        command = [LABELWRIGHT, "exec", "--", AWS, *words]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.lstrip().startswith("{") else done.stdout

    return run


def _cli(server: RunningServer, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **server.environment()}
    return subprocess.run(
        [LABELWRIGHT, *words], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_job_from_its_creation_to_its_model(
    aws: Callable[..., Any], sdk_server: RunningServer, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    (data / "numbers").mkdir(parents=True)
    (data / "numbers" / "a.txt").write_text("1 2 6\n")
    with tarfile.open(data / "sourcedir.tar.gz", "w:gz") as archive:
        archive.add(SOURCE, "train.py")
    aws("s3", "mb", "s3://cli")
    aws("s3", "cp", "--recursive", "--only-show-errors", str(data), "s3://cli/in")
    request = {
        "TrainingJobName": "by-cli",
        "RoleArn": "arn:aws:iam::000000000000:role/any",
        "AlgorithmSpecification": {
            "TrainingImage": "local:python",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "error", "Regex": "error=(.*?);"}],
        },
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "s3://cli/in/sourcedir.tar.gz",
            "epochs": "2",
        },
        "InputDataConfig": [
            {
                "ChannelName": "training",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://cli/in/numbers/"}},
            }
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://cli/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    made = aws("sagemaker", "create-training-job", "--cli-input-json", json.dumps(request))
    assert made["TrainingJobArn"].endswith(":training-job/by-cli")
    followed = _cli(sdk_server, "job", "logs", "by-cli", "--follow")
    assert followed.returncode == 0, followed.stderr
    assert "epoch=1; error=0.750000;" in followed.stdout.splitlines()
    assert "Training job by-cli: Completed" in followed.stderr

    aws("sagemaker", "wait", "training-job-completed-or-stopped", "--training-job-name", "by-cli")
    about = aws("sagemaker", "describe-training-job", "--training-job-name", "by-cli")
    assert about["TrainingJobStatus"] == "Completed"
    # As notebooks plot a log: the name of the job alone, and no order.
    streams = aws(
        "logs", "describe-log-streams", "--log-group-name", GROUP, "--log-stream-name-prefix", "by-cli"
    )["logStreams"]
    events = aws(
        "logs", "get-log-events", "--log-group-name", GROUP, "--log-stream-name", streams[0]["logStreamName"]
    )["events"]
    assert [event["message"] for event in events if event["message"].startswith("epoch=")] == [
        "epoch=0; error=1.500000;", "epoch=1; error=0.750000;",
    ]  # fmt: skip
    measured = aws(
        "cloudwatch", "get-metric-statistics", "--namespace", GROUP, "--metric-name", "error",
        "--dimensions", "Name=TrainingJobName,Value=by-cli", "--period", "60", "--statistics", "Minimum",
        "--start-time", str(about["TrainingStartTime"]), "--end-time", str(time.time() + 60),
    )  # fmt: skip
    assert min(point["Minimum"] for point in measured["Datapoints"]) == 0.75
    model = tmp_path / "model.tar.gz"
    aws("s3", "cp", "--only-show-errors", about["ModelArtifacts"]["S3ModelArtifacts"], str(model))
    with tarfile.open(fileobj=io.BytesIO(model.read_bytes())) as archive:
        member = archive.extractfile("model.json")
        assert member is not None
        assert json.load(member)["guess"] == 2.25


def test_the_log_of_what_is_not_there(sdk_server: RunningServer) -> None:
    done = _cli(sdk_server, "job", "logs", "nobody")
    assert done.returncode == 1
    assert "No training job, transform job, endpoint or function is called 'nobody'" in done.stderr
    done = _cli(sdk_server, "job", "logs", "nobody", "--kind", "training", "--follow")
    assert "There is no training job 'nobody'" in done.stderr
