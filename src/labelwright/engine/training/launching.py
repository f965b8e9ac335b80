"""From a training job that waits to a program that runs."""

from __future__ import annotations

import os
from typing import Any

import orjson

from labelwright.config import ACCOUNT_ID, Settings
from labelwright.core.training_rules import host_count, max_runtime_s
from labelwright.credentials import load_or_create
from labelwright.engine.supervisor import SupervisedTools
from labelwright.store.training_jobs import TrainingJobRow
from labelwright.work import Limits, Program
from labelwright.work.identity import server_identity

__all__ = ["PROGRAM", "deadline", "folder_names", "host_of", "program", "program_name", "wait_deadline"]

PROGRAM = "labelwright.training.job"
_KEYS_LAST_S = 3600.0


def host_of(settings: Settings) -> str:
    """Which server this is, when several share a database."""
    return server_identity(settings.data_dir)


def program_name(row: TrainingJobRow) -> str:
    """The name of the job's program, by which any later server process finds it."""
    return f"{row.name_lower}.{row.id}.{row.attempt}"


def folder_names(row: TrainingJobRow) -> list[str]:
    """The names of all programs that the job has had, the latest first."""
    return [f"{row.name_lower}.{row.id}.{attempt}" for attempt in range(row.attempt, 0, -1)]


def deadline(row: TrainingJobRow, request: dict[str, Any]) -> float:
    """When the job has run long enough, in epoch seconds; attempts after the first have no more time.

    The time that a spot job may take from its creation on counts as well, where it ends sooner.
    """
    launched = row.created_at if row.launched_at is None else row.launched_at
    wait = wait_deadline(row, request)
    ends = launched + max_runtime_s(request)
    return ends if wait is None else min(ends, wait)


def wait_deadline(row: TrainingJobRow, request: dict[str, Any]) -> float | None:
    """When ``MaxWaitTimeInSeconds`` is over."""
    wait_s = (request.get("StoppingCondition") or {}).get("MaxWaitTimeInSeconds")
    return None if wait_s is None else row.created_at + wait_s


def program(tools: SupervisedTools, row: TrainingJobRow, module: str = PROGRAM) -> Program:
    """What is to be run for a job."""
    settings = tools.settings
    request = orjson.loads(row.request)
    content = {
        "job": {"name": row.name, "arn": row.arn, "region": row.region, "account": ACCOUNT_ID},
        "request": request,
        "host_count": host_count(request),
        "data_dir": None if settings.object_store else str(settings.data_dir.resolve()),
        "log_folder": str(tools.logs_root.resolve()),
        "endpoint_url": settings.local_url,
        "deadline": deadline(row, request),
    }
    environment = _keys(tools, content["deadline"])
    if settings.object_store:
        environment["LABELWRIGHT_OBJECT_STORE"] = settings.object_store
    return Program(module, content, Limits(n_threads=_n_threads(tools)), environment)


def _keys(tools: SupervisedTools, ends_at: float) -> dict[str, str]:
    """Keys for the user's code; they end some time after the job must have ended."""
    from labelwright.training import key_environment

    now = tools.clock()
    keys = load_or_create(tools.settings).temporary(now=now, duration_s=ends_at - now + _KEYS_LAST_S)
    return key_environment(keys.access_key_id, keys.secret_access_key)


def _n_threads(tools: SupervisedTools) -> int:
    n_cores = os.cpu_count() or 1
    return tools.settings.training_threads or max(1, n_cores // tools.runners["training"].n_at_once)
