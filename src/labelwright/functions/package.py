"""Deployment packages: zips from outside, checked before a byte of them is written anywhere.

A package is refused when a name in it leaves the folder (absolute, ``..``, a drive, a backslash), when it
holds a link or a device, when two entries have one name, when it is encrypted, and when it is larger than
Lambda allows once unpacked. Sizes are counted while unpacking too: what a zip says of itself may be a lie.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn

from labelwright.errors import InvalidRequest

__all__ = ["N_ENTRIES_MAX", "UNPACKED_BYTES_MAX", "ZIP_BYTES_MAX", "check_package", "remove", "unpack"]

ZIP_BYTES_MAX = 52_428_800
"""Largest zip that is sent with the request."""

UNPACKED_BYTES_MAX = 262_144_000
"""All files of a package together, and so the largest zip that is taken from S3."""

N_ENTRIES_MAX = 50_000
_PIECE = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def check_package(file: IO[bytes]) -> None:
    """Check the names, kinds and declared sizes of a zip.

    Parameters
    ----------
    file : binary file
        Seekable.

    Raises
    ------
    InvalidRequest
    """
    _entries(_opened(file))


def unpack(file: IO[bytes], folder: Path) -> None:
    """Check a zip and write its files into an empty folder.

    Raises
    ------
    InvalidRequest
        When it is refused; what was written until then is the caller's to remove.
    """
    archive = _opened(file)
    n_left = UNPACKED_BYTES_MAX
    for entry in _entries(archive):
        target = folder.joinpath(*_parts(entry.filename))
        try:
            if entry.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, target.open("xb") as out:
                while piece := source.read(_PIECE):
                    n_left -= len(piece)
                    if n_left < 0:
                        _too_large()
                    out.write(piece)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise InvalidRequest(
                f"The deployment package has {entry.filename[:200]!r} as a file and as a folder; give every "
                "entry a name of its own.",
                field="ZipFile",
            ) from error
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
            _unreadable(error)
        # Readable, and executable where the zip says so; never more than that.
        target.chmod(0o755 if (entry.external_attr >> 16) & 0o111 else 0o644)


def _opened(file: IO[bytes]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, OSError, NotImplementedError) as error:
        _unreadable(error)


def _entries(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    entries = archive.infolist()
    if not entries:
        raise InvalidRequest(
            "The deployment package is an empty zip; put the function's code into it.", field="ZipFile"
        )
    if len(entries) > N_ENTRIES_MAX:
        raise InvalidRequest(
            f"The deployment package has {len(entries)} entries; at most {N_ENTRIES_MAX} are taken.",
            field="ZipFile",
        )
    n_bytes = 0
    names: set[str] = set()
    for entry in entries:
        _check_entry(entry)
        name = "/".join(_parts(entry.filename))
        if name in names and not entry.is_dir():
            raise InvalidRequest(
                f"The deployment package has {entry.filename[:200]!r} twice; keep one of them.",
                field="ZipFile",
            )
        names.add(name)
        n_bytes += entry.file_size
    if n_bytes > UNPACKED_BYTES_MAX:
        _too_large()
    return iter(entries)


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".")]


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    parts = _parts(name)
    is_outside = name.startswith("/") or ".." in parts or "\\" in name or ":" in name.partition("/")[0]
    if is_outside or "\0" in name or (not parts and not name.endswith("/")):
        raise InvalidRequest(
            f"The deployment package has an entry named {name[:200]!r}; names must be relative paths with "
            "slashes that stay inside the package.",
            field="ZipFile",
            value=name[:200],
        )
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InvalidRequest(
            f"The deployment package has {name[:200]!r}, which is a link or a device; put plain files into "
            "it.",
            field="ZipFile",
            value=name[:200],
        )
    if entry.flag_bits & 0x1:
        raise InvalidRequest(
            "The deployment package is encrypted; send it without a password.", field="ZipFile"
        )
    if entry.compress_type not in _METHODS:
        raise InvalidRequest(
            f"The deployment package has {name[:200]!r} compressed in another way than deflate; zip it in "
            "the ordinary way.",
            field="ZipFile",
        )


def _too_large() -> NoReturn:
    raise InvalidRequest(f"Unzipped size must be smaller than {UNPACKED_BYTES_MAX} bytes.", field="ZipFile")


def _unreadable(error: Exception) -> NoReturn:
    raise InvalidRequest(
        f"Could not unzip uploaded file ({error}). Please check your file, then try to upload again.",
        field="ZipFile",
    ) from error


def remove(folder: Path) -> None:
    """Remove an unpacked package, whatever is in it."""
    shutil.rmtree(folder, ignore_errors=True)
