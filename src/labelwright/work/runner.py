"""Starting, watching and ending programs.

A program runs in a session of its own, so that it goes on when the server ends, and so that all it starts can
be ended with it. Its folder says everything about it; a `Runner` that was made a moment ago knows as much as
the one that started it.

A program is alive exactly while its lock file is locked. The lock is taken before the program exists and
handed to it, so that there is no moment at which a second server could think the work was free.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from labelwright.errors import InvalidRequest
from labelwright.work import folder as files
from labelwright.work.processes import is_locked, signal_group, signal_process

__all__ = ["Limits", "Program", "Runner", "State", "Status"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,127}")
_STOP_WAIT_S = 0.01
_STARTS_MAX = 3  # of a program that ends before its first line


class State(StrEnum):
    """What a piece of work is doing."""

    ABSENT = "absent"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use.

    Attributes
    ----------
    nice : int
        Added to its niceness, 0-19.
    memory_bytes : int or None
        Of address space.
    time_s : float or None
        Wall time; `Runner.poll` ends a program that takes longer.
    n_threads : int
        For libraries that compute on several cores.
    """

    nice: int = 10
    memory_bytes: int | None = None
    time_s: float | None = None
    n_threads: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Attributes
    ----------
    module : str
        Run as ``python -m <module> <folder>``.
    input : Mapping
        Goes to ``input.json``.
    limits : Limits
    environment : Mapping of str to str
        Added to the server's own.
    """

    module: str
    input: Mapping[str, Any]
    limits: Limits = Limits()
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Status:
    """What `Runner.poll` found.

    Attributes
    ----------
    state : State
    result : Mapping or None
        What the program wrote, when it succeeded.
    reason : str
        Why it failed, in a sentence; empty otherwise.
    log_tail : str
        The end of its output, when it failed.
    progress : Mapping or None
        Its last word.
    """

    state: State
    result: Mapping[str, Any] | None = None
    reason: str = ""
    log_tail: str = dataclasses.field(default="", repr=False)
    progress: Mapping[str, Any] | None = None


class Runner:
    """Programs in the folders under one root. Its methods may be called from any thread.

    Parameters
    ----------
    root : Path
        Made when the first program starts.
    n_at_once : int
        More than this many programs do not run side by side.
    on_end : callable, optional
        Called with the name of a program of this server that ended, from a thread of its own.
    """

    def __init__(
        self, root: Path, *, n_at_once: int = 1, on_end: Callable[[str], None] | None = None
    ) -> None:
        self.root = root
        self.n_at_once = n_at_once
        self._on_end = on_end
        self._lock = threading.Lock()

    def folder(self, name: str) -> Path:
        """The folder of a piece of work.

        Raises
        ------
        InvalidRequest
            When the name is not one of lower-case letters, digits, dots, hyphens and underscores.
        """
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                f"The name of a piece of work is {name!r}; it must match {_NAME.pattern}.",
                field="name",
                value=name,
            )
        return self.root / name

    def prepare(self, name: str) -> Path:
        """Make the folder, so that files of the input can be put there before `start`."""
        folder = self.folder(name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def start(self, name: str, program: Program) -> bool:
        """Start a program, unless it was started before.

        Returns
        -------
        bool
            False when as many as may are running already: ask again later.

        Notes
        -----
        Safe to repeat after a crash at any point: a program that was started is found by its lock or by what
        it left, one that was not is started now.
        """
        with self._lock:
            folder = self.prepare(name)
            if self._state(folder) is not State.ABSENT:
                return True
            if self.n_running() >= self.n_at_once:
                return False
            files.write_json(folder / files.INPUT, program.input)
            files.write_json(
                folder / files.PROGRAM,
                {
                    "n_starts": _n_starts(folder) + 1,
                    "module": program.module,
                    "nice": program.limits.nice,
                    "memory_bytes": program.limits.memory_bytes,
                    "time_s": program.limits.time_s,
                },
            )
            process = _spawn(folder, program)
            if process is not None:
                watcher = threading.Thread(
                    target=self._watch, args=(name, process), name=f"work-{name}", daemon=True
                )
                watcher.start()
            return True

    def poll(self, name: str) -> Status:
        """What a piece of work is doing, or how it ended."""
        folder = self.folder(name)
        state = self._state(folder)
        if state is State.RUNNING:
            program = files.read_json(folder / files.PROGRAM) or {}
            if program.get("time_s") and time.time() - _started_at(folder) > program["time_s"]:
                self.stop(name)
                return self.poll(name)
            return Status(state, progress=_last_progress(folder))
        if state is State.SUCCEEDED:
            return Status(state, result=files.read_json(folder / files.RESULT) or {})
        if state is State.ABSENT:
            return Status(state)
        return Status(
            state,
            reason=_reason(folder),
            log_tail=files.tail(folder / files.LOG),
            progress=_last_progress(folder),
        )

    def stop(self, name: str, *, grace_s: float = 2.0) -> bool:
        """End a program and all it started: ask first, then end it by force.

        Returns
        -------
        bool
            False when something still runs; call again.
        """
        folder = self.folder(name)
        if not folder.is_dir():
            return True
        (folder / files.STOP).touch()
        if not is_locked(folder / files.LOCK):
            return True
        end = time.monotonic() + grace_s
        number = signal.SIGTERM
        for _ in range(2):
            # Its first lines say who it is; before that there is nobody to ask yet.
            while (process := files.read_json(folder / files.PROCESS)) is None:
                if time.monotonic() > end or not is_locked(folder / files.LOCK):
                    return not is_locked(folder / files.LOCK)
                time.sleep(_STOP_WAIT_S)
            signal_group(int(process["pid"]), str(process["started"]), number)
            while time.monotonic() < end:
                if not is_locked(folder / files.LOCK):
                    # What it started and left behind may have overheard the request.
                    signal_group(int(process["pid"]), str(process["started"]), signal.SIGKILL)
                    return True
                time.sleep(_STOP_WAIT_S)
            number, end = signal.SIGKILL, time.monotonic() + grace_s
        return not is_locked(folder / files.LOCK)

    def interrupt(self, name: str) -> bool:
        """Ask a program to finish early, with what it has.

        It alone gets SIGINT, not what it started. Programs that cannot finish early ignore it. Safe to
        repeat, and when the program has not begun yet: it finds the wish in its folder.

        Returns
        -------
        bool
            Whether the program runs.
        """
        folder = self.folder(name)
        if not is_locked(folder / files.LOCK):
            return False
        (folder / files.INTERRUPT).touch()
        process = files.read_json(folder / files.PROCESS)
        if process is not None:
            signal_process(int(process["pid"]), str(process["started"]), signal.SIGINT)
        return True

    def remove(self, name: str) -> bool:
        """Stop a program and remove its folder; False when it would not end."""
        if not self.stop(name):
            return False
        shutil.rmtree(self.folder(name), ignore_errors=True)
        return True

    def names(self) -> list[str]:
        """Every piece of work that has a folder."""
        try:
            return sorted(entry.name for entry in os.scandir(self.root) if entry.is_dir())
        except FileNotFoundError:
            return []

    def n_running(self) -> int:
        """How many programs run now, whoever started them."""
        return sum(is_locked(self.root / name / files.LOCK) for name in self.names())

    def _state(self, folder: Path) -> State:
        # The lock first: whoever has let go of it has written all that it will ever write.
        if is_locked(folder / files.LOCK):
            return State.RUNNING
        # An exit code says more than a result: a program may fail after it wrote one.
        code = files.read_json(folder / files.EXIT)
        if (folder / files.RESULT).exists() and (code is None or code.get("code") == 0):
            return State.SUCCEEDED
        if (folder / files.STOP).exists():
            return State.STOPPED
        was_there = code is not None or (folder / files.PROCESS).exists()
        return State.FAILED if was_there or _n_starts(folder) >= _STARTS_MAX else State.ABSENT

    def _watch(self, name: str, process: subprocess.Popen[bytes]) -> None:
        process.wait()  # no process stays behind as a zombie
        if self._on_end is not None:
            self._on_end(name)


def _spawn(folder: Path, program: Program) -> subprocess.Popen[bytes] | None:
    """Start the program with the lock in its hands; None when somebody else has just done so."""
    threads = str(program.limits.n_threads)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "PYTHONUNBUFFERED": "1",
        **program.environment,
    }
    lock = os.open(folder / files.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    environment[files.LOCK_VARIABLE] = str(lock)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        with (folder / files.LOG).open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
                [sys.executable, "-m", "labelwright.work.child", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=environment,
                pass_fds=(lock,),
                start_new_session=True,
            )
    finally:
        os.close(lock)


def _n_starts(folder: Path) -> int:
    return int((files.read_json(folder / files.PROGRAM) or {}).get("n_starts", 0))


def _started_at(folder: Path) -> float:
    with contextlib.suppress(FileNotFoundError):
        return (folder / files.PROGRAM).stat().st_mtime
    return time.time()


def _last_progress(folder: Path) -> dict[str, Any] | None:
    for line in reversed(files.tail(folder / files.PROGRESS).splitlines()):
        with contextlib.suppress(ValueError, RecursionError):
            content = json.loads(line)
            if isinstance(content, dict):
                return content
    return None


def _reason(folder: Path) -> str:
    code = files.read_json(folder / files.EXIT)
    if (folder / files.STOP).exists():
        program = files.read_json(folder / files.PROGRAM) or {}
        limit = program.get("time_s")
        if limit and time.time() - _started_at(folder) > limit:
            return f"It was ended because it took longer than {limit:g} s."
        return "It was stopped."
    if code is None:
        return "Its process ended without a word; it was killed, or the machine went down or out of memory."
    last = files.tail(folder / files.LOG).strip().splitlines()
    said = f": {last[-1][:500]}" if last else "."
    return f"It ended with exit code {code.get('code')}{said}"
