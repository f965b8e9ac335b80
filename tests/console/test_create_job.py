"""Making labeling jobs step by step, over a real server, with the forms as a browser would send them."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx
import pytest
from PIL import Image

from labelwright.console.job_form import STEPS, TASKS
from labelwright.store import workteams
from labelwright.testing.jobs import aws, wait_for_job
from labelwright.testing.server import RunningServer, running_server

BOXES = {
    "image_size": [{"width": 60, "height": 40, "depth": 3}],
    "annotations": [{"class_id": 0, "top": 1, "left": 2, "height": 9, "width": 9}],
}


def _about(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "type": f"groundtruth/{kind}",
        "job-name": "labeling-job/old",
        "human-annotated": "yes",
        "creation-date": "2024-05-01T10:00:00.000123",
        **more,
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("create") / "data") as server:
        s3 = aws(server, "s3")
        s3.create_bucket(Bucket="made")
        picture = io.BytesIO()
        Image.new("RGB", (60, 40), (40, 90, 140)).save(picture, "PNG")
        for i in range(3):
            s3.put_object(Bucket="made", Key=f"img/{i}.png", Body=picture.getvalue())
        s3.put_object(Bucket="made", Key="v/1.mp4", Body=b"0")
        colors = {
            "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.9},
            "1": {"class-name": "cup", "hex-color": "#2ca02c", "confidence": 0.9},
        }
        earlier = {
            "source-ref": "s3://made/img/0.png",
            "old": BOXES,
            "old-metadata": _about(
                "object-detection", **{"class-map": {"0": "cup"}, "objects": [{"confidence": 0.9}]}
            ),
            "old-ref": "s3://made/img/1.png",
            "old-ref-metadata": _about("semantic-segmentation", **{"internal-color-map": colors}),
        }
        for name, line in (
            ("Image", earlier),
            ("Text", {"source": "A cup fell"}),
            ("Video", {"source-ref": "s3://made/v/1.mp4"}),
            ("Custom", {"source": "x"}),
        ):
            s3.put_object(Bucket="made", Key=f"in/{name}.manifest", Body=json.dumps(line).encode() + b"\n")
        s3.put_object(
            Bucket="made", Key="in/bad.manifest", Body=b'{"source-ref": "s3://a/b.png"}\n{"x": 1}\n'
        )
        s3.close()
        server.app.context.database.write(
            lambda c: workteams.ensure_private_team(
                c, region="us-east-1", team_name="makers", now=time.time()
            )
        )
        yield server


@pytest.fixture(scope="module")
def browser(server: RunningServer) -> Iterator[httpx.Client]:
    keys = server.app.context.credentials
    pair = {"access_key_id": keys.access_key_id, "secret_access_key": keys.secret_access_key}
    with httpx.Client(base_url=server.url, follow_redirects=True, timeout=30) as client:
        client.post("/console/sign-in", data=pair)
        yield client


def _fields(page: httpx.Response) -> dict[str, str]:
    """What a browser would send of the form on a page."""
    found = re.search(r'<form class="wizard.*?</form>', page.text, re.DOTALL)
    assert found is not None, page.text
    form: dict[str, str] = {}
    for tag in re.findall(r"<input([^>]*)>", found[0]):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if attributes.get("type") not in ("radio", "checkbox") or " checked" in tag:
            form[attributes["name"]] = attributes.get("value", "")
    for name, value in re.findall(
        r'<textarea[^>]*name="(\w+)"[^>]*>\n?(.*?)</textarea>', found[0], re.DOTALL
    ):
        form[name] = value
    for name, options in re.findall(r'<select[^>]*name="(\w+)"(.*?)</select>', found[0], re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        form[name] = chosen[1] if chosen else ""
    return {name: unescape(value) for name, value in form.items()}


def _go(browser: httpx.Client, page: httpx.Response, go: str = "next", **typed: str) -> httpx.Response:
    return browser.post("/console/create", data={**_fields(page), **typed, "go": go})


def _step(page: httpx.Response) -> str:
    found = re.search(r'aria-current="step"><span>([^<]+)', page.text)
    return found[1] if found else ""


def _problems(page: httpx.Response) -> dict[str, str]:
    return {
        field: unescape(text)
        for field, text in re.findall(r'id="(\w+)-problem" role="alert">([^<]*)', page.text)
    }


def _walk(browser: httpx.Client, suffix: str, name: str, **more: str) -> httpx.Response:
    """From the first page to the review, with what a requester must type."""
    typed: list[dict[str, str]] = [
        {"task_type": suffix, "name": name},
        {"manifest": f"s3://made/in/{TASKS[suffix].group}.manifest", "output": "s3://made/out"},
        {"labels": "cup\nplate", "question": "What is it?"},
        {},
        {},
    ]
    page = browser.get("/console/create")
    for step, given in zip(STEPS, typed, strict=False):
        known = {field: value for field, value in more.items() if field in step.fields}
        page = _go(browser, page, **given, **known)
        assert _problems(page) == {}, step.name
    assert _step(page) == "Review"
    return page


@pytest.mark.parametrize("suffix", TASKS)
def test_every_task_type_makes_a_job_that_begins(
    server: RunningServer, browser: httpx.Client, suffix: str
) -> None:
    audited = {"BoundingBox": "old", "SemanticSegmentation": "old-ref"}
    form = {
        "task_type": suffix,
        "name": f"All-{suffix}",
        "manifest": f"s3://made/in/{TASKS[suffix].group}.manifest",
        "prior": audited.get(suffix.removeprefix("Adjustment").removeprefix("Verification"), ""),
        "output": "s3://made/out",
        "labels": "cup\nplate",
        "question": "What is it?",
        "team": "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/makers",
    }
    preview = browser.post("/console/create/preview", data=form)
    assert preview.status_code == 200
    assert "sandbox allow-scripts" in preview.headers["content-security-policy"]
    assert "crowd-" in preview.text and "No preview yet" not in preview.text
    made = browser.post("/console/create", data={**form, "go": "create"})
    assert made.url.path == f"/console/jobs/us-east-1/All-{suffix}"
    job = wait_for_job(server, f"All-{suffix}", lambda job: job["LabelingJobStatus"] != "Initializing")
    assert job["LabelingJobStatus"] == "InProgress", job.get("FailureReason")
    is_file = suffix in ("SemanticSegmentation", "AdjustmentSemanticSegmentation")
    assert job["LabelAttributeName"] == f"All-{suffix}{'-ref' if is_file else ''}"
    human = job["HumanTaskConfig"]
    assert human["NumberOfHumanWorkersPerDataObject"] == TASKS[suffix].n_workers
    assert human["TaskTimeLimitInSeconds"] == 60 * TASKS[suffix].minutes


def test_problems_stand_at_their_fields_and_nothing_typed_is_lost(browser: httpx.Client) -> None:
    page = browser.get("/console/create")
    page = _go(browser, page, name='x"><b>')
    assert page.status_code == 422
    assert sorted(_problems(page)) == ["name", "task_type"]
    assert _fields(page)["name"] == 'x"><b>'
    assert "<b>" not in page.text.split("</fieldset>")[-1]  # where the name is
    page = _go(browser, page, task_type="SemanticSegmentation", name="Bad-1", differs="on", attribute="masks")
    assert "must end in -ref" in _problems(page)["attribute"]
    page = _go(browser, page, attribute="masks-ref")
    page = _go(browser, page, manifest="s3://made/in/bad.manifest", output="s3://nowhere/out")
    problems = _problems(page)
    assert problems["manifest"].startswith("Line 2: ") and "neither 'source'" in problems["manifest"]
    assert "There is no bucket" in problems["output"]
    page = _go(browser, page, manifest="s3://made/in/Image.manifest", output="s3://made/out")
    page = _go(browser, page, labels="BACKGROUND", question="Paint")
    assert "BACKGROUND" in _problems(page)["labels"]
    page = _go(browser, page, labels="a\na")
    assert "'a' twice" in _problems(page)["labels"]
    page = _go(browser, page, labels="a", short="<p>{% if %}</p>")
    assert _problems(page)["short"].startswith("Line 1, column 7: ")
    page = _go(browser, page, short="é" * 60_000)
    assert "at most 100 are allowed" in _problems(page)["short"]
    page = _go(browser, page, short="")
    page = _go(browser, page, n_workers="10", time_limit="0.4", keywords="a, b  c", automated="on")
    assert sorted(_problems(page)) == ["automated", "keywords", "n_workers", "time_limit"]
    page = _go(browser, page, n_workers="3", keywords="", automated="", time_limit="500")
    assert "must be at most 28800" in _problems(page)["time_limit"]
    page = _go(browser, page, time_limit="5")
    assert _step(page) == "Options"
    page = _go(browser, page, budget="9")
    assert "needs prices" in _problems(page)["budget"]
    page = _go(browser, page, budget="", max_workers="2")
    assert "must not be below" in _problems(page)["max_workers"]
    page = _go(browser, page, max_workers="", tags="aws:x=1")
    assert _step(page) == "Review"
    page = _go(browser, page, "create")
    assert page.status_code == 422 and "reserved" in page.text


def test_the_form_cannot_skip_what_is_missing(browser: httpx.Client) -> None:
    page = _go(browser, browser.get("/console/create"), "create")
    assert (page.status_code, _step(page)) == (422, "Task")
    for typed in ({"step": "labels"}, {"step": "options", "task_type": "{% if"}):
        page = browser.post("/console/create", data={**typed, "go": "next"})
        assert (page.status_code, _step(page)) == (422, "Task")
    given = {
        "task_type": "TextMultiClass",
        "name": "Skip",
        "n_workers": "many",
        "step": "review",
        "go": "to-review",
    }
    page = browser.post("/console/create", data=given)
    assert (page.status_code, _step(page)) == (422, "Input")


def test_a_job_is_cloned_and_chained(server: RunningServer, browser: httpx.Client) -> None:
    review = _walk(
        browser,
        "TextMultiClass",
        "First",
        consolidation="dawid-skene",
        keywords="cups",
        lifetime="2",
        tags="line=7",
    )
    _go(browser, review, "create")
    assert browser.get("/console/create?chain=us-east-1/First").status_code == 404  # it has not ended
    page = browser.get("/console/create?clone=us-east-1/First")
    for _ in range(5):
        page = _go(browser, page)
    assert _step(page) == "Review", _problems(page)
    assert _go(browser, page, "create").url.path == "/console/jobs/us-east-1/First-clone"
    sagemaker = aws(server, "sagemaker")
    first, clone = (
        sagemaker.describe_labeling_job(LabelingJobName=name) for name in ("First", "First-clone")
    )
    for job in (first, clone):
        del job["HumanTaskConfig"]["UiConfig"]  # a file of its own each
    for member in ("LabelAttributeName", "InputConfig", "OutputConfig", "HumanTaskConfig", "Tags"):
        assert clone[member] == first[member]
    stopped = browser.post("/console/jobs/us-east-1/First/stop")
    assert stopped.status_code == 200
    wait_for_job(server, "First", lambda job: job["LabelingJobStatus"] == "Stopped")
    page = _go(browser, browser.get("/console/create?chain=us-east-1/First"))
    assert _fields(page)["manifest"] == "s3://made/out/First/manifests/output/output.manifest"
    assert re.search(r'name="manifest"[^>]* readonly', page.text)
    assert _fields(page)["attribute"] == "First"  # goes on under the same name, as it has not completed
    assert browser.get("/console/create?clone=us-east-1/Nothing").status_code == 404


def test_a_clone_has_the_labels_as_they_are(server: RunningServer, browser: httpx.Client) -> None:
    """Short names, which only entities show, are not made into parts of names."""
    _go(browser, _walk(browser, "TextMultiClass", "Long"), "create")
    sagemaker = aws(server, "sagemaker")
    made = sagemaker.describe_labeling_job(LabelingJobName="Long")
    labels = {"labels": [{"label": "cup", "shortDisplayName": "c"}, {"label": "plate"}]}
    aws(server, "s3").put_object(Bucket="made", Key="in/short.json", Body=json.dumps(labels).encode())
    members = ("LabelAttributeName", "InputConfig", "OutputConfig", "RoleArn", "HumanTaskConfig")
    sagemaker.create_labeling_job(
        LabelingJobName="Short",
        LabelCategoryConfigS3Uri="s3://made/in/short.json",
        **{member: made[member] for member in members},
    )
    page = browser.get("/console/create?clone=us-east-1/Short")
    assert _fields(page)["labels"].splitlines() == ["cup", "plate"]


def test_strangers_make_nothing(server: RunningServer, browser: httpx.Client) -> None:
    form = {**_fields(_walk(browser, "TextMultiClass", "Foreign")), "go": "create"}
    for path in ("/console/create", "/console/create/preview", "/console/jobs/us-east-1/First/stop"):
        foreign = browser.post(path, data=form, headers={"origin": "https://elsewhere.example"})
        assert foreign.status_code == 403
        assert httpx.post(f"{server.url}{path}", data=form).status_code == 401
    names = aws(server, "sagemaker").list_labeling_jobs(NameContains="Foreign")["LabelingJobSummaryList"]
    assert names == []


def test_a_form_that_is_too_large_is_answered(browser: httpx.Client) -> None:
    form = _fields(browser.get("/console/create"))
    assert browser.post("/console/create", data={**form, "labels": "x" * (1 << 20)}).status_code == 413
    many = {f"f{i}": "1" for i in range(200)}
    assert browser.post("/console/create", data=many).status_code == 413
    assert browser.post("/console/select", data=many).status_code == 422
