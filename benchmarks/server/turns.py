"""Two checkouts of this project beside each other, in turns: has a change made the server slower?

``python -m benchmarks.server.turns OLD NEW [--turns 20]``

On a machine that others use as well, two runs of the same code a minute apart differ by a third. Here both
servers run at once and the load visits them in turns of a second and a half, so that what happens to one
happens to the other; medians over the turns are compared. Repeat with the checkouts exchanged before you
believe a difference of a few per cent.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

_TURN_S = 1.5
_N_WORKERS = 8
_N_OBJECTS = 60_000


def _serve() -> int:
    """The side of one checkout: do a turn for each line of standard input."""
    from benchmarks.server.load import crowd
    from benchmarks.server.ours import Labelwright

    folder = Path(tempfile.mkdtemp(prefix="labelwright-turns-"))
    server = Labelwright(folder)
    server.start()
    try:
        process = psutil.Process(server.pid())
        server.load(_N_OBJECTS)
        seats = server.seats(_N_WORKERS)
        print("ready", flush=True)
        for _ in sys.stdin:
            before = process.cpu_times()
            cycles_per_s, _twice, n, _errors = crowd(seats, _TURN_S)
            after = process.cpu_times()
            cpu_s = after.user - before.user + after.system - before.system
            print(json.dumps([cycles_per_s, 1e3 * cpu_s / n] if n else None), flush=True)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def main() -> int:
    """Compare two checkouts."""
    if sys.argv[1:] == ["--serve"]:
        return _serve()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkouts", nargs=2, type=Path)
    parser.add_argument("--turns", type=int, default=20)
    arguments = parser.parse_args()
    roots = [root.resolve() for root in arguments.checkouts]
    sides = []
    for root in roots:
        environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
        command = [sys.executable, str(Path(__file__).resolve()), "--serve"]
        sides.append(
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=root
            )
        )
    seen: list[list[list[float]]] = [[], []]
    try:
        for side in sides:
            if side.stdout is None or not side.stdout.readline():
                raise SystemExit("a server did not start")
        for turn in range(arguments.turns + 1):
            for place, side in enumerate(sides):
                assert side.stdin is not None and side.stdout is not None
                side.stdin.write("\n")
                side.stdin.flush()
                figures = json.loads(side.stdout.readline())
                if turn and figures:  # the first turn warms up
                    seen[place].append(figures)
    finally:
        for side in sides:
            if side.stdin is not None:
                side.stdin.close()
            side.wait(30)
    medians = [[statistics.median(figures[i] for figures in side) for i in (0, 1)] for side in seen]
    for root, (cycles, cpu_ms) in zip(roots, medians, strict=True):
        print(f"{root}: {cycles:.0f} cycles/s, {cpu_ms:.3f} ms of CPU for one")
    (old, old_ms), (new, new_ms) = medians
    print(f"second / first: cycles/s {new / old:.2f}, CPU {new_ms / old_ms:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
