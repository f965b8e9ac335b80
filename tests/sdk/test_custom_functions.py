"""A custom job with two functions: an unmodified script, and a server that is killed in the middle."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from labelwright.testing.server import RunningServer, running_server

ROOT = Path(__file__).parents[2]
PASSWORD = "Grass-9-house!"
LIMIT_S = 60.0
SESSION = boto3.session.Session()  # parses the service models once


def _add_worker(data_dir: Path, name: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "labelwright.cli", "worker", "add", "--data", str(data_dir),
         "--team", "support", "--username", name, "--password", PASSWORD],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip


@contextlib.contextmanager
def _sign_in(url: str, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=30) as browser:
        answer = browser.post("/portal/api/session", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield browser


def _take(browser: httpx.Client, job: str) -> dict[str, Any] | None:
    answer = browser.post(f"/portal/api/jobs/{job}/tasks", json={})
    if answer.status_code != 200:
        return None
    task: dict[str, Any] = answer.json()["task"]
    return task


def _submit(browser: httpx.Client, task: dict[str, Any], content: Any) -> None:
    sent = browser.post(f"/portal/api/tasks/{task['id']}/submission", json={"answer": content})
    assert sent.status_code == 200, sent.text


def _choose(server: RunningServer, seen: list[dict[str, Any]]) -> None:
    choices = {"Where": "track", "I want": "return", "The lamp": "complain"}
    with _sign_in(server.url, "ana") as browser:
        end = time.monotonic() + LIMIT_S
        while len(seen) < 3 and time.monotonic() < end:
            task = _take(browser, "intents-1")
            if task is None:
                time.sleep(0.05)
                continue
            seen.append(task["input"])
            chosen = next(v for k, v in choices.items() if task["input"]["text"].startswith(k))
            _submit(browser, task, {"intent": {"label": chosen}})


@pytest.mark.slow
def test_a_script_with_functions_runs_unchanged(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        _add_worker(server.data_dir, "ana")
        seen: list[dict[str, Any]] = []
        person = threading.Thread(target=_choose, args=(server, seen))
        person.start()
        script = subprocess.run(
            [sys.executable, str(ROOT / "examples" / "custom_functions.py"), "--team", "support",
             "--poll", "0.1"],
            env={**os.environ, **server.environment()},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        person.join(60)
        assert script.returncode == 0, script.stderr
        assert script.stdout.splitlines()[1:] == [
            '{"intent": "track", "agreement": 1.0} Where is my parcel?',
            '{"intent": "return", "agreement": 1.0} I want my money back',
            "null Thanks",
            '{"intent": "complain", "agreement": 1.0} The lamp arrived broken and nobody answers my mails',
        ]
        # The first function runs for several objects at a time; which of them opens first is open.
        assert {
            "text": "Where is my parcel?",
            "intents": ["track", "return", "complain", "other"],
        } in seen


# -- killed in the middle ---------------------------------------------------------------------------

N_OBJECTS = 12
CODE = """
import json, time
import boto3

def prepare(event, context):
    time.sleep(0.03)
    return {"taskInput": {"n": event["dataObject"]["n"]}}

def decide(event, context):
    bucket, _, key = event["payload"]["s3Uri"].removeprefix("s3://").partition("/")
    items = json.loads(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    time.sleep(0.5)
    return [{"datasetObjectId": item["datasetObjectId"], "consolidatedAnnotation": {"content": {
        event["labelAttributeName"]: sorted(json.loads(a["annotationData"]["content"])["n"]
                                            for a in item["annotations"])}}} for item in items]
"""


@contextlib.contextmanager
def _serving(data_dir: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LABELWRIGHT_"))},
        "LABELWRIGHT_ROOT_ACCESS_KEY_ID": "LKIATESTTESTTESTTEST",
        "LABELWRIGHT_ROOT_SECRET_ACCESS_KEY": "s" * 40,
        "LABELWRIGHT_CONSOLIDATION_INTERVAL_S": "0.2",
        "LABELWRIGHT_MANIFEST_INTERVAL_S": "0.2",
    }
    command = [sys.executable, "-m", "labelwright.cli", "serve", "--data", str(data_dir), "--port", str(port)]
    with (data_dir.parent / "server.log").open("ab") as log:
        process = subprocess.Popen(command, stderr=log, env=environment)
        try:
            end = time.monotonic() + LIMIT_S
            while time.monotonic() < end:
                with contextlib.suppress(httpx.HTTPError):
                    if httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200:
                        break
                time.sleep(0.02)
            yield process
        finally:
            process.kill()
            process.wait()


def _function_processes(data_dir: Path) -> int:
    """Processes of functions of this server, alive by the folder they work in."""
    n = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                n += str(data_dir / "functions") in os.readlink(entry / "cwd")
    return n


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="needs /proc")
def test_a_server_that_is_killed_while_functions_run_loses_nothing(tmp_path: Path, free_port: int) -> None:
    data_dir = tmp_path / "data"
    options: dict[str, Any] = {
        "endpoint_url": f"http://127.0.0.1:{free_port}",
        "region_name": "us-east-1",
        "aws_access_key_id": "LKIATESTTESTTESTTEST",
        "aws_secret_access_key": "s" * 40,
    }
    with _serving(data_dir, free_port):
        _add_worker(data_dir, "ana")
        _start_job(options)
        with _sign_in(options["endpoint_url"], "ana") as browser:
            first = _label(browser, 3)
        n_processes = _function_processes(data_dir)
    assert n_processes > 0
    end = time.monotonic() + 10
    while _function_processes(data_dir) and time.monotonic() < end:
        time.sleep(0.01)
    assert _function_processes(data_dir) == 0  # the kernel ended them with the server
    with _serving(data_dir, free_port), _sign_in(options["endpoint_url"], "ana") as browser:
        second = _label(browser, N_OBJECTS - len(first))
        time.sleep(0.6)  # the function after the workers is running, or about to
    with _serving(data_dir, free_port):
        sagemaker = SESSION.client("sagemaker", **options)
        end = time.monotonic() + LIMIT_S
        while (job := sagemaker.describe_labeling_job(LabelingJobName="cut"))["LabelingJobStatus"] in (
            "Initializing",
            "InProgress",
        ) and time.monotonic() < end:
            time.sleep(0.05)
        assert job["LabelingJobStatus"] == "Completed", job
        assert job["LabelCounters"]["HumanLabeled"] == N_OBJECTS
        body = SESSION.client("s3", **options).get_object(
            Bucket="cut-data", Key="out/cut/manifests/output/output.manifest"
        )["Body"]
        lines = [json.loads(line) for line in body.iter_lines()]
    assert Counter(first + second) == Counter(range(N_OBJECTS))
    assert [line["label"] for line in lines] == [[n] for n in range(N_OBJECTS)]


def _label(browser: httpx.Client, n_wanted: int) -> list[int]:
    done: list[int] = []
    end = time.monotonic() + LIMIT_S
    while len(done) < n_wanted and time.monotonic() < end:
        task = _take(browser, "cut")
        if task is None:
            time.sleep(0.02)
            continue
        _submit(browser, task, {"n": task["input"]["n"]})
        done.append(task["input"]["n"])
    return done


def _start_job(options: dict[str, Any]) -> None:
    s3, sagemaker = SESSION.client("s3", **options), SESSION.client("sagemaker", **options)
    s3.create_bucket(Bucket="cut-data")
    lines = "".join(json.dumps({"source": f"text {i}", "n": i}) + "\n" for i in range(N_OBJECTS))
    s3.put_object(Bucket="cut-data", Key="in", Body=lines.encode())
    s3.put_object(Bucket="cut-data", Key="page", Body=b"<crowd-form>{{ task.input.n }}</crowd-form>")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", CODE)
    functions = [
        SESSION.client("lambda", **options).create_function(
            FunctionName=name, Runtime="python3.11", Handler=f"app.{name}", MemorySize=256, Timeout=30,
            Role="arn:aws:iam::000000000000:role/f", Code={"ZipFile": packed.getvalue()},
        )["FunctionArn"]
        for name in ("prepare", "decide")
    ]  # fmt: skip
    sagemaker.create_labeling_job(
        LabelingJobName="cut",
        LabelAttributeName="label",
        InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://cut-data/in"}}},
        OutputConfig={"S3OutputPath": "s3://cut-data/out"},
        RoleArn="arn:aws:iam::000000000000:role/label",
        HumanTaskConfig={
            "WorkteamArn": sagemaker.describe_workteam(WorkteamName="support")["Workteam"]["WorkteamArn"],
            "UiConfig": {"UiTemplateS3Uri": "s3://cut-data/page"},
            "PreHumanTaskLambdaArn": functions[0],
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": functions[1]},
            "TaskTitle": "t",
            "TaskDescription": "d",
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": 600,
        },
    )


@pytest.fixture
def free_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
