"""The child process that asks Optuna: ``python -m labelwright.tuning.ask``, a question on stdin.

Nothing is kept between two questions: the study is made anew from the trials that the question tells of. The
search space is the unit cube (see `labelwright.core.tuning_ranges`) with an index for each category::

    {"seed": 7, "numbers": [5, 6], "is_maximised": true,
     "space": [{"name": "lr"}, {"name": "optimizer", "n_values": 2}],
     "trials": [{"point": [0.25, 1], "value": 0.7}, {"point": [0.5, 0], "value": null}]}

    {"points": [[0.31, 1], [0.28, 1]]}

Trials that still run have no value; the sampler takes them for bad ones, so that it does not propose the same
again (constant liar).

References
----------
J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl (2011), Algorithms for Hyper-Parameter Optimization, section 4
(tree-structured Parzen estimator); in its multivariate form as Optuna has it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import warnings
from collections.abc import Mapping
from typing import Any

__all__ = ["answer", "main"]


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
    points: list[list[float]] = []
    for number in question["numbers"]:
        study = optuna.create_study(direction=direction, sampler=_sampler(question["seed"], number))
        # What was proposed a moment ago runs as well by the time the next one begins.
        for trial in [*question["trials"], *({"point": point, "value": None} for point in points)]:
            is_running = trial["value"] is None
            study.add_trial(
                create_trial(
                    state=TrialState.RUNNING if is_running else TrialState.COMPLETE,
                    params=dict(zip(space, trial["point"], strict=True)),
                    distributions=space,
                    value=trial["value"],
                )
            )
        asked = study.ask(space)
        points.append([asked.params[name] for name in space])
    return {"points": points}


def _sampler(seed: int, number: int) -> Any:
    from optuna.samplers import TPESampler

    digest = hashlib.sha256(f"{seed}/{number}".encode()).digest()
    return TPESampler(
        multivariate=True,
        constant_liar=True,
        n_startup_trials=1,
        seed=int.from_bytes(digest[:4], "big"),
    )


def main() -> None:
    """Answer one question."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    json.dump(answer(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
