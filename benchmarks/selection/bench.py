"""Selecting lines of a manifest: lines a second, beside plain Python loops and DuckDB's own JSON reader.

All read the same file from the page cache and write the chosen lines to a file. The plain loops
(``json.loads``, and ``orjson.loads``, which we use ourselves where DuckDB cannot decide) copy lines as we do;
DuckDB's reader (``read_json_auto`` and ``COPY``) writes them anew, in its own form, and knows neither MISSING
nor the exact keys of objects. Each run is a process of its own; the time is that of its work without the
start of Python, the memory its peak. On a busy machine only the CPU time tells anything.

``python -m benchmarks.selection.bench [N_LINES]``
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.report import Report

N_LINES = 1_000_000
N_RUNS = 3

# what -> (our condition, the same in Python, the same in DuckDB over read_json_auto)
QUERIES: dict[str, tuple[str, Callable[[dict[str, Any]], bool], str]] = {
    "not labeled yet": ('s."species" IS MISSING', lambda d: "species" not in d, "species IS NULL"),
    "file name and number": (
        's."source-ref" LIKE \'%/night/%\' AND CAST(s."camera" AS int) BETWEEN 2 AND 4',
        lambda d: "/night/" in d["source-ref"] and 2 <= int(d["camera"]) <= 4,
        "\"source-ref\" LIKE '%/night/%' AND CAST(camera AS int) BETWEEN 2 AND 4",
    ),
    "nested name": (
        's."species-metadata"."human-annotated" IN (\'yes\')',
        lambda d: d.get("species-metadata", {}).get("human-annotated") == "yes",
        '"species-metadata"."human-annotated" = \'yes\'',
    ),
    "arithmetic": ("s.ticket % 10 = 3", lambda d: d["ticket"] % 10 == 3, "ticket % 10 = 3"),
    "by the row evaluator": (
        'CHAR_LENGTH(TRIM(s."source-ref")) / 2 > 14',
        lambda d: len(d["source-ref"].strip()) // 2 > 14,
        'length(trim("source-ref")) // 2 > 14',
    ),
}


def make_manifest(path: Path, n_lines: int) -> None:
    """A manifest of the usual kind; every third line carries a label."""
    chance = random.Random(1)
    with path.open("w") as file:
        for i in range(n_lines):
            line: dict[str, Any] = {
                "source-ref": f"s3://acme/{'night' if i % 7 == 0 else 'day'}/img_{i:07d}.jpg",
                "camera": i % 6,
                "ticket": chance.randrange(10**9),
            }
            if i % 3 == 0:
                line["species"] = i % 5
                line["species-metadata"] = {
                    "class-name": "cat", "confidence": 0.91, "job-name": "labeling-job/species",
                    "human-annotated": "yes" if i % 2 else "no",
                    "creation-date": "2024-04-03T12:40:19.118274", "type": "groundtruth/image-classification",
                }  # fmt: skip
            file.write(json.dumps(line) + "\n")


def ours(source: Path, target: Path, what: str) -> None:
    """Labelwright."""
    from labelwright.selection import Selection, parse_condition

    selection = Selection(parse_condition(QUERIES[what][0]), now=0.0)
    with target.open("wb") as out:
        for piece in selection.over_file(source):
            out.write(piece)


def plain_python(source: Path, target: Path, what: str) -> None:
    """The loop one would write."""
    holds = QUERIES[what][1]
    with source.open("rb") as lines, target.open("wb") as out:
        for line in lines:
            if holds(json.loads(line)):
                out.write(line)


def plain_orjson(source: Path, target: Path, what: str) -> None:
    """The same loop with a faster parser."""
    import orjson

    holds = QUERIES[what][1]
    with source.open("rb") as lines, target.open("wb") as out:
        for line in lines:
            if holds(orjson.loads(line)):
                out.write(line)


def duckdb_json(source: Path, target: Path, what: str) -> None:
    """DuckDB's JSON reader and writer."""
    import duckdb

    duckdb.execute(
        f"COPY (SELECT * FROM read_json_auto('{source}') WHERE {QUERIES[what][2]}) "
        f"TO '{target}' (FORMAT json)"
    )


RUNNERS = {"ours": ours, "python": plain_python, "orjson": plain_orjson, "duckdb": duckdb_json}
PEERS = {"python": "Python json", "orjson": "orjson", "duckdb": "DuckDB JSON"}


def measured(runner: str, source: Path, target: Path, what: str) -> tuple[float, float, float, int]:
    """Seconds and CPU seconds (the best runs), peak memory in MiB, lines chosen."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.selection.bench",
        "--one",
        runner,
        str(source),
        str(target),
        what,
    ]
    best, best_cpu, peak = float("inf"), float("inf"), 0.0
    for _ in range(N_RUNS):
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds, cpu_seconds, mib = map(float, done.stdout.split())
        best, best_cpu, peak = min(best, seconds), min(best_cpu, cpu_seconds), max(peak, mib)
    with target.open("rb") as file:
        return (
            best,
            best_cpu,
            peak,
            sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")),
        )


def one(runner: str, source: str, target: str, what: str) -> None:
    """A single run, in this process."""
    started, started_cpu = time.perf_counter(), time.process_time()
    RUNNERS[runner](Path(source), Path(target), what)
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(time.perf_counter() - started, time.process_time() - started_cpu, mib)


def main() -> None:
    """All queries, all runners."""
    n_lines = int(sys.argv[1]) if len(sys.argv) > 1 else N_LINES
    report = Report("selection", "peer")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "m.manifest", Path(folder) / "subset"
        make_manifest(source, n_lines)
        size_mb = source.stat().st_size / 1e6
        print(f"{n_lines:,} lines, {size_mb:.0f} MB")
        peaks: dict[str, float] = {}
        for what in QUERIES:
            figures = {runner: measured(runner, source, target, what) for runner in RUNNERS}
            if len({n_chosen for *_, n_chosen in figures.values()}) != 1:
                raise SystemExit(f"{what}: the runners chose different lines: {figures}")
            rates = {runner: n_lines / seconds / 1e6 for runner, (seconds, *_) in figures.items()}
            for peer, name in PEERS.items():
                report.row(f"{what}, {name}", "M lines/s", rates["ours"], rates[peer], smaller=False)
            cpu = {runner: figure[1] * 1e6 / n_lines for runner, figure in figures.items()}
            for peer, name in PEERS.items():
                report.row(f"{what}, {name}", "CPU us/line", cpu["ours"], cpu[peer])
            for runner, (_, _, peak, _) in figures.items():
                peaks[runner] = max(peaks.get(runner, 0.0), peak)
        for peer, name in PEERS.items():
            report.row(f"peak memory, {name}", "MiB", peaks["ours"], peaks[peer])
    report.note(
        "DuckDB's reader writes the rows anew; we and the plain loop copy the exact bytes of the lines."
    )
    report.finish()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:6])
    else:
        main()
