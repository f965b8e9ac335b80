"""Functions in real processes: what they are given, what they may do, and how they end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labelwright.functions import FunctionSpec, Invocation, RunnerClosed
from labelwright.functions.runner import Runner
from labelwright.logstreams import LogStore

CODE = """
import json, logging, os, subprocess, sys, threading, time
loads = 0

def echo(event, context):
    return {"event": event, "pid": os.getpid()}

def context(event, context):
    return {
        "left": context.get_remaining_time_in_millis(),
        "id": context.aws_request_id,
        "names": [context.function_name, context.function_version, context.memory_limit_in_mb,
                  context.log_group_name, context.invoked_function_arn],
        "environment": dict(os.environ), "here": os.getcwd(), "path": sys.path[0], "main": sys.argv,
    }

def talk(event, context):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    logging.getLogger().warning("to the log")
    os.write(1, b"to the descriptor")

def chatter(event, context):
    for i in range(60000):
        print("line", i)

def refuse(event, context):
    raise PermissionError("not " + event)

def leave(event, context):
    sys.exit(3)

def die(event, context):
    os.kill(os.getpid(), 11)

def abort(event, context):
    os._exit(0)

def hang(event, context):
    while True:
        pass

def sleep(event, context):
    open(event, "w").close()
    time.sleep(60)

def family(event, context):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    if os.fork() == 0:
        time.sleep(60)
    print("CHILDREN", child.pid)
    return "left behind"

def family_that_hangs(event, context):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print("CHILD", child.pid, flush=True)
    time.sleep(60)

def fork_and_return(event, context):
    os.fork()
    return os.getpid()

def nonsense(event, context):
    return {1, 2}

def not_a_number(event, context):
    return float("nan")

def loop(event, context):
    made = []
    made.append(made)
    return made

def big(event, context):
    return "x" * event

def hog(event, context):
    return len(bytearray(600 << 20))

def disk(event, context):
    with open(os.path.join(os.environ["TMPDIR"], "large"), "wb") as out:
        out.truncate(600 << 20)

def forge(event, context):
    import socket
    for number in range(3, 20):
        try:
            socket.socket(fileno=os.dup(number)).sendall(b"\\xff" * 64)
        except OSError:
            continue
    time.sleep(60)

def background(event, context):
    def count():
        global loads
        while True:
            loads += 1
            time.sleep(0.001)
    if not loads:
        threading.Thread(target=count, daemon=True).start()
        time.sleep(0.05)
    return loads
"""


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], limit_s: float = 20.0) -> bool:
    end = time.monotonic() + limit_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


class Bench:
    """A runner over one package."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.code = folder / "code"
        self.code.mkdir()
        (self.code / "app.py").write_text(CODE)
        (self.code / "broken.py").write_text("import no_such_module\n")
        (self.code / "syntax.py").write_text("def f(:\n")
        (self.code / "early.py").write_text("raise OSError('at import')\n")
        self.folder = folder
        self.runner = Runner(folder, lambda region: {"AWS_ENDPOINT_URL": "http://server"}, **options)

    def spec(self, name: str, **options: Any) -> FunctionSpec:
        handler = name if "." in name else f"app.{name}"
        values: dict[str, Any] = {"timeout_s": 20, "memory_mb": 128, **options}
        arn = f"arn:aws:lambda:eu-west-1:000000000000:function:{name.replace('.', '-')}"
        return FunctionSpec(
            arn, name, "$LATEST", "eu-west-1", handler, "0" * 64, values.pop("revision_id", "r1"), **values
        )

    def run(self, name: str, event: Any = None, **options: Any) -> Invocation:
        limit = options.pop("limit_s", None)
        return self.runner.submit(
            self.spec(name, **options), self.code, json.dumps(event).encode(), timeout_s=limit
        ).result()

    def error(self, name: str, event: Any = None, **options: Any) -> tuple[str, str]:
        done = self.run(name, event, **options)
        assert done.error == "Unhandled"
        found = json.loads(done.payload)
        assert set(found) == {"errorMessage", "errorType", "requestId", "stackTrace"}
        return found["errorType"], found["errorMessage"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.runner.close()
    assert not list((tmp_path / "run").glob("*"))  # nothing is left behind


def test_warm_processes_are_used_again(bench: Bench) -> None:
    pids = {json.loads(bench.run("echo", i).payload)["pid"] for i in range(50)}
    assert len(pids) == 1
    other = json.loads(bench.run("echo", 1, revision_id="r2").payload)["pid"]
    assert other not in pids  # a changed function gets a new one


def test_what_a_function_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELWRIGHT_ROOT_SECRET_ACCESS_KEY", "secret of the server")
    monkeypatch.setenv("PGPASSWORD", "another")
    found = json.loads(bench.run("context", environment={"COLOUR": "red"}).payload)
    assert 15_000 < found["left"] <= 20_000
    assert found["names"] == [
        "context", "$LATEST", "128", "/aws/lambda/context",
        "arn:aws:lambda:eu-west-1:000000000000:function:context",
    ]  # fmt: skip
    assert (found["here"], found["path"], found["main"]) == (str(bench.code), str(bench.code), [""])
    environment = found["environment"]
    assert environment["COLOUR"] == "red"
    assert environment["AWS_ENDPOINT_URL"] == "http://server"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert environment["HOME"] == environment["TMPDIR"] != str(Path.home())
    documented = (
        "AWS_",
        "LAMBDA_",
        "_HANDLER",
        "_X_AMZN",
        "LANG",
        "LC_",
        "TZ",
        "PATH",
        "HOME",
        "TMPDIR",
        "COLOUR",
    )
    assert [key for key in environment if not key.startswith(documented)] == []


def test_the_log(bench: Bench) -> None:
    log = bench.run("talk").log.decode()
    assert log.startswith("START RequestId: ")
    for text in ("to stdout", "to stderr", "[WARNING]\t", "\tto the log\n", "to the descriptor\n", "END Req"):
        assert text in log
    long = bench.run("chatter")
    assert long.error is None
    assert b"line 59999\n" in long.log
    assert len(long.log) < 200_000


def test_the_log_is_a_stream_of_its_group(tmp_path: Path) -> None:
    bench = Bench(tmp_path, logs_root=tmp_path / "logs")
    try:
        name = json.loads(bench.run("echo").payload)  # starts the process that the next one uses again
        assert name["event"] is None
        bench.run("talk")
    finally:
        bench.runner.close()
    store = LogStore(tmp_path / "logs")
    assert [g for g in store.groups() if "lambda" in g] == ["/aws/lambda/echo", "/aws/lambda/talk"]
    (stream,) = store.names("/aws/lambda/talk")
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\]\S+", stream)
    messages = [event.message for event in store.events("/aws/lambda/talk", stream).events]
    assert messages[0].startswith("START RequestId: ")
    assert {"to stdout", "to stderr", "to the descriptor"} <= set(messages)
    assert messages[-1].startswith("REPORT RequestId: ")


def test_errors_in_lambdas_form(bench: Bench) -> None:
    done = bench.run("refuse", "you")
    assert done.reason == "PermissionError: not you"
    trace = json.loads(done.payload)["stackTrace"]
    assert len(trace) == 1 and "in refuse" in trace[0]  # nothing of ours is shown
    kind, message = bench.error("broken.f")
    assert (kind, message) == (
        "Runtime.ImportModuleError",
        "Unable to import module 'broken': No module named 'no_such_module'",
    )
    assert bench.error("syntax.f")[0] == "Runtime.UserCodeSyntaxError"
    assert bench.error("early.f") == ("OSError", "at import")
    assert bench.error("app.absent") == (
        "Runtime.HandlerNotFound",
        "Handler 'absent' missing on module 'app'",
    )
    assert bench.error("nonsense")[0] == "Runtime.MarshalError"
    assert bench.error("not_a_number")[0] == "Runtime.MarshalError"
    assert bench.error("loop")[0] == "Runtime.MarshalError"


def test_ends_that_are_none(bench: Bench) -> None:
    assert bench.error("leave")[1].endswith("Runtime exited with error: exit status 3")
    assert bench.error("die")[1].endswith("signal: SIGSEGV")
    assert bench.error("abort")[1].endswith("exit status 0")
    kind, message = bench.error("hang", limit_s=0.5)
    assert kind == "Sandbox.Timedout"
    assert message.endswith("Task timed out after 0.50 seconds")
    assert bench.runner.n_processes == 0
    assert bench.run("echo", 1).error is None


def test_answers_that_are_too_large(bench: Bench) -> None:
    assert len(bench.run("big", 6_291_454).payload) == 6_291_456
    kind, message = bench.error("big", 10_000_000)
    assert kind == "Function.ResponseSizeTooLarge"
    assert "exceeded maximum allowed payload size" in message


def test_limits(bench: Bench) -> None:
    assert bench.error("hog")[0] == "MemoryError"
    kind, message = bench.error("disk")
    assert kind == "OSError"
    assert "File too large" in message


def test_children_end_with_the_function(bench: Bench) -> None:
    log = bench.run("family_that_hangs", limit_s=1.0).log.decode()
    child = int(log.partition("CHILD ")[2].split()[0])
    assert wait_until(lambda: not running(child))
    done = bench.run("family")
    assert json.loads(done.payload) == "left behind"
    child = int(done.log.decode().partition("CHILDREN ")[2].split()[0])
    bench.runner.close()
    assert wait_until(lambda: not running(child))


def test_a_child_that_comes_out_of_the_handler_answers_nobody(bench: Bench) -> None:
    pids = {json.loads(bench.run("fork_and_return").payload) for _ in range(3)}
    assert len(pids) == 1


def test_forged_frames_are_the_functions_own_trouble(bench: Bench) -> None:
    assert bench.error("forge", limit_s=10.0)[0] in ("Runtime.ExitError", "Sandbox.Timedout")
    assert bench.run("echo", 1).error is None


def test_nothing_runs_between_invocations(bench: Bench) -> None:
    first = json.loads(bench.run("background").payload)
    frozen = next(iter(bench.runner._idle))[2]._process.pid
    assert wait_until(lambda: Path(f"/proc/{frozen}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    second = json.loads(bench.run("background").payload)
    assert 0 < first <= second


def test_never_more_than_allowed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, n_processes_max=2)
    try:
        specs = [bench.spec("echo"), bench.spec("talk"), bench.spec("context")]
        calls = [bench.runner.submit(spec, bench.code, b"1") for spec in specs * 3]
        assert all(call.result().error is None for call in calls)
        assert bench.runner.n_processes <= 2
    finally:
        bench.runner.close()


def test_idle_processes_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, idle_s=0.05)
    try:
        pid = json.loads(bench.run("echo").payload)["pid"]
        assert wait_until(lambda: bench.runner.n_processes == 0)
        assert wait_until(lambda: not running(pid))
        # The folder goes when the process is gone.
        assert wait_until(lambda: not list((tmp_path / "run").glob("*")))
    finally:
        bench.runner.close()


def test_closing_cuts_off_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelwright.functions.runner._GRACE_S", 0.05)
    bench = Bench(tmp_path)
    mark = tmp_path / "running"
    call = bench.runner.submit(bench.spec("sleep"), bench.code, json.dumps(str(mark)).encode())
    assert wait_until(mark.exists)
    bench.runner.close()
    with pytest.raises(RunnerClosed):
        call.result()
    with pytest.raises(RunnerClosed):
        bench.run("echo")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal is Linux's")
def test_the_kernel_ends_functions_of_a_killed_server(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    bench = Bench(tmp_path / "server")
    bench.runner.close()
    program = f"""
import json, sys, threading
from pathlib import Path
from labelwright.functions import FunctionSpec
from labelwright.functions.runner import Runner
runner = Runner(Path({str(tmp_path)!r}), lambda region: {{}})
def spec(name):
    return FunctionSpec("arn:" + name, name, "$LATEST", "us-east-1", "app." + name, "0", "r", timeout_s=60)
idle = runner.submit(spec("echo"), Path({str(bench.code)!r}), b"1").result()
runner.submit(spec("family_that_hangs"), Path({str(bench.code)!r}), b"1")
import time
while runner.n_processes < 2:
    time.sleep(0.005)
time.sleep(0.3)
print(json.loads(idle.payload)["pid"], *(p._process.pid for p in runner._busy), flush=True)
threading.Event().wait()
"""
    server = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        pids = [int(word) for word in server.stdout.readline().split()]
        assert len(pids) == 2
        assert all(running(pid) for pid in pids)
        groups = set(pids)
    finally:
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()
    assert wait_until(lambda: not any(_group_lives(group) for group in groups))


def _group_lives(group: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, 0)
        return any(
            running(int(entry.name)) and _group_of(int(entry.name)) == group
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit()
        )
    return False


def _group_of(pid: int) -> int:
    with contextlib.suppress(ProcessLookupError):
        return os.getpgid(pid)
    return -1


def test_left_over_folders_are_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    old = tmp_path / "run" / f"{dead.pid}-0"
    old.mkdir(parents=True)
    bench = Bench(tmp_path)
    try:
        bench.run("echo")
        assert not old.exists()
    finally:
        bench.runner.close()


def test_many_at_once_get_their_own_answers(bench: Bench) -> None:
    found: dict[int, Any] = {}

    def ask(i: int) -> None:
        found[i] = json.loads(bench.run("echo", i).payload)["event"]

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: i for i in range(24)}
    assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
