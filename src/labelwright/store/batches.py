"""Batches of a job: which objects were sent out together, and what their intermediate files lack."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.store.labeling_tables import batches

__all__ = ["BatchRow", "begin", "mark_changed", "mark_written", "out_of_date"]

_t = batches


@dataclasses.dataclass(frozen=True, slots=True)
class BatchRow:
    """Objects [first_no, end_no); ``n_changes`` is what `mark_written` wants back."""

    iteration: int
    first_no: int
    end_no: int
    n_changes: int


def begin(
    connection: Connection, job_id: int, *, iteration: int, first_no: int, end_no: int, now: float
) -> None:
    """Add a batch."""
    row = {"job_id": job_id, "iteration": iteration, "first_no": first_no, "end_no": end_no, "opened_at": now}
    connection.execute(sa.insert(_t), row)


def mark_changed(connection: Connection, job_id: int, iterations: Iterable[int]) -> None:
    """Objects of these batches got a label or failed."""
    connection.execute(
        sa.update(_t)
        .where(_t.c.job_id == job_id, _t.c.iteration.in_(list(iterations)))
        .values(n_changes=_t.c.n_changes + 1)
    )


def out_of_date(connection: Connection, job_id: int) -> list[BatchRow]:
    """Batches whose intermediate files lack something, oldest first."""
    query = (
        sa.select(_t.c.iteration, _t.c.first_no, _t.c.end_no, _t.c.n_changes)
        .where(_t.c.job_id == job_id, _t.c.n_changes != _t.c.n_written)
        .order_by(_t.c.iteration)
    )
    return [BatchRow(*row) for row in connection.execute(query)]


def mark_written(connection: Connection, job_id: int, written: Iterable[BatchRow]) -> None:
    """The intermediate files are as these batches were when they were read."""
    for batch in written:
        connection.execute(
            sa.update(_t)
            .where(_t.c.job_id == job_id, _t.c.iteration == batch.iteration)
            .values(n_written=batch.n_changes)
        )
