"""The job log and the worker activity log, as the logs service shows them.

Entries of the job log are in the group ``/aws/sagemaker/LabelingJobs``, a stream for each job; what workers
do is in ``/aws/sagemaker/groundtruth/WorkerActivity``, a stream for each region and day. A batch that comes
again after a crash is not written twice: the last lines of a stream are looked at when it is met first.
"""

from __future__ import annotations

import calendar
import itertools
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import orjson

from labelwright.events.shapes import JOB_LOG, WORKER_ACTIVITY
from labelwright.logstreams import StreamWriter, stream_path
from labelwright.logstreams.lines import Lines
from labelwright.logstreams.names import file_of

__all__ = ["JOB_GROUP", "WORKER_GROUP", "LogSink"]

JOB_GROUP = "/aws/sagemaker/LabelingJobs"
WORKER_GROUP = "/aws/sagemaker/groundtruth/WorkerActivity"

_N_LOOKED_AT = 1000  # a batch of the outbox is 500 rows
_N_STREAMS = 10_000


class LogSink:
    """Writes log streams.

    Parameters
    ----------
    root : Path
        Folder of all log streams.
    kinds : sequence of str
        ``job-log``, ``worker-activity`` or both.
    """

    def __init__(self, root: Path, kinds: Sequence[str]) -> None:
        self.name = "logs"
        self.kinds: Collection[str] = tuple(kinds)
        self._root = root
        self._met: set[tuple[str, str]] = set()

    def take(self, events: Sequence[bytes]) -> None:
        """Append a batch.

        Raises
        ------
        OSError
            The disk is full, or the folder cannot be written.
        """
        streams: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for text in events:
            event = orjson.loads(text)
            at = calendar.timegm(time.strptime(event["time"], "%Y-%m-%dT%H:%M:%SZ"))
            message = orjson.dumps(event["detail"]).decode()
            streams.setdefault(_place(event, at), []).append((at * 1000, message))
        for place, lines in streams.items():
            earlier = set() if place in self._met else _last_lines(file_of(stream_path(self._root, *place)))
            try:
                with StreamWriter(stream_path(self._root, *place)) as writer:
                    writer.write_many(line for line in lines if line not in earlier)
            except BaseException:
                # The whole batch comes again, with what is in these streams already.
                self._met.difference_update(streams)
                raise
            if len(self._met) >= _N_STREAMS:
                self._met.clear()
            self._met.add(place)  # what comes later is new, even if it reads the same

    def abort(self) -> None:
        """Nothing here takes long enough to be broken off."""

    def close(self) -> None:
        """Nothing is held open between batches."""


def _place(event: dict[str, Any], at: int) -> tuple[str, str]:
    detail = event["detail"]
    if event["detail-type"] == JOB_LOG:
        return JOB_GROUP, detail["labeling-job-name"]
    assert event["detail-type"] == WORKER_ACTIVITY  # noqa: S101 - the only other kind it asks for
    day = time.strftime("%Y-%m-%d", time.gmtime(at))
    folder = "aws/sagemaker/groundtruth/worker-activity"
    return WORKER_GROUP, f"{folder}/{event['account']}-{event['region']}/{day}"


def _last_lines(file: Path) -> set[tuple[int, str]]:
    try:
        with Lines(file) as lines:
            found = itertools.islice(lines.backward(lines.end), _N_LOOKED_AT)
            return {(at, message.decode("utf-8", "replace")) for _, at, message in found}
    except FileNotFoundError:
        return set()
