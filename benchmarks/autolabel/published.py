"""The loop as publicly described: a fixed validation set, the plain threshold anew in every round,
labels final.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel import Learner, plain_threshold


def published_loop(z: Any, y: NDArray[np.int64], *, seed: int, batch: int) -> tuple[float, float]:
    """Share labeled by the machine and its true error, with the same features and model as ours."""
    n, k = len(y), int(y.max()) + 1
    order = np.random.default_rng(seed).permutation(n)
    n_validation = n // 5 if n < 5000 else n // 10
    n_training = 10 + min(batch - 10, n // 5)
    training, validation = order[:n_training], order[n_training : n_training + n_validation]
    state = np.zeros(n, np.int8)  # 0 open, 1 people, 2 machine
    state[training], state[validation] = 1, 1
    labels = y.copy()
    while True:
        learner = Learner(k).fit(z[training], y[training])
        checked = learner.predict(z[validation])
        threshold = plain_threshold(checked.margins, checked.labels == y[validation], target_quality=0.95)
        rest = np.flatnonzero(state == 0)
        if len(rest) == 0:
            break
        found = learner.predict(z[rest])
        if threshold is not None:
            taken = found.margins >= threshold
            labels[rest[taken]] = found.labels[taken]
            state[rest[taken]] = 2
            rest, margins = rest[~taken], found.margins[~taken]
        else:
            margins = found.margins
        asked = rest[np.argsort(margins, kind="stable")[:batch]]
        state[asked] = 1
        training = np.concatenate([training, asked])
    machine = np.flatnonzero(state == 2)
    wrong = float((labels[machine] != y[machine]).mean()) if len(machine) else 0.0
    return len(machine) / n, wrong
