"""crowd-kit on the same answers; runs in crowd-kit's own environment, so it imports nothing of ours.

``python crowd_kit.py sets IN.npz OUT.npz``: class probabilities of every set by every method, or those in
``BENCH_PEER_METHODS`` (with commas).
``python crowd_kit.py speed IN.npz OUT.json``: seconds and memory of Dawid-Skene on one set.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd
from crowdkit.aggregation import (
    GLAD,
    KOS,
    MACE,
    MMSR,
    DawidSkene,
    MajorityVote,
    OneCoinDawidSkene,
    Wawa,
    ZeroBasedSkill,
)

METHODS = {
    "MajorityVote": MajorityVote,
    "DawidSkene": DawidSkene,
    "OneCoinDawidSkene": OneCoinDawidSkene,
    "Wawa": Wawa,
    "ZeroBasedSkill": ZeroBasedSkill,
    "KOS": KOS,
    "GLAD": GLAD,
    "MACE": MACE,
    "MMSR": MMSR,
}
"""KOS knows two classes only. KOS and MMSR give labels without probabilities: their rows hold a 1 for the
label, so they have no log-loss to speak of. MMSR builds a dense matrix of the pairs of workers who agree more
often than chance: it is left out beyond ``MMSR_WORKERS_MAX`` workers, where that takes many gigabytes."""

MMSR_WORKERS_MAX = 150


def answers_of(stored, name):
    tasks, workers, labels = stored[f"{name}/answers"].T
    return pd.DataFrame({"task": tasks, "worker": workers, "label": labels})


def table(method, answers, n_tasks, n_classes):
    p = np.full((n_tasks, n_classes), 1 / n_classes)
    if hasattr(method, "fit_predict_proba"):
        found = method.fit_predict_proba(answers)
        p[found.index.to_numpy()] = 0.0
        p[np.ix_(found.index.to_numpy(), found.columns.to_numpy())] = found.fillna(0).to_numpy()
    else:
        labels = method.fit_predict(answers)
        p[labels.index.to_numpy()] = 0.0
        p[labels.index.to_numpy(), labels.to_numpy()] = 1.0
    return p


def run_sets(stored):
    out = {}
    wanted = [name for name in os.environ.get("BENCH_PEER_METHODS", "").split(",") if name]
    for name in stored["names"]:
        n_tasks, n_classes = stored[f"{name}/shape"]
        answers = answers_of(stored, name)
        for method, make in METHODS.items():
            if wanted and method not in wanted:
                continue
            if method == "MMSR" and answers.worker.nunique() > MMSR_WORKERS_MAX:
                out[f"{name}/{method}/s"] = 0.0
                continue
            start = time.process_time()
            try:
                out[f"{name}/{method}"] = table(make(), answers, n_tasks, n_classes)
            except Exception as error:  # a method that fails on a set is reported as such
                print(f"crowd-kit {method} fails on {name}: {str(error)[:80]}", file=sys.stderr)
            out[f"{name}/{method}/s"] = time.process_time() - start
            print(f"  {name} {method} {time.process_time() - start:.2f} s", file=sys.stderr, flush=True)
    return out


def run_speed(stored):
    answers = answers_of(stored, "large")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, cpu = time.perf_counter(), time.process_time()
    method = DawidSkene(n_iter=20, tol=0.0)
    found = method.fit_predict(answers)
    truth = stored["large/truth"]
    return {
        "wall_s": time.perf_counter() - start,
        "cpu_s": time.process_time() - cpu,
        "peak_mib": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
        "accuracy": float((found.reindex(truth[:, 0]).to_numpy() == truth[:, 1]).mean()),
        "n_rounds": len(method.loss_history_),
    }


def main():
    what, source, target = sys.argv[1:]
    warnings.simplefilter("ignore")
    stored = np.load(source)
    if what == "sets":
        np.savez(target, **run_sets(stored))
    else:
        with open(target, "w") as file:
            json.dump(run_speed(stored), file)


if __name__ == "__main__":
    main()
