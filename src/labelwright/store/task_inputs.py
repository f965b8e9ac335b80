"""What a job's pre-annotation function made of its objects, kept while workers are shown it."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.store.function_tables import task_inputs

__all__ = ["delete_before", "get", "put"]

_t = task_inputs


def put(connection: Connection, job_id: int, inputs: Iterable[tuple[int, bytes]]) -> None:
    """Keep inputs by object number, in place of what there was."""
    rows = [{"job_id": job_id, "object_no": number, "input": data} for number, data in inputs]
    if rows:
        numbers = [row["object_no"] for row in rows]
        connection.execute(sa.delete(_t).where(_t.c.job_id == job_id, _t.c.object_no.in_(numbers)))
        connection.execute(sa.insert(_t), rows)


def get(connection: Connection, job_id: int, object_no: int) -> bytes | None:
    """The input of one object, or None."""
    query = sa.select(_t.c.input).where(_t.c.job_id == job_id, _t.c.object_no == object_no)
    data = connection.execute(query).scalar()
    return None if data is None else bytes(data)


def delete_before(connection: Connection, job_id: int, end_no: int | None = None) -> None:
    """Forget the inputs of the objects before a number, or all."""
    statement = sa.delete(_t).where(_t.c.job_id == job_id)
    if end_no is not None:
        statement = statement.where(_t.c.object_no < end_no)
    connection.execute(statement)
