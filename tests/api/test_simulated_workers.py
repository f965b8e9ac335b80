"""`labelwright simulate` against a real server: real sessions, real tasks, real consolidation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from labelwright import manifests, templates
from labelwright.cli import cli
from labelwright.demo.aws import ensure_team, get_object
from labelwright.errors import InvalidRequest, LabelwrightError
from labelwright.simulate import simulate_job
from labelwright.simulate.people import Account, hire, team_of
from labelwright.simulate.rehearsal import AwsClients, Rehearsal
from labelwright.simulate.worker_client import WorkerClient, WorkerRefused
from labelwright.tasks._palette import palette
from labelwright.tasks._png import read_mask, write_mask
from labelwright.testing.jobs import aws, start_job, wait_for_job
from labelwright.testing.server import RunningServer, running_server

LABELS = ("complaint", "praise", "question")
TEXTS = [f"message number {number}" for number in range(24)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")
def clients(server: RunningServer) -> AwsClients:
    return AwsClients(
        sagemaker=aws(server, "sagemaker"), cognito=aws(server, "cognito-idp"), s3=aws(server, "s3")
    )


@pytest.fixture(scope="module")
def team_arn(clients: AwsClients) -> str:
    return ensure_team(clients, "rehearsal", "Workers of the tests")


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """True classes in another order than the job's objects, and of more objects."""
    path = tmp_path / "truth.manifest"
    with path.open("wb") as file:
        for number, text in reversed(list(enumerate([*TEXTS, "a text of another job"]))):
            metadata = {"class-name": LABELS[number % 3], "type": "groundtruth/text-classification"}
            file.write(
                manifests.dumps({"source": text, "tone": number % 3, "tone-metadata": metadata}) + b"\n"
            )
    return path


def _text_job(server: RunningServer, name: str, team_arn: str, *, n_workers: int, texts: list[str]) -> None:
    start_job(
        server,
        name,
        lines=[{"source": text} for text in texts],
        team_arn=team_arn,
        task_type="TextMultiClass",
        labels=LABELS,
        template=templates.builtin("TextMultiClass", header="What is it?"),
        n_workers=n_workers,
    )


def _is_completed(job: dict[str, Any]) -> bool:
    return bool(job["LabelingJobStatus"] == "Completed")


def _simulate(
    server: RunningServer, clients: AwsClients, job: str, truth: Path, **options: object
) -> Rehearsal:
    arguments: dict[str, object] = {"patience_s": 0.5, "n_workers": 4, **options}
    return simulate_job(
        job,
        clients=clients,
        base_url=server.url,
        truth=truth,
        attribute="tone",
        **arguments,  # type: ignore[arg-type]
    )


def test_crowd_finishes_a_job_and_is_measured(
    server: RunningServer, clients: AwsClients, team_arn: str, truth: Path
) -> None:
    _text_job(server, "tones", team_arn, n_workers=3, texts=TEXTS)
    seen: list[tuple[int, int]] = []
    result = _simulate(
        server, clients, "tones", truth, accuracy=0.8, on_progress=lambda n, total: seen.append((n, total))
    )
    assert (result.n_objects, result.n_answers, result.n_without_truth) == (24, 72, 0)
    assert result.task_type == "TextMultiClass"
    assert 0.55 < result.single_quality["accuracy"] < 0.98
    assert result.consolidated_quality["accuracy"] >= result.single_quality["accuracy"] - 0.05
    assert result.cost_usd == pytest.approx(24 * 0.08 + 72 * 0.012)
    assert seen[-1] == (72, 72)

    job = wait_for_job(server, "tones", _is_completed)
    assert job["LabelCounters"]["HumanLabeled"] == 24
    output = get_object(clients.s3, job["LabelingJobOutput"]["OutputDatasetS3Uri"])
    n_right = 0
    for record in manifests.read([output]):
        label = record.label("label")
        assert label is not None
        assert isinstance(label.value, manifests.ClassLabel)
        n_right += label.value.class_index == record.number % 3
    # what was predicted for the labels is what the server made of the same answers
    assert n_right / 24 == pytest.approx(result.consolidated_quality["accuracy"], abs=0.1)


def test_perfect_crowd_agrees_with_the_truth(
    server: RunningServer, clients: AwsClients, team_arn: str, truth: Path
) -> None:
    _text_job(server, "perfect", team_arn, n_workers=2, texts=TEXTS[:5])
    result = _simulate(server, clients, "perfect", truth, accuracy=1.0)
    assert result.single_quality == result.consolidated_quality == {"accuracy": 1.0}
    assert result.worker_accuracies == (1.0,) * 4


def test_objects_without_truth_are_left_to_others(
    server: RunningServer, clients: AwsClients, team_arn: str, truth: Path
) -> None:
    _text_job(server, "strangers", team_arn, n_workers=1, texts=[*TEXTS[:2], "nobody knows this"])
    result = _simulate(server, clients, "strangers", truth, n_workers=1)
    assert (result.n_answers, result.n_without_truth) == (2, 1)


def test_fewer_workers_than_asked_stop_when_there_is_nothing_left(
    server: RunningServer, clients: AwsClients, team_arn: str, truth: Path
) -> None:
    _text_job(server, "short-handed", team_arn, n_workers=3, texts=TEXTS[:4])
    result = _simulate(server, clients, "short-handed", truth, n_workers=2)
    assert result.n_answers == 8
    assert result.job_status == "InProgress"
    # a second run with more hands gives what is missing: nobody is asked twice about an object
    assert _simulate(server, clients, "short-handed", truth, n_workers=4).n_answers == 4


def test_what_cannot_be_simulated_is_said_at_once(
    server: RunningServer, clients: AwsClients, team_arn: str, truth: Path
) -> None:
    start_job(server, "free-form", lines=[{"source": "x"}], team_arn=team_arn)
    with pytest.raises(InvalidRequest, match="custom template cannot be simulated"):
        _simulate(server, clients, "free-form", truth)
    with pytest.raises(LabelwrightError, match="no-such-job"):
        _simulate(server, clients, "no-such-job", truth)
    with pytest.raises(InvalidRequest, match="there is no such file"):
        _text_job(server, "no-truth", team_arn, n_workers=1, texts=TEXTS[:1])
        _simulate(server, clients, "no-truth", truth.with_name("absent"))


def test_finished_job_is_refused(
    server: RunningServer, clients: AwsClients, team_arn: str, truth: Path
) -> None:
    _text_job(server, "over", team_arn, n_workers=1, texts=TEXTS[:1])
    _simulate(server, clients, "over", truth)
    wait_for_job(server, "over", _is_completed)
    with pytest.raises(InvalidRequest, match="over is Completed; only a job in progress"):
        _simulate(server, clients, "over", truth)


def test_command_reads_truth_from_the_bucket_and_prints_json(
    server: RunningServer, clients: AwsClients, team_arn: str, truth: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _text_job(server, "by-command", team_arn, n_workers=2, texts=TEXTS[:3])
    clients.s3.create_bucket(Bucket="truths")
    clients.s3.put_object(Bucket="truths", Key="tone.manifest", Body=truth.read_bytes())
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    arguments = [
        "simulate", "by-command", "--truth", "s3://truths/tone.manifest", "--attribute", "tone",
        "--workers", "2", "--accuracy", "1", "--seed", "7",
    ]  # fmt: skip
    result = CliRunner().invoke(cli, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["n_answers"] == 6

    _text_job(server, "by-command-2", team_arn, n_workers=2, texts=TEXTS[:3])
    arguments[1] = "by-command-2"
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert "6 answers to 3 objects of by-command-2 (TextMultiClass) from 2 workers" in result.stdout
    assert "consolidated" in result.stdout
    assert "0.31 USD" in result.stdout


def test_wrong_password_and_dead_server_are_told(
    server: RunningServer, clients: AwsClients, team_arn: str
) -> None:
    (account,) = hire(clients.cognito, team_of(clients.sagemaker, team_arn), 1, prefix="checked")
    assert isinstance(account, Account)
    assert account.password not in repr(account)
    client = WorkerClient(server.url)
    assert client.sign_in(account.username, account.password)["username"] == "checked-01"
    assert isinstance(client.jobs(), list)
    client.sign_out()
    with pytest.raises(WorkerRefused) as caught:
        client.sign_in(account.username, "wrong")
    assert (caught.value.status, caught.value.error) == (401, "NotAuthorized")
    client.close()
    with pytest.raises(WorkerRefused, match="Is the server running"):
        WorkerClient("http://127.0.0.1:9", timeout_s=2).sign_in("a", "b")


def test_masks_are_painted_and_measured(
    server: RunningServer, clients: AwsClients, team_arn: str, tmp_path: Path
) -> None:
    labels = ("road", "car")
    mask = np.zeros((40, 60), dtype=np.uint8)
    mask[20:] = 1
    mask[25:35, 10:30] = 2
    file = write_mask(mask, ["#ffffff", *palette(2)])
    lines = [{"source-ref": f"s3://test-data/street/{i}.png"} for i in range(4)]
    start_job(
        server,
        "street",
        lines=lines,
        team_arn=team_arn,
        task_type="SemanticSegmentation",
        labels=labels,
        template=templates.builtin("SemanticSegmentation", header="Paint"),
        files={f"street/{i}.png": file for i in range(4)} | {"truth/mask.png": file},
        n_workers=3,
        label_attribute_name="street-ref",
    )
    colors = {
        str(i): {"class-name": name, "hex-color": color}
        for i, (name, color) in enumerate(zip(("BACKGROUND", *labels), ("#ffffff", *palette(2)), strict=True))
    }
    metadata = {"internal-color-map": colors, "type": "groundtruth/semantic-segmentation"}
    truth = tmp_path / "truth.manifest"
    truth.write_bytes(
        b"".join(
            manifests.dumps({**line, "tone": "s3://test-data/truth/mask.png", "tone-metadata": metadata})
            + b"\n"
            for line in lines
        )
    )
    result = _simulate(server, clients, "street", truth, accuracy=1.0)
    assert result.n_answers == 12
    assert result.single_quality == result.consolidated_quality == {"accuracy": 1.0, "mean_iou": 1.0}
    job = wait_for_job(server, "street", _is_completed)
    output = get_object(clients.s3, job["LabelingJobOutput"]["OutputDatasetS3Uri"])
    for record in manifests.read([output]):
        label = record.label("street-ref")
        assert label is not None and isinstance(label.value, manifests.SegmentationLabel)
        found = read_mask(get_object(clients.s3, label.value.uri), {palette(2)[0]: 1, palette(2)[1]: 2})
        assert np.array_equal(found, mask)


def test_a_crowd_waits_while_a_model_learns(tmp_path: Path) -> None:
    words = ("slow late broken angry refund", "great thanks quick happy again", "where when how which price")
    chance = np.random.default_rng(5)
    lines = [
        {"source": f"{' '.join(chance.choice(words[i % 3].split(), 4))} {i}", "tone": i % 3}
        for i in range(120)
    ]
    with running_server(tmp_path / "data", autolabel_min_objects=100) as server:
        clients = AwsClients(
            sagemaker=aws(server, "sagemaker"), cognito=aws(server, "cognito-idp"), s3=aws(server, "s3")
        )
        start_job(
            server,
            "Tones-7",
            lines=[{"source": line["source"]} for line in lines],
            team_arn=ensure_team(clients, "rehearsal", "Workers of the tests"),
            task_type="TextMultiClass",
            labels=LABELS,
            label_attribute_name="tone",
            algorithm="text-classification",
        )
        found = simulate_job(
            "Tones-7",
            clients=clients,
            base_url=server.url,
            truth=[manifests.dumps(line) + b"\n" for line in lines],
            attribute="tone",
            accuracy=1.0,
            n_workers=3,
            patience_s=4.0,  # a busy machine trains longer than that
        )
        wait_for_job(server, "Tones-7", lambda job: job["LabelingJobStatus"] == "Completed")
    assert found.n_answers > 40  # those before the first model, and more
