"""What a job with automated labeling must fulfil beyond others, once its files are read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from labelwright.engine.facts import JobFacts
from labelwright.engine.paths import s3_uri
from labelwright.engine.tools import Tools
from labelwright.store import models
from labelwright.store.labeling_jobs import JobRow
from labelwright.tasks import Categories

__all__ = ["is_usable_label", "reason_against"]

_MASK_LABELS_MAX = 20


def reason_against(tools: Tools, job: JobRow, facts: JobFacts) -> str | None:
    """The ``FailureReason`` of a job that may not start; None when nothing speaks against it."""
    least = tools.settings.autolabel_min_objects
    if job.n_objects < least:
        return (
            f"ClientError: Automated data labeling needs at least {least:,} objects; the input manifest has "
            f"{job.n_objects:,}. Leave LabelingJobAlgorithmsConfig out, or label more data."
        )
    n_labels = len(facts.categories.labels)
    if facts.algorithm == "semantic-segmentation" and n_labels > _MASK_LABELS_MAX:
        return (
            f"ClientError: Automated data labeling takes at most {_MASK_LABELS_MAX} labels for semantic "
            f"segmentation; the label category file has {n_labels}."
        )
    config = facts.request.get("LabelingJobAlgorithmsConfig") or {}
    arn = config.get("InitialActiveLearningModelArn")
    if arn:
        model = tools.database.read(partial(models.by_arn, arn=arn))
        if model is None:
            return f"ClientError: InitialActiveLearningModelArn {arn} does not exist (any more)."
        theirs = orjson.loads(model.labels or "[]")
        if theirs != list(facts.categories.labels):
            return (
                f"ClientError: InitialActiveLearningModelArn {arn} was trained for other labels "
                f"({theirs[:10]}) than those of the label category file "
                f"({list(facts.categories.labels)[:10]})."
            )
    return None


def is_usable_label(
    algorithm: str, line: Mapping[str, Any], categories: Categories, *, label_attribute_name: str
) -> bool:
    """Whether a label that came with the manifest has the form of the job's own.

    Where it has not, the object is treated as one without a label.
    """
    value = line.get(label_attribute_name)
    about = line.get(f"{label_attribute_name}-metadata")
    if about is not None and not isinstance(about, dict):
        return False
    if algorithm in ("image-classification", "text-classification"):
        return _is_class(value, about, categories)
    if algorithm == "object-detection":
        return _are_boxes(value, categories)
    return isinstance(value, str) and s3_uri(value).startswith("s3://")


def _is_class(value: Any, about: Mapping[str, Any] | None, categories: Categories) -> bool:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < len(categories.labels):
        return False
    name = (about or {}).get("class-name")
    return name is None or name == categories.labels[value]


def _are_boxes(value: Any, categories: Categories) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("annotations"), list):
        return False
    size = value.get("image_size")
    if not (isinstance(size, list) and len(size) == 1 and isinstance(size[0], dict)):
        return False
    return all(
        isinstance(box, dict)
        and isinstance(box.get("class_id"), int)
        and 0 <= box["class_id"] < len(categories.labels)
        and all(isinstance(box.get(side), int | float) for side in ("left", "top", "width", "height"))
        for box in value["annotations"]
    )
