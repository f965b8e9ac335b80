"""What a program gets: manifests of the sets, written as streams into its folder and beside the job's output.

A set is a manifest and, line for line, the object numbers in ``<set>.ids`` (64-bit integers, native order);
``validation`` has the iteration and the place of each object's draw in ``.iterations`` and ``.draws``, too.
Lines of labeled sets are output lines.
"""

from __future__ import annotations

import array
import logging
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from sqlalchemy.engine import Connection

from labelwright.config import Settings
from labelwright.engine.automated import places
from labelwright.engine.automated.cleaning import cache_folder
from labelwright.engine.budget import n_objects_affordable
from labelwright.engine.facts import JobFacts
from labelwright.engine.tools import Tools, read_lines
from labelwright.errors import BlobNotFound
from labelwright.manifests import merge_line
from labelwright.store import automated, models
from labelwright.store.automated import AutomatedRow, Role
from labelwright.store.data_objects import ObjectRow
from labelwright.store.labeling_jobs import JobRow

__all__ = ["file_chunks", "target_quality", "write_inputs"]

_log = logging.getLogger(__name__)

_PAGE = 2000
_Row = tuple[ObjectRow, bytes, int, int]


def target_quality(settings: Settings, algorithm: str) -> float:
    """Mean quality that machine-made labels must reach."""
    if algorithm == "object-detection":
        return settings.autolabel_target_box_iou
    if algorithm == "semantic-segmentation":
        return settings.autolabel_target_mask_iou
    return settings.autolabel_target_accuracy


def write_inputs(
    tools: Tools, job: JobRow, facts: JobFacts, state: AutomatedRow, *, iteration: int, folder: Path
) -> dict[str, Any]:
    """Write the sets and say where they are.

    Returns
    -------
    dict
        The program's input.
    """
    from labelwright.tasks.machine import BACKGROUND_COLOR, class_colors  # late: with numpy, see labels.py

    with tools.database.engine.connect() as connection:  # one look at the database for all sets
        training = _Set(folder, "training")
        training.write_all(tools, facts, _kept_human(tools, facts, connection))
        for role in (Role.PROBE, Role.TRAINING):
            training.write_all(tools, facts, automated.labeled_members(connection, job.id, role))
        validation = _Set(folder, "validation")
        validation.write_all(tools, facts, automated.labeled_members(connection, job.id, Role.VALIDATION))
        unlabeled = _Set(folder, "unlabeled")
        for rows in automated.pending_lines(connection, job.id):
            for first in range(0, len(rows), _PAGE):
                part = rows[first : first + _PAGE]
                lines = read_lines(tools.blobs, facts.manifest_uri, part)
                unlabeled.write(part, lines)
        last = automated.last_pass(connection, job.id)
        limits = (
            facts.stopping.n_still_needed(job.counters),
            n_objects_affordable(connection, job, facts),
        )
    for made in (training, validation, unlabeled):
        made.close()
    output = facts.output_uri
    for made, uri in (
        (training, places.training_manifest_uri(output, iteration)),
        (validation, places.validation_manifest_uri(output, iteration)),
        (unlabeled, places.unlabeled_manifest_uri(output, iteration)),
    ):
        tools.blobs.put(uri, file_chunks(made.path))
    settings = tools.settings
    start_model = _fetch_model(tools, state.start_model_arn, folder / "start_model.tar.gz")
    has_own = state.model_arn != state.start_model_arn
    last_model = _fetch_model(tools, state.model_arn, folder / "last_model.tar.gz") if has_own else None
    return {
        "algorithm": facts.algorithm,
        "label_attribute_name": facts.names.label_attribute_name,
        "labels": list(facts.categories.labels),
        "mode": facts.options.auto_labeling,
        "target": target_quality(settings, facts.algorithm),
        "confidence": settings.autolabel_confidence,
        "seed": state.seed,
        "iteration": iteration,
        "batch_size": facts.batch_size,
        "n_objects": job.n_objects,
        # A model that was given is used as it is first; learning goes on from the next pass.
        "fit": start_model is None or last is not None,
        "start_model": start_model,
        "last_model": last_model,
        "sets": {made.name: made.n for made in (training, validation, unlabeled)},
        # What the last program wrote for the next one, and where its other files are.
        "state": last.report.get("state") if last is not None else None,
        "previous": str(tools.work.folder(last.run_name)) if last is not None and last.run_name else None,
        "n_human": job.n_human,
        "n_allowed": min((n for n in limits if n is not None), default=None),
        "cache": str(cache_folder(tools, job.id)),
        "data_dir": str(settings.data_dir.resolve()),
        "object_store": settings.object_store,
        "weights": settings.autolabel_weights,
        "text_encoder": settings.autolabel_text_encoder,
        "n_threads": settings.work_threads,
        "training_s": settings.autolabel_training_s,
        "palette": [BACKGROUND_COLOR, *class_colors(facts.categories.labels)],
    }


class _Set:
    """One set being written."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.n = 0
        self.path = folder / f"{name}.manifest"
        self._manifest: BinaryIO = self.path.open("wb")
        self._columns = [
            (array.array("q"), (folder / f"{name}.{column}").open("wb"))
            for column in ("ids", "iterations", "draws")
        ]

    def write_all(self, tools: Tools, facts: JobFacts, rows: Iterable[_Row]) -> None:
        page: list[_Row] = []
        for row in rows:
            page.append(row)
            if len(page) == _PAGE:
                self._write_page(tools, facts, page)
                page = []
        self._write_page(tools, facts, page)

    def _write_page(self, tools: Tools, facts: JobFacts, page: list[_Row]) -> None:
        rows = [row for row, _, _, _ in page]
        lan = facts.names.label_attribute_name
        lines = [
            merge_line(raw, content, label_attribute_name=lan) if content else raw
            for raw, (_, content, _, _) in zip(
                read_lines(tools.blobs, facts.manifest_uri, rows), page, strict=True
            )
        ]
        self.write(rows, lines, [draw for _, _, *draw in page])

    def write(self, rows: list[ObjectRow], lines: list[bytes], draws: list[list[int]] | None = None) -> None:
        if not rows:
            return
        self._manifest.write(b"\n".join(lines) + b"\n")
        columns = [[row.object_no for row in rows]]
        if draws is not None:
            columns += [[draw[0] for draw in draws], [draw[1] for draw in draws]]
        for (values, file), column in zip(self._columns, columns, strict=False):
            values.extend(column)
            values.tofile(file)
            del values[:]
        self.n += len(rows)

    def close(self) -> None:
        self._manifest.close()
        for _, file in self._columns:
            file.close()


def _kept_human(tools: Tools, facts: JobFacts, connection: Connection) -> Iterator[_Row]:
    """Labels of people that came with the manifest. They pass as they are, so the label content is empty."""
    metadata = facts.names.metadata_name
    for rows in automated.kept_lines(connection, facts.id):
        for first in range(0, len(rows), _PAGE):
            part = rows[first : first + _PAGE]
            for row, raw in zip(part, read_lines(tools.blobs, facts.manifest_uri, part), strict=True):
                about = orjson.loads(raw).get(metadata)
                if not (isinstance(about, dict) and about.get("human-annotated") == "no"):
                    yield row, b"", 0, 0


def _fetch_model(tools: Tools, arn: str | None, path: Path) -> str | None:
    """Put a model's artifact into the folder; its file name, or None when there is none (any more)."""
    model = None if arn is None else tools.database.read(partial(models.by_arn, arn=arn))
    if model is None or not model.artifact_uri:
        return None
    try:
        with path.open("wb") as file:
            for piece in tools.blobs.stream(model.artifact_uri):
                file.write(piece)
    except BlobNotFound:
        _log.warning("the model of a job is gone", extra={"action": "learn", "model": arn})
        return None
    return path.name


def file_chunks(path: Path, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
    """A local file in pieces."""
    with path.open("rb") as file:
        while piece := file.read(chunk_bytes):
            yield piece
