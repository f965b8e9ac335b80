"""One reader, one pass, in a process of its own: ``readers.py NAME FOLDER`` prints a line of JSON.

Run by the interpreter of whoever is measured, so this file imports nothing of ours but in our own readers.
Every reader delivers the bytes of each picture and its class; lengths and classes are summed, which shows
that all read the same.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Pairs = Iterable[tuple[bytes, int]]


def ours(folder: Path) -> Pairs:
    """A ManifestStream over files."""
    from labelwright.streaming import ManifestStream

    for sample in ManifestStream(folder / "local.manifest", ["source-ref", "class"]):
        yield sample["source-ref"], sample["class"]


def ours_shuffled(folder: Path) -> Pairs:
    """The same in the order of an epoch."""
    from labelwright.streaming import ManifestStream

    for sample in ManifestStream(folder / "local.manifest", ["source-ref", "class"], shuffle_seed=1):
        yield sample["source-ref"], sample["class"]


def ours_pipe(folder: Path) -> Pairs:
    """A feeder and a reader of its pipe, both in this process and both counted."""
    from labelwright import recordio
    from labelwright.streaming import Channel, ChannelReader, PipeFeeder, open_objects

    channel = Channel(
        "train",
        str(folder / "local.manifest"),
        "AugmentedManifestFile",
        ("source-ref", "class"),
        mode="Pipe",
        wrapper="RecordIO",
    )
    pipes = folder / f"pipes-{os.getpid()}"
    with PipeFeeder(pipes, [ChannelReader(channel, open_objects())]):
        records = iter(recordio.read(pipes / "train_0"))
        for picture in records:
            yield picture, int(next(records))


def ours_s3(folder: Path) -> Pairs:
    """A ManifestStream over the S3 door that the environment names."""
    from labelwright.streaming import ManifestStream

    for sample in ManifestStream("s3://bench/s3.manifest", ["source-ref", "class"]):
        yield sample["source-ref"], sample["class"]


def boto3_s3(folder: Path) -> Pairs:
    """The loop one would write with boto3, over the same door."""
    import boto3

    s3 = boto3.client("s3")
    for line in s3.get_object(Bucket="bench", Key="s3.manifest")["Body"].iter_lines():
        entry = json.loads(line)
        bucket, _, key = entry["source-ref"].removeprefix("s3://").partition("/")
        yield s3.get_object(Bucket=bucket, Key=key)["Body"].read(), entry["class"]


def dataloader(folder: Path) -> Pairs:
    """A plain map-style dataset over the files in torch's DataLoader, without workers."""
    import torch

    class Files(torch.utils.data.Dataset):  # type: ignore[type-arg]
        def __init__(self) -> None:
            self.entries = [json.loads(line) for line in (folder / "local.manifest").open()]

        def __len__(self) -> int:
            return len(self.entries)

        def __getitem__(self, i: int) -> tuple[bytes, int]:
            return Path(self.entries[i]["source-ref"]).read_bytes(), self.entries[i]["class"]

    for batch in torch.utils.data.DataLoader(Files(), batch_size=32, collate_fn=list):
        yield from batch


def webdataset(folder: Path) -> Pairs:
    """WebDataset over tar shards."""
    import webdataset as wds

    shards = sorted(map(str, (folder / "webdataset").glob("*.tar")))
    for sample in wds.WebDataset(shards, shardshuffle=False):
        yield sample["jpg"], int(sample["cls"])


def mosaicml(folder: Path) -> Pairs:
    """MosaicML streaming over local MDS shards."""
    from streaming import StreamingDataset

    for sample in StreamingDataset(local=str(folder / "mosaicml"), shuffle=False, batch_size=32):
        yield sample["image"], sample["class"]


def pack_webdataset(folder: Path) -> None:
    """Write the peer's shards."""
    import webdataset as wds

    (folder / "webdataset").mkdir()
    with wds.ShardWriter(f"{folder}/webdataset/%04d.tar", maxcount=1000, verbose=0) as sink:
        for i, (picture, label) in enumerate(_plain(folder)):
            sink.write({"__key__": f"{i:06}", "jpg": picture, "cls": str(label)})


def pack_mosaicml(folder: Path) -> None:
    """Write the peer's shards."""
    from streaming import MDSWriter

    with MDSWriter(out=str(folder / "mosaicml"), columns={"image": "bytes", "class": "int"}) as sink:
        for picture, label in _plain(folder):
            sink.write({"image": picture, "class": label})


def _plain(folder: Path) -> Iterator[tuple[bytes, int]]:
    for line in (folder / "local.manifest").open():
        entry = json.loads(line)
        yield Path(entry["source-ref"]).read_bytes(), entry["class"]


SIDE = 300
Batches = Iterable[tuple[Any, Any]]


def ours_batches(folder: Path) -> Batches:
    """PictureBatches, as a training program has them."""
    from labelwright.streaming import PictureBatches

    for batch in PictureBatches(folder / "decode.manifest", "source-ref", ["class"], size_px=(SIDE, SIDE)):
        yield batch.pictures, batch.values["class"]


def ours_cached(folder: Path) -> Batches:
    """The second epoch, which finds everything decoded."""
    from labelwright.streaming import PictureBatches

    cached = PictureBatches(
        folder / "decode.manifest", "source-ref", ["class"], size_px=(SIDE, SIDE), cache=folder / "cache"
    )
    for _ in cached:
        pass
    yield b"", []  # everything before it is not counted
    for batch in cached:
        yield batch.pictures, batch.values["class"]


def pil_batches(folder: Path) -> Batches:
    """What one would write: a dataset that decodes with PIL, in torch's DataLoader, without workers."""
    import numpy as np
    import torch
    from PIL import Image

    class Pictures(torch.utils.data.Dataset):  # type: ignore[type-arg]
        def __init__(self) -> None:
            self.entries = [json.loads(line) for line in (folder / "decode.manifest").open()]

        def __len__(self) -> int:
            return len(self.entries)

        def __getitem__(self, i: int) -> tuple[Any, int]:
            entry = self.entries[i]
            image = Image.open(entry["source-ref"]).convert("RGB")
            return np.array(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)), entry["class"]

    for pictures, classes in torch.utils.data.DataLoader(Pictures(), batch_size=32):
        yield pictures.numpy(), classes.tolist()


def first_batch_streamed(folder: Path) -> Batches:
    """The first batch over the S3 door, with nothing copied before."""
    from labelwright.streaming import PictureBatches

    yield b"", []
    batches = PictureBatches("s3://bench/decode.manifest", "source-ref", ["class"], size_px=(SIDE, SIDE))
    batch = next(iter(batches))
    yield batch.pictures, batch.values["class"]


def first_batch_of_file_mode(folder: Path) -> Batches:
    """The first batch after all objects were copied to the disk."""
    from labelwright.streaming import Channel, PictureBatches, materialise, open_objects

    yield b"", []
    objects = open_objects()
    target = folder / f"file-mode-{os.getpid()}"
    materialise(Channel("train", "s3://bench/decode/"), target, objects)
    with (folder / "file-mode.manifest").open("w") as manifest:
        for line in (folder / "decode.manifest").open():
            entry = json.loads(line)
            entry["source-ref"] = str(target / "train" / Path(entry["source-ref"]).name)
            manifest.write(json.dumps(entry) + "\n")
    batches = PictureBatches(
        folder / "file-mode.manifest", "source-ref", ["class"], size_px=(SIDE, SIDE), objects=objects
    )
    batch = next(iter(batches))
    yield batch.pictures, batch.values["class"]


def decoded(name: str, folder: Path) -> None:
    """Go through batches once; processor time and time from where the reader begins."""
    import torch
    import torchvision.io  # noqa: F401 - what a training program has loaded already

    import labelwright.streaming  # noqa: F401

    torch.set_num_threads(1)
    n = n_bytes = n_classes = 0
    cpu_s, started = time.process_time(), time.perf_counter()
    for pictures, classes in globals()[name](folder):
        if not classes:
            cpu_s, started = time.process_time(), time.perf_counter()
            continue
        n += len(classes)
        n_bytes += pictures.nbytes
        n_classes += sum(classes)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - started
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result = {"n": n, "bytes": n_bytes, "classes": n_classes, "cpu_s": cpu_s, "wall_s": wall_s}
    print(json.dumps({**result, "peak_mib": peak_mib}), flush=True)
    os._exit(0)


def main() -> None:
    """Read once and print what it took; what it takes to begin is not counted in the time per picture."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    if name.startswith("pack_"):
        globals()[name](folder)
        return
    if "batch" in name or name == "ours_cached":
        decoded(name, folder)
    started = time.perf_counter()
    pairs = iter(globals()[name](folder))
    n_bytes = n_classes = 0
    n = 0
    first_s = 0.0
    cpu_s = time.process_time()
    for picture, label in pairs:
        if n == 0:
            first_s = time.perf_counter() - started
            cpu_s = time.process_time()
        n += 1
        n_bytes += len(picture)
        n_classes += label
    cpu_s = time.process_time() - cpu_s
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result = {"n": n, "bytes": n_bytes, "classes": n_classes, "cpu_s": cpu_s, "first_s": first_s}
    print(json.dumps({**result, "peak_mib": peak_mib}), flush=True)
    os._exit(0)  # whatever a reader leaves behind is not ours to wait for


if __name__ == "__main__":
    main()
