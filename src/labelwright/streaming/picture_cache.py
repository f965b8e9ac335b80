"""Decoded pictures on the disk, for later epochs: one file of records of equal size.

The record of line ``i`` lies at ``i`` times the size of a record: a header and the pixels. The header holds
what tells the object from others (`identity_of`) and a CRC-32C of the pixels. So a record that belongs to an
object that has changed, to a line of another manifest, or to a write that was cut off, counts as not there;
nothing else has to be kept, and several processes may use one folder at a time.

The file is sparse and read with plain reads: pages of it belong to the system and not to the program, whose
memory stays flat.
"""

from __future__ import annotations

import hashlib
import logging
import os
import struct
import threading
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from labelwright.streaming.objects import Objects

__all__ = ["PictureCache", "identity_of"]

_log = logging.getLogger(__name__)

_HEADER: Final = struct.Struct("<8sIII")  # identity, CRC-32C, width and height as stored
Pixels = NDArray[np.uint8]


class PictureCache:
    """Decoded pictures of one size in one folder. May be used from several threads.

    Parameters
    ----------
    folder : path
        Made when needed; pictures of other sizes may be there beside.
    size_px : tuple of int
        Width and height.
    bytes_max : int
        No more pictures are kept than fit: those of the first lines of the manifest, whatever the order in
        which they are visited. To replace some by others would help no epoch that visits all of them.
    """

    def __init__(self, folder: str | os.PathLike[str], size_px: tuple[int, int], *, bytes_max: int) -> None:
        from awscrt.checksums import crc32c

        width, height = size_px
        self._crc32c = crc32c
        self._record_bytes = _HEADER.size + width * height * 3
        self._n_max = bytes_max // self._record_bytes
        self._is_writable = True
        self._lock = threading.Lock()
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.path = Path(folder) / f"pictures-v1-{width}x{height}"
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __del__(self) -> None:
        self.close()

    def read(self, i: int, identity: bytes, pixels: Pixels) -> tuple[int, int] | None:
        """Fill ``pixels`` with the picture of a line.

        Parameters
        ----------
        i : int
            Number of the line.
        identity : bytes
            Of the object, as it is now.
        pixels : ndarray of shape (height, width, 3), uint8
            Contiguous; its content is undefined when there is no such picture.

        Returns
        -------
        tuple of int or None
            Width and height of the picture as stored; None when it is not here.
        """
        if i >= self._n_max:
            return None
        header = bytearray(_HEADER.size)
        data = pixels.reshape(-1).data
        if os.preadv(self._fd, [header, data], i * self._record_bytes) != self._record_bytes:
            return None
        kept, crc, width, height = _HEADER.unpack(header)
        if kept != identity or self._crc32c(data) != crc:
            return None
        return width, height

    def write(self, i: int, identity: bytes, pixels: Pixels, stored: tuple[int, int]) -> None:
        """Keep the picture of a line. A disk that is full ends the keeping, not the reading."""
        if i >= self._n_max or not self._is_writable:
            return
        data = pixels.reshape(-1).data
        header = _HEADER.pack(identity, self._crc32c(data), *stored)
        try:
            written = os.pwritev(self._fd, [header, data], i * self._record_bytes)
        except OSError as error:
            written, reason = 0, str(error)
        else:
            reason = "the disk is full"
        if written != self._record_bytes:
            with self._lock:
                if self._is_writable:
                    self._is_writable = False
                    _log.warning(
                        "no more decoded pictures are kept",
                        extra={"action": "stream", "file": str(self.path), "reason": reason},
                    )

    def close(self) -> None:
        """Let go of the file."""
        fd, self._fd = getattr(self, "_fd", -1), -1
        if fd >= 0:
            os.close(fd)


def identity_of(uri: str, objects: Objects) -> bytes:
    """What tells an object from others and from earlier ones of its name, in 8 bytes.

    Of a file it changes with its size, its time of modification and its inode. An object behind an endpoint
    is known by its name only: to ask whether it has changed would cost as much as to read it.
    """
    path = objects.local_path(uri)
    text = uri
    if path is not None:
        found = os.stat(path)  # noqa: PTH116 - a path object would cost more than the call
        text = f"{uri}\0{found.st_size}\0{found.st_mtime_ns}\0{found.st_ino}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
