"""Whole jobs without HTTP: real database and object store, an engine stepped by hand, a fake clock."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import re
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from labelwright.blobs import open_blobs
from labelwright.config import Settings
from labelwright.core.arn import labeling_job_arn
from labelwright.core.labeling_job import StopRequested
from labelwright.credentials import RootCredentials
from labelwright.engine import Desk, Engine, TaskView
from labelwright.manifests import validate_output
from labelwright.store import directory, directory_tables, labeling_jobs, labeling_tables, workteams
from labelwright.store.db import Database
from labelwright.store.labeling_jobs import JobRow
from labelwright.store.schema import metadata

T = TypeVar("T")
REGION = "eu-west-1"
START = 1_714_557_600.0  # 2024-05-01T10:00:00Z
TABLES = (directory_tables, labeling_tables)
TEMPLATE = "<crowd-form>{{ task.input.taskObject | grant_read_access }}</crowd-form>"


class Clock:
    """Time stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += seconds


def png(width: int = 32, height: int = 24) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 150)).save(out, "PNG")
    return out.getvalue()


def lines(*objects: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in objects)


@dataclasses.dataclass
class Workshop:
    """A small installation, and the things people do with it."""

    database: Database
    blobs: Any
    settings: Settings
    clock: Clock
    engine: Engine
    desk: Desk
    team_arn: str
    workers: dict[str, str]

    def worker(self, name: str) -> str:
        """The user id of a worker of the team, made when absent."""
        if name not in self.workers:

            def add(connection: Any) -> str:
                team = workteams.workteam_by_arn(connection, self.team_arn)
                group = team.member_definitions[0]["CognitoMemberDefinition"]
                user = directory.create_user(
                    connection, pool_id=group["UserPool"], username=name, now=self.clock()
                )
                directory.add_to_group(connection, user, group["UserGroup"])
                return user.id

            self.workers[name] = self.database.write(add)
        return self.workers[name]

    def put(self, uri: str, data: bytes) -> None:
        self.blobs.put(uri, data)

    def read(self, uri: str) -> bytes:
        data: bytes = self.blobs.read(uri)
        return data

    def keys(self, prefix: str) -> list[str]:
        return [info.uri.removeprefix("s3://acme/") for info in self.blobs.list(f"s3://acme/{prefix}")]

    def create(
        self,
        name: str = "Parts-A",
        *,
        manifest: bytes | None = None,
        kind: str | None = "ImageMultiClass",
        labels: list[str] | None = None,
        lan: str = "parts",
        n_workers: int = 3,
        categories: dict[str, Any] | None = None,
        **human: Any,
    ) -> int:
        """Create a job as the API would, with its files."""
        if manifest is not None:
            self.put("s3://acme/in/manifest.jsonl", manifest)
        self.put("s3://acme/cfg/page.liquid.html", TEMPLATE.encode())
        conditions = human.pop("conditions", None)
        manifest_uri = human.pop("manifest_uri", "s3://acme/in/manifest.jsonl")
        team = human.pop("team", self.team_arn)
        options = human.pop("options", {})  # of the job: {"budget": "3"}
        algorithm, start_model = human.pop("algorithm", None), human.pop("start_model", None)
        request: dict[str, Any] = {
            "LabelingJobName": name,
            "LabelAttributeName": lan,
            "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": manifest_uri}}},
            "OutputConfig": {"S3OutputPath": "s3://acme/out/"},
            "RoleArn": "arn:aws:iam::000000000000:role/label",
            "HumanTaskConfig": {
                "WorkteamArn": team,
                "UiConfig": {"UiTemplateS3Uri": "s3://acme/cfg/page.liquid.html"},
                "TaskTitle": "Sort parts",
                "TaskDescription": "Choose the part",
                "NumberOfHumanWorkersPerDataObject": n_workers,
                "TaskTimeLimitInSeconds": 300,
                **human,
            },
        }
        if conditions:
            request["StoppingConditions"] = conditions
        if algorithm:
            family = f"arn:aws:sagemaker:{REGION}:027400017018:labeling-job-algorithm-specification"
            request["LabelingJobAlgorithmsConfig"] = {
                "LabelingJobAlgorithmSpecificationArn": f"{family}/{algorithm}"
            }
            if start_model:
                request["LabelingJobAlgorithmsConfig"]["InitialActiveLearningModelArn"] = start_model
        if options:
            request["Tags"] = [{"Key": f"labelwright:{k}", "Value": v} for k, v in options.items()]
        if kind is not None or labels is not None:
            names = ["bolt", "nut", "washer"] if labels is None else labels
            document = categories or {
                "document-version": "2018-11-28",
                "labels": [{"label": n} for n in names],
            }
            self.put("s3://acme/cfg/labels.json", json.dumps(document).encode())
            request["LabelCategoryConfigS3Uri"] = "s3://acme/cfg/labels.json"
        return self.database.write(
            lambda connection: labeling_jobs.create(
                connection,
                region=REGION,
                name=name,
                arn=labeling_job_arn(REGION, "000000000000", name),
                reference_code=f"ref-{name}",
                workteam_arn=team,
                request=request,
                n_workers=n_workers,
                task_type=kind or "Custom",
                now=self.clock(),
            )
        )

    def job(self, job_id: int) -> JobRow:
        row = self.database.read(lambda connection: labeling_jobs.get(connection, job_id))
        assert row is not None
        return row

    def settle(self) -> float | None:
        return self.engine.settle()

    def stop(self, job_id: int) -> None:
        event = StopRequested(at=self.clock())
        self.database.write(lambda connection: labeling_jobs.transition(connection, job_id, event))

    def take(self, who: str, job: str = "Parts-A", **options: Any) -> TaskView | None:
        return run(self.desk.take(self.worker(who), job, **options))

    def submit(self, who: str, task: TaskView, answer: Any, **options: Any) -> None:
        run(self.desk.submit(self.worker(who), task.id, json.dumps(answer).encode(), **options))

    def answer(self, who: str, answer: Any, job: str = "Parts-A", after_s: float = 2.0) -> str:
        """Take the next task, work on it for a while, submit; the object's id."""
        task = self.take(who, job)
        assert task is not None
        self.clock.tick(after_s)
        self.submit(who, task, answer(task) if callable(answer) else answer)
        return task.object_id

    def answers(self, *answers: Any, job: str = "Parts-A") -> None:
        """Workers a, b, c ... give one answer each."""
        for who, answer in zip("abcdefghi", answers, strict=False):
            self.answer(who, answer, job, after_s=0.5)

    def raw_output(self, job: str = "Parts-A") -> list[str]:
        """Lines of the output manifest, which must be valid, the creation date replaced by DATE."""
        data = self.read(f"s3://acme/out/{job}/manifests/output/output.manifest")
        assert validate_output([data]).findings == ()
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", "DATE", data.decode())
        return text.splitlines(keepends=True)

    def output(self, job: str = "Parts-A") -> list[dict[str, Any]]:
        data = self.read(f"s3://acme/out/{job}/manifests/output/output.manifest")
        return [json.loads(line) for line in data.splitlines()]


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run one coroutine to its end."""
    return asyncio.run(coroutine)


def label(name: str) -> dict[str, Any]:
    """An answer of the image classifier."""
    return {"crowd-image-classifier": {"label": name}}


def make_workshop(data_dir: Path, clock: Any, functions: Any = None, **options: Any) -> Workshop:
    settings = Settings(data_dir=data_dir, **options)
    data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.effective_database_url)
    database.create_all(metadata)
    credentials = RootCredentials(access_key_id="AKIATEST", secret_access_key="secret")
    blobs = open_blobs(settings, credentials)
    blobs.store.create_bucket("acme", region=REGION)
    engine = Engine(database, blobs, settings, clock, functions, call_retry_s=(0.01, 0.01))
    desk = Desk(database, blobs, settings, engine, clock)
    team = database.write(
        lambda connection: workteams.ensure_private_team(
            connection, region=REGION, team_name="shift-a", now=clock()
        )
    )
    return Workshop(database, blobs, settings, clock, engine, desk, team.arn, {})
