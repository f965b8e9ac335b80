"""The outbox and the totals against the tables they follow, on both databases."""

from __future__ import annotations

import random
from functools import partial

import pytest
import sqlalchemy as sa
from labeling_workshop import Clock, Workshop, label, lines, run

from labelwright.store import outbox, work_totals
from labelwright.store.event_tables import OutboxKind, job_progress
from labelwright.store.event_tables import outbox as outbox_table
from labelwright.store.labeling_tables import tasks
from labelwright.store.outbox import OutboxRow

pytestmark = pytest.mark.parametrize("shop", ["sqlite", "postgres"], indirect=True)


def rows(shop: Workshop) -> list[OutboxRow]:
    return shop.database.read(lambda c: outbox.page(c, after=0, end=10**9, limit=10**6))


def told(shop: Workshop) -> list[str]:
    """What happened to tasks, in order."""
    return [row.kind.name for row in rows(shop) if row.kind is not OutboxKind.JOB]


def start(shop: Workshop, *, n: int = 3, n_workers: int = 1) -> int:
    manifest = lines(*({"source": f"text {i}"} for i in range(n)))
    job_id = shop.create(manifest=manifest, kind="TextMultiClass", n_workers=n_workers)
    shop.settle()
    return job_id


def test_every_end_of_a_task_is_told_once(shop: Workshop, clock: Clock) -> None:
    job_id = start(shop)
    task = shop.take("a")
    assert task is not None
    ahead = shop.take("a", ahead=True)
    assert ahead is not None
    assert told(shop) == ["ACCEPTED"]  # what is only reserved is nobody's work
    run(shop.desk.release(shop.worker("a"), ahead.id))
    run(shop.desk.pause(shop.worker("a"), task.id))
    run(shop.desk.start(shop.worker("a"), task.id))
    assert told(shop) == ["ACCEPTED"]
    run(shop.desk.decline(shop.worker("a"), task.id))
    run(shop.desk.decline(shop.worker("a"), task.id))  # repeated by a client
    assert told(shop) == ["ACCEPTED", "DECLINED"]
    shop.take("b")
    clock.tick(301)
    shop.settle()
    assert told(shop)[2:] == ["ACCEPTED", "RETURNED"]
    task = shop.take("c")
    assert task is not None
    shop.submit("c", task, label("bolt"))
    shop.submit("c", task, label("bolt"))
    assert told(shop)[4:] == ["ACCEPTED", "SUBMITTED"]
    shop.take("d")
    shop.stop(job_id)
    shop.settle()
    assert told(shop)[6:] == ["ACCEPTED", "RETURNED"]  # withdrawn
    names = [row.name for row in rows(shop) if row.kind is OutboxKind.JOB]
    assert names[0] == "CREATED"
    assert names[-1] == "STATUS_CHANGED"


def test_a_task_handed_in_from_the_reserve_is_accepted_first(shop: Workshop) -> None:
    start(shop)
    shop.take("a")
    ahead = shop.take("a", ahead=True)
    assert ahead is not None
    shop.submit("a", ahead, label("nut"))
    assert told(shop) == ["ACCEPTED", "ACCEPTED", "SUBMITTED"]


def test_totals_are_exact_whether_or_not_they_are_added_up(shop: Workshop, clock: Clock) -> None:
    job_id = start(shop, n=30, n_workers=2)
    chance = random.Random(5)
    for _ in range(60):
        who = chance.choice("abc")
        task = shop.take(who)
        if task is not None:
            clock.tick(chance.random())
            if chance.random() < 0.7:
                shop.submit(who, task, label("nut"), time_spent_s=chance.random())
            elif chance.random() < 0.5:
                run(shop.desk.release(shop.worker(who), task.id))
        if chance.random() < 0.3:
            end = outbox.horizon(shop.database)
            shop.database.write(
                partial(work_totals.add_up, end=end, limit=chance.randrange(1, 40), now=clock())
            )
        work = shop.database.read(partial(work_totals.of_job, job_id=job_id))
        n, seconds = shop.database.read(
            lambda c: c.execute(
                sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(tasks.c.time_spent_s), 0.0)).where(
                    tasks.c.state == "submitted"
                )
            ).one()
        )
        assert work.n_submitted == n
        assert work.seconds == pytest.approx(seconds)
    while shop.database.write(
        partial(work_totals.add_up, end=outbox.horizon(shop.database), limit=1000, now=clock())
    ):
        pass
    added = shop.database.read(partial(work_totals.of_jobs, job_ids=[job_id]))[job_id]
    assert added == work
    [team] = shop.database.read(partial(work_totals.of_teams, limit=9))
    assert (team.n_submitted, team.n_returned) == (work.n_submitted, work.n_returned)
    n_active = shop.database.read(partial(work_totals.active_workers, since=clock() - 300))
    assert n_active == len("abc")
    assert shop.database.read(partial(work_totals.active_workers, since=clock() + 1)) == 0


def test_what_everybody_has_read_is_deleted_but_not_the_story_of_jobs(shop: Workshop, clock: Clock) -> None:
    start(shop)
    shop.answer("a", label("bolt"))
    shop.answer("a", label("bolt"))
    before = rows(shop)
    end = outbox.horizon(shop.database)
    database = shop.database
    for name, position in (("file:x", end), ("webhook:y", end - 1), ("gone", 0)):
        seen_at = clock() - (8 * 86_400 if name == "gone" else 0)
        database.write(partial(outbox.keep_cursor, name=name, position=position, now=seen_at))
    slowest = database.read(partial(outbox.slowest, alive_since=clock() - 7 * 86_400))
    assert slowest == end - 1
    while database.write(partial(outbox.prune, up_to=slowest, limit=2, now=clock())):
        pass
    kept = rows(shop)
    assert kept == [row for row in before if row.kind is OutboxKind.JOB or row.id > slowest]
    assert database.read(outbox.last) == end
    assert database.read(partial(outbox.slowest, alive_since=clock() - 7 * 86_400)) == end - 1


def test_a_cursor_never_goes_back_and_a_new_reader_begins_now(shop: Workshop, clock: Clock) -> None:
    write = shop.database.write
    assert write(partial(outbox.first_cursor, name="s", position=7, now=clock())) == 7
    write(partial(outbox.keep_cursor, name="s", position=9, now=clock()))
    write(partial(outbox.keep_cursor, name="s", position=8, now=clock()))
    assert write(partial(outbox.first_cursor, name="s", position=20, now=clock())) == 9


def test_progress_is_thinned_to_what_a_chart_shows(shop: Workshop, clock: Clock) -> None:
    job_id = start(shop)

    def fill(connection: sa.Connection) -> None:
        connection.execute(
            sa.insert(job_progress),
            [
                {"job_id": job_id, "minute": 1000 + i, "n_human": i, "n_machine": 0, "n_failed": 0}
                for i in range(1000)
            ],
        )

    shop.database.write(fill)
    points = shop.database.read(partial(work_totals.progress, job_id=job_id, n_points=50))
    assert 45 <= len(points) <= 51
    assert points[-1].n_human == 999
    assert [point.n_human for point in points] == sorted(point.n_human for point in points)
    assert shop.database.read(partial(work_totals.progress, job_id=job_id + 1, n_points=50)) == []


def test_counters_are_noted_by_the_minute(shop: Workshop, clock: Clock) -> None:
    job_id = start(shop)
    shop.database.write(partial(work_totals.keep_progress, now=clock()))
    shop.answer("a", label("bolt"))
    clock.tick(100)
    shop.settle()
    end = outbox.horizon(shop.database)
    shop.database.write(partial(work_totals.add_up, end=end, limit=1000, now=clock()))
    points = shop.database.read(partial(work_totals.progress, job_id=job_id, n_points=50))
    assert points[0].n_human == 0
    assert points[-1].n_human == shop.job(job_id).n_human


def test_rows_of_the_outbox_lie_in_the_order_of_commits(shop: Workshop) -> None:
    start(shop)
    shop.answer("a", label("bolt"))
    ids = shop.database.read(lambda c: list(c.execute(sa.select(outbox_table.c.id)).scalars()))
    assert ids == sorted(ids)
    assert outbox.horizon(shop.database) == max(ids)
