"""Image records: a header with id and labels before the bytes of an image, MXNet's ``IRHeader``."""

from __future__ import annotations

import io
import numbers
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from labelwright.core.limits import IMAGE_PIXELS_MAX
from labelwright.pictures import BadPicture, open_picture
from labelwright.recordio.framing import Buffer, RecordIOError

__all__ = ["HEADER_BYTES", "IRHeader", "image_format", "pack", "pack_img", "unpack", "unpack_img"]

_STRUCT: Final = struct.Struct("<IfQQ")
HEADER_BYTES: Final = _STRUCT.size
"""24: flag and label of four bytes each, id and id2 of eight."""

_SIGNATURES = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG": "png",
    b"GIF8": "gif",
    b"BM": "bmp",
    b"RIFF": "webp",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
}


class IRHeader(NamedTuple):
    """Header of an image record.

    Attributes
    ----------
    flag : int
        0: one label, in ``label``. Otherwise the number of labels that follow the header. :func:`pack` sets
        it by ``label``, whatever it was.
    label : float or ndarray of shape (n_labels,), float32
        A number, or an array (of one label, too).
    id : int
        Index of the image, 0 to 2**64 - 1.
    id2 : int
        0 for images.
    """

    flag: int
    label: float | npt.NDArray[np.float32]
    id: int
    id2: int = 0


def pack(header: IRHeader | Sequence[object], data: Buffer) -> bytes:
    """Return a record: the header, labels if several, and ``data``.

    Parameters
    ----------
    header : IRHeader
        A number as label gives flag 0; a sequence or array gives flag n and n float32 labels.
    data : bytes-like
        Bytes of an image file.

    Raises
    ------
    RecordIOError
        An id or a label does not fit its field.

    Examples
    --------
    >>> pack(IRHeader(0, 3.0, 7), b"..").hex(" ", 4)
    '0000 00000000 40400700 00000000 00000000 00000000 00002e2e'
    """
    _, label, key, key2 = IRHeader(*header)
    try:
        if isinstance(label, numbers.Number):
            return b"".join((_STRUCT.pack(0, label, key, key2), data))
        labels = np.ascontiguousarray(label, dtype="<f4").ravel()
        return b"".join((_STRUCT.pack(labels.size, 0.0, key, key2), labels.tobytes(), data))
    except (struct.error, OverflowError, ValueError, TypeError) as error:
        raise RecordIOError(
            f"the header of image {key!r} cannot be written: {error}. The id must be 0 to 2**64 - 1, labels "
            "numbers that fit 32-bit floats."
        ) from error


def header_of(data: Buffer) -> IRHeader:
    """The fixed 24 bytes alone; an array of labels is not read."""
    return IRHeader(*_STRUCT.unpack_from(data))


def unpack(record: Buffer) -> tuple[IRHeader, bytes]:
    """Split a record into header and image.

    Returns
    -------
    header : IRHeader
        ``label`` is a float for flag 0, else an array of shape (flag,), float32.
    data : bytes
        Bytes of the image file, not decoded.

    Raises
    ------
    RecordIOError
        The record is shorter than its header says.
    """
    if len(record) < HEADER_BYTES:
        raise RecordIOError(
            f"a record of {len(record)} bytes is too short for an image header of {HEADER_BYTES}. Is this a "
            "file "
            "of image records? Raw and protobuf records have no such header.",
            offset=0,
        )
    header = header_of(record)
    start = HEADER_BYTES + 4 * header.flag
    if not header.flag:
        return header, bytes(record[start:])
    if start > len(record):
        raise RecordIOError(
            f"the header promises {header.flag} labels, but the record has only {len(record) - HEADER_BYTES} "
            "bytes behind it. Is this a file of image records? Raw and protobuf records have no such header.",
            offset=0,
        )
    labels = np.frombuffer(record, "<f4", header.flag, HEADER_BYTES).astype(np.float32)
    return header._replace(label=labels), bytes(record[start:])


def pack_img(
    header: IRHeader | Sequence[object],
    img: npt.NDArray[np.uint8],
    quality: int = 95,
    img_fmt: str = ".jpg",
) -> bytes:
    """Encode an image and pack it.

    Parameters
    ----------
    header : IRHeader
    img : ndarray of shape (height, width) or (height, width, 3), uint8
        Grey, or red, green, blue (not OpenCV's blue, green, red).
    quality : int
        1 to 100 for JPEG; compression level 1 to 9 for PNG (more counts as 9).
    img_fmt : {".jpg", ".jpeg", ".png"}
        Upper case will do.

    Raises
    ------
    RecordIOError
        The format or shape is not one of these.
    """
    return pack(header, encode_image(Image.fromarray(np.ascontiguousarray(img)), quality, img_fmt))


def unpack_img(
    record: Buffer, *, pixels_max: int = IMAGE_PIXELS_MAX
) -> tuple[IRHeader, npt.NDArray[np.uint8]]:
    """Split a record and decode its image.

    Returns
    -------
    header : IRHeader
    img : ndarray of shape (height, width) or (height, width, n_channels), uint8
        As stored; colours as red, green, blue.

    Raises
    ------
    RecordIOError
        The record is broken, holds no image, or one of more than ``pixels_max`` pixels.
    """
    header, data = unpack(record)
    image = open_image(data, pixels_max=pixels_max)
    try:
        if image.mode not in ("L", "RGB", "RGBA", "LA"):
            image = image.convert("RGB")
        return header, np.asarray(image)
    except (OSError, ValueError, SyntaxError) as error:
        raise RecordIOError(f"the image of record {header.id} cannot be decoded: {error}.") from error


def image_format(data: Buffer) -> str:
    """Tell the format of image bytes by their signature; empty when it is none we know."""
    head = bytes(data[:4])
    return next((name for mark, name in _SIGNATURES.items() if head.startswith(mark)), "")


def open_image(data: Buffer, *, pixels_max: int) -> Image.Image:
    """Open an image without decoding it; refuse what is none, or too large."""
    try:
        return open_picture(data, pixels_max=pixels_max)
    except BadPicture as error:
        raise RecordIOError(f"the file {error}.") from error


def encode_image(image: Image.Image, quality: int, img_fmt: str) -> bytes:
    """Encode as im2rec does: JPEG with 4:2:0 chroma, or PNG; alpha goes where JPEG has none."""
    stream = io.BytesIO()
    kind = img_fmt.lower()
    if kind in (".jpg", ".jpeg"):
        if image.mode not in ("L", "RGB"):
            image = image.convert("L" if image.mode in ("1", "LA") else "RGB")
        image.save(stream, "JPEG", quality=quality, subsampling=-1 if image.mode == "L" else "4:2:0")
    elif kind == ".png":
        image.save(stream, "PNG", compress_level=max(0, min(9, quality)))
    else:
        raise RecordIOError(f"the encoding {img_fmt!r} is not known. Choose .jpg or .png.")
    return stream.getvalue()
