"""``labelwright job logs``: what is printed, of how many streams, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import pytest
from botocore.exceptions import EndpointConnectionError

from labelwright.cli.job_logs import print_logs
from labelwright.logstreams import StreamWriter, stream_path
from labelwright.store import training_jobs

T0 = 1_700_000_000_000
TRAINING = "/aws/sagemaker/TrainingJobs"


@pytest.fixture
def write(served: Any) -> Callable[..., None]:
    def write(group: str, stream: str, *messages: str, at: int = T0) -> None:
        with StreamWriter(stream_path(served.data_dir / "logs", group, stream)) as writer:
            writer.write_many((at + i, message) for i, message in enumerate(messages))

    return write


def _make_job(served: Any, name: str, **columns: Any) -> None:
    def write(connection: Any) -> None:
        job = training_jobs.named(connection, served.region, name)
        job_id = (
            job.id
            if job is not None
            else training_jobs.create(
                connection, region=served.region, name=name, arn=f"arn:{name}", request=_REQUEST, now=1.0
            )
        )
        training_jobs.set_columns(connection, job_id, **columns)

    served.app.context.database.write(write)


_REQUEST = {
    "RoleArn": "arn:aws:iam::000000000000:role/r",
    "AlgorithmSpecification": {"TrainingImage": "local:python", "TrainingInputMode": "File"},
    "OutputDataConfig": {"S3OutputPath": "s3://acme/out"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
}


def _print(served: Any, name: str, **options: Any) -> None:
    given = {"kind": None, "follow": False, "timestamps": False, **options}
    print_logs(name, client=served.client, **given)


def test_streams_of_a_job_are_mixed_by_time(
    served: Any, write: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    write(TRAINING, "cats/algo-1-17", "first", "third", at=T0)
    write(TRAINING, "cats/algo-2-17", "second", at=T0)
    write(TRAINING, "cats-2/algo-1-17", "another job")
    _print(served, "cats")
    assert capsys.readouterr().out == "algo-1-17  first\nalgo-2-17  second\nalgo-1-17  third\n"


def test_endpoints_and_functions_are_found_by_name(
    served: Any, write: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    write("/aws/sagemaker/Endpoints/cats", "AllTraffic/i-1", "ping")
    write("/aws/lambda/cats", "2026/11/29/[$LATEST]1", "START")
    _print(served, "cats")
    assert capsys.readouterr().out == "ping\n"
    _print(served, "cats", kind="function", timestamps=True)
    printed = capsys.readouterr().out
    assert printed.endswith("  START\n")
    assert printed.startswith("2023-11-1")


def test_following_ends_with_the_job_and_shows_why_it_failed(
    served: Any, write: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    _make_job(served, "cats", status="InProgress", is_settled=True)
    looks = 0

    def meanwhile(seconds: float) -> None:
        nonlocal looks
        assert seconds > 0
        write(TRAINING, "cats/algo-1-17", f"epoch {looks}")
        looks += 1
        if looks == 3:
            _make_job(served, "cats", status="Failed", failure_reason="AlgorithmError: no luck")

    with pytest.raises(click.ClickException, match="no luck"):
        _print(served, "cats", follow=True, sleep=meanwhile)
    printed = capsys.readouterr()
    assert printed.out == "epoch 0\nepoch 1\nepoch 2\n"
    assert printed.err == "Training job cats: Failed\n"


def test_following_goes_on_when_requests_fail(
    served: Any, write: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    _make_job(served, "cats", status="InProgress", is_settled=True)
    for host in (1, 2):
        write(TRAINING, f"cats/algo-{host}-17", *(f"{host}.{i}" for i in range(7)), at=T0 + host)
    logs, n_calls, n_sleeps = served.client("logs"), 0, 0

    class Failing:
        """Every third request for events finds nobody; pages are small."""

        def get_log_events(self, **arguments: Any) -> Any:
            nonlocal n_calls
            n_calls += 1
            if n_calls % 3 == 0:
                raise EndpointConnectionError(endpoint_url=served.url)
            return logs.get_log_events(**arguments, limit=3)

        def __getattr__(self, name: str) -> Any:
            return getattr(logs, name)

    def meanwhile(_: float) -> None:
        nonlocal n_sleeps
        n_sleeps += 1
        if n_sleeps == 20:
            _make_job(served, "cats", status="Completed")

    failing = Failing()
    print_logs(
        "cats", client=lambda service: failing if service == "logs" else served.client(service),
        kind="training", follow=True, timestamps=False, sleep=meanwhile,
    )  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines) == sorted(f"algo-{host}-17  {host}.{i}" for host in (1, 2) for i in range(7))
    assert [line for line in lines if "algo-1" in line] == [f"algo-1-17  1.{i}" for i in range(7)]


def test_a_job_that_has_printed_nothing(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _make_job(served, "cats", status="InProgress", is_settled=True)
    _print(served, "cats")
    assert capsys.readouterr().err == "Training job cats has printed nothing yet.\n"
    with pytest.raises(click.ClickException, match="is called 'dogs'"):
        _print(served, "dogs")
    with pytest.raises(click.ClickException, match="no transform job 'cats'"):
        _print(served, "cats", kind="transform")
