"""The labeling server beside Label Studio: same load script, same machine, same run.

``python -m benchmarks.server.bench [--objects 100000] [--ours-only] [--million]``
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import Report
from benchmarks.server.label_studio import LabelStudio
from benchmarks.server.load import System, crowd, fsync_ms, latencies, memory_mib, quantile
from benchmarks.server.ours import Labelwright


def measure(system: System, n_objects: int, n_latency: int, seconds: float) -> dict[str, Any]:
    """All figures of one system."""
    out: dict[str, Any] = {}

    def say(text: str) -> None:
        print(f"  {system.name}: {text}", file=sys.stderr, flush=True)

    say("first start")
    out["cold_start_s"] = system.start()
    system.stop()
    out["start_s"] = min(_restart(system) for _ in range(3))
    system.start()
    time.sleep(3)
    out["idle_mib"] = memory_mib(system.pid())
    say(f"start {out['start_s']:.2f} s, idle {out['idle_mib']:.0f} MiB; importing {n_objects:,}")
    out["import_s"] = system.load(n_objects)
    say(f"imported in {out['import_s']:.2f} s; latencies")
    seat = system.seats(1)[0]
    latencies(seat, 10)
    takes, submits = latencies(seat, n_latency)
    out.update(
        take_p50_ms=quantile(takes, 0.5),
        take_p99_ms=quantile(takes, 0.99),
        submit_p50_ms=quantile(submits, 0.5),
        submit_p99_ms=quantile(submits, 0.99),
    )
    say(f"take p50 {out['take_p50_ms']:.2f} ms, submit p50 {out['submit_p50_ms']:.2f} ms; 8 workers")
    out["cycles_per_s"], out["twice"], n, errors = crowd(system.seats(8), seconds)
    out["errors"] = len(errors)
    say(
        f"{out['cycles_per_s']:.1f} cycles/s over {n}, twice {100 * out['twice']:.1f} %, {len(errors)} errors"
    )
    if errors:
        say(f"first error: {errors[0]}")
    return out


def _restart(system: System) -> float:
    took = system.start()
    system.stop()
    return took


def main() -> int:
    """Run both, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--million", action="store_true", help="repeat ours with a million objects")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="labelwright-bench-", dir=Path.cwd() / ".make"))
    fsync = fsync_ms(folder)
    report = Report("server", "-" if args.ours_only else LabelStudio.name)
    systems: list[Any] = [Labelwright(folder)] + ([] if args.ours_only else [LabelStudio(folder)])
    results = []
    try:
        for system in systems:
            is_ours = isinstance(system, Labelwright)
            figures = measure(system, args.objects, 500 if is_ours else 40, 10.0)
            if is_ours:
                rate, twice, n, errors = crowd(system.seats(64), 10.0)
                report.note(
                    f"64 workers: {rate:.0f} cycles/s over {n}, handed out twice {100 * twice:.2f} %, "
                    f"{len(errors)} errors"
                )
                if errors:
                    report.note(f"first error: {errors[0]}")
                report.note(f"memory while importing: {system.import_peak_mib:.0f} MiB")
            figures["export_s"], figures["export_mib"] = system.export()
            if is_ours and args.million:
                took = system.load(1_000_000)
                takes, _ = latencies(system.seats(1)[0], 300)
                report.note(
                    f"1,000,000 objects: imported in {took:.1f} s, peak {system.import_peak_mib:.0f} MiB, "
                    f"next p50 {quantile(takes, 0.5):.2f} ms, p99 {quantile(takes, 0.99):.2f} ms"
                )
            system.stop()
            results.append(figures)
    finally:
        for system in systems:
            try:
                system.stop()
            except Exception as error:  # it may have been stopped, or never started
                print(f"  {system.name}: {error}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
    ours, peer = results[0], results[1] if len(results) > 1 else {}
    for what, unit, key, smaller in (
        ("start to healthy (warm)", "s", "start_s", True),
        ("first start", "s", "cold_start_s", True),
        ("idle memory", "MiB", "idle_mib", True),
        (f"import {args.objects:,} objects", "s", "import_s", True),
        ("next task, p50", "ms", "take_p50_ms", True),
        ("next task, p99", "ms", "take_p99_ms", True),
        ("submit, p50", "ms", "submit_p50_ms", True),
        ("submit, p99", "ms", "submit_p99_ms", True),
        ("take-and-submit cycles, 8 workers", "1/s", "cycles_per_s", False),
        ("handed out twice, 8 workers", "share", "twice", True),
        ("export all", "s", "export_s", True),
        ("peak memory at export", "MiB", "export_mib", True),
    ):
        report.row(what, unit, ours.get(key), peer.get(key), smaller=smaller)
    report.note(f"one 4 KiB fsync on this disk: {fsync:.2f} ms (median)")
    report.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
