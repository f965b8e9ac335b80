"""The first lines of every program: say who we are, take the limits, run the module.

Started as ``python -m labelwright.work.child <folder>``; imports nothing heavy.
"""

from __future__ import annotations

import contextlib
import os
import resource
import runpy
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import NoReturn

from labelwright.work.folder import EXIT, PROCESS, PROGRAM, read_json, write_json
from labelwright.work.processes import start_time

__all__ = ["main"]


def main(folder: Path) -> int:
    """Run the folder's program; its exit code."""
    # From here on somebody may interrupt us; programs that can finish early say so themselves.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    write_json(folder / PROCESS, {"pid": os.getpid(), "started": start_time(os.getpid())})
    program = read_json(folder / PROGRAM)
    if program is None:
        raise SystemExit(f"{folder / PROGRAM} is missing or damaged.")
    _take_limits(int(program["nice"]), program.get("memory_bytes"))
    signal.signal(signal.SIGTERM, _end)
    module = str(program["module"])
    sys.argv = [module, str(folder)]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = _code(end.code)
    except BaseException:
        traceback.print_exc()
        code = 1
    else:
        code = 0
    sys.stdout.flush()
    write_json(folder / EXIT, {"code": code})
    return code


def _take_limits(nice: int, memory_bytes: int | None) -> None:
    with contextlib.suppress(OSError):
        os.nice(nice)
    if memory_bytes:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
        with contextlib.suppress(OSError, ValueError):  # not every system has this limit
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)


def _code(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code
    sys.stderr.write(f"{code}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
