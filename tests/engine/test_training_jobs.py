"""Training jobs from a row to their end, with a program that does as it is told."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from labeling_workshop import Clock
from training_workshop import REGION, TrainingShop, make_training_shop

from labelwright.engine.training import KIND
from labelwright.events import events_of
from labelwright.store import outbox, training_jobs
from labelwright.store.event_tables import resource_events
from labelwright.store.metric_points import series
from labelwright.store.training_jobs import Listing, list_jobs
from labelwright.work import read_input

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _stand_in_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]))


@pytest.fixture(params=["sqlite"])
def training(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[TrainingShop]:
    options = {}
    if request.param == "postgres":
        options["database_url"] = request.getfixturevalue("postgres_url")
    shop = make_training_shop(tmp_path / "data", clock, **options)
    yield shop
    shop.close()


DATABASES = pytest.mark.parametrize(
    "training", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@DATABASES
def test_a_job_is_followed_published_and_cleared_up(training: TrainingShop) -> None:
    steps = (
        "phase:Downloading phase:Training metric:loss=0.5 metric:validation:mAP=0.25 hold metric:loss=0.125"
    )
    job = training.create("Screws-1", f"{steps} phase:Uploading model output")
    training.step_until(lambda: training.job(job).secondary == "Training" and bool(training.metrics(job)))
    assert training.metrics(job) == [("loss", 0.5), ("validation:mAP", 0.25)]
    assert training.keys() == []
    training.clock.tick(60)
    training.release(job)
    training.step_to_end(job)
    row = training.job(job)
    assert (row.status, row.secondary, row.failure_reason) == ("Completed", "Completed", None)
    assert training.story(job) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert training.metrics(job) == [("loss", 0.125), ("validation:mAP", 0.25)]
    assert training.keys() == ["out/Screws-1/output/model.tar.gz", "out/Screws-1/output/output.tar.gz"]
    assert training.runner.names() == []
    assert row.state.training_s == 60


def test_jobs_wait_in_the_order_in_which_they_came(training: TrainingShop) -> None:
    first, second, third, fourth = (training.create(f"t-{n}", "phase:Training hold") for n in "abcd")
    training.step_until(lambda: training.job(second).secondary == "Training")
    training.step_until(lambda: training.job(first).secondary == "Training")
    assert [training.job(job).secondary for job in (third, fourth)] == ["Pending", "Pending"]
    training.release(second)
    training.step_until(lambda: training.job(third).secondary == "Training")
    assert training.job(fourth).secondary == "Pending"
    assert training.story(third) == ["Starting", "Pending", "Starting", "Training"]
    for job in (first, third):
        training.release(job)
    training.step_until(lambda: training.job(fourth).secondary == "Training")
    training.release(fourth)
    training.step_to_end(first, second, third, fourth)


def test_stopping_keeps_what_there_is(training: TrainingShop) -> None:
    job = training.create("t", "phase:Training hold model")
    training.step_until(lambda: training.job(job).secondary == "Training")
    training.stop(job)
    training.step_to_end(job)
    assert training.job(job).status == "Stopped"
    assert training.story(job) == ["Starting", "Training", "Stopping", "Uploading", "Stopped"]
    assert training.keys() == ["out/t/output/model.tar.gz"]


def test_a_job_that_waits_can_be_stopped(training: TrainingShop) -> None:
    job = training.create("t")
    training.stop(job)
    training.step_to_end(job)
    assert training.story(job) == ["Starting", "Stopping", "Stopped"]
    assert training.job(job).started_at is None


def test_whatever_becomes_of_a_job_that_is_stopping_it_is_stopped(training: TrainingShop) -> None:
    job = training.create("t", "phase:Training hold end:Failed", HyperParameters={"reason": "ClientError: x"})
    training.step_until(lambda: training.job(job).secondary == "Training")
    training.stop(job)
    training.step_to_end(job)
    assert (training.job(job).status, training.job(job).failure_reason) == ("Stopped", None)


def test_a_failure_of_the_algorithm_is_not_tried_again(training: TrainingShop) -> None:
    reason = "AlgorithmError: , exit code: 1"
    job = training.create(
        "t",
        "phase:Training output end:Failed",
        HyperParameters={"reason": reason},
        RetryStrategy={"MaximumRetryAttempts": 3},
    )
    training.step_to_end(job)
    assert (training.job(job).status, training.job(job).failure_reason) == ("Failed", reason)
    assert training.story(job) == ["Starting", "Training", "Uploading", "Failed"]
    assert training.keys() == ["out/t/output/output.tar.gz"]


def test_a_lost_program_is_an_internal_error(training: TrainingShop) -> None:
    job = training.create("t", "phase:Training die:9")
    training.step_to_end(job)
    reason = training.job(job).failure_reason
    assert reason == "InternalServerError: We encountered an internal error. Please try again."


def test_a_lost_program_is_started_again_where_the_job_says_so(training: TrainingShop) -> None:
    job = training.create(
        "t",
        "phase:Training metric:loss=1 checkpoint:epoch-1 die:9",
        RetryStrategy={"MaximumRetryAttempts": 2},
        CheckpointConfig={"S3Uri": "s3://acme/checkpoints"},
    )
    training.step_to_end(job)
    assert training.job(job).attempt == 3
    once = ["Starting", "Training", "Restarting"]
    assert training.story(job) == [*once, *once, "Starting", "Training", "Failed"]
    assert training.keys("checkpoints") == ["checkpoints/epoch-1"]
    assert training.runner.names() == []


def test_limits_of_a_job_end_it_as_stopped(training: TrainingShop) -> None:
    ran = training.create("ran", "phase:Training model end:MaxRuntimeExceeded")
    spot = training.create(
        "spot",
        "phase:Training hold end:MaxRuntimeExceeded",
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 50, "MaxWaitTimeInSeconds": 60},
    )
    training.step_until(lambda: training.job(spot).secondary == "Training")
    training.release(spot)
    training.step_to_end(ran, spot)
    assert (training.job(ran).status, training.job(ran).secondary) == ("Stopped", "MaxRuntimeExceeded")
    assert (training.job(spot).status, training.job(spot).secondary) == ("Stopped", "MaxRuntimeExceeded")


def test_a_spot_job_that_waits_too_long_ends(training: TrainingShop) -> None:
    holders = [training.create(f"h{n}", "phase:Training hold") for n in range(2)]
    spot = training.create(
        "spot",
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 50, "MaxWaitTimeInSeconds": 60},
    )
    training.step_until(lambda: training.job(spot).secondary == "Pending")
    training.clock.tick(60)
    training.step_to_end(spot)
    assert (training.job(spot).status, training.job(spot).secondary) == ("Stopped", "MaxWaitTimeExceeded")
    for job in holders:
        training.release(job)
    training.step_to_end(*holders)


def test_a_program_that_overruns_everything_is_ended_by_force(training: TrainingShop) -> None:
    job = training.create("t", "phase:Training hold", StoppingCondition={"MaxRuntimeInSeconds": 10})
    training.step_until(lambda: training.job(job).secondary == "Training")
    training.clock.tick(10 + 901)
    training.step_to_end(job)
    assert training.job(job).secondary == "MaxRuntimeExceeded"


def test_an_output_bucket_that_is_not_there_fails_the_job(training: TrainingShop) -> None:
    job = training.create("t", "phase:Training model", OutputDataConfig={"S3OutputPath": "s3://nowhere/out"})
    training.step_to_end(job)
    reason = training.job(job).failure_reason
    assert reason is not None
    assert reason.startswith("ClientError: Artifact upload failed: ")
    assert "nowhere" in reason


def test_what_users_write_into_the_files_is_harmless(training: TrainingShop) -> None:
    job = training.create("t", "phase:Training phase:Nonsense hold model")
    training.step_until(lambda: training.job(job).secondary == "Training")
    with (training.folder(job) / "metrics.jsonl").open("w") as file:
        file.write('not json\n[]\n{"name": 3}\n{"name": "a", "value": NaN, "at": 1}\n')
        file.write('{"name": "a", "value": true, "at": 1}\n{"name": "a", "value": 2, "at": 1}\n')
        file.write('{"name": "a\\u0000", "value": 1, "at": 1}\n{"name": "\\ud800", "value": 1, "at": 1}\n')
        file.write(f'{{"name": "a", "value": 1{"0" * 400}, "at": 1}}\n{"[" * 100_000}\n')
        file.write('{"name": "half')
    with (training.folder(job) / "progress.jsonl").open("a") as file:
        file.write(f'{"[" * 100_000}\n{{"message": "\\ud800\\u0000", "at": 1{"0" * 400}}}\n')
    training.release(job)
    training.step_to_end(job)
    assert training.job(job).status == "Completed"
    assert training.metrics(job) == [("a", 2.0)]


@DATABASES
def test_a_job_of_a_server_that_is_gone_goes_on_elsewhere(training: TrainingShop) -> None:
    job = training.create("t", "phase:Training", RetryStrategy={"MaximumRetryAttempts": 1})
    once = training.create("once", "phase:Training")
    now = training.clock()
    for each in (job, once):
        training.database.write(
            partial(training_jobs.claim, job_id=each, host="another:/srv", n_at_once=2, now=now)
        )
    assert training.supervisor.settle() is not None
    assert training.job(job).host == "another:/srv"
    training.clock.tick(601)
    training.step_to_end(job, once)
    assert (training.job(job).status, training.job(once).status) == ("Completed", "Failed")
    assert "Restarting" in training.story(job)


def test_a_new_server_finds_the_program_of_the_old_one(training: TrainingShop, clock: Clock) -> None:
    job = training.create("t", "phase:Training metric:loss=3 hold metric:loss=2 model")
    training.step_until(lambda: bool(training.metrics(job)))
    training.leave()
    again = make_training_shop(training.settings.data_dir, clock)
    again.release(job)
    again.step_to_end(job)
    assert again.job(job).status == "Completed"
    assert again.metrics(job) == [("loss", 2.0)]
    again.leave()


@DATABASES
def test_listings_are_the_same_on_both_databases(training: TrainingShop, clock: Clock) -> None:
    for name in ("b", "C", "a"):
        training.create(f"List-{name}", ResourceConfig={"KeepAlivePeriodInSeconds": 60})
        clock.tick(1)

    def listed(n: int = 9, **more: Any) -> list[str]:
        listing = Listing(region=REGION, **more)
        found = training.database.read(partial(list_jobs, listing=listing, limit=n))
        return [summary.name for summary, _ in found]

    assert listed() == ["List-b", "List-C", "List-a"]
    assert listed(sort_by="Name", is_descending=True) == ["List-C", "List-b", "List-a"]
    assert listed(n=1, sort_by="Name", after=("list-a", 3)) == ["List-b"]
    assert listed(name_contains="T-C", status="InProgress", warm_pool_status="InUse") == ["List-C"]
    assert listed(warm_pool_status="Terminated") == listed(training_plan_arn="arn") == []
    assert listed(created_after=clock() - 3, modified_before=clock() - 1) == ["List-C"]


@DATABASES
def test_every_change_is_told(training: TrainingShop) -> None:
    job = training.create("Told-1", "phase:Training metric:loss=0.5 model")
    training.step_to_end(job)
    end = outbox.horizon(training.database)
    rows = training.database.read(partial(outbox.page, after=0, end=end, limit=100))
    events = [event for row in rows for event in events_of(row)]
    assert [event["detail"]["SecondaryStatus"] for event in events] == training.story(job)[1:]
    last = events[-1]
    assert last["detail-type"] == "SageMaker Training Job State Change"
    assert (last["source"], last["region"]) == ("aws.sagemaker", REGION)
    assert last["resources"] == [training.job(job).arn]
    assert last["detail"]["CreationTime"] == round(training.job(job).created_at * 1000)
    assert last["detail"]["FinalMetricDataList"][0]["Value"] == 0.5
    assert len({event["id"] for event in events}) == len(events)
    assert list(events_of(rows[0], ["job-state", "task-status"])) == []
    training.database.write(partial(outbox.prune, up_to=end, limit=1000, now=0.0))
    assert training.database.read(partial(outbox.page, after=0, end=end, limit=100)) == []
    count = sa.select(sa.func.count(resource_events.c.id))
    assert training.database.read(lambda connection: connection.execute(count).scalar()) == 0


N_JOBS, N_METRICS, N_KILLS = 4, 30, 3


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    shop = make_training_shop(data_dir, time.time)
    numbers = " ".join(f"metric:n={i} rest:0.005" for i in range(N_METRICS))
    do = f"phase:Downloading {numbers} phase:Training {numbers} checkpoint:c phase:Uploading model output"
    jobs = [
        shop.create(f"crash-{n}", do, CheckpointConfig={"S3Uri": f"s3://acme/checkpoints/{n}/"})
        for n in range(N_JOBS)
    ]
    shop.leave()
    chance = random.Random(11)
    for _ in range(N_KILLS):
        server = subprocess.Popen([sys.executable, str(HERE / "training_server.py"), str(data_dir)])
        time.sleep(0.4 + chance.random() * 0.5)
        server.kill()
        server.wait()
    shop = make_training_shop(data_dir, time.time)
    shop.supervisor.start()
    end = time.monotonic() + 180
    while not all(shop.job(job).is_settled for job in jobs):
        assert time.monotonic() < end, [shop.job(job) for job in jobs]
        time.sleep(0.02)
    for job in jobs:
        row = shop.job(job)
        assert (row.status, row.attempt) == ("Completed", 1)
        story = [status for status in shop.story(job) if status != "Pending"]
        assert story[-4:] == ["Downloading", "Training", "Uploading", "Completed"]
        points = shop.database.read(partial(series, resource_kind=KIND, resource_id=job, name="n"))
        assert [point.value for point in points] == [*range(N_METRICS), *range(N_METRICS)]
        assert len(shop.keys(f"out/{row.name}/")) == 2
        assert len(shop.keys("checkpoints")) == N_JOBS
    assert shop.runner.names() == []
    shop.close()


def test_a_script_is_told_an_address_that_leads_here(tmp_path: Path, clock: Clock) -> None:
    shop = make_training_shop(tmp_path / "data", clock, host="0.0.0.0", port=8421)
    with contextlib.closing(shop):
        job = shop.create("t", "phase:Training hold")
        shop.step_until(lambda: shop.job(job).secondary == "Training")
        assert read_input(shop.folder(job))["endpoint_url"] == "http://127.0.0.1:8421"
