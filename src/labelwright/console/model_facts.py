"""What a model is, from the request with which it was made: its images and its artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labelwright import algorithms

__all__ = ["algorithm_of_model", "artifact_of", "containers_of", "what_runs"]


def containers_of(model: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The containers of a model, in the order in which a request passes them."""
    primary = model.get("PrimaryContainer")
    return [primary] if primary else model.get("Containers") or []


def artifact_of(container: Mapping[str, Any]) -> str:
    """Where a container's artifact is; empty when it has none."""
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    return str(container.get("ModelDataUrl") or source.get("S3Uri") or "")


def algorithm_of_model(model: Mapping[str, Any]) -> str | None:
    """The built-in algorithm that takes requests; None when it is none."""
    containers = containers_of(model)
    return algorithms.algorithm_of(containers[0].get("Image") or "") if containers else None


def what_runs(model: Mapping[str, Any]) -> str:
    """The algorithms of the containers, or the last parts of their images."""
    names = []
    for container in containers_of(model):
        image = container.get("Image") or ""
        names.append(algorithms.algorithm_of(image) or image.rpartition("/")[2])
    return ", ".join(name for name in names if name)
