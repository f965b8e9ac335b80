"""The console's pages of training jobs over a real server."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from labelwright.console.metric_chart import chart, thinned
from labelwright.logstreams import StreamWriter, stream_path
from labelwright.store import metric_points, training_jobs
from labelwright.store.metric_points import Point
from labelwright.testing.server import RunningServer, running_server

REQUEST = {
    "TrainingJobName": "birds-1",
    "AlgorithmSpecification": {
        "TrainingImage": "811284229777.dkr.ecr.us-east-1.amazonaws.com/object-detection:1",
        "TrainingInputMode": "Pipe",
    },
    "HyperParameters": {"num_classes": "<i>2</i>"},
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "AugmentedManifestFile",
                    "S3Uri": "s3://b/train.manifest",
                    "AttributeNames": ["source-ref", "birds"],
                }
            },
        }
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://b/out/"},
    "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
}


def ended_job(server: RunningServer, name: str, *, with_values: bool) -> None:
    """A job that nobody looks after any more, as it lies in the database."""

    def add(connection: Connection) -> None:
        key = training_jobs.create(
            connection,
            region="us-east-1",
            name=name,
            arn=f"arn:aws:sagemaker:us-east-1:000000000000:training-job/{name}",
            request=REQUEST,
            now=1_700_000_000.0,
        )
        training_jobs.set_columns(
            connection,
            key,
            status="Failed",
            secondary="Failed",
            is_settled=True,
            started_at=1_700_000_010.0,
            ended_at=1_700_003_700.0,
            failure_reason="ClientError: <b>no such image</b>",
        )
        if with_values:
            points = [("validation:mAP", i / 10, 1_700_000_100.0 + 60 * i) for i in range(8)]
            metric_points.add_points(connection, "training-job", key, points)

    server.app.context.database.write(add)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("trainings") / "data") as server:
        ended_job(server, "birds-1", with_values=True)
        ended_job(server, "silent-2", with_values=False)
        logs = server.app.context.settings.data_dir / "logs"
        path = stream_path(logs, "/aws/sagemaker/TrainingJobs", "birds-1/algo-1-1700000010")
        with StreamWriter(path) as writer:
            writer.write(1_700_000_010_000, "Docker entrypoint called with argument(s): train")
            writer.write(1_700_000_011_000, "<script>alert(1)</script>")
        yield server


@pytest.fixture
def browser(server: RunningServer) -> Iterator[httpx.Client]:
    keys = server.app.context.credentials
    pair = {"access_key_id": keys.access_key_id, "secret_access_key": keys.secret_access_key}
    with httpx.Client(base_url=server.url, follow_redirects=True, timeout=20) as client:
        client.post("/console/sign-in", data=pair)
        yield client


def test_the_list_shows_what_came_out(browser: httpx.Client) -> None:
    page = browser.get("/console/training").text
    assert '<a href="/console/training/us-east-1/birds-1">birds-1</a>' in page
    assert "validation:mAP 0.7" in page
    assert "object-detection" in page
    assert "1:01:30" in page


def test_a_job_shows_charts_story_and_log(browser: httpx.Client) -> None:
    page = browser.get("/console/training/us-east-1/birds-1").text
    assert "validation:mAP: 8 values from 0 to 0.7, the last is 0.7" in page
    assert page.count('class="dot"') == 8
    assert "source-ref, birds" in page
    assert "s3://b/out/birds-1/output/model.tar.gz" in page
    assert "Docker entrypoint called with argument(s): train" in page
    assert "Starting the training job" in page


def test_nothing_of_the_job_becomes_markup(browser: httpx.Client) -> None:
    page = browser.get("/console/training/us-east-1/birds-1").text
    assert "<script>alert" not in page
    assert "<b>no such image" not in page
    assert "<i>2" not in page
    assert "&lt;b&gt;no such image" in page


def test_a_job_without_values_says_so(browser: httpx.Client) -> None:
    page = browser.get("/console/training/us-east-1/silent-2").text
    assert "No values yet" in page
    assert "Nothing was printed yet" in page


def test_pages_are_for_those_who_signed_in(server: RunningServer) -> None:
    for path in ("/console/training", "/console/training/us-east-1/birds-1"):
        page = httpx.get(server.url + path).text
        assert "birds-1" not in page
        assert "Secret access key" in page


def test_an_unknown_job_is_not_found(browser: httpx.Client) -> None:
    assert browser.get("/console/training/us-east-1/none").status_code == 404


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=500))
def test_charts_stay_in_their_frame(values: list[float]) -> None:
    drawn = chart("loss", [Point(float(i), value) for i, value in enumerate(values)], started_at=0.0)
    places = [tuple(map(float, pair.split(","))) for pair in drawn["line"].split()]
    assert all(drawn["left"] - 1 <= x <= drawn["right"] + 1 for x, _ in places)
    top, bottom = drawn["y_ticks"][-1]["y"], drawn["y_ticks"][0]["y"]
    assert all(top - 1 <= y <= bottom + 1 for _, y in places)
    assert 2 <= len(drawn["y_ticks"]) <= 8
    labels = [float(re.sub(",", "", tick["text"])) for tick in drawn["y_ticks"]]
    assert labels == sorted(labels)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=3000), st.integers(4, 100))
def test_thinning_keeps_ends_and_extremes(values: list[float], n_most: int) -> None:
    points = [Point(float(i), value) for i, value in enumerate(values)]
    kept = thinned(points, n_most)
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert min(p.value for p in kept) == min(values)
    assert max(p.value for p in kept) == max(values)
    assert len(kept) <= n_most + 4
    assert [p.at for p in kept] == sorted({p.at for p in kept})
    assert math.isfinite(sum(p.value for p in kept))
