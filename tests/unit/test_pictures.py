"""Pictures from outside are opened within limits, and what is wrong with one is said in one way."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from labelwright.pictures import BadPicture, open_picture, opened_picture, read_rgb


def encoded(size: tuple[int, int], kind: str, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 1).save(file, kind)
    return file.getvalue()


def test_a_picture_is_read_as_rgb_with_its_stored_size(tmp_path: Path) -> None:
    image, size = read_rgb(encoded((640, 480), "JPEG"), enough_px=(80, 60))
    assert (image.mode, image.size, size) == ("RGB", (80, 60), (640, 480))
    path = tmp_path / "a.png"
    path.write_bytes(encoded((3, 2), "PNG", "L"))
    assert read_rgb(path)[0].getpixel((0, 0)) == (1, 1, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8\xff\xe0 no more",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
        encoded((3, 2), "PPM"),  # a format that Pillow knows and we do not
    ],
)
def test_what_is_none_of_our_formats_is_refused(data: bytes) -> None:
    with pytest.raises(BadPicture, match="is no image that can be read"):
        open_picture(data)


def test_damage_is_found_where_the_pixels_are_read() -> None:
    whole = encoded((64, 64), "PNG")
    damaged = whole[: len(whole) // 2]
    assert open_picture(damaged).size == (64, 64)
    with (
        pytest.raises(BadPicture, match="is no image that can be read"),
        opened_picture(damaged) as image,
    ):
        image.load()


def test_more_pixels_than_allowed_are_refused_before_they_are_read() -> None:
    bomb = encoded((20_000, 9_000), "PNG", "1")  # 180 million pixels in some kilobytes
    assert len(bomb) < 100_000
    with pytest.raises(BadPicture):
        read_rgb(bomb)
    with pytest.raises(BadPicture, match="has 3 x 2 pixels; 5 are allowed"):
        open_picture(encoded((3, 2), "PNG"), pixels_max=5)
