"""The same whole job on PostgreSQL and with its objects in another S3 store, by boto3 and the worker API."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from botocore.exceptions import ClientError
from PIL import Image

from labelwright.store import workteams
from labelwright.testing.jobs import aws, start_job, wait_for_job
from labelwright.testing.server import RunningServer, running_server

PASSWORD = "Grass-9-house!"
PICTURES = ("a b.png", "ü/c+d.png")
TEMPLATE = """\
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><crowd-image-classifier name="crowd-image-classifier" header="What is it?"
 src="{{ task.input.taskObject | grant_read_access }}"
 categories="{{ task.input.labels | to_json | escape }}"></crowd-image-classifier></crowd-form>
"""


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A schema of its own on a PostgreSQL server, dropped afterwards."""
    url = os.environ.get("LABELWRIGHT_TEST_POSTGRES_URL", "")
    if not url:
        pytest.skip("set LABELWRIGHT_TEST_POSTGRES_URL to run this on PostgreSQL")
    schema = f"sdk_{uuid.uuid4().hex}"
    server = sa.create_engine(url)
    with server.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    yield f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{schema}"
    with server.begin() as connection:
        connection.execute(sa.schema.DropSchema(schema, cascade=True))
    server.dispose()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningServer]:
    """Another server whose S3 door is the object store; the environment points there."""
    with running_server(tmp_path / "elsewhere") as server:
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.mark.postgres
def test_a_whole_job_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    data_dir = tmp_path / "data"
    with running_server(data_dir, database_url=postgres_url) as server:
        _label_everything(server)
        _chain(server)
        credentials = server.app.context.credentials
        assert not (data_dir / "labelwright.sqlite").exists()
    # Another process on the same database finds workers and jobs.
    keys = {
        "root_access_key_id": credentials.access_key_id,
        "root_secret_access_key": credentials.secret_access_key,
    }
    with running_server(data_dir, database_url=postgres_url, **keys) as server:
        names = [
            job["LabelingJobName"]
            for job in aws(server, "sagemaker").list_labeling_jobs(SortBy="Name")["LabelingJobSummaryList"]
        ]
        assert names == ["elsewhere", "elsewhere-chain"]
        with _signed_in(server, "bob") as browser:
            assert browser.get("/portal/api/jobs").json()["jobs"] == []


def test_a_whole_job_with_its_objects_in_another_store(tmp_path: Path, elsewhere: RunningServer) -> None:
    data_dir = tmp_path / "data"
    with running_server(data_dir, object_store="s3://") as server:
        _label_everything(server)
        _chain(server)
        s3 = aws(server, "s3")
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.get_object(Bucket="test-data", Key="absent")
        assert not any((data_dir / "objects").rglob("*.png"))
    behind = aws(elsewhere, "s3")
    found = {o["Key"] for o in behind.list_objects_v2(Bucket="test-data")["Contents"]}
    assert {"in/a b.png", "elsewhere/output/elsewhere/manifests/output/output.manifest"} <= found


@pytest.mark.postgres
def test_a_whole_job_on_postgresql_with_another_store(
    tmp_path: Path, postgres_url: str, elsewhere: RunningServer
) -> None:
    with running_server(tmp_path / "data", database_url=postgres_url, object_store="s3://") as server:
        _label_everything(server)


def _label_everything(server: RunningServer) -> None:
    """Two workers label two good pictures; a third object is missing."""
    team_arn = ""
    for name in ("ann", "bob"):
        team_arn = _add_worker(server, name)
    lines = [{"source-ref": f"s3://test-data/in/{name}", "n": i} for i, name in enumerate(PICTURES)]
    lines.append({"source-ref": "s3://test-data/in/absent.png", "n": 9})
    start_job(
        server,
        "elsewhere",
        lines=lines,
        team_arn=team_arn,
        task_type="ImageMultiClass",
        labels=("bolt", "nut"),
        template=TEMPLATE,
        files={f"in/{name}": _png() for name in PICTURES},
        n_workers=2,
    )
    for name in ("ann", "bob"):
        with _signed_in(server, name) as browser:
            done = _answer_all(browser, "elsewhere", label="nut")
        assert done == [f"s3://test-data/in/{name}" for name in PICTURES]
    job = wait_for_job(server, "elsewhere", lambda job: job["LabelingJobStatus"] == "Completed")
    counters = job["LabelCounters"]
    assert (counters["HumanLabeled"], counters["FailedNonRetryableError"], counters["Unlabeled"]) == (2, 1, 0)
    output = _output(server, "elsewhere")
    assert [line.get("label") for line in output] == [1, 1, None]
    assert list(output[0]) == ["source-ref", "n", "label", "label-metadata"]
    assert output[0]["label-metadata"]["class-name"] == "nut"
    assert output[0]["label-metadata"]["confidence"] == 0.93
    assert output[2]["label-metadata"]["failure-reason"].startswith("ClientError: Could not access s3://")
    folder = "elsewhere/output/elsewhere/annotations/worker-response/iteration-1/"
    s3 = aws(server, "s3")
    found = [o["Key"] for o in s3.list_objects_v2(Bucket="test-data", Prefix=folder)["Contents"]]
    assert [key.removeprefix(folder).split("/")[0] for key in found] == ["0", "1"]
    response = json.loads(s3.get_object(Bucket="test-data", Key=found[0])["Body"].read())
    assert [answer["answerContent"] for answer in response["answers"]] == [
        {"crowd-image-classifier": {"label": "nut"}}
    ] * 2


def _chain(server: RunningServer) -> None:
    """What is left goes on in a second job, is stopped, and keeps what was labeled."""
    sagemaker = aws(server, "sagemaker")
    s3 = aws(server, "s3")
    s3.put_object(Bucket="test-data", Key="in/absent.png", Body=_png())
    before = sagemaker.describe_labeling_job(LabelingJobName="elsewhere")
    manifest = before["LabelingJobOutput"]["OutputDatasetS3Uri"]
    request = {
        key: before[key]
        for key in (
            "LabelAttributeName", "OutputConfig", "RoleArn", "LabelCategoryConfigS3Uri", "HumanTaskConfig"
        )
    }  # fmt: skip
    source = {"DataSource": {"S3DataSource": {"ManifestS3Uri": manifest}}}
    sagemaker.create_labeling_job(LabelingJobName="elsewhere-chain", InputConfig=source, **request)
    job = wait_for_job(server, "elsewhere-chain", lambda job: job["LabelingJobStatus"] == "InProgress")
    assert (job["LabelCounters"]["HumanLabeled"], job["LabelCounters"]["Unlabeled"]) == (2, 1)
    with _signed_in(server, "ann") as browser:
        assert _answer_all(browser, "elsewhere-chain", label="bolt", n=1) == ["s3://test-data/in/absent.png"]
    sagemaker.stop_labeling_job(LabelingJobName="elsewhere-chain")
    job = wait_for_job(server, "elsewhere-chain", lambda job: job["LabelingJobStatus"] == "Stopped")
    assert job["LabelCounters"]["HumanLabeled"] == 3
    kept, added = _output(server, "elsewhere"), _output(server, "elsewhere-chain")
    assert added[:2] == kept[:2]
    assert (added[2]["label"], added[2]["label-metadata"]["job-name"]) == (0, "labeling-job/elsewhere-chain")


def _answer_all(browser: httpx.Client, job: str, *, label: str, n: int = len(PICTURES)) -> list[str]:
    done: list[str] = []
    end = time.monotonic() + 30
    while len(done) < n and time.monotonic() < end:
        taken = browser.post(f"/portal/api/jobs/{job}/tasks", json={})
        if taken.status_code != 200:
            time.sleep(0.05)
            continue
        task = taken.json()["task"]
        page = browser.get(task["html_url"])
        assert page.status_code == 200
        link = re.search(r' src="([^"]+X-Amz-Signature=[^"]+)"', page.text)
        assert link is not None, page.text
        picture = httpx.get(link.group(1).replace("&amp;", "&"), headers={"Origin": "null"})
        assert picture.content.startswith(b"\x89PNG"), picture.text
        assert picture.headers["access-control-allow-origin"] in ("*", "null")
        sent = browser.post(
            f"/portal/api/tasks/{task['id']}/submission",
            json={"answer": {"crowd-image-classifier": {"label": label}}},
        )
        assert sent.status_code == 200, sent.text
        done.append(task["input"]["taskObject"])
    return done


def _output(server: RunningServer, job: str) -> list[dict[str, Any]]:
    key = f"elsewhere/output/{job}/manifests/output/output.manifest"
    body = aws(server, "s3").get_object(Bucket="test-data", Key=key)["Body"].read()
    return [json.loads(line) for line in body.splitlines()]


def _add_worker(server: RunningServer, name: str) -> str:
    def add(connection: sa.Connection) -> str:
        workteams.add_worker(
            connection,
            region="us-east-1",
            team_name="shift-a",
            username=name,
            password=PASSWORD,
            now=time.time(),
        )
        return workteams.workteam_named(connection, "us-east-1", "shift-a").arn

    return server.app.context.database.write(add)


@contextlib.contextmanager
def _signed_in(server: RunningServer, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as browser:
        answer = browser.post("/portal/api/session", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield browser


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (48, 32), (200, 40, 40)).save(buffer, "PNG")
    return buffer.getvalue()
