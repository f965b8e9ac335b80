"""The statements do the arithmetic of the core's machines: both are driven side by side."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labeling_workshop import TABLES

from labelwright.core.human_task import (
    Candidate,
    ObjectEvent,
    ObjectSlots,
    ObjectState,
    TaskState,
    apply_object,
    next_object,
)
from labelwright.store import data_objects, human_tasks, labeling_jobs
from labelwright.store.db import Database
from labelwright.store.labeling_tables import data_objects as objects_table
from labelwright.store.schema import metadata

assert TABLES
LIMIT_S = 100.0
N_OBJECTS, WORKERS = 4, ["a", "b", "c", "d"]
STEPS = st.lists(
    st.tuples(st.sampled_from(["take", "submit", "decline", "release", "expire"]), st.sampled_from(WORKERS)),
    max_size=60,
)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    import os

    url = f"sqlite:///{tmp_path_factory.mktemp('agree') / 'db.sqlite'}"
    if request.param == "postgres":
        url = os.environ.get("LABELWRIGHT_TEST_POSTGRES_URL", "")
        if not url:
            pytest.skip("set LABELWRIGHT_TEST_POSTGRES_URL to run this on PostgreSQL")
    database = Database(url)
    database.create_all(metadata)
    yield database
    if request.param == "postgres":
        metadata.drop_all(database.engine)
    database.close()


class Model:
    """What the core says."""

    def __init__(self, n_workers: int) -> None:
        self.slots = {number: ObjectSlots.opened(n_workers) for number in range(N_OBJECTS)}
        self.seen: dict[str, set[int]] = {worker: set() for worker in WORKERS}
        self.live: dict[str, tuple[str, int, float]] = {}

    def next_for(self, worker: str) -> int | None:
        open_slots = ((n, s) for n, s in self.slots.items() if s.state is ObjectState.OPEN)
        chosen = next_object([Candidate(n, s.n_free) for n, s in open_slots], self.seen[worker])
        return None if chosen is None else chosen.object_no

    def happen(self, number: int, event: ObjectEvent) -> None:
        self.slots[number] = apply_object(self.slots[number], event)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n_workers=st.integers(1, 3), steps=STEPS)
def test_every_order_of_events(database: Database, n_workers: int, steps: list[tuple[str, str]]) -> None:
    with database.engine.connect() as connection:
        transaction = connection.begin()
        try:
            _drive(connection, n_workers, steps)
        finally:
            transaction.rollback()


def _drive(connection: sa.Connection, n_workers: int, steps: list[tuple[str, str]]) -> None:
    job_id = labeling_jobs.create(
        connection,
        region="r",
        name=f"J{secrets.token_hex(6)}",
        arn=secrets.token_hex(8),
        reference_code=secrets.token_hex(8),
        workteam_arn="t",
        request={},
        n_workers=n_workers,
        task_type="Custom",
        now=0.0,
    )
    data_objects.insert_lines(
        connection, [(job_id, i, int(ObjectState.PENDING), i, 1) for i in range(N_OBJECTS)]
    )
    data_objects.open_objects(connection, job_id, range(N_OBJECTS), iteration=1, n_workers=n_workers)
    model = Model(n_workers)
    now = 1.0
    for what, worker in steps:
        now += 1.0
        held = model.live.get(worker)
        if what == "take":
            if held is not None:
                continue
            task_id = secrets.token_hex(8)
            claimed = human_tasks.claim(
                connection,
                job_id=job_id,
                worker_id=worker,
                task_id=task_id,
                state=TaskState.WORKING,
                now=now,
                expires_at=now + LIMIT_S,
            )
            expected = model.next_for(worker)
            assert (claimed.object_no if claimed else None) == expected
            if expected is not None:
                model.happen(expected, ObjectEvent.TAKE)
                model.seen[worker].add(expected)
                model.live[worker] = (task_id, expected, now + LIMIT_S)
        elif what == "expire":
            now += LIMIT_S / 2
            ended = human_tasks.expire(connection, now=now)
            due = {w: t for w, t in model.live.items() if t[2] <= now}
            assert sorted(item.object_no for item in ended) == sorted(t[1] for t in due.values())
            for w, (_, number, _) in due.items():
                model.happen(number, ObjectEvent.RETURN)
                model.seen[w].discard(number)
                del model.live[w]
        elif held is not None:
            _end(connection, model, what, worker, held, n_workers, now)
        _compare(connection, job_id, model)


def _end(
    connection: sa.Connection,
    model: Model,
    what: str,
    worker: str,
    held: tuple[str, int, float],
    n_workers: int,
    now: float,
) -> None:
    task_id, number, expires_at = held
    common: dict[str, Any] = {"task_id": task_id, "worker_id": worker, "n_workers": n_workers, "now": now}
    if what == "submit":
        ended = human_tasks.submit(connection, answer=b"{}", answer_sha256="x", time_spent_s=None, **common)
        if expires_at <= now:
            assert ended is None
            return
        event = ObjectEvent.SUBMIT
    elif what == "decline":
        ended, event = human_tasks.decline(connection, **common), ObjectEvent.DECLINE
    else:
        ended, event = human_tasks.release(connection, **common), ObjectEvent.RETURN
        model.seen[worker].discard(number)
    assert ended is not None
    model.happen(number, event)
    del model.live[worker]
    state = model.slots[number].state
    assert ended.is_closed == (state is not ObjectState.OPEN)
    assert ended.is_given_up == (state is ObjectState.FAILED)


def _compare(connection: sa.Connection, job_id: int, model: Model) -> None:
    o = objects_table
    rows = connection.execute(
        sa.select(o.c.object_no, o.c.state, o.c.n_free, o.c.n_answers, o.c.n_declined).where(
            o.c.job_id == job_id
        )
    )
    for number, state, n_free, n_answers, n_declined in rows:
        slots = model.slots[number]
        assert (state, n_free, n_answers, n_declined) == (
            slots.state,
            slots.n_free,
            slots.n_answers,
            slots.n_declined,
        )
