"""The lineage of a label: the answers, the algorithm, the model or the earlier job that it comes from."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright import __version__
from labelwright.core.human_task import ObjectState
from labelwright.engine.facts import JobFacts, facts_of
from labelwright.engine.tools import read_lines
from labelwright.errors import NotFound
from labelwright.store import data_objects, lineage
from labelwright.store.data_objects import GroupRow
from labelwright.store.labeling_jobs import JobRow
from labelwright.tasks import algorithms_of

__all__ = ["lineage_of", "parameters_of", "record_group"]


def record_group(
    connection: Connection, facts: JobFacts, group: GroupRow, *, n_earlier: int, now: float
) -> None:
    """Keep how the labels of a group were made; ``n_earlier`` objects of before helped to judge workers."""
    if facts.post_function:
        algorithm, version = facts.post_function, ""
    else:
        algorithm = facts.names.algorithm
        version = algorithms_of(facts.type).get(algorithm, "")
    parameters = parameters_of(facts)
    if n_earlier:
        parameters["earlier_objects"] = n_earlier
    lineage.add_group(
        connection, group.id, algorithm=algorithm, version=version, parameters=parameters, now=now
    )


def parameters_of(facts: JobFacts) -> dict[str, Any]:
    """What else a label depends on, besides its answers."""
    found: dict[str, Any] = {"labelwright": __version__, "workers_per_object": facts.n_workers}
    most = facts.options.max_workers_per_object
    if most is not None and most > facts.n_workers:
        found |= {"max_workers_per_object": most, "ask_more_below": facts.options.ask_more_below}
    return found


def lineage_of(connection: Connection, blobs: Any, job: JobRow, object_no: int) -> dict[str, Any]:
    """Everything that led to the label of one object.

    Parameters
    ----------
    blobs : Blobs or None
        Where the manifest is read for labels of earlier jobs; None leaves these out.
    object_no : int
        Line of the input manifest, from 0.

    Returns
    -------
    dict
        For JSON. ``origin`` is ``human``, ``machine``, ``chained`` (the label came with the input),
        ``failed`` or ``none``. Times are epoch seconds. ``asked_in_addition`` marks answers that adaptive
        redundancy asked for. ``earlier_labels`` are the labels that the line had before, with the jobs they
        came from.

    Raises
    ------
    NotFound
        When the manifest has no such line.
    """
    found = lineage.label(connection, job.id, object_no)
    if found is None:
        raise NotFound(
            f"The labeling job {job.name} has no object {object_no}; its objects are the lines of the input "
            f"manifest, 0 to {job.n_objects - 1}.",
            kind="data object",
            name=str(object_no),
        )
    facts = facts_of(job)
    state, _, content = found
    answers = lineage.answers(connection, job.id, object_no)
    for i, answer in enumerate(answers):
        answer["asked_in_addition"] = i >= facts.n_workers
    machine = lineage.machine(connection, job.id, object_no)
    group = lineage.consolidation(connection, job.id, object_no)
    result: dict[str, Any] = {
        "job": job.name,
        "job_arn": job.arn,
        "object": object_no,
        "task_type": facts.type_name,
        "label_attribute_name": facts.names.label_attribute_name,
        "origin": _origin(state, is_machine=machine is not None),
        "label": None if content is None else orjson.loads(content),
        "answers": answers,
        "consolidation": None,
        "model": None,
        "earlier_labels": _earlier(connection, blobs, job, object_no) if blobs is not None else [],
    }
    if group is not None:
        result["consolidation"] = {
            "algorithm": group.algorithm,
            "version": group.version,
            "parameters": group.parameters,
            "made_at": group.made_at,
            "iteration": group.iteration,
            "objects_estimated_together": group.n_objects,
        }
    if machine is not None:
        result["model"] = {
            "arn": machine.model_arn,
            "run": machine.run_name,
            "iteration": machine.iteration,
            "trained_on_human_labels": machine.n_human_labels,
            "made_at": machine.made_at,
        }
    return result


def _origin(state: int, *, is_machine: bool) -> str:
    if is_machine:
        return "machine"
    match ObjectState(state):
        case ObjectState.LABELED:
            return "human"
        case ObjectState.KEPT:
            return "chained"
        case ObjectState.FAILED:
            return "failed"
        case _:
            return "none"


def _earlier(connection: Connection, blobs: Any, job: JobRow, object_no: int) -> list[dict[str, Any]]:
    """Labels in the line as it came, by the metadata beside them."""
    row = data_objects.span(connection, job.id, object_no)
    if row is None or not job.manifest_uri:
        return []
    [raw] = read_lines(blobs, job.manifest_uri, [row])
    line: dict[str, Any] = orjson.loads(raw)
    found = []
    for key, value in line.items():
        name = key.removesuffix("-metadata")
        if name == key or name not in line or not isinstance(value, dict):
            continue
        found.append(
            {
                "label_attribute_name": name,
                "job": str(value.get("job-name", "")).removeprefix("labeling-job/") or None,
                "type": value.get("type"),
                "human_annotated": value.get("human-annotated"),
                "creation_date": value.get("creation-date"),
            }
        )
    return found
