"""Which hyperparameters to try next.

`suggest` answers for all strategies. Random, Grid and Hyperband need nothing but a seed and the number of the
trial; Bayesian search asks Optuna in a short child process (`labelwright.tuning.ask`), so that neither the
server nor the CLI ever loads it.
"""

from __future__ import annotations

from labelwright.tuning.suggest import Observation, SearchFailed, suggest

__all__ = ["Observation", "SearchFailed", "suggest"]
