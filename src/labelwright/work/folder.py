"""The files of one piece of work; both sides, server and program, use only these.

::

    input.json       what is to be done; written before the program starts, then never changed
    program.json     which module, with which limits
    process.json     pid and start time, written by the program's first lines
    lock             locked for as long as the program or one that it started lives
    progress.jsonl   one JSON object a line
    log              standard output and standard error
    result.json      what came out; its appearance is the moment of success
    exit.json        the exit code, when the program could write it
    stop             somebody asked it to end
    interrupt        somebody asked it to finish early, with what it has

Files that appear whole are written aside, flushed and renamed.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = [
    "EXIT",
    "INPUT",
    "INTERRUPT",
    "LOCK",
    "LOCK_VARIABLE",
    "LOG",
    "PROCESS",
    "PROGRAM",
    "PROGRESS",
    "RESULT",
    "STOP",
    "held_lock",
    "is_interrupted",
    "read_input",
    "read_json",
    "report_progress",
    "tail",
    "write_json",
    "write_result",
]

INPUT, PROGRAM, PROCESS, LOCK = "input.json", "program.json", "process.json", "lock"
PROGRESS, LOG, RESULT, EXIT, STOP = "progress.jsonl", "log", "result.json", "exit.json", "stop"
INTERRUPT = "interrupt"
LOCK_VARIABLE = "LABELWRIGHT_WORK_LOCK"
"""Environment variable with the descriptor of the lock, for programs that hand it on to what they start."""


def read_input(folder: Path) -> dict[str, Any]:
    """What a program is to do."""
    content: dict[str, Any] = json.loads((folder / INPUT).read_bytes())
    return content


def is_interrupted(folder: Path) -> bool:
    """Whether somebody asked a program to finish early; it gets SIGINT as well, once it runs."""
    return (folder / INTERRUPT).exists()


def held_lock() -> int:
    """Descriptor of the lock that this program holds, -1 when it was started by hand."""
    return int(os.environ.get(LOCK_VARIABLE, "-1"))


def report_progress(folder: Path, message: str, **values: Any) -> None:
    """Append one line on how far a program is; cheap, and never half a line for its reader."""
    line = json.dumps({"at": time.time(), "message": message, **values}) + "\n"
    fd = os.open(folder / PROGRESS, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, line.encode())
    finally:
        os.close(fd)


def write_result(folder: Path, result: Mapping[str, Any]) -> None:
    """Say what came out. Everything it refers to must be written before."""
    write_json(folder / RESULT, result)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file that is there whole and durable, or not at all."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    with aside.open("wb") as file:
        file.write(json.dumps(content).encode())
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object; None when the file is absent or is not one (somebody wrote into it)."""
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def tail(path: Path, n_bytes: int = 4096) -> str:
    """The end of a text file, from the beginning of a line; empty when there is no file."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - n_bytes))
        text = file.read(n_bytes).decode("utf-8", "replace")
        return text if size <= n_bytes else text.partition("\n")[2]
    return ""
