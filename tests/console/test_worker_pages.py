"""A team lead sees who of a job's workers is careless: a real job, answered by three people."""

from __future__ import annotations

import json
import re
import time
from contextlib import closing

import boto3
import httpx
import pytest

from labelwright.store import workteams
from labelwright.testing.server import RunningServer, running_server

NAMES = ["bolt", "<i>nut</i>"]
WORKERS = ("ana", "ben", "eva")
PASSWORD = "Grass-9-house!"
N = 8
TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><crowd-classifier name="crowd-classifier" categories="{{ task.input.labels | to_json | escape }}"
header="Sort"><classification-target>{{ task.input.taskObject }}</classification-target></crowd-classifier>
</crowd-form>"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    data = tmp_path_factory.mktemp("workers") / "data"
    with running_server(data, consolidation_interval_s=0.2) as server:
        _create(server, "Sorted", n_workers=3)
        _create(server, "Alone", n_workers=1)
        _until(server, "InProgress")
        for name in WORKERS:
            with closing(_signed_in(server, name)) as client:
                while _answered(client, name):
                    pass
        _until(server, "Completed")
        yield server


def _until(server: RunningServer, status: str) -> None:
    sagemaker = boto3.client("sagemaker", **server.client_arguments())
    end = time.monotonic() + 60
    while sagemaker.describe_labeling_job(LabelingJobName="Sorted")["LabelingJobStatus"] != status:
        assert time.monotonic() < end, f"the job was not {status} within 60 s"
        time.sleep(0.05)


def _create(server: RunningServer, name: str, *, n_workers: int) -> None:
    s3, sagemaker = (boto3.client(service, **server.client_arguments()) for service in ("s3", "sagemaker"))
    if n_workers > 1:
        s3.create_bucket(Bucket="team")
        lines = (json.dumps({"source": f"part {i}"}) for i in range(N))
        s3.put_object(Bucket="team", Key="in.manifest", Body="\n".join(lines).encode())
        s3.put_object(Bucket="team", Key="t.html", Body=TEMPLATE.encode())
        labels = {"document-version": "2018-11-28", "labels": [{"label": label} for label in NAMES]}
        s3.put_object(Bucket="team", Key="labels.json", Body=json.dumps(labels).encode())
        for worker in WORKERS:
            server.app.context.database.write(
                lambda c, worker=worker: workteams.add_worker(
                    c,
                    region="us-east-1",
                    team_name="team",
                    username=worker,
                    email="",
                    password=PASSWORD,
                    now=time.time(),
                )
            )
    function = "arn:aws:lambda:us-east-1:432418664414:function:{}-TextMultiClass"
    sagemaker.create_labeling_job(
        LabelingJobName=name,
        LabelAttributeName="kind",
        InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://team/in.manifest"}}},
        OutputConfig={"S3OutputPath": "s3://team/out"},
        RoleArn="arn:aws:iam::111122223333:role/LabelRole",
        LabelCategoryConfigS3Uri="s3://team/labels.json",
        HumanTaskConfig={
            "WorkteamArn": "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/team",
            "UiConfig": {"UiTemplateS3Uri": "s3://team/t.html"},
            "PreHumanTaskLambdaArn": function.format("PRE"),
            "TaskTitle": "Sort",
            "TaskDescription": "Sort it",
            "NumberOfHumanWorkersPerDataObject": n_workers,
            "TaskTimeLimitInSeconds": 600,
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": function.format("ACS")},
        },
    )


def _signed_in(server: RunningServer, name: str) -> httpx.Client:
    client = httpx.Client(base_url=server.url, timeout=20)
    answer = client.post("/portal/api/session", json={"username": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return client


def _answered(client: httpx.Client, name: str) -> bool:
    taken = client.post("/portal/api/jobs/Sorted/tasks", json={})
    if taken.status_code != 200:
        return False
    number = int(re.search(r"part (\d+)", taken.text).group(1))  # type: ignore[union-attr]
    right = number % 2
    label = NAMES[1 - right if name == "eva" and number < N - 1 else right]
    path = f"/portal/api/tasks/{taken.json()['task']['id']}/submission"
    sent = client.post(path, json={"answer": {"crowd-classifier": {"label": label}}})
    assert sent.status_code == 200, sent.text
    return True


@pytest.fixture
def browser(server: RunningServer):  # type: ignore[no-untyped-def]
    keys = server.app.context.credentials
    pair = {"access_key_id": keys.access_key_id, "secret_access_key": keys.secret_access_key}
    with httpx.Client(base_url=server.url, follow_redirects=True, timeout=20) as client:
        client.post("/console/sign-in", data=pair)
        yield client


def test_the_careless_one_comes_first(browser: httpx.Client) -> None:
    path = "/console/jobs/us-east-1/Sorted/workers"
    assert f'href="{path}"' in browser.get("/console/jobs/us-east-1/Sorted").text
    page = browser.get(path)
    assert page.status_code == 200
    rows = re.findall(r"<tr><td>(.*?)</tr>", page.text, re.DOTALL)
    assert rows[0].startswith("eva")
    assert {row.split("<")[0].strip() for row in rows} == set(WORKERS)
    assert "below the others" in rows[0]
    assert not any("below the others" in row for row in rows[1:])
    found = re.search(r'aria-label="accuracy (\d+) %, 95 % interval (\d+) to (\d+) %"', rows[0])
    assert found is not None
    value, lower, upper = map(int, found.groups())
    assert 0 <= lower < value < upper < 90
    assert "<i>nut" not in page.text  # names of labels are text


def test_what_cannot_be_told_is_said(browser: httpx.Client) -> None:
    assert "One worker answers each object" in browser.get("/console/jobs/us-east-1/Alone/workers").text
    assert browser.get("/console/jobs/us-east-1/None/workers").status_code == 404


def test_workers_are_shown_only_to_who_has_signed_in(server: RunningServer) -> None:
    page = httpx.get(f"{server.url}/console/jobs/us-east-1/Sorted/workers", follow_redirects=True)
    assert "Sign in to the console" in page.text
    assert "eva" not in page.text
