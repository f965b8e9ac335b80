"""Jobs with automated labeling, whole: people, programs, machine labels, files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from automated_workshop import (
    LABELS,
    N_WORKERS,
    automated_shop,
    batch_sizes,
    create,
    drive,
    guesses,
    knows,
    label_of,
    manifest,
    members,
    passes,
    texts,
    work_off,
)
from labeling_workshop import Workshop, lines

from labelwright.logstreams import LogStore
from labelwright.manifests import validate_output
from labelwright.store import automated, models, runs
from labelwright.store.automated import Role
from labelwright.work.processes import is_locked

PLAIN = {"auto-labeling": "plain"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    shop = automated_shop(tmp_path / "data")
    yield shop
    close(shop)


def close(shop: Workshop) -> None:
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()


def state_of(shop: Workshop, job_id: int) -> automated.AutomatedRow:
    state = shop.database.read(lambda connection: automated.get(connection, job_id))
    assert state is not None
    return state


def n_programs(shop: Workshop) -> list[str]:
    folder = shop.settings.data_dir / "work"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def running_program(shop: Workshop, job_id: int) -> int:
    """The pid of the program of a job, once it is there."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        shop.settle()
        work_off(shop)
        for path in (shop.settings.data_dir / "work").glob("*/process.json"):
            if is_locked(path.parent / "lock"):
                return int(json.loads(path.read_text())["pid"])
        time.sleep(0.01)
        shop.clock.tick(0.5)
    raise AssertionError("no program was started")


def events(shop: Workshop, job_id: int, name: str) -> list[dict[str, Any]]:
    import sqlalchemy as sa

    from labelwright.store.labeling_tables import job_events as t

    query = sa.select(t.c.detail).where(t.c.job_id == job_id, t.c.name == name).order_by(t.c.id)
    found = shop.database.read(lambda connection: connection.execute(query).scalars().all())
    return [json.loads(detail or "{}") for detail in found]


def check_output(shop: Workshop, n: int, *, n_machine: int, job: str = "Texts-1") -> list[dict[str, Any]]:
    """The output manifest has every line once, in order; returns its lines."""
    data = shop.read(f"s3://acme/out/{job}/manifests/output/output.manifest")
    assert validate_output([data]).findings == ()
    out = [json.loads(line) for line in data.splitlines()]
    assert len(out) == n
    assert [line["source"].split()[-1] for line in out] == [str(i) for i in range(n)]
    machine = [line for line in out if line.get("topic-metadata", {}).get("human-annotated") == "no"]
    assert len(machine) == n_machine
    dates = [line["topic-metadata"]["creation-date"] for line in machine]
    assert len(set(dates)) == len(dates)
    return out


def test_a_job_by_the_plain_rule(shop: Workshop) -> None:
    job_id = create(shop, manifest=manifest(1000), options=PLAIN)
    row = drive(shop, job_id)
    assert (row.status, row.n_failed) == ("Completed", 0)
    assert batch_sizes(shop)[:3] == [10, 190, 200]
    assert row.n_human + row.n_machine == 1000 and row.n_machine > 300
    out = check_output(shop, 1000, n_machine=row.n_machine)
    right = sum(line["topic"] == i % 3 for i, line in enumerate(out))
    assert right >= 980

    root = "out/Texts-1"
    annotated = shop.read(
        f"s3://acme/{root}/activelearning/4/auto-annotator-output/auto_annotator_output.txt"
    )
    first = annotated.splitlines()[0].decode()
    number, line = first.split(" ", 1)
    assert json.loads(line) == out[int(number)]
    assert list(json.loads(line)["topic-metadata"]) == [
        "job-name", "confidence", "class-name", "type", "creation-date", "human-annotated",
    ]  # fmt: skip
    n_annotated = len(annotated.splitlines())
    assert n_annotated == passes(shop, job_id)[0].n_applied

    # The validation set is drawn once, by people, and never trained on.
    validation = members(shop, job_id, Role.VALIDATION)
    assert len(validation) == 200 and set(validation.values()) == {3}
    manifests = [key for key in shop.keys(f"{root}/training/") if key.endswith("training.manifest")]
    for key in manifests:
        trained = {
            int(json.loads(raw)["source"].split()[-1]) for raw in shop.read(f"s3://acme/{key}").splitlines()
        }
        assert trained and not trained & validation.keys()
    assert manifests[0] == f"{root}/training/4/input/training.manifest"

    model = next(key for key in shop.keys(f"{root}/training/4/model/") if key.endswith("model.tar.gz"))
    run_name = model.split("/")[-3]
    log = shop.read(f"s3://acme/{root}/training/4/logs/{run_name}.log").decode()
    assert any(
        "Final configuration" in raw and "num_training_samples': u'200'" in raw for raw in log.splitlines()
    )
    assert "Validation-accuracy=" in log
    arn = state_of(shop, job_id).model_arn
    kept = shop.database.read(lambda connection: models.by_arn(connection, arn or ""))
    assert (
        kept is not None
        and kept.artifact_uri is not None
        and kept.labels == json.dumps(LABELS).replace(" ", "")
    )
    (shop.settings.data_dir / "model.tar.gz").write_bytes(shop.read(kept.artifact_uri))
    with tarfile.open(shop.settings.data_dir / "model.tar.gz") as archive:
        assert archive.getnames()
    threshold = json.loads(shop.read(f"s3://acme/{root}/activelearning/4/validation-output/threshold.json"))
    assert threshold["target"] == 0.95 and threshold["quality"] >= 0.95 and threshold["support"] >= 10
    report = json.loads(shop.read(f"s3://acme/{root}/activelearning/report.json"))
    assert report["machine_labels"] == row.n_machine and not report["certified"]
    assert n_programs(shop) == []


def test_a_certified_job_bounds_the_error_of_its_labels(shop: Workshop) -> None:
    n = 2000
    job_id = create(shop, manifest=manifest(n))
    row = drive(shop, job_id)
    assert row.status == "Completed"
    assert row.n_machine > 1200 and row.n_human + row.n_machine == n
    out = check_output(shop, n, n_machine=row.n_machine)
    wrong = sum(
        line["topic"] != i % 3
        for i, line in enumerate(out)
        if line["topic-metadata"]["human-annotated"] == "no"
    )
    assert wrong <= 0.05 * row.n_machine
    assert batch_sizes(shop)[:2] == [10, 30]  # 40 random labels before the first model
    report = json.loads(shop.read("s3://acme/out/Texts-1/activelearning/report.json"))
    assert report["certified"] and report["target_error"] == 0.05
    assert report["machine_labels"] == row.n_machine
    assert 0 <= report["estimated_error"] <= report["error_upper"] <= 0.05
    labeled = [event for event in events(shop, job_id, "AUTO_LABELING_PASS") if event["labeled"]]
    assert sum(event["labeled"] for event in labeled) == row.n_machine
    assert labeled[-1]["error_upper"] <= 0.05
    # What people checked was drawn before anybody looked, in one order over all its batches.
    assert members(shop, job_id, Role.VALIDATION)
    assert state_of(shop, job_id).model_arn is not None
    assert n_programs(shop) == []
    assert not (shop.settings.data_dir / "cache" / "features" / str(job_id)).exists()


@pytest.mark.parametrize("mode", ["plain", "certified"])
def test_labels_that_cannot_be_learned_leave_everything_to_people(shop: Workshop, mode: str) -> None:
    job_id = create(shop, manifest=manifest(150), batch=100, options={"auto-labeling": mode})
    row = drive(shop, job_id, guesses)
    assert (row.status, row.n_human, row.n_machine) == ("Completed", 150, 0)
    assert state_of(shop, job_id).model_arn is not None


def test_too_few_objects_are_refused(tmp_path: Path) -> None:
    shop = automated_shop(tmp_path / "data", autolabel_min_objects=1250)
    refused = create(shop, manifest=manifest(1249), name="Few-1")
    accepted = create(
        shop, manifest=manifest(1250), name="Enough-1", manifest_uri="s3://acme/in/enough.jsonl"
    )
    shop.put("s3://acme/in/enough.jsonl", manifest(1250))
    shop.put("s3://acme/in/manifest.jsonl", manifest(1249))
    shop.settle()
    row = shop.job(refused)
    assert (
        row.status == "Failed"
        and "1,250" in (row.failure_reason or "")
        and "1,249" in (row.failure_reason or "")
    )
    assert shop.job(accepted).status == "InProgress"
    close(shop)


@pytest.mark.parametrize(("n_expired", "status"), [(2, "Failed"), (1, "InProgress")])
def test_probes_that_nobody_answers(shop: Workshop, n_expired: int, status: str) -> None:
    job_id = create(shop, manifest=manifest(200), options=PLAIN, TaskAvailabilityLifetimeInSeconds=3600)
    shop.settle()
    names = iter(range(10 - n_expired))
    for _ in names:  # one after the other: the rest stay in the pool
        task = shop.take("worker-1", "Texts-1")
        assert task is not None
        shop.submit("worker-1", task, knows(task.object_id))
    shop.clock.tick(3601)
    shop.settle()
    row = shop.job(job_id)
    assert (row.status, row.n_failed) == (status, n_expired)
    if status == "Failed":
        assert "More than 10%" in (row.failure_reason or "")
        assert row.n_human == 8 and len(shop.output("Texts-1")) == 200
    else:
        assert row.iteration == 2


def test_a_second_job_starts_from_the_first_ones_model(shop: Workshop) -> None:
    first = create(shop, manifest=manifest(600), options=PLAIN, batch=100)
    drive(shop, first)
    arn = state_of(shop, first).model_arn
    second = create(
        shop,
        manifest=manifest(600, seed=9),
        options=PLAIN,
        batch=100,
        name="Texts-2",
        start_model=arn,
        manifest_uri="s3://acme/in/second.jsonl",
    )
    shop.put("s3://acme/in/second.jsonl", manifest(600, seed=9))
    row = drive(shop, second, job="Texts-2")
    assert row.status == "Completed"
    # Probes and validation, nothing else, before the machine labels.
    assert batch_sizes(shop, "Texts-2")[:3] == [10, 100, 20]
    first_pass = passes(shop, second)[0]
    assert first_pass.iteration == 4 and first_pass.n_applied > 300
    assert not first_pass.report["is_fitted"]
    assert (
        members(shop, second, Role.TRAINING).keys() & members(shop, second, Role.VALIDATION).keys() == set()
    )


def test_a_chained_job_learns_from_kept_labels(shop: Workshop) -> None:
    def kept(number: int, line: dict[str, Any]) -> dict[str, Any]:
        about = {
            "confidence": 0.9,
            "job-name": "labeling-job/somebody-elses",
            "class-name": label_of(number),
            "human-annotated": "yes",
            "creation-date": "2024-04-03T12:40:19.118274",
            "type": "groundtruth/text-classification",
        }
        return {**line, "topic": number % 3, "topic-metadata": about}

    objects = texts(800)
    objects[:300] = [kept(i, line) for i, line in enumerate(objects[:300])]
    objects[5]["topic"] = 17  # no class of the job: as good as no label
    objects[7] = {**objects[7], "topic-metadata": {**objects[7]["topic-metadata"], "human-annotated": "no"}}
    job_id = create(shop, manifest=lines(*objects), options=PLAIN)
    shop.settle()
    row = shop.job(job_id)
    assert (row.n_human, row.n_machine) == (298, 1)
    row = drive(shop, job_id)
    assert row.status == "Completed" and row.n_human + row.n_machine == 800
    assert batch_sizes(shop)[:2] == [10, 160]
    assert len(members(shop, job_id, Role.VALIDATION)) == 160
    first = passes(shop, job_id)[0]
    assert first.iteration == 3 and first.n_applied > 200
    trained = shop.read("s3://acme/out/Texts-1/training/3/input/training.manifest").splitlines()
    assert len(trained) == 298 + 10  # kept human labels and the probes; machine labels teach nothing
    out = check_output(shop, 800, n_machine=row.n_machine)
    assert out[0] == objects[0] and out[5]["topic"] == 2


def test_a_human_budget_ends_the_job_after_a_last_pass(shop: Workshop) -> None:
    conditions = {"MaxHumanLabeledObjectCount": 260}
    job_id = create(shop, manifest=manifest(800), options=PLAIN, batch=100, conditions=conditions)
    row = drive(shop, job_id)
    assert row.n_human == 260 and row.n_machine > 200
    assert row.status == ("Completed" if row.n_human + row.n_machine == 800 else "Stopped")
    assert len(passes(shop, job_id)) >= 1


def test_a_certified_job_with_a_human_budget_leaves_labels_for_the_certificate(shop: Workshop) -> None:
    conditions = {"MaxHumanLabeledObjectCount": 130}  # without a limit it asks for more before it tries
    job_id = create(shop, manifest=manifest(2000), conditions=conditions)
    row = drive(shop, job_id)
    assert row.n_human <= 130
    assert row.n_machine > 1000


def test_a_percentage_ends_the_job(shop: Workshop) -> None:
    conditions = {"MaxPercentageOfInputDatasetLabeled": 10}
    job_id = create(shop, manifest=manifest(500), options=PLAIN, conditions=conditions)
    row = drive(shop, job_id)
    assert (row.status, row.n_human, row.n_machine) == ("Stopped", 50, 0)


def test_a_program_that_is_killed_is_tried_once_more(shop: Workshop) -> None:
    job_id = create(shop, manifest=manifest(400), options=PLAIN, batch=100)
    os.kill(running_program(shop, job_id), signal.SIGKILL)
    row = drive(shop, job_id)
    assert row.status == "Completed" and row.n_machine > 100
    failed = events(shop, job_id, "TRAINING_FAILED")
    assert [event["attempt"] for event in failed] == [1] and "killed" in failed[0]["reason"]
    check_output(shop, 400, n_machine=row.n_machine)


def test_after_two_failures_people_do_the_rest(shop: Workshop) -> None:
    job_id = create(shop, manifest=manifest(400), options=PLAIN, batch=100)
    for _ in range(2):
        os.kill(running_program(shop, job_id), signal.SIGKILL)
        time.sleep(0.05)
    row = drive(shop, job_id)
    assert (row.status, row.n_human, row.n_machine) == ("Completed", 400, 0)
    (ended,) = events(shop, job_id, "AUTO_LABELING_ENDED")
    assert "people label the rest" in ended["reason"]
    assert state_of(shop, job_id).stage == "people"
    check_output(shop, 400, n_machine=0)


def test_stopping_while_a_program_trains(shop: Workshop) -> None:
    job_id = create(shop, manifest=manifest(400), options=PLAIN, batch=100)
    pid = running_program(shop, job_id)
    n_before = shop.job(job_id).n_human
    shop.stop(job_id)
    shop.settle()
    row = shop.job(job_id)
    assert (row.status, row.n_human, row.n_machine) == ("Stopped", n_before, 0)
    assert not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text()
    (run,) = shop.database.read(lambda connection: runs.all_of_region(connection, row.region))
    assert run.status == runs.STOPPED
    assert n_programs(shop) == []
    check_output(shop, 400, n_machine=0)


def test_a_server_that_is_killed_again_and_again_labels_nothing_twice(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    shop = automated_shop(data_dir, clock=time.time)
    job_id = create(shop, manifest=manifest(400), options=PLAIN, batch=100)
    for i in range(N_WORKERS):
        shop.worker(f"worker-{i}")
    close(shop)
    folder = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    n_kills = 0
    while True:
        server = subprocess.Popen(
            [sys.executable, str(folder / "automated_server.py"), str(data_dir)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert server.stdout is not None
        line = server.stdout.readline()
        while line.startswith("LABELING") and n_kills >= 2:
            line = server.stdout.readline()
        if line.startswith("DONE"):
            assert server.wait(30) == 0
            server.stdout.close()
            break
        assert line.startswith("LABELING"), line
        server.kill()  # between two pages of labels
        server.wait()
        server.stdout.close()
        n_kills += 1
    assert n_kills == 2
    shop = automated_shop(data_dir, clock=time.time)
    row = shop.job(job_id)
    assert row.status == "Completed" and row.n_human + row.n_machine == 400
    check_output(shop, 400, n_machine=row.n_machine)
    assert sum(found.n_applied for found in passes(shop, job_id)) == row.n_machine
    annotated = [
        raw.split(b" ", 1)[0]
        for key in shop.keys("out/Texts-1/activelearning/")
        if key.endswith("auto_annotator_output.txt")
        for raw in shop.read(f"s3://acme/{key}").splitlines()
    ]
    assert len(annotated) == len(set(annotated)) == row.n_machine
    # One training per pass: the programs that were at work when their server died were found again.
    trained = shop.database.read(lambda connection: runs.all_of_region(connection, row.region))
    assert [run.attempt for run in trained] == [1] * len(passes(shop, job_id))
    # What they printed was copied by several servers, each line once.
    logs = LogStore(data_dir / "logs")
    for run in trained:
        printed = shop.read(f"s3://acme/out/Texts-1/training/{run.iteration}/logs/{run.name}.log")
        (stream,) = logs.names("/aws/sagemaker/TrainingJobs", prefix=run.name)
        copied = logs.events("/aws/sagemaker/TrainingJobs", stream, from_head=True, limit=1000).events
        assert [event.message for event in copied] == printed.decode().splitlines() != []
    close(shop)
