"""What a channel delivers, byte for byte."""

from __future__ import annotations

import gzip
import itertools
import json
import logging
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright import recordio
from labelwright.errors import BlobNotFound
from labelwright.streaming import Channel, ChannelError, ChannelReader, failure_reason, open_objects
from labelwright.streaming.payloads import gunzip, gunzip_pieces
from labelwright.streaming.reader import _HEAD_BYTES

HERE = open_objects()


def delivered(channel: Channel, epoch: int = 0, **options: int) -> bytes:
    return b"".join(ChannelReader(channel, HERE, **options).stream(epoch))


def augmented(path: Path, lines: list[object], *names: str, **options: object) -> Channel:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Channel("train", str(path), "AugmentedManifestFile", names, mode="Pipe", **options)


def test_the_worked_bytes_of_the_specification(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"\xff\xd8\xff\xd9")
    line = {"class": 1, "source-ref": str(tmp_path / "1.jpg"), "other": "dropped"}
    channel = augmented(tmp_path / "m", [line], "source-ref", "class", wrapper="RecordIO")
    assert delivered(channel) == bytes.fromhex("0a23d7ce 04000000 ffd8ffd9 0a23d7ce 01000000 31000000")


def test_records_follow_the_given_names_not_the_line(make_folder) -> None:
    folder = make_folder(30)
    names = ("note", "source-ref", "class")
    channel = Channel(
        "train", folder.manifest, "AugmentedManifestFile", names, mode="Pipe", wrapper="RecordIO"
    )
    records = list(recordio.read([delivered(channel)]))
    expected = []
    for picture, line in zip(folder.pictures, folder.lines, strict=True):
        expected += [str(line["note"]).encode(), picture, str(line["class"]).encode()]
    assert records == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("dög", "dög"),
        (1, "1"),
        (-0.5, "-0.5"),
        (1e22, "1e+22"),
        (123456789012345678901234567890, "123456789012345678901234567890"),
        (True, "true"),
        (None, "null"),
        ([1, 2], "[1, 2]"),
        ({"a": [{"b": 1}], "big": 123456789012345678901}, '{"a": [{"b": 1}], "big": 123456789012345678901}'),
    ],
)
def test_values_that_are_no_references_are_delivered_as_text(
    tmp_path: Path, value: object, text: str
) -> None:
    assert delivered(augmented(tmp_path / "m", [{"x": value}], "x")) == text.encode()


def test_a_prefix_delivers_its_objects_in_key_order(tmp_path: Path) -> None:
    for name in ("a/2", "a/10", "a/1", "ab", "b", "a/Z/é"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(name.encode())
    prefix = f"{tmp_path}/a"
    assert delivered(Channel("c", prefix)) == "a/1a/10a/2a/Z/éab".encode()
    wrapped = list(recordio.read([delivered(Channel("c", prefix, wrapper="RecordIO"))]))
    assert wrapped == [b"a/1", b"a/10", b"a/2", "a/Z/é".encode(), b"ab"]


def test_a_manifest_file_delivers_its_objects_in_its_order(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_text(name)
    manifest = tmp_path / "m.json"
    manifest.write_text(json.dumps([{"prefix": f"{tmp_path}/"}, "c", "a", "c"]))
    assert delivered(Channel("c", str(manifest), "ManifestFile")) == b"cac"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[", "not valid JSON"),
        ("{}", "first element"),
        ('["a"]', "first element"),
        ('[{"prefix": 1}, "a"]', "no prefix"),
        ('[{"prefix": "p"}, "a", 7]', "element 3 is 7"),
        ('[{"prefix": "p"}]', "names no object"),
    ],
)
def test_a_broken_manifest_file_says_what_is_wrong(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(ChannelError, match=reason):
        delivered(Channel("c", str(tmp_path / "m.json"), "ManifestFile"))


def test_nothing_under_a_prefix_is_a_client_error(tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match="no object begins with") as caught:
        delivered(Channel("c", f"{tmp_path}/none/"))
    assert failure_reason(caught.value).startswith("ClientError: Data download failed: no object")


def test_a_missing_attribute_names_the_line_after_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_text('{"x": "a"}\n\n{"x": "b"}\n{"X": "c"}\n')
    channel = Channel("t", str(path), "AugmentedManifestFile", ("x",), mode="Pipe")
    got = b""
    with pytest.raises(ChannelError) as caught:
        for piece in ChannelReader(channel, HERE).stream(0):
            got += piece
    assert got == b"ab"
    assert failure_reason(caught.value) == (
        "ClientError: Attribute 'x' not found in line 4 of the augmented manifest"
    )


def test_a_missing_object_is_the_documented_failure(tmp_path: Path) -> None:
    channel = augmented(tmp_path / "m", [{"source-ref": f"{tmp_path}/no.jpg"}], "source-ref")
    with pytest.raises(BlobNotFound) as caught:
        delivered(channel)
    reason = failure_reason(caught.value)
    assert reason.startswith("ClientError: Data download failed: NoSuchKey (404)")
    assert f"{tmp_path}/no.jpg" in reason


def test_lines_whose_labeling_failed_are_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failed = {"n": "lost", "x-metadata": {"failure-reason": "ClientError: too large"}}
    lines: list[object] = [{"n": "a", "x": 1}, failed, failed, {"n": "b", "x": 2}]
    with caplog.at_level(logging.WARNING):
        assert delivered(augmented(tmp_path / "m", lines, "n", "x")) == b"a1b2"
    assert len(caplog.records) == 1


@pytest.mark.parametrize("line", ["[1]", "{", '{"a-ref": 5}', '{"a-ref": null}'])
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "m").write_text(f'{{"a-ref": "{tmp_path}/m"}}\n{line}\n')
    channel = Channel("t", str(tmp_path / "m"), "AugmentedManifestFile", ("a-ref",), mode="Pipe")
    with pytest.raises(ChannelError, match="Line 2 of the augmented manifest"):
        delivered(channel)


def test_shuffling_moves_whole_lines_and_each_epoch_differs(make_folder) -> None:
    folder = make_folder(40)
    channel = Channel(
        "t",
        folder.manifest,
        "AugmentedManifestFile",
        ("source-ref", "note"),
        mode="Pipe",
        wrapper="RecordIO",
        shuffle_seed=3,
    )
    epochs = [list(recordio.read([delivered(channel, epoch)])) for epoch in (0, 1, 0)]
    assert epochs[0] == epochs[2] != epochs[1]
    for records in epochs:
        pairs = list(zip(records[::2], records[1::2], strict=True))
        notes = [str(line["note"]).encode() for line in folder.lines]
        assert sorted(pairs) == sorted(zip(folder.pictures, notes, strict=True))


def test_hosts_share_a_channel_and_are_dealt_anew_each_epoch(make_folder) -> None:
    folder = make_folder(25)
    channel = Channel(
        "t",
        f"{folder.path}/pictures/",
        wrapper="RecordIO",
        distribution="ShardedByS3Key",
        shuffle_seed=1,
    )
    shares = [
        [list(recordio.read([delivered(channel, epoch, host=h, n_hosts=3)])) for h in range(3)]
        for epoch in range(2)
    ]
    for epoch in shares:
        assert sorted(itertools.chain(*epoch)) == sorted(folder.pictures)
    assert set(shares[0][0]) != set(shares[1][0])
    plain = Channel("t", channel.uri, wrapper="RecordIO", distribution="ShardedByS3Key")
    assert list(recordio.read([delivered(plain, host=1, n_hosts=3)])) == folder.pictures[1::3]
    replicated = Channel("t", channel.uri, wrapper="RecordIO")
    assert list(recordio.read([delivered(replicated, host=1, n_hosts=3)])) == folder.pictures


def test_gzip_is_undone_where_it_is_and_before_wrapping(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(gzip.compress(b"one") + gzip.compress(b" more"))
    (tmp_path / "2").write_bytes(b"plain")
    (tmp_path / "3").write_bytes(gzip.compress(b""))
    for threads in (0, 2):
        channel = Channel("c", f"{tmp_path}/", compression="Gzip", wrapper="RecordIO")
        assert list(recordio.read([delivered(channel, n_threads=threads)])) == [b"one more", b"plain", b""]
        assert delivered(Channel("c", f"{tmp_path}/", compression="Gzip")) == b"one moreplain"
    kept = delivered(Channel("c", f"{tmp_path}/", wrapper="RecordIO"))
    assert next(recordio.read([kept])) == (tmp_path / "1").read_bytes()


def test_a_gzipped_manifest_is_read(tmp_path: Path) -> None:
    (tmp_path / "m.gz").write_bytes(gzip.compress(b'{"x": "a"}\n{"x": "b"}'))
    channel = Channel("c", str(tmp_path / "m.gz"), "AugmentedManifestFile", ("x",), mode="Pipe")
    assert delivered(channel) == b"ab"


@pytest.mark.parametrize("wrapper", ["None", "RecordIO"])
def test_broken_gzip_is_a_client_error_that_names_the_object(tmp_path: Path, wrapper: str) -> None:
    (tmp_path / "bad").write_bytes(gzip.compress(b"x" * 1000)[:-9])
    with pytest.raises(ChannelError, match=r"bad begins like a gzip file but is broken"):
        delivered(Channel("c", f"{tmp_path}/", compression="Gzip", wrapper=wrapper))


@settings(deadline=None)
@given(members=st.lists(st.binary(max_size=2000), min_size=1, max_size=4), cut=st.integers(1, 97))
def test_gzip_streams_may_be_cut_anywhere(members: list[bytes], cut: int) -> None:
    packed = b"".join(map(gzip.compress, members)) + b"\0" * (cut % 3)
    pieces = [packed[i : i + cut] for i in range(0, len(packed), cut)]
    if cut < 2:
        pieces = [packed[:2], packed[2:]]
    assert b"".join(gunzip_pieces(pieces[0], iter(pieces[1:]))) == b"".join(members)


def test_a_gzip_bomb_is_refused() -> None:
    with pytest.raises(ChannelError, match="unpacks to more than 1000 bytes"):
        gunzip(gzip.compress(bytes(10_000_000)), bytes_max=1000)


def test_an_object_longer_than_memory_allows_passes_in_pieces(tmp_path: Path) -> None:
    size = 3 * _HEAD_BYTES
    with (tmp_path / "large").open("wb") as file:
        file.truncate(size)
        file.seek(size - 4)
        file.write(struct.pack("<I", 7))
    pieces = [len(piece) for piece in ChannelReader(Channel("c", f"{tmp_path}/large"), HERE).stream(0)]
    assert sum(pieces) == size
    assert max(pieces) <= _HEAD_BYTES + 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "a/b"}, "ChannelName"),
        ({"name": ".."}, "ChannelName"),
        ({"data_type": "Converse"}, "S3DataType"),
        ({"attribute_names": ("x",)}, "AttributeNames"),
        ({"data_type": "AugmentedManifestFile", "mode": "Pipe"}, "AttributeNames"),
        ({"data_type": "AugmentedManifestFile", "attribute_names": ("x",)}, "InputMode"),
        ({"data_type": "ManifestFile", "mode": "FastFile"}, "InputMode"),
        ({"wrapper": "TFRecord"}, "RecordWrapperType"),
        ({"compression": "Zip"}, "CompressionType"),
        ({"distribution": "Half"}, "S3DataDistributionType"),
        ({"mode": "Fast"}, "InputMode"),
        ({"uri": ""}, "S3Uri"),
    ],
)
def test_a_channel_that_breaks_a_rule_names_the_member(change: dict, field: str) -> None:
    with pytest.raises(ChannelError) as caught:
        Channel(**{"name": "train", "uri": "s3://b/p", **change})
    assert caught.value.field == field


def test_a_channel_is_made_of_a_request() -> None:
    request = {
        "ChannelName": "train",
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "AugmentedManifestFile",
                "S3Uri": "s3://b/train.manifest",
                "S3DataDistributionType": "ShardedByS3Key",
                "AttributeNames": ["source-ref", "bb"],
            }
        },
        "RecordWrapperType": "RecordIO",
        "CompressionType": "Gzip",
        "ShuffleConfig": {"Seed": 1},
    }
    channel = Channel.from_request(request, "Pipe")
    assert channel == Channel(
        "train",
        "s3://b/train.manifest",
        "AugmentedManifestFile",
        ("source-ref", "bb"),
        mode="Pipe",
        distribution="ShardedByS3Key",
        wrapper="RecordIO",
        compression="Gzip",
        shuffle_seed=1,
    )
    with pytest.raises(ChannelError, match="input mode Pipe"):
        Channel.from_request({**request, "InputMode": "File"}, "Pipe")
    with pytest.raises(ChannelError, match="no S3DataSource"):
        Channel.from_request({"ChannelName": "x", "DataSource": {"FileSystemDataSource": {}}})


def test_local_paths_can_be_refused(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("{}")
    with pytest.raises(ChannelError, match="not an S3 URI"):
        ChannelReader(Channel("c", str(tmp_path / "m")), open_objects(local_files=False))
