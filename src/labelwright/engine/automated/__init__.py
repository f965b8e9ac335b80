"""Automated data labeling: people label a sample, a model labels what it is sure of, people the rest.

`next_step` is the loop. It looks at the durable state of a job whose open objects are all done, does one
thing and is called again; the sets of objects, the passes and the programs it starts all outlive the server.

::

    sampling ──> learning ──> (nothing left)
       │            │
       └────────────┴──> people     the machine cannot help: people label what is left

    one pass:   learning (a program trains and predicts) ──> labeling (its labels are kept) ──> done

Iterations count batches of people. The pass that follows batch k - 1 and the batch of what it leaves to
people both have the number k.
"""

from __future__ import annotations

from labelwright.engine.automated.cleaning import abort, clean_up, sweep
from labelwright.engine.automated.loop import Sampled, last_step, next_step

__all__ = ["Sampled", "abort", "clean_up", "last_step", "next_step", "sweep"]
