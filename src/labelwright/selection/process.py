"""Selecting in a process of its own: a server keeps none of its memory and can end it at any time."""

from __future__ import annotations

import contextlib
import json
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import IO, Any

from labelwright.errors import LabelwrightError
from labelwright.selection.problems import QueryError
from labelwright.selection.running import Progress

__all__ = ["query_job", "run_in_child", "sample_job"]

_MEMORY_MIB = 512
_THREADS = 2
_CPU_S = 3600  # fifty times what ten million lines take


def query_job(statement: str, *, is_condition: bool, now: float, **more: Any) -> dict[str, Any]:
    """A query for `run_in_child`.

    Parameters
    ----------
    statement : str
    is_condition : bool
        Whether it is only what follows WHERE.
    now : float
        Epoch seconds, for UTCNOW.
    **more
        ``compression`` (``NONE``, ``GZIP``, ``BZIP2``), ``is_document``, ``scan_range`` (two bytes).
    """
    return {
        "kind": "query",
        "statement": statement,
        "is_condition": is_condition,
        "now": now,
        "memory_mib": _MEMORY_MIB,
        "n_threads": _THREADS,
        "cpu_s": _CPU_S,
        **more,
    }


def sample_job(percent: int, seed: int, *, n_lines: int | None = None) -> dict[str, Any]:
    """A random sample for `run_in_child`; ``n_lines`` must be known when the input is no file."""
    return {"kind": "sample", "percent": percent, "seed": seed, "n_lines": n_lines, "cpu_s": _CPU_S}


def run_in_child(
    job: dict[str, Any], *, descriptor: int | None = None, chunks: Iterable[bytes] | None = None
) -> Generator[bytes | Progress]:
    """Run a job over an open file or over chunks.

    Parameters
    ----------
    job : dict
    descriptor : int, optional
        Of a regular file; it stays open.
    chunks : iterable of bytes, optional
        The input, when there is no file.

    Yields
    ------
    bytes or Progress
        Rows in their order; now and then, and last of all, how far it is.

    Raises
    ------
    QueryError
        As the query itself would raise it.
    LabelwrightError
        The process ended without an answer.
    """
    passed = () if descriptor is None else (descriptor,)
    process = subprocess.Popen(
        [sys.executable, "-m", "labelwright.selection.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=passed,
        close_fds=True,
    )
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise RuntimeError("a process without the pipes that were asked for")
    header = json.dumps({**job, "descriptor": descriptor}).encode() + b"\n"
    failures: list[BaseException] = []
    feeder = threading.Thread(
        target=_feed,
        args=(stdin, header, chunks or (), failures),
        name="selection-input",
        daemon=True,
    )
    feeder.start()
    try:
        yield from _frames(stdout, process, cpu_s=job["cpu_s"])
        if failures:
            raise failures[0]
    finally:
        process.kill()  # it has ended by itself, or nobody wants the rest
        stdout.close()
        feeder.join(timeout=60)
        process.wait()


def _feed(pipe: IO[bytes], header: bytes, chunks: Iterable[bytes], failures: list[BaseException]) -> None:
    # The process may have seen enough, or have been ended.
    with contextlib.suppress(BrokenPipeError), pipe:
        try:
            pipe.write(header)
            for chunk in chunks:
                pipe.write(chunk)
        except BrokenPipeError:
            pass
        except LabelwrightError as error:
            failures.append(error)


def _frames(pipe: IO[bytes], process: subprocess.Popen[bytes], *, cpu_s: int) -> Iterator[bytes | Progress]:
    while True:
        head = pipe.read(5)
        if len(head) < 5:
            if -process.wait() == getattr(signal, "SIGXCPU", None):
                raise QueryError(
                    f"The query took more than {cpu_s} s of processor time and was ended. Make it simpler, "
                    "or select in two steps.",
                    code="Busy",
                )
            raise LabelwrightError(
                "The process that ran the query ended without an answer; perhaps memory ran out. Try again "
                "with a simpler query."
            )
        (length,) = struct.unpack(">I", head[1:])
        content = pipe.read(length)
        match head[:1]:
            case b"R":
                yield content
            case b"E":
                error = json.loads(content)
                raise QueryError(error["message"], code=error["code"])
            case kind:
                yield Progress(**json.loads(content))
                if kind == b"Z":
                    return
