"""File mode and FastFile: where each object becomes which file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from labelwright.streaming import Channel, ChannelError, materialise, open_objects
from labelwright.streaming.materialise import local_name

HERE = open_objects()


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for name in ("a/train/x/1", "a/train/2", "a/train2/f", "a/train.rec", "b"):
        path = tmp_path / "store" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "store"


@pytest.mark.parametrize(
    ("prefix", "files"),
    [
        ("a/train", {"x/1", "2", "train2/f", "train.rec"}),
        ("a/train/", {"x/1", "2"}),
        ("a/train.rec", {"train.rec"}),
        ("a/tr", {"train/x/1", "train/2", "train2/f", "train.rec"}),
        ("", {"a/train/x/1", "a/train/2", "a/train2/f", "a/train.rec", "b"}),
    ],
)
@pytest.mark.parametrize("mode", ["File", "FastFile"])
def test_files_are_named_as_documented(
    store: Path, tmp_path: Path, prefix: str, files: set[str], mode: str
) -> None:
    done = materialise(Channel("c", f"{store}/{prefix}", mode=mode), tmp_path / "data", HERE)
    found = tree(done.folder)
    assert done.folder == tmp_path / "data" / "c"
    assert set(found) == files
    assert all(content.decode().endswith(name) for name, content in found.items())
    is_link = {os.path.islink(done.folder / name) for name in files}
    assert is_link == {mode == "FastFile"}
    assert done.n_files == len(files)
    assert (done.n_links, done.n_bytes) == (
        (len(files), 0) if mode == "FastFile" else (0, sum(map(len, found.values())))
    )


def test_a_manifest_names_files_by_what_follows_its_prefix(store: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "m.json"
    manifest.write_text(json.dumps([{"prefix": f"{store}/a/"}, "train/x/1", "train.rec"]))
    seen = []
    done = materialise(
        Channel("c", str(manifest), "ManifestFile"),
        tmp_path / "data",
        HERE,
        on_progress=lambda *counts: seen.append(counts),
    )
    assert set(tree(done.folder)) == {"train/x/1", "train.rec"}
    assert seen == [(1, 2), (2, 2)]


def test_hosts_get_their_share(store: Path, tmp_path: Path) -> None:
    channel = Channel("c", f"{store}/", distribution="ShardedByS3Key")
    shares = [
        set(tree(materialise(channel, tmp_path / str(h), HERE, host=h, n_hosts=2).folder)) for h in range(2)
    ]
    assert not shares[0] & shares[1]
    assert len(shares[0] | shares[1]) == 5


@pytest.mark.parametrize("key", ["../up", "a//b", "a/./b", "..", "x/../../y"])
def test_names_that_lead_elsewhere_are_refused(key: str) -> None:
    with pytest.raises(ChannelError, match="no plain"):
        local_name(f"s3://b/p/{key}", "s3://b/p/")


def test_a_whole_bucket_needs_no_slash() -> None:
    assert local_name("s3://b/x/1", "s3://b") == "x/1"


def test_pipe_channels_have_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match="Pipe channel"):
        materialise(Channel("c", "s3://b/", mode="Pipe"), tmp_path, HERE)


def test_copies_may_share_their_file(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a").write_bytes(b"a")
    channel = Channel("train", f"{tmp_path}/data/")
    shared = materialise(channel, tmp_path / "shared", HERE, may_share=True)
    own = materialise(channel, tmp_path / "own", HERE)
    assert (shared.n_bytes, shared.n_links) == (own.n_bytes, own.n_links) == (1, 0)
    inode = (tmp_path / "data/a").stat().st_ino
    assert (tmp_path / "shared/train/a").stat().st_ino == inode != (tmp_path / "own/train/a").stat().st_ino
    (tmp_path / "data/a").unlink()
    assert (tmp_path / "shared/train/a").read_bytes() == b"a"
