"""What the desk knows of jobs, tasks and workers without asking the database again.

Only what does not change any more is kept, so a second server cannot make it wrong.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from labelwright.engine.facts import JobFacts, facts_of
from labelwright.errors import NotFound
from labelwright.store import directory, labeling_jobs
from labelwright.store.answers import Identity, remember_identity

if TYPE_CHECKING:
    from labelwright.templates import Template

__all__ = ["Known"]

_JOBS_MAX = 256
_TASKS_MAX = 20_000


class Known:
    """Bounded memories; used from the writer and from reading threads."""

    def __init__(self) -> None:
        self._facts: OrderedDict[int, JobFacts] = OrderedDict()
        self._templates: OrderedDict[int, Template] = OrderedDict()
        self._facts_of_task: OrderedDict[str, JobFacts] = OrderedDict()
        self._workers: set[str] = set()

    def facts(self, connection: Connection, job_id: int) -> JobFacts:
        """The configuration of a job that is initialized."""
        facts = self._facts.get(job_id)
        if facts is None:
            row = labeling_jobs.get(connection, job_id)
            if row is None:
                raise NotFound(f"There is no labeling job with the row id {job_id}.", kind="labeling job")
            facts = facts_of(row)
            self._facts[job_id] = facts
            if len(self._facts) > _JOBS_MAX:
                self._facts.popitem(last=False)
        return facts

    def template(self, facts: JobFacts) -> Template:
        """The parsed worker template of a job."""
        # The template language is loaded when it is first needed: a server should be up before that.
        from labelwright.templates import parse

        template = self._templates.get(facts.id)
        if template is None:
            template = self._templates[facts.id] = parse(facts.template)
            if len(self._templates) > _JOBS_MAX:
                self._templates.popitem(last=False)
        return template

    def remember_task(self, task_id: str, facts: JobFacts) -> None:
        """Keep which job a task belongs to until it ends."""
        self._facts_of_task[task_id] = facts
        if len(self._facts_of_task) > _TASKS_MAX:
            self._facts_of_task.popitem(last=False)

    def forget_task(self, task_id: str) -> None:
        """The task has ended."""
        self._facts_of_task.pop(task_id, None)

    def facts_of_task(self, task_id: str) -> JobFacts | None:
        """The job of a task, if it was taken here lately."""
        return self._facts_of_task.get(task_id)

    def remember_worker(self, connection: Connection, worker_id: str) -> None:
        """Keep who a worker is in output files, the first time they take a task."""
        if worker_id in self._workers:
            return
        user = directory.get_user(connection, worker_id)
        region = user.pool_id.partition("_")[0]
        identity = Identity(
            public_id=f"private.{region}.{user.worker_code}",
            provider="Cognito",
            issuer=f"https://cognito-idp.{region}.amazonaws.com/{user.pool_id}",
            subject=worker_id,
        )
        remember_identity(connection, worker_id, identity)
        self._workers.add(worker_id)
