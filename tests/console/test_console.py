"""The requester's pages over a real server: who may enter, and what a finished job shows."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator

import boto3
import httpx
import pytest
from PIL import Image

from labelwright.store import workteams
from labelwright.testing.server import RunningServer, running_server

TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><crowd-bounding-box name="boundingBox" src="{{ task.input.taskObject | grant_read_access }}"
labels="{{ task.input.labels | to_json | escape }}" header="Box"></crowd-bounding-box></crowd-form>"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("console") / "data") as server:
        _finished_job(server)
        yield server


@pytest.fixture
def browser(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, follow_redirects=True, timeout=20) as client:
        yield client


def _finished_job(server: RunningServer) -> None:
    arguments = server.client_arguments()
    s3, sagemaker = boto3.client("s3", **arguments), boto3.client("sagemaker", **arguments)
    s3.create_bucket(Bucket="shown")
    picture = io.BytesIO()
    Image.new("RGB", (200, 100), (90, 120, 90)).save(picture, "PNG")
    s3.put_object(Bucket="shown", Key="a.png", Body=picture.getvalue(), ContentType="image/png")
    lines = [{"source-ref": "s3://shown/a.png"}, {"source-ref": "s3://shown/missing.png"}]
    s3.put_object(Bucket="shown", Key="in.manifest", Body="\n".join(map(json.dumps, lines)).encode())
    s3.put_object(Bucket="shown", Key="t.html", Body=TEMPLATE.encode())
    labels = {"document-version": "2018-11-28", "labels": [{"label": "<b>nut</b>"}]}
    s3.put_object(Bucket="shown", Key="labels.json", Body=json.dumps(labels).encode())
    server.app.context.database.write(
        lambda c: workteams.add_worker(
            c,
            region="us-east-1",
            team_name="shown",
            username="ana",
            email="",
            password="Grass-9-house!",
            now=time.time(),
        )
    )
    function = "arn:aws:lambda:us-east-1:432418664414:function:{}-BoundingBox"
    sagemaker.create_labeling_job(
        LabelingJobName="Shown-Job",
        LabelAttributeName="parts",
        InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://shown/in.manifest"}}},
        OutputConfig={"S3OutputPath": "s3://shown/out"},
        RoleArn="arn:aws:iam::111122223333:role/LabelRole",
        LabelCategoryConfigS3Uri="s3://shown/labels.json",
        HumanTaskConfig={
            "WorkteamArn": "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/shown",
            "UiConfig": {"UiTemplateS3Uri": "s3://shown/t.html"},
            "PreHumanTaskLambdaArn": function.format("PRE"),
            "TaskTitle": "Box",
            "TaskDescription": "Box it",
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": 60,
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": function.format("ACS")},
        },
    )
    with httpx.Client(base_url=server.url, timeout=20) as worker:
        signed = worker.post("/portal/api/session", json={"username": "ana", "password": "Grass-9-house!"})
        assert signed.status_code == 200, signed.text
        _until(lambda: _label_one(worker))
    _until(
        lambda: (
            sagemaker.describe_labeling_job(LabelingJobName="Shown-Job")["LabelingJobStatus"] == "Completed"
        )
    )


def _label_one(worker: httpx.Client) -> bool:
    taken = worker.post("/portal/api/jobs/Shown-Job/tasks", json={})
    if taken.status_code != 200:
        return False
    box = {"label": "<b>nut</b>", "left": 20, "top": 10, "width": 50, "height": 40}
    size = {"width": 200, "height": 100}
    answer = {"boundingBox": {"boundingBoxes": [box], "inputImageProperties": size}}
    sent = worker.post(f"/portal/api/tasks/{taken.json()['task']['id']}/submission", json={"answer": answer})
    assert sent.status_code == 200, sent.text
    return True


def _until(condition) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not happen within 30 s"
        time.sleep(0.05)


def _sign_in(server: RunningServer, browser: httpx.Client) -> httpx.Response:
    keys = server.app.context.credentials
    return browser.post(
        "/console/sign-in",
        data={"access_key_id": keys.access_key_id, "secret_access_key": keys.secret_access_key},
    )


def test_nothing_is_shown_before_sign_in(browser: httpx.Client) -> None:
    for path in ("/console", "/console/jobs/us-east-1/Shown-Job"):
        page = browser.get(path)
        assert "Sign in to the console" in page.text
        assert "Shown-Job" not in page.text
        assert "script" not in page.headers["content-security-policy"]


def test_a_wrong_pair_of_keys_is_refused_and_says_where_to_find_the_right_one(browser: httpx.Client) -> None:
    page = browser.post("/console/sign-in", data={"access_key_id": "x", "secret_access_key": "y"})
    assert page.status_code == 401
    assert "labelwright env" in page.text


def test_a_sign_in_from_another_site_is_refused(server: RunningServer, browser: httpx.Client) -> None:
    keys = server.app.context.credentials
    page = browser.post(
        "/console/sign-in",
        data={"access_key_id": keys.access_key_id, "secret_access_key": keys.secret_access_key},
        headers={"Origin": "https://elsewhere.example"},
    )
    assert page.status_code == 403


def test_the_cookie_is_closed_to_scripts_and_runs_out(server: RunningServer, browser: httpx.Client) -> None:
    cookie = _sign_in(server, browser).history[0].headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "Shown-Job" in browser.get("/console").text
    server.clock.advance(13 * 3600)
    try:
        assert "Sign in to the console" in browser.get("/console").text
    finally:
        server.clock.advance(-13 * 3600)


def test_a_forged_cookie_is_refused(browser: httpx.Client) -> None:
    browser.cookies.set("labelwright_console", f"{int(time.time()) + 9999}.{'0' * 64}", path="/console")
    assert "Sign in to the console" in browser.get("/console").text


def test_a_job_shows_its_counters_its_boxes_and_its_failures(
    server: RunningServer, browser: httpx.Client
) -> None:
    _sign_in(server, browser)
    jobs = browser.get("/console").text
    assert "1 / 2" in jobs
    page = browser.get("/console/jobs/us-east-1/shown-job").text
    assert "Complete with labeling errors" in page
    assert '<rect x="20.0" y="10.0" width="50.0" height="40.0"' in page
    assert "&lt;b&gt;nut&lt;/b&gt;" in page
    assert "<b>nut</b>" not in page
    assert "s3://shown/missing.png" in page
    assert "s3://shown/out/Shown-Job/manifests/output/output.manifest" in page


def test_a_place_behind_every_manifest_shows_no_objects(server: RunningServer, browser: httpx.Client) -> None:
    _sign_in(server, browser)
    for after in (10**6, 10**30, -(10**30)):
        assert browser.get(f"/console/jobs/us-east-1/shown-job?after={after}").status_code == 200


def test_an_unknown_job_is_a_plain_404(server: RunningServer, browser: httpx.Client) -> None:
    _sign_in(server, browser)
    assert browser.get("/console/jobs/us-east-1/nobody").status_code == 404
