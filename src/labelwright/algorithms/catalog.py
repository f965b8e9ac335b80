"""Which algorithm a training image stands for, and where its description lies."""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import cast

from labelwright.algorithms.description import Algorithm
from labelwright.errors import InvalidRequest

__all__ = ["NAMES", "algorithm_of", "get"]

_MODULES = MappingProxyType(
    {
        "object-detection": "labelwright.algorithms.object_detection",
        "image-classification": "labelwright.algorithms.image_classification",
        "semantic-segmentation": "labelwright.algorithms.semantic_segmentation",
        "blazingtext": "labelwright.algorithms.blazingtext",
    }
)

NAMES: tuple[str, ...] = tuple(_MODULES)


def algorithm_of(image: str) -> str | None:
    """Name of the built-in algorithm behind an image, None when it is somebody's own image.

    Only the repository name counts; registry, account, region, tag and digest do not.

    Examples
    --------
    >>> algorithm_of("811284229777.dkr.ecr.us-east-1.amazonaws.com/object-detection:latest")
    'object-detection'
    >>> algorithm_of("blazingtext")
    'blazingtext'
    >>> algorithm_of("localhost:5000/team/object-detection:1") is None
    True
    """
    repository = image.split("@", 1)[0]
    registry, slash, rest = repository.partition("/")
    if slash and ("." in registry or ":" in registry or registry == "localhost"):
        repository = rest
    repository = repository.partition(":")[0]
    return repository if repository in _MODULES else None


def get(name: str) -> Algorithm:
    """The description of a built-in algorithm.

    Raises
    ------
    InvalidRequest
        There is none of this name.
    """
    module = _MODULES.get(name)
    if module is None:
        raise InvalidRequest(
            f"There is no built-in algorithm {name!r}; the built-in ones are {', '.join(NAMES)}.",
            field="algorithm",
            value=name,
        )
    return cast(Algorithm, importlib.import_module(module).ALGORITHM)
