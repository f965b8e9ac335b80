"""The console's pages of tuning jobs over a real server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import Connection

from labelwright.store import training_jobs, tuning_jobs
from labelwright.testing.server import RunningServer

HOSTILE = "<script>alert(1)</script>"


def request(*, kind: str = "Maximize", metric: str = "score") -> dict[str, Any]:
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": kind, "MetricName": metric},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 3},
            "ParameterRanges": {
                "ContinuousParameterRanges": [
                    {"Name": "rate", "MinValue": "1e-4", "MaxValue": "0.1", "ScalingType": "Logarithmic"}
                ],
                "IntegerParameterRanges": [{"Name": "layers", "MinValue": "2", "MaxValue": "8"}],
                "CategoricalParameterRanges": [{"Name": "kind", "Values": ["adam", HOSTILE]}],
            },
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": {
                "TrainingImage": "local:python",
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": metric, "Regex": "score=(.*?);"}],
            },
            "RoleArn": "arn:aws:iam::000000000000:role/tune",
            "OutputDataConfig": {"S3OutputPath": "s3://acme/out"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "local", "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        },
    }


def tuning_job(
    connection: Connection,
    name: str,
    asked: Mapping[str, Any],
    trials: list[tuple[dict[str, str], float | None, float]],
    **columns: Any,
) -> None:
    """A tuning job that nobody looks after any more; trials are (values, objective, seconds)."""
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:hyper-parameter-tuning-job/{name}"
    key = tuning_jobs.create(
        connection, region="us-east-1", name=name, arn=arn, request=asked, seed=1, now=1_700_000_000.0
    )
    row = tuning_jobs.get(connection, key)
    assert row is not None
    for number, (tuned, value, seconds) in enumerate(trials, 1):
        training = f"{name}-{number:03d}"
        training_key = tuning_jobs.add_trial(
            connection,
            row,
            number=number,
            definition=0,
            tuned=tuned,
            name=training,
            arn=f"arn:aws:sagemaker:us-east-1:000000000000:training-job/{training}",
            request={
                "TrainingJobName": training,
                "AlgorithmSpecification": {"TrainingImage": "local:python"},
                "OutputDataConfig": {"S3OutputPath": "s3://acme/out"},
            },
            now=1_700_000_000.0 + number,
        )
        training_jobs.set_columns(
            connection,
            training_key,
            status="Completed" if value is not None else "Failed",
            is_settled=True,
            started_at=1_700_000_010.0,
            ended_at=1_700_000_010.0 + seconds,
            failure_reason=None if value is not None else f"AlgorithmError: {HOSTILE}",
        )
        outcome = "Completed" if value is not None else "NonRetryableError"
        tuning_jobs.end_trial(connection, key, number, outcome=outcome, value=value, now=1_700_000_400.0)
    tuning_jobs.set_columns(
        connection, key, **({"status": "Completed", "ended_at": 1_700_003_600.0} | columns)
    )


def values(rate: str, layers: str = "4", kind: str = "adam") -> dict[str, str]:
    return {"rate": rate, "layers": layers, "kind": kind}


@pytest.fixture(scope="module", autouse=True)
def _jobs(write: Any) -> None:
    trials = [
        (values("0.001", "2"), 0.31, 60.0),
        (values("0.0001", "8", HOSTILE), 0.22, 300.0),
        (values("0.05"), None, 20.0),
        (values("0.01", "5"), 0.74, 90.0),
        (values("0.1", "7"), 0.5, 40.0),
    ]
    hostile = {"status": "Failed", "failure_reason": f"No success. {HOSTILE}"}
    # Its end keeps the server from looking after it, its status makes its page a live one.
    running = {"status": "InProgress", "ended_at": 1_700_003_600.0}
    write(lambda c: tuning_job(c, "search", request(), trials))
    write(lambda c: tuning_job(c, "least", request(kind="Minimize"), trials[:2], **running))
    write(lambda c: tuning_job(c, "hostile", request(metric=HOSTILE), trials[2:3], **hostile))
    write(lambda c: tuning_job(c, "many", request(), [(values("0.01"), i / 400, 9.0) for i in range(310)]))


def test_the_list_shows_the_best_of_each_search(console: httpx.Client) -> None:
    page = console.get("/console/tuning").text
    row = re.search(r'us-east-1/search">.*?</tr>', page, re.S)
    assert row is not None
    assert "<td>0.74</td>" in row[0]
    assert "5 / 9" in row[0]
    least = re.search(r'us-east-1/least">.*?</tr>', page, re.S)
    assert least is not None
    assert "<td>0.22</td>" in least[0]
    assert "alert(1)" not in page.replace("&lt;script&gt;alert(1)", "")


def test_a_search_shows_its_best_training_and_charts(console: httpx.Client) -> None:
    page = console.get("/console/tuning/us-east-1/Search").text
    assert '<a href="/console/training/us-east-1/search-004">search-004</a>: score <b>0.74</b>' in page
    assert "score of 4 trainings, from 0.22 to 0.74; the best, 0.74, is of training 4" in page
    assert "score over rate, logarithmic axis: 4 trainings, the best at 0.01" in page
    assert page.count('class="mark"') == 4 * 4
    assert page.count('class="best"') == 4
    assert page.count('class="best-line"') == 1
    assert "0.0001 to 0.1" in page
    assert "Stopped early" not in page


def order(page: str) -> list[int]:
    return [int(number) for number in re.findall(r"<tr[^>]*>\n<td>(\d+)</td>", page)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("?sort=-number", [5, 4, 3, 2, 1]),
        ("?sort=value", [4, 5, 1, 2, 3]),
        ("?sort=-value", [2, 1, 5, 4, 3]),
        ("?sort=time", [2, 4, 1, 5, 3]),
        ("?sort=--value", [1, 2, 3, 4, 5]),
    ],
)
def test_trainings_are_sorted_by_the_query(console: httpx.Client, query: str, expected: list[int]) -> None:
    assert order(console.get(f"/console/tuning/us-east-1/search{query}").text) == expected


def test_a_minimised_objective_is_best_where_it_is_least(console: httpx.Client) -> None:
    page = console.get("/console/tuning/us-east-1/least?sort=value").text
    assert order(page) == [2, 1]
    assert 'aria-sort="ascending"><a href="?sort=-value">' in page
    assert "the best, 0.22, is of training 2" in page
    assert "live.js" in page


def test_of_many_trainings_the_first_are_listed(console: httpx.Client) -> None:
    page = console.get("/console/tuning/us-east-1/many?sort=value").text
    assert order(page)[:3] == [310, 309, 308]
    assert "The first 300 of 310 in this order." in page
    assert 'class="cloud" d="M' in page


def test_nothing_of_a_job_becomes_markup(console: httpx.Client) -> None:
    for name in ("hostile", "search"):
        page = console.get(f"/console/tuning/us-east-1/{name}").text
        assert HOSTILE not in page
        assert "&lt;script&gt;alert(1)" in page
    hostile = console.get("/console/tuning/us-east-1/hostile").text
    assert "No success. &lt;script&gt;" in hostile
    assert "AlgorithmError: &lt;script&gt;" in hostile
    assert "No values yet" in hostile


def test_a_training_leads_back_to_its_search(console: httpx.Client) -> None:
    page = console.get("/console/training/us-east-1/search-004").text
    assert '<a href="/console/tuning/us-east-1/search">search</a>' in page


def test_pages_are_for_those_who_signed_in(console_server: RunningServer) -> None:
    for path in ("/console/tuning", "/console/tuning/us-east-1/search"):
        page = httpx.get(console_server.url + path).text
        assert "us-east-1/search" not in page
        assert "0.74" not in page
        assert "Secret access key" in page


def test_an_unknown_search_is_not_found(console: httpx.Client) -> None:
    assert console.get("/console/tuning/us-east-1/none").status_code == 404
    assert console.get("/console/tuning/eu-west-1/search").status_code == 404


def test_the_navigation_says_where_one_is(console: httpx.Client) -> None:
    for path, word in (
        ("/console", "Labeling"),
        ("/console/training", "Training"),
        ("/console/tuning/us-east-1/search", "Tuning"),
        ("/console/models", "Models"),
        ("/console/endpoints", "Endpoints"),
        ("/console/transforms", "Transforms"),
    ):
        page = console.get(path).text
        assert re.findall(r'aria-current="page">(\w+)<', page) == [word]
