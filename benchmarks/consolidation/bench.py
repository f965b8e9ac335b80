"""Consolidation of classes beside crowd-kit: accuracy and log-loss on real crowds, speed on a large one.

``python -m benchmarks.consolidation.bench [FOLDER] [--tasks 1000000] [--no-speed] [--ours-only]``

FOLDER holds the sets (see ``sets.py``); by default ``../shared/data/truth-inference`` beside the repository.
No algorithm sees the truth, and none is set differently for one set than for another. Speed is that of one
core: both sides run in a fresh process with one thread; "cpu" leaves out what other processes on the machine
take. All methods of crowd-kit have its own settings; GLAD, MACE and MMSR take many minutes, and
``BENCH_PEER_METHODS=DawidSkene,MajorityVote`` chooses.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.consolidation.sets import DEFAULT_FOLDER, CrowdSet, groups, large_crowd, load, score
from benchmarks.peers import environment
from benchmarks.report import Report
from labelwright.consolidation import ALGORITHMS, Responses

CROWD_KIT = ("crowd-kit==1.4.2", "scikit-learn<1.6")  # with a newer one half of its methods fail
PEER_SCRIPT = Path(__file__).parent / "crowd_kit.py"
GROUP, GROUPED_TASKS_MAX, N_EARLIER = 50, 2000, 1000
GROUPED = (("majority", 0), ("compatible", 0), ("bayesian", 0), ("bayesian", N_EARLIER))
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
Floats = npt.NDArray[np.float64]
Scores = dict[str, list[tuple[float, float] | None]]


def ours(sets: list[CrowdSet]) -> tuple[Scores, dict[str, float]]:
    """Scores per set, and CPU seconds for all sets, of every algorithm of the registry."""
    scores: Scores = {}
    seconds: dict[str, float] = {}
    for name in ALGORITHMS:
        start = time.process_time()
        scores[name] = []
        for crowd in sets:
            scores[name].append(score(probabilities(name, crowd, crowd.n_classes), crowd.truth))
        seconds[name] = time.process_time() - start
    return scores, seconds


def ours_in_groups(sets: list[CrowdSet]) -> tuple[Scores, dict[str, float]]:
    """The same where the tasks are consolidated in groups: mean over the groups of a set."""
    scores: Scores = {}
    seconds: dict[str, float] = {}
    for name, n_earlier in GROUPED:
        start = time.process_time()
        shown = f"{name}, {n_earlier} before" if n_earlier else name
        scores[shown] = []
        for crowd in sets:
            pairs = [
                score(probabilities(name, group, crowd.n_classes), group.truth)
                for group in groups(crowd, GROUP, GROUPED_TASKS_MAX, n_earlier=n_earlier)
            ]
            accuracy, loss = np.mean(pairs, axis=0)
            scores[shown].append((float(accuracy), float(loss)))
        seconds[shown] = time.process_time() - start
    return scores, seconds


def probabilities(name: str, crowd: CrowdSet, n_classes: int) -> Floats:
    """Class probabilities by an algorithm of the registry."""
    responses = Responses.from_arrays(
        crowd.tasks, crowd.workers, crowd.labels, n_tasks=crowd.n_tasks, n_classes=n_classes
    )
    p = ALGORITHMS[name].posteriors(responses)
    if name == "compatible":  # on the scale of its confidences
        p = 0.05 + 0.9 * p
        p /= p.sum(axis=1, keepdims=True)
    return p


def store(sets: list[CrowdSet], path: Path) -> None:
    """What the peer's process reads."""
    arrays: dict[str, Any] = {"names": np.array([crowd.name for crowd in sets])}
    for crowd in sets:
        arrays[f"{crowd.name}/answers"] = np.column_stack([crowd.tasks, crowd.workers, crowd.labels])
        arrays[f"{crowd.name}/shape"] = np.array([crowd.n_tasks, crowd.n_classes])
        arrays[f"{crowd.name}/truth"] = crowd.truth
    np.savez(path, **arrays)


def peer(sets: list[CrowdSet], folder: Path) -> tuple[Scores, dict[str, float]]:
    """The same of crowd-kit's methods; None where a method fails on a set."""
    source, target = folder / "sets.npz", folder / "peer.npz"
    store(sets, source)
    run([str(environment("crowd-kit", *CROWD_KIT) / "python"), str(PEER_SCRIPT), "sets", source, target])
    found = np.load(target)
    methods = list(dict.fromkeys(key.split("/")[1] for key in found.files))
    scores: Scores = {
        method: [
            score(found[f"{crowd.name}/{method}"], crowd.truth)
            if f"{crowd.name}/{method}" in found.files
            else None
            for crowd in sets
        ]
        for method in methods
    }
    seconds = {method: sum(float(found[f"{crowd.name}/{method}/s"]) for crowd in sets) for method in methods}
    return scores, seconds


def run(command: list[Any]) -> None:
    """One measured process, one thread."""
    subprocess.run([str(part) for part in command], check=True, env={**os.environ, **ONE_THREAD})


def mean(scores: list[tuple[float, float] | None], which: int) -> float | None:
    """Mean over the sets, if there is a score for all."""
    known = [pair[which] for pair in scores if pair is not None]
    return sum(known) / len(known) if len(known) == len(scores) else None


def print_table(sets: list[CrowdSet], scores: Scores, seconds: dict[str, float], side: str) -> None:
    """Accuracy / log-loss per set and method."""
    print(f"\n{side:20}" + "".join(f"{crowd.name:>13}" for crowd in sets) + f"{'mean':>15}{'cpu s':>8}")
    for name, found in scores.items():
        cells = ["-" if pair is None else f"{pair[0]:.4f}/{pair[1]:.3f}" for pair in found]
        means = (mean(found, 0), mean(found, 1))
        shown = "-" if means[0] is None or means[1] is None else f"{means[0]:.4f}/{means[1]:.3f}"
        print(f"{name:20}" + "".join(f"{cell:>13}" for cell in cells) + f"{shown:>15}{seconds[name]:>8.2f}")


def compare_sets(report: Report, folder: Path, *, with_peer: bool) -> None:
    """Tables, and the rows of the report."""
    sets = load(folder)
    if not sets:
        print(f"No crowds with known truth in {folder}: accuracy is not measured. Pass the folder to use.")
        report.note(f"accuracy not measured: no data in {folder.name}")
        return
    scores, seconds = ours(sets)
    print_table(sets, scores, seconds, "ours")
    grouped, grouped_seconds = ours_in_groups(sets)
    print_table(sets, grouped, grouped_seconds, f"groups of {GROUP}")
    for name, found in grouped.items():
        accuracy, loss = mean(found, 0), mean(found, 1)
        report.note(f"{name} in groups of {GROUP}: mean accuracy {accuracy:.4f}, mean log-loss {loss:.3f}")
    theirs: Scores = {}
    if with_peer:
        with tempfile.TemporaryDirectory() as scratch:
            theirs, peer_seconds = peer(sets, Path(scratch))
        print_table(sets, theirs, peer_seconds, "crowd-kit")
    best_accuracy = max((mean(found, 0) or 0.0 for found in theirs.values()), default=None)
    losses = [mean(found, 1) for name, found in theirs.items() if name not in ("MMSR", "KOS")]
    best_loss = min((loss for loss in losses if loss is not None), default=None)
    ours_mean = [mean(scores["bayesian"], which) for which in (0, 1)]
    report.row("mean accuracy, bayesian / best", "share", ours_mean[0], best_accuracy, smaller=False)
    report.row("mean log-loss, bayesian / best", "nats", ours_mean[1], best_loss)
    for i, crowd in enumerate(sets):
        rivals = [found[i] for found in theirs.values()]
        best = max((pair[0] for pair in rivals if pair is not None), default=None)
        mine = scores["bayesian"][i]
        report.row(f"accuracy {crowd.name}, bayesian / best", "share", mine and mine[0], best, smaller=False)
    everything = {**scores, **{f"crowd-kit {name}": found for name, found in theirs.items()}}
    best_of_set = [
        max(pair[0] for found in everything.values() if (pair := found[i]) is not None)
        for i in range(len(sets))
    ]
    for name, found in everything.items():
        known = [(pair, best) for pair, best in zip(found, best_of_set, strict=True) if pair is not None]
        if not known:
            continue
        accuracy, loss = np.mean([pair for pair, _ in known], axis=0)
        behind = max(best - pair[0] for pair, best in known)
        report.note(
            f"{name}: mean accuracy {accuracy:.4f}, mean log-loss {loss:.3f} on {len(known)} sets, at most "
            f"{behind:.4f} behind the best method of a set"
        )


def compare_speed(report: Report, n_tasks: int, *, with_peer: bool) -> None:
    """Dawid-Skene, 20 rounds, on a large crowd."""
    crowd = large_crowd(n_tasks)
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "large.npz", Path(scratch) / "speed.json"
        store([crowd], source)
        runs = []
        for _ in range(3):
            run([sys.executable, "-m", "benchmarks.consolidation.our_speed", source, target])
            runs.append(json.loads(target.read_text()))
        best = min(runs, key=lambda found: float(found["cpu_s"]))
        print(f"\nours: {runs}")
        theirs: dict[str, float] = {}
        if with_peer:
            python = environment("crowd-kit", *CROWD_KIT) / "python"
            run([python, PEER_SCRIPT, "speed", source, target])
            theirs = json.loads(target.read_text())
            print(f"crowd-kit: {theirs}")
    what = f"{n_tasks:,} x 5 x 10, 20 rounds"
    report.row(f"{what}, cpu", "s", best["cpu_s"], theirs.get("cpu_s"))
    report.row(f"{what}, wall", "s", best["wall_s"], theirs.get("wall_s"))
    report.row("  and making the responses, cpu", "s", best["responses_cpu_s"], None)
    report.row("  memory beyond the answers", "MiB", best["peak_mib"], theirs.get("peak_mib"))
    report.row("  accuracy", "share", best["accuracy"], theirs.get("accuracy"), smaller=False)


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(prog="benchmarks.consolidation")
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument("--tasks", type=int, default=int(os.environ.get("BENCH_TASKS", "1000000")))
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--ours-only", action="store_true")
    arguments = parser.parse_args()
    report = Report("consolidation", "crowd-kit")
    compare_sets(report, arguments.folder, with_peer=not arguments.ours_only)
    if not arguments.no_speed:
        compare_speed(report, arguments.tasks, with_peer=not arguments.ours_only)
    report.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
