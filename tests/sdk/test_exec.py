"""``labelwright exec`` runs a command against a server, and says what is in its way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from labelwright.testing.server import RunningServer

LABELWRIGHT = Path(sys.executable).with_name("labelwright")
SHOW = (
    "import os; print(os.environ['AWS_ENDPOINT_URL'], os.environ['AWS_REGION'], *__import__('sys').argv[1:])"
)


def _exec(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [LABELWRIGHT, "exec", *words], env={**environment, **variables}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


def test_the_command_gets_its_words_and_the_server(sdk_server: RunningServer) -> None:
    done = _exec("--", sys.executable, "-c", SHOW, "--help", "a b", **sdk_server.environment("eu-west-1"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == f"{sdk_server.url} eu-west-1 --help a b"
    done = _exec("--", sys.executable, "-c", "raise SystemExit(7)", **sdk_server.environment())
    assert done.returncode == 7


def test_what_is_in_its_way(sdk_server: RunningServer, tmp_path: Path) -> None:
    for code, text, words, variables in (
        (127, "There is no command 'no-such'", ("--", "no-such"), sdk_server.environment()),
        (1, "There is no data directory", ("--data", f"{tmp_path}/none", "--", "true"), {}),
        (1, "but no keys", ("--", "true"), {"AWS_ENDPOINT_URL": sdk_server.url}),
        (
            1,
            "does not answer",
            ("--", "true"),
            {**sdk_server.environment(), "AWS_ENDPOINT_URL": "http://[::1]:9"},
        ),
        (2, "Missing argument", (), {}),
    ):
        done = _exec(*words, **variables)
        assert done.returncode == code, done.stderr
        assert text in done.stderr
