"""Manifests made of the files below a prefix, over the embedded object store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from labelwright.blobs import open_blobs
from labelwright.blobs.embedded import EmbeddedBlobs
from labelwright.config import Settings
from labelwright.credentials import RootCredentials
from labelwright.dataprep.crawl import crawl, write_manifest
from labelwright.errors import BlobNotFound, ManifestError


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[EmbeddedBlobs]:
    blobs = open_blobs(Settings(data_dir=tmp_path), RootCredentials(access_key_id="K", secret_access_key="s"))
    assert isinstance(blobs, EmbeddedBlobs)
    blobs.store.create_bucket("set", region="us-east-1")
    yield blobs
    blobs.close()


def lines(blobs: EmbeddedBlobs, kind: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in crawl(blobs, "s3://set/in/", kind)]  # type: ignore[arg-type]


def test_pictures_of_all_folders_come_in_the_order_of_their_keys(blobs: EmbeddedBlobs) -> None:
    for key in ("in/b.JPG", "in/a/ü 1.png", "in/notes.txt", "in/c.jpeg", "in/empty.png", "inner.png"):
        blobs.put(f"s3://set/{key}", b"" if "empty" in key else b"x")
    found = [line["source-ref"] for line in lines(blobs, "image")]
    assert found == ["s3://set/in/a/ü 1.png", "s3://set/in/b.JPG", "s3://set/in/c.jpeg"]


def test_texts_come_line_by_line_without_the_empty_ones(blobs: EmbeddedBlobs) -> None:
    blobs.put("s3://set/in/1.txt", "\ufeffGrüße 😀\r\n\r\n  \nzwei".encode())
    blobs.put("s3://set/in/2.txt", b"three\n")
    assert [line["source"] for line in lines(blobs, "text")] == ["Grüße 😀", "zwei", "three"]


def test_of_a_csv_file_the_first_column_is_the_text(blobs: EmbeddedBlobs) -> None:
    blobs.put("s3://set/in/a.csv", b'text,n\n"two\nlines, ""quoted""",1\n,2\n\nlast')
    assert [line["source"] for line in lines(blobs, "csv")] == ["text", 'two\nlines, "quoted"', "last"]


def test_characters_may_be_cut_by_the_pieces_of_the_file(blobs: EmbeddedBlobs) -> None:
    text = "ä" * 700 + "\n"
    blobs.put("s3://set/in/a.txt", (text * 1500).encode())  # two pieces, cut at an odd byte
    found = lines(blobs, "text")
    assert len(found) == 1500
    assert {line["source"] for line in found} == {text.strip()}


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("text", b"good\n\xff\xfe\n", "not UTF-8"),
        ("text", b"good\n" + b"x" * 20_001, "line 2 of s3://set/in/f.text has 20,001 characters"),
        ("csv", b'"a\n' + b"y" * 200_000, "not a CSV file"),
        ("text", b"x" * (5 << 20), "one item a line"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_nothing_written(
    blobs: EmbeddedBlobs, kind: str, data: bytes, words: str
) -> None:
    ending = {"text": "txt", "csv": "csv"}[kind]
    blobs.put(f"s3://set/in/f.{ending}", data)
    with pytest.raises(ManifestError) as caught:
        write_manifest(blobs, "s3://set/in", kind, now=0)  # type: ignore[arg-type]
    assert words.replace("f.text", "f.txt") in caught.value.message
    assert f"s3://set/in/f.{ending}" in caught.value.message
    assert [info.uri for info in blobs.list("s3://set/in/")] == [f"s3://set/in/f.{ending}"]


def test_the_manifest_lies_in_the_folder_and_an_empty_folder_gives_none(blobs: EmbeddedBlobs) -> None:
    blobs.put("s3://set/in/a.txt", b"one\n")
    assert write_manifest(blobs, "s3://set/in/", "text", now=0) == (
        "s3://set/in/dataset-19700101T000000.manifest",
        1,
    )
    with pytest.raises(ManifestError, match=r"none with the ending .mp4, .ogg, .webm"):
        write_manifest(blobs, "s3://set/in/", "video", now=0)
    with pytest.raises(BlobNotFound):
        write_manifest(blobs, "s3://nowhere/in/", "text", now=0)
