"""One function's process, from outside: started, given events, frozen in between, killed with its children.

What comes from it is the function's doing and not trusted: lengths are bounded, and a frame that makes no
sense ends the process.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from labelwright.functions.bootstrap import LENGTHS, failure
from labelwright.functions.interface import FunctionSpec, Invocation
from labelwright.functions.walls import arguments

__all__ = ["FunctionProcess"]

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_PIECE = 1 << 18
_LOG_BYTES_MAX = 64 << 10  # of one invocation; the end is kept
_ABOUT_BYTES_MAX = 64 << 10
# An error's text may be longer than the answer could have been.
_PAYLOAD_SLACK = 4 << 20
# Importing is not counted against the time-out, as in Lambda, but it has an end.
_INIT_S = 10.0
_POLL_S = 0.05


class _Gone(Exception):
    """The process has ended, or must be; ``args[0]`` is the error in Lambda's form."""


class FunctionProcess:
    """A process for one version of one function.

    Parameters
    ----------
    spec : FunctionSpec
    code_dir : Path
        The unpacked package.
    own_dir : Path
        Becomes its home and its place for temporary files; removed with the process.
    environment : Mapping
        What the server adds to the function's variables: the address of its API and keys for it.
    hidden : sequence of Path, optional
        Puts it behind walls (`sandbox`), with these folders empty and ``/tmp`` of its own.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        code_dir: Path,
        own_dir: Path,
        environment: Mapping[str, str],
        *,
        hidden: Sequence[Path] | None = None,
    ) -> None:
        self.spec = spec
        self._has_walls = hidden is not None
        self.is_usable = True
        self._own_dir = own_dir
        self.log_stream = f"{datetime.now(UTC):%Y/%m/%d}/[{spec.version}]{own_dir.name}"
        self._log = bytearray()
        self._is_started = False
        self._made_at = time.monotonic()
        own_dir.mkdir(parents=True, mode=0o700)
        self._control, child_control = socket.socketpair()
        life_read, self._life = os.pipe()
        log_read, log_write = os.pipe()
        self._log_fd = log_read
        os.set_blocking(log_read, False)
        walls = []
        temporary_dir = own_dir
        if hidden is not None:
            temporary_dir = Path("/tmp")  # noqa: S108 - its own
            walls.append(
                arguments(code_dir, hidden, memory_mb=spec.memory_mb, temporary_mb=spec.temporary_mb)
            )
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
                [
                    sys.executable, "-I", "-B", "-X", "utf8",
                    str(_BOOTSTRAP), str(child_control.fileno()), str(life_read), *walls,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log_write,
                stderr=log_write,
                cwd=code_dir,
                env=_variables(spec, code_dir, temporary_dir, environment) | {
                    "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream
                },
                pass_fds=(child_control.fileno(), life_read),
                start_new_session=True,
            )  # fmt: skip
        except BaseException:
            for descriptor in (self._life, log_read):
                os.close(descriptor)
            self._control.close()
            shutil.rmtree(own_dir, ignore_errors=True)
            raise
        finally:
            child_control.close()
            os.close(life_read)
            os.close(log_write)
        self._control.setblocking(False)

    def invoke(
        self,
        event: bytes,
        *,
        arn: str,
        request_id: str,
        timeout_s: float,
        answer_bytes_max: int,
        client_context: Any = None,
    ) -> Invocation:
        """Give it one event and wait for the answer; afterwards it is frozen, or dead if it failed badly."""
        self._log.clear()
        started = time.monotonic()
        head = f"START RequestId: {request_id} Version: {self.spec.version}\n"
        memory_kb = 0
        init_ms = 0.0
        try:
            self._signal(signal.SIGCONT)
            was_cold = not self._is_started
            about, payload = self._started(request_id, timeout_s)
            if about["ok"]:
                if was_cold:
                    init_ms = (time.monotonic() - self._made_at) * 1000
                started = time.monotonic()
                request = {
                    "request_id": request_id,
                    "arn": arn,
                    "timeout_s": timeout_s,
                    "answer_bytes_max": answer_bytes_max,
                    "client_context": client_context,
                    "trace_id": f"Root=1-{int(time.time()):08x}-{request_id.replace('-', '')[:24]};Sampled=0",
                }
                about, payload = self._exchange(
                    request,
                    event,
                    ends_at=started + timeout_s,
                    timeout_s=timeout_s,
                    bytes_max=answer_bytes_max + _PAYLOAD_SLACK,
                )
            else:
                self.is_usable = False
            error = None if about["ok"] is True else "Unhandled"
            memory_kb = int(about.get("max_memory_kb", 0))
        except _Gone as gone:
            self.is_usable = False
            payload, error = gone.args[0], "Unhandled"
        self._read_log()
        if self.is_usable:
            self._signal(signal.SIGSTOP)  # nothing runs between invocations
        else:
            self.kill()
        duration_ms = (time.monotonic() - started) * 1000
        tail = (
            f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\t"
            f"Billed Duration: {int(duration_ms) + 1} ms\tMemory Size: {self.spec.memory_mb} MB\t"
            f"Max Memory Used: {memory_kb // 1024} MB\t"
            + (f"Init Duration: {init_ms:.2f} ms\t\n" if init_ms else "\n")
        )
        printed = bytes(self._log)
        newline = b"\n" if printed and not printed.endswith(b"\n") else b""
        log = head.encode() + printed + newline + tail.encode()
        return Invocation(payload, error, log, self.spec.version)

    def _started(self, request_id: str, timeout_s: float) -> tuple[dict[str, Any], bytes]:
        if self._is_started:
            return {"ok": True}, b""
        self._is_started = True
        start = {
            "handler": self.spec.handler,
            "memory_mb": self.spec.memory_mb,
            "timeout_s": max(timeout_s, _INIT_S),
            "request_id": request_id,
        }
        limit_s = max(timeout_s, _INIT_S)
        return self._exchange(
            start, b"", ends_at=time.monotonic() + limit_s, timeout_s=limit_s, bytes_max=_PAYLOAD_SLACK
        )

    # -- frames ---------------------------------------------------------------------------------------

    def _exchange(
        self, about: Mapping[str, Any], payload: bytes, *, ends_at: float, timeout_s: float, bytes_max: int
    ) -> tuple[dict[str, Any], bytes]:
        """Send a frame and read one, while the log is drained and the process watched."""
        request_id = str(about["request_id"])
        text = orjson.dumps(about)
        unsent = memoryview(LENGTHS.pack(len(text), len(payload)) + text + payload)
        received = bytearray()
        needed: int | None = None
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ | selectors.EVENT_WRITE)
            selector.register(self._log_fd, selectors.EVENT_READ)
            while needed is None or len(received) < needed:
                left_s = ends_at - time.monotonic()
                if left_s <= 0:
                    raise _Gone(_timed_out(request_id, timeout_s))
                for key, ready in selector.select(min(left_s, _POLL_S)):
                    if key.fileobj is not self._control:
                        if not self._read_log():
                            selector.unregister(self._log_fd)
                        continue
                    if ready & selectors.EVENT_WRITE and unsent:
                        unsent = self._sent(unsent, request_id)
                        if not unsent:
                            selector.modify(self._control, selectors.EVENT_READ)
                    if ready & selectors.EVENT_READ:
                        self._received(received, request_id)
                        needed = self._needed(received, bytes_max, request_id)
                # A child that the function left behind may hold the socket open: look at the process itself.
                if self._process.poll() is not None:
                    self._drain_control(received)
                    needed = self._needed(received, bytes_max, request_id)
                    if needed is None or len(received) < needed:
                        raise _Gone(self._exit_error(request_id))
        about_bytes, payload_bytes = LENGTHS.unpack_from(received)
        start = LENGTHS.size + about_bytes
        try:
            answer = orjson.loads(bytes(received[LENGTHS.size : start]))
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("ok"), bool) or len(received) > needed:
            raise _Gone(failure("Runtime.ExitError", _text(request_id, "no answer"), request_id=request_id))
        return answer, bytes(received[start : start + payload_bytes])

    def _sent(self, unsent: memoryview, request_id: str) -> memoryview:
        try:
            return unsent[self._control.send(unsent[:_PIECE]) :]
        except BlockingIOError:
            return unsent
        except OSError:
            raise _Gone(self._exit_error(request_id)) from None

    def _received(self, received: bytearray, request_id: str) -> None:
        try:
            piece = self._control.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            raise _Gone(self._exit_error(request_id))
        received += piece

    def _drain_control(self, received: bytearray) -> None:
        with contextlib.suppress(OSError):
            while piece := self._control.recv(_PIECE):
                received += piece

    def _needed(self, received: bytearray, bytes_max: int, request_id: str) -> int | None:
        if len(received) < LENGTHS.size:
            return None
        about_bytes, payload_bytes = LENGTHS.unpack_from(received)
        if about_bytes > _ABOUT_BYTES_MAX or payload_bytes > bytes_max:
            raise _Gone(failure("Runtime.ExitError", _text(request_id, "no answer"), request_id=request_id))
        return int(LENGTHS.size + about_bytes + payload_bytes)

    def _exit_error(self, request_id: str) -> bytes:
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:  # it closed the socket and goes on: not for long
            code = -signal.SIGKILL
        found = self._excess(code)
        if found == "memory":
            text = _text(
                request_id,
                f"The function and what it started use more than its MemorySize of {self.spec.memory_mb} MB",
            )
            return failure("Runtime.OutOfMemory", text, request_id=request_id)
        if found:
            how = f"more than {found}"
        elif code < 0:
            try:
                how = f"signal: {signal.Signals(-code).name}"
            except ValueError:
                how = f"signal: {-code}"
        else:
            how = f"exit status {code}"
        text = _text(request_id, f"Runtime exited with error: {how}")
        return failure("Runtime.ExitError", text, request_id=request_id)

    def _excess(self, code: int) -> str:
        """What the watcher ended it for, by the watcher's exit status; empty when it ended by itself."""
        if not self._has_walls or code <= 0:
            return ""
        from labelwright.functions import sandbox  # loads ctypes, which few servers need

        processes = f"{sandbox.N_PROCESSES_MAX} processes"
        return {sandbox.EXIT_MEMORY: "memory", sandbox.EXIT_PROCESSES: processes}.get(code, "")

    def _read_log(self) -> bool:
        """Take what it has printed; False when the pipe has ended."""
        while True:
            try:
                piece = os.read(self._log_fd, _PIECE)
            except BlockingIOError:
                return True
            if not piece:
                return False
            self._log += piece
            if len(self._log) > 2 * _LOG_BYTES_MAX:
                del self._log[:-_LOG_BYTES_MAX]

    # -- ending ---------------------------------------------------------------------------------------

    @property
    def is_alive(self) -> bool:
        """Whether it can still be given an event."""
        return self.is_usable and self._process.poll() is None

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def interrupt(self) -> None:
        """Kill it from another thread while it is working; `invoke` then returns an error."""
        self.is_usable = False
        self._signal(signal.SIGKILL)

    def kill(self) -> None:
        """Kill the process and everything it started in its group, and remove its files. May be repeated."""
        self.is_usable = False
        if self._life < 0:
            return
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._signal(signal.SIGKILL)  # children that were being made meanwhile
        os.close(self._life)
        self._life = -1
        os.close(self._log_fd)
        self._control.close()
        shutil.rmtree(self._own_dir, ignore_errors=True)


def _variables(
    spec: FunctionSpec, code_dir: Path, temporary_dir: Path, environment: Mapping[str, str]
) -> dict[str, str]:
    """The whole environment of the process: nothing is inherited from the server."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        **environment,
        **spec.environment,
        "HOME": str(temporary_dir),
        "TMPDIR": str(temporary_dir),
        "AWS_REGION": spec.region,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
        "LAMBDA_TASK_ROOT": str(code_dir),
        "LAMBDA_RUNTIME_DIR": str(_BOOTSTRAP.parent),
        "_HANDLER": spec.handler,
    }


def _text(request_id: str, what: str) -> str:
    return f"RequestId: {request_id} Error: {what}"


def _timed_out(request_id: str, timeout_s: float) -> bytes:
    text = _text(request_id, f"Task timed out after {timeout_s:.2f} seconds")
    return failure("Sandbox.Timedout", text, request_id=request_id)
