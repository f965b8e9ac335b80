"""The model to use: a folder, a ``model.tar.gz``, or an object that is one."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from labelwright.errors import InvalidRequest

__all__ = ["opened_model"]


@contextlib.contextmanager
def opened_model(location: str, *, data_dir: Path | None = None) -> Iterator[Path]:
    """The folder with the files of a model, while the block lasts.

    Parameters
    ----------
    location : str
        A folder, a ``.tar.gz`` file or an ``s3://`` URI of one; archives are unpacked into a temporary
        folder.
    data_dir : Path, optional
        Data directory of the server whose store ``s3://`` means; default: what the AWS variables say.

    Raises
    ------
    InvalidRequest
        There is nothing of the kind.
    """
    path = Path(location)
    if not location.startswith("s3://") and path.is_dir():
        yield path
        return
    if not location.startswith("s3://") and not path.is_file():
        raise InvalidRequest(
            f"There is no model at {location}. Give the folder or the model.tar.gz of a training job, or its "
            "s3:// URI.",
            field="MODEL",
            value=location,
        )
    from labelwright.hosting.artifacts import fetched_archive
    from labelwright.streaming import open_objects

    with tempfile.TemporaryDirectory(prefix="labelwright-") as folder:
        uri = location if location.startswith("s3://") else str(path.absolute())
        yield fetched_archive(uri, Path(folder) / "model", open_objects(data_dir=data_dir), name="model")
