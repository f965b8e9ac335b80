"""Containers: from a model to answers, with real processes."""

from __future__ import annotations

import json
import os
import sys
import time
import venv
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hosting_workshop import CLASSIFIER_IMAGE, SCRIPT_IMAGE, classifier_model, packed, picture, script_model

from labelwright.hosting import Container, HostingError, PingFailed, interpreters
from labelwright.hosting.containers import open_container
from labelwright.hosting.docker import Engine, run_command
from labelwright.streaming.objects import LocalObjects

JSON = "application/json"


class Opened:
    """Opens containers from archives, keeps what they print, closes them at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self._containers: list[Container] = []

    def __call__(self, *artifacts: bytes, **more: Any) -> Container:
        definitions, given = [], more.pop("definition", {})
        for i, artifact in enumerate(artifacts):
            path = self.folder / f"{len(self._containers)}-{i}.tar.gz"
            path.write_bytes(artifact)
            definitions.append({"Image": SCRIPT_IMAGE, "ModelDataUrl": str(path), **given})
        model = {"PrimaryContainer": definitions[0]} if len(artifacts) == 1 else {"Containers": definitions}
        container = open_container(
            model,
            folder=self.folder / str(len(self._containers)),
            objects=LocalObjects(),
            log=self.lines.append,
            **more,
        )
        self._containers.append(container)
        return container

    def close(self) -> None:
        for container in self._containers:
            container.close()
            container.close()  # may be repeated


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    opened = Opened(tmp_path)
    yield opened
    opened.close()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_script_answers_and_logs(opened: Opened) -> None:
    container = opened(script_model("mine"))
    reply = container.invoke(b"[1, 2]", JSON)
    assert (reply.status, json.loads(reply.body), reply.content_type) == (
        200,
        {"model": "mine", "sum": 3},
        JSON,
    )
    assert reply.is_ok
    refused = container.invoke(b"x", "image/png")
    assert (refused.status, refused.body) == (500, b"ValueError: cannot read image/png")
    many = container.invoke_many([b"[1]", b"[2]"], JSON)
    assert [json.loads(each.body)["sum"] for each in many] == [1, 2]
    assert container.is_healthy()
    assert container.execution_parameters() is None
    until(lambda: "ValueError: cannot read image/png" in opened.lines)
    assert opened.lines[0].startswith("No container engine answers")
    assert opened.lines[1] == "loading ['code', 'weights.txt']"
    assert container.invoke(b'{"sleep_s": 5}', JSON, timeout_s=0.1).status == 0


def test_a_script_that_ends_is_seen(opened: Opened) -> None:
    container = opened(script_model("mine"))
    assert container.invoke(b'"die"', JSON).status == 502
    until(lambda: not container.is_healthy())


def test_several_workers_and_variables(opened: Opened) -> None:
    script = (
        "import os, time\ndef model_fn(d):\n    return None\n"
        "def predict_fn(data, model):\n"
        "    time.sleep(0.05)\n"
        "    return [os.getpid(), os.environ.get('MINE'), os.environ.get('HOME')]\n"
    )
    container = opened(
        packed({"code/inference.py": script}),
        definition={"Environment": {"SAGEMAKER_MODEL_SERVER_WORKERS": "2", "MINE": "given"}},
        environment={"MINE": "over"},
    )
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: json.loads(container.invoke(b"1", JSON).body), range(8)))
    assert len({pid for pid, _, _ in answers}) == 2
    assert {mine for _, mine, _ in answers} == {"over"}
    assert all(home != os.environ.get("HOME") for _, _, home in answers)


def test_code_apart_from_the_model(opened: Opened, tmp_path: Path) -> None:
    inside = packed({"mine/serve.py": "def model_fn(d):\n    return lambda x: x\n"})
    container = opened(
        inside,
        definition={
            "Environment": {
                "SAGEMAKER_PROGRAM": "serve.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/mine",
            }
        },
    )
    assert container.invoke(b"[5]", JSON).body == b"[5]"
    for elsewhere in ("/opt/ml/model/../..", "/etc", "file:///tmp"):
        variables = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": elsewhere}
        with pytest.raises(HostingError, match="SAGEMAKER_SUBMIT_DIRECTORY"):
            opened(inside, definition={"Environment": variables})


def test_what_cannot_be_loaded_does_not_pass_the_ping(opened: Opened) -> None:
    with pytest.raises(PingFailed, match="The primary container did not pass the ping health check"):
        opened(packed({"code/inference.py": "def other(): pass"}))
    until(lambda: any("provide a model_fn" in line for line in opened.lines))
    slow = "import time\ntime.sleep(30)\n"
    with pytest.raises(PingFailed):
        opened(packed({"code/inference.py": slow}), startup_s=0.2)


def test_a_pipeline_passes_answers_on(opened: Opened) -> None:
    stages = [
        packed({"code/inference.py": f"def model_fn(d):\n    return lambda x: x {step}\n"})
        for step in ("* 2", "+ 1")
    ]
    container = opened(*stages)
    assert container.invoke(b"[3]", JSON).body == b"[7]"
    assert container.invoke(b"[3]", "image/png").status == 415
    assert [each.body for each in container.invoke_many([b"[1]", b"[2]"], JSON)] == [b"[3]", b"[5]"]
    assert container.is_healthy()


def test_a_built_in_model_needs_no_process(opened: Opened) -> None:
    pytest.importorskip("onnxruntime")
    container = opened(classifier_model(), definition={"Image": CLASSIFIER_IMAGE})
    good, bad = picture((250, 0, 0)), b"no picture"
    replies = container.invoke_many([good, bad, good], "image/png")
    assert [reply.status for reply in replies] == [200, 400, 200]
    assert json.loads(replies[0].body)[0] > 0.9
    assert replies[0].body == container.invoke(good, "application/x-image").body
    assert container.invoke(good, "text/csv").status == 415
    assert {reply.status for reply in container.invoke_many([good, good], "text/csv")} == {415}
    assert container.execution_parameters() == {
        "MaxConcurrentTransforms": 1,
        "BatchStrategy": "SINGLE_RECORD",
        "MaxPayloadInMB": 6,
    }
    with pytest.raises(PingFailed):
        opened(packed({"hyperparams.json": "{}"}), definition={"Image": CLASSIFIER_IMAGE})
    assert any("could not be loaded" in line for line in opened.lines)


def test_an_image_needs_an_engine(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        HostingError, match=r'^Failed to pull image "acme/serve:1" for container "container_1"'
    ):
        opened(packed({"weights": "1"}), definition={"Image": "acme/serve:1"})


ENGINE = """#!{python}
# Stands in for docker: answers on the published port as an image would that echoes.
import http.server, os, sys
arguments = sys.argv[1:]
with open({record!r}, "a") as file:
    file.write(repr(arguments) + "\\n")
if arguments[0] != "run":
    sys.exit(0)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.answer(b"{{\\"MaxPayloadInMB\\": 3}}" if self.path == "/execution-parameters" else b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.send_header("content-type", self.headers["accept"])
        attributes = "X-Amzn-SageMaker-Custom-Attributes"
        self.send_header(attributes, self.headers[attributes])
        self.send_header("x-other", "dropped")
        self.end_headers()
        for piece in (body[:3], body[3:]):
            self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(piece), piece))
        self.wfile.write(b"0\\r\\n\\r\\n")
    def answer(self, body):
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
host, port, _ = arguments[arguments.index("--publish") + 1].split(":")
print("serving", flush=True)
http.server.HTTPServer((host, int(port)), Handler).serve_forever()
"""


def test_an_image_behind_an_engine(opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = tmp_path / "bin" / "docker"
    binary.parent.mkdir()
    binary.write_text(ENGINE.format(python=sys.executable, record=str(tmp_path / "record")))
    binary.chmod(0o700)
    monkeypatch.setenv("PATH", str(binary.parent), prepend=os.pathsep)
    container = opened(
        packed({"weights": "1"}), definition={"Image": "acme/serve:1", "Environment": {"A": "1=2"}}
    )
    attributes = {"x-amzn-sagemaker-custom-attributes": "a=1", "x-other": "not forwarded"}
    reply = container.invoke(b"some bytes", "application/x-mine", "text/mine", attributes)
    assert (reply.status, reply.body, reply.content_type) == (200, b"some bytes", "text/mine")
    assert reply.headers == {"x-amzn-sagemaker-custom-attributes": "a=1"}
    assert container.execution_parameters() == {"MaxPayloadInMB": 3}
    container.close()
    record = (tmp_path / "record").read_text().splitlines()
    assert record[0] == "['version']"
    run = eval(record[1])
    name = run[run.index("--name") + 1]
    port = run[run.index("--publish") + 1].split(":")[1]
    folder = tmp_path / "0" / "container_1" / "model"
    expected = run_command(
        Engine("docker"), "acme/serve:1", container=name, port=int(port), model_dir=folder,
        variables={"A": "1=2"},
    )  # fmt: skip
    assert run == expected[1:]
    assert eval(record[2]) == ["rm", "--force", name]
    assert "serving" in opened.lines


def test_requirements_are_installed_once(opened: Opened, tmp_path: Path) -> None:
    package = tmp_path / "tiny"
    package.mkdir()
    with zipfile.ZipFile(package / "servingtiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("servingtiny.py", "VALUE = 11\n")
        for name, content in (
            ("METADATA", "Metadata-Version: 2.1\nName: servingtiny\nVersion: 1.0\n"),
            ("WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
            ("RECORD", ""),
        ):
            wheel.writestr(f"servingtiny-1.0.dist-info/{name}", content)
    script = "import numpy, servingtiny\ndef model_fn(d):\n    return lambda x: x + servingtiny.VALUE\n"
    artifact = packed({"code/inference.py": script, "code/requirements.txt": "servingtiny==1.0\n"})
    variables = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(package)}
    container = opened(artifact, definition={"Image": "local:python", "Environment": variables})
    assert container.invoke(b"[1]", JSON).body == b"[12]"


def test_code_and_interpreters_of_this_machine(opened: Opened, tmp_path: Path) -> None:
    venv.EnvBuilder(symlinks=True, with_pip=False).create(tmp_path / "bare")
    script = (
        "import importlib.util, sys\ndef model_fn(d):\n"
        "    has_numpy = importlib.util.find_spec('numpy') is not None\n"
        "    return lambda: [sys.prefix, has_numpy]\n"
        "def input_fn(body, kind):\n    return None\n"
        "def predict_fn(data, model):\n    return model()\n"
    )
    container = opened(
        packed({"code/inference.py": script}), definition={"Image": f"local:{tmp_path / 'bare'}"}
    )
    assert json.loads(container.invoke(b"", JSON).body) == [str(tmp_path / "bare"), False]
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "inference.py").write_text(script)
    container = opened(packed({"weights": "1"}), definition={"Image": f"local:{tmp_path / 'project'}"})
    assert json.loads(container.invoke(b"", JSON).body)[1] is True
    with pytest.raises(HostingError, match="is not there"):
        opened(packed({"weights": "1"}), definition={"Image": "local:/nowhere"})


def test_what_is_installed_sees_no_keys_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELWRIGHT_ROOT_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("CONTAINER_AWS_SECRET_ACCESS_KEY", "hush")
    pip = tmp_path / "pip"
    pip.write_text("#!/bin/sh\nenv\n")
    pip.chmod(0o700)
    lines: list[str] = []
    interpreters._install(pip, tmp_path / "requirements.txt", {"PIP_INDEX_URL": "file:///x"}, lines.append)
    assert "PIP_INDEX_URL=file:///x" in lines
    assert any(line.startswith("PATH=") for line in lines)
    assert not any("hush" in line for line in lines)
