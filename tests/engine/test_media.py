"""Sizes of images from their first bytes."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labeling_workshop import Workshop, png
from PIL import Image

from labelwright.engine.media import image_size, image_size_of, problem_with


def jpeg(width: int, height: int, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (9, 99, 199)).save(out, "JPEG", **options)
    return out.getvalue()


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(1, 40), st.booleans())
def test_sizes_agree_with_an_image_library(width: int, height: int, progressive: bool) -> None:
    assert image_size(jpeg(width, height, progressive=progressive)) == (width, height)
    assert image_size(png(width, height)) == (width, height)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_answered(data: bytes) -> None:
    for head in (data, b"\xff\xd8" + data, b"\x89PNG\r\n\x1a\n" + data):
        size = image_size(head)
        assert size is None or min(size) > 0


def test_size_behind_a_long_profile(shop: Workshop) -> None:
    data = jpeg(50, 40, icc_profile=b"p" * 200_000)
    assert image_size(data[: 64 << 10]) is None
    shop.put("s3://acme/long.jpg", data)
    assert image_size_of(shop.blobs, "s3://acme/long.jpg") == (50, 40)
    assert problem_with(shop.blobs, "s3://acme/long.jpg", "image") is None


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"GIF89a", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 12]
)
def test_what_is_no_image(shop: Workshop, data: bytes) -> None:
    shop.put("s3://acme/x.jpg", data)
    problem = problem_with(shop.blobs, "s3://acme/x.jpg", "image")
    assert problem == "ClientError: The image file is not a valid JPEG or PNG."


def test_web_addresses_of_objects(shop: Workshop) -> None:
    shop.put("s3://acme/in/a.png", png())
    for uri in ("https://s3.amazonaws.com/acme/in/a.png", "https://acme.s3.eu-west-1.amazonaws.com/in/a.png"):
        assert problem_with(shop.blobs, uri, "image") is None


def test_files_over_forty_megabytes(shop: Workshop) -> None:
    shop.put("s3://acme/big.png", png() + bytes(40 << 20))
    assert problem_with(shop.blobs, "s3://acme/big.png", "image") == "ClientError: Image exceeds 40 MB."
