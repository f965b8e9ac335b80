"""Zips from outside."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from labelwright.errors import InvalidRequest
from labelwright.functions import package
from labelwright.functions.package import UNPACKED_BYTES_MAX, check_package, unpack


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    out.seek(0)
    return out


def entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def test_files_and_folders(tmp_path: Path) -> None:
    zipped = packed(
        ("app.py", b"x = 1"),
        ("lib/", b""),
        ("lib/deep/mod.py", b"y = 2"),
        (entry("run.sh", stat.S_IFREG | 0o4777), b"#!"),
    )
    unpack(zipped, tmp_path)
    assert (tmp_path / "app.py").read_bytes() == b"x = 1"
    assert (tmp_path / "lib/deep/mod.py").read_bytes() == b"y = 2"
    assert stat.S_IMODE((tmp_path / "run.sh").stat().st_mode) == 0o755  # never set-user-id
    assert stat.S_IMODE((tmp_path / "app.py").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x.py", "a/../../x.py", "a/..", "c:/x.py", "a\\b.py", "..\\x"]
)
def test_names_that_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequest, match="stay inside the package"):
        unpack(packed(("ok.py", b""), (name, b"")), tmp_path)
    assert list(tmp_path.iterdir()) == []  # names are checked before anything is written


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices(tmp_path: Path, kind: int) -> None:
    with pytest.raises(InvalidRequest, match="a link or a device"):
        unpack(packed((entry("x", kind | 0o777), b"/etc/passwd")), tmp_path)


def test_one_name_twice(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        zipped = packed(("a.py", b"1"), ("a.py", b"2"))
    with pytest.raises(InvalidRequest, match="twice"):
        unpack(zipped, tmp_path)
    with pytest.raises(InvalidRequest, match="twice"):
        check_package(packed(("a.py", b"1"), ("./a.py", b"2")))
    with pytest.raises(InvalidRequest, match="as a file and as a folder"):
        unpack(packed(("a", b"1"), ("a/b", b"2")), tmp_path)


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the zip declares; and by what comes out when it declares less."""
    zeros = b"\0" * (1 << 20)
    monkeypatch.setattr(package, "UNPACKED_BYTES_MAX", 3 << 20)
    unpack(packed(*((f"f{i}", zeros) for i in range(3))), tmp_path)
    with pytest.raises(InvalidRequest, match="Unzipped size must be smaller"):
        check_package(packed(*((f"f{i}", zeros) for i in range(4))))
    lying = bytearray(packed(("f", zeros * 4)).getvalue())
    for position, mark in ((0, b"PK\x03\x04"), (None, b"PK\x01\x02")):
        start = lying.index(mark) if position is None else position
        offset = 24 if position is None else 22
        struct.pack_into("<I", lying, start + offset, 10)
    with pytest.raises(InvalidRequest):
        unpack(io.BytesIO(bytes(lying)), tmp_path / "lie")
    assert sum(f.stat().st_size for f in tmp_path.rglob("f") if f.is_file()) <= UNPACKED_BYTES_MAX


def test_other_odd_zips(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="empty zip"):
        check_package(packed())
    with pytest.raises(InvalidRequest, match="than deflate"):
        check_package(packed(("a.py", b"x" * 100), method=zipfile.ZIP_BZIP2))
    encrypted = bytearray(packed(("a.py", b"x")).getvalue())
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InvalidRequest, match="encrypted"):
        check_package(io.BytesIO(bytes(encrypted)))
    damaged = bytearray(packed(("a.py", b"text" * 50), method=zipfile.ZIP_STORED).getvalue())
    damaged[60] ^= 0xFF
    with pytest.raises(InvalidRequest, match="Could not unzip"):
        unpack(io.BytesIO(bytes(damaged)), tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@example(data=b"", position=368, byte=0)  # an entry without a name
@given(data=st.binary(max_size=200), position=st.integers(0, 400), byte=st.integers(0, 255))
def test_damage_is_refused_in_words_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, position: int, byte: int
) -> None:
    zipped = bytearray(packed(("a.py", data), ("b/c.py", data[::-1])).getvalue())
    zipped[position % len(zipped)] = byte
    folder = tmp_path_factory.mktemp("damaged")
    try:
        unpack(io.BytesIO(bytes(zipped)), folder)
    except InvalidRequest as error:
        assert error.message
    inside = folder.resolve()
    assert all(path.resolve().is_relative_to(inside) for path in folder.rglob("*"))
