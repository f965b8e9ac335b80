"""The child process that asks Optuna: ``python -m labelwright.tuning.ask``, a question on stdin.

Nothing is kept between two questions: the study is made anew from the trials that the question tells of. The
search space is the unit cube (see `labelwright.core.tuning_ranges`) with an index for each category::

    {"seed": 7, "numbers": [5, 6], "is_maximised": true,
     "space": [{"name": "lr"}, {"name": "optimizer", "n_values": 2}],
     "trials": [{"point": [0.25, 1], "value": 0.7}, {"point": [0.5, 0], "value": null}]}

    {"points": [[0.31, 1], [0.28, 1]]}

Trials that still run have no value; the sampler takes them for bad ones, so that it does not propose the same
again.

The sampler is Optuna's Gaussian process (Matern 5/2 with a length scale for each hyperparameter, logarithm of
the expected improvement), as long as there are at most `GAUSSIAN_MAX` trials with a value, whose number costs
its third power in time; and its tree-structured Parzen estimator beyond that, and where torch, which the
Gaussian process needs, is not installed. It is shown the normal scores of the values' ranks, not the values:
a training that diverged is then just the worst one, instead of a cliff that spoils the fit.

References
----------
J. Snoek, H. Larochelle, R. P. Adams (2012), Practical Bayesian Optimization of Machine Learning Algorithms.
arXiv:1206.2944

J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl (2011), Algorithms for Hyper-Parameter Optimization, section 4.
"""

from __future__ import annotations

import bisect
import hashlib
import importlib.util
import json
import logging
import statistics
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["GAUSSIAN_MAX", "answer", "main", "normal_scores"]

GAUSSIAN_MAX = 300
"""More trials with a value than this are left to the tree-structured Parzen estimator."""


def answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """Points for the numbers of a question."""
    import optuna
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
    from optuna.study import StudyDirection
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space: dict[str, BaseDistribution] = {
        each["name"]: CategoricalDistribution(list(range(each["n_values"])))
        if "n_values" in each
        else FloatDistribution(0.0, 1.0)
        for each in question["space"]
    }
    direction = StudyDirection.MAXIMIZE if question["is_maximised"] else StudyDirection.MINIMIZE
    ended = [trial for trial in question["trials"] if trial["value"] is not None]
    scores = normal_scores([trial["value"] for trial in ended])
    known: list[tuple[list[float], float | None]] = [
        (trial["point"], score) for trial, score in zip(ended, scores, strict=True)
    ]
    known += [(trial["point"], None) for trial in question["trials"] if trial["value"] is None]
    points: list[list[float]] = []
    for number in question["numbers"]:
        sampler = _sampler(question["seed"], number, n_ended=len(ended))
        study = optuna.create_study(direction=direction, sampler=sampler)
        # What was proposed a moment ago runs as well by the time the next one begins.
        for point, score in [*known, *((point, None) for point in points)]:
            study.add_trial(
                create_trial(
                    state=TrialState.RUNNING if score is None else TrialState.COMPLETE,
                    params=dict(zip(space, point, strict=True)),
                    distributions=space,
                    value=score,
                )
            )
        asked = study.ask(space)
        points.append([asked.params[name] for name in space])
    return {"points": points}


def normal_scores(values: Sequence[float]) -> list[float]:
    """Normal quantiles of the ranks of some values; equal values get equal scores.

    Examples
    --------
    >>> [round(score, 2) for score in normal_scores([0.1, -1000.0, 0.3, 0.2])]
    [-0.32, -1.15, 1.15, 0.32]
    """
    ordered = sorted(values)
    normal = statistics.NormalDist()
    scores = []
    for value in values:
        middle = (bisect.bisect_left(ordered, value) + bisect.bisect_right(ordered, value)) / 2
        scores.append(normal.inv_cdf(middle / len(ordered)))
    return scores


def _sampler(seed: int, number: int, *, n_ended: int) -> Any:
    from optuna.samplers import GPSampler, TPESampler

    own_seed = int.from_bytes(hashlib.sha256(f"{seed}/{number}".encode()).digest()[:4], "big")
    if n_ended <= GAUSSIAN_MAX and importlib.util.find_spec("torch") is not None:
        return GPSampler(seed=own_seed, n_startup_trials=1, deterministic_objective=False)
    return TPESampler(multivariate=True, constant_liar=True, n_startup_trials=1, seed=own_seed)


def main() -> None:
    """Answer one question."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    json.dump(answer(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
