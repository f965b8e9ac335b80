"""The server as an operator meets it: a process that is started, stopped, killed and asked from the shell."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from labelwright.cli import main

_LIMIT_S = 60.0


@contextlib.contextmanager
def _serving(data_dir: Path, extra: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / "server.json").unlink(missing_ok=True)
    with (data_dir.parent / "server.log").open("ab") as log:
        process = subprocess.Popen(_command("serve", data_dir, "--port", "0"), stderr=log, env=_env(extra))
        try:
            end = time.monotonic() + _LIMIT_S
            while time.monotonic() < end and process.poll() is None:
                with contextlib.suppress(OSError, ValueError, httpx.HTTPError):
                    if httpx.get(f"{_url(data_dir)}/health").status_code == 200:
                        break
                time.sleep(0.02)
            yield process
        finally:
            process.kill()
            process.wait()


def _url(data_dir: Path) -> str:
    return str(json.loads((data_dir / "server.json").read_text())["url"])


def _env(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LABELWRIGHT_", "AWS_"))}
    return kept | dict(extra or {})


def _command(name: str, data_dir: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "labelwright.cli", *name.split(), "--data", str(data_dir), *arguments]


def _run(
    name: str, data_dir: Path, *arguments: str, extra: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(name, data_dir, *arguments), env=_env(extra), capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("times", [1, 2])
def test_sigterm_ends_with_exit_code_0(tmp_path: Path, times: int) -> None:
    with _serving(tmp_path / "data") as process:
        for _ in range(times):
            process.send_signal(signal.SIGTERM)
        assert process.wait(_LIMIT_S) == 0


def test_sigterm_lets_a_request_in_flight_finish(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with _serving(data_dir) as process:
        host, port = _url(data_dir).removeprefix("http://").split(":")
        body = b'{"username":"nobody","password":"nothing"}'
        head = f"POST /portal/api/session HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:10])
            time.sleep(0.2)  # until the server has the first half
            process.send_signal(signal.SIGTERM)
            ended: list[int] = []
            waiter = threading.Thread(target=lambda: ended.append(process.wait(_LIMIT_S)))
            waiter.start()
            client.sendall(body[10:])
            client.settimeout(_LIMIT_S)
            assert client.recv(65536).startswith(b"HTTP/1.1 401 ")
        waiter.join(_LIMIT_S)
        assert ended == [0]


def test_sigterm_while_starting(tmp_path: Path) -> None:
    process = subprocess.Popen(
        _command("serve", tmp_path / "data", "--port", "0"), stderr=subprocess.PIPE, env=_env()
    )
    assert process.stderr is not None
    process.stderr.readline()  # it says where it listens before it is ready
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=_LIMIT_S)
    assert process.returncode == 0


def test_kill_9_loses_no_acknowledged_object(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    link = "print(c.generate_presigned_url('{}', Params={{'Bucket': 'kept', 'Key': 'k'}}))"

    def links(url: str) -> tuple[str, str]:
        lines = _run("env", data_dir).stdout.splitlines()
        env = _env(dict(line.removeprefix("export ").split("=", 1) for line in lines))
        code = f"import boto3; c = boto3.client('s3', endpoint_url={url!r})\n"
        code += "try: c.create_bucket(Bucket='kept')\nexcept c.exceptions.ClientError: pass\n"
        code += link.format("put_object") + "\n" + link.format("get_object")
        out = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        put, get = out.stdout.split()
        return put, get

    with _serving(data_dir) as process:
        put, _ = links(_url(data_dir))
        assert httpx.put(put, content=b"acknowledged").status_code == 200
        process.kill()
        process.wait()
    with _serving(data_dir):
        assert httpx.get(links(_url(data_dir))[1]).content == b"acknowledged"


def test_the_data_directory_is_private_and_taken_once(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    assert _run("worker add", data_dir, "--team", "shift-a", "--username", "ann").returncode == 0
    assert data_dir.stat().st_mode & 0o077 == 0
    with _serving(data_dir):
        second = _run("serve", data_dir, "--port", "0")
        assert second.returncode == 1
        assert "Another server is running" in second.stderr


def test_credentials_of_the_environment(tmp_path: Path) -> None:
    own = {
        "LABELWRIGHT_ROOT_ACCESS_KEY_ID": "OWNKEYOWNKEYOWNKEY",
        "LABELWRIGHT_ROOT_SECRET_ACCESS_KEY": "it's a secret",
    }
    data_dir = tmp_path / "data"
    with _serving(data_dir, own):
        there = _run("job list", data_dir, "--json", extra=own)
        assert (there.returncode, json.loads(there.stdout)) == (0, [])
        shell = f'eval "$({" ".join(_command("env", data_dir))})" && printf %s "$AWS_SECRET_ACCESS_KEY"'
        assert subprocess.check_output(["bash", "-c", shell], env=_env(own), text=True) == "it's a secret"
        elsewhere = _run("env", data_dir)
        assert (elsewhere.returncode, elsewhere.stdout) == (1, "")
        assert "OWNKEYOWNKEYOWNKEY. Set LABELWRIGHT_ROOT_ACCESS_KEY_ID" in elsewhere.stderr
    assert "it's a secret" not in (tmp_path / "server.log").read_text()


def test_workers_go_into_the_database_of_the_server(tmp_path: Path) -> None:
    own = {"LABELWRIGHT_DATABASE_URL": f"sqlite:///{tmp_path / 'own.sqlite'}"}
    data_dir = tmp_path / "data"
    add = ("--team=shift-a", "--username=ann", "--password=Grass-9-house!")
    with _serving(data_dir, own):
        elsewhere = _run("worker add", data_dir, *add)
        assert elsewhere.returncode == 1
        assert "own.sqlite. Set LABELWRIGHT_DATABASE_URL" in elsewhere.stderr
        assert _run("worker add", data_dir, *add, extra=own).returncode == 0
        body = {"username": "ann", "password": "Grass-9-house!"}
        assert httpx.post(f"{_url(data_dir)}/portal/api/session", json=body).status_code == 200


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("LABELWRIGHT_LOG_LEVEL", "LOUD", "set LABELWRIGHT_LOG_LEVEL or --log-level to one of DEBUG, INFO"),
        (
            "LABELWRIGHT_DATABASE_URL",
            "mysql://a/b",
            "begins with 'mysql'; give sqlite:///<path> or postgresql",
        ),
        ("LABELWRIGHT_DATABASE_URL", "sqlite:////no/such/x.sqlite", "unable to open database file"),
        ("LABELWRIGHT_ROOT_ACCESS_KEY_ID", "alone", "set both or neither"),
        ("LABELWRIGHT_PUBLIC_URL", "label.example.org", "--public-url to http[s]://host[:port]"),
        ("LABELWRIGHT_ROOT_ACCESS_KEY_ID", "a b", "must be 3 to 128 letters"),
        ("LABELWRIGHT_PORT", "many", "LABELWRIGHT_PORT='many' is not a number"),
    ],
)
def test_wrong_settings_are_explained(tmp_path: Path, variable: str, value: str, message: str) -> None:
    extra = {"LABELWRIGHT_PORT": "0", variable: value}
    if value == "a b":
        extra["LABELWRIGHT_ROOT_SECRET_ACCESS_KEY"] = "secret"
    found = _run("serve", tmp_path / "data", extra=extra)
    assert found.returncode == 1
    assert message in found.stderr
    assert "Traceback" not in found.stderr


def test_a_data_directory_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = _run("serve", tmp_path / "file" / "data", "--port", "0")
    assert found.returncode == 1
    assert f"{tmp_path}/file/data cannot be made: " in found.stderr


def test_commands_without_an_installation(tmp_path: Path) -> None:
    absent = tmp_path / "typo"
    for command in ("workteam list", "worker list"):
        found = _run(command, absent)
        assert found.returncode == 1
        assert f"There is no data directory {absent}" in found.stderr
    assert not absent.exists()
    before = _run("env", absent)
    assert before.returncode == 0
    assert "No server has been started on" in before.stderr


@pytest.mark.parametrize(
    ("team", "region", "message"),
    [
        ("two words", "us-east-1", "WorkteamName 'two words' must be 1 to 63 letters"),
        ("-a", "us-east-1", "with a letter or digit at both ends"),
        ("a" * 64, "us-east-1", "must be 1 to 63 letters"),
        ("a", "nowhere", "The region 'nowhere' must look like us-east-1"),
    ],
)
def test_teams_that_the_api_could_not_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    team: str,
    region: str,
    message: str,
) -> None:
    arguments = (f"--team={team}", "--username=ann", f"--region={region}")
    monkeypatch.setattr(
        sys, "argv", ["labelwright", *_command("worker add", tmp_path / "data", *arguments)[3:]]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert message in capsys.readouterr().err
