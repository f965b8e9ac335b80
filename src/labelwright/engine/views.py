"""What the desk shows: jobs and tasks as a worker sees them."""

from __future__ import annotations

import dataclasses
from typing import Any

__all__ = ["JobCard", "RenderedTask", "TaskView"]


@dataclasses.dataclass(frozen=True, slots=True)
class JobCard:
    """One labeling job in a worker's list.

    Attributes
    ----------
    name, arn, title, description, task_type, reference_code, account_id : str
    keywords : list of str
    available_tasks : int
        Objects that this worker could take now; an indication, others take them too.
    time_limit_s : int
        Time for one task.
    created_at : float
        Epoch seconds.
    held_state : str or None
        ``working`` or ``paused`` when the worker holds a task of the job.
    held_until : float or None
        When that task's lease runs out, epoch seconds.
    """

    name: str
    arn: str
    title: str
    description: str
    keywords: list[str]
    task_type: str
    available_tasks: int
    time_limit_s: int
    created_at: float
    reference_code: str
    account_id: str
    held_state: str | None = None
    held_until: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class TaskView:
    """One task (a data object shown to one worker), for its holder.

    Attributes
    ----------
    id, job_name, job_arn, object_id : str
        ``object_id`` is the 0-based line number in the input manifest, as text.
    state : str
        ``reserved``, ``working`` or ``paused``.
    input : dict
        ``task.input`` of the template.
    title, description, task_type : str
    accepted_at : float or None
        Epoch seconds; None while the task is only reserved.
    expires_at : float
        When the lease runs out.
    time_limit_s : int
    """

    id: str
    job_name: str
    job_arn: str
    object_id: str
    state: str
    input: dict[str, Any]
    title: str
    description: str
    task_type: str
    accepted_at: float | None
    expires_at: float
    time_limit_s: int


@dataclasses.dataclass(frozen=True, slots=True)
class RenderedTask:
    """A task's template, rendered: the whole document, and what went wrong while rendering."""

    html: str
    errors: list[Any]
