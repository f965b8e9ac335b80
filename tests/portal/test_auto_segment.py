"""Auto-segment by the operator's model: for whom, on which images, and what comes back."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from labelwright.store import workteams
from labelwright.testing.jobs import aws, start_job
from labelwright.testing.server import RunningServer, running_server

sys.path.insert(0, str(Path(__file__).parents[1] / "unit/segment"))
import tiny_sam

TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><img src="{{ task.input.source-ref | grant_read_access }}"></crowd-form>"""


def _picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 200), "white").save(buffer, "PNG")
    return buffer.getvalue()


class Room:
    """A server with one job of one picture, and the worker who holds its task."""

    def __init__(self, server: RunningServer) -> None:
        app = server.app.context
        team = app.database.write(
            lambda c: workteams.ensure_private_team(c, region="us-east-1", team_name="t", now=app.clock())
        )
        app.database.write(
            lambda c: workteams.add_worker(
                c,
                region="us-east-1",
                team_name="t",
                username="ann",
                password="Str0ng-enough",
                now=app.clock(),
            )
        )
        s3 = aws(server, "s3")
        s3.create_bucket(Bucket="pictures")
        for key in ("mine.png", "other.png"):
            s3.put_object(Bucket="pictures", Key=key, Body=_picture())
        lines = [{"source-ref": "s3://pictures/mine.png"}]
        start_job(server, "masks", lines=lines, template=TEMPLATE, team_arn=team.arn)
        self.client = httpx.Client(base_url=server.url, timeout=30)
        self.client.post("/portal/api/session", json={"username": "ann", "password": "Str0ng-enough"})
        end = time.monotonic() + 10
        while (answer := self.client.post("/portal/api/jobs/masks/tasks")).status_code == 204:
            assert time.monotonic() < end
            time.sleep(0.02)  # the engine is opening the object
        self.task = answer.json()["task"]["id"]

    def ask(self, **body: Any) -> httpx.Response:
        return self.client.post(f"/portal/api/tasks/{self.task}/auto-segment", json=body)

    def shown(self) -> str:
        """The image's address in the task's page."""
        page = self.client.get(f"/portal/tasks/{self.task}/document").text
        return page.partition('<img src="')[2].partition('"')[0].replace("&amp;", "&")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    model = tiny_sam.write(tmp_path_factory.mktemp("model"))
    with running_server(tmp_path_factory.mktemp("room"), segmenter=str(model)) as server:
        room = Room(server)
        yield room
        room.client.close()


def test_the_outlined_object_comes_back_as_a_mask(room):
    points = [[160, 40], [80, 100], [240, 90], [150, 160]]
    answer = room.ask(image=room.shown(), points=points)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png"), answer.text
    mask = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert mask.shape == (200, 320)
    wanted = np.zeros(mask.shape, bool)
    wanted[40:160, 80:240] = True
    assert ((mask > 0) & wanted).sum() / ((mask > 0) | wanted).sum() > 0.9


def test_the_name_in_the_manifest_will_do(room):
    assert room.ask(image="s3://pictures/mine.png", box=[10, 10, 50, 50]).status_code == 200


def test_other_images_are_refused(room):
    answer = room.ask(image="s3://pictures/other.png", box=[10, 10, 50, 50])
    assert (answer.status_code, answer.json()["error"]) == (403, "AccessRefused")
    assert room.ask(image="https://elsewhere.example/a.png", box=[1, 1, 2, 2]).status_code == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "points"),
        ({"points": [[1, 2]], "box": [1, 2, 3, 4]}, "points"),
        ({"points": []}, "points"),
        ({"points": [[1, 2], [3]]}, "points[1]"),
        ({"points": [[1, True]]}, "points[0]"),
        ({"box": [1, 2, 3, -4]}, "box"),
        ({"box": "all"}, "box"),
    ],
)
def test_wrong_prompts_are_named(room, body, field):
    answer = room.ask(image="s3://pictures/mine.png", **body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_nobody_else_may_ask(room):
    with httpx.Client(base_url=room.client.base_url) as stranger:
        answer = stranger.post(f"/portal/api/tasks/{room.task}/auto-segment", json={"image": "s3://a/b"})
    assert answer.status_code == 401


def test_without_a_model_the_page_is_told(tmp_path):
    with running_server(tmp_path) as server:
        room = Room(server)
        answer = room.ask(image="s3://pictures/mine.png", box=[1, 1, 2, 2])
        room.client.close()
    assert (answer.status_code, answer.json()["error"]) == (501, "NotConfigured")
