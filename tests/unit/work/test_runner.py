"""Programs outside the server process, with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labelwright.errors import InvalidRequest
from labelwright.work import Limits, Program, Runner, State
from labelwright.work.processes import is_locked, signal_group, start_time

PROGRAMS = {
    "echo": """
        from labelwright.work import read_input, report_progress, write_result
        import sys, pathlib, os
        folder = pathlib.Path(sys.argv[1])
        report_progress(folder, "half", done=0.5)
        print("hello from", os.environ["COLOUR"])
        write_result(folder, {"got": read_input(folder)["x"], "nice": os.nice(0)})
    """,
    "wrong": """
        raise ValueError("no such thing")
    """,
    "late": """
        from labelwright.work import write_result
        import sys, pathlib
        write_result(pathlib.Path(sys.argv[1]), {"x": 1})
        raise SystemExit("failed after all")
    """,
    "sleep": """
        import sys, pathlib, time
        pathlib.Path(sys.argv[1], "up").touch()
        time.sleep(600)
    """,
    "early": """
        from labelwright.work import is_interrupted, write_result
        import signal, sys, pathlib, threading
        folder, asked = pathlib.Path(sys.argv[1]), threading.Event()
        signal.signal(signal.SIGINT, lambda *_: asked.set())
        if not is_interrupted(folder):
            asked.wait()
        write_result(folder, {"early": is_interrupted(folder)})
    """,
    "heir": """
        from labelwright.work import held_lock
        import subprocess, sys, pathlib, time
        child = subprocess.Popen(["sleep", "600"], pass_fds=[held_lock()], start_new_session=True)
        up = pathlib.Path(sys.argv[1], "up")
        up.with_name("up.part").write_text(str(child.pid))
        up.with_name("up.part").rename(up)
        time.sleep(600)
    """,
    "family": """
        import signal, subprocess, sys, pathlib, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import signal, time;"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"])
        pathlib.Path(sys.argv[1], "up").write_text(str(child.pid))
        time.sleep(600)
    """,
}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, text in PROGRAMS.items():
        lines = text.splitlines()
        (folder / f"lw_{name}.py").write_text("\n".join(line[8:] for line in lines))
    return folder


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    runner = Runner(tmp_path / "work", n_at_once=2)
    yield runner
    for name in runner.names():
        assert runner.remove(name)


def program(programs: Path, name: str, **limits: float) -> Program:
    environment = {"PYTHONPATH": str(programs), "COLOUR": "blue"}
    return Program(f"lw_{name}", {"x": 7}, Limits(**limits), environment)  # type: ignore[arg-type]


def until(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def ended(runner: Runner, name: str) -> State:
    until(lambda: runner.poll(name).state not in (State.RUNNING, State.ABSENT))
    return runner.poll(name).state


def test_a_program_gets_its_input_and_leaves_its_result(runner: Runner, programs: Path) -> None:
    assert runner.poll("a").state is State.ABSENT
    assert runner.start("a", program(programs, "echo", nice=3))
    assert ended(runner, "a") is State.SUCCEEDED
    result = runner.poll("a").result
    assert result is not None and result["got"] == 7 and result["nice"] >= 3
    assert (runner.folder("a") / "log").read_text() == "hello from blue\n"
    assert runner.start("a", program(programs, "wrong"))  # was done: nothing happens
    assert runner.poll("a").state is State.SUCCEEDED


def test_failures_say_what_happened(runner: Runner, programs: Path) -> None:
    runner.start("a", program(programs, "wrong"))
    assert ended(runner, "a") is State.FAILED
    status = runner.poll("a")
    assert status.reason.endswith("exit code 1: ValueError: no such thing")
    assert "Traceback" in status.log_tail
    runner.start("b", program(programs, "late"))
    assert ended(runner, "b") is State.FAILED  # although there is a result
    runner.start("c", program(programs, "absent"))
    assert ended(runner, "c") is State.FAILED
    assert "lw_absent" in runner.poll("c").reason


def test_a_killed_program_has_failed(runner: Runner, programs: Path) -> None:
    runner.start("a", program(programs, "sleep"))
    until((runner.folder("a") / "up").exists)
    os.kill(json.loads((runner.folder("a") / "process.json").read_text())["pid"], signal.SIGKILL)
    assert ended(runner, "a") is State.FAILED
    assert "killed" in runner.poll("a").reason


def test_only_so_many_run_at_once(runner: Runner, programs: Path) -> None:
    assert runner.start("a", program(programs, "sleep"))
    assert runner.start("b", program(programs, "sleep"))
    assert not runner.start("c", program(programs, "echo"))
    assert runner.poll("c").state is State.ABSENT
    assert runner.start("a", program(programs, "sleep"))  # runs already
    assert runner.stop("a")
    assert runner.poll("a").state is State.STOPPED
    assert runner.start("c", program(programs, "echo"))
    assert ended(runner, "c") is State.SUCCEEDED


def test_what_a_program_started_ends_with_it(runner: Runner, programs: Path) -> None:
    runner.start("a", program(programs, "family"))
    up = runner.folder("a") / "up"
    until(lambda: up.exists() and up.read_text())
    grandchild = int(up.read_text())
    assert start_time(grandchild) is not None
    # The lock belongs to the program alone; both ignore a polite request.
    assert runner.stop("a", grace_s=0.3)
    until(lambda: start_time(grandchild) is None or "Z" in Path(f"/proc/{grandchild}/stat").read_text())
    assert runner.remove("a") and not runner.folder("a").exists()


def test_a_program_that_takes_too_long_is_ended(runner: Runner, programs: Path) -> None:
    runner.start("a", program(programs, "sleep", time_s=0.2))
    assert ended(runner, "a") is State.STOPPED
    assert "longer than 0.2 s" in runner.poll("a").reason


def test_the_server_is_told_when_a_program_ends(tmp_path: Path, programs: Path) -> None:
    told: list[str] = []
    is_told = threading.Event()

    def on_end(name: str) -> None:
        told.append(name)
        is_told.set()

    runner = Runner(tmp_path / "work", on_end=on_end)
    runner.start("a", program(programs, "echo"))
    assert is_told.wait(30)
    assert told == ["a"] and runner.poll("a").state is State.SUCCEEDED


SERVER = """
import sys, pathlib, time
from labelwright.work import Program, Runner
runner = Runner(pathlib.Path(sys.argv[1]))
runner.start("a", Program("lw_sleep", {}, environment={"PYTHONPATH": sys.argv[2]}))
print("started", flush=True)
time.sleep(600)
"""


def test_a_program_outlives_its_server_and_is_found_again(
    runner: Runner, programs: Path, tmp_path: Path
) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(runner.root), str(programs)], stdout=subprocess.PIPE
    )
    assert server.stdout is not None and server.stdout.readline() == b"started\n"
    server.kill()  # before the program could say who it is, as likely as not
    server.wait()
    server.stdout.close()
    assert runner.poll("a").state is State.RUNNING
    assert runner.n_running() == 1
    assert runner.start("a", program(programs, "wrong"))  # adopts it
    assert runner.poll("a").state is State.RUNNING
    assert runner.stop("a")
    assert runner.n_running() == 0


def test_an_interrupted_start_is_done_again(runner: Runner, programs: Path) -> None:
    folder = runner.prepare("a")
    (folder / "input.json").write_text('{"x": 1}')  # the server died here
    assert runner.poll("a").state is State.ABSENT
    assert runner.start("a", program(programs, "echo"))
    assert ended(runner, "a") is State.SUCCEEDED
    assert (runner.poll("a").result or {})["got"] == 7


def test_a_pid_that_is_somebody_elses_is_left_alone() -> None:
    assert not signal_group(os.getpid(), "another time", signal.SIGKILL)
    assert not is_locked(Path("/nonexistent/lock"))


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b", ".hidden"])
def test_names_stay_in_the_folder(runner: Runner, name: str) -> None:
    with pytest.raises(InvalidRequest):
        runner.folder(name)


def test_a_program_can_be_asked_to_finish_early(runner: Runner, programs: Path) -> None:
    assert not runner.interrupt("a")  # nothing runs
    runner.start("a", program(programs, "early"))
    assert runner.interrupt("a")  # whether its first line has come or not
    assert ended(runner, "a") is State.SUCCEEDED
    assert runner.poll("a").result == {"early": True}
    # A program that knows nothing of it goes on.
    runner.start("b", program(programs, "sleep"))
    until((runner.folder("b") / "up").exists)
    assert runner.interrupt("b")
    assert runner.poll("b").state is State.RUNNING
    assert runner.stop("b")


def test_a_lock_can_be_handed_on(runner: Runner, programs: Path) -> None:
    runner.start("a", program(programs, "heir"))
    until((runner.folder("a") / "up").exists)
    pid = int(json.loads((runner.folder("a") / "process.json").read_text())["pid"])
    heir = int((runner.folder("a") / "up").read_text())
    os.kill(pid, signal.SIGKILL)
    until(lambda: start_time(pid) is None)
    assert runner.poll("a").state is State.RUNNING  # for as long as the heir lives
    os.kill(heir, signal.SIGKILL)
    assert ended(runner, "a") is State.FAILED
