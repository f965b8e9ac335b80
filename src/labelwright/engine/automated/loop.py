"""The loop, one step at a time."""

from __future__ import annotations

import array
import logging
from functools import partial

from sqlalchemy.engine import Connection

from labelwright.core.labeling_job import Status
from labelwright.engine.automated import beginning
from labelwright.engine.automated.passes import advance_pass
from labelwright.engine.automated.planning import at_random, first_ones, send
from labelwright.engine.facts import JobFacts
from labelwright.engine.tools import Tools
from labelwright.store import automated, labeling_jobs
from labelwright.store.automated import AutomatedRow, PassRow, Role
from labelwright.store.labeling_jobs import JobRow

__all__ = ["TOO_MANY_FAILED", "Sampled", "last_step", "next_step"]

_log = logging.getLogger(__name__)

_NOW = 0.0
_NEW_LABELS_MIN = 50  # a model that has seen hardly more than the last one knows hardly more
_LAST_PASS_LABELS_MIN = 50  # of training and of validation, for a last pass before the sets are complete
_FEW_SHARE = 10  # a tenth of a batch is not worth a pass

TOO_MANY_FAILED = (
    "ClientError: More than 10% of the sampled dataset objects failed to be annotated. Check that the data "
    "is displayed in the worker's page, that the instructions are clear, and that the time limits suffice."
)


class Sampled(Exception):
    """The first objects failed too often; the message is the job's FailureReason."""


def next_step(tools: Tools, job: JobRow, facts: JobFacts) -> float | None:
    """Do the next thing for a job none of whose objects is open or waits for consolidation.

    Returns
    -------
    float or None
        0 to be called again at once, the time at which to be called, or None: nothing is left to do, or what
        is left may not be sent to people.

    Raises
    ------
    Sampled
        When the job has to fail.
    """
    state = tools.database.read(partial(automated.get, job_id=job.id))
    if state is None:
        beginning.begin(tools, job, facts)
        return _NOW
    if job.counters.n_unlabeled == 0:
        return None
    if state.stage == "sampling":
        return _sample(tools, job, facts, state)
    if state.stage == "learning":
        return _learn(tools, job, facts, state)
    return _people(tools, job, facts)


def last_step(tools: Tools, job: JobRow, facts: JobFacts) -> float | None:
    """A stopping condition holds: let the labels that came since the last model do what they can, once.

    Returns
    -------
    float or None
        As `next_step`; None when the job may stop.
    """
    state = tools.database.read(partial(automated.get, job_id=job.id))
    if state is None or state.stage == "people" or job.counters.n_unlabeled == 0:
        return None
    current = _pass_of(tools, job)
    if current is not None:
        return advance_pass(tools, job, facts, state, current)
    n_validation = _n_members(tools, job, Role.VALIDATION)
    # A certified job has validation objects only when a model's labels wait for their certificate.
    least = 1 if facts.options.auto_labeling == "certified" else _LAST_PASS_LABELS_MIN
    is_enough = n_validation >= least and job.n_human - n_validation >= _LAST_PASS_LABELS_MIN
    if job.n_human <= state.n_labels_at_model or not is_enough:
        return None
    _begin_pass(tools, job)
    return _NOW


def _n_members(tools: Tools, job: JobRow, *roles: Role) -> int:
    return tools.database.read(lambda connection: automated.n_members(connection, job.id, *roles))


def _pass_of(tools: Tools, job: JobRow) -> PassRow | None:
    """The pass that comes before the next batch."""
    return tools.database.read(partial(automated.get_pass, job_id=job.id, iteration=job.iteration + 1))


def _sample(tools: Tools, job: JobRow, facts: JobFacts, state: AutomatedRow) -> float | None:
    n_probes = _n_members(tools, job, Role.PROBE)
    n_training = _n_members(tools, job, Role.TRAINING)
    n_validation = _n_members(tools, job, Role.VALIDATION)
    n_sent = n_probes + n_training
    if n_validation == 0 and 10 * job.n_failed > n_sent > 0:
        raise Sampled(TOO_MANY_FAILED)
    if n_probes == 0:
        role, size = Role.PROBE, min(beginning.N_PROBES, facts.batch_size)
    elif n_training < state.n_training:
        role, size = Role.TRAINING, state.n_training - n_training
    elif n_validation < state.n_validation:
        role, size = Role.VALIDATION, state.n_validation - n_validation
    else:
        tools.database.write(partial(automated.set_columns, job_id=job.id, stage="learning"))
        return _NOW
    with tools.database.engine.connect() as connection:
        numbers = at_random(
            connection,
            job.id,
            min(size, facts.batch_size),
            n_pending=job.counters.n_unlabeled,
            seed=state.seed,
            draw=job.iteration + 1,
        )
    return _NOW if send(tools, job, facts, numbers, role) else None


def _learn(tools: Tools, job: JobRow, facts: JobFacts, state: AutomatedRow) -> float | None:
    current = _pass_of(tools, job)
    if current is not None:
        due = advance_pass(tools, job, facts, state, current)
        if due is not None:
            return due
        if current.report.get("next") == "people":
            reason = "What is left is too little for the machine to pay."
            tools.database.write(partial(automated.set_columns, job_id=job.id, stage="people", reason=reason))
            return _NOW
        role, numbers = _ranking(tools, current)
    else:
        last = tools.database.read(partial(automated.last_pass, job_id=job.id))
        is_few = _FEW_SHARE * job.counters.n_unlabeled <= facts.batch_size
        # A certified job asks for as many labels as its next step needs.
        n_new_min = 1 if facts.options.auto_labeling == "certified" else _NEW_LABELS_MIN
        if not is_few and (last is None or job.n_human - state.n_labels_at_model >= n_new_min):
            _begin_pass(tools, job)
            return _NOW
        role, numbers = (Role.TRAINING, []) if last is None or is_few else _ranking(tools, last)
    # Whoever is labeled or was sent since then is passed over; when the ranking is used up, anybody will do.
    if numbers and send(tools, job, facts, _still_pending(tools, job, numbers), role):
        return _NOW
    return _people(tools, job, facts)


def _ranking(tools: Tools, done: PassRow) -> tuple[Role, list[int]]:
    """Whom the last model asks for, in order."""
    role = Role.VALIDATION if done.report.get("next") == "validation" else Role.TRAINING
    numbers = array.array("q")
    if done.run_name is not None:
        path = tools.work.folder(done.run_name) / "queries.ids"
        if path.exists():
            numbers.frombytes(path.read_bytes())
    return role, numbers.tolist()


def _still_pending(tools: Tools, job: JobRow, numbers: list[int]) -> list[int]:
    pending = tools.database.read(lambda connection: automated.pending_among(connection, job.id, numbers))
    return [number for number in numbers if number in pending]


def _people(tools: Tools, job: JobRow, facts: JobFacts) -> float | None:
    """The next batch of what is left, in manifest order."""
    with tools.database.engine.connect() as connection:
        numbers = first_ones(connection, job.id, facts.batch_size)
    return _NOW if numbers and send(tools, job, facts, numbers, Role.TRAINING) else None


def _begin_pass(tools: Tools, job: JobRow) -> None:
    now = tools.clock()

    def begin(connection: Connection) -> None:
        current = labeling_jobs.get(connection, job.id)
        if current is None or current.status != Status.IN_PROGRESS or current.iteration != job.iteration:
            return
        iteration = job.iteration + 1
        if automated.get_pass(connection, job.id, iteration) is None:
            automated.begin_pass(connection, job.id, iteration=iteration, n_labels=job.n_human, now=now)

    tools.database.write(begin)
