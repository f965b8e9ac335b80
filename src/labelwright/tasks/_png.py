"""PNG files of masks: checking those of workers in little memory, reading and writing class indices.

What workers send is not trusted. A file is first walked through chunk by chunk, its pixels inflated piece by
piece and thrown away; only what is whole, of bearable size and of a plain kind reaches the decoder, without
any chunk that pixels do not need.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import PngImagePlugin
from PIL.Image import Image
from PIL.Image import frombytes as image_from_bytes

from labelwright.core.limits import IMAGE_PIXELS_MAX

__all__ = ["BadPng", "check_png", "read_mask", "write_mask"]

Mask = npt.NDArray[np.uint8]

_Code = TypeVar("_Code", int, npt.NDArray[np.int64])

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Bits per pixel by colour type and bit depth: grey, RGB, indexed, grey with alpha, RGBA.
_BITS = {(0, 1): 1, (0, 2): 2, (0, 4): 4, (0, 8): 8, (2, 8): 24, (3, 1): 1, (3, 2): 2, (3, 4): 4, (3, 8): 8}
_BITS |= {(4, 8): 16, (6, 8): 32}
_INDEXED = 3
_ESSENTIAL = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PIECE_BYTES = 1 << 16
_STRIP_PIXELS = 1 << 22
_FILTER_MAX = 4
_UNKNOWN = 255  # never a class: masks hold at most 254
_NEAREST_CHUNK = 4096


class BadPng(ValueError):
    """Why a file cannot be used as a mask, as the end of a sentence."""


def check_png(data: bytes) -> tuple[int, int]:
    """(width, height) of a PNG that can be decoded.

    Raises
    ------
    BadPng
        No PNG, cut off, corrupt, interlaced, of more than 8 bits a channel, or too large.
    """
    size, row_bytes = None, 0
    has_palette = False
    inflating = _Inflating()
    for kind, body in _chunks(data):
        if size is None:
            if kind != b"IHDR" or len(body) != 13:
                raise BadPng("does not begin with its size")
            *size_, depth, color, compression, filtering, interlace = struct.unpack(">IIBBBBB", body)
            size = (size_[0], size_[1])
            if not all(size) or size[0] * size[1] > IMAGE_PIXELS_MAX:
                raise BadPng(f"has {size[0]} x {size[1]} pixels; 1 to {IMAGE_PIXELS_MAX:,} are accepted")
            bits = _BITS.get((color, depth))
            if bits is None or compression or filtering or interlace:
                raise BadPng("must have at most 8 bits a channel and not be interlaced")
            row_bytes = 1 + (size[0] * bits + 7) // 8
            inflating.start(row_bytes, row_bytes * size[1])
            has_palette = color != _INDEXED
        elif kind == b"PLTE":
            has_palette = True
        elif kind == b"IDAT":
            inflating.feed(body)
    if size is None or not has_palette:
        raise BadPng("lacks its size or its palette")
    inflating.finish()
    return size


class _Inflating:
    """Inflates the pixels and looks at nothing but their number and the filter of each row."""

    def start(self, row_bytes: int, n_bytes: int) -> None:
        self._row_bytes, self._left, self._position = row_bytes, n_bytes, 0
        self._inflater = zlib.decompressobj()

    def feed(self, body: bytes) -> None:
        rest = body
        while True:
            try:
                piece = self._inflater.decompress(rest, _PIECE_BYTES)
            except zlib.error as error:
                raise BadPng("has pixels that cannot be decompressed") from error
            self._left -= len(piece)
            if self._left < 0:
                raise BadPng("holds more pixels than its size says")
            filters = piece[-self._position % self._row_bytes :: self._row_bytes]
            if filters and max(filters) > _FILTER_MAX:
                raise BadPng("has rows that cannot be read")
            self._position = (self._position + len(piece)) % self._row_bytes
            rest = self._inflater.unconsumed_tail
            if not rest and len(piece) < _PIECE_BYTES:
                return

    def finish(self) -> None:
        if self._left or not self._inflater.eof:
            raise BadPng("is cut off")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(_SIGNATURE):
        raise BadPng("is not a PNG file")
    position = len(_SIGNATURE)
    while True:
        if position + 12 > len(data):
            raise BadPng("is cut off")
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 12 + length
        if end > len(data):
            raise BadPng("is cut off")
        kind, body = data[position + 4 : position + 8], data[position + 8 : end - 4]
        if zlib.crc32(body, zlib.crc32(kind)) != struct.unpack_from(">I", data, end - 4)[0]:
            raise BadPng("is corrupt: a checksum does not fit")
        yield kind, body
        if kind == b"IEND":
            return
        position = end


def read_mask(data: bytes, classes: Mapping[str, int]) -> Mask:
    """Class indices from the colours of a picture.

    Parameters
    ----------
    data : bytes
    classes : mapping of str to int
        Class index (at most 254) by colour ``#rrggbb``. White and whatever is fully transparent is 0.

    Returns
    -------
    ndarray of shape (height, width), uint8
        Other colours, such as those of softened edges, count as the nearest known one in RGB distance.

    Raises
    ------
    BadPng
        As `check_png`.
    """
    check_png(data)
    known = {int(color[1:], 16): index for color, index in classes.items()}
    known.setdefault(0xFFFFFF, 0)  # after the others, so that it loses ties of distance
    image = _decoded(data)
    if image.mode == "P":
        return _from_palette(image, known)
    return _from_colors(image, known)


def _decoded(data: bytes) -> Image:
    pieces = [_SIGNATURE]
    for kind, body in _chunks(data):
        if kind in _ESSENTIAL:
            pieces += [struct.pack(">I", len(body)), kind, body]
            pieces.append(struct.pack(">I", zlib.crc32(body, zlib.crc32(kind))))
    # Not through Image.open, which would try other formats and has a limit of its own on pixels.
    try:
        image = PngImagePlugin.PngImageFile(io.BytesIO(b"".join(pieces)))
        image.load()
    except (OSError, SyntaxError, ValueError, IndexError, struct.error, zlib.error) as error:
        raise BadPng("cannot be decoded") from error
    return image


def _from_palette(image: Image, known: Mapping[int, int]) -> Mask:
    palette = (image.getpalette("RGB") or [])[: 3 * 256]
    entries = np.full((256, 3), 255, dtype=np.int64)
    entries[: len(palette) // 3] = np.array(palette, dtype=np.int64).reshape(-1, 3)
    codes = (entries[:, 0] << 16) | (entries[:, 1] << 8) | entries[:, 2]
    table = np.array([known.get(int(code), _UNKNOWN) for code in codes], dtype=np.uint8)
    unknown = np.flatnonzero(table == _UNKNOWN)
    table[unknown] = _nearest(codes[unknown], known)
    transparency = image.info.get("transparency")
    if isinstance(transparency, bytes):
        table[: len(transparency)][np.frombuffer(transparency, dtype=np.uint8)[:256] == 0] = 0
    elif isinstance(transparency, int):
        table[transparency] = 0
    mask: Mask = table[np.asarray(image)]
    return mask


def _from_colors(image: Image, known: Mapping[int, int]) -> Mask:
    table = np.full(1 << 24, _UNKNOWN, dtype=np.uint8)  # class by red + 256 green + 65536 blue
    for code, index in known.items():
        table[_swapped(code)] = index
    width, height = image.size
    mask = np.empty((height, width), dtype=np.uint8)
    n_rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, n_rows):
        strip = image.crop((0, top, width, min(height, top + n_rows))).convert("RGBA")
        pixels = np.frombuffer(strip.tobytes(), dtype="<u4").reshape(-1, width)
        colors = pixels & 0xFFFFFF
        found = table[colors]
        is_unknown = found == _UNKNOWN
        if is_unknown.any():
            others = np.unique(colors[is_unknown])
            table[others] = _nearest(_swapped(others.astype(np.int64)), known)
            found = table[colors]
        found[pixels < 0x1000000] = 0  # alpha 0
        mask[top : top + n_rows] = found
    return mask


def _swapped(code: _Code) -> _Code:
    """0xrrggbb to 0xbbggrr and back."""
    return (code & 0xFF) << 16 | code & 0xFF00 | code >> 16


def _nearest(codes: npt.NDArray[np.int64], known: Mapping[int, int]) -> Mask:
    to = _rgb(np.fromiter(known, dtype=np.int64))  # (n_known, 3)
    classes = np.fromiter(known.values(), dtype=np.uint8)
    found = np.empty(len(codes), dtype=np.uint8)
    for start in range(0, len(codes), _NEAREST_CHUNK):
        some = _rgb(codes[start : start + _NEAREST_CHUNK])
        distance = ((some[:, None] - to[None]) ** 2).sum(axis=2)  # (n, n_known)
        found[start : start + _NEAREST_CHUNK] = classes[distance.argmin(axis=1)]
    return found


def _rgb(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.stack([codes >> 16, codes >> 8 & 0xFF, codes & 0xFF], axis=1)


def write_mask(mask: Mask, colors: Sequence[str]) -> bytes:
    """An 8-bit indexed PNG: pixel value = class index, palette entry = colour of the class.

    Parameters
    ----------
    mask : ndarray of shape (height, width), uint8
    colors : sequence of str
        ``#rrggbb`` of the classes 0, 1, ...; entries beyond are white.
    """
    height, width = mask.shape
    image = image_from_bytes("P", (width, height), np.ascontiguousarray(mask).tobytes())
    palette = bytearray(b"\xff" * 768)
    for i, color in enumerate(colors):
        palette[3 * i : 3 * i + 3] = bytes.fromhex(color[1:])
    image.putpalette(bytes(palette))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
