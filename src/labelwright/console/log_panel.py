"""The end of the log streams of a job or an endpoint."""

from __future__ import annotations

import itertools
from typing import Any

from labelwright.context import AppContext
from labelwright.errors import NotFound
from labelwright.logstreams import LogStore

__all__ = ["log_ends"]

_N_LINES = 200
_N_STREAMS = 8


def log_ends(context: AppContext, group: str, *, prefix: str = "") -> list[dict[str, Any]]:
    """The newest lines of the first few streams of a group.

    Parameters
    ----------
    context : AppContext
    group : str
        ``/aws/sagemaker/TrainingJobs``; one that is not there has no streams.
    prefix : str
        Only streams whose names begin with it; it is left out of the names.
    """
    logs = LogStore(context.settings.data_dir / "logs")
    try:
        streams = list(itertools.islice(logs.names(group, prefix=prefix), _N_STREAMS))
    except NotFound:
        return []
    return [
        {
            "name": stream.removeprefix(prefix),
            "text": "\n".join(event.message for event in logs.events(group, stream, limit=_N_LINES).events),
        }
        for stream in streams
    ]
