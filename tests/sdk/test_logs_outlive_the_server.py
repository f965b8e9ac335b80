"""The server is killed while a log is followed: the job goes on, and so does the reader."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import boto3
import pytest

LABELWRIGHT = Path(sys.executable).with_name("labelwright")
KEY, SECRET = "LKIATESTTESTTESTTEST", "s" * 40
SCRIPT = """
import time
for i in range(80):
    print(f"line {i};", flush=True)
    time.sleep(0.05)
"""


class Server:
    """``labelwright serve`` on a port that stays the same."""

    def __init__(self, data_dir: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = taken.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.variables = {
            "AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "eu-west-1",
        }  # fmt: skip
        self._command = [LABELWRIGHT, "serve", "--data", data_dir, "--port", str(self.port)]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        keys = {"LABELWRIGHT_ROOT_ACCESS_KEY_ID": KEY, "LABELWRIGHT_ROOT_SECRET_ACCESS_KEY": SECRET}
        self.process = subprocess.Popen(
            self._command, env={**os.environ, **keys}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the server did not start")

    def end(self, how: signal.Signals) -> None:
        """End it and wait for that."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(60)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data")
    server.start()
    yield server
    server.end(signal.SIGTERM)


def _start_job(server: Server) -> None:
    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
    clients = {
        name: boto3.client(name, endpoint_url=server.url, region_name="eu-west-1", **keys)
        for name in ("s3", "sagemaker")
    }
    source = io.BytesIO()
    with tarfile.open(fileobj=source, mode="w:gz") as archive:
        about = tarfile.TarInfo("slow.py")
        about.size = len(SCRIPT)
        archive.addfile(about, io.BytesIO(SCRIPT.encode()))
    clients["s3"].create_bucket(Bucket="acme")
    clients["s3"].put_object(Bucket="acme", Key="source.tar.gz", Body=source.getvalue())
    clients["sagemaker"].create_training_job(
        TrainingJobName="slow",
        RoleArn="arn:aws:iam::000000000000:role/any",
        AlgorithmSpecification={"TrainingImage": "local:python", "TrainingInputMode": "File"},
        HyperParameters={
            "sagemaker_program": "slow.py",
            "sagemaker_submit_directory": "s3://acme/source.tar.gz",
        },
        OutputDataConfig={"S3OutputPath": "s3://acme/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )


def _lines_until(output: IO[str], text: str) -> list[str]:
    seen: list[str] = []
    for line in output:
        seen.append(line.rstrip("\n"))
        if text in line:
            return seen
    raise AssertionError(f"no line had {text!r}: {seen}")


@pytest.mark.slow
def test_a_log_is_followed_over_the_death_of_the_server(server: Server) -> None:
    _start_job(server)
    follower = subprocess.Popen(
        [LABELWRIGHT, "job", "logs", "slow", "--follow"],
        env={**os.environ, **server.variables}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with follower:
        assert follower.stdout is not None
        assert follower.stderr is not None
        seen = _lines_until(follower.stdout, "line 5;")
        server.end(signal.SIGKILL)
        server.start()
        seen += [line.rstrip("\n") for line in follower.stdout]
        said = follower.stderr.read()
    assert follower.returncode == 0, said
    assert [line for line in seen if line.startswith("line ")] == [f"line {i};" for i in range(80)]
    assert said.endswith("Training job slow: Completed\n")
