"""The program inside a function's process: limits itself, imports the handler, answers event after event.

It is started as a script by an isolated interpreter and imports nothing of Labelwright, so that a function
sees what it would see in Lambda: its own files first, then what is installed. It talks to the server over one
socket, in frames of two lengths, a JSON text about the frame and a payload; what the function prints goes to
a pipe of its own.

``python -I -B bootstrap.py CONTROL_FD LIFE_FD [WALLS]``, where WALLS is JSON: what `sandbox.enter` is told.
"""

# Every module imported here is time at each cold start: no pathlib.
# ruff: noqa: PTH116, PTH208

from __future__ import annotations

import importlib
import importlib.machinery
import json
import logging
import os
import re
import resource
import signal
import socket
import struct
import sys
import time
import traceback
from types import ModuleType, SimpleNamespace
from typing import Any

LENGTHS = struct.Struct(">II")
_MB = 1 << 20
_TEMPORARY_BYTES_MAX = 512 * _MB
_N_FILES_MAX = 1024
_N_PROCESSES_MAX = 256


def receive(control: socket.socket) -> tuple[dict[str, Any], bytes]:
    """The next frame; the process ends when there is none."""
    about_bytes, payload_bytes = LENGTHS.unpack(_exactly(control, LENGTHS.size))
    about = json.loads(_exactly(control, about_bytes))
    return about, _exactly(control, payload_bytes)


def _exactly(control: socket.socket, n_bytes: int) -> bytes:
    data = bytearray()
    while len(data) < n_bytes:
        piece = control.recv(min(_MB, n_bytes - len(data)))
        if not piece:
            os._exit(0)
        data += piece
    return bytes(data)


def send(control: socket.socket, about: dict[str, Any], payload: bytes) -> None:
    """Write a frame."""
    text = json.dumps(about).encode()
    control.sendall(LENGTHS.pack(len(text), len(payload)) + text)
    control.sendall(payload)


def die_with_server(life: int) -> None:
    """Have the whole process group killed by the kernel as soon as the server is gone.

    The other end of ``life`` is held by the server alone; the kernel turns its end into a signal to the
    group. That works whatever the function is doing then.
    """
    import fcntl

    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(life, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
    else:  # pragma: no cover - not on Linux
        import threading

        def watch() -> None:
            os.read(life, 1)
            os.killpg(0, signal.SIGKILL)

        threading.Thread(target=watch, daemon=True).start()


def limit(memory_mb: int) -> None:
    """Resource limits of this process and of what it starts."""
    # The interpreter itself takes some twenty megabytes, which Lambda counts; threads reserve stacks, which
    # it does not.
    data = (memory_mb + 64) * _MB
    _lower(resource.RLIMIT_DATA, data)
    _lower(resource.RLIMIT_AS, data + 1024 * _MB)
    _lower(resource.RLIMIT_FSIZE, _TEMPORARY_BYTES_MAX)
    _lower(resource.RLIMIT_NOFILE, _N_FILES_MAX)
    _lower(resource.RLIMIT_CORE, 0)


def limit_processes() -> None:
    """So many processes more than this user has now."""
    if hasattr(resource, "RLIMIT_NPROC"):
        _lower(resource.RLIMIT_NPROC, _n_processes() + _N_PROCESSES_MAX)


def _lower(kind: int, value: int) -> None:
    _, most = resource.getrlimit(kind)
    if most != resource.RLIM_INFINITY:
        value = min(value, most)
    resource.setrlimit(kind, (value, value))


def _n_processes() -> int:
    """How many threads this user has: the kernel counts them all against the limit."""
    total, user = 0, os.getuid()
    try:
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    if os.stat(f"/proc/{name}").st_uid == user:
                        total += len(os.listdir(f"/proc/{name}/task"))
                except OSError:
                    continue
    except OSError:
        return 4096
    return total


def limit_processor(timeout_s: float) -> None:
    """Let this and later children use the processor no longer than an invocation can."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime + timeout_s * (os.cpu_count() or 1)) + 5
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, most))


def _sandbox() -> Any:
    """The module beside this file, without the package it is in."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sandbox.py")  # noqa: PTH100, PTH118, PTH120
    module = ModuleType("_sandbox")
    module.__file__ = path
    importlib.machinery.SourceFileLoader("_sandbox", path).exec_module(module)
    return module


def max_memory_kb() -> int:
    """Most memory this program has had; ``ru_maxrss`` still holds what the server had that it came from."""
    try:
        with open("/proc/self/status", "rb") as file:  # noqa: PTH123
            found = re.search(rb"VmHWM:\s+(\d+) kB", file.read())
    except OSError:
        found = None
    return int(found.group(1)) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Refused(Exception):
    """The handler cannot be loaded; ``args`` are Lambda's error type and message."""


def load(handler: str) -> Any:
    """The function that ``module.function`` names."""
    module_name, dot, name = handler.rpartition(".")
    if not dot or not module_name or not name:
        raise Refused(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)",
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except SyntaxError as error:
        text = f"Syntax error in module '{module_name}': {error.msg} (line {error.lineno})"
        raise Refused("Runtime.UserCodeSyntaxError", text) from error
    except ImportError as error:
        raise Refused(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        ) from error
    try:
        return getattr(module, name)
    except AttributeError:
        text = f"Handler '{name}' missing on module '{module_name}'"
        raise Refused("Runtime.HandlerNotFound", text) from None


def failure(kind: str, message: str, *, request_id: str, trace: list[str] | None = None) -> bytes:
    """An error as Lambda writes it down."""
    about = {
        "errorMessage": message,
        "errorType": kind,
        "requestId": request_id,
        "stackTrace": trace or [],
    }
    return json.dumps(about).encode()


def described(error: BaseException, request_id: str) -> bytes:
    """An exception as Lambda writes it down; the stack begins in the function's own code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__]
    own = [frame for frame in own if not frame.filename.startswith("<frozen importlib")]
    try:
        message = str(error)
    except Exception as second:
        message = f"<{type(error).__name__} that cannot be shown: {type(second).__name__}>"
    trace = traceback.format_list(own[-64:])
    return failure(type(error).__name__, message[:65536], request_id=request_id, trace=trace)


class Context:
    """The second argument of a handler."""

    def __init__(self, about: dict[str, Any]) -> None:
        self.aws_request_id: str = about["request_id"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn: str = about["arn"]
        client = about.get("client_context")
        self.client_context = SimpleNamespace(**client) if isinstance(client, dict) else None
        self.identity = SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None)
        self._ends_at = time.monotonic() + about["timeout_s"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is stopped."""
        return max(0, int((self._ends_at - time.monotonic()) * 1000))

    def log(self, message: object) -> None:
        """Write to the log."""
        sys.stdout.write(str(message))


def answer_to(function: Any, about: dict[str, Any], payload: bytes) -> tuple[bytes, bool]:
    """The payload of the answer, and whether it is an error."""
    request_id = about["request_id"]
    try:
        result = function(json.loads(payload), Context(about))
    except SystemExit:
        raise
    except BaseException as error:
        return described(error, request_id), True
    try:
        data = json.dumps(result, ensure_ascii=False, allow_nan=False).encode()
    except Exception as error:
        text = f"Unable to marshal response: {error}"
        return failure("Runtime.MarshalError", text, request_id=request_id), True
    if len(data) > about["answer_bytes_max"]:
        text = (
            f"Response payload size ({len(data)} bytes) exceeded maximum allowed payload size "
            f"({about['answer_bytes_max']} bytes)."
        )
        return failure("Function.ResponseSizeTooLarge", text, request_id=request_id), True
    return data, False


class _Line(logging.Formatter):
    """Lambda's form of a log line."""

    request_id = ""

    def format(self, record: logging.LogRecord) -> str:
        """Level, time, request id and message, parted by tabs."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = (
            f"[{record.levelname}]\t{at}.{int(record.msecs):03d}Z\t{self.request_id}\t{record.getMessage()}"
        )
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def flush() -> None:
    """Nothing the function printed may be left behind."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue


def main() -> None:
    """Serve until the server hangs up."""
    control_fd, life = int(sys.argv[1]), int(sys.argv[2])
    for descriptor in (control_fd, life):
        os.set_inheritable(descriptor, False)
    die_with_server(life)
    limit_processes()  # counted outside the walls
    if sys.platform == "linux":
        sandbox = _sandbox()
        sandbox.refuse_privileges()
        if len(sys.argv) > 3:
            sandbox.enter(**json.loads(sys.argv[3]), control=control_fd)
    control = socket.socket(fileno=control_fd)
    own_pid = os.getpid()
    start, _ = receive(control)
    limit(start["memory_mb"])
    limit_processor(start["timeout_s"])
    sys.argv = [""]
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    handler = logging.StreamHandler(sys.stdout)
    lines = _Line()
    handler.setFormatter(lines)
    logging.getLogger().addHandler(handler)
    request_id = lines.request_id = start["request_id"]
    try:
        function = load(start["handler"])
    except Refused as refused:
        kind, message = refused.args
        problem = failure(kind, message, request_id=request_id)
    except SystemExit:
        raise
    except BaseException as error:
        problem = described(error, request_id)
    else:
        problem = b""
    if os.getpid() != own_pid:  # a child that the module forked and that came out here
        os._exit(0)
    flush()
    send(control, {"ok": not problem, "max_memory_kb": max_memory_kb()}, problem)
    while not problem:
        about, payload = receive(control)
        lines.request_id = about["request_id"]
        os.environ["_X_AMZN_TRACE_ID"] = about["trace_id"]
        limit_processor(about["timeout_s"])
        data, is_error = answer_to(function, about, payload)
        if os.getpid() != own_pid:
            os._exit(0)
        flush()
        send(control, {"ok": not is_error, "max_memory_kb": max_memory_kb()}, data)


if __name__ == "__main__":
    main()
