"""``select`` and ``manifest check`` against a running server's objects."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from labelwright.cli import cli
from labelwright.testing.server import RunningServer, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("commands") / "data") as server:
        s3 = boto3.client("s3", **server.client_arguments())
        s3.create_bucket(Bucket="sets")
        picture = io.BytesIO()
        Image.new("RGB", (60, 40)).save(picture, "JPEG")
        s3.put_object(Bucket="sets", Key="img/0.jpg", Body=picture.getvalue())
        lines = [{"source-ref": f"s3://sets/img/{i}.jpg", "camera": i} for i in range(3)]
        s3.put_object(Bucket="sets", Key="in.manifest", Body="\n".join(map(json.dumps, lines)).encode())
        s3.close()
        yield server


def _run(server: RunningServer, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    given = server.client_arguments()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", given["aws_access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", given["aws_secret_access_key"])
    return CliRunner().invoke(cli, list(arguments))


def test_subset_of_a_stored_manifest_goes_beside_it(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result = _run(server, monkeypatch, "select", "s3://sets/in.manifest", "--where", "s.camera > 0", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["output"].startswith("s3://sets/in-subset-")
    written = server.app.context.blobs.read(facts["output"])
    assert written == server.app.context.blobs.read("s3://sets/in.manifest").split(b"\n", 1)[1]
    local = tmp_path / "sample"
    result = _run(
        server, monkeypatch, "select", "s3://sets/in.manifest", "--sample", "50", "--output", str(local)
    )
    assert result.exit_code == 0, result.output
    assert local.read_bytes().count(b"camera") == 2
    gone = _run(server, monkeypatch, "select", "s3://sets/gone", "--where", "s.a = 1")
    assert gone.exit_code == 1
    assert "s3://sets/gone: there is no such object." in gone.stderr


def test_check_looks_at_the_stored_files(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    result = _run(
        server, monkeypatch, "manifest", "check", "s3://sets/in.manifest", "--task-type", "BoundingBox",
        "--objects", "all", "--json",
    )  # fmt: skip
    assert result.exit_code == 1
    facts = json.loads(result.stdout)
    assert [(p["line_number"], p["about"], p["value"]) for p in facts["problems"]] == [
        (2, "object", "s3://sets/img/1.jpg"),
        (3, "object", "s3://sets/img/2.jpg"),
    ]
    assert facts["n_objects_checked"] == 3
    unknown = _run(server, monkeypatch, "manifest", "check", "s3://sets/in.manifest", "--task-type", "Boxes")
    assert unknown.exit_code == 2
    assert "BoundingBox" in unknown.stderr


def test_check_without_a_server_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "m"
    file.write_text('{"source-ref": "s3://b/1.jpg"}\n')
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    arguments = ["manifest", "check", str(file), "--task-type", "BoundingBox"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 1
    assert "--objects none" in result.stderr
    result = CliRunner().invoke(cli, [*arguments, "--objects", "none"])
    assert (result.exit_code, result.stdout) == (
        0,
        "1 lines (0 labeled already), 0 files looked at, 0 errors, 0 warnings\n",
    )
