"""``python -m benchmarks.consolidation.our_speed IN.npz OUT.json``: 20 rounds in a process of their own."""

from __future__ import annotations

import json
import sys
import time
import tracemalloc

import numpy as np
import scipy.sparse  # noqa: F401  # its import is no part of the algorithm

from labelwright.consolidation import Responses, dawid_skene_em

N_ROUNDS = 20


def main() -> None:
    """Measure once."""
    stored = np.load(sys.argv[1])
    tasks, workers, labels = stored["large/answers"].T
    truth = stored["large/truth"]
    start, cpu = time.perf_counter(), time.process_time()
    crowd = Responses.from_arrays(tasks, workers, labels)
    made_wall, made_cpu = time.perf_counter() - start, time.process_time() - cpu
    del tasks, workers, labels, stored
    start, cpu = time.perf_counter(), time.process_time()
    found = dawid_skene_em(crowd, n_rounds_max=N_ROUNDS, tol=0.0)
    measured = {
        "wall_s": time.perf_counter() - start,
        "cpu_s": time.process_time() - cpu,
        "responses_wall_s": made_wall,
        "responses_cpu_s": made_cpu,
        "accuracy": float((found.posteriors.argmax(axis=1)[truth[:, 0]] == truth[:, 1]).mean()),
        "n_rounds": len(found.log_likelihoods),
    }
    del found
    tracemalloc.start()  # in a run of its own, because it slows things down
    dawid_skene_em(crowd, n_rounds_max=2, tol=0.0)
    measured["peak_mib"] = tracemalloc.get_traced_memory()[1] / 2**20
    with open(sys.argv[2], "w") as file:
        json.dump(measured, file)


if __name__ == "__main__":
    main()
