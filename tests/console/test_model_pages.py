"""The console's page of models over a real server."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import Connection

from labelwright.store import endpoint_configs, models, training_jobs
from labelwright.testing.server import RunningServer

HOSTILE = "<script>alert(1)</script>"
ARN = "arn:aws:sagemaker:us-east-1:000000000000"
IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/object-detection:1"


def model(connection: Connection, name: str, *containers: dict[str, Any], **columns: Any) -> None:
    request = {"Containers": list(containers)} if len(containers) > 1 else {"PrimaryContainer": containers[0]}
    models.add(
        connection,
        region="us-east-1",
        name=name,
        arn=f"{ARN}:model/{name}",
        request=request,
        now=1_700_000_000.0,
        **columns,
    )


def training(connection: Connection, name: str) -> None:
    key = training_jobs.create(
        connection,
        region="us-east-1",
        name=name,
        arn=f"{ARN}:training-job/{name}",
        request={"TrainingJobName": name, "OutputDataConfig": {"S3OutputPath": "s3://acme/out/"}},
        now=1_700_000_000.0,
    )
    training_jobs.set_columns(
        connection, key, status="Completed", secondary="Completed", is_settled=True, ended_at=1_700_000_100.0
    )


@pytest.fixture(scope="module", autouse=True)
def _models(write: Any) -> None:
    def add(connection: Connection) -> None:
        training(connection, "Screws-9")
        made = {"Image": IMAGE, "ModelDataUrl": "s3://acme/out/Screws-9/output/model.tar.gz"}
        elsewhere = {"Image": IMAGE, "ModelDataUrl": "s3://other/Screws-9/output/model.tar.gz"}
        folder = {"S3DataSource": {"S3Uri": "s3://acme/out/Screws-9/output/model/"}}
        model(connection, "trained", made)
        model(connection, "copied", elsewhere)
        model(connection, "unpacked", {"Image": IMAGE, "ModelDataSource": folder})
        model(connection, "chain", made, {"Image": "registry.local/<img src=x>", "ModelDataUrl": HOSTILE})
        model(
            connection,
            "labeled",
            {"Image": IMAGE},
            algorithm="image-classification",
            artifact_uri="s3://acme/labels/model.tar.gz",
            job_id=4711,
        )
        for name in ("both", "Other"):
            endpoint_configs.add(
                connection,
                region="us-east-1",
                name=name,
                arn=f"{ARN}:endpoint-config/{name.lower()}",
                request={"ProductionVariants": [{"VariantName": "A", "ModelName": "Trained"}] * 2},
                now=1_700_000_000.0,
            )

    write(add)


def row(page: str, name: str) -> str:
    found = re.search(rf"<td>{name}</td>.*?</tr>", page, re.S)
    assert found is not None
    return found[0]


def test_a_model_says_what_made_it_and_what_uses_it(console: httpx.Client) -> None:
    page = console.get("/console/models").text
    trained = row(page, "trained")
    link = '<a href="/console/training/us-east-1/Screws-9">Screws-9</a>'
    assert link in trained
    assert "object-detection" in trained
    assert "<div>Other</div><div>both</div>" in trained
    assert link in row(page, "unpacked")
    assert link in row(page, "chain")


def test_another_ones_artifact_is_not_the_trainings(console: httpx.Client) -> None:
    copied = row(console.get("/console/models").text, "copied")
    assert "s3://other/Screws-9/output/model.tar.gz" in copied
    assert "/console/training/" not in copied


def test_a_labeling_jobs_model_has_its_algorithm(console: httpx.Client) -> None:
    labeled = row(console.get("/console/models").text, "labeled")
    assert "<td>image-classification</td>" in labeled
    assert "s3://acme/labels/model.tar.gz" in labeled


def test_nothing_of_a_model_becomes_markup(console: httpx.Client) -> None:
    page = console.get("/console/models").text
    assert HOSTILE not in page
    assert "<img src" not in page
    chain = row(page, "chain")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in chain
    assert "object-detection, &lt;img src=x&gt;" in chain


def test_the_page_is_for_those_who_signed_in(console_server: RunningServer) -> None:
    page = httpx.get(f"{console_server.url}/console/models").text
    assert "Screws-9" not in page
    assert "Secret access key" in page
