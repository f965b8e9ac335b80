"""The desk: where workers take tasks and hand in answers.

Everything is decided inside one write: who may take from the job, what the worker holds already, which object
comes next. What an answer must look like is checked before, so that the writer is never kept waiting.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import secrets
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from labelwright.config import ACCOUNT_ID
from labelwright.core.human_task import ObjectState, TaskState, expiry_of
from labelwright.engine.answers import check_answer
from labelwright.engine.engine import Engine, record_given_up
from labelwright.engine.facts import JobFacts
from labelwright.engine.failures import failure_content, not_rendered
from labelwright.engine.known import Known
from labelwright.engine.views import JobCard, RenderedTask, TaskView
from labelwright.errors import Conflict, NotFound, TemplateError
from labelwright.store import data_objects, human_tasks, labels, task_inputs
from labelwright.store.human_tasks import EndedObject, TaskRow

if TYPE_CHECKING:
    from labelwright.blobs import Blobs
    from labelwright.config import Settings
    from labelwright.store.db import Database
    from labelwright.templates import Rendered, RenderProblem

__all__ = ["Desk"]

_URL_LIFETIME_S = 3600
_CHECK_IN_THREAD_BYTES = 64 << 10


@dataclasses.dataclass(frozen=True, slots=True)
class _Placed:
    """A task with its job, and where its line lies in the manifest copy."""

    task: TaskRow
    facts: JobFacts
    position: int
    length: int


class Desk:
    """Everything the portal may ask on a worker's behalf.

    Parameters
    ----------
    database : Database
    blobs : Blobs
    settings : Settings
    engine : Engine
        Woken when an object has all its answers.
    clock : callable
        Returns epoch seconds.

    Notes
    -----
    Every method takes the worker's user id first. A task that the worker does not hold is `NotFound`: whether
    it exists is nobody else's business.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        settings: Settings,
        engine: Engine,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._settings = settings
        self._engine = engine
        self._clock = clock
        self._known = Known()

    async def jobs(self, worker_id: str) -> list[JobCard]:
        """The jobs of the worker's teams with a task to take or to go on with, oldest first."""
        return await self._database.aread(partial(self._jobs, worker_id=worker_id))

    def _jobs(self, connection: Connection, worker_id: str) -> list[JobCard]:
        cards = []
        for job_id in human_tasks.jobs_of_worker(connection, worker_id):
            n_available = human_tasks.available(connection, worker_id, job_id)
            held = self._in_hand(connection, worker_id, job_id)
            if n_available == 0 and held is None:
                continue
            facts = self._known.facts(connection, job_id)
            cards.append(
                JobCard(
                    name=facts.names.job_name,
                    arn=facts.arn,
                    title=facts.title,
                    description=facts.description,
                    keywords=list(facts.keywords),
                    task_type=facts.type_name,
                    available_tasks=n_available,
                    time_limit_s=facts.time_limit_s,
                    created_at=facts.created_at,
                    reference_code=facts.reference_code,
                    account_id=ACCOUNT_ID,
                    held_state=held.state if held is not None else None,
                    held_until=held.expires_at if held is not None else None,
                )
            )
        return cards

    def _in_hand(self, connection: Connection, worker_id: str, job_id: int) -> TaskRow | None:
        now = self._clock()
        for task in human_tasks.live_of_worker(connection, worker_id, job_id):
            if task.state != TaskState.RESERVED and task.expires_at > now:
                return task
        return None

    # -- taking ---------------------------------------------------------------------------------------

    async def take(self, worker_id: str, job_name: str, *, ahead: bool = False) -> TaskView | None:
        """The worker's task of a job: the one already held, or the next one.

        Parameters
        ----------
        worker_id, job_name : str
        ahead : bool
            True reserves one more while another is worked on, without starting its clock.

        Returns
        -------
        TaskView or None
            None when there is nothing for this worker now.

        Raises
        ------
        NotFound
            When no job of this name is given to a team of the worker.
        """
        task_id = _new_task_id(self._clock())
        write = partial(self._take, worker_id=worker_id, job_name=job_name, is_ahead=ahead, task_id=task_id)
        try:
            # A lease need not reach the disk before its answer does: see `store.db`.
            taken = await self._database.awrite(write, waits_for_disk=False)
        except IntegrityError:
            # Two requests of one worker at once, on a database with several writers: the other one won.
            taken = await self._database.awrite(write, waits_for_disk=False)
        if taken is None:
            return None
        self._known.remember_task(taken.task.id, taken.facts)
        return await asyncio.to_thread(self._view, taken)

    def _take(
        self, connection: Connection, *, worker_id: str, job_name: str, is_ahead: bool, task_id: str
    ) -> _Placed | None:
        now = self._clock()
        job_id = human_tasks.open_job(connection, worker_id, job_name)
        if job_id is None:
            if human_tasks.has_job(connection, worker_id, job_name):
                return None  # theirs, but not in progress (any more)
            raise NotFound(
                f"No labeling job named {job_name!r} is given to one of your teams.",
                kind="labeling job",
                name=job_name,
            )
        facts = self._known.facts(connection, job_id)
        held = self._held(connection, worker_id, facts, is_ahead=is_ahead, now=now)
        if held is not None:
            return _placed(connection, held, facts)
        state = TaskState.RESERVED if is_ahead else TaskState.WORKING
        expires_at = expiry_of(started_at=now, time_limit_s=facts.time_limit_s)
        claimed = human_tasks.claim(
            connection,
            job_id=job_id,
            worker_id=worker_id,
            task_id=task_id,
            state=state,
            now=now,
            expires_at=expires_at,
        )
        if claimed is None:
            return None
        self._known.remember_worker(connection, worker_id)
        task = TaskRow(
            id=task_id,
            job_id=job_id,
            object_no=claimed.object_no,
            worker_id=worker_id,
            state=state.value,
            taken_at=now,
            accepted_at=None if is_ahead else now,
            expires_at=expires_at,
            answer_sha256=None,
        )
        return _Placed(task, facts, claimed.position, claimed.length)

    def _held(
        self, connection: Connection, worker_id: str, facts: JobFacts, *, is_ahead: bool, now: float
    ) -> TaskRow | None:
        held: dict[str, TaskRow] = {}
        for task in human_tasks.live_of_worker(connection, worker_id, facts.id):
            if task.expires_at <= now:  # the engine will come by; the worker is here now
                ended = human_tasks.release(
                    connection, task_id=task.id, worker_id=worker_id, n_workers=facts.n_workers, now=now
                )
                if ended is not None and ended.is_given_up:
                    record_given_up(connection, ended, now=now)
            else:
                held.setdefault(task.state, task)
        if is_ahead:
            return held.get(TaskState.RESERVED)
        for state in (TaskState.WORKING, TaskState.PAUSED, TaskState.RESERVED):
            if state in held:
                return self._started(connection, held[state], facts, now=now)
        return None

    def _started(self, connection: Connection, task: TaskRow, facts: JobFacts, *, now: float) -> TaskRow:
        if task.state == TaskState.WORKING:
            return task
        expires_at = expiry_of(started_at=now, time_limit_s=facts.time_limit_s)
        human_tasks.start(
            connection, task_id=task.id, worker_id=task.worker_id, now=now, expires_at=expires_at
        )
        return human_tasks.get(connection, task.id) or task

    async def start(self, worker_id: str, task_id: str) -> TaskView:
        """Reserved or paused -> working: the clock starts now, unless it runs already.

        Raises
        ------
        NotFound
            When the worker does not hold this task.
        Conflict
            When its lease ran out, or the worker has another task of the job in progress.
        """

        def start(connection: Connection) -> _Placed:
            task = self._mine(connection, worker_id, task_id)
            facts = self._known.facts(connection, task.job_id)
            now = self._clock()
            if task.expires_at <= now:
                raise _gone(task, now)
            others = human_tasks.live_of_worker(connection, worker_id, task.job_id)
            if any(o.id != task.id and o.state == TaskState.WORKING and o.expires_at > now for o in others):
                raise Conflict("Another task of this job is in progress; submit, stop or release it first.")
            return _placed(connection, self._started(connection, task, facts, now=now), facts)

        try:
            placed = await self._database.awrite(start, waits_for_disk=False)
        except IntegrityError as error:
            raise Conflict("Another task of this job is in progress; submit or release it first.") from error
        return await asyncio.to_thread(self._view, placed)

    async def view(self, worker_id: str, task_id: str) -> TaskView:
        """A task, for its holder.

        Raises
        ------
        NotFound
            When the worker does not hold this task.
        """
        return await asyncio.to_thread(lambda: self._view(self._held_task(worker_id, task_id)))

    def _held_task(self, worker_id: str, task_id: str) -> _Placed:
        def read(connection: Connection) -> _Placed:
            task = self._mine(connection, worker_id, task_id)
            return _placed(connection, task, self._known.facts(connection, task.job_id))

        return self._database.read(read)

    # -- handing in and giving back -------------------------------------------------------------------

    async def submit(
        self, worker_id: str, task_id: str, answer: bytes, *, time_spent_s: float | None = None
    ) -> None:
        """Keep an answer. It is durable when this returns; the same answer again changes nothing.

        Parameters
        ----------
        answer : bytes
            JSON text of the ``answerContent`` object.
        time_spent_s : float, optional
            Active time; what is longer than the task was held is cut.

        Raises
        ------
        InvalidRequest
            When the answer does not fit the task type; ``field`` is the path.
        Conflict
            When the lease ran out, the job is over, or another answer was given before.
        NotFound
            When this was never the worker's task.
        """
        facts = self._known.facts_of_task(task_id)
        if facts is None:
            facts = await self._database.aread(partial(self._facts_for, worker_id, task_id))
        line = partial(self._line_of, worker_id, task_id)
        if len(answer) > _CHECK_IN_THREAD_BYTES or facts.type.is_checked_in_thread:
            checked = await asyncio.to_thread(check_answer, answer, facts, line)
        else:
            checked = check_answer(answer, facts, line)
        digest = hashlib.sha256(checked).hexdigest()
        if time_spent_s is not None and not 0 <= time_spent_s < float("inf"):
            time_spent_s = None

        def submit(connection: Connection) -> EndedObject | None:
            return human_tasks.submit(
                connection,
                task_id=task_id,
                worker_id=worker_id,
                answer=checked,
                answer_sha256=digest,
                n_workers=facts.n_workers,
                now=self._clock(),
                time_spent_s=time_spent_s,
            )

        ended = await self._database.awrite(submit)
        if ended is None:
            task = await self._database.aread(partial(human_tasks.get, task_id=task_id))
            if task is None or task.worker_id != worker_id:
                raise _not_yours(task_id)
            if task.state == TaskState.SUBMITTED and task.answer_sha256 == digest:
                return
            if task.state == TaskState.SUBMITTED:
                raise Conflict("This task was submitted already, with another answer; the first one is kept.")
            raise _gone(task, self._clock())
        self._known.forget_task(task_id)
        if ended.is_closed:
            self._engine.wake(ended.job_id, by_worker=True)

    def _facts_for(self, worker_id: str, task_id: str, connection: Connection) -> JobFacts:
        task = human_tasks.get(connection, task_id)
        if task is None or task.worker_id != worker_id:
            raise _not_yours(task_id)
        return self._known.facts(connection, task.job_id)

    def _line_of(self, worker_id: str, task_id: str) -> dict[str, Any]:
        def read(connection: Connection) -> _Placed:
            task = human_tasks.get(connection, task_id)
            if task is None or task.worker_id != worker_id:
                raise _not_yours(task_id)
            return _placed(connection, task, self._known.facts(connection, task.job_id))

        return self._read_line(self._database.read(read))

    def _read_line(self, placed: _Placed) -> dict[str, Any]:
        raw = self._blobs.read_range(placed.facts.manifest_uri, placed.position, placed.length)
        line: dict[str, Any] = orjson.loads(raw)
        return line

    async def release(self, worker_id: str, task_id: str) -> None:
        """Give a task back to the pool; the work on it is lost. Repeating it changes nothing.

        Raises
        ------
        NotFound, Conflict
        """
        await self._give_back(worker_id, task_id, human_tasks.release, done=TaskState.RETURNED)

    async def decline(self, worker_id: str, task_id: str) -> None:
        """Give a task up for good; the worker is not offered its object again. Repeating it changes nothing.

        Raises
        ------
        NotFound, Conflict
        """
        await self._give_back(worker_id, task_id, human_tasks.decline, done=TaskState.DECLINED)

    async def _give_back(
        self,
        worker_id: str,
        task_id: str,
        statement: Callable[..., EndedObject | None],
        *,
        done: TaskState,
    ) -> None:
        def give_back(connection: Connection) -> EndedObject | None:
            task = human_tasks.get(connection, task_id)
            if task is None or task.worker_id != worker_id:
                raise _not_yours(task_id)
            if task.state == done:
                return None
            facts = self._known.facts(connection, task.job_id)
            now = self._clock()
            ended = statement(
                connection, task_id=task_id, worker_id=worker_id, n_workers=facts.n_workers, now=now
            )
            if ended is None:
                raise _gone(task, now)
            if ended.is_given_up:
                record_given_up(connection, ended, now=now)
            return ended

        ended = await self._database.awrite(give_back)
        self._known.forget_task(task_id)
        if ended is not None and ended.is_closed:
            self._engine.wake(ended.job_id, by_worker=True)

    async def pause(self, worker_id: str, task_id: str) -> None:
        """Stop and resume later: only this worker can go on with the task. The lease goes on running.

        Raises
        ------
        NotFound, Conflict
        """

        def pause(connection: Connection) -> None:
            now = self._clock()
            if not human_tasks.pause(connection, task_id=task_id, worker_id=worker_id, now=now):
                task = human_tasks.get(connection, task_id)
                if task is None or task.worker_id != worker_id:
                    raise _not_yours(task_id)
                raise _gone(task, now)

        await self._database.awrite(pause)

    # -- showing --------------------------------------------------------------------------------------

    async def render(self, worker_id: str, task_id: str, *, base_url: str) -> RenderedTask:
        """The task's template, rendered: a whole document, before page assembly.

        Parameters
        ----------
        base_url : str
            ``http://host:port`` of the worker's browser, for signed addresses of media.

        Raises
        ------
        NotFound
            When the worker does not hold this task.
        TemplateError
            When the template cannot be rendered for this object, which nobody can label then: it is closed,
            as failed unless it has answers already.
        """
        placed = await asyncio.to_thread(self._held_task, worker_id, task_id)
        rendered = await asyncio.to_thread(self._render, placed, base_url)
        if not rendered.is_complete:
            problem = rendered.errors[-1]
            await self._database.awrite(partial(self._close_unusable, placed.task, problem))
            self._known.forget_task(task_id)
            self._engine.wake(placed.task.job_id, by_worker=True)
            raise TemplateError(problem.message, code=problem.code, line=problem.line, column=problem.column)
        return RenderedTask(html=rendered.html, errors=list(rendered.errors))

    def _close_unusable(self, task: TaskRow, problem: RenderProblem, connection: Connection) -> None:
        now = self._clock()
        number = task.object_no
        human_tasks.withdraw(connection, task.job_id, now=now, numbers=[number])
        if data_objects.is_answered(connection, task.job_id, number):
            data_objects.set_state(
                connection, task.job_id, [number], expected=ObjectState.OPEN, state=ObjectState.READY
            )
            return
        facts = self._known.facts(connection, task.job_id)
        content = failure_content(facts.names.metadata_name, not_rendered(problem.code, problem.message))
        row = data_objects.span(connection, task.job_id, number)
        labels.give_up(
            connection,
            task.job_id,
            [(number, content)],
            expected=ObjectState.OPEN,
            now=now,
            iteration=row.iteration if row is not None else None,
        )

    def _render(self, placed: _Placed, base_url: str) -> Rendered:
        now = self._clock()

        def sign(bucket: str, key: str) -> str:
            url: str = self._blobs.presign_get(
                f"s3://{bucket}/{key}", base_url=base_url, expires_s=_URL_LIFETIME_S, now=now
            )
            return url

        hosts = frozenset({base_url.partition("://")[2]})
        template = self._known.template(placed.facts)
        return template.render(self._view(placed).input, sign=sign, storage_hosts=hosts)

    def _view(self, placed: _Placed) -> TaskView:
        facts, task = placed.facts, placed.task
        return TaskView(
            id=task.id,
            job_name=facts.names.job_name,
            job_arn=facts.arn,
            object_id=str(task.object_no),
            state=task.state,
            input=self._input(placed),
            title=facts.title,
            description=facts.description,
            task_type=facts.type_name,
            accepted_at=task.accepted_at,
            expires_at=task.expires_at,
            time_limit_s=facts.time_limit_s,
        )

    def _input(self, placed: _Placed) -> dict[str, Any]:
        """``task.input``: what the job's function made of the object, or what its type makes of the line."""
        facts = placed.facts
        if facts.pre_function:
            kept = self._database.read(
                partial(task_inputs.get, job_id=facts.id, object_no=placed.task.object_no)
            )
            if kept is not None:
                made: dict[str, Any] = orjson.loads(kept)
                return made
        return facts.input_type.task_input(self._read_line(placed), facts.categories)

    def _mine(self, connection: Connection, worker_id: str, task_id: str) -> TaskRow:
        task = human_tasks.get(connection, task_id)
        if task is None or task.worker_id != worker_id or not task.is_live:
            raise _not_yours(task_id)
        return task


def _placed(connection: Connection, task: TaskRow, facts: JobFacts) -> _Placed:
    row = data_objects.span(connection, task.job_id, task.object_no)
    if row is None:  # a foreign key forbids it
        raise RuntimeError(f"task {task.id} has no data object")
    return _Placed(task, facts, row.position, row.length)


def _new_task_id(now: float) -> str:
    # Begins with the time, so that new rows come to lie side by side in the index.
    return f"{int(now * 1000):012x}{secrets.token_hex(10)}"


def _not_yours(task_id: str) -> NotFound:
    return NotFound(f"You do not hold a task {task_id!r}.", kind="task", name=task_id)


def _gone(task: TaskRow, now: float) -> Conflict:
    if task.state == TaskState.SUBMITTED:
        return Conflict("This task was submitted already; the answer given then is kept.")
    if task.state == TaskState.DECLINED:
        return Conflict("You declined this task; take the next one.")
    if task.state == TaskState.WITHDRAWN:
        return Conflict(
            "The labeling job does not need this task any more; nothing more is to be done for it."
        )
    if task.state == TaskState.RETURNED and task.expires_at > now:
        return Conflict("This task was given back and went back to the pool; take the next one.")
    if task.state == TaskState.RETURNED or task.expires_at <= now:
        return Conflict("The time for this task is over and it went back to the pool; take the next one.")
    return Conflict(f"This cannot be done with a task that is {task.state}.")
