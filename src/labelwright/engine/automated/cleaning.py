"""Ending and removing programs of jobs that need them no longer."""

from __future__ import annotations

import logging
import shutil
from functools import partial
from pathlib import Path

from labelwright.core.labeling_job import TERMINAL, Status
from labelwright.engine.automated.logs import copy_log
from labelwright.engine.tools import Tools
from labelwright.errors import InvalidRequest
from labelwright.store import labeling_jobs, runs
from labelwright.store.labeling_jobs import JobRow
from labelwright.store.runs import RunRow

__all__ = ["abort", "cache_folder", "clean_up", "sweep"]

_log = logging.getLogger(__name__)


def cache_folder(tools: Tools, job_id: int) -> Path:
    """Where programs keep the features of a job's objects from one iteration to the next."""
    return tools.settings.data_dir / "cache" / "features" / str(job_id)


def abort(tools: Tools, job: JobRow) -> None:
    """The job stops: end the program that works for it."""
    for run in tools.database.read(partial(runs.unfinished_of_job, job_id=job.id)):
        tools.work.stop(run.name)
        copy_log(tools, run, is_over=True)
        tools.database.write(
            partial(
                runs.end,
                run_id=run.id,
                status=runs.STOPPED,
                now=tools.clock(),
                failure_reason="The labeling job was stopped.",
            )
        )


def clean_up(tools: Tools, job: JobRow, *, keep: str | None = None) -> None:
    """Remove folders of a job's programs that have ended, but one."""
    for name in tools.database.read(partial(runs.names_of_job, job_id=job.id)):
        if name != keep and tools.work.folder(name).is_dir():
            tools.work.remove(name)
    if keep is None:
        shutil.rmtree(cache_folder(tools, job.id), ignore_errors=True)


def sweep(tools: Tools) -> None:
    """After a start: end and remove what belongs to jobs that have ended meanwhile."""
    for name in tools.work.names():
        try:
            tools.work.folder(name)
        except InvalidRequest:
            continue  # somebody else's
        run: RunRow | None = tools.database.read(partial(runs.by_name, name=name))
        if run is None:
            continue
        job = tools.database.read(partial(labeling_jobs.get, job_id=run.job_id))
        if job is None or Status(job.status) in TERMINAL:
            _log.info("removed the program of an ended job", extra={"action": "sweep", "run": name})
            tools.work.remove(name)
