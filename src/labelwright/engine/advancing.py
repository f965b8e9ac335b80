"""One job, one step further.

`advance` looks at a job's durable state and does what comes next; it may be killed anywhere and called again.
It returns when it wants to be called again: `NOW`, a time, or None (only when something happens).
"""

from __future__ import annotations

import dataclasses
import logging
from functools import partial

from sqlalchemy.engine import Connection

from labelwright.core import labeling_job as machine
from labelwright.core.labeling_job import Status
from labelwright.core.limits import JOB_AGE_S_MAX
from labelwright.engine import automated
from labelwright.engine.batches import close_overdue, open_pending, plan_batch, withdraw_all
from labelwright.engine.budget import end_if_spent
from labelwright.engine.calls import CallPending
from labelwright.engine.facts import JobFacts, facts_of
from labelwright.engine.failures import is_call_failure, is_refused_label
from labelwright.engine.groups import consolidate_group, fail_group, form_groups
from labelwright.engine.initializing import initialize
from labelwright.engine.outcomes import call_key
from labelwright.engine.outputs import write_first_manifest, write_manifest
from labelwright.engine.paths import output_manifest_uri, s3_uri
from labelwright.engine.preparing import ProbeFailed
from labelwright.engine.redundancy import Review, is_adaptive, review
from labelwright.engine.stepping import NOW
from labelwright.engine.tools import Tools
from labelwright.errors import AccessRefused, BlobNotFound, InvalidRequest, NotFound
from labelwright.store import data_objects, human_tasks, labeling_jobs, labels, task_inputs
from labelwright.store.labeling_jobs import JobRow

__all__ = ["Memo", "advance"]

_log = logging.getLogger(__name__)

_GROUP_ATTEMPTS = 3
# A rewrite of a large manifest takes a while; it should not be all the engine does.
_MANIFEST_SHARE = 10
_CLEANUP_ROWS = 20_000
_GROUPS_AHEAD = 4  # post-annotation calls of a job at a time
_CALL_POLL_S = 1.0
_LOOK_AGAIN_S = 1.0


@dataclasses.dataclass(slots=True)
class Memo:
    """What the engine remembers of a job between steps; losing it costs time, never work.

    Attributes
    ----------
    collected_at : float or None
        When ready objects were last gathered.
    manifest_cost_s : float
        How long the last rewrite of the output manifest took.
    group_attempts : dict
        Failed attempts by group.
    review : Review
        Of adaptive redundancy.
    """

    collected_at: float | None = None
    manifest_cost_s: float = 0.0
    group_attempts: dict[int, int] = dataclasses.field(default_factory=dict)
    review: Review = dataclasses.field(default_factory=Review)


def advance(tools: Tools, job_id: int, memo: Memo) -> float | None:
    """Do a job's next step.

    Returns
    -------
    float or None
        `NOW`, epoch seconds, or None.
    """
    job = tools.database.read(partial(labeling_jobs.get, job_id=job_id))
    if job is None:
        return None
    match Status(job.status):
        case Status.INITIALIZING:
            initialize(tools, job, facts_of(job))
            return NOW
        case Status.IN_PROGRESS:
            return _work(tools, job, facts_of(job), memo)
        case Status.STOPPING:
            return _stop(tools, job, facts_of(job), memo)
        case Status.FAILED:
            return _clean_up(tools, job)
        case Status.COMPLETED | Status.STOPPED:
            return None


def _work(tools: Tools, job: JobRow, facts: JobFacts, memo: Memo) -> float | None:
    now = tools.clock()
    if now >= job.created_at + JOB_AGE_S_MAX:
        reason = (
            f"ClientError: The job did not end within {JOB_AGE_S_MAX // 86_400} days. The labels so far are "
            "in the output manifest; chain a new job to it for the rest."
        )
        if not _wind_up(tools, job, facts, memo):
            return now + _CALL_POLL_S
        _transition(tools, job, machine.AgeReached(at=now, reason=reason))
        return NOW
    counts = tools.database.read(partial(data_objects.active_counts, job_id=job.id))
    if facts.stopping.is_met(job.counters):
        last = automated.last_step(tools, job, facts) if facts.algorithm and counts.total == 0 else None
        if last is None:
            _transition(tools, job, machine.ConditionMet(at=now))
            return NOW
        return last
    # Workers first: they are waiting. Then the labels of what they have done.
    deadline = None if job.batch_opened_at is None else job.batch_opened_at + facts.lifetime_s
    if counts.n_open and deadline is not None and now >= deadline:
        close_overdue(tools, job, facts)
        return NOW
    try:
        if open_pending(tools, job, facts):
            return NOW
    except ProbeFailed as failure:
        _fail(tools, job, facts, memo, reason=str(failure))
        return NOW
    settled: frozenset[int] | None = None
    if counts.n_ready and is_adaptive(facts):
        is_late = deadline is not None and now >= deadline
        if review(tools, job, facts, memo.review, is_over=is_late, n_open=counts.n_open):
            return NOW
        settled = memo.review.may_be_grouped()
    is_preparing = tools.calls.are_running(job.id, "pre")
    can_plan = counts.n_open == 0 and not facts.algorithm and not is_preparing
    if can_plan and plan_batch(tools, job, facts):
        return NOW
    if _consolidate_next(tools, job, facts, memo):
        return NOW
    if counts.n_ready:
        if memo.collected_at is None:  # the interval starts when the first ones are seen
            memo.collected_at = now
        is_over = now >= memo.collected_at + tools.settings.consolidation_interval_s
        current = job.iteration if counts.n_open and not is_over else None
        form = partial(form_groups, job_id=job.id, now=now, growing_iteration=current, among=settled)
        if tools.database.write(form):
            memo.collected_at = now
            return NOW
    machine_due: float | None = None
    if counts.total == 0 and facts.algorithm:
        try:
            machine_due = automated.next_step(tools, job, facts)
        except automated.Sampled as failure:
            _fail(tools, job, facts, memo, reason=str(failure))
            return NOW
        if machine_due == NOW:
            return NOW
    if counts.total == 0 and machine_due is None and not is_preparing:
        if end_if_spent(tools, job, facts):
            return NOW
        if facts.algorithm and job.counters.n_unlabeled:
            return now + _LOOK_AGAIN_S  # another server is about to send them
        return _finish(tools, job, facts, memo)
    if job.manifest_written_at is None and not job.manifest_is_stale:
        write_first_manifest(tools, job, facts)
        return NOW
    dues = [job.created_at + JOB_AGE_S_MAX]
    if is_preparing or tools.calls.are_running(job.id, "post"):
        dues.append(now + _CALL_POLL_S)  # their ends wake the job; this is for ends that nobody heard of
    if machine_due is not None:
        dues.append(machine_due)
    if counts.n_open and deadline is not None:
        dues.append(deadline)
    if counts.n_ready and memo.review.next_at is not None:
        dues.append(memo.review.next_at)
    if counts.n_ready and memo.collected_at is not None:
        due = memo.collected_at + tools.settings.consolidation_interval_s
        if due > now or memo.review.next_at is None:
            dues.append(due)
    if job.manifest_is_stale:
        due = _manifest_due(tools, job, memo)
        if now >= due:
            _write_manifest(tools, job, facts, memo, is_final=False)
            return NOW
        dues.append(due)
    return min(dues)


def _consolidate_next(tools: Tools, job: JobRow, facts: JobFacts, memo: Memo) -> bool:
    groups = tools.database.read(partial(data_objects.undone_groups, job_id=job.id))
    if not groups:
        tools.calls.drop(job.id, "post")
    groups = [g for g in groups[:_GROUPS_AHEAD] if not tools.calls.is_running(call_key(g))]
    if not groups:
        return False
    group = groups[0]
    try:
        consolidate_group(tools, job, facts, group)
    except CallPending:
        return True  # it goes on beside; look at the next group
    except Exception as error:
        n = memo.group_attempts.get(group.id, 0) + 1
        memo.group_attempts[group.id] = n
        if n < _GROUP_ATTEMPTS or isinstance(error, NotFound | AccessRefused | InvalidRequest):
            # Trouble with the object store passes, or is put right by somebody: answers are not given up.
            raise
        _log.exception(
            "gave a consolidation group up",
            extra={"action": "consolidate", "job": job.name, "group": group.id},
        )
        fail_group(tools, facts, group, type(error).__name__)
    memo.group_attempts.pop(group.id, None)
    return True


def _manifest_due(tools: Tools, job: JobRow, memo: Memo) -> float:
    if job.manifest_written_at is None:
        return NOW
    interval_s = max(tools.settings.manifest_interval_s, _MANIFEST_SHARE * memo.manifest_cost_s)
    return job.manifest_written_at + interval_s


def _write_manifest(tools: Tools, job: JobRow, facts: JobFacts, memo: Memo, *, is_final: bool) -> None:
    started = tools.clock()
    write_manifest(tools, job, facts, is_final=is_final)
    memo.manifest_cost_s = max(0.0, tools.clock() - started)


def _fail(tools: Tools, job: JobRow, facts: JobFacts, memo: Memo, *, reason: str) -> None:
    if _wind_up(tools, job, facts, memo):
        _transition(tools, job, machine.Failed(at=tools.clock(), reason=reason))
        automated.clean_up(tools, job)


def _finish(tools: Tools, job: JobRow, facts: JobFacts, memo: Memo) -> float | None:
    _write_manifest(tools, job, facts, memo, is_final=True)
    reason = _failed_throughout(tools, job, facts)

    def finish(connection: Connection) -> None:
        current = labeling_jobs.get(connection, job.id)
        if current is None or current.status != Status.IN_PROGRESS or current.manifest_is_stale:
            return
        now = tools.clock()
        event = machine.Finished(at=now) if reason is None else machine.Failed(at=now, reason=reason)
        labeling_jobs.transition(connection, job.id, event)
        if facts.pre_function:
            task_inputs.delete_before(connection, job.id)

    tools.database.write(finish)
    if facts.algorithm:
        automated.clean_up(tools, job)
    return NOW


def _failed_throughout(tools: Tools, job: JobRow, facts: JobFacts) -> str | None:
    """Why a job has failed whose own functions failed for every object; None for any other job."""
    arns = [arn for arn in (facts.pre_function, facts.post_function) if arn]
    if not arns or job.n_human_here or job.n_machine or not job.n_failed:
        return None
    first: str | None = None
    with tools.database.engine.connect() as connection:
        for _, content in labels.stream(connection, job.id):
            reason = next((r for arn in arns if (r := is_call_failure(arn, content))), None)
            if reason is None and facts.post_function:
                reason = is_refused_label(facts.post_function, content)
            if reason is None:
                return None
            first = first or reason
    return first


def _stop(tools: Tools, job: JobRow, facts: JobFacts, memo: Memo) -> float | None:
    if job.manifest_uri is None or job.index_position < job.manifest_bytes:
        _stop_uninitialized(tools, job, facts)
        return NOW
    if not _wind_up(tools, job, facts, memo):
        return tools.clock() + _CALL_POLL_S

    def drain(connection: Connection) -> None:
        current = labeling_jobs.get(connection, job.id)
        if current is None or current.status != Status.STOPPING or current.manifest_is_stale:
            return
        counts = data_objects.active_counts(connection, job.id)
        if counts.total == 0:
            complete = current.counters.n_labeled == current.n_objects
            event = machine.Drained(at=tools.clock(), is_everything_labeled=complete)
            labeling_jobs.transition(connection, job.id, event)
            if facts.pre_function:
                task_inputs.delete_before(connection, job.id)

    tools.database.write(drain)
    if facts.algorithm:
        automated.clean_up(tools, job)
    return NOW


def _wind_up(tools: Tools, job: JobRow, facts: JobFacts, memo: Memo) -> bool:
    """Take open tasks back, make labels of all answers there are, and write them out.

    False when functions have to end before the labels are made.
    """
    tools.calls.drop(job.id, "pre")
    if facts.algorithm:
        automated.abort(tools, job)
    withdraw_all(tools, job)
    tools.database.write(partial(form_groups, job_id=job.id, now=tools.clock(), growing_iteration=None))
    while _consolidate_next(tools, job, facts, memo):
        pass
    if tools.calls.are_running(job.id, "post"):
        return False
    job = tools.database.read(partial(labeling_jobs.get, job_id=job.id)) or job
    _write_manifest(tools, job, facts, memo, is_final=True)
    return True


def _stop_uninitialized(tools: Tools, job: JobRow, facts: JobFacts) -> None:
    """Nothing was sent out: the output is the input."""
    source = job.manifest_uri or s3_uri(
        facts.request["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"]
    )
    try:
        tools.blobs.copy(source, output_manifest_uri(facts.output_uri))
    except (BlobNotFound, NotFound, AccessRefused, InvalidRequest):
        _log.warning(
            "a job stopped before its manifest could be read", extra={"action": "stop", "job": job.name}
        )
    else:
        now = tools.clock()
        tools.database.write(
            partial(
                labeling_jobs.set_columns, job_id=job.id, manifest_written_at=now, manifest_is_stale=False
            )
        )
    event = machine.Drained(at=tools.clock(), is_everything_labeled=False)
    _transition(tools, job, event)


def _clean_up(tools: Tools, job: JobRow) -> float | None:
    """A job that failed before it started needs no objects."""
    if job.iteration or job.n_objects:
        return None
    n = tools.database.write(partial(data_objects.delete_some, job_id=job.id, limit=_CLEANUP_ROWS))
    return NOW if n == _CLEANUP_ROWS else None


def _transition(tools: Tools, job: JobRow, event: machine.Event) -> None:
    def change(connection: Connection) -> None:
        current = labeling_jobs.get(connection, job.id)
        if current is not None and current.status == job.status:
            effects = labeling_jobs.transition(connection, job.id, event)
            if machine.Effect.WITHDRAW_TASKS in effects:
                human_tasks.withdraw(connection, job.id, now=event.at)

    tools.database.write(change)
