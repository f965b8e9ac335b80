"""Endpoints over time: updates under load, deaths of processes and of the server, what is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hosting_workshop import Hosting, packed, script_model, with_model_cache
from sqlalchemy.engine import Connection

from labelwright.events import events_of
from labelwright.store import outbox
from labelwright.store.event_tables import OutboxKind
from labelwright.testing.server import running_server
from labelwright.work import Runner

BIN = Path(sys.executable).parent


@pytest.fixture(params=["sqlite"])
def hosting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hosting]:
    options = {}
    if request.param == "postgres":
        options["database_url"] = request.getfixturevalue("postgres_url")
    with running_server(with_model_cache(tmp_path / "data"), **options) as server:
        hosting = Hosting(server)
        yield hosting
        for each in hosting.sagemaker.list_endpoints()["Endpoints"]:
            with contextlib.suppress(ClientError):
                hosting.sagemaker.delete_endpoint(EndpointName=each["EndpointName"])
            hosting.wait_until_gone(each["EndpointName"])
        hosting.close()
        assert programs(tmp_path / "data").names() == []


def programs(data_dir: Path) -> Runner:
    return Runner(data_dir / "programs" / "hosting")


def pids(data_dir: Path) -> list[int]:
    """The serving processes."""
    runner = programs(data_dir)
    found = []
    for name in runner.names():
        with contextlib.suppress(FileNotFoundError):
            found.append(json.loads((runner.folder(name) / "process.json").read_text())["pid"])
    return found


def until(holds: Callable[[], Any], timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


class Load:
    """Asks an endpoint all the time, from several threads."""

    def __init__(self, hosting: Hosting, name: str, n_threads: int = 4) -> None:
        self.answers: list[str] = []
        self.failures: list[BaseException] = []
        self._is_over = threading.Event()

        def ask() -> None:
            while not self._is_over.is_set():
                try:
                    self.answers.append(hosting.answer(name, [1])["model"])
                except Exception as error:
                    self.failures.append(error)

        self._threads = [threading.Thread(target=ask) for _ in range(n_threads)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()


def _updated_without_a_gap(hosting: Hosting) -> None:
    for tag in ("old", "new"):
        hosting.model(tag, script_model(tag))
        hosting.config(tag, {"ModelName": tag})
    hosting.endpoint("shop", "old")
    with Load(hosting, "shop") as load:
        until(lambda: len(load.answers) > 20)
        hosting.sagemaker.update_endpoint(EndpointName="shop", EndpointConfigName="new")
        pending = hosting.sagemaker.describe_endpoint(EndpointName="shop")
        assert pending["EndpointStatus"] == "Updating"
        assert pending["EndpointConfigName"] == "old"
        assert pending["PendingDeploymentSummary"]["EndpointConfigName"] == "new"
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
            hosting.sagemaker.update_endpoint(EndpointName="shop", EndpointConfigName="old")
        found = hosting.wait("shop")
        n_at_swap = len(load.answers)
        until(lambda: len(load.answers) > n_at_swap + 20)
        until(lambda: len(programs(hosting.server.data_dir).names()) == 1)  # the old one has ended
    assert load.failures == []
    assert found["EndpointConfigName"] == "new"
    assert load.answers[0] == "old"
    assert load.answers[-1] == "new"
    models = hosting.server.data_dir / "programs" / "hosting-models"
    until(lambda: len(list(models.iterdir())) == 1)


def test_an_update_leaves_no_gap(hosting: Hosting) -> None:
    _updated_without_a_gap(hosting)


@pytest.mark.postgres
@pytest.mark.parametrize("hosting", ["postgres"], indirect=True)
def test_an_update_leaves_no_gap_on_postgres(hosting: Hosting) -> None:
    _updated_without_a_gap(hosting)


def test_a_failed_update_goes_back_to_what_served(hosting: Hosting) -> None:
    hosting.model("good", script_model("good"))
    hosting.model("bad", packed({"code/inference.py": "raise SystemExit(1)"}))
    hosting.config("good", {"ModelName": "good"})
    hosting.config("bad", {"ModelName": "good", "VariantName": "A"}, {"ModelName": "bad", "VariantName": "B"})
    hosting.endpoint("shop", "good")
    with Load(hosting, "shop", n_threads=2) as load:
        hosting.sagemaker.update_endpoint(EndpointName="shop", EndpointConfigName="bad")
        found = hosting.wait("shop")
    assert load.failures == []
    assert set(load.answers) == {"good"}
    assert found["EndpointConfigName"] == "good"
    assert found["FailureReason"] == (
        "The primary container for production variant B did not pass the ping health check. Please check "
        "CloudWatch logs for this endpoint."
    )
    until(lambda: len(programs(hosting.server.data_dir).names()) == 1)


def test_a_process_that_dies_is_started_again(hosting: Hosting) -> None:
    hosting.model("one", script_model("one"))
    hosting.config("one", {"ModelName": "one", "InitialInstanceCount": 2})
    hosting.endpoint("shop", "one")
    first, second = pids(hosting.server.data_dir)
    runner = programs(hosting.server.data_dir)
    with (runner.folder(runner.names()[0]) / "log").open("a") as log:
        log.write("Fatal Python error: as a library would\n")
    os.kill(first, signal.SIGKILL)
    # The other one answers meanwhile; at most what was in the dead one's hands is asked to come again.
    with Load(hosting, "shop", n_threads=2) as load:
        until(lambda: len(load.answers) > 20)
    assert all("ServiceUnavailable" in str(error) for error in load.failures)
    until(
        lambda: (
            sorted(pids(hosting.server.data_dir)) != sorted([first, second]) and first not in _alive(hosting)
        )
    )
    until(lambda: len(_alive(hosting)) == 2)
    events = hosting.logs.filter_log_events(
        logGroupName="/aws/sagemaker/Endpoints/shop", filterPattern='"Fatal Python error"'
    )["events"]
    assert len(events) == 1
    # A script that ends takes its serving process with it, and the next one is started in its place.
    before = _alive(hosting)
    with pytest.raises(ClientError, match="502"):
        hosting.answer("shop", "die")
    until(lambda: len(_alive(hosting)) == 2 and _alive(hosting) != before)
    until(lambda: _answers(hosting, "shop"))
    assert hosting.sagemaker.describe_endpoint(EndpointName="shop")["EndpointStatus"] == "InService"


def _alive(hosting: Hosting) -> set[int]:
    found = set()
    for pid in pids(hosting.server.data_dir):
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.add(pid)
    return found


def _answers(hosting: Hosting, name: str) -> bool:
    try:
        return bool(hosting.answer(name, [1]))
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ServiceUnavailable"
        return False


def test_while_nothing_answers_clients_are_asked_to_come_again(hosting: Hosting) -> None:
    hosting.model("one", script_model("one"))
    hosting.config("one", {"ModelName": "one"})
    hosting.endpoint("shop", "one")
    [pid] = pids(hosting.server.data_dir)
    os.kill(pid, signal.SIGSTOP)  # it holds its socket, and says nothing
    os.kill(pid, signal.SIGKILL)
    refused: list[str] = []

    def is_back() -> bool:
        try:
            hosting.answer("shop", [1])
        except ClientError as error:
            refused.append(error.response["Error"]["Code"])
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
            return False
        return True

    until(is_back)
    assert set(refused) <= {"ServiceUnavailable"}
    assert refused


def test_deleting_while_it_is_being_made(hosting: Hosting) -> None:
    slow = "import time\ntime.sleep(60)\n"
    hosting.model("slow", packed({"code/inference.py": slow}))
    hosting.config("slow", {"ModelName": "slow"})
    hosting.sagemaker.create_endpoint(EndpointName="shop", EndpointConfigName="slow")
    until(lambda: pids(hosting.server.data_dir))
    hosting.sagemaker.delete_endpoint(EndpointName="shop")
    hosting.wait_until_gone("shop")
    assert _alive(hosting) == set()
    hosting.model("quick", script_model("quick"))
    hosting.config("quick", {"ModelName": "quick"})
    hosting.endpoint("shop", "quick")  # the name is free again
    assert hosting.answer("shop", [])["model"] == "quick"
    told = _told(hosting)
    assert [detail["EndpointStatus"] for detail in told] == ["Creating", "Deleting", "Creating", "InService"]
    described = hosting.sagemaker.describe_endpoint(EndpointName="shop")
    assert {detail["EndpointArn"] for detail in told} == {described["EndpointArn"]}
    assert told[-1]["ProductionVariants"][0]["VariantName"] == "AllTraffic"
    assert told[-1]["LastModifiedTime"] == round(described["LastModifiedTime"].timestamp() * 1000)


def _told(hosting: Hosting) -> list[dict[str, Any]]:
    """What events say of endpoints, oldest first."""

    def read(connection: Connection) -> list[dict[str, Any]]:
        rows = outbox.page(connection, after=0, end=10**9, limit=1000, kinds=[OutboxKind.RESOURCE])
        found = [event for row in rows for event in events_of(row)]
        names = {"SageMaker Endpoint State Change"}
        return [event["detail"] for event in found if event["detail-type"] in names]

    return hosting.server.app.context.database.read(read)


def test_what_serves_needs_neither_configuration_nor_model_nor_artifact(hosting: Hosting) -> None:
    hosting.model("one", script_model("one"))
    hosting.config("one", {"ModelName": "one"})
    hosting.endpoint("shop", "one")
    hosting.sagemaker.delete_endpoint_config(EndpointConfigName="one")
    hosting.sagemaker.delete_model(ModelName="one")
    hosting.s3.delete_object(Bucket="models", Key="one/model.tar.gz")
    [pid] = pids(hosting.server.data_dir)
    os.kill(pid, signal.SIGKILL)
    until(lambda: _answers(hosting, "shop"))


ASYNC = {
    "AsyncInferenceConfig": {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2},
        "OutputConfig": {"S3OutputPath": "s3://models/out/", "S3FailurePath": "s3://models/failed"},
    }
}


def _later(hosting: Hosting, name: str, body: bytes, **more: Any) -> dict[str, Any]:
    """Ask an endpoint asynchronously."""
    key = f"in/{len(body)}-{abs(hash(body))}"
    hosting.s3.put_object(Bucket="models", Key=key, Body=body)
    found: dict[str, Any] = hosting.runtime.invoke_endpoint_async(
        EndpointName=name, InputLocation=f"s3://models/{key}", ContentType="application/json", **more
    )
    return found


def _object(hosting: Hosting, uri: str) -> bytes:
    """An object, once it is there."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    found: list[bytes] = []

    def is_there() -> bool:
        with contextlib.suppress(hosting.s3.exceptions.NoSuchKey):
            found.append(hosting.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        return bool(found)

    until(is_there)
    return found[0]


def test_asynchronous_requests(hosting: Hosting) -> None:
    hosting.model("one", script_model("one"))
    hosting.config("one", {"ModelName": "one"}, **ASYNC)
    hosting.config("plain", {"ModelName": "one"})
    hosting.endpoint("shop", "one")
    accepted = _later(hosting, "shop", b"[1, 2]", InferenceId="mine")
    assert accepted["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert accepted["InferenceId"] == "mine"
    assert accepted["OutputLocation"].startswith("s3://models/out/")
    assert accepted["OutputLocation"].endswith(".out")
    assert json.loads(_object(hosting, accepted["OutputLocation"])) == {"model": "one", "sum": 3}
    named = _later(hosting, "shop", b"[4]", S3OutputPathExtension="day-1", Filename="four.json")
    assert named["OutputLocation"] == "s3://models/out/day-1/four.json"
    assert json.loads(_object(hosting, named["OutputLocation"]))["sum"] == 4
    large = _later(hosting, "shop", b"[" + b" " * (10 << 20) + b"5]")
    assert json.loads(_object(hosting, large["OutputLocation"]))["sum"] == 5
    # What has no answer is told where failures go.
    refused = _later(hosting, "shop", b"no JSON")
    assert b"Received error (500) from the model" in _object(hosting, refused["FailureLocation"])
    slow = _later(hosting, "shop", b'{"sleep_s": 1.5}', InvocationTimeoutSeconds=1)
    assert _object(hosting, slow["FailureLocation"]) == b"The model did not answer within 1 s."
    absent = hosting.runtime.invoke_endpoint_async(EndpointName="shop", InputLocation="s3://models/absent")
    assert b"s3://models/absent cannot be read" in _object(hosting, absent["FailureLocation"])
    for _ in range(2):
        _later(hosting, "shop", b'{"sleep_s": 1}')  # as many at once as may be
    late = _later(hosting, "shop", b"[6]", RequestTTLSeconds=60)
    hosting.server.clock.advance(61)
    assert b"before its RequestTTLSeconds" in _object(hosting, late["FailureLocation"])
    hosting.sagemaker.update_endpoint(EndpointName="shop", EndpointConfigName="plain")
    hosting.wait("shop")
    with pytest.raises(ClientError, match="is not asynchronous"):
        _later(hosting, "shop", b"[]")
    for request, text in (
        ({"EndpointName": "none", "InputLocation": "s3://models/x"}, "not found"),
        ({"EndpointName": "shop", "InputLocation": "https://models/x"}, "must be an s3:// URI"),
    ):
        with pytest.raises(ClientError, match=text):
            hosting.runtime.invoke_endpoint_async(**request)


def test_accepted_requests_outlive_the_server(tmp_path: Path) -> None:
    keys = {"root_access_key_id": "LKIATEST", "root_secret_access_key": "s" * 40}
    with running_server(with_model_cache(tmp_path / "data"), **keys) as server:
        hosting = Hosting(server)
        hosting.model("one", script_model("one"))
        hosting.config("one", {"ModelName": "one"}, **ASYNC)
        hosting.endpoint("shop", "one")
        begun = _later(hosting, "shop", b'{"sleep_s": 1}')
        waiting = _later(hosting, "shop", b"[1]")
        hosting.close()
    with running_server(tmp_path / "data", **keys) as server:
        again = Hosting(server, has_bucket=True)
        assert json.loads(_object(again, begun["OutputLocation"]))["sum"] == 0
        assert json.loads(_object(again, waiting["OutputLocation"]))["sum"] == 1
        again.sagemaker.delete_endpoint(EndpointName="shop")
        again.wait_until_gone("shop")
        again.close()


class Server:
    """``labelwright serve`` as a process of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        (data_dir / "server.json").unlink(missing_ok=True)
        self._log = (data_dir.parent / "server.log").open("ab")
        environ = {
            **os.environ,
            "LABELWRIGHT_ROOT_ACCESS_KEY_ID": "LKIATEST",
            "LABELWRIGHT_ROOT_SECRET_ACCESS_KEY": "s" * 40,
        }
        self.process = subprocess.Popen(
            [str(BIN / "labelwright"), "serve", "--data", str(data_dir), "--port", "0"],
            stderr=self._log,
            env=environ,
        )
        until(lambda: (data_dir / "server.json").exists())
        self.url = json.loads((data_dir / "server.json").read_text())["url"]

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="LKIATEST",
            aws_secret_access_key="s" * 40,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=70),
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._log.close()


def test_a_killed_server_finds_its_processes_again(tmp_path: Path) -> None:
    data_dir = with_model_cache(tmp_path / "data")
    with running_server(data_dir, root_access_key_id="LKIATEST", root_secret_access_key="s" * 40) as server:
        hosting = Hosting(server)
        for tag in ("one", "two"):
            hosting.model(tag, script_model(tag))
            hosting.config(tag, {"ModelName": tag})
        hosting.endpoint("shop", "one")
        hosting.close()
    before = pids(data_dir)  # a server that ends leaves its endpoints running
    first = Server(data_dir)
    runtime, sagemaker = first.client("sagemaker-runtime"), first.client("sagemaker")

    def ask(client: Any) -> str:
        found = client.invoke_endpoint(EndpointName="shop", Body=b"[1]", ContentType="application/json")
        return str(json.loads(found["Body"].read())["model"])

    assert ask(runtime) == "one"
    assert pids(data_dir) == before
    sagemaker.update_endpoint(EndpointName="shop", EndpointConfigName="two")
    first.kill()  # in the middle of the update
    second = Server(data_dir)
    try:
        runtime = second.client("sagemaker-runtime")
        assert ask(runtime) in ("one", "two")  # whichever serves, somebody does
        until(lambda: ask(runtime) == "two")
        until(lambda: len(programs(data_dir).names()) == 1)
        sagemaker = second.client("sagemaker")
        sagemaker.delete_endpoint(EndpointName="shop")
        until(lambda: sagemaker.list_endpoints()["Endpoints"] == [])
        assert programs(data_dir).names() == []
        assert not any((data_dir / "programs" / "hosting-models").iterdir())
    finally:
        second.kill()
