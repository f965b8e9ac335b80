"""From an encoded picture to pixels of one size, with as little computing as a good picture allows.

Two ways, chosen by what the program has loaded already:

**Pillow** decodes and scales, everywhere.

**torch** scales with the vector instructions of the processor, in a quarter of the time, where the program
has imported it, as one that trains has. JPEG is decoded by torchvision then, as long as torchvision has its
decoder (it is said to lose it one day), and everything else by Pillow.

With both a JPEG of at least twice the wanted width and height is decoded at 1/2, 1/4 or 1/8 by scaling inside
its blocks, which saves most of the work.

Both scale with a triangle filter (bilinear with antialiasing), sides apart, in the stored orientation.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from labelwright.core.limits import IMAGE_PIXELS_MAX
from labelwright.streaming.problems import ChannelError

__all__ = ["DecoderName", "decoder", "jpeg_size"]

DecoderName = Literal["auto", "pillow", "torch"]
Pixels = NDArray[np.uint8]
Decoder = Callable[[bytes, Pixels, str], tuple[int, int]]

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers that begin a frame, with its size


def decoder(name: DecoderName = "auto") -> Decoder:
    """A function that decodes a picture into an array.

    Parameters
    ----------
    name : str
        ``"auto"`` is torch where the program has imported it, else Pillow.

    Returns
    -------
    callable
        ``decode(data, pixels, key)`` fills ``pixels``, of shape (height, width, 3), uint8, and returns width
        and height of the picture as stored. It raises `ChannelError`, which names the key, for data that are
        no whole picture or have more than 100 million pixels. It may be called from several threads.

    Raises
    ------
    ImportError
        torch was asked for and is not there.
    """
    if name == "torch" or (name == "auto" and "torch" in sys.modules):
        return _torch_decoder()
    return _decode_with_pillow


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG file from its header; None where it does not begin like one.

    Examples
    --------
    >>> jpeg_size(b"GIF89a")
    """
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _FRAMES:
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _decode_with_pillow(data: bytes, pixels: Pixels, key: str) -> tuple[int, int]:
    from PIL import Image

    height, width = pixels.shape[:2]
    image, stored = _opened(data, (width, height), key)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels[...] = np.asarray(image)
    return stored


def _opened(data: bytes, size: tuple[int, int], key: str) -> tuple[Any, tuple[int, int]]:
    """A picture as RGB, no larger than needed where that is cheap, and its size as stored."""
    from labelwright.pictures import BadPicture, read_rgb

    try:
        return read_rgb(data, enough_px=size)
    except BadPicture as error:
        raise _refused(key, str(error)) from error


def _torch_decoder() -> Decoder:
    import torch

    decode_jpeg = _jpeg_decoder()

    def opened(data: bytes, size: tuple[int, int], key: str) -> tuple[Any, tuple[int, int]]:
        """Pixels (h, w, 3) as a tensor, and the size as stored."""
        found = jpeg_size(data) or (0, 0)
        is_near = min(found) > 0 and min(found[0] // size[0], found[1] // size[1]) < 2
        if decode_jpeg is not None and is_near and math.prod(found) <= IMAGE_PIXELS_MAX:
            # Kinds of JPEG that it does not know, and broken ones, are Pillow's, which says what is wrong.
            with contextlib.suppress(RuntimeError):
                return decode_jpeg(data).permute(1, 2, 0), found
        image, stored = _opened(data, size, key)
        return torch.from_numpy(np.array(image)), stored

    def decode(data: bytes, pixels: Pixels, key: str) -> tuple[int, int]:
        height, width = pixels.shape[:2]
        source, stored = opened(data, (width, height), key)
        h, w = source.shape[:2]
        if (h, w) != (height, width):
            # Said like this, torch sees that the channels lie side by side, and keeps them so. (1, 3, h, w)
            planes = torch.as_strided(source, (1, 3, h, w), (3 * h * w, 1, 3 * w, 3))
            scaled = torch.nn.functional.interpolate(
                planes, size=(height, width), mode="bilinear", antialias=True
            )
            source = scaled[0].permute(1, 2, 0)
        pixels[...] = source.numpy()  # torch would wake all of its threads for a copy
        return stored

    return decode


def _jpeg_decoder() -> Callable[[bytes], Any] | None:
    """torchvision's decoder, without its Python part, which warns at each call that it will go."""
    try:
        import torch
        import torchvision.io  # loads the operator

        decode_jpeg = torch.ops.image.decode_jpeg
        rgb = torchvision.io.ImageReadMode.RGB.value
    except (ImportError, AttributeError, RuntimeError, OSError):
        return None
    return lambda data: decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), rgb)


def _refused(key: str, what: str) -> ChannelError:
    return ChannelError(f"{key[:200]} {what}.", value=key)
