"""Tuning jobs from a row to their end, with training jobs that report what their hyperparameters say."""

from __future__ import annotations

import json
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
from labeling_workshop import Clock
from training_workshop import REGION, ROLE, TrainingShop, make_training_shop

from labelwright.core.arn import tuning_job_arn
from labelwright.engine.tuning.plans import plan_of
from labelwright.store import training_jobs, tuning_jobs
from labelwright.store.tuning_jobs import TrialRow, TuningJobRow
from labelwright.tuning import SearchFailed
from labelwright.tuning.suggest import random_point

HERE = Path(__file__).parent
ARN = partial(tuning_job_arn, REGION, "000000000000")


@pytest.fixture(params=["sqlite"])
def shop(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TrainingShop]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]))
    options = {}
    if request.param == "postgres":
        options["database_url"] = request.getfixturevalue("postgres_url")
    shop = make_training_shop(tmp_path / "data", clock, training_jobs_at_once=4, **options)
    yield shop
    shop.close()


def real(name: str = "x", low: str = "0", high: str = "1") -> dict[str, Any]:
    return {"ContinuousParameterRanges": [{"Name": name, "MinValue": low, "MaxValue": high}]}


def choice(name: str, *values: str) -> dict[str, Any]:
    return {"CategoricalParameterRanges": [{"Name": name, "Values": list(values)}]}


def definition(do: str, **static: str) -> dict[str, Any]:
    return {
        "StaticHyperParameters": {"do": do, **static},
        "AlgorithmSpecification": {
            "TrainingImage": "stand-in",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "score", "Regex": "score=(.*)"}],
        },
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://acme/out"},
        "ResourceConfig": {"InstanceType": "local", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }


def request(
    name: str,
    *,
    strategy: str = "Random",
    ranges: dict[str, Any] | None = None,
    n: int | None = 4,
    parallel: int = 2,
    do: str = "phase:Training metric:score=x model",
    direction: str = "Maximize",
    warm: dict[str, Any] | None = None,
    static: dict[str, str] | None = None,
    **config: Any,
) -> dict[str, Any]:
    limits = {"MaxParallelTrainingJobs": parallel, **config.pop("limits", {})}
    if n is not None:
        limits["MaxNumberOfTrainingJobs"] = n
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": {"Type": direction, "MetricName": "score"},
            "ResourceLimits": limits,
            "ParameterRanges": real() if ranges is None else ranges,
            "RandomSeed": 5,
            **config,
        },
        "TrainingJobDefinition": definition(do, **(static or {})),
        **({"WarmStartConfig": warm} if warm else {}),
    }


def tune(shop: TrainingShop, name: str = "t", **more: Any) -> int:
    asked = request(name, **more)
    plan_of(asked)  # what the API does first
    job_id: int = shop.database.write(
        partial(
            tuning_jobs.create,
            region=REGION,
            name=name,
            arn=ARN(name),
            request=asked,
            seed=asked["HyperParameterTuningJobConfig"]["RandomSeed"],
            now=shop.clock(),
        )
    )
    return job_id


def job(shop: TrainingShop, job_id: int) -> TuningJobRow:
    row = shop.database.read(partial(tuning_jobs.get, job_id=job_id))
    assert row is not None
    return row


def trials(shop: TrainingShop, job_id: int) -> list[TrialRow]:
    return shop.database.read(partial(tuning_jobs.trials, job_id=job_id))


def tuned(shop: TrainingShop, job_id: int) -> list[dict[str, str]]:
    return [json.loads(trial.tuned) for trial in trials(shop, job_id)]


def to_end(shop: TrainingShop, job_id: int) -> TuningJobRow:
    def is_over() -> bool:
        shop.clock.tick(0.1)
        return job(shop, job_id).ended_at is not None

    shop.step_until(is_over)
    return job(shop, job_id)


DATABASES = pytest.mark.parametrize(
    "shop", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@DATABASES
def test_a_search_from_its_request_to_its_last_job(shop: TrainingShop) -> None:
    key = tune(shop, "Screws", n=5, parallel=2)
    assert to_end(shop, key).status == "Completed"
    found = trials(shop, key)
    assert [trial.number for trial in found] == [1, 2, 3, 4, 5]
    assert all(trial.outcome == "Completed" for trial in found)
    assert [trial.value for trial in found] == [float(each["x"]) for each in tuned(shop, key)]
    assert found[4].name.startswith("Screws-005-") and len(found[4].name) == len("Screws-005-abcdef01")
    row = shop.database.read(partial(training_jobs.get, job_id=found[0].training_job_id))
    assert row is not None and row.tuning_job_arn == ARN("Screws")
    given = json.loads(row.request)["HyperParameters"]
    assert given["_tuning_objective_metric"] == "score" and given["x"] == tuned(shop, key)[0]["x"]


def test_no_more_jobs_run_side_by_side_than_may(shop: TrainingShop) -> None:
    key = tune(shop, n=5, parallel=2, do="phase:Training metric:score=x hold model")
    n_running: list[int] = []

    def play() -> bool:
        running = [trial for trial in trials(shop, key) if trial.outcome is None]
        n_running.append(len(running))
        for trial in running[:1]:
            if shop.job(trial.training_job_id).secondary == "Training":
                shop.release(trial.training_job_id)
        return job(shop, key).ended_at is not None

    shop.step_until(play)
    assert len(trials(shop, key)) == 5
    assert max(n_running) == 2


def test_the_same_seed_tries_the_same(shop: TrainingShop) -> None:
    one = tune(shop, "one", n=4, parallel=1)
    two = tune(shop, "two", n=4, parallel=4)
    to_end(shop, one)
    to_end(shop, two)
    assert tuned(shop, one) == tuned(shop, two)


def test_a_grid_tries_every_combination_once(shop: TrainingShop) -> None:
    ranges = {
        "CategoricalParameterRanges": [
            {"Name": "x", "Values": ["1", "2"]},
            {"Name": "y", "Values": ["a", "b"]},
        ]
    }
    key = tune(shop, strategy="Grid", ranges=ranges, n=None, parallel=4)
    assert to_end(shop, key).status == "Completed"
    assert [(each["x"], each["y"]) for each in tuned(shop, key)] == [
        ("1", "a"), ("1", "b"), ("2", "a"), ("2", "b"),
    ]  # fmt: skip


def test_a_search_in_which_nothing_succeeds_fails(shop: TrainingShop) -> None:
    key = tune(shop, n=9, parallel=1, do="phase:Training end:Failed", static={"reason": "AlgorithmError: x"})
    row = to_end(shop, key)
    assert row.status == "Failed"
    assert (row.failure_reason or "").startswith("No training job succeeded after 5 attempts.")
    assert [trial.outcome for trial in trials(shop, key)] == ["NonRetryableError"] * 5


def test_a_search_survives_jobs_that_fail(shop: TrainingShop) -> None:
    key = tune(
        shop,
        strategy="Grid",
        ranges=choice("x", "1", "nonsense"),  # which the stand-in cannot report
        n=None,
    )
    assert to_end(shop, key).status == "Completed"
    assert [trial.outcome for trial in trials(shop, key)] == ["Completed", "RetryableError"]


def test_a_job_without_the_metric_has_no_value(shop: TrainingShop) -> None:
    key = tune(shop, n=2, do="phase:Training metric:other=1 model")
    row = to_end(shop, key)
    assert row.status == "Failed"
    assert "after 2 attempts" in (row.failure_reason or "")


def test_a_lost_program_counts_as_retryable(shop: TrainingShop) -> None:
    key = tune(shop, n=1, do="phase:Training metric:score=1 die:1")
    to_end(shop, key)
    assert [trial.outcome for trial in trials(shop, key)] == ["RetryableError"]


def test_stopping_ends_the_training_jobs(shop: TrainingShop) -> None:
    key = tune(shop, n=9, parallel=3, do="phase:Training metric:score=x hold model")
    shop.step_until(
        lambda: sum(shop.job(t.training_job_id).secondary == "Training" for t in trials(shop, key)) == 3
    )
    shop.database.write(lambda c: tuning_jobs.set_columns(c, key, status="Stopping"))
    assert to_end(shop, key).status == "Stopped"
    assert [trial.outcome for trial in trials(shop, key)] == ["Stopped"] * 3


@pytest.mark.parametrize(
    "criteria, n_least, n_most",
    [
        ({"TargetObjectiveMetricValue": 0.0}, 1, 2),
        ({"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}, 4, 5),
    ],
)
def test_criteria_end_a_search(
    shop: TrainingShop, criteria: dict[str, Any], n_least: int, n_most: int
) -> None:
    key = tune(
        shop,
        n=30,
        do="phase:Training metric:score=1 model",
        TuningJobCompletionCriteria=criteria,
    )
    assert to_end(shop, key).status == "Completed"
    assert n_least <= len(trials(shop, key)) <= n_most


def test_a_search_ends_when_its_time_is_over(shop: TrainingShop) -> None:
    key = tune(
        shop,
        parallel=1,
        do="phase:Training metric:score=x hold model",
        limits={"MaxRuntimeInSeconds": 120},
    )
    shop.step_until(lambda: len(trials(shop, key)) == 1)
    first = trials(shop, key)[0].training_job_id
    shop.step_until(lambda: shop.job(first).secondary == "Training")
    shop.clock.tick(120)
    assert to_end(shop, key).status == "Completed"
    assert [trial.outcome for trial in trials(shop, key)] == ["Stopped"]


def test_a_job_worse_than_the_median_is_stopped_early(shop: TrainingShop) -> None:
    steps = "phase:Training metric:score=x metric:score=x metric:score=x hold model"
    key = tune(
        shop,
        strategy="Random",
        ranges=choice("x", "1", "2", "3", "4"),
        n=5,
        parallel=1,
        do=steps,
        TrainingJobEarlyStoppingType="Auto",
    )
    # Good ones are let go; one that is bad is left to the rule.
    released: set[int] = set()

    def play() -> bool:
        shop.clock.tick(1)
        for trial in trials(shop, key):
            row = shop.job(trial.training_job_id)
            is_good = trial.number <= 3
            if is_good and row.secondary == "Training" and trial.number not in released:
                shop.release(trial.training_job_id)
                released.add(trial.number)
            elif not is_good and row.secondary == "Training" and _is_not_worse(shop, key, trial):
                shop.release(trial.training_job_id)
        return job(shop, key).ended_at is not None

    shop.step_until(play)
    found = trials(shop, key)
    early = [trial for trial in found if trial.is_stopped_early]
    assert [trial.number for trial in early] == [
        trial.number for trial in found[3:] if not _is_not_worse(shop, key, trial)
    ]
    assert all(trial.status == "Stopped" and trial.outcome == "Completed" for trial in early)
    assert early, "the seed must give a bad one behind three others"


def _is_not_worse(shop: TrainingShop, key: int, trial: TrialRow) -> bool:
    values = sorted(float(json.loads(other.tuned)["x"]) for other in trials(shop, key)[: trial.number - 1])
    middle = len(values) // 2
    median = values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
    return float(json.loads(trial.tuned)["x"]) >= median


def test_bayesian_search_asks_once_it_knows_something(shop: TrainingShop) -> None:
    key = tune(shop, strategy="Bayesian", n=6, parallel=3, direction="Minimize")
    assert to_end(shop, key).status == "Completed"
    assert len([trial for trial in trials(shop, key) if trial.value is not None]) == 6
    # The first three are drawn; when the sixth begins at least three have ended.
    drawn = [random_point(plan_of(request("t")).definitions[0].space, 5, number) for number in range(1, 7)]
    assert tuned(shop, key)[:3] == drawn[:3]
    assert tuned(shop, key)[5] != drawn[5]


def test_a_search_that_cannot_be_asked_fails_in_the_end(
    shop: TrainingShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tune(shop, strategy="Bayesian", n=9, parallel=3, do="phase:Training metric:score=x hold model")
    shop.step_until(
        lambda: [shop.job(t.training_job_id).secondary for t in trials(shop, key)] == ["Training"] * 3
    )
    for trial in trials(shop, key):
        shop.release(trial.training_job_id)
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # no interpreter can start there
    for _ in range(4):
        with pytest.raises(SearchFailed):
            to_end(shop, key)
    assert to_end(shop, key).status == "Failed"


def test_a_warm_start_knows_what_its_parents_found(shop: TrainingShop) -> None:
    parent = tune(shop, "parent", ranges=choice("x", "1", "2", "3"), n=4, parallel=4)
    to_end(shop, parent)
    tried = {each["x"] for each in tuned(shop, parent)}
    warm = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "parent"}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    ranges = choice("x", "1", "2", "3", "4", "5", "6")
    child = tune(shop, "child", ranges=ranges, n=3, parallel=3, warm=warm)
    to_end(shop, child)
    assert tried.isdisjoint(each["x"] for each in tuned(shop, child))


def test_several_definitions_take_turns(shop: TrainingShop) -> None:
    asked = request("two", n=4, parallel=4)
    only = asked.pop("TrainingJobDefinition")
    config = asked["HyperParameterTuningJobConfig"]
    objective, ranges = config.pop("HyperParameterTuningJobObjective"), config.pop("ParameterRanges")
    asked["TrainingJobDefinitions"] = [
        {**only, "DefinitionName": name, "TuningObjective": objective, "HyperParameterRanges": ranges}
        for name in "ab"
    ]
    create = partial(tuning_jobs.create, region=REGION, name="two", arn=ARN("two"), request=asked, seed=1)
    key: int = shop.database.write(partial(create, now=shop.clock()))
    assert to_end(shop, key).status == "Completed"
    assert [trial.definition for trial in trials(shop, key)] == [0, 1, 0, 1]


def test_hyperband_ends_weak_jobs_at_rungs(shop: TrainingShop) -> None:
    epochs = "phase:Training " + "metric:score=x " * 9 + "hold model"
    key = tune(
        shop,
        strategy="Hyperband",
        n=6,
        parallel=2,
        do=epochs,
        StrategyConfig={"HyperbandStrategyConfig": {"MinResource": 3, "MaxResource": 9}},
    )
    # Every job holds for ever behind its ninth epoch: only Hyperband ends them.
    assert to_end(shop, key).status == "Completed"
    assert all(trial.is_stopped_early for trial in trials(shop, key))
    assert all(trial.outcome == "Completed" for trial in trials(shop, key))


N_TRIALS, N_KILLS = 6, 3


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]))
    data_dir = tmp_path / "data"
    shop = make_training_shop(data_dir, time.time)
    key = tune(
        shop,
        "Crash",
        n=N_TRIALS,
        parallel=2,
        do="phase:Training rest:0.2 metric:score=x model",
    )
    shop.leave()
    chance = random.Random(3)
    for _ in range(N_KILLS):
        server = subprocess.Popen([sys.executable, str(HERE / "training_server.py"), str(data_dir)])
        time.sleep(0.5 + chance.random() * 0.5)
        server.kill()
        server.wait()
    shop = make_training_shop(data_dir, time.time)
    shop.supervisor.start()
    end = time.monotonic() + 180
    while job(shop, key).ended_at is None:
        assert time.monotonic() < end, trials(shop, key)
        time.sleep(0.02)
    found = trials(shop, key)
    assert job(shop, key).status == "Completed"
    assert [trial.number for trial in found] == list(range(1, N_TRIALS + 1))
    assert sorted(trial.ended_no or 0 for trial in found) == list(range(1, N_TRIALS + 1))
    assert [trial.value for trial in found] == [float(each["x"]) for each in tuned(shop, key)]
    shop.close()
