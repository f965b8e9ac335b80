"""A job that asks more workers where it is unsure, its lineage, its labels made again: boto3 and the CLI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from labelwright import manifests, templates
from labelwright.cli import cli
from labelwright.demo.aws import ensure_team, get_object
from labelwright.simulate import simulate_job
from labelwright.simulate.rehearsal import AwsClients
from labelwright.testing.jobs import aws, start_job, wait_for_job
from labelwright.testing.server import RunningServer, running_server

LABELS = ("complaint", "praise", "question")
N = 12


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")
def clients(server: RunningServer) -> AwsClients:
    return AwsClients(
        sagemaker=aws(server, "sagemaker"), cognito=aws(server, "cognito-idp"), s3=aws(server, "s3")
    )


def job(server: RunningServer, clients: AwsClients, name: str, kind: str, **options: str) -> None:
    start_job(
        server,
        name,
        lines=[{"source": f"message number {i}"} for i in range(N)],
        team_arn=ensure_team(clients, "rehearsal", "Workers of the tests"),
        task_type=kind,
        labels=LABELS,
        template=templates.builtin(kind, header="What is it?"),
        n_workers=2,
        options={key.replace("_", "-"): value for key, value in options.items()},
    )


def invoke(server: RunningServer, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--data", str(server.data_dir)], env=server.environment())


def command(server: RunningServer, *arguments: str) -> dict[str, Any]:
    result = invoke(server, *arguments, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_job_is_labeled_explained_and_recomputed(
    server: RunningServer, clients: AwsClients, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.manifest"
    truth.write_bytes(
        b"".join(
            manifests.dumps(
                {
                    "source": f"message number {i}",
                    "tone": i % 3,
                    "tone-metadata": {"class-name": LABELS[i % 3], "type": "groundtruth/text-classification"},
                }
            )
            + b"\n"
            for i in range(N)
        )
    )
    job(
        server,
        clients,
        "sure",
        "TextMultiClass",
        consolidation="bayesian",
        max_workers_per_object="4",
        ask_more_below="0.9",
    )
    n_answers = simulate_job(
        "sure",
        clients=clients,
        base_url=server.url,
        truth=truth,
        attribute="tone",
        n_workers=5,
        accuracy=0.6,
    ).n_answers
    described = wait_for_job(server, "sure", lambda found: found["LabelingJobStatus"] == "Completed")
    assert 2 * N < n_answers <= 4 * N
    kept = get_object(clients.s3, described["LabelingJobOutput"]["OutputDatasetS3Uri"])
    lines = [json.loads(line) for line in kept.splitlines()]
    assert all(set(line) == {"source", "label", "label-metadata"} for line in lines)
    assert set(lines[0]["label-metadata"]) == {
        "confidence",
        "job-name",
        "class-name",
        "human-annotated",
        "creation-date",
        "type",
    }

    found = [command(server, "job", "lineage", "sure", "--object", str(i)) for i in range(N)]
    assert all(item["consolidation"]["algorithm"] == "bayesian" for item in found)
    assert sum(len(item["answers"]) for item in found) == n_answers
    assert any(answer["asked_in_addition"] for item in found for answer in item["answers"])

    output = "s3://test-data/again/majority.manifest"
    made = command(server, "job", "recompute", "sure", "--algorithm", "majority", "--output", output)
    assert made["n_objects"] == N
    again = [json.loads(line) for line in get_object(clients.s3, output).splitlines()]
    assert [line["source"] for line in again] == [line["source"] for line in lines]
    about = json.loads(get_object(clients.s3, made["lineage_uri"]))
    assert (about["algorithm"], about["version"]) == ("majority", "1")
    refused = invoke(server, "job", "recompute", "sure", "--algorithm", "majority", "--output", output)
    assert refused.exit_code == 1
    assert "nothing is written over" in refused.output


def test_what_a_job_may_not_choose(server: RunningServer, clients: AwsClients) -> None:
    with pytest.raises(
        ClientError, match=r"'staple' is no algorithm for TextMultiClass; there are compatible"
    ):
        job(server, clients, "no-1", "TextMultiClass", consolidation="staple")
    with pytest.raises(ClientError, match=r"there are compatible, sequence"):
        job(server, clients, "no-2", "NamedEntityRecognition", consolidation="bayesian")
    with pytest.raises(ClientError, match=r"must not be below NumberOfHumanWorkersPerDataObject \(2\)"):
        job(server, clients, "no-3", "TextMultiClass", max_workers_per_object="1")
