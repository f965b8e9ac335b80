"""What is done to an image before it is packed: crop, resize, encode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageOps

from labelwright.core.limits import IMAGE_PIXELS_READ_MAX
from labelwright.recordio.framing import RecordIOError
from labelwright.recordio.images import encode_image, open_image

__all__ = ["Encoding", "Frame"]

_ORIENTATION_TAG = 0x0112


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the packed image lies in the original.

    Attributes
    ----------
    width, height : int
        Size of the original in pixels.
    left, top, right, bottom : int
        What was kept of it.
    """

    width: int
    height: int
    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Encoding:
    """How images are encoded; the defaults are im2rec's.

    Parameters
    ----------
    is_passed_through : bool
        Keep the bytes of the file as they are; nothing else applies then.
    resize : int
        The shorter side in pixels; the longer follows in proportion, rounded down. 0 keeps the size.
    is_center_cropped : bool
        Keep the square in the middle, before resizing.
    quality : int
        1 to 100 for JPEG; for PNG the compression, where more than 9 counts as 9.
    color : {-1, 0, 1}
        1 colour, 0 grey, -1 as stored (alpha too, if the encoding has it).
    format : {".jpg", ".png"}
    pixels_max : int
        Larger images are refused before they are decoded.

    Raises
    ------
    RecordIOError
        A value out of range.

    Notes
    -----
    Pixels are not those of OpenCV to the last bit: when a JPEG is made smaller, only as much of it is
    decoded as is needed (1/2, 1/4 or 1/8 by its transform), and shrinking averages over all pixels, where
    im2rec's bilinear sampling leaves some out.
    """

    is_passed_through: bool = False
    resize: int = 0
    is_center_cropped: bool = False
    quality: int = 95
    color: Literal[-1, 0, 1] = 1
    format: str = ".jpg"
    pixels_max: int = IMAGE_PIXELS_READ_MAX

    def __post_init__(self) -> None:
        if self.resize < 0:
            raise RecordIOError(
                f"a size of {self.resize} pixels is not possible; --resize must be 0 or more."
            )
        if not 1 <= self.quality <= 100:
            raise RecordIOError(f"a quality of {self.quality} is not possible; --quality must be 1 to 100.")
        if self.format not in (".jpg", ".png"):
            raise RecordIOError(f"the encoding {self.format!r} is not known. Choose .jpg or .png.")

    def encode(
        self, data: bytes, *, labeled_size: tuple[int, int] | None = None
    ) -> tuple[bytes, Frame | None]:
        """Return the bytes to pack, and where they lie in the original.

        Parameters
        ----------
        data : bytes
            An image file.
        labeled_size : (int, int), optional
            Width and height of the frame that labels refer to. Images whose metadata turn them are turned,
            as OpenCV does, unless this says that the labels were made on the image as stored.

        Raises
        ------
        RecordIOError
            The image cannot be decoded, or is too large.
        """
        if self.is_passed_through:
            return data, None
        image = open_image(data, pixels_max=self.pixels_max)
        try:
            return self._encoded(image, labeled_size)
        except (OSError, ValueError, SyntaxError) as error:
            raise RecordIOError(f"the image cannot be decoded: {error}.") from error

    def _encoded(self, image: Image.Image, labeled_size: tuple[int, int] | None) -> tuple[bytes, Frame]:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1) if self.color >= 0 else 1
        swaps_sides = orientation in (5, 6, 7, 8)
        if swaps_sides and labeled_size == image.size and labeled_size != image.size[::-1]:
            orientation, swaps_sides = 1, False
        stored_width, stored_height = image.size
        if self.resize and image.format == "JPEG":
            # The smallest scale of which the shorter side is still large enough.
            shorter = min(image.size)
            scale = self.resize / shorter
            image.draft(
                "L" if self.color == 0 else None,
                (max(1, int(stored_width * scale)), max(1, int(stored_height * scale))),
            )
        if orientation in range(2, 9):
            image = ImageOps.exif_transpose(image)
            if swaps_sides:
                stored_width, stored_height = stored_height, stored_width
        image = self._colored(image)
        frame = _kept(stored_width, stored_height, self.is_center_cropped)
        x, y = image.width / stored_width, image.height / stored_height
        box = (frame.left * x, frame.top * y, frame.right * x, frame.bottom * y)
        size = (frame.right - frame.left, frame.bottom - frame.top)
        if self.resize:
            size = _resized(size, self.resize)
            if size[0] * size[1] > self.pixels_max:
                raise RecordIOError(
                    f"resized to {size[0]} x {size[1]} the image has more than the {self.pixels_max} pixels "
                    "allowed."
                )
        if size != image.size or frame != _kept(stored_width, stored_height, False):
            image = image.resize(size, Image.Resampling.BILINEAR, box=box)
        return encode_image(image, self.quality, self.format), frame

    def _colored(self, image: Image.Image) -> Image.Image:
        if self.color == 0:
            return image if image.mode == "L" else image.convert("L")
        if self.color == 1:
            if image.mode.startswith("I;16"):
                image = image.point(lambda value: value / 256).convert("L")
            return image if image.mode == "RGB" else image.convert("RGB")
        if image.mode in ("P", "PA"):
            return image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
        return image if image.mode in ("L", "LA", "RGB", "RGBA") else image.convert("RGB")


def _kept(width: int, height: int, is_center_cropped: bool) -> Frame:
    side = min(width, height)
    if not is_center_cropped or width == height:
        return Frame(width, height, 0, 0, width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return Frame(width, height, left, top, left + side, top + side)


def _resized(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    width, height = size
    if height > width:
        return shorter, height * shorter // width
    return width * shorter // height, shorter
