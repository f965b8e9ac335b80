"""From a model, as CreateModel was given it, to a container that answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelwright.hosting.interface import Container

if TYPE_CHECKING:
    from labelwright.streaming.objects import Objects

__all__ = ["open_container"]


def open_container(
    model: Mapping[str, Any],
    *,
    folder: Path,
    objects: Objects,
    environment: Mapping[str, str] | None = None,
    log: Callable[[str], None] | None = None,
    n_threads: int = 1,
    startup_s: float = 240.0,
) -> Container:
    """Fetch and unpack a model's artifacts, start what serves it, and wait until it answers ``/ping``.

    Parameters
    ----------
    model : Mapping
        The request of CreateModel: ``PrimaryContainer`` or ``Containers``, which are called one after the
        other.
    folder : Path
        Gets a folder for each container; what is unpacked there already is used again.
    objects : Objects
        Where artifacts are read from, see `labelwright.streaming.objects.open_objects`.
    environment : Mapping, optional
        Put over the containers' own variables (``SAGEMAKER_BATCH``, ...).
    log : callable, optional
        Gets what containers print, line by line, from any thread.
    n_threads : int
        Processor cores for one prediction.
    startup_s : float
        How long a container may take to answer.

    Raises
    ------
    HostingError
        With the documented failure reason.
    """
    raise NotImplementedError
