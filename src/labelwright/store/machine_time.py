"""How long models were trained and applied for a job; nothing where no automated labeling runs."""

from __future__ import annotations

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.store.automated_tables import runs

__all__ = ["seconds_of_job"]

_RUNS = sa.select(runs.c.started_at, runs.c.ended_at, runs.c.detail).where(
    runs.c.job_id == sa.bindparam("job_id"), runs.c.ended_at.is_not(None)
)


def seconds_of_job(connection: Connection, job_id: int) -> tuple[float, float]:
    """Seconds of training and of inference in a job's runs that have ended.

    A run says in its detail how long its program took (``seconds``) and how much of that it applied the model
    (``inference_s``); the rest is training. A run that did not come to say so counts from start to end.
    """
    training_s = inference_s = 0.0
    for started_at, ended_at, text in connection.execute(_RUNS, {"job_id": job_id}):
        detail = orjson.loads(text or "{}")
        took_s = detail.get("seconds")
        if took_s is None:
            took_s = 0.0 if started_at is None else max(0.0, ended_at - started_at)
        applied_s = min(float(took_s), float(detail.get("inference_s") or 0.0))
        inference_s += applied_s
        training_s += float(took_s) - applied_s
    return training_s, inference_s
