"""The first decisions of a job: how large the sets are, the seed, and which model it starts from."""

from __future__ import annotations

import hashlib
import logging
from functools import partial
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright.core.labeling_job import Status
from labelwright.engine.facts import JobFacts
from labelwright.engine.tools import Tools, read_lines
from labelwright.store import automated, labeling_jobs, models
from labelwright.store.automated import AutomatedRow
from labelwright.store.labeling_jobs import JobRow
from labelwright.store.models import ModelRow

__all__ = ["N_PROBES", "REST_MIN", "SetSizes", "begin", "set_sizes"]

_log = logging.getLogger(__name__)

N_PROBES = 10
"""Objects of the first batch, which shows whether people can work on the data at all."""

REST_MIN = 100
"""With fewer unlabeled objects people label all of them."""

_MANY = 5000  # from so many objects on a smaller share is enough for validation
_N_KEPT_LOOKED_AT = 50

SetSizes = tuple[int, int]


def set_sizes(
    *,
    n_objects: int,
    n_unlabeled: int,
    n_human: int,
    batch_size: int,
    has_model: bool,
    n_first: int | None = None,
) -> SetSizes:
    """Objects of the first training batch and of the validation set.

    Parameters
    ----------
    n_objects : int
        Lines of the manifest.
    n_unlabeled : int
        Those without a label.
    n_human : int
        Labels of people that came with the manifest; they are training data.
    batch_size : int
        ``MaxConcurrentTaskCount``.
    has_model : bool
        The job starts from a model and needs no training batch.
    n_first : int, optional
        Random labels before the first model of a certified job. Its machine labels are certified by a sample
        of their own when the model is good enough: nothing is set aside before.

    Examples
    --------
    >>> rest = {"n_human": 0, "has_model": False}
    >>> set_sizes(n_objects=1000, n_unlabeled=1000, batch_size=200, **rest)
    (190, 200)
    >>> set_sizes(n_objects=6000, n_unlabeled=6000, batch_size=1000, **rest)
    (990, 600)
    """
    n_validation = n_objects // 5 if n_objects < _MANY else n_objects // 10
    if n_unlabeled < 2 * n_validation:
        n_validation = n_unlabeled // 2
    if n_first is not None:
        n_validation = 0
    # A batch that is hardly larger than the probes is sent whole.
    first = min(max(batch_size - N_PROBES, batch_size // 2), n_objects // 5)
    if n_first is not None:  # asking for what a model is unsure of is worth more than asking at random
        first = min(first, max(0, n_first - N_PROBES))
    n_training = 0 if has_model else max(0, first - n_human)
    return n_training, n_validation


def begin(tools: Tools, job: JobRow, facts: JobFacts) -> None:
    """Decide once, and keep it."""
    start = _start_model(tools, job, facts)
    counters = job.counters
    n_kept_human = counters.n_human - counters.n_human_here
    n_first = None
    if facts.options.auto_labeling == "certified":
        from labelwright.autolabel.rounds import first_batch  # late: most servers never need it

        n_first = first_batch(counters.n_objects, len(facts.categories.labels))
    n_training, n_validation = set_sizes(
        n_objects=counters.n_objects,
        n_unlabeled=counters.n_unlabeled,
        n_human=n_kept_human,
        batch_size=facts.batch_size,
        has_model=start is not None,
        n_first=n_first,
    )
    is_small = counters.n_unlabeled < REST_MIN
    row = AutomatedRow(
        job_id=job.id,
        seed=_seed(job),
        n_training=n_training,
        n_validation=n_validation,
        stage="people" if is_small else "sampling",
        reason=f"Fewer than {REST_MIN} objects are without a label." if is_small else None,
        start_model_arn=None if start is None else start.arn,
        model_arn=None,
        n_labels_at_model=0,
        advice=None,
    )

    def keep(connection: Connection) -> None:
        current = labeling_jobs.get(connection, job.id)
        if (
            current is None
            or current.status != Status.IN_PROGRESS
            or automated.get(connection, job.id) is not None
        ):
            return
        automated.begin(connection, row)
        detail: dict[str, Any] = {
            "training": n_training,
            "validation": n_validation,
            "certified": n_first is not None,
        }
        if start is not None:
            detail["start-model"] = start.arn
        if is_small:
            detail["reason"] = row.reason
        labeling_jobs.add_event(
            connection, job.id, at=tools.clock(), name="AUTO_LABELING_BEGAN", detail=detail
        )

    tools.database.write(keep)


def _seed(job: JobRow) -> int:
    """Of all draws of a job: the same job makes the same ones again, another job others."""
    digest = hashlib.sha256(f"{job.arn} {job.created_at}".encode()).digest()
    return int.from_bytes(digest[:6])


def _start_model(tools: Tools, job: JobRow, facts: JobFacts) -> ModelRow | None:
    config = facts.request.get("LabelingJobAlgorithmsConfig") or {}
    given = config.get("InitialActiveLearningModelArn")
    if given:
        model = tools.database.read(partial(models.by_arn, arn=given))
        return model if model is not None and _fits(model, facts) else None
    for name in _parents(tools, job, facts):
        parent = tools.database.read(partial(labeling_jobs.named, region=facts.region, name=name))
        if parent is None:
            continue
        state = tools.database.read(partial(automated.get, job_id=parent.id))
        if state is None or state.model_arn is None:
            continue
        model = tools.database.read(partial(models.by_arn, arn=state.model_arn))
        if model is not None and _fits(model, facts):
            return model
    return None


def _fits(model: ModelRow, facts: JobFacts) -> bool:
    labels = orjson.loads(model.labels) if model.labels else None
    return (
        model.algorithm == facts.algorithm
        and labels == list(facts.categories.labels)
        and bool(model.artifact_uri)
    )


def _parents(tools: Tools, job: JobRow, facts: JobFacts) -> list[str]:
    """Names of the jobs that gave the first kept labels, in the order of their appearance."""

    def first_kept(connection: Connection) -> list[Any]:
        return next(automated.kept_lines(connection, job.id), [])[:_N_KEPT_LOOKED_AT]

    rows = tools.database.read(first_kept)
    found: dict[str, None] = {}
    for raw in read_lines(tools.blobs, facts.manifest_uri, rows):
        about = orjson.loads(raw).get(facts.names.metadata_name)
        name = about.get("job-name") if isinstance(about, dict) else None
        if isinstance(name, str) and name:
            found[name.removeprefix("labeling-job/")] = None
    return list(found)
