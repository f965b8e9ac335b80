"""Pictures and masks by place: local paths, ``s3://`` URIs, and URIs that stand for a local folder.

Also what names out of foreign files may look like, and how large what they name may be.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from labelwright.core.limits import IMAGE_PIXELS_READ_MAX
from labelwright.errors import InvalidRequest
from labelwright.pictures import BadPicture, open_picture

if TYPE_CHECKING:
    from labelwright.blobs import Blobs

__all__ = ["Files", "IMAGE_SUFFIXES", "join_place", "open_image", "read_indices", "safe_name"]

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
_FILE_BYTES_MAX = 256 << 20


class Files:
    """Read and write whole files by place.

    Parameters
    ----------
    blobs : callable, optional
        Gives the object store of ``s3://`` URIs; called at the first one that is not mapped.
    maps : sequence of (prefix, folder)
        URIs that begin with the prefix are read from (and written to) the folder instead.
    """

    def __init__(
        self, *, blobs: Callable[[], Blobs] | None = None, maps: Sequence[tuple[str, str | Path]] = ()
    ) -> None:
        self._blobs = blobs
        self._maps = [(prefix.rstrip("/") + "/", Path(folder)) for prefix, folder in maps]
        self._lock = threading.Lock()

    def local(self, place: str) -> Path | None:
        """The local path of a place, or None when it is an object of the store."""
        for prefix, folder in self._maps:
            if place.startswith(prefix):
                return folder / safe_name(place[len(prefix) :])
        return None if place.startswith("s3://") else Path(place)

    def read(self, place: str, *, bytes_max: int = _FILE_BYTES_MAX) -> bytes:
        """All bytes of a file.

        Raises
        ------
        InvalidRequest
            It is not there, cannot be read, or is larger than ``bytes_max``.
        """
        path = self.local(place)
        if path is None:
            store = self._store(place)
            self._check_size(place, store.head(place).size_bytes, bytes_max)
            return store.read(place)
        try:
            self._check_size(place, path.stat().st_size, bytes_max)
            return path.read_bytes()
        except OSError as error:
            raise InvalidRequest(
                f"{place} cannot be read ({path}: {error.strerror}). Is it where the file that names "
                "it says? A prefix can be mapped to a folder with --map s3://bucket/prefix=FOLDER.",
                field="file",
                value=place,
            ) from error

    def write(self, place: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Write a file, whole or not at all; folders are made as needed."""
        path = self.local(place)
        if path is None:
            self._store(place).put(place, data, content_type=content_type)
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                temporary = Path(file.name)
                try:
                    file.write(data)
                    file.flush()
                    temporary.chmod(0o644)
                    os.replace(temporary, path)  # noqa: PTH105 - as the pair of the line above
                except BaseException:
                    temporary.unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise InvalidRequest(f"{place} cannot be written: {error.strerror}.", field="file") from error

    def _store(self, place: str) -> Blobs:
        if self._blobs is None:
            raise InvalidRequest(
                f"{place} is in an object store, and none is at hand. Map its prefix to a local folder.",
                field="file",
                value=place,
            )
        with self._lock:
            return self._blobs()

    @staticmethod
    def _check_size(place: str, size: int, bytes_max: int) -> None:
        if size > bytes_max:
            raise InvalidRequest(
                f"{place} has {size} bytes; at most {bytes_max} are read. Is it the right file?",
                field="file",
                value=place,
            )


def safe_name(name: str) -> str:
    """A relative path out of a foreign file, with ``/`` between its parts.

    Raises
    ------
    InvalidRequest
        The name is empty, absolute, or leads out of its folder.

    Examples
    --------
    >>> safe_name("images\\\\a.jpg"), safe_name("./b//c.png")
    ('images/a.jpg', 'b/c.png')
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    is_absolute = name[:1] in ("/", "\\") or name[1:2] == ":"
    if not parts or is_absolute or ".." in parts or "\0" in name or len(name) > 4096:
        raise InvalidRequest(
            f"The path {name[:200]!r} is empty, absolute or leads out of its folder. Paths in files from "
            "elsewhere must be relative and stay inside.",
            field="path",
            value=name,
            rule="relative, without ..",
        )
    return "/".join(parts)


def join_place(base: str, name: str) -> str:
    """A relative name under a folder or an ``s3://`` prefix."""
    return f"{base.rstrip('/')}/{safe_name(name)}" if base else safe_name(name)


def open_image(data: bytes, place: str) -> Image.Image:
    """A picture, not decoded yet; its pixels as they are stored, whatever its EXIF orientation says.

    Raises
    ------
    InvalidRequest
        It is no picture, or has too many pixels.
    """
    try:
        return open_picture(data, pixels_max=IMAGE_PIXELS_READ_MAX)
    except BadPicture as error:
        raise InvalidRequest(f"{place} {error}.", field="file") from error


def read_indices(data: bytes, place: str) -> npt.NDArray[np.uint8]:
    """Class indices of a mask: the pixel values of an indexed or grey PNG, not its colours.

    Returns
    -------
    ndarray of shape (height, width), uint8
    """
    image = open_image(data, place)
    if image.mode not in ("P", "L"):
        raise InvalidRequest(
            f"{place} is a {image.mode} picture. A mask must be an indexed (palette) or grey PNG whose pixel "
            "values are class indices.",
            field="file",
            value=place,
        )
    try:
        return np.array(image, dtype=np.uint8)
    except (OSError, ValueError, SyntaxError) as error:
        raise InvalidRequest(f"{place} cannot be decoded: {error}.", field="file") from error
