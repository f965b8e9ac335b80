"""How to train a built-in algorithm on what a labeling job made, as lines to copy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.console.queries import JobRow
from labelwright.console.wording import literal
from labelwright.store.labeling_tables import labeling_jobs

__all__ = ["card", "snippet"]

_REGISTRY = "811284229777.dkr.ecr.us-east-1.amazonaws.com"
_ENDED = ("Completed", "Stopped")
_NAME_CHARS_MAX = 63


@dataclasses.dataclass(frozen=True, slots=True)
class _Recipe:
    """The algorithm for a task type: what holds the data, and its hyperparameters.

    Attributes
    ----------
    algorithm, source : str
    hyperparameters : callable
        From the number of label names and of labeled objects.
    """

    algorithm: str
    source: str
    hyperparameters: Callable[[int, int], Mapping[str, str]]


def _pictures(n_classes: int, n_objects: int) -> dict[str, str]:
    return {"num_classes": str(n_classes), "num_training_samples": str(n_objects)}


_BOXES = _Recipe("object-detection", "source-ref", _pictures)
# Masks have the class of the background besides, 0.
_MASKS = _Recipe("semantic-segmentation", "source-ref", lambda n, m: _pictures(n + 1, m))
_TEXTS = _Recipe("blazingtext", "source", lambda _n, _m: {"mode": "supervised"})
_RECIPES: Mapping[str, _Recipe] = MappingProxyType(
    {
        "BoundingBox": _BOXES,
        "AdjustmentBoundingBox": _BOXES,
        "SemanticSegmentation": _MASKS,
        "AdjustmentSemanticSegmentation": _MASKS,
        "ImageMultiClass": _Recipe("image-classification", "source-ref", _pictures),
        "ImageMultiClassMultiLabel": _Recipe(
            "image-classification", "source-ref", lambda n, m: {**_pictures(n, m), "multi_label": "1"}
        ),
        "TextMultiClass": _TEXTS,
        "TextMultiClassMultiLabel": _TEXTS,
    }
)


def card(connection: Connection, row: JobRow) -> dict[str, Any] | None:
    """What the card shows; None when the job has nothing to learn from, or no built-in algorithm for it."""
    recipe = _RECIPES.get(row.task_type)
    if recipe is None or row.status not in _ENDED or not row.n_labeled:
        return None
    t = labeling_jobs.c
    text = connection.execute(sa.select(t.label_categories).where(t.id == row.id)).scalar()
    n_classes = len(orjson.loads(text).get("labels") or ()) if text else 0
    return {"algorithm": recipe.algorithm, "code": snippet(row, n_classes)}


def snippet(row: JobRow, n_classes: int) -> str:
    """Python lines that create the training job in Pipe mode.

    Parameters
    ----------
    row : JobRow
        Of a task type with a built-in algorithm.
    n_classes : int
        How many label names the job has.
    """
    recipe = _RECIPES[row.task_type]
    root = str(row.request["OutputConfig"]["S3OutputPath"]).rstrip("/")
    manifest = f"{root}/{row.name}/manifests/output/output.manifest"
    name = f"{row.name[: _NAME_CHARS_MAX - 2].rstrip('-')}-1"
    hyperparameters = recipe.hyperparameters(max(1, n_classes), row.n_labeled)
    needs_validation = recipe is not _TEXTS
    channels = 'channel("train"), channel("validation")' if needs_validation else 'channel("train")'
    hint = (
        "# Better: two manifests, made of it by `labelwright manifest split`.\n" if needs_validation else ""
    )
    lines = "\n".join(f"        {literal(key)}: {literal(value)}," for key, value in hyperparameters.items())
    return f"""import boto3

sagemaker = boto3.client("sagemaker", region_name={literal(row.region)})
{hint}manifest = {literal(manifest)}


def channel(name):
    return {{
        "ChannelName": name,
        "DataSource": {{
            "S3DataSource": {{
                "S3DataType": "AugmentedManifestFile",
                "S3Uri": manifest,
                "S3DataDistributionType": "FullyReplicated",
                "AttributeNames": [{literal(recipe.source)}, {literal(row.label_attribute_name)}],
            }}
        }},
        "ContentType": "application/x-recordio",
        "RecordWrapperType": "RecordIO",
    }}


sagemaker.create_training_job(
    TrainingJobName={literal(name)},
    RoleArn={literal(row.request.get("RoleArn", ""))},
    AlgorithmSpecification={{
        "TrainingImage": "{_REGISTRY}/{recipe.algorithm}:1",
        "TrainingInputMode": "Pipe",
    }},
    HyperParameters={{
{lines}
    }},
    InputDataConfig=[{channels}],
    OutputDataConfig={{"S3OutputPath": {literal(f"{root}/models")}}},
    ResourceConfig={{"InstanceType": "local", "InstanceCount": 1, "VolumeSizeInGB": 10}},
    StoppingCondition={{"MaxRuntimeInSeconds": 86400}},
)"""
