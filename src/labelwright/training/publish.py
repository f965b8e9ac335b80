"""Putting what a job made where its request says: artifacts at the end, checkpoints while it runs.

Called by the server, which has the objects; every function may be repeated after a crash at any point.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from labelwright.training.plain_files import open_plain

if TYPE_CHECKING:
    from labelwright.blobs import Blobs

__all__ = [
    "INTERMEDIATE",
    "MODEL",
    "OUTPUT",
    "artifact_uri",
    "output_prefix",
    "publish_outputs",
    "remember_checkpoints",
    "sync_checkpoints",
]

MODEL: Final = "model"
OUTPUT: Final = "output"
INTERMEDIATE: Final = "intermediate"
"""Names of the artifacts in the job's folder: ``<name>.tar.gz``, or ``<name>/`` when they stay files."""

_PIECE_BYTES = 1 << 20
_SETTLED_S = 1.0  # a file that was written a moment ago may be in the middle of it
_KNOWN = "checkpoints.json"
_DATA = {MODEL: "model", OUTPUT: "data", INTERMEDIATE: "intermediate"}  # folders of files below output/


def output_prefix(request: Mapping[str, Any], name: str) -> str:
    """URI of a job's output folder, without a slash at its end.

    Examples
    --------
    >>> output_prefix({"OutputDataConfig": {"S3OutputPath": "s3://bucket/"}}, "cats")
    's3://bucket/cats/output'
    """
    return f"{str(request['OutputDataConfig']['S3OutputPath']).rstrip('/')}/{name}/output"


def artifact_uri(request: Mapping[str, Any], name: str) -> str:
    """``S3ModelArtifacts`` of a job.

    Examples
    --------
    >>> artifact_uri({"OutputDataConfig": {"S3OutputPath": "s3://b/p", "CompressionType": "NONE"}}, "cats")
    's3://b/p/cats/output/model/'
    """
    if request["OutputDataConfig"].get("CompressionType", "GZIP") == "NONE":
        return f"{output_prefix(request, name)}/model/"
    return f"{output_prefix(request, name)}/model.tar.gz"


def publish_outputs(blobs: Blobs, folder: Path, request: Mapping[str, Any], name: str) -> list[str]:
    """Upload a job's artifacts.

    Parameters
    ----------
    blobs : Blobs
    folder : Path
        The program's folder, after its result has appeared.
    request : Mapping
        Of CreateTrainingJob.
    name : str
        The job's.

    Returns
    -------
    list of str
        URIs of what was written; empty when there is nothing.

    Raises
    ------
    labelwright.errors.LabelwrightError
        The bucket is missing or refused; nothing is taken from the folder, so it can be tried again.
    """
    prefix = output_prefix(request, name)
    uris = []
    for artifact in _DATA:
        archive = folder / f"{artifact}.tar.gz"
        if archive.is_file():
            uri = f"{prefix}/{archive.name}"
            blobs.put(uri, _pieces(archive), content_type="application/gzip")
            uris.append(uri)
        elif (files := folder / artifact).is_dir():
            for place, path in _files(files):
                uri = f"{prefix}/{_DATA[artifact]}/{place}"
                blobs.put(uri, _pieces(path))
                uris.append(uri)
    return uris


def sync_checkpoints(
    blobs: Blobs,
    folder: Path,
    request: Mapping[str, Any],
    memo: MutableMapping[str, Any],
    *,
    is_final: bool = False,
    now: float | None = None,
) -> int:
    """Bring the objects of ``CheckpointConfig.S3Uri`` up to what the folder of checkpoints holds.

    New and changed files are uploaded, and what the job deleted is deleted; objects that others put there
    are left alone. Cheap when nothing has changed.

    Parameters
    ----------
    blobs : Blobs
    folder : Path
        The program's folder.
    request : Mapping
        Of CreateTrainingJob; without ``CheckpointConfig`` nothing is done.
    memo : MutableMapping
        Kept by the caller between calls for the same job, empty at first. It is saved in the folder as
        well, so that a server that starts anew goes on where the last one was.
    is_final : bool
        After the job has ended: also files that were written this moment.
    now : float, optional
        Epoch seconds, by default the system's.

    Returns
    -------
    int
        Objects written and deleted.
    """
    config = request.get("CheckpointConfig")
    local = folder / "checkpoints"
    if not config or not local.is_dir():
        return 0
    prefix = str(config["S3Uri"]).rstrip("/")
    now = time.time() if now is None else now
    if "known" not in memo:
        memo["known"] = _read_known(folder)
    known: dict[str, list[int]] = memo["known"]
    n_changes = 0
    found = set()
    root = folder.resolve()
    for place, path in _files(local):
        found.add(place)
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        mark = [status.st_size, status.st_mtime_ns]
        if known.get(place) == mark or (not is_final and now - status.st_mtime < _SETTLED_S):
            continue
        try:
            blobs.put(f"{prefix}/{place}", _pieces(path, root))
        except OSError as error:
            # Renamed or deleted meanwhile: next time. A link out of the job's folder is never followed: what
            # made it, perhaps in a container, may not be allowed to read what it leads to.
            if error.errno in (errno.ENOENT, errno.EXDEV, errno.EINVAL):
                continue
            raise
        known[place] = mark
        n_changes += 1
    for place in sorted(known.keys() - found):
        blobs.delete(f"{prefix}/{place}")
        del known[place]
        n_changes += 1
    if n_changes:
        _write_known(folder, known)
    return n_changes


def remember_checkpoints(folder: Path) -> None:
    """Note that the files in a job's folder of checkpoints are the objects they were copied from."""
    known = {}
    for place, path in _files(folder / "checkpoints"):
        status = path.stat()
        known[place] = [status.st_size, status.st_mtime_ns]
    _write_known(folder, known)


def _read_known(folder: Path) -> dict[str, list[int]]:
    try:
        known: dict[str, list[int]] = json.loads((folder / _KNOWN).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return known


def _write_known(folder: Path, known: Mapping[str, list[int]]) -> None:
    aside = folder / f"{_KNOWN}.part"
    aside.write_text(json.dumps(known))
    aside.replace(folder / _KNOWN)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Regular files below a folder and their places in it, in order; links to files count as files."""
    for at, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(at, name)
            try:
                is_file = stat.S_ISREG(path.stat().st_mode)
            except OSError:
                continue
            if is_file:
                yield path.relative_to(folder).as_posix(), path


def _pieces(path: Path, root: Path | None = None) -> Iterator[bytes]:
    with open_plain(path, root) as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
