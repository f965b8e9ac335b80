"""Pipe mode with real named pipes, and real processes that read them."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from labelwright import recordio
from labelwright.errors import BlobNotFound
from labelwright.streaming import Channel, ChannelReader, PipeFeeder, failure_reason, open_objects

HERE = open_objects()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "opt/ml/input/data"


def channel_of(folder, **options) -> Channel:
    return Channel(
        "train",
        folder.manifest,
        "AugmentedManifestFile",
        ("source-ref", "class"),
        mode="Pipe",
        wrapper="RecordIO",
        **options,
    )


def pairs_of(folder) -> list[bytes]:
    return [
        part
        for picture, line in zip(folder.pictures, folder.lines, strict=True)
        for part in (picture, str(line["class"]).encode())
    ]


def when_there(path: Path) -> Path:
    """As training programs do: wait until the pipe appears."""
    while not path.exists():
        pass
    return path


def test_one_pipe_per_epoch_the_next_offered_when_one_is_opened(make_folder, data: Path) -> None:
    folder = make_folder(50)
    with PipeFeeder(data, [ChannelReader(channel_of(folder, shuffle_seed=1), HERE)]) as feeder:
        assert os.listdir(data) == ["train_0"]
        assert stat.S_ISFIFO(os.stat(data / "train_0").st_mode)
        epochs = []
        for epoch in range(3):
            with when_there(data / f"train_{epoch}").open("rb") as pipe:
                when_there(data / f"train_{epoch + 1}")  # while this one is still being read
                epochs.append(list(recordio.read(pipe)))
        assert all(sorted(epoch) == sorted(pairs_of(folder)) for epoch in epochs)
        assert epochs[0] != epochs[1] != epochs[2]
    assert feeder.progress["train"].n_completed == 3
    assert feeder.failure is None
    assert os.listdir(data) == []


def test_a_consumed_pipe_is_removed(make_folder, data: Path) -> None:
    with PipeFeeder(data, [ChannelReader(channel_of(make_folder(3)), HERE)]):
        (data / "train_0").read_bytes()
        while (data / "train_0").exists():
            pass
        assert os.listdir(data) == ["train_1"]


def test_a_reader_that_stops_early_ends_its_epoch_only(make_folder, data: Path) -> None:
    folder = make_folder(200, size=100_000)  # far more than a pipe holds
    with PipeFeeder(data, [ChannelReader(channel_of(folder), HERE)]) as feeder:
        for epoch in range(3):
            with when_there(data / f"train_{epoch}").open("rb") as pipe:
                assert next(recordio.read(pipe)) == folder.pictures[0]
        assert list(recordio.read(when_there(data / "train_3"))) == pairs_of(folder)
    progress = feeder.progress["train"]
    assert (progress.n_abandoned, progress.n_completed, progress.n_opened) == (3, 1, 4)
    assert feeder.failure is None


def test_a_reader_that_is_killed_ends_its_epoch_only(make_folder, data: Path) -> None:
    folder = make_folder(200, size=100_000)
    with PipeFeeder(data, [ChannelReader(channel_of(folder), HERE)]):
        command = f"head -c 100 {data}/train_0 > /dev/null; kill -9 $$"
        assert subprocess.run(["sh", "-c", command], check=False).returncode == -signal.SIGKILL
        assert list(recordio.read(when_there(data / "train_1"))) == pairs_of(folder)


def test_channels_are_independent(make_folder, data: Path) -> None:
    folder = make_folder(100, size=50_000)
    readers = [
        ChannelReader(channel_of(folder), HERE),
        ChannelReader(Channel("validation", f"{folder.path}/pictures/", mode="Pipe"), HERE),
    ]
    with PipeFeeder(data, readers), (data / "train_0").open("rb") as train:
        records = recordio.read(train)
        assert next(records) == folder.pictures[0]
        # The other channel passes through two epochs while this one stands still.
        for epoch in range(2):
            whole = when_there(data / f"validation_{epoch}").read_bytes()
            assert whole == b"".join(folder.pictures)
        assert list(records) == pairs_of(folder)[1:]


@pytest.mark.parametrize("moment", ["before a reader", "while a reader does not read"])
def test_stopping_does_not_wait_for_a_reader(make_folder, data: Path, moment: str) -> None:
    folder = make_folder(200, size=100_000)
    feeder = PipeFeeder(data, [ChannelReader(channel_of(folder), HERE)])
    feeder.start()
    pipe = None
    if moment != "before a reader":
        pipe = (data / "train_0").open("rb", buffering=0)
        assert pipe.read(1)
    before = threading.active_count()
    feeder.stop()
    feeder.stop()
    assert os.listdir(data) == []
    assert threading.active_count() < before
    if pipe is not None:
        pipe.close()


def test_a_failure_is_known_before_the_reader_sees_the_end(make_folder, data: Path) -> None:
    folder = make_folder(30)
    (folder.path / "pictures/0020.jpg").unlink()
    told: list[tuple[str, BaseException]] = []
    feeder = PipeFeeder(
        data, [ChannelReader(channel_of(folder), HERE)], on_failure=lambda *args: told.append(args)
    )
    with feeder:
        records = list(recordio.read(data / "train_0"))
        assert [name for name, _ in told] == ["train"]
    assert records == pairs_of(folder)[:40]
    assert isinstance(feeder.failure, BlobNotFound)
    assert failure_reason(told[0][1]).startswith("ClientError: Data download failed: NoSuchKey (404)")
    assert os.listdir(data) == []


def test_what_a_killed_feeder_left_is_replaced(make_folder, data: Path) -> None:
    folder = make_folder(3)
    data.mkdir(parents=True)
    os.mkfifo(data / "train_0")
    with PipeFeeder(data, [ChannelReader(channel_of(folder), HERE)]):
        assert list(recordio.read(data / "train_0")) == pairs_of(folder)
    (data / "train_0").write_text("a file of somebody")
    with pytest.raises(FileExistsError):
        PipeFeeder(data, [ChannelReader(channel_of(folder), HERE)]).start()


@pytest.fixture
def large(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """Sixty objects of 8 MiB that take no space."""
    folder = tmp_path / "large"
    folder.mkdir()
    for i in range(60):
        with (folder / f"{i:02}").open("wb") as file:
            file.truncate(8 << 20)
    yield folder, 60 * (8 << 20)


_MEMORY_PROGRAM = """
import resource, sys, threading
from labelwright.streaming import Channel, ChannelReader, PipeFeeder, open_objects
folder, data = sys.argv[1:]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
reader = ChannelReader(Channel("c", folder + "/", mode="Pipe", wrapper="RecordIO"), open_objects(),
                       budget_bytes=16 << 20)
before = peak()
n = 0
with PipeFeeder(data, [reader]), open(data + "/c_0", "rb", buffering=0) as pipe:
    while piece := pipe.read(1 << 20):
        n += len(piece)
print(n, peak() - before)
"""


def test_memory_is_flat_and_a_slow_reader_holds_the_feeder_back(large, data: Path) -> None:
    folder, n_bytes = large
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY_PROGRAM, str(folder), str(data)],
        capture_output=True,
        text=True,
        check=True,
    )
    n_read, grown_mib = map(int, done.stdout.split())
    assert n_read == n_bytes + 60 * 8
    assert grown_mib < 100  # of 480 MiB: sixteen ahead, one chunk of each thread, what is being written
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 0


def feeder_process(tmp_path: Path, description: dict) -> subprocess.Popen[str]:
    path = tmp_path / "feeder.json"
    path.write_text(json.dumps(description))
    return subprocess.Popen(
        [sys.executable, "-m", "labelwright.streaming.feeder", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def request(uri: str) -> dict:
    source = {"S3DataType": "AugmentedManifestFile", "S3Uri": uri, "AttributeNames": ["source-ref", "class"]}
    return {
        "ChannelName": "train",
        "DataSource": {"S3DataSource": source},
        "RecordWrapperType": "RecordIO",
    }


def test_the_feeder_process_feeds_from_a_data_directory_and_tells_failures(
    make_folder, data: Path, tmp_path: Path
) -> None:
    from labelwright.blobs.embedded import EmbeddedBlobs
    from labelwright.credentials import RootCredentials
    from labelwright.s3.store import ObjectStore

    folder = make_folder(12, prefix="s3://bucket/")
    blobs = EmbeddedBlobs(ObjectStore(tmp_path / "server"), RootCredentials("a", "b"), region="us-east-1")
    blobs.store.create_bucket("bucket", region="us-east-1")
    for i, picture in enumerate(folder.pictures):
        blobs.put(f"s3://bucket/pictures/{i:04}.jpg", picture)
    blobs.put("s3://bucket/train.manifest", Path(folder.manifest).read_bytes())
    try:
        description = {
            "folder": str(data),
            "channels": [request("s3://bucket/train.manifest")],
            "job_mode": "Pipe",
            "data_dir": str(tmp_path / "server"),
            "failure": str(tmp_path / "failure"),
        }
        with feeder_process(tmp_path, description) as feeder:
            assert json.loads(feeder.stdout.readline()) == {"event": "ready"}
            assert list(recordio.read(data / "train_0")) == pairs_of(folder)
            feeder.send_signal(signal.SIGTERM)
            assert feeder.wait(30) == 0
        assert os.listdir(data) == []
        assert not (tmp_path / "failure").exists()

        blobs.delete("s3://bucket/pictures/0007.jpg")
        with feeder_process(tmp_path, description) as feeder:
            assert feeder.stdout.readline()
            assert list(recordio.read(data / "train_0")) == pairs_of(folder)[:14]
            reason = (tmp_path / "failure").read_text()
            assert feeder.wait(30) == 1
        assert reason == (
            "ClientError: Data download failed: NoSuchKey (404): There is no object "
            "s3://bucket/pictures/0007.jpg."
        )
    finally:
        blobs.close()
