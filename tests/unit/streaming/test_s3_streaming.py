"""The same data over a real S3 door, from the data directory beside it, and in worker processes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from labelwright import recordio
from labelwright.errors import AccessRefused, BlobNotFound
from labelwright.streaming import (
    Channel,
    ChannelError,
    ChannelReader,
    ManifestStream,
    Objects,
    PipeFeeder,
    failure_reason,
    materialise,
    open_objects,
)
from labelwright.testing.server import running_server

N = 60
MANIFEST = "s3://acme/train.manifest"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], Path, list[bytes]]]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        s3 = boto3.client("s3", **running.client_arguments())
        s3.create_bucket(Bucket="acme")
        pictures = [bytes([i]) * (i * 100) for i in range(N)]
        lines = []
        for i, picture in enumerate(pictures):
            s3.put_object(Bucket="acme", Key=f"pictures/{i:02}.jpg", Body=picture)
            lines.append(json.dumps({"source-ref": f"s3://acme/pictures/{i:02}.jpg", "class": i}))
        s3.put_object(Bucket="acme", Key="train.manifest", Body="\n".join(lines).encode())
        s3.put_object(Bucket="acme", Key="odd//key/../x", Body=b"odd")
        s3.put_object(Bucket="acme", Key="large", Body=b"0123456789" * 2_000_000)
        keys = [{"prefix": "s3://acme/pictures/"}, "05.jpg", "03.jpg"]
        s3.put_object(Bucket="acme", Key="keys.json", Body=json.dumps(keys).encode())
        s3.close()
        yield {**os.environ, **running.environment()}, running.data_dir, pictures


@pytest.fixture(params=["endpoint", "data directory"])
def objects(request: pytest.FixtureRequest, server) -> Objects:
    environ, data_dir, _ = server
    if request.param == "endpoint":
        return open_objects(environ=environ, local_files=False)
    return open_objects(data_dir=data_dir, local_files=False)


def test_a_pipe_is_fed(objects: Objects, server, tmp_path: Path) -> None:
    names = ("class", "source-ref")
    channel = Channel(
        "train",
        MANIFEST,
        "AugmentedManifestFile",
        names,
        mode="Pipe",
        wrapper="RecordIO",
    )
    with PipeFeeder(tmp_path, [ChannelReader(channel, objects)]):
        records = list(recordio.read(tmp_path / "train_0"))
    assert records == [part for i, picture in enumerate(server[2]) for part in (b"%d" % i, picture)]


def test_prefix_and_manifest_channels(objects: Objects, server, tmp_path: Path) -> None:
    pictures = server[2]
    for uri in ("s3://acme/pictures/", "s3://acme/pict"):
        assert b"".join(ChannelReader(Channel("c", uri), objects).stream(0)) == b"".join(pictures)
    named = Channel("c", "s3://acme/keys.json", "ManifestFile")
    assert b"".join(ChannelReader(named, objects).stream(0)) == pictures[5] + pictures[3]
    done = materialise(Channel("c", "s3://acme/pictures", mode="FastFile"), tmp_path, objects)
    assert [(done.folder / f"{i:02}.jpg").read_bytes() for i in range(N)] == pictures
    assert done.n_links == (0 if objects.is_remote("s3://acme/x") else N)


def test_a_large_object_passes_in_pieces(objects: Objects, server) -> None:
    pieces = list(ChannelReader(Channel("c", "s3://acme/large"), objects).stream(0))
    assert b"".join(pieces) == b"0123456789" * 2_000_000
    assert len(pieces) > 1


def test_a_stream_is_resumed(objects: Objects, server) -> None:
    def stream() -> ManifestStream:
        return ManifestStream(MANIFEST, ["source-ref", "class"], shuffle_seed=2, objects=objects)

    whole = list(stream())
    assert sorted((s["class"], s["source-ref"]) for s in whole) == list(enumerate(server[2]))
    first = stream()
    got = [sample for sample, _ in zip(first, range(25), strict=False)]
    second = stream()
    second.load_state_dict({**first.state_dict(), "n_done": 25})
    assert got + list(second) == whole


def test_what_is_missing_is_named(objects: Objects) -> None:
    for uri, code in (("s3://acme/no.json", "NoSuchKey"), ("s3://nobucket/no.json", "NoSuchBucket")):
        with pytest.raises(BlobNotFound) as caught:
            ChannelReader(Channel("c", uri, "ManifestFile"), objects)
        assert failure_reason(caught.value).startswith("ClientError: Data download failed: NoSuch")
        assert uri in failure_reason(caught.value)
        assert code == "NoSuchKey" or uri.startswith("s3://nobucket")
    with pytest.raises(ChannelError, match="no object begins with s3://acme/none"):
        ChannelReader(Channel("c", "s3://acme/none"), objects)
    with pytest.raises(BlobNotFound):
        ChannelReader(Channel("c", "s3://nobucket/"), objects)


def test_keys_that_are_no_paths_are_read_from_the_data_directory_and_lead_nowhere_else(server) -> None:
    _, data_dir, _ = server
    objects = open_objects(data_dir=data_dir)
    assert objects.read("s3://acme/odd//key/../x") == b"odd"
    for uri in ("s3://acme/../../objects.sqlite", "s3://acme/pictures/../../../objects.sqlite"):
        with pytest.raises(BlobNotFound):
            objects.read(uri)
    with pytest.raises(ChannelError):
        objects.read("s3://../objects.sqlite")


def test_refused_credentials_are_a_client_error(server) -> None:
    environ, _, _ = server
    objects = open_objects(environ={**environ, "AWS_SECRET_ACCESS_KEY": "wrong"})
    with pytest.raises(AccessRefused) as caught:
        ChannelReader(Channel("c", "s3://acme/pictures/"), objects)
    assert failure_reason(caught.value).startswith("ClientError: Data download failed: AccessDenied (403)")
    with pytest.raises(AccessRefused):
        objects.read("s3://acme/train.manifest")


@pytest.mark.train
def test_worker_processes_have_clients_of_their_own(server) -> None:
    pytest.importorskip("torch")
    from labelwright.streaming import ManifestDataset, StreamLoader

    environ, _, pictures = server
    dataset = ManifestDataset(
        MANIFEST, ["source-ref", "class"], shuffle_seed=1, objects=open_objects(environ=environ)
    )
    assert dataset.n_lines == N  # the client is used here before the workers start
    loader = StreamLoader(dataset, batch_size=16, num_workers=1, collate_fn=list)
    found = [(sample["class"], sample["source-ref"]) for batch in loader for sample in batch]
    assert sorted(found) == list(enumerate(pictures))
