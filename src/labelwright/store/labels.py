"""Labels: what goes to the end of an object's line in the output manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core.human_task import ObjectState
from labelwright.store import batches, data_objects, labeling_jobs
from labelwright.store.labeling_tables import consolidation_groups, labels

__all__ = ["between", "finish_group", "give_up", "insert_machine", "record_failures", "stream"]

_PAGE = 10_000


def _insert(
    connection: Connection, job_id: int, contents: Iterable[tuple[int, bytes]], group_id: int | None
) -> None:
    rows = [
        {"job_id": job_id, "object_no": number, "group_id": group_id, "content": content}
        for number, content in contents
    ]
    if rows:
        connection.execute(sa.insert(labels), rows)


def insert_machine(connection: Connection, job_id: int, contents: Iterable[tuple[int, bytes]]) -> None:
    """Keep labels that no consolidation group made, of objects that were just moved to LABELED."""
    _insert(connection, job_id, contents, None)


def give_up(
    connection: Connection,
    job_id: int,
    failures: Iterable[tuple[int, bytes]],
    *,
    expected: ObjectState,
    now: float,
    iteration: int | None = None,
) -> int:
    """Record objects as failed, with the content of their output lines; how many it were.

    Objects that are not in the expected state (any more) are left alone, so that a step may be repeated.
    """
    contents = dict(failures)
    values = {}
    if iteration is not None:
        values["iteration"] = iteration
        batches.mark_changed(connection, job_id, [iteration])
    moved = data_objects.set_state(
        connection, job_id, contents, expected=expected, state=ObjectState.FAILED, **values
    )
    return record_failures(connection, job_id, [(number, contents[number]) for number in moved], now=now)


def record_failures(
    connection: Connection, job_id: int, failures: list[tuple[int, bytes]], *, now: float
) -> int:
    """Keep the contents of objects that were just moved to FAILED, and count them."""
    _insert(connection, job_id, failures, None)
    if failures:
        labeling_jobs.add_counts(connection, job_id, now=now, n_failed=len(failures))
    return len(failures)


def finish_group(
    connection: Connection,
    group: data_objects.GroupRow,
    *,
    labeled: Iterable[tuple[int, bytes]],
    failed: Iterable[tuple[int, bytes]],
    now: float,
) -> bool:
    """Keep a group's labels, count them and close the group.

    Returns
    -------
    bool
        False when that was done before; nothing is changed then.
    """
    g = consolidation_groups
    closed = connection.execute(
        sa.update(g).where(g.c.id == group.id, g.c.is_done.is_(sa.false())).values(is_done=sa.true())
    )
    if closed.rowcount == 0:
        return False
    batches.mark_changed(connection, group.job_id, [group.iteration])
    n = {}
    for state, contents in ((ObjectState.LABELED, dict(labeled)), (ObjectState.FAILED, dict(failed))):
        moved = data_objects.set_state(
            connection, group.job_id, contents, expected=ObjectState.GROUPED, state=state
        )
        _insert(connection, group.job_id, [(number, contents[number]) for number in moved], group.id)
        n[state] = len(moved)
    labeling_jobs.add_counts(
        connection,
        group.job_id,
        now=now,
        n_human=n[ObjectState.LABELED],
        n_human_here=n[ObjectState.LABELED],
        n_failed=n[ObjectState.FAILED],
    )
    labeling_jobs.add_event(
        connection,
        group.job_id,
        at=now,
        name="BATCH_ANNOTATION_STATUS_EVALUATED",
        detail={
            "status": "COMPLETED",
            "iteration": group.iteration,
            "labeled": n[ObjectState.LABELED],
            "failed": n[ObjectState.FAILED],
        },
    )
    return True


def between(connection: Connection, job_id: int, first_no: int, end_no: int) -> dict[int, bytes]:
    """Contents of a range of objects."""
    query = sa.select(labels.c.object_no, labels.c.content).where(
        labels.c.job_id == job_id, labels.c.object_no >= first_no, labels.c.object_no < end_no
    )
    return {number: bytes(content) for number, content in connection.execute(query)}


_STREAM = (
    sa.select(labels.c.object_no, labels.c.content)
    .where(labels.c.job_id == sa.bindparam("job_id"), labels.c.object_no > sa.bindparam("after"))
    .order_by(labels.c.object_no)
    .limit(_PAGE)
)


def stream(connection: Connection, job_id: int) -> Iterator[tuple[int, bytes]]:
    """(number, content) of every label of a job, in manifest order, read page by page."""
    after = -1
    while True:
        rows = connection.execute(_STREAM, {"job_id": job_id, "after": after}).all()
        for number, content in rows:
            yield number, bytes(content)
        if len(rows) < _PAGE:
            return
        after = rows[-1][0]
