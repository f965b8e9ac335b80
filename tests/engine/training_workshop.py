"""Training jobs without HTTP: real database, object store and programs, a supervisor stepped by hand."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from labelwright.blobs import open_blobs
from labelwright.config import Settings
from labelwright.core.arn import training_job_arn
from labelwright.core.training_job import StopRequested
from labelwright.credentials import RootCredentials
from labelwright.engine.supervisor import Supervisor
from labelwright.engine.training import KIND
from labelwright.engine.training.kind import TrainingJobs
from labelwright.engine.tuning.kind import TuningJobs
from labelwright.store import (
    automated_tables,
    directory_tables,
    event_tables,
    labeling_tables,
    metric_points,
    metric_tables,
    training_jobs,
    training_tables,
    tuning_tables,
)
from labelwright.store.db import Database
from labelwright.store.schema import metadata
from labelwright.store.training_jobs import TrainingJobRow
from labelwright.work import Runner

REGION = "eu-west-1"
ROLE = "arn:aws:iam::000000000000:role/train"
STAND_IN = "training_stand_in"
TABLES = (
    automated_tables,
    directory_tables,
    event_tables,
    labeling_tables,
    metric_tables,
    training_tables,
    tuning_tables,
)
_TIMEOUT_S = 120.0


def request(name: str, do: str | None = None, **more: Any) -> dict[str, Any]:
    """A request as CreateTrainingJob keeps it; ``do`` tells the stand-in what to do."""
    hyperparameters = {} if do is None else {"do": do}
    hyperparameters.update(more.pop("HyperParameters", {}))
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": "stand-in", "TrainingInputMode": "File"},
        "HyperParameters": hyperparameters,
        "OutputDataConfig": {"S3OutputPath": "s3://acme/out/"},
        "ResourceConfig": {"InstanceType": "local", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **more,
    }


@dataclasses.dataclass
class TrainingShop:
    """A small installation, and what people do with it."""

    database: Database
    blobs: Any
    settings: Settings
    clock: Any
    supervisor: Supervisor
    has_left: bool = False

    @property
    def runner(self) -> Runner:
        return self.supervisor.tools.runners["training"]

    def create(self, name: str, do: str | None = None, **more: Any) -> int:
        job_id: int = self.database.write(
            partial(
                training_jobs.create,
                region=REGION,
                name=name,
                arn=training_job_arn(REGION, "000000000000", name),
                request=request(name, do, **more),
                now=self.clock(),
            )
        )
        self.supervisor.wake(KIND, job_id)
        return job_id

    def stop(self, job_id: int) -> None:
        event = StopRequested(at=self.clock())
        self.database.write(lambda connection: training_jobs.transition(connection, job_id, event))

    def job(self, job_id: int) -> TrainingJobRow:
        row = self.database.read(partial(training_jobs.get, job_id=job_id))
        assert row is not None
        return row

    def folder(self, job_id: int) -> Path:
        """Of the job's present program."""
        row = self.job(job_id)
        return self.runner.folder(f"{row.name_lower}.{row.id}.{row.attempt}")

    def release(self, job_id: int) -> None:
        """Let a program that holds go on."""
        (self.folder(job_id) / "go").touch()

    def story(self, job_id: int) -> list[str]:
        """The secondary statuses that a job went through."""
        steps = self.database.read(partial(training_jobs.transitions, job_id=job_id))
        return [step.status for step in steps]

    def metrics(self, job_id: int) -> list[tuple[str, float]]:
        last = self.database.read(lambda c: metric_points.last_values(c, KIND, job_id))
        return [(value.name, value.value) for value in last]

    def keys(self, prefix: str = "out") -> list[str]:
        return [info.uri.removeprefix("s3://acme/") for info in self.blobs.list(f"s3://acme/{prefix}")]

    def step_until(self, is_so: Callable[[], bool]) -> None:
        """Step the supervisor by hand until something holds."""
        end = time.monotonic() + _TIMEOUT_S
        while not is_so():
            assert time.monotonic() < end
            self.supervisor.settle()
            time.sleep(0.02)

    def step_to_end(self, *job_ids: int) -> None:
        """Step until these jobs have ended and nothing of them is left."""
        self.step_until(lambda: all(self.job(job_id).is_settled for job_id in job_ids))

    def leave(self) -> None:
        """Go away as a server does that ends; programs go on."""
        if self.has_left:
            return
        self.has_left = True
        self.supervisor.stop()
        self.database.close()
        self.blobs.close()

    def close(self) -> None:
        self.leave()
        for name in self.runner.names():
            self.runner.remove(name)


def make_training_shop(data_dir: Path, clock: Callable[[], float], **options: Any) -> TrainingShop:
    options.setdefault("training_jobs_at_once", 2)
    settings = Settings(data_dir=data_dir, **options)
    data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.effective_database_url)
    database.create_all(metadata)
    blobs: Any = open_blobs(settings, RootCredentials(access_key_id="AKIATEST", secret_access_key="secret"))
    blobs.store.create_bucket("acme", region=REGION)
    supervisor = Supervisor(database, blobs, settings, clock, [TrainingJobs(STAND_IN), TuningJobs()])
    return TrainingShop(database, blobs, settings, clock, supervisor)
