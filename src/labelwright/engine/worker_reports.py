"""How good a job's workers seem to be, from the answers to the objects that it consolidated last.

Made when somebody asks; nothing is stored. The number of objects is bounded by the task type, so that asking
takes a second or two however large the job is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from labelwright.blobs import Blobs
from labelwright.engine.earlier import earlier_objects
from labelwright.engine.facts import facts_of
from labelwright.store import directory
from labelwright.store.db import Database
from labelwright.store.labeling_jobs import JobRow
from labelwright.tasks import WorkerReport

__all__ = ["JobWorkers", "job_workers"]


@dataclasses.dataclass(frozen=True, slots=True)
class JobWorkers:
    """The workers of a job.

    Attributes
    ----------
    n_objects : int
        Objects whose answers were looked at: those labeled by people that lie furthest into the manifest.
    reports : sequence of WorkerReport
        By the first measure, the worst first.
    names : dict of str to str
        User names of those workers whom the directory knows.
    why_none : str
        Why there are no reports; empty when there are some.
    """

    n_objects: int
    reports: Sequence[WorkerReport]
    names: dict[str, str]
    why_none: str = ""

    def is_outlier(self, report: WorkerReport) -> bool:
        """Whether the whole interval of the first measure lies below the median of all workers."""
        values = sorted(other.measures[0].value for other in self.reports)
        n = len(values)
        median = (values[(n - 1) // 2] + values[n // 2]) / 2
        return n > 2 and report.measures[0].upper < median


def job_workers(database: Database, blobs: Blobs, job: JobRow) -> JobWorkers:
    """Judge the workers of a job."""
    facts = facts_of(job)
    if facts.names.n_workers == 1:
        return _none("One worker answers each object, so workers cannot be compared.")
    limit = 0 if facts.post_function else getattr(facts.type, "n_reported", 0)
    if not limit:
        return _none("Labels of this kind do not tell how good workers are.")
    objects = earlier_objects(database, blobs, facts, limit)
    reports = facts.type.worker_reports(objects, facts.categories) if objects else []
    if not reports:
        return _none("Nothing is consolidated yet.")
    ordered = sorted(reports, key=lambda report: (report.measures[0].value, report.worker))
    names = database.read(lambda c: directory.usernames(c, [report.worker for report in ordered]))
    return JobWorkers(len(objects), ordered, names)


def _none(why: str) -> JobWorkers:
    return JobWorkers(0, [], {}, why)
