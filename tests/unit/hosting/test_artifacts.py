"""Artifacts: what is unpacked, what is refused."""

from __future__ import annotations

import io
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hosting_workshop import packed

from labelwright.hosting import HostingError, artifacts
from labelwright.hosting.artifacts import fetched_model
from labelwright.streaming.objects import LocalObjects


def put(tmp_path: Path, content: bytes) -> dict[str, str]:
    (tmp_path / "model.tar.gz").write_bytes(content)
    return {"ModelDataUrl": str(tmp_path / "model.tar.gz")}


def fetch(definition: dict[str, Any], folder: Path) -> Path:
    return fetched_model(definition, folder, LocalObjects(), name="container_1")


def archive_of(*members: tarfile.TarInfo) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return content.getvalue()


def member(name: str, **values: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in values.items():
        setattr(info, key, value)
    return info


def test_an_archive_is_unpacked_once(tmp_path: Path) -> None:
    files = {"model.bin": bytes(3_000_000), "./code/inference.py": "print()", "code/lib/a.py": ""}
    definition = put(tmp_path, packed(files))
    model = fetch(definition, tmp_path / "c")
    found = {str(path.relative_to(model)) for path in model.rglob("*") if path.is_file()}
    assert found == {"model.bin", "code/inference.py", "code/lib/a.py"}
    assert (model / "model.bin").read_bytes() == bytes(3_000_000)
    (tmp_path / "model.tar.gz").unlink()
    assert fetch(definition, tmp_path / "c") == model


def test_several_at_once_unpack_once(tmp_path: Path) -> None:
    definition = put(tmp_path, packed({f"{i}": bytes(1000) for i in range(200)}))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: fetch(definition, tmp_path / "c"), range(4)))
    assert len(set(found)) == 1
    assert len(list(found[0].iterdir())) == 200


def test_without_model_data_the_folder_is_empty(tmp_path: Path) -> None:
    assert list(fetch({}, tmp_path / "c").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (archive_of(member("../outside", size=1)), "outside"),
        (archive_of(member("/etc/outside", size=1)), "outside"),
        (archive_of(member("a", type=tarfile.SYMTYPE, linkname="/etc")), "link"),
        (archive_of(member("a", type=tarfile.LNKTYPE, linkname="b")), "link"),
        (archive_of(member("a", type=tarfile.CHRTYPE)), "device"),
        (archive_of(member("a", size=100_000))[:60], "valid tar.gz"),
        (b"PK\x03\x04", "gzip"),
        (b"", "gzip"),
        (b"\x1f\x8bgarbage", "valid tar.gz"),
    ],
    ids=["parent", "absolute", "symbolic link", "hard link", "device", "cut", "zip", "empty", "garbage"],
)
def test_archives_that_are_refused(tmp_path: Path, content: bytes, text: str) -> None:
    definition = put(tmp_path, content)
    with pytest.raises(HostingError, match=r"^Failed to extract model data archive from URL") as caught:
        fetch(definition, tmp_path / "c")
    assert text in str(caught.value)
    assert not (tmp_path / "c" / "model").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "model.tar.gz"]


def test_an_archive_may_not_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "_BYTES_MAX", 1000)
    with pytest.raises(HostingError, match="is not unpacked"):
        fetch(put(tmp_path, packed({"a": bytes(1001)})), tmp_path / "c")


def test_a_missing_object_has_the_documented_reason(tmp_path: Path) -> None:
    with pytest.raises(
        HostingError, match=r'^Failed to download model data for container "container_1" from'
    ):
        fetch({"ModelDataUrl": str(tmp_path / "absent")}, tmp_path / "c")


def test_plain_objects_below_a_prefix(tmp_path: Path) -> None:
    for name in ("a.bin", "sub/b.bin"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    source = {"S3Uri": f"{tmp_path}/data", "S3DataType": "S3Prefix", "CompressionType": "None"}
    model = fetch({"ModelDataSource": {"S3DataSource": source}}, tmp_path / "c")
    assert (model / "sub/b.bin").read_text() == "sub/b.bin"
    single = {**source, "S3Uri": f"{tmp_path}/data/a.bin", "S3DataType": "S3Object"}
    model = fetch({"ModelDataSource": {"S3DataSource": single}}, tmp_path / "d")
    assert [path.name for path in model.iterdir()] == ["a.bin"]
    nothing = {**source, "S3Uri": f"{tmp_path}/none"}
    with pytest.raises(HostingError, match="Failed to download"):
        fetch({"ModelDataSource": {"S3DataSource": nothing}}, tmp_path / "e")
