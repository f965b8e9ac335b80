"""Masks as PNG files: what workers may send, and what labels look like."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from labelwright.tasks._png import BadPng, check_png, read_mask, write_mask

GREEN, BLUE = (0x2C, 0xA0, 0x2C), (0x1F, 0x77, 0xB4)
CLASSES = {"#2ca02c": 1, "#1f77b4": 2}


def saved(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", **options)
    return out.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def made(
    width: int, height: int, pixels: bytes, *, depth: int = 8, color: int = 0, interlace: int = 0
) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(pixels))
        + chunk(b"IEND", b"")
    )


def rgb(*colors: tuple[int, ...], mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, (len(colors), 1))
    image.putdata(colors)
    return image


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colors_are_classes(mode: str) -> None:
    image = rgb(GREEN, (255, 255, 255), BLUE, GREEN).convert(mode)
    assert read_mask(saved(image), CLASSES).tolist() == [[1, 0, 2, 1]]


def test_softened_edges_are_the_nearest_color() -> None:
    image = rgb((0x2D, 0xA1, 0x2B), (0x20, 0x70, 0xB0), (250, 250, 250), (0, 0, 0))
    assert read_mask(saved(image), CLASSES).tolist() == [[1, 2, 0, 1]]
    assert read_mask(saved(image.convert("P")), CLASSES).tolist() == [[1, 2, 0, 1]]


def test_without_any_class_all_is_background() -> None:
    assert read_mask(saved(rgb(GREEN, BLUE)), {}).tolist() == [[0, 0]]


def test_transparent_pixels_are_background() -> None:
    image = rgb((*GREEN, 255), (*GREEN, 1), (*GREEN, 0), (0, 0, 0, 0), mode="RGBA")
    assert read_mask(saved(image), CLASSES).tolist() == [[1, 1, 0, 0]]
    indexed = rgb(GREEN, BLUE).convert("P", palette=Image.Palette.ADAPTIVE, colors=2)
    first = int(np.asarray(indexed)[0, 0])
    assert read_mask(saved(indexed, transparency=first), CLASSES).tolist() == [[0, 2]]
    assert read_mask(saved(rgb(GREEN, BLUE), transparency=BLUE), CLASSES).tolist() == [[1, 0]]


def test_grey_and_packed_pictures_can_be_read() -> None:
    grey = Image.new("L", (2, 1), 255)
    assert read_mask(saved(grey), CLASSES).tolist() == [[0, 0]]
    assert read_mask(saved(grey.convert("1")), CLASSES).tolist() == [[0, 0]]
    assert read_mask(saved(grey.convert("LA")), CLASSES).tolist() == [[0, 0]]
    packed = saved(rgb(*[GREEN, BLUE] * 5).convert("P", palette=Image.Palette.ADAPTIVE, colors=2), bits=1)
    assert check_png(packed) == (10, 1)
    assert read_mask(packed, CLASSES).tolist() == [[1, 2] * 5]


def test_many_rows_are_read_in_strips() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, (2100, 2200), dtype=np.uint8)
    colors = np.array([(255, 255, 255), GREEN, BLUE], dtype=np.uint8)
    assert np.array_equal(read_mask(saved(Image.fromarray(colors[truth]), compress_level=1), CLASSES), truth)


def test_labels_are_indexed_files_with_a_full_palette() -> None:
    mask = np.array([[0, 1, 2], [2, 1, 0]], dtype=np.uint8)
    data = write_mask(mask, ["#ffffff", "#2ca02c", "#1f77b4"])
    image = Image.open(io.BytesIO(data))
    assert (image.mode, image.size, image.info) == ("P", (3, 2), {})
    assert np.array_equal(np.asarray(image), mask)
    palette = image.getpalette()
    assert palette is not None and len(palette) == 768
    assert palette[:9] == [255, 255, 255, *GREEN, *BLUE]
    assert set(palette[9:]) == {255}
    assert data[24:29] == bytes([8, 3, 0, 0, 0])  # 8 bits, indexed, not interlaced
    assert [kind for kind in (b"tRNS", b"iCCP", b"gAMA") if kind in data] == []
    assert write_mask(mask, ["#ffffff", "#2ca02c", "#1f77b4"]) == data


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
def test_what_is_written_is_read_again(width: int, height: int, random: object) -> None:
    rng = np.random.default_rng(random.getrandbits(32))  # type: ignore[attr-defined]
    mask = rng.integers(0, 3, (height, width), dtype=np.uint8)
    assert np.array_equal(read_mask(write_mask(mask, ["#ffffff", *CLASSES]), CLASSES), mask)


GOOD = made(2, 2, b"\0\1\2\0\3\4")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a PNG"),
        (b"GIF89a", "not a PNG"),
        (GOOD[:20], "cut off"),
        (GOOD[:-12], "cut off"),
        (GOOD[:40] + b"x" + GOOD[41:], "checksum|cut off"),
        (made(2, 2, b"\0\1\2"), "cut off"),
        (made(2, 2, b"\0\1\2\0\3\4\0"), "more pixels"),
        (made(2, 2, b"\0\1\2\5\3\4"), "rows that cannot be read"),
        (made(0, 2, b""), "0 x 2 pixels"),
        (made(20_000, 20_000, b""), "20000 x 20000 pixels"),
        (made(2, 2, b"\0" * 10, depth=16), "at most 8 bits"),
        (made(2, 2, b"\0\1\2\0\3\4", interlace=1), "not be interlaced"),
        (made(2, 2, b"\0\1\2\0\3\4", color=5), "at most 8 bits"),
        (made(2, 2, b"\0\1\2\0\3\4", color=3), "palette"),
        (GOOD[:8] + chunk(b"IEND", b""), "size"),
        (GOOD[:33] + chunk(b"IDAT", b"no zlib") + chunk(b"IEND", b""), "decompressed"),
    ],
)
def test_files_that_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(BadPng, match=reason):
        check_png(data)
    with pytest.raises(BadPng, match=reason):
        read_mask(data, CLASSES)


def test_a_small_file_that_unpacks_to_much_more_than_its_size_is_refused_early() -> None:
    with pytest.raises(BadPng, match="more pixels"):
        check_png(made(10, 10, b"\0" * 50_000_000))


def test_chunks_that_pixels_do_not_need_never_reach_the_decoder() -> None:
    text = PngInfo()
    text.add_text("note", "x" * 20_000_000, zip=True)
    assert read_mask(saved(rgb(GREEN), pnginfo=text), CLASSES).tolist() == [[1]]


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(0, 80))
def test_damage_is_refused_or_harmless(noise: bytes, at: int) -> None:
    data = saved(rgb(GREEN, BLUE, GREEN).convert("P"))
    damaged = data[:at] + noise + data[at + len(noise) :]
    with contextlib.suppress(BadPng):
        assert read_mask(damaged, CLASSES).dtype == np.uint8
