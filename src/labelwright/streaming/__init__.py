"""Streaming readers of training data: channels, pipes, folders of files, and datasets for PyTorch.

Works without a server. Memory does not grow with the manifest's objects; 8 bytes are kept for each line, 12
when it is shuffled. ``ManifestDataset`` and ``StreamLoader`` import torch when they are first asked for.

>>> import tempfile, pathlib
>>> from labelwright.streaming import ManifestStream
>>> with tempfile.TemporaryDirectory() as folder:
...     _ = pathlib.Path(folder, "1.txt").write_bytes(b"miaow")
...     manifest = pathlib.Path(folder, "m.manifest")
...     _ = manifest.write_text('{"source-ref": "1.txt", "is-a-cat": 1}\\n')
...     list(ManifestStream(manifest, ["source-ref", "is-a-cat"]))
[{'source-ref': b'miaow', 'is-a-cat': 1}]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labelwright.streaming.batches import PictureBatch, PictureBatches
from labelwright.streaming.channel import Channel
from labelwright.streaming.materialise import Materialised, materialise
from labelwright.streaming.objects import Objects, open_objects
from labelwright.streaming.order import blocks_of_worker, epoch_order, places_of_rank
from labelwright.streaming.pipe import ChannelProgress, PipeFeeder
from labelwright.streaming.problems import ChannelError, failure_reason
from labelwright.streaming.reader import ChannelReader
from labelwright.streaming.samples import ManifestStream, Sample

if TYPE_CHECKING:
    from labelwright.streaming.dataset import ManifestDataset, StreamLoader

__all__ = [
    "Channel",
    "ChannelError",
    "ChannelProgress",
    "ChannelReader",
    "ManifestDataset",
    "ManifestStream",
    "Materialised",
    "Objects",
    "PictureBatch",
    "PictureBatches",
    "PipeFeeder",
    "Sample",
    "StreamLoader",
    "blocks_of_worker",
    "epoch_order",
    "failure_reason",
    "materialise",
    "open_objects",
    "places_of_rank",
]


def __getattr__(name: str) -> Any:
    if name in ("ManifestDataset", "StreamLoader"):
        from labelwright.streaming import dataset

        return getattr(dataset, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
