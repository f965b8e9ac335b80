"""kill -9 of a real server while workers are busy: no event is lost, and repeats have the same ids."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx

from labelwright.cli.options import open_database
from labelwright.config import Settings
from labelwright.credentials import load_or_create
from labelwright.events import events_of
from labelwright.store import outbox, workteams
from labelwright.testing.webhooks import SECRET, receiving, until

N_OBJECTS = 60
N_KILLS = 2
WORKERS = ("ana", "bob", "cyd")


@contextlib.contextmanager
def serving(data_dir: Path, port: int, webhook_url: str) -> Iterator[subprocess.Popen[bytes]]:
    (data_dir / "server.json").unlink(missing_ok=True)
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("LABELWRIGHT_", "AWS_"))} | {
        "LABELWRIGHT_EVENTS_FILE": "events.jsonl",
        "LABELWRIGHT_EVENTS_WEBHOOK_URL": webhook_url,
        "LABELWRIGHT_EVENTS_WEBHOOK_SECRET": SECRET,
        "LABELWRIGHT_CONSOLIDATION_INTERVAL_S": "0.2",
    }
    command = [sys.executable, "-m", "labelwright.cli", "serve", "--data", str(data_dir), "--port", str(port)]
    with (data_dir / "log.txt").open("ab") as log:
        process = subprocess.Popen(command, stderr=log, env=environ)
    try:
        until(lambda: (data_dir / "server.json").exists() and _is_up(data_dir))
        yield process
    finally:
        process.kill()
        process.wait()


def _url(data_dir: Path) -> str:
    return str(json.loads((data_dir / "server.json").read_text())["url"])


def _is_up(data_dir: Path) -> bool:
    with contextlib.suppress(httpx.HTTPError, ValueError):
        return httpx.get(f"{_url(data_dir)}/health").status_code == 200
    return False


def _prepare(data_dir: Path) -> None:
    _, database = open_database(data_dir, may_create=True)
    for name in WORKERS:
        database.write(
            lambda c, name=name: workteams.add_worker(
                c,
                region="us-east-1",
                team_name="night",
                username=name,
                email="",
                password="Grass-9-house!",
                now=time.time(),
            )
        )
    database.close()


def _create_job(data_dir: Path) -> None:
    keys = load_or_create(Settings(data_dir=data_dir))
    arguments = {
        "endpoint_url": _url(data_dir),
        "region_name": "us-east-1",
        "aws_access_key_id": keys.access_key_id,
        "aws_secret_access_key": keys.secret_access_key,
    }
    s3, sagemaker = boto3.client("s3", **arguments), boto3.client("sagemaker", **arguments)
    s3.create_bucket(Bucket="kill")
    lines = "".join(json.dumps({"source": f"text {i}"}) + "\n" for i in range(N_OBJECTS))
    s3.put_object(Bucket="kill", Key="in.manifest", Body=lines.encode())
    s3.put_object(Bucket="kill", Key="t.html", Body=b"<crowd-form>{{ task.input.source }}</crowd-form>")
    sagemaker.create_labeling_job(
        LabelingJobName="Kill-1",
        LabelAttributeName="label",
        InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://kill/in.manifest"}}},
        OutputConfig={"S3OutputPath": "s3://kill/out"},
        RoleArn="arn:aws:iam::000000000000:role/label",
        HumanTaskConfig={
            "WorkteamArn": "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/night",
            "UiConfig": {"UiTemplateS3Uri": "s3://kill/t.html"},
            "TaskTitle": "t",
            "TaskDescription": "d",
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": 600,
        },
    )


def _work(data_dir: Path, name: str, done: list[str], is_over: threading.Event) -> None:
    """Answer tasks, come what may; what was acknowledged is noted."""
    while not is_over.is_set():
        with (
            contextlib.suppress(httpx.HTTPError, ValueError, KeyError, OSError),
            httpx.Client(base_url=_url(data_dir), timeout=5) as client,
        ):
            client.post("/portal/api/session", json={"username": name, "password": "Grass-9-house!"})
            while not is_over.is_set():
                taken = client.post("/portal/api/jobs/Kill-1/tasks", json={})
                if taken.status_code != 200:
                    time.sleep(0.02)
                    if taken.status_code != 204:
                        break
                    continue
                task = taken.json()["task"]["id"]
                sent = client.post(f"/portal/api/tasks/{task}/submission", json={"answer": {"note": "seen"}})
                if sent.is_success:
                    done.append(task)
        time.sleep(0.02)


def test_no_event_is_lost(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    _prepare(data_dir)
    file = data_dir / "events.jsonl"
    done: list[str] = []
    is_over = threading.Event()
    threads = [threading.Thread(target=_work, args=(data_dir, name, done, is_over)) for name in WORKERS]
    with receiving() as receiver:
        try:
            for i in range(N_KILLS + 1):
                with serving(data_dir, 0, receiver.url):
                    if i == 0:
                        _create_job(data_dir)
                        for thread in threads:
                            thread.start()
                    if i < N_KILLS:
                        until(lambda wanted=N_OBJECTS * (i + 1) // (N_KILLS + 2): len(done) >= wanted)
                    else:
                        until(
                            lambda: any(
                                event["detail"].get("LabelingJobStatus") == "Completed"
                                for event in receiver.events
                            )
                        )
                        until(lambda: '"LabelingJobStatus":"Completed"' in file.read_text())
        finally:
            is_over.set()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()

    _, database = open_database(data_dir)
    rows = database.read(lambda c: outbox.page(c, after=0, end=10**9, limit=10**6))
    database.close()
    truth = [event for row in rows for event in events_of(row)]
    written = [json.loads(line) for line in file.read_text().splitlines()]
    once = list({event["id"]: event for event in written}.values())
    assert once == truth
    assert receiver.events == truth
    submitted = [event for event in truth if event["detail"].get("State") == "Submitted"]
    assert len(submitted) == N_OBJECTS
    assert N_OBJECTS >= len(done) > N_OBJECTS // 2
    assert len({event["id"] for event in truth}) == len(truth)
