"""Reading objects beside the server, and features that are computed once."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_reading import open_reader
from labelwright.autolabel.job_row_cache import PictureRows
from labelwright.blobs import open_blobs
from labelwright.config import Settings
from labelwright.credentials import RootCredentials
from labelwright.errors import BlobNotFound, InvalidRequest


def png(value: int) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(value).integers(0, 255, size=(20, 20, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


class Counting:
    """A reader that counts."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.n_reads = 0

    def read(self, uri: str) -> bytes:
        self.n_reads += 1
        if uri not in self.files:
            raise BlobNotFound(f"There is no object {uri}.", kind="object", name=uri)
        return self.files[uri]


class Pictures(Objects):
    """Objects 3, 1 and 4 of a job of six."""

    def __init__(self) -> None:
        self.ids = np.array([3, 1, 4], np.int64)

    def line(self, i: int) -> dict[str, Any]:
        return {"source-ref": f"s3://acme/{int(self.ids[i])}.png"}


def test_features_are_computed_once(tmp_path: Path) -> None:
    content = {"cache": str(tmp_path / "cache"), "n_objects": 6, "data_dir": "", "object_store": ""}
    reader = Counting({"s3://acme/3.png": png(3), "s3://acme/4.png": b"no picture"})
    objects, everything = Pictures(), np.arange(3)
    rows, is_usable = PictureRows(content, tmp_path, reader).rows(objects, everything)
    assert is_usable.tolist() == [True, False, False] and reader.n_reads == 3
    assert np.abs(rows[0]).sum() > 0
    again, is_usable = PictureRows(content, tmp_path, reader).rows(objects, everything)  # the next program
    assert is_usable.tolist() == [True, False, False] and reader.n_reads == 3
    assert np.array_equal(again[0], rows[0])


def test_objects_are_read_while_the_server_has_the_store(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    blobs: Any = open_blobs(settings, RootCredentials("AKIATEST", "secret"))
    blobs.store.create_bucket("acme", region="eu-west-1")
    reader = open_reader(tmp_path, "")
    for uri in (
        "s3://acme/a/b.txt",
        "s3://acme/a",
        "s3://acme/x//y",
    ):  # the last two have no path of their own
        blobs.put(uri, uri.encode())
        assert reader.read(uri) == uri.encode()
    blobs.put("s3://acme/a", b"new")
    assert reader.read("s3://acme/a") == b"new"
    blobs.delete("s3://acme/a/b.txt")
    with pytest.raises(BlobNotFound):
        reader.read("s3://acme/a/b.txt")
    with pytest.raises(InvalidRequest, match="not an S3 URI"):
        reader.read("file:///etc/passwd")
    blobs.close()
    assert reader.read("s3://acme/x//y") == b"s3://acme/x//y"
