"""Automated labeling, simulated honestly: labels are hidden until people are asked for them.

``python -m benchmarks.autolabel.bench [--data FOLDER] [--encoder FOLDER] [--seeds N] [--all-seeds]
[--sets a,b] [--methods ours,advised,random,published,chained]``

Prints, per set: the share labeled by the machine, the true error of those labels, human labels used, the
accuracy of all labels, and the CPU time of a whole job; how many jobs said early that the machine will label
little, and how many human labels they had used by then; then the same with random questions and with the
published loop; then a chained job. ``advised`` ends a job when it says so. Slow sets run on fewer seeds, or
leave a method out, unless ``--all-seeds`` is given. Results of sets that are not run this time stay in the
JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.autolabel.published import published_loop
from benchmarks.autolabel.sets import NAMES, WITH_ENCODER, find_data, load
from labelwright.autolabel import fit_embedding, simulate

RESULTS = Path(__file__).parents[1] / "results" / "autolabel.json"
TARGET = 0.05
# coverage of a simple certified reference, and of an oracle that sees the truth with the same model
REFERENCE = {
    "digits": (0.806, 0.913),
    "mnist12k": (0.909, 0.972),
    "sms_spam": (0.894, 0.965),
    "banking77": (0.512, 0.582),
    "rt_polarity": (0.004, 0.120),
}
# Seeds at most by default, so that all of it takes minutes; methods that are not named run on none.
FEWER = {
    "banking77": {"ours": 5, "random": 1, "chained": 2},
    "rt_polarity": {"ours": 5, "advised": 10},
    "sms_spam+encoder": {"ours": 10, "chained": 10},
    "banking77+encoder": {"ours": 5, "chained": 2},
    "rt_polarity+encoder": {"ours": 5},
}


def main() -> int:
    """Run, print and store."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="folder that holds auto-labeling/")
    parser.add_argument(
        "--encoder", type=Path, help="folder of a sentence encoder, for the sets of texts once more"
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--all-seeds", action="store_true", help="also where it takes an hour")
    parser.add_argument("--sets")
    parser.add_argument("--methods", default="ours,advised,random,published,chained")
    arguments = parser.parse_args()
    data = find_data(arguments.data)
    if data is None:
        print("The data sets are not here: give their folder with --data. Nothing was measured.")
        return 0
    methods = arguments.methods.split(",")
    print(f"{'set':19} {'method':10} {'coverage':>9} {'min':>6} {'max':>6} {'error':>7} {'worst':>7}"
          f" {'over':>6} {'human':>7} {'all right':>9} {'CPU s':>6}   reference / oracle")  # fmt: skip
    sets = (
        arguments.sets.split(",")
        if arguments.sets
        else [*NAMES, *(WITH_ENCODER if arguments.encoder else ())]
    )
    for name in sets:
        found = load(data, name, arguments.encoder)
        if found is None:
            print(f"{name:19} is not in {data} and was left out")
            continue
        raw, y, features_s = found
        few = {} if arguments.all_seeds else FEWER.get(name, {})
        is_advised = True
        for method in methods:
            if method == "advised" and not is_advised:
                continue  # the same jobs once more
            n_seeds = min(arguments.seeds, few.get(method, 0)) if few else arguments.seeds
            if n_seeds == 0:
                print(f"{name:19} {method:10} left out, as it is slow (--all-seeds runs it)")
                continue
            row = chained(raw, y, n_seeds) if method == "chained" else measure(raw, y, method, n_seeds)
            if method == "ours":
                is_advised = row["n_advised"] > 0
            row["features_cpu_s"] = features_s
            show(name, method, row)
            store(name, method, len(y), row)
    return 0


def measure(raw: Any, y: np.ndarray, method: str, n_seeds: int) -> dict[str, Any]:
    """One method on one set, over seeds."""
    rows: list[tuple[float, ...]] = []
    said: list[int] = []  # human labels given when a job said that the machine will label little
    begin = time.process_time()
    shared = fit_embedding(raw)(raw) if method == "published" else None
    for seed in range(n_seeds):
        if method == "published":
            coverage, error = published_loop(shared, y, seed=seed, batch=max(100, len(y) // 12))
            rows.append((coverage, error, len(y) * (1 - coverage), 1 - error * coverage))
        else:
            done = simulate(
                raw, y, seed=seed, random_queries=method == "random", stops_on_advice=method == "advised"
            )
            if done.n_human_at_advice is not None:
                said.append(done.n_human_at_advice)
            rows.append((done.coverage, done.machine_error, done.n_human, done.accuracy))
    row = summary(rows, time.process_time() - begin)
    if method != "published":
        row["n_advised"], row["n_human_at_advice"] = len(said), float(np.mean(said)) if said else None
    return row


def summary(rows: Sequence[tuple[float, ...]], cpu_s: float) -> dict[str, Any]:
    """Mean, extremes and how often the target was broken."""
    coverage, error, human, accuracy = np.array(rows, np.float64).T
    return {
        "n_seeds": len(rows),
        "coverage": coverage.mean(),
        "coverage_min": coverage.min(),
        "coverage_max": coverage.max(),
        "error": error.mean(),
        "error_max": error.max(),
        "n_over_target": int((error > TARGET).sum()),
        "n_human": human.mean(),
        "accuracy": accuracy.mean(),
        "cpu_s": cpu_s / len(rows),
    }


def chained(raw: Any, y: np.ndarray, n_seeds: int) -> dict[str, Any]:
    """The second half of a set with the model of the first half: its human labels against a job from
    scratch.
    """
    rows, fresh = [], []
    begin = time.process_time()
    for seed in range(n_seeds):
        order = np.random.default_rng([seed, 99]).permutation(len(y))
        first, second = order[: len(y) // 2], order[len(y) // 2 :]
        k = int(y.max()) + 1
        before = simulate(raw[first], y[first], seed=seed, n_classes=k)
        done = simulate(raw[second], y[second], seed=seed, n_classes=k, start=before.learner)
        alone = simulate(raw[second], y[second], seed=seed, n_classes=k)
        rows.append((done.coverage, done.machine_error, done.n_human, done.accuracy))
        fresh.append(alone.n_human)
    return {**summary(rows, time.process_time() - begin), "n_human_from_scratch": float(np.mean(fresh))}


def store(name: str, method: str, n: int, row: dict[str, Any]) -> None:
    """Put one row into the JSON as it is on the disk now."""
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    results.update(name="autolabel", at=time.time(), target_error=TARGET, machine=machine)
    results.setdefault("sets", {}).setdefault(name, {"n": n})[method] = row
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def show(name: str, method: str, row: dict[str, Any]) -> None:
    """One line."""
    known = REFERENCE.get(name.partition("+")[0])
    behind = f"   {known[0]:.3f} / {known[1]:.3f}" if known and method == "ours" else ""
    if row.get("n_advised"):
        behind += f"   {row['n_advised']} said so after {row['n_human_at_advice']:.0f} human labels (mean)"
    if "n_human_from_scratch" in row:
        behind = f"   second half from scratch: {row['n_human_from_scratch']:.0f} human labels"
    print(
        f"{name:19} {method:10} {row['coverage']:9.3f} {row['coverage_min']:6.3f} {row['coverage_max']:6.3f}"
        f" {row['error']:7.4f} {row['error_max']:7.4f} {row['n_over_target']:3d}/{row['n_seeds']:<2d}"
        f" {row['n_human']:7.0f} {row['accuracy']:9.4f} {row['cpu_s']:6.2f}{behind}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
