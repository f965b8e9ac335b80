"""Taking, submitting and giving back tasks: every row of the worker API, over the whole server."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from labelwright.store import workteams
from labelwright.templates.builtin import BUILTIN_TASK_TYPES
from labelwright.testing.jobs import aws, start_job, wait_for_job
from labelwright.testing.server import RunningServer, running_server

PASSWORD = "Str0ng-enough"
_numbers = count(1)


@dataclasses.dataclass
class House:
    """A running server, with short ways to people and jobs."""

    server: RunningServer
    clients: list[httpx.Client] = dataclasses.field(default_factory=list)

    def worker(self, team: str) -> httpx.Client:
        name = f"worker{next(_numbers)}"
        context = self.server.app.context
        context.database.write(
            lambda c: workteams.add_worker(
                c, region="us-east-1", team_name=team, username=name, password=PASSWORD, now=context.clock()
            )
        )
        client = httpx.Client(base_url=f"{self.server.url}/portal/api", timeout=30)
        self.clients.append(client)
        answer = client.post("/session", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return client

    def job(self, team: str, *, n_objects: int = 3, **options: Any) -> str:
        context = self.server.app.context
        arn = context.database.write(
            lambda c: workteams.ensure_private_team(
                c, region="us-east-1", team_name=team, now=context.clock()
            )
        ).arn
        name = f"job{next(_numbers)}"
        lines = [{"source": f"text number {i}"} for i in range(n_objects)]
        start_job(self.server, name, lines=options.pop("lines", lines), team_arn=arn, **options)
        return name

    def close(self) -> None:
        for client in self.clients:
            client.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One server for all tests here; each has a team and jobs of its own."""
    with running_server(tmp_path_factory.mktemp("house")) as server:
        house = House(server)
        yield house
        house.close()


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    """A server whose clock the test may turn."""
    with running_server(tmp_path) as server:
        house = House(server)
        yield house
        house.close()


@pytest.fixture
def team() -> str:
    return f"team{next(_numbers)}"


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (10, 10), "grey").save(buffer, "PNG")
    return buffer.getvalue()


def take(client: httpx.Client, job: str, **body: Any) -> dict[str, Any]:
    end = time.monotonic() + 10
    while (answer := client.post(f"/jobs/{job}/tasks", json=body)).status_code == 204:
        assert time.monotonic() < end, "no task within 10 s"
        time.sleep(0.02)  # the engine is opening the next objects
    assert answer.status_code == 200, answer.text
    return answer.json()["task"]


def submit(client: httpx.Client, task: dict[str, Any], answer: object, **more: Any) -> httpx.Response:
    return client.post(f"/tasks/{task['id']}/submission", json={"answer": answer, **more})


def test_only_jobs_of_the_workers_teams_are_listed(house, team):
    job = house.job(team, title="For us", description="Only us", n_objects=2)
    ours, theirs = house.worker(team), house.worker(f"{team}-other")
    (card,) = ours.get("/jobs").json()["jobs"]
    assert card["name"] == job
    assert card["arn"].endswith(f":labeling-job/{job}")
    assert (card["title"], card["description"]) == ("For us", "Only us")
    assert (card["keywords"], card["time_limit_s"], card["available_tasks"]) == (["test"], 600, 2)
    assert theirs.get("/jobs").json()["jobs"] == []
    assert theirs.post(f"/jobs/{job}/tasks").status_code == 404
    assert ours.post("/jobs/no-such-job/tasks").status_code == 404


def test_taking_gives_the_task_and_again_the_same_one(house, team):
    job = house.job(team)
    ann = house.worker(team)
    answer = ann.post(f"/jobs/{job}/tasks")  # no body at all
    task = answer.json()["task"]
    assert task["job"] == job
    assert task["state"] == "working"
    assert task["input"]["source"] == "text number 0"
    assert task["html_url"] == f"/portal/tasks/{task['id']}/document"
    assert 590 < task["expires_at"] - answer.json()["now"] <= 600
    assert take(ann, job)["id"] == task["id"]
    assert ann.get(f"/tasks/{task['id']}").json()["task"]["input"] == task["input"]


def test_nothing_left_is_no_content(house, team):
    job = house.job(team, n_objects=1)
    ann, bob = house.worker(team), house.worker(team)
    take(ann, job)
    nothing = bob.post(f"/jobs/{job}/tasks", json={})
    assert (nothing.status_code, nothing.content) == (204, b"")


def test_ahead_reserves_one_more_and_start_begins_its_clock(house, team):
    job = house.job(team)
    ann = house.worker(team)
    first = take(ann, job)
    second = take(ann, job, ahead=True)
    assert second["id"] != first["id"]
    assert (second["state"], second["accepted_at"]) == ("reserved", None)
    assert take(ann, job, ahead=True)["id"] == second["id"]
    assert take(ann, job)["id"] == first["id"]
    assert ann.post(f"/tasks/{second['id']}/start").status_code == 409  # the first is in progress
    assert submit(ann, first, {"note": "x"}).status_code == 200
    started = ann.post(f"/tasks/{second['id']}/start", json={}).json()["task"]
    assert (started["id"], started["state"]) == (second["id"], "working")
    assert started["accepted_at"] is not None
    refused = ann.post(f"/jobs/{job}/tasks", json={"ahead": "yes"})
    assert (refused.status_code, refused.json()["field"]) == (422, "ahead")


def test_submitting_twice_is_once_and_another_answer_is_refused(house, team):
    job = house.job(team)
    ann = house.worker(team)
    task = take(ann, job)
    assert submit(ann, task, {"b": 1, "a": 2}, time_spent_s=3.5).status_code == 200
    assert submit(ann, task, {"a": 2, "b": 1}).status_code == 200
    refused = submit(ann, task, {"a": 3})
    assert (refused.status_code, refused.json()["error"]) == (409, "Conflict")
    assert take(ann, job)["id"] != task["id"]
    assert ann.get(f"/tasks/{task['id']}").status_code == 404


@pytest.mark.parametrize("answer", [None, [], "text", 5])
def test_an_answer_must_be_an_object(house, team, answer):
    job = house.job(team)
    ann = house.worker(team)
    refused = submit(ann, take(ann, job), answer)
    assert (refused.status_code, refused.json()["field"]) == (422, "answer")


@pytest.mark.parametrize("seconds", [-1, "3", True, [1]])
def test_time_spent_must_be_seconds(house, team, seconds):
    job = house.job(team)
    ann = house.worker(team)
    refused = submit(ann, take(ann, job), {"note": "x"}, time_spent_s=seconds)
    assert (refused.status_code, refused.json()["field"]) == (422, "time_spent_s")


def test_answers_may_be_deep_but_not_too_deep(house, team):
    job = house.job(team)
    ann = house.worker(team)

    def nested(depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for _ in range(depth - 1):
            value = {"a": value}
        return value

    refused = submit(ann, take(ann, job), nested(65))
    assert (refused.status_code, refused.json()["error"]) == (400, "TooDeep")
    assert submit(ann, take(ann, job), nested(64)).status_code == 200


def test_an_answer_that_does_not_fit_the_task_type_names_the_field(house, team):
    job = house.job(
        team,
        task_type="BoundingBox",
        labels=["car", "person"],
        lines=[{"source-ref": "s3://test-data/grey.png"}],
        files={"grey.png": picture()},
        template=BOX_TEMPLATE,
    )
    ann = house.worker(team)
    task = take(ann, job)
    box = {"label": "car", "left": 1, "top": 2, "width": 3, "height": 4}
    size = {"width": 10, "height": 10}
    for wrong, field in (
        ({}, "boundingBoxes"),
        ({"boundingBoxes": [{**box, "label": "boat"}], "inputImageProperties": size}, "label"),
        ({"boundingBoxes": [{**box, "left": "x"}], "inputImageProperties": size}, "left"),
    ):
        refused = submit(ann, task, {"boundingBox": wrong} if wrong else wrong)
        assert refused.status_code == 422, refused.text
        assert refused.json()["field"], field
    good = {"boundingBox": {"boundingBoxes": [box], "inputImageProperties": size}}
    assert submit(ann, task, good).status_code == 200


def test_another_workers_task_does_not_exist_in_any_route(house, team):
    job = house.job(team, n_objects=1)
    ann, bob = house.worker(team), house.worker(team)
    task = take(ann, job)
    for method, path, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("POST", "/start", {}),
        ("POST", "/submission", {"answer": {"note": "stolen"}}),
        ("POST", "/decline", {}),
        ("POST", "/pause", {}),
    ):
        for task_id in (task["id"], "no-such-task"):
            refused = bob.request(method, f"/tasks/{task_id}{path}", json=body)
            assert refused.status_code == 404, (method, path, refused.text)
            assert set(refused.json()) == {"error", "message"}
    document = bob.get(f"{house.server.url}{task['html_url']}")
    assert document.status_code == 404
    assert "text number 0" not in document.text
    assert ann.get(f"/tasks/{task['id']}").json()["task"]["state"] == "working"
    assert submit(ann, task, {"note": "mine"}).status_code == 200


def test_a_released_task_goes_to_whoever_asks_next(house, team):
    job = house.job(team, n_objects=1)
    ann, bob = house.worker(team), house.worker(team)
    task = take(ann, job)
    assert ann.delete(f"/tasks/{task['id']}").status_code == 200
    assert submit(ann, task, {"note": "x"}).status_code == 409
    assert take(bob, job)["object_id"] == task["object_id"]


def test_a_declined_object_is_never_offered_again(house, team):
    job = house.job(team, n_objects=2, n_workers=2)
    ann = house.worker(team)
    first = take(ann, job)
    assert ann.post(f"/tasks/{first['id']}/decline").status_code == 200
    second = take(ann, job)
    assert second["object_id"] != first["object_id"]
    assert submit(ann, second, {"note": "x"}).status_code == 200
    assert ann.post(f"/jobs/{job}/tasks", json={}).status_code == 204


def test_a_stopped_task_waits_for_its_worker(house, team):
    job = house.job(team, n_objects=1)
    ann, bob = house.worker(team), house.worker(team)
    task = take(ann, job)
    assert ann.post(f"/tasks/{task['id']}/pause").status_code == 200
    assert ann.get(f"/tasks/{task['id']}").json()["task"]["state"] == "paused"
    assert bob.post(f"/jobs/{job}/tasks", json={}).status_code == 204
    again = take(ann, job)
    assert (again["id"], again["state"]) == (task["id"], "working")
    assert submit(ann, again, {"note": "x"}).status_code == 200


def test_after_the_time_limit_the_answer_is_refused_and_the_task_free(own_house, team):
    job = own_house.job(team, n_objects=1, time_limit_s=60)
    ann, bob = own_house.worker(team), own_house.worker(team)
    task = take(ann, job)
    own_house.server.clock.advance(61)
    late = submit(ann, task, {"note": "late"})
    assert (late.status_code, late.json()["error"]) == (409, "Conflict")
    assert ann.post(f"/tasks/{task['id']}/start").status_code in (404, 409)
    own_house.server.app.context.engine.wake()
    for _ in range(200):
        answer = bob.post(f"/jobs/{job}/tasks", json={})
        if answer.status_code == 200:
            break
    assert answer.json()["task"]["object_id"] == task["object_id"]


def test_after_the_job_was_stopped_nothing_is_taken(own_house, team):
    job = own_house.job(team)
    ann = own_house.worker(team)
    task = take(ann, job)
    aws(own_house.server, "sagemaker").stop_labeling_job(LabelingJobName=job)
    wait_for_job(own_house.server, job, lambda j: j["LabelingJobStatus"] == "Stopped")
    assert submit(ann, task, {"note": "x"}).status_code == 409
    assert ann.get("/jobs").json()["jobs"] == []
    assert ann.post(f"/jobs/{job}/tasks", json={}).status_code in (204, 404, 409)


def test_document_is_the_rendered_template_in_a_sandbox(house, team):
    job = house.job(team, lines=[{"source": "<script>alert(1)</script> & more"}])
    ann = house.worker(team)
    task = take(ann, job)
    url = f"{house.server.url}{task['html_url']}"
    answer = ann.get(f"{url}?nonce=abcdefgh12345678")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert "frame-ancestors 'self'" in policy
    assert "form-action 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    text = answer.text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert(1)" not in text
    block = re.search(r'<script[^>]* id="labelwright-task"[^>]*>(.*?)</script>', text, re.DOTALL)
    context = json.loads(block.group(1))
    assert (context["taskId"], context["mode"]) == (task["id"], "work")
    assert context["nonce"] == "abcdefgh12345678"
    assert "assets.crowd.aws" not in text
    evil = "</script><script>alert(2)"
    for query in ({"nonce": evil}, {"preferences": json.dumps({"a": evil})}, {"preferences": evil}):
        assert evil not in ann.get(url, params=query).text
    kept = ann.get(url, params={"preferences": '{"guides":true}'}).text
    assert '"guides":true' in kept.replace(" ", "")
    with httpx.Client() as stranger:
        assert stranger.get(url).status_code == 401


def test_previews_show_the_built_in_pages_without_storing(house, team):
    ann = house.worker(team)
    for task_type in BUILTIN_TASK_TYPES:
        answer = ann.get(f"{house.server.url}/portal/preview/{task_type}")
        assert answer.status_code == 200, task_type
        assert '"preview"' in answer.text
        assert "sandbox" in answer.headers["content-security-policy"]
    assert ann.get(f"{house.server.url}/portal/preview/Nothing").status_code == 404


def test_eight_workers_at_once_get_every_object_once(house, team):
    job = house.job(team, n_objects=120)
    seen: Counter[str] = Counter()
    failures: list[str] = []

    def work(client: httpx.Client) -> None:
        while True:
            answer = client.post(f"/jobs/{job}/tasks", json={})
            if answer.status_code == 204:
                return
            if answer.status_code != 200:
                failures.append(answer.text)
                return
            task = answer.json()["task"]
            sent = submit(client, task, {"note": "done"}, time_spent_s=0.1)
            if sent.status_code != 200:
                failures.append(sent.text)
                return
            seen[task["object_id"]] += 1

    threads = [threading.Thread(target=work, args=(house.worker(team),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(seen) == 120
    assert set(seen.values()) == {1}


BOX_TEMPLATE = """
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><crowd-bounding-box name="boundingBox" src="{{ task.input.taskObject | grant_read_access }}"
 header="Draw" labels="{{ task.input.labels | to_json | escape }}"></crowd-bounding-box></crowd-form>
"""
