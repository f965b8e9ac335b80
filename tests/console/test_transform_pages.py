"""The console's pages of transform jobs over a real server."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import Connection

from labelwright.logstreams import StreamWriter, stream_path
from labelwright.store import transform_jobs
from labelwright.testing.server import RunningServer

HOSTILE = "<script>alert(1)</script>"
REQUEST = {
    "ModelName": "parts-1",
    "BatchStrategy": "MultiRecord",
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://acme/in/<b>lines"}},
        "ContentType": "application/jsonlines",
        "SplitType": "Line",
    },
    "TransformOutput": {"S3OutputPath": "s3://acme/out/", "Accept": HOSTILE, "AssembleWith": "Line"},
    "DataProcessing": {"InputFilter": "$.<i>a", "JoinSource": "Input"},
    "TransformResources": {"InstanceType": "local", "InstanceCount": 1},
}
MODEL = {"PrimaryContainer": {"Image": "811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"}}


def job(connection: Connection, name: str, **columns: Any) -> None:
    """A job that nobody looks after any more."""
    key = transform_jobs.create(
        connection,
        region="us-east-1",
        name=name,
        arn=f"arn:aws:sagemaker:us-east-1:000000000000:transform-job/{name}",
        request=REQUEST,
        model=MODEL,
        now=1_700_000_000.0,
    )
    transform_jobs.set_columns(connection, key, is_settled=True, started_at=1_700_000_010.0, **columns)


@pytest.fixture(scope="module", autouse=True)
def _jobs(write: Any, console_server: RunningServer) -> None:
    ended = {"status": "Failed", "ended_at": 1_700_003_675.0}
    reason = f"AlgorithmError: {HOSTILE}"
    write(lambda c: job(c, "batch-1", n_done=12_345, n_failed=2, failure_reason=reason, **ended))
    write(lambda c: job(c, "batch-2", status="InProgress"))
    logs = console_server.app.context.settings.data_dir / "logs"
    for name, text in (("batch-1", HOSTILE), ("batch-10", "of another job")):
        with StreamWriter(stream_path(logs, "/aws/sagemaker/TransformJobs", f"{name}/i-0a1b")) as writer:
            writer.write(1_700_000_011_000, text)


def test_the_list_shows_counts(console: httpx.Client) -> None:
    page = console.get("/console/transforms").text
    row = re.search(r'us-east-1/batch-1">.*?</tr>', page, re.S)
    assert row is not None
    assert "<td>12,345</td>\n<td>2</td>\n<td>1:01:05</td>" in row[0]
    assert "live.js" in page


def test_a_job_shows_what_went_in_and_out(console: httpx.Client) -> None:
    page = console.get("/console/transforms/us-east-1/batch-1").text
    assert "s3://acme/in/&lt;b&gt;lines" in page
    assert "s3://acme/out/" in page
    assert "blazingtext" in page
    assert "<b>12,345</b> objects done" in page
    assert "i-0a1b" in page
    assert "of another job" not in page
    assert "live.js" not in page
    assert "Nothing was printed yet" in console.get("/console/transforms/us-east-1/batch-2").text


def test_nothing_of_a_job_becomes_markup(console: httpx.Client) -> None:
    page = console.get("/console/transforms/us-east-1/batch-1").text
    assert HOSTILE not in page
    assert "<i>a" not in page
    assert page.count("&lt;script&gt;alert(1)") == 3  # the reason, what is accepted, the log


def test_pages_are_for_those_who_signed_in(console_server: RunningServer) -> None:
    for path in ("/console/transforms", "/console/transforms/us-east-1/batch-1"):
        page = httpx.get(console_server.url + path).text
        assert "batch-1" not in page.replace("/console/transforms/us-east-1/batch-1", "")
        assert "Secret access key" in page


def test_an_unknown_job_is_not_found(console: httpx.Client) -> None:
    assert console.get("/console/transforms/us-east-1/none").status_code == 404
