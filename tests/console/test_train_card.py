"""What a finished labeling job says of training on it."""

from __future__ import annotations

import ast
from typing import Any

import httpx
import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright import algorithms
from labelwright.console import queries
from labelwright.console.train_card import card, snippet
from labelwright.store.labeling_tables import labeling_jobs
from labelwright.testing.server import RunningServer

TEAM = "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/crew"
HOSTILE = "<script>alert(1)</script>"
REQUEST = {
    "LabelAttributeName": "parts' + x + '",
    "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://b/in.manifest"}}},
    "OutputConfig": {"S3OutputPath": f"s3://b/{HOSTILE}/"},
    "RoleArn": "arn:aws:iam::000000000000:role/any",
    "HumanTaskConfig": {
        "WorkteamArn": TEAM,
        "NumberOfHumanWorkersPerDataObject": 1,
        "TaskTimeLimitInSeconds": 60,
        "TaskTitle": HOSTILE,
        "TaskDescription": HOSTILE,
    },
}


def job(task_type: str, status: str = "Completed", n_labeled: int = 300) -> queries.JobRow:
    return queries.JobRow(
        id=1,
        region="us-east-1",
        name="parts",
        status=status,
        task_type=task_type,
        failure_reason="",
        n_objects=300,
        n_human=n_labeled,
        n_machine=0,
        n_failed=0,
        created_at=0.0,
        ended_at=1.0,
        manifest_uri="",
        request=REQUEST,
    )


def request_of(code: str) -> dict[str, Any]:
    """What the lines would send."""
    sent: dict[str, Any] = {}

    class Client:
        def create_training_job(self, **request: Any) -> None:
            sent.update(request)

    class Boto3:
        @staticmethod
        def client(service: str, region_name: str) -> Client:
            assert (service, region_name) == ("sagemaker", "us-east-1")
            return Client()

    ast.parse(code)
    exec(code.replace("import boto3", ""), {"boto3": Boto3})
    return sent


def finished_job(connection: Connection) -> None:
    """A row of a job that has ended."""
    connection.execute(
        sa.insert(labeling_jobs),
        {
            "region": "us-east-1",
            "name": "card",
            "name_lower": "card",
            "arn": "arn:card",
            "reference_code": "card",
            "workteam_arn": TEAM,
            "request": orjson.dumps(REQUEST).decode(),
            "status": "Completed",
            "task_type": "BoundingBox",
            "label_categories": '{"labels": [{"label": "nut"}, {"label": "bolt"}]}',
            "n_objects": 40,
            "n_human": 40,
            "created_at": 1_700_000_000.0,
            "modified_at": 1_700_000_000.0,
            "ended_at": 1_700_000_100.0,
        },
    )


@pytest.mark.parametrize(
    ("task_type", "algorithm", "source"),
    [
        ("BoundingBox", "object-detection", "source-ref"),
        ("AdjustmentBoundingBox", "object-detection", "source-ref"),
        ("ImageMultiClass", "image-classification", "source-ref"),
        ("ImageMultiClassMultiLabel", "image-classification", "source-ref"),
        ("SemanticSegmentation", "semantic-segmentation", "source-ref"),
        ("TextMultiClass", "blazingtext", "source"),
        ("TextMultiClassMultiLabel", "blazingtext", "source"),
    ],
)
def test_the_request_is_one_that_the_algorithm_takes(task_type: str, algorithm: str, source: str) -> None:
    request = request_of(snippet(job(task_type), 2))
    specification = request["AlgorithmSpecification"]
    assert algorithms.algorithm_of(specification["TrainingImage"]) == algorithm
    assert specification["TrainingInputMode"] == "Pipe"
    described = algorithms.get(algorithm)
    values = algorithms.parse_hyperparameters(described, request["HyperParameters"])
    if algorithm == "semantic-segmentation":
        assert values["num_classes"] == 3
    elif algorithm != "blazingtext":
        assert values["num_classes"] == 2
        assert values["num_training_samples"] == 300
    given = {channel["ChannelName"]: channel for channel in request["InputDataConfig"]}
    assert {rule.name for rule in described.channels if rule.required == "always"} <= set(given)
    for channel in given.values():
        s3 = channel["DataSource"]["S3DataSource"]
        assert s3["AttributeNames"] == [source, REQUEST["LabelAttributeName"]]
        assert s3["S3Uri"] == f"s3://b/{HOSTILE}/parts/manifests/output/output.manifest"
        assert channel["RecordWrapperType"] == "RecordIO"


def test_a_job_without_an_algorithm_or_labels_has_no_card(write: Any) -> None:
    for row in (
        job("NamedEntityRecognition"),
        job("BoundingBox", "InProgress"),
        job("BoundingBox", n_labeled=0),
    ):
        assert write(lambda c, row=row: card(c, row)) is None


def test_a_finished_jobs_page_has_the_card(
    console: httpx.Client, console_server: RunningServer, write: Any
) -> None:
    write(finished_job)
    page = console.get("/console/jobs/us-east-1/card").text
    assert "Train on it" in page
    assert "&#34;num_classes&#34;: &#34;2&#34;" in page
    assert "&#34;num_training_samples&#34;: &#34;40&#34;" in page
    assert HOSTILE not in page
    assert "Train on it" not in httpx.get(f"{console_server.url}/console/jobs/us-east-1/card").text
