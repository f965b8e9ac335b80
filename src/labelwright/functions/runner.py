"""The pool of function processes: warm ones are used again, idle ones end, and there are never too many.

A process runs one event at a time, as in Lambda. It is kept for the same version of the same function only,
frozen while it waits, and replaced after an hour, before its keys end.
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from labelwright.errors import Busy, LabelwrightError
from labelwright.functions.interface import PAYLOAD_BYTES_MAX, FunctionSpec, Invocation, RunnerClosed
from labelwright.functions.process import FunctionProcess
from labelwright.functions.stats import Stats
from labelwright.functions.walls import trouble_with_walls
from labelwright.logstreams import StreamWriter, stream_path

__all__ = ["Runner"]

_log = logging.getLogger(__name__)

_AGE_S_MAX = 3600.0
_WAITING_MAX = 1000  # invocations; more are refused
_GRACE_S = 3.0


class Runner:
    """Runs functions in processes of their own.

    Parameters
    ----------
    work_dir : Path
        Processes get their folders under it.
    environment : callable
        ``(region) -> variables`` that a new process gets besides the function's.
    n_processes_max : int
        Processes at a time, working and idle.
    idle_s : float
        How long an idle process is kept.
    logs_root : Path, optional
        Folder of all log streams: what functions print goes into the group ``/aws/lambda/<name>``, a stream
        for each process.
    walls : {"none", "auto", "required"}
        Whether functions are put behind walls (`sandbox`): never, where the kernel allows it, or else they
        are not run at all.
    hidden : sequence of Path
        Folders that those behind walls find empty.
    probe : callable
        Says why there can be no walls; empty when there can.
    """

    def __init__(
        self,
        work_dir: Path,
        environment: Callable[[str], Mapping[str, str]],
        *,
        n_processes_max: int = 4,
        idle_s: float = 300.0,
        logs_root: Path | None = None,
        walls: str = "none",
        hidden: Sequence[Path] = (),
        probe: Callable[[Sequence[Path]], str] = trouble_with_walls,
    ) -> None:
        self.stats = Stats()
        self._logs_root = logs_root
        self._walls = walls
        self._hidden = tuple(hidden)
        self._probe = probe
        self._is_walled: bool | None = None if walls != "none" else False
        self._walls_lock = threading.Lock()
        self._work_dir = work_dir / "run"
        self._environment = environment
        self._n_max = n_processes_max
        self._idle_s = idle_s
        self._condition = threading.Condition()
        self._idle: list[tuple[float, float, FunctionProcess]] = []  # (idle since, started at, process)
        self._busy: set[FunctionProcess] = set()
        self._n_starting = 0
        self._n_waiting = 0
        self._numbers = itertools.count()
        self._executor: ThreadPoolExecutor | None = None
        self._reaper: threading.Thread | None = None
        self._is_closed = False

    def submit(
        self,
        spec: FunctionSpec,
        code_dir: Path,
        event: bytes,
        *,
        timeout_s: float | None = None,
        answer_bytes_max: int = PAYLOAD_BYTES_MAX,
        client_context: Any = None,
        request_id: str | None = None,
    ) -> Future[Invocation]:
        """Run a function on an event in one of the pool's threads.

        Raises
        ------
        Busy
            When too many invocations are waiting already.
        RunnerClosed
        """
        limit_s = spec.timeout_s if timeout_s is None else min(timeout_s, spec.timeout_s)

        def run() -> Invocation:
            with self._condition:
                self._n_waiting -= 1
            process, started = self._take(spec, code_dir)
            began = time.monotonic()
            try:
                done = process.invoke(
                    event,
                    arn=spec.arn,
                    request_id=request_id or str(uuid.uuid4()),
                    timeout_s=limit_s,
                    answer_bytes_max=answer_bytes_max,
                    client_context=client_context,
                )
                self.stats.observe(
                    spec.region,
                    spec.name,
                    is_error=done.error is not None,
                    seconds=time.monotonic() - began,
                )
                self._keep_log(process, done.log)
            finally:
                self._give_back(process, started)
            if done.error is not None and self._is_closed:
                raise RunnerClosed("The server is stopping; invoke the function again.")
            return done

        with self._condition:
            if self._is_closed:
                raise RunnerClosed("The server is stopping; invoke the function again.")
            if self._n_waiting >= _WAITING_MAX:
                raise Busy(
                    f"{self._n_waiting} invocations are waiting for {self._n_max} processes already. Try "
                    "again later, or allow more with LABELWRIGHT_FUNCTION_PROCESSES."
                )
            if self._executor is None:
                self._remove_left_over()
                self._executor = ThreadPoolExecutor(self._n_max, thread_name_prefix="function")
            self._n_waiting += 1
            return self._executor.submit(run)

    def _keep_log(self, process: FunctionProcess, log: bytes) -> None:
        if self._logs_root is None:
            return
        at = int(time.time() * 1000)
        try:
            with StreamWriter(
                stream_path(self._logs_root, f"/aws/lambda/{process.spec.name}", process.log_stream)
            ) as writer:
                writer.write(at, log.decode("utf-8", "replace"))
        except (OSError, LabelwrightError):  # the answer counts more than its log
            _log.warning("log of a function not kept", extra={"action": "function"}, exc_info=True)

    def _take(self, spec: FunctionSpec, code_dir: Path) -> tuple[FunctionProcess, float]:
        """An idle process of this version, or a new one; there is room, for every thread has one at most."""
        ended: list[FunctionProcess] = []
        found: tuple[FunctionProcess, float] | None = None
        now = time.monotonic()
        with self._condition:
            for entry in reversed(self._idle):
                _, started, process = entry
                same = (process.spec.arn, process.spec.revision_id) == (spec.arn, spec.revision_id)
                if same and process.is_alive and now - started < _AGE_S_MAX:
                    self._idle.remove(entry)
                    found = process, started
                    self._busy.add(process)
                    break
            if found is None:
                # This thread has none yet, so one place is free unless idle ones fill it.
                while self._idle and len(self._idle) + len(self._busy) + self._n_starting >= self._n_max:
                    ended.append(self._idle.pop(0)[2])
                self._n_starting += 1
        for process in ended:
            process.kill()
        if found is not None:
            return found
        made: FunctionProcess | None = None
        try:
            own_dir = self._work_dir / f"{os.getpid()}-{next(self._numbers)}"
            made = FunctionProcess(
                spec,
                code_dir,
                own_dir,
                self._environment(spec.region),
                hidden=self._hidden if self._have_walls() else None,
            )
        finally:
            with self._condition:
                self._n_starting -= 1
                if made is not None:
                    self._busy.add(made)
        return made, time.monotonic()

    def _have_walls(self) -> bool:
        """Whether functions get walls here; found out by the first one.

        Raises
        ------
        LabelwrightError
            When they must and cannot.
        """
        with self._walls_lock:
            if self._is_walled is None:
                trouble = self._probe(self._hidden)
                if trouble and self._walls == "required":
                    raise LabelwrightError(
                        f"Functions cannot be kept apart on this machine ({trouble}), and "
                        "LABELWRIGHT_FUNCTION_WALLS is 'required'. Allow user namespaces, or set it to "
                        "'auto'."
                    )
                if trouble:
                    _log.warning(
                        "functions run without walls: they can read what the server's user can",
                        extra={"action": "function", "reason": trouble},
                    )
                self._is_walled = not trouble
        return self._is_walled

    def _give_back(self, process: FunctionProcess, started: float) -> None:
        with self._condition:
            self._busy.discard(process)
            if process.is_alive and not self._is_closed:
                self._idle.append((time.monotonic(), started, process))
                if self._reaper is None:
                    self._reaper = threading.Thread(target=self._reap, name="function-reaper", daemon=True)
                    self._reaper.start()
                process = None  # type: ignore[assignment]
            self._condition.notify_all()
        if process is not None:
            process.kill()

    def _reap(self) -> None:
        """End what has been idle for too long; this thread ends with the last idle process."""
        while True:
            with self._condition:
                now = time.monotonic()
                old = [entry for entry in self._idle if now - entry[0] >= self._idle_s]
                self._idle = [entry for entry in self._idle if now - entry[0] < self._idle_s]
                if not old:
                    if not self._idle:
                        self._reaper = None
                        return
                    self._condition.wait(max(0.01, self._idle[0][0] + self._idle_s - now))
            for _, _, process in old:
                process.kill()

    def forget(self, arn: str) -> None:
        """End the idle processes of a function, whatever their version."""
        with self._condition:
            ended = [entry for entry in self._idle if _is_of(entry[2].spec.arn, arn)]
            self._idle = [entry for entry in self._idle if entry not in ended]
            self._condition.notify_all()
        for _, _, process in ended:
            process.kill()

    @property
    def n_processes(self) -> int:
        """How many there are now."""
        with self._condition:
            return len(self._idle) + len(self._busy)

    def close(self) -> None:
        """Give what is running a moment to end, then kill it; what waits is not run."""
        with self._condition:
            self._is_closed = True
            idle, self._idle = self._idle, []
            self._condition.notify_all()
        for _, _, process in idle:
            process.kill()
        executor = self._executor
        if executor is None:
            return
        executor.shutdown(wait=False, cancel_futures=True)
        ends_at = time.monotonic() + _GRACE_S
        with self._condition:
            while self._busy and (left_s := ends_at - time.monotonic()) > 0:
                self._condition.wait(left_s)
            busy = list(self._busy)
        for process in busy:
            process.interrupt()
        executor.shutdown(wait=True)

    def _remove_left_over(self) -> None:
        """Folders of processes whose server was killed; the kernel has ended the processes."""
        if not self._work_dir.is_dir():
            return
        for folder in self._work_dir.iterdir():
            pid = folder.name.partition("-")[0]
            if pid.isdigit() and int(pid) != os.getpid() and not Path(f"/proc/{pid}").exists():
                shutil.rmtree(folder, ignore_errors=True)


def _is_of(arn: str, function_arn: str) -> bool:
    return arn == function_arn or arn.startswith(f"{function_arn}:")
