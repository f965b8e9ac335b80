"""Find out whose model a folder holds and open it."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from labelwright.inference.interface import BadModel, Predictor

__all__ = ["load_predictor", "read_description"]

# Each module has `load(model_dir, description, *, n_threads)`.
_MODULES = MappingProxyType(
    {
        "object-detection": "labelwright.inference.object_detection",
        "image-classification": "labelwright.inference.image_classification",
        "semantic-segmentation": "labelwright.inference.semantic_segmentation",
        "blazingtext": "labelwright.inference.text_classification",
        "labeling-job": "labelwright.inference.labeling_job",
    }
)


def load_predictor(model_dir: Path, *, n_threads: int = 1) -> Predictor:
    """Open the model in a folder.

    Parameters
    ----------
    model_dir : Path
        What ``model.tar.gz`` of a built-in algorithm unpacks to.
    n_threads : int
        Threads of one call.

    Raises
    ------
    BadModel
        Something is missing or damaged.
    """
    description = read_description(model_dir)
    module = _MODULES.get(str(description.get("algorithm")))
    if module is None:
        raise BadModel(
            f"{model_dir.name} holds a model of {description.get('algorithm')!r}; known are "
            f"{', '.join(_MODULES)}."
        )
    loaded = importlib.import_module(module).load(model_dir, description, n_threads=n_threads)
    return cast(Predictor, loaded)


def read_description(model_dir: Path) -> dict[str, Any]:
    """The content of ``labelwright.json``; of a lone fastText model a description to the same effect.

    Raises
    ------
    BadModel
        There is neither.
    """
    path = model_dir / "labelwright.json"
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        if (model_dir / "model.bin").is_file():
            return {"format": "labelwright-model", "version": 1, "algorithm": "blazingtext"}
        raise BadModel(
            f"{model_dir.name} has no labelwright.json; give the folder that a model.tar.gz of a built-in "
            "algorithm of this server unpacks to. Models of MXNet cannot be used."
        ) from None
    except (OSError, ValueError) as error:
        raise BadModel(f"{path.name} cannot be read: {error}.") from error
    if not isinstance(content, dict) or content.get("format") != "labelwright-model":
        raise BadModel(f"{path.name} does not describe a model of ours.")
    if content.get("version") != 1:
        raise BadModel(f"{path.name} has version {content.get('version')!r}; this program reads version 1.")
    return content
