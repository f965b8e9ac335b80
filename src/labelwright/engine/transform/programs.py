"""Where a transform job's files are, and the program that does it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import orjson

from labelwright.engine.supervisor import SupervisedTools
from labelwright.logstreams import stream_path
from labelwright.store.transform_jobs import TransformJobRow
from labelwright.work import Limits, Program

__all__ = ["LOG_GROUP", "program", "program_name", "program_names", "spool_folder"]

PROGRAM: Final = "labelwright.hosting.transform"
LOG_GROUP: Final = "/aws/sagemaker/TransformJobs"


def program_name(row: TransformJobRow) -> str:
    """The name of the job's program, by which any later server process finds it."""
    return f"{row.name_lower}.{row.id}.{row.attempt}"


def program_names(row: TransformJobRow, names: list[str]) -> list[str]:
    """Those of a runner's pieces of work that belong to the job."""
    lead = f"{row.name_lower}.{row.id}."
    return [name for name in names if name.startswith(lead)]


def spool_folder(tools: SupervisedTools, row: TransformJobRow) -> Path:
    """What outlives the job's programs: the listing of its objects, and outputs to be published."""
    return tools.settings.data_dir.resolve() / "spool" / "transform" / f"{row.name_lower}.{row.id}"


def program(tools: SupervisedTools, row: TransformJobRow) -> Program:
    """What is to be run for a job."""
    settings = tools.settings
    n_threads = settings.training_threads or max(
        1, (os.cpu_count() or 1) // tools.runners["transform"].n_at_once
    )
    host = hashlib.sha256(row.arn.encode()).hexdigest()[:17]
    stream = f"{row.name}/i-{host}-{int(row.started_at or row.created_at)}"
    logs = tools.logs_root.resolve()
    content = {
        "job": {"name": row.name, "arn": row.arn, "region": row.region},
        "request": orjson.loads(row.request),
        "model": orjson.loads(row.model),
        "spool": str(spool_folder(tools, row)),
        "data_dir": None if settings.object_store else str(settings.data_dir.resolve()),
        "n_threads": n_threads,
        "log": str(stream_path(logs, LOG_GROUP, stream)),
        "data_log": str(stream_path(logs, LOG_GROUP, f"{stream}/data-log")),
    }
    return Program(PROGRAM, content, Limits(n_threads=n_threads))
