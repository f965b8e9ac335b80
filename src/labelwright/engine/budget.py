"""Stop at a budget: never hand out work whose cost would exceed what is left.

Before anything is handed out, the cost of all that is out already is set aside::

    spent + (tasks out + new tasks) * cost of a task  <=  budget

Tasks out are free slots of open objects, tasks in workers' hands, and objects of the batch that are not open
yet. With a price per task this is exact, and the budget is never exceeded. With a price per hour the cost of
a task is an estimate at the time it is handed out: the mean of the answers so far, and before there are
`_N_SEEN` of them the time limit of a task, but at most a minute, for a first batch of at most
`_FIRST_OBJECTS` objects. Tasks that take longer than that may exceed the budget by as much.

When no further object can be paid for and nothing is out any more, the job ends as by a stopping condition.
"""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core import labeling_job as machine
from labelwright.core.human_task import ObjectState
from labelwright.core.labeling_job import Status
from labelwright.engine.accounts import counts_of, prices_of_job
from labelwright.engine.facts import JobFacts
from labelwright.engine.tools import Tools
from labelwright.ledger import Prices, account, task_cost
from labelwright.store import data_objects, labeling_jobs, work_totals
from labelwright.store.labeling_jobs import JobRow
from labelwright.store.labeling_tables import data_objects as objects_table

__all__ = ["end_if_spent", "n_machine_labels_affordable", "n_objects_affordable", "n_tasks_affordable"]

_N_SEEN = 10
_FIRST_OBJECTS = 10
_UNSEEN_TASK_S = 60.0
_MANY = 1_000_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class _Purse:
    """What is left of a budget when all that is out has been set aside."""

    budget: Decimal
    spent: Decimal
    left: Decimal
    per_task: Decimal
    is_seen: bool  # whether the cost of a task is known, and not a first guess
    prices: Prices


def _purse(connection: Connection, job: JobRow, facts: JobFacts) -> _Purse | None:
    budget = facts.options.budget
    if budget is None:
        return None
    # What is out is read first: an answer that comes in between is then counted twice, and never not at all.
    n_out = work_totals.n_out(connection, job.id) + facts.n_workers * _n_unopened(connection, job, facts)
    work = work_totals.of_job(connection, job.id)
    prices = prices_of_job(facts)
    money = account(counts_of(job, facts, work), prices)
    is_seen = prices.per_hour is None or work.n_submitted >= _N_SEEN
    expected_s = work.seconds / work.n_submitted if work.n_submitted else 0.0
    if not is_seen:
        expected_s = max(expected_s, min(float(facts.time_limit_s), _UNSEEN_TASK_S))
    per_task = task_cost(prices, expected_seconds=expected_s)
    left = budget - money.total - per_task * n_out
    return _Purse(budget, money.total, left, per_task, is_seen, prices)


def _n_unopened(connection: Connection, job: JobRow, facts: JobFacts) -> int:
    """Objects of the current batch whose tasks nobody can take yet."""
    if job.batch_first_no >= job.next_object_no:
        return 0
    t = objects_table.c
    query = sa.select(sa.func.count()).where(
        t.job_id == job.id,
        t.object_no >= job.batch_first_no,
        t.object_no < job.next_object_no,
        t.state == sa.literal_column(str(int(ObjectState.PENDING))),
    )
    if facts.algorithm:  # its batches have gaps
        query = query.where(t.iteration == job.iteration, sa.text("iteration IS NOT NULL"))
    return int(connection.execute(query).scalar_one())


def n_tasks_affordable(connection: Connection, job: JobRow, facts: JobFacts) -> int | None:
    """How many more tasks may be handed out; None without a budget.

    Call it in the transaction that hands them out.
    """
    purse = _purse(connection, job, facts)
    return None if purse is None else _n_tasks(purse)


def _n_tasks(purse: _Purse) -> int:
    if purse.per_task <= 0:
        return _MANY if purse.left > 0 else 0
    return max(0, int(purse.left // purse.per_task))


def n_objects_affordable(connection: Connection, job: JobRow, facts: JobFacts) -> int | None:
    """How many more objects may be sent to people; None without a budget.

    With adaptive redundancy an object is sent to ``n_workers`` first; each further worker is asked only when
    `n_tasks_affordable` says so.
    """
    purse = _purse(connection, job, facts)
    return None if purse is None else _n_objects(purse, facts)


def _n_objects(purse: _Purse, facts: JobFacts) -> int:
    n = _n_tasks(purse) // facts.n_workers
    return n if purse.is_seen else min(n, _FIRST_OBJECTS)


def n_machine_labels_affordable(connection: Connection, job: JobRow, facts: JobFacts) -> int | None:
    """How many more objects a model may label; None when there is no budget, or they cost nothing."""
    purse = _purse(connection, job, facts)
    if purse is None or not purse.prices.per_machine_label:
        return None
    return max(0, int(purse.left // purse.prices.per_machine_label))


def end_if_spent(tools: Tools, job: JobRow, facts: JobFacts) -> bool:
    """Let the job stop when nothing is out, objects are left, and none of them can be paid for.

    Returns
    -------
    bool
        Whether it stops.
    """
    if facts.options.budget is None:
        return False
    return tools.database.write(partial(_end_if_spent, job_id=job.id, facts=facts, now=tools.clock()))


def _end_if_spent(connection: Connection, *, job_id: int, facts: JobFacts, now: float) -> bool:
    job = labeling_jobs.get(connection, job_id)
    if job is None or job.status != Status.IN_PROGRESS:
        return False
    if data_objects.active_counts(connection, job_id).total or _n_unopened(connection, job, facts):
        return False
    from_no = 0 if facts.algorithm else job.next_object_no
    if data_objects.plan_batch(connection, job_id, from_no=from_no, size=1) is None:
        return False
    purse = _purse(connection, job, facts)
    if purse is None or _n_objects(purse, facts) > 0:
        return False
    labeling_jobs.add_event(
        connection,
        job_id,
        at=now,
        name="BUDGET_REACHED",
        detail={
            "budget": str(purse.budget),
            "spent": str(purse.spent),
            "currency": purse.prices.currency,
            "next_object": str(purse.per_task * facts.n_workers),
        },
    )
    labeling_jobs.transition(connection, job_id, machine.ConditionMet(at=now))
    return True
