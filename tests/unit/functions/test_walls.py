"""Functions behind walls: what they cannot see, write, use up or leave behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labelwright.errors import LabelwrightError
from labelwright.functions import FunctionSpec, Invocation
from labelwright.functions.runner import Runner
from labelwright.functions.walls import trouble_with_walls

CODE = """
import ctypes, os, subprocess, sys, time

def attempt(path, mode):
    try:
        with open(path, mode) as file:
            return "read" if mode == "r" else "written"
    except OSError as error:
        return type(error).__name__

def look(event, context):
    libc = ctypes.CDLL(None)
    return {
        "secret": attempt(event["secret"], "r"), "server": os.path.exists(f"/proc/{event['server']}"),
        "above": os.listdir(".."), "pids": sum(name.isdigit() for name in os.listdir("/proc")),
        "own": attempt("/tmp/mine", "w"), "code": attempt(__file__, "a"), "system": attempt("/etc/mine", "w"),
        "unmounted": libc.umount2(event["folder"].encode(), 2), "home": os.environ["HOME"],
        "remounted": libc.mount(None, b"/", None, 32 | 4096, None), "here": os.getcwd(),
        "packages": __import__("orjson").__name__, "services": os.listdir("/run"),
        "terminals": os.path.isdir("/dev/pts") and os.listdir("/dev/pts"),
    }

def leave(event, context):
    begun, end = os.pipe()  # closed by the exec: until then it would be frozen with the function
    if os.fork() == 0:
        os.setsid()
        libc = ctypes.CDLL(None)
        libc.prctl(1, 0, 0, 0, 0)
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", event])
    os.close(end)
    os.read(begun, 1)
    return 1

def fork(event, context):
    while True:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)

def children_that_hog(event, context):
    code = "x = bytearray(90_000_000); import time; time.sleep(60)"
    for child in [subprocess.Popen([sys.executable, "-c", code]) for _ in range(5)]:
        child.wait()

def fill(event, context):
    files = [open(f"/tmp/{i}", "wb") for i in range(4)]
    for file in files:
        os.unlink(file.name)  # what has no name takes room all the same
    try:
        for i in range(40):
            files[i % 4].write(bytes(1 << 20))
            files[i % 4].flush()
    except OSError as error:
        return [i, error.strerror]

def kill(event, context):
    os.kill(os.getpid(), 9)
"""

pytestmark = pytest.mark.skipif(
    bool(trouble_with_walls([])), reason="this kernel gives no namespaces to this user"
)


RESOLVER = Path("/etc/resolv.conf").resolve().parts
# Names of hosts may be asked for there; nothing else is in /run.
SERVICES = [RESOLVER[2]] if RESOLVER[1] == "run" else []


class Bench:
    """A runner with walls over one package, in a data folder with a secret."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.code = self.data / "functions" / "code" / "0"
        self.code.mkdir(parents=True)
        (self.code / "app.py").write_text(CODE)
        self.secret = self.data / "root-credentials.json"
        self.secret.write_text("secret")
        self.runner = self._made(walls="required")

    def _made(self, **options: Any) -> Runner:
        return Runner(self.data / "functions", lambda region: {}, hidden=[self.data], **options)

    def use(self, **options: Any) -> None:
        self.runner.close()
        self.runner = self._made(**options)

    def run(self, name: str, event: Any = None) -> Invocation:
        spec = FunctionSpec(
            f"arn:{name}", name, "$LATEST", "eu-west-1", f"app.{name}", "0", "r", 60, 128, temporary_mb=16
        )
        return self.runner.submit(spec, self.code, json.dumps(event).encode()).result()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.runner.close()


def test_what_is_behind_the_walls(bench: Bench) -> None:
    event = {"secret": str(bench.secret), "folder": str(bench.data), "server": os.getpid()}
    done = bench.run("look", event)
    assert done.error is None, done.payload
    assert json.loads(done.payload) == {
        "secret": "FileNotFoundError", "server": False, "above": ["0"], "pids": 2, "own": "written",
        "code": "OSError", "system": "OSError", "unmounted": -1, "remounted": -1, "home": "/tmp",
        "here": str(bench.code), "packages": "orjson", "services": SERVICES,
        "terminals": Path("/dev/pts").is_dir() and [],
    }  # fmt: skip
    assert b"Max Memory Used: 0 MB" not in done.log
    assert bench.secret.read_text() == "secret"


def test_what_runs_away_is_found(bench: Bench) -> None:
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"

    def is_there() -> bool:
        lines = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                lines.append((process / "cmdline").read_bytes())
            except OSError:
                continue
        return any(mark.encode() in line for line in lines)

    def wait_for(state: bool) -> bool:
        end = time.monotonic() + 20
        while is_there() != state and time.monotonic() < end:
            time.sleep(0.01)
        return is_there() == state

    assert bench.run("leave", mark).payload == b"1"
    assert wait_for(True)
    bench.runner.close()
    assert wait_for(False)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fork", "Runtime.ExitError: RequestId: .*more than 256 processes"),
        ("children_that_hog", "Runtime.OutOfMemory: .*more than its MemorySize of 128 MB"),
        ("kill", "Runtime.ExitError: .*signal: SIGKILL"),
    ],
)
def test_too_much_ends_the_function_alone(bench: Bench, name: str, told: str) -> None:
    done = bench.run(name)
    assert done.error == "Unhandled"
    assert re.search(told, done.reason), done.reason


def test_only_what_is_behind_the_walls_is_counted(tmp_path: Path) -> None:
    """Also while a busy machine takes its time to put them up."""
    script = (
        "import time\n"
        "from labelwright.functions import sandbox\n"
        "mount, sandbox.N_PROCESSES_MAX = sandbox._mount, 1\n"
        "def slow(libc, source, target, kind, *rest):\n"
        "    if kind == 'proc':\n"
        "        time.sleep(0.4)\n"
        "    mount(libc, source, target, kind, *rest)\n"
        "sandbox._mount = slow\n"
        f"sandbox.enter(code_dir={str(tmp_path)!r}, hidden=[], memory_mb=128, temporary_mb=16)\n"
        "time.sleep(0.3)\n"
        "print('came in')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "came in\n"), done.stderr


def test_temporary_files_have_one_room(bench: Bench) -> None:
    n_mb, why = json.loads(bench.run("fill").payload)
    assert 12 <= n_mb <= 16
    assert why == "No space left on device"


def test_without_walls_where_there_can_be_none(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.use(walls="required", probe=lambda hidden: "unshare: not permitted")
    with pytest.raises(LabelwrightError, match=r"not permitted.*LABELWRIGHT_FUNCTION_WALLS"):
        bench.run("leave")
    bench.use(walls="auto", probe=lambda hidden: "unshare: not permitted")
    event = {"secret": str(bench.secret), "folder": str(bench.data / "none"), "server": os.getpid()}
    assert json.loads(bench.run("look", event).payload)["secret"] == "read"
    assert "functions run without walls" in caplog.text
