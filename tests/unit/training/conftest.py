"""Real training jobs: the program under a real `Runner`, with an embedded store of its own."""

from __future__ import annotations

import io
import json
import tarfile
import textwrap
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from labelwright.blobs.embedded import EmbeddedBlobs
from labelwright.credentials import RootCredentials
from labelwright.logstreams import LogStore
from labelwright.s3.store import ObjectStore
from labelwright.training import PROGRAM, key_environment
from labelwright.work import Limits, Program, Runner, State

PATIENCE_S = 60.0
GROUP = "/aws/sagemaker/TrainingJobs"


class Workshop:
    """Makes jobs, runs them, looks at what they left."""

    def __init__(self, data_dir: Path, blobs: EmbeddedBlobs, root: Path) -> None:
        self.data_dir = data_dir
        self.blobs = blobs
        self.logs = root / "logs"
        self.mark = uuid.uuid4().hex
        self.environment = {**key_environment("LTIAEXAMPLE", "derived"), "SERVER_SECRET": "hidden"}
        self._ended = threading.Condition()
        self.runner = Runner(root / "work", n_at_once=8, on_end=self._on_end)

    def _on_end(self, _name: str) -> None:
        with self._ended:
            self._ended.notify_all()

    def put_source(self, name: str, files: Mapping[str, str]) -> str:
        """Upload a script's source as the SDK does."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for place, text in files.items():
                data = textwrap.dedent(text).encode()
                member = tarfile.TarInfo(place)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        uri = f"s3://bucket/{name}/source/sourcedir.tar.gz"
        self.blobs.put(uri, packed.getvalue())
        return uri

    def description(
        self, name: str, source: str | Mapping[str, str] = "", *, n_hosts: int = 1, **more: Any
    ) -> dict[str, Any]:
        """``input.json`` of a job that runs a script; members of the request begin with a capital."""
        request = {
            "TrainingJobName": name,
            "AlgorithmSpecification": {"TrainingImage": "local:python", "TrainingInputMode": "File"},
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": n_hosts, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            "HyperParameters": {},
            **{key: value for key, value in more.items() if key[0].isupper()},
        }
        request["Environment"] = {"TEST_MARK": self.mark, **more.get("Environment", {})}
        if source:
            files = {"train.py": source} if isinstance(source, str) else source
            request["HyperParameters"] = {
                "sagemaker_program": json.dumps(next(iter(files))),
                "sagemaker_submit_directory": json.dumps(self.put_source(name, files)),
                **request["HyperParameters"],
            }
        job = {"name": name, "arn": f"arn:aws:x:{name}", "region": "us-east-1", "account": "000000000000"}
        return {
            "job": job,
            "request": request,
            "host_count": n_hosts,
            "data_dir": str(self.data_dir),
            "log_folder": str(self.logs),
            "endpoint_url": "http://127.0.0.1:8400",
            "deadline": None,
            **{key: value for key, value in more.items() if key[0].islower()},
        }

    def start(self, name: str, source: str | Mapping[str, str] = "", **more: Any) -> Path:
        """Start a job; its folder."""
        content = self.description(name, source, **more)
        assert self.runner.start(name, Program(PROGRAM, content, Limits(nice=0), self.environment))
        return self.runner.folder(name)

    def wait(self, name: str) -> dict[str, Any]:
        """Wait for a job's end; its result, empty when the program was killed."""
        end = time.monotonic() + PATIENCE_S
        with self._ended:
            while self.runner.poll(name).state in (State.RUNNING, State.ABSENT):
                assert time.monotonic() < end, "the job does not end"
                self._ended.wait(0.2)
        status = self.runner.poll(name)
        if status.state is State.SUCCEEDED:
            return dict(status.result or {})
        return {}

    def run(self, name: str, source: str | Mapping[str, str] = "", **more: Any) -> dict[str, Any]:
        """Start a job and wait for its end."""
        self.start(name, source, **more)
        result = self.wait(name)
        assert result, (self.runner.folder(name) / "log").read_text()
        return result

    def phases(self, name: str) -> list[str]:
        """The phases it went through."""
        path = self.runner.folder(name) / "progress.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line)["message"] for line in lines]

    def log(self, name: str, host: str = "algo-1") -> list[str]:
        """The log lines of a host."""
        store = LogStore(self.logs)
        names = store.names(GROUP, prefix=f"{name}/{host}-")
        streams = [name for name in names if store.info(GROUP, name) is not None]  # with a line by now
        return [e.message for s in streams for e in store.events(GROUP, s, from_head=True).events]

    def members(self, name: str, artifact: str = "model") -> dict[str, str]:
        """Members of an artifact."""
        with tarfile.open(self.runner.folder(name) / f"{artifact}.tar.gz") as tar:
            return {m.name: tar.extractfile(m).read().decode() for m in tar}  # type: ignore[union-attr]

    def processes(self) -> list[int]:
        """Processes of all jobs that are alive, wherever they hide."""
        found = []
        for path in Path("/proc").iterdir():
            if path.name.isdigit():
                try:
                    if self.mark.encode() in (path / "environ").read_bytes():
                        found.append(int(path.name))
                except OSError:
                    continue
        return found

    @staticmethod
    def until(condition: Callable[[], object], what: str = "nothing happened") -> None:
        """Wait for something."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, what
            time.sleep(0.01)

    @staticmethod
    def channel(name: str, uri: str, **more: Any) -> dict[str, Any]:
        """A member of ``InputDataConfig``; what S3DataSource has begins with S3 or Attribute."""
        source = {key: value for key, value in more.items() if key.startswith(("S3", "Attribute"))}
        others = {key: value for key, value in more.items() if key not in source}
        return {
            "ChannelName": name,
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, **source}},
            **others,
        }


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, EmbeddedBlobs]]:
    data_dir = tmp_path_factory.mktemp("server")
    store = ObjectStore(data_dir)
    store.create_bucket("bucket", region="us-east-1")
    yield data_dir, EmbeddedBlobs(store, RootCredentials("AKIAEXAMPLE", "secret"), region="us-east-1")
    store.close()


@pytest.fixture
def workshop(tmp_path: Path, server: tuple[Path, EmbeddedBlobs]) -> Iterator[Workshop]:
    workshop = Workshop(*server, tmp_path)
    yield workshop
    for name in workshop.runner.names():
        assert workshop.runner.remove(name)
    workshop.until(lambda: not workshop.processes(), "processes were left behind")
