"""Streams of log events: append-only files that programs write and the logs service reads.

A group is a folder, a stream a file in it, an event a line: its time in epoch milliseconds, a space, the
message. Positions in the file are the tokens of the logs service, so a page costs what the page holds,
however long the stream is. Programs outside the server write with `StreamWriter`; `LogStore` reads, also
while they write.

>>> import tempfile, pathlib
>>> from labelwright.logstreams import LogStore, StreamWriter, stream_path
>>> with tempfile.TemporaryDirectory() as folder:
...     root = pathlib.Path(folder)
...     with StreamWriter(stream_path(root, "/aws/sagemaker/TrainingJobs", "cats/algo-1-1700")) as writer:
...         writer.write(1_700_000_000_000, "epoch 1")
...         writer.write(1_700_000_060_000, "epoch 2")
...     page = LogStore(root).events("/aws/sagemaker/TrainingJobs", "cats/algo-1-1700", limit=1)
...     [event.message for event in page.events]
['epoch 2']
"""

from __future__ import annotations

from labelwright.logstreams.names import STANDING_GROUPS, group_folder, stream_path
from labelwright.logstreams.pattern import FilterPattern
from labelwright.logstreams.store import Event, EventPage, Filtered, FilteredEvent, LogStore, StreamInfo
from labelwright.logstreams.writer import MAX_MESSAGE_BYTES, StreamWriter

__all__ = [
    "MAX_MESSAGE_BYTES",
    "STANDING_GROUPS",
    "Event",
    "EventPage",
    "FilterPattern",
    "Filtered",
    "FilteredEvent",
    "LogStore",
    "StreamInfo",
    "StreamWriter",
    "group_folder",
    "stream_path",
]
