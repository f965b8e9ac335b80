"""Sources of scripts: what is unpacked of them, and what is refused."""

from __future__ import annotations

import contextlib
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from labelwright.errors import InvalidRequest
from labelwright.training import sources
from labelwright.training.sources import unpack_source


def member(name: str, content: bytes = b"", **values: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in values.items():
        setattr(info, key, value)
    return info, content


def archive(tmp_path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    path = tmp_path / "sourcedir.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=kind, linkname=target)


def test_files_folders_and_links_among_them(tmp_path: Path) -> None:
    target = tmp_path / "code"
    made = archive(
        tmp_path,
        link("latest.py", "lib/a.py"),
        link("same.py", "./lib/a.py", tarfile.LNKTYPE),
        member("./lib/a.py", b"print()"),
        member("empty", type=tarfile.DIRTYPE),
    )
    unpack_source(made, target, "s3://b/k")
    assert {path.relative_to(target).as_posix() for path in target.rglob("*")} == {
        *("latest.py", "same.py", "lib", "lib/a.py", "empty")
    }
    assert (target / "latest.py").read_bytes() == (target / "same.py").read_bytes() == b"print()"


@pytest.mark.parametrize(
    "members",
    [
        [member("../out", b"x")],
        [member("a/../../out", b"x")],
        [link("a", "/etc")],
        [link("a", "../../etc")],
        [link("a", "../outside", tarfile.LNKTYPE)],
        [member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3)],
        [member("pipe", type=tarfile.FIFOTYPE)],
        [member("d", type=tarfile.DIRTYPE), link("a", "d"), link("a/b", "x")],
    ],
)
def test_what_leads_out_is_refused(tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    target = tmp_path / "within" / "code"
    with pytest.raises(InvalidRequest, match="that can be unpacked"):
        unpack_source(archive(tmp_path, *members), target, "s3://b/k")
    assert not (tmp_path / "within" / "out").exists()
    assert not (tmp_path / "out").exists()


def test_no_file_is_written_through_a_link(tmp_path: Path) -> None:
    # The link is there first, and a file behind it follows: it must not go where the link leads.
    target = tmp_path / "code"
    made = archive(tmp_path, link("d", "other"), member("other", type=tarfile.DIRTYPE), member("d/f", b"x"))
    with contextlib.suppress(InvalidRequest):
        unpack_source(made, target, "s3://b/k")
    assert (target / "other").is_dir()
    assert not (target / "other" / "f").exists()


def test_damaged_archives_and_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = archive(tmp_path, member("a", bytes(range(256)) * 40), member("b", b"x" * 5000))
    whole = made.read_bytes()
    for damaged in (b"", b"nothing", whole[:-20], whole[:60] + b"\0" * 30 + whole[90:]):
        made.write_bytes(damaged)
        with pytest.raises(InvalidRequest, match="that can be unpacked"):
            unpack_source(made, tmp_path / "code", "s3://b/k")
    made.write_bytes(whole)
    monkeypatch.setattr(sources, "_BYTES_MAX", 15_000)
    with pytest.raises(InvalidRequest, match="holds more than"):
        unpack_source(made, tmp_path / "code", "s3://b/k")
