"""Which objects go to people next, and sending them as a batch with a set of its own."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from functools import partial

from sqlalchemy.engine import Connection

from labelwright.core.labeling_job import Status
from labelwright.engine.budget import n_objects_affordable
from labelwright.engine.facts import JobFacts
from labelwright.engine.tools import Tools
from labelwright.store import automated, batches, data_objects, labeling_jobs
from labelwright.store.automated import Role
from labelwright.store.labeling_jobs import JobRow

__all__ = ["at_random", "first_ones", "send"]


def at_random(
    connection: Connection, job_id: int, size: int, *, n_pending: int, seed: int, draw: int
) -> list[int]:
    """Draw uniformly among the objects that have no label and were not sent.

    Parameters
    ----------
    size : int
        Fewer are drawn when there are not as many.
    n_pending : int
        How many there are.
    seed, draw : int
        The job's seed and the number of the draw: the same ones give the same objects.

    Returns
    -------
    list of int
        Object numbers in the (random) order of the draw.
    """
    chance = random.Random(f"{seed}:{draw}")  # noqa: S311 - a draw that can be repeated, not a secret
    ranks = chance.sample(range(n_pending), min(size, n_pending))
    wanted = sorted(ranks)
    numbers: dict[int, int] = {}
    start = i = 0
    for page in automated.pending_numbers(connection, job_id):
        while i < len(wanted) and wanted[i] < start + len(page):
            numbers[wanted[i]] = page[wanted[i] - start]
            i += 1
        start += len(page)
        if i == len(wanted):
            break
    return [numbers[rank] for rank in ranks if rank in numbers]


def first_ones(connection: Connection, job_id: int, size: int) -> list[int]:
    """The first objects in manifest order that have no label and were not sent."""
    found: list[int] = []
    for page in automated.pending_numbers(connection, job_id):
        found += page[: size - len(found)]
        if len(found) >= size:
            break
    return found


def send(tools: Tools, job: JobRow, facts: JobFacts, numbers: Sequence[int], role: Role) -> int:
    """Begin a batch of these objects, the first ones of them that can be paid for and are still needed.

    Returns
    -------
    int
        How many objects the batch has; 0 when none may be sent.
    """
    send_now = partial(
        _send,
        job_id=job.id,
        iteration=job.iteration + 1,
        facts=facts,
        numbers=numbers,
        role=role,
        now=tools.clock(),
    )
    return tools.database.write(send_now)


def _send(
    connection: Connection,
    *,
    job_id: int,
    iteration: int,
    facts: JobFacts,
    numbers: Sequence[int],
    role: Role,
    now: float,
) -> int:
    job = labeling_jobs.get(connection, job_id)
    if job is None or job.status != Status.IN_PROGRESS or job.iteration + 1 != iteration:
        return 0  # something changed
    if data_objects.active_counts(connection, job_id).total:
        return 0
    size = _least(
        facts.batch_size,
        facts.stopping.n_still_needed(job.counters),
        n_objects_affordable(connection, job, facts),
    )
    numbers = automated.reserve(connection, job_id, numbers[:size], iteration=iteration)
    if not numbers:
        return 0
    automated.add_members(connection, job_id, numbers, role=role, iteration=iteration)
    first_no, end_no = min(numbers), max(numbers) + 1
    batches.begin(connection, job_id, iteration=iteration, first_no=first_no, end_no=end_no, now=now)
    labeling_jobs.set_columns(
        connection,
        job_id,
        iteration=iteration,
        batch_first_no=first_no,
        batch_opened_at=now,
        next_object_no=end_no,
    )
    labeling_jobs.add_event(
        connection,
        job_id,
        at=now,
        name="BATCH_ANNOTATION_STATUS_EVALUATED",
        detail={
            "status": "SUBMITTED",
            "iteration": iteration,
            "set": role.name.lower(),
            "objects": len(numbers),
        },
    )
    return len(numbers)


def _least(size: int, *limits: int | None) -> int:
    given: Iterable[int] = (limit for limit in limits if limit is not None)
    return max(0, min([size, *given]))
