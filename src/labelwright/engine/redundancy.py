"""Adaptive redundancy: an object whose label is unsure goes back to the workers for one more answer.

A job that names ``labelwright:max-workers-per-object`` asks ``NumberOfHumanWorkersPerDataObject`` workers at
first. When they have answered, and before the object is consolidated, its certainty is looked at: the
probability of the label, from the workers as they are known by then from the objects of this job, or for
shapes and spans how well the answers agree. Below ``labelwright:ask-more-below`` one slot more is opened, up
to the maximum. The desk then treats the object as any other: a worker sees it once.

What is durable is the object's state and its answers, so nothing is lost with the process; that an object was
looked at is only remembered in `Review`, and looked at again after a restart. An object is left as it is when

* its batch is over (the lifetime ended, or a later batch has begun),
* it has fewer answers than asked for at first: it was closed because workers declined it or time ran out,
* nobody in the team is left who has not seen it, or the budget does not pay for another answer.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import orjson
from sqlalchemy.engine import Connection

from labelwright.core.arn import team_kind
from labelwright.core.labeling_job import Status
from labelwright.engine.budget import n_tasks_affordable
from labelwright.engine.earlier import bare, earlier_objects
from labelwright.engine.facts import JobFacts
from labelwright.engine.members import Member, object_answers
from labelwright.engine.tools import Tools, read_lines
from labelwright.store import labeling_jobs, redundancy
from labelwright.store.answers import AnswerRow, answers_of
from labelwright.store.data_objects import ObjectRow
from labelwright.store.labeling_jobs import JobRow
from labelwright.store.redundancy import ReadyRow
from labelwright.tasks import ObjectAnswers, certainty_of

__all__ = ["Review", "is_adaptive", "review"]

# Least time between two reviews while workers are at it; a tenth of it at most goes into reviews.
_SPACING_S = 1.0
_REVIEW_SHARE = 10.0
_KNOWN_OBJECTS = 1000  # earlier objects from which workers are known
_SLICE = 50  # objects whose shapes are held together; answers that name classes are small


@dataclasses.dataclass(slots=True)
class Review:
    """What the engine remembers of its reviews; losing it costs time, never work.

    Attributes
    ----------
    settled : dict of int to int
        Objects that need no more answers, with the number of answers they had then.
    next_at : float or None
        When objects that are ready are looked at; None when there are none.
    last_at : float or None
        When they were looked at last.
    cost_s : float
        How long that took.
    """

    settled: dict[int, int] = dataclasses.field(default_factory=dict)
    next_at: float | None = None
    last_at: float | None = None
    cost_s: float = 0.0

    def may_be_grouped(self) -> frozenset[int]:
        """Numbers of the objects that may be consolidated."""
        return frozenset(self.settled)


def is_adaptive(facts: JobFacts) -> bool:
    """Whether a job may ask more workers than at first."""
    most = facts.options.max_workers_per_object
    return most is not None and most > facts.n_workers and certainty_of(facts.type) != "none"


def review(tools: Tools, job: JobRow, facts: JobFacts, memo: Review, *, is_over: bool, n_open: int) -> int:
    """Look at the objects that are ready and ask one more worker where the label is unsure.

    Parameters
    ----------
    is_over : bool
        True when the lifetime of the batch has ended.
    n_open : int
        Open objects; while there are some, reviews are spaced out.

    Returns
    -------
    int
        How many objects were opened again.
    """
    rows = tools.database.read(partial(redundancy.ready, job_id=job.id))
    present = {row.object_no: row.n_answers for row in rows}
    memo.settled = {n: k for n, k in memo.settled.items() if present.get(n) == k}
    waiting = [row for row in rows if row.object_no not in memo.settled]
    memo.next_at = None
    if not waiting:
        return 0
    now = tools.clock()
    spacing_s = max(_SPACING_S, _REVIEW_SHARE * memo.cost_s)
    if n_open and memo.last_at is not None and now < memo.last_at + spacing_s:
        memo.next_at = memo.last_at + spacing_s
        return 0
    memo.last_at = now
    may_ask = _askable(tools, job, facts, waiting) if not is_over else []
    unsure: dict[int, int] = {}
    by_posterior = certainty_of(facts.type) == "posterior"
    known = (
        earlier_objects(tools.database, tools.blobs, facts, _KNOWN_OBJECTS)
        if may_ask and by_posterior
        else []
    )
    size = max(1, len(may_ask)) if by_posterior else _SLICE
    for first in range(0, len(may_ask), size):
        part = may_ask[first : first + size]
        objects = _with_answers(tools, facts, part)
        found = facts.type.certainties([*objects, *known], facts.categories, facts.names)
        for row, certainty in zip(part, found, strict=False):
            if certainty < facts.options.ask_more_below:
                unsure[row.object_no] = row.n_answers
    opened = tools.database.write(partial(_ask, job_id=job.id, facts=facts, unsure=unsure, now=now))
    memo.cost_s = max(0.0, tools.clock() - now)
    memo.settled.update({row.object_no: row.n_answers for row in waiting if row.object_no not in opened})
    return len(opened)


def _askable(tools: Tools, job: JobRow, facts: JobFacts, rows: Sequence[ReadyRow]) -> list[ReadyRow]:
    most = facts.options.max_workers_per_object or facts.n_workers
    found = [
        row
        for row in rows
        if row.iteration == job.iteration
        and facts.n_workers <= row.n_answers < most
        and row.n_declined < facts.n_workers
    ]
    if not found or team_kind(facts.workteam_arn) == "public-crowd":
        return found
    numbers = [row.object_no for row in found]
    size, seen = tools.database.read(
        lambda connection: (
            redundancy.team_size(connection, facts.workteam_arn),
            redundancy.n_seen(connection, job.id, numbers),
        )
    )
    return [row for row in found if seen.get(row.object_no, 0) < size]


def _ask(
    connection: Connection, *, job_id: int, facts: JobFacts, unsure: dict[int, int], now: float
) -> list[int]:
    job = labeling_jobs.get(connection, job_id)
    if not unsure or job is None or job.status != Status.IN_PROGRESS:
        return []
    affordable = n_tasks_affordable(connection, job, facts)
    chosen = dict(list(unsure.items())[:affordable])
    opened = redundancy.ask_one_more(connection, job_id, chosen)
    if opened:
        detail = {"iteration": job.iteration, "objects": len(opened)}
        labeling_jobs.add_event(connection, job_id, at=now, name="MORE_WORKERS_ASKED", detail=detail)
    return opened


def _with_answers(tools: Tools, facts: JobFacts, rows: Sequence[ReadyRow]) -> list[ObjectAnswers]:
    numbers = [row.object_no for row in rows]
    answers: dict[int, list[AnswerRow]] = defaultdict(list)
    for answer in tools.database.read(lambda connection: list(answers_of(connection, facts.id, numbers))):
        answers[answer.object_no].append(answer)
    if certainty_of(facts.type) == "posterior":
        return [bare(row.object_no, answers[row.object_no], {}) for row in rows]
    places = [ObjectRow(row.object_no, row.position, row.length, row.iteration) for row in rows]
    lines = read_lines(tools.blobs, facts.manifest_uri, places)
    return [
        object_answers(tools, facts, Member(place, orjson.loads(line), answers[place.object_no], "", ""))
        for place, line in zip(places, lines, strict=True)
    ]
