"""What the console shows of models: what each is, who made it, and which configurations use it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.console.model_facts import artifact_of, containers_of, what_runs
from labelwright.console.views import Asked, Shown, View
from labelwright.console.wording import moment
from labelwright.context import AppContext
from labelwright.store import endpoint_configs, models
from labelwright.store.labeling_tables import labeling_jobs
from labelwright.store.models import ModelRow
from labelwright.store.training_tables import training_jobs

__all__ = ["VIEWS"]

_N_LISTED = 200
_N_CONFIGS = 1000
_OUTPUT = re.compile(r"/([^/]+)/output/model(?:\.tar\.gz|/?)$")  # where a training job puts its artifact


def _list(context: AppContext, asked: Asked) -> Shown:
    return Shown("Models", {"models": context.database.read(_read)})


def _read(connection: Connection) -> list[dict[str, Any]]:
    rows = models.newest(connection, limit=_N_LISTED)
    artifacts = {row.id: _artifacts(row) for row in rows}
    trainings = _trainings(connection, artifacts.values())
    jobs = _labeling_jobs(connection, [row.job_id for row in rows if row.job_id is not None])
    users = _users(connection)
    shown = []
    for row in rows:
        training = next(
            (name for a in artifacts[row.id] if (name := trainings.get((row.region, _maker(a), a)))), ""
        )
        shown.append(
            {
                "region": row.region,
                "name": row.name,
                "algorithm": row.algorithm or what_runs(orjson.loads(row.request)),
                "artifacts": artifacts[row.id],
                "created": moment(row.created_at),
                "training": training,
                "labeling_job": jobs.get(row.job_id or 0, ""),
                "configs": users.get((row.region, row.name.lower()), []),
            }
        )
    return shown


def _artifacts(row: ModelRow) -> list[str]:
    if row.artifact_uri:
        return [row.artifact_uri]
    return [uri for each in containers_of(orjson.loads(row.request)) if (uri := artifact_of(each))]


def _maker(artifact: str) -> str:
    """Name of the training job whose artifact this seems to be, in lower case; empty when it does not."""
    match = _OUTPUT.search(artifact)
    return "" if match is None else match[1].lower()


def _trainings(connection: Connection, artifacts: Any) -> dict[tuple[str, str, str], str]:
    """Training jobs by region, lower-case name and artifact, of those that may have made the artifacts."""
    wanted = sorted({name for uris in artifacts for uri in uris if (name := _maker(uri))})
    t = training_jobs.c
    query = sa.select(t.region, t.name_lower, t.name, t.request).where(
        t.name_lower.in_(wanted), t.deleted_at.is_(None)
    )
    found = {}
    for row in connection.execute(query) if wanted else ():
        root = orjson.loads(row.request)["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        for end in ("model.tar.gz", "model", "model/"):
            found[row.region, row.name_lower, f"{root}/{row.name}/output/{end}"] = row.name
    return found


def _labeling_jobs(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    t = labeling_jobs.c
    query = sa.select(t.id, t.name).where(t.id.in_(ids))
    return {row.id: row.name for row in connection.execute(query)} if ids else {}


def _users(connection: Connection) -> dict[tuple[str, str], list[str]]:
    """Names of the endpoint configurations that use a model, by region and lower-case name of the model."""
    found: dict[tuple[str, str], list[str]] = {}
    for config in endpoint_configs.newest(connection, limit=_N_CONFIGS):
        variants = orjson.loads(config.request).get("ProductionVariants") or []
        for name in {str(variant.get("ModelName", "")).lower() for variant in variants}:
            found.setdefault((config.region, name), []).append(config.name)
    return found


VIEWS = (View("/console/models", "models.html", _list),)
