"""How long models were trained and applied for a job; nothing where no automated labeling runs."""

from __future__ import annotations

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.store.automated_tables import runs

__all__ = ["seconds_of_job"]

_RUNS = sa.select(runs.c.started_at, runs.c.ended_at, runs.c.detail).where(
    runs.c.job_id == sa.bindparam("job_id"), runs.c.ended_at.is_not(None), runs.c.started_at.is_not(None)
)


def seconds_of_job(connection: Connection, job_id: int) -> tuple[float, float]:
    """Seconds of training and of inference in a job's runs that have ended.

    A run says in its detail how long it applied the model (``inference_s``); the rest of it is training.
    """
    training_s = inference_s = 0.0
    for started_at, ended_at, detail in connection.execute(_RUNS, {"job_id": job_id}):
        took_s = max(0.0, ended_at - started_at)
        applied_s = min(took_s, float(orjson.loads(detail or "{}").get("inference_s") or 0.0))
        inference_s += applied_s
        training_s += took_s - applied_s
    return training_s, inference_s
