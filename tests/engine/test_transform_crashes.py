"""kill -9 of the server while a transform job runs: its program goes on, and is found again."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

SCRIPT = b"""
import time

def model_fn(model_dir):
    return None

def transform_fn(model, body, content_type, accept):
    if body == "slow":
        time.sleep(2)
    return body.upper(), "text/plain"
"""
KEYS = {"LABELWRIGHT_ROOT_ACCESS_KEY_ID": "LKIATEST", "LABELWRIGHT_ROOT_SECRET_ACCESS_KEY": "secret" * 5}


@contextlib.contextmanager
def server(data_dir: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server process; killed at the end."""
    command = [sys.executable, "-m", "labelwright.cli", "serve", "--data", str(data_dir), "--port", str(port)]
    with (data_dir.parent / "server.log").open("ab") as log:
        process = subprocess.Popen(command, env={**os.environ, **KEYS}, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def client(service: str, port: int) -> Any:
    key, secret = KEYS.values()
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def until(condition: Callable[[], Any]) -> Any:
    """What the condition answers when it is true; the server may not be up yet."""
    end = time.monotonic() + 60
    while True:
        with contextlib.suppress(BotoCoreError, ClientError, FileNotFoundError):
            if found := condition():
                return found
        assert time.monotonic() < end
        time.sleep(0.03)


def test_a_server_killed_under_a_transform_job(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    s3, sagemaker = client("s3", port), client("sagemaker", port)
    with server(data_dir, port):
        until(lambda: s3.create_bucket(Bucket="birds"))
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            info = tarfile.TarInfo("code/inference.py")
            info.size = len(SCRIPT)
            archive.addfile(info, io.BytesIO(SCRIPT))
        s3.put_object(Bucket="birds", Key="model.tar.gz", Body=packed.getvalue())
        for key, body in (("1", "lark"), ("2", "slow"), ("3", "wren")):
            s3.put_object(Bucket="birds", Key=f"in/{key}", Body=body)
        sagemaker.create_model(
            ModelName="m",
            PrimaryContainer={"Image": "mine:1", "ModelDataUrl": "s3://birds/model.tar.gz"},
            ExecutionRoleArn="arn:aws:iam::000000000000:role/Transforming",
        )
        source = {"S3DataType": "S3Prefix", "S3Uri": "s3://birds/in"}
        sagemaker.create_transform_job(
            TransformJobName="killed",
            ModelName="m",
            TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "text/plain"},
            TransformOutput={"S3OutputPath": "s3://birds/out"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
        until(lambda: s3.head_object(Bucket="birds", Key="out/1.out"))
    # Nobody is there now but the program, and it ends its work.
    (folder,) = (data_dir / "programs" / "transform").iterdir()
    assert not (folder / "result.json").exists()
    result = until(lambda: (folder / "result.json").read_bytes())
    assert json.loads(result)["n_failed"] == 0
    with server(data_dir, port):
        until(
            lambda: (
                sagemaker.describe_transform_job(TransformJobName="killed")["TransformJobStatus"]
                == "Completed"
            )
        )
        found = s3.list_objects_v2(Bucket="birds", Prefix="out/")["Contents"]
        bodies = [s3.get_object(Bucket="birds", Key=entry["Key"])["Body"].read() for entry in found]
        assert bodies == [b"LARK", b"SLOW", b"WREN"]
        until(lambda: not folder.exists())
