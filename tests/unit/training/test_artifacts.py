"""Archives of artifacts, and what is published of a job's folder."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from labelwright.blobs.embedded import EmbeddedBlobs
from labelwright.credentials import RootCredentials
from labelwright.s3.store import ObjectStore
from labelwright.training import publish_outputs, sync_checkpoints
from labelwright.training.outcome import exit_reason, reason_of
from labelwright.training.packing import gather, has_files, pack
from labelwright.training.publish import remember_checkpoints

REQUEST = {
    "OutputDataConfig": {"S3OutputPath": "s3://out/"},
    "CheckpointConfig": {"S3Uri": "s3://out/ckpt/"},
}


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBlobs]:
    store = ObjectStore(tmp_path_factory.mktemp("store"))
    store.create_bucket("out", region="us-east-1")
    yield EmbeddedBlobs(store, RootCredentials("AKIAEXAMPLE", "secret"), region="us-east-1")
    store.close()


def tree(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def members(archive: Path) -> dict[str, str]:
    with tarfile.open(archive) as tar:
        return {member.name: tar.extractfile(member).read().decode() for member in tar}  # type: ignore[union-attr]


def test_hosts_are_merged_and_the_lowest_wins(tmp_path: Path) -> None:
    one = tree(tmp_path / "1", weights="one", code__inference="x")
    two = tree(tmp_path / "2", weights="two", rank2__extra="y")
    (one / "latest").symlink_to("weights")
    (one / "best").symlink_to("/opt/ml/model/weights")
    (one / "nowhere").symlink_to("/does/not/exist")
    os.mkfifo(one / "pipe")
    pack(tmp_path / "model.tar.gz", [one, two])
    expected = {"best": "one", "code/inference": "x", "latest": "one", "rank2/extra": "y", "weights": "one"}
    assert members(tmp_path / "model.tar.gz") == expected
    gather(tmp_path / "model", [one, two])
    found = {p.relative_to(tmp_path / "model").as_posix(): p.read_text() for p in (tmp_path / "model").rglob("*") if p.is_file()}  # fmt: skip  # noqa: E501
    assert found == expected


def test_an_empty_model_is_an_almost_empty_archive(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    assert not has_files([tmp_path / "1", tmp_path / "absent"])
    pack(tmp_path / "model.tar.gz", [tmp_path / "1"])
    assert members(tmp_path / "model.tar.gz") == {}


def test_outputs_are_published_as_archives_or_files(tmp_path: Path, blobs: EmbeddedBlobs) -> None:
    tree(tmp_path / "a", **{"model.tar.gz": "model"})
    uris = publish_outputs(blobs, tmp_path / "a", REQUEST, "job")
    assert uris == ["s3://out/job/output/model.tar.gz"] and blobs.read(uris[0]) == b"model"
    assert publish_outputs(blobs, tmp_path / "a", REQUEST, "job") == uris  # again, after a crash
    tree(tmp_path / "b", model__x__weights="w", output__log="l", intermediate__i="i")
    request = {"OutputDataConfig": {"S3OutputPath": "s3://out/p", "CompressionType": "NONE"}}
    assert publish_outputs(blobs, tmp_path / "b", request, "job") == [
        "s3://out/p/job/output/model/x/weights",
        "s3://out/p/job/output/data/log",
        "s3://out/p/job/output/intermediate/i",
    ]
    assert publish_outputs(blobs, tmp_path / "none", REQUEST, "job") == []


def test_checkpoints_follow_the_folder(tmp_path: Path, blobs: EmbeddedBlobs) -> None:
    def there() -> dict[str, bytes]:
        return {
            info.uri.removeprefix("s3://out/ckpt/"): blobs.read(info.uri)
            for info in blobs.list("s3://out/ckpt/")
        }

    blobs.put("s3://out/ckpt/others", b"o")
    folder = tmp_path / "checkpoints"
    tree(folder, resumed="r")
    blobs.put("s3://out/ckpt/resumed", b"r")
    remember_checkpoints(tmp_path)  # as the program does after it has brought them
    memo: dict[str, object] = {}
    assert sync_checkpoints(blobs, tmp_path, REQUEST, memo) == 0
    tree(folder, epoch__1="1")
    written = (folder / "epoch/1").stat().st_mtime
    assert sync_checkpoints(blobs, tmp_path, REQUEST, memo, now=written + 0.1) == 0  # perhaps half written
    assert sync_checkpoints(blobs, tmp_path, REQUEST, memo, now=written + 2) == 1
    assert there() == {"others": b"o", "resumed": b"r", "epoch/1": b"1"}
    (folder / "resumed").unlink()
    tree(folder, epoch__1="1, but longer", epoch__2="2")
    # A server that was started anew goes on from what is in the folder.
    assert sync_checkpoints(blobs, tmp_path, REQUEST, {}, is_final=True) == 3
    assert there() == {"others": b"o", "epoch/1": b"1, but longer", "epoch/2": b"2"}
    assert sync_checkpoints(blobs, tmp_path, {"OutputDataConfig": {}}, {}) == 0


def test_reasons_have_the_documented_forms(tmp_path: Path) -> None:
    failure = tmp_path / "failure"
    assert exit_reason(1, failure, is_builtin=False) == "AlgorithmError: , exit code: 1"
    failure.write_text("no labels")
    assert exit_reason(2, failure, is_builtin=True) == "ClientError: no labels, exit code: 2"
    assert exit_reason(2, failure, is_builtin=False) == "AlgorithmError: no labels, exit code: 2"
    assert exit_reason(137, failure, is_builtin=True) == "AlgorithmError: no labels, exit code: 137"
    failure.write_text("é" * 3000)
    long = exit_reason(1, failure, is_builtin=False)
    assert len(long) == 1024 and long.endswith("é, exit code: 1")
    full = RuntimeError("copy failed")
    full.__cause__ = OSError(28, "No space left on device")
    assert reason_of(full).startswith("ClientError: No space left on device")


def test_links_of_a_container_do_not_lead_out_of_its_folder(tmp_path: Path) -> None:
    secret = tree(tmp_path / "server", keys="secret") / "keys"
    job = tree(tmp_path / "job", model__weights="w", cache__big="b")
    (job / "model" / "stolen").symlink_to(secret)
    (job / "model" / "kept").symlink_to("../cache/big")
    (job / "whole").symlink_to(secret.parent)
    pack(job / "model.tar.gz", [job / "model", job / "whole"], root=job)
    assert members(job / "model.tar.gz") == {"kept": "b", "weights": "w"}
    assert not has_files([job / "whole"], root=job)
    gather(job / "files", [job / "model", job / "whole"], root=job)
    assert sorted(path.name for path in (job / "files").iterdir()) == ["kept", "weights"]


def test_links_out_of_the_job_are_no_checkpoints(tmp_path: Path, blobs: EmbeddedBlobs) -> None:
    secret = tree(tmp_path / "server", keys="secret") / "keys"
    job = tree(tmp_path / "job", hosts__ckpt__epoch="1")
    (job / "hosts/ckpt/stolen").symlink_to(secret)
    (job / "hosts/ckpt/last").symlink_to("epoch")
    (job / "checkpoints").symlink_to(job / "hosts" / "ckpt")
    request = {"CheckpointConfig": {"S3Uri": "s3://out/links"}}
    assert sync_checkpoints(blobs, job, request, {}, is_final=True) == 2
    found = {info.uri: blobs.read(info.uri) for info in blobs.list("s3://out/links/")}
    assert found == {"s3://out/links/epoch": b"1", "s3://out/links/last": b"1"}


def test_a_failure_is_read_from_a_plain_file_of_the_job_alone(tmp_path: Path) -> None:
    secret = tree(tmp_path / "server", keys="secret") / "keys"
    job = tree(tmp_path / "job", other="")
    os.mkfifo(job / "pipe")
    (job / "link").symlink_to(secret)
    for name in ("pipe", "link"):
        assert exit_reason(1, job / name, is_builtin=False) == "AlgorithmError: , exit code: 1"
