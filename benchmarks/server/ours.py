"""Labelwright as the load script sees it."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from botocore.session import Session

from benchmarks.server.load import Seat, memory_mib
from labelwright.cli.options import open_database
from labelwright.store import workteams

BIN = Path(sys.executable).parent
REGION = "us-east-1"


class Labelwright:
    """A server of its own on a fresh data directory and a free port."""

    name = "Labelwright"

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "labelwright"
        self.port = 0
        self.job = ""
        self.import_peak_mib = 0.0
        self._passwords: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Seconds from exec to a healthy answer."""
        self.folder.mkdir(parents=True, exist_ok=True)
        address = self.folder / "server.json"
        address.unlink(missing_ok=True)
        log = (self.folder / "log.txt").open("ab")
        environ = {**os.environ, "LABELWRIGHT_LOG_LEVEL": "WARNING"}
        begin = time.perf_counter()
        self._process = subprocess.Popen(
            [str(BIN / "labelwright"), "serve", "--data", str(self.folder), "--port", "0"],
            stderr=log,
            env=environ,
        )
        while time.perf_counter() - begin < 60:
            try:
                self.port = int(json.loads(address.read_text())["url"].rpartition(":")[2])
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5):
                    return time.perf_counter() - begin
            except (OSError, ValueError):
                time.sleep(0.01)
        raise RuntimeError(f"the server did not start; see {self.folder / 'log.txt'}")

    def stop(self) -> None:
        """Stop it as an operator would."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(60)

    def pid(self) -> int:
        """Process id of the server."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def client_arguments(self) -> dict[str, str]:
        """What points a botocore client at this server."""
        kept = json.loads((self.folder / "root-credentials.json").read_text())
        return {
            "region_name": REGION,
            "endpoint_url": self.url,
            "aws_access_key_id": kept["access_key_id"],
            "aws_secret_access_key": kept["secret_access_key"],
        }

    def client(self, service: str) -> Any:
        """A botocore client pointed at this server."""
        return Session().create_client(service, **self.client_arguments())

    def load(self, n_objects: int, *, team: str = "bench") -> float:
        """Seconds from CreateLabelingJob to a job whose tasks can be taken, objects already in S3."""
        self.worker(team, "first")
        s3, sagemaker = self.client("s3"), self.client("sagemaker")
        existing = {b["Name"] for b in s3.list_buckets()["Buckets"]}
        if "bench" not in existing:
            s3.create_bucket(Bucket="bench")
        self.job = f"bench-{n_objects}-{secrets.token_hex(2)}"
        with tempfile.NamedTemporaryFile("w", suffix=".manifest") as file:
            for i in range(n_objects):
                file.write(json.dumps({"source": f"Review number {i}: neither good nor bad.", "n": i}) + "\n")
            file.flush()
            with Path(file.name).open("rb") as body:
                s3.put_object(Bucket="bench", Key=f"{self.job}.manifest", Body=body)
        s3.put_object(
            Bucket="bench",
            Key="labels.json",
            Body=json.dumps(
                {"document-version": "2018-11-28", "labels": [{"label": "good"}, {"label": "bad"}]}
            ).encode(),
        )
        s3.put_object(Bucket="bench", Key="template.html", Body=TEMPLATE.encode())
        request = self._request(team)
        begin = time.perf_counter()
        sagemaker.create_labeling_job(**request)
        while True:
            status = sagemaker.describe_labeling_job(LabelingJobName=self.job)
            self.import_peak_mib = max(self.import_peak_mib, memory_mib(self.pid()))
            if status["LabelingJobStatus"] == "Failed":
                raise RuntimeError(status["FailureReason"])
            if status["LabelingJobStatus"] == "InProgress":
                seat = self.seats(1)[0]
                if seat.take() is not None:
                    took = time.perf_counter() - begin
                    seat.submit()
                    return took
            time.sleep(0.02)

    def seats(self, n: int) -> list[Seat]:
        """Workers who have signed in."""
        return [_Seat(self.port, self.job, *self.worker("bench", f"worker-{i}")) for i in range(n)]

    def export(self) -> tuple[float, float]:
        """Seconds from StopLabelingJob to the downloaded output manifest; peak memory MiB."""
        s3, sagemaker = self.client("s3"), self.client("sagemaker")
        peak = 0.0
        begin = time.perf_counter()
        sagemaker.stop_labeling_job(LabelingJobName=self.job)
        while True:
            status = sagemaker.describe_labeling_job(LabelingJobName=self.job)["LabelingJobStatus"]
            peak = max(peak, memory_mib(self.pid()))
            if status == "Stopped":
                break
            time.sleep(0.02)
        body = s3.get_object(Bucket="bench", Key=f"out/{self.job}/manifests/output/output.manifest")["Body"]
        for _ in body.iter_chunks(1 << 20):
            pass
        return time.perf_counter() - begin, peak

    def worker(self, team: str, username: str) -> tuple[str, str]:
        """User name and password of a worker of the team; both are made when absent."""
        if username not in self._passwords:
            password = self._passwords[username] = f"Aa1!{secrets.token_hex(8)}"
            _, database = open_database(self.folder)
            database.write(
                lambda c: workteams.add_worker(
                    c,
                    region=REGION,
                    team_name=team,
                    username=username,
                    email="",
                    password=password,
                    now=time.time(),
                )
            )
            database.close()
        return username, self._passwords[username]

    def _request(self, team: str) -> dict[str, Any]:
        function = f"arn:aws:lambda:{REGION}:432418664414:function:"
        return {
            "LabelingJobName": self.job,
            "LabelAttributeName": "mood",
            "InputConfig": {
                "DataSource": {"S3DataSource": {"ManifestS3Uri": f"s3://bench/{self.job}.manifest"}}
            },
            "OutputConfig": {"S3OutputPath": "s3://bench/out"},
            "RoleArn": "arn:aws:iam::000000000000:role/bench",
            "LabelCategoryConfigS3Uri": "s3://bench/labels.json",
            "HumanTaskConfig": {
                "WorkteamArn": f"arn:aws:sagemaker:{REGION}:000000000000:workteam/private-crowd/{team}",
                "UiConfig": {"UiTemplateS3Uri": "s3://bench/template.html"},
                "PreHumanTaskLambdaArn": f"{function}PRE-TextMultiClass",
                "TaskTitle": "Mood",
                "TaskDescription": "Choose the mood",
                "NumberOfHumanWorkersPerDataObject": 1,
                "TaskTimeLimitInSeconds": 600,
                "MaxConcurrentTaskCount": 5000,
                "AnnotationConsolidationConfig": {
                    "AnnotationConsolidationLambdaArn": f"{function}ACS-TextMultiClass"
                },
            },
        }


class _Seat:
    def __init__(self, port: int, job: str, username: str, password: str) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Content-Type": "application/json"}
        self._job = job
        self._task = ""
        status, _, headers = self._call(
            "POST", "/portal/api/session", {"username": username, "password": password}
        )
        assert status == 200, status
        self._headers["Cookie"] = headers["Set-Cookie"].partition(";")[0]

    def take(self) -> str | None:
        status, body, _ = self._call("POST", f"/portal/api/jobs/{self._job}/tasks", {})
        if status == 204:
            return None
        if status != 200:
            raise RuntimeError(f"take answered {status}: {body[:200]!r}")
        task = json.loads(body)["task"]
        self._task = task["id"]
        return str(task["input"]["taskObject"])

    def submit(self) -> None:
        answer = {"answer": {"crowd-classifier": {"label": "good"}}}
        status, body, _ = self._call("POST", f"/portal/api/tasks/{self._task}/submission", answer)
        if status != 200:
            raise RuntimeError(f"submit answered {status}: {body[:200]!r}")

    def _call(self, method: str, path: str, body: Any) -> tuple[int, bytes, Any]:
        self._http.request(method, path, json.dumps(body), self._headers)
        response = self._http.getresponse()
        return response.status, response.read(), response.headers


TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form>
<crowd-classifier name="crowd-classifier" header="Mood?"
categories="{{ task.input.labels | to_json | escape }}">
<classification-target>{{ task.input.taskObject }}</classification-target>
</crowd-classifier>
</crowd-form>
"""
