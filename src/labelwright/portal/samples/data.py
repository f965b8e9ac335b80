"""The objects that examples show: a drawn street, a form, two texts. Nothing is loaded from anywhere."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any
from urllib.parse import quote

__all__ = ["LABELS", "PICTURE", "SAMPLE_INPUT", "TEXT", "prior_boxes", "prior_mask"]

_WIDTH, _HEIGHT = 960, 600


def _svg(body: str) -> str:
    text = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}">{body}</svg>'
    return "data:image/svg+xml," + quote(text, safe=" =:/'")


def _vehicle(left: int, top: int, width: int, height: int, color: str) -> str:
    wheel_y, r = top + height, height // 5
    return (
        f'<path d="M{left} {top + height}v-{height // 2}l{width // 5}-{height // 2}h{width // 2}'
        f'l{width - width // 5 - width // 2} {height // 2}v{height // 2}z" fill="{color}"/>'
        f'<rect x="{left + width // 5 + 8}" y="{top + 8}" width="{width // 2 - 14}"'
        f' height="{height // 2 - 14}" fill="#cfe4f0"/>'
        f'<circle cx="{left + width // 4}" cy="{wheel_y}" r="{r}" fill="#222"/>'
        f'<circle cx="{left + 3 * width // 4}" cy="{wheel_y}" r="{r}" fill="#222"/>'
    )


_MARKINGS = "".join(f'<rect x="{x}" y="492" width="70" height="8" fill="#eee"/>' for x in range(20, 960, 140))
PICTURE = _svg(
    '<rect width="960" height="600" fill="#bcdcf2"/><circle cx="840" cy="90" r="44" fill="#ffe08a"/>'
    '<path d="M0 330h960v60H0z" fill="#7fae6a"/><path d="M0 390h960v210H0z" fill="#77797f"/>' + _MARKINGS + ""
    '<rect x="60" y="150" width="230" height="230" fill="#c9a27e"/>'
    '<rect x="100" y="190" width="50" height="60" fill="#5a7186"/>'
    '<rect x="200" y="190" width="50" height="60" fill="#5a7186"/>'
    '<path d="M60 150l115-80 115 80z" fill="#8c4a3c"/>'
    '<rect x="742" y="250" width="22" height="130" fill="#6b4a2f"/>'
    '<circle cx="753" cy="220" r="72" fill="#3f7d3a"/>'
    + _vehicle(120, 400, 240, 100, "#c23b32")
    + _vehicle(520, 410, 270, 110, "#2f62b3")
    + '<circle cx="445" cy="352" r="17" fill="#e8b795"/><rect x="429" y="369" width="32" height="70" rx="9"'
    ' fill="#3a3f78"/><rect x="431" y="436" width="11" height="46" fill="#222"/>'
    '<rect x="448" y="436" width="11" height="46" fill="#222"/>'
)
"""A street with a house, a tree, two cars and a person, 960 x 600."""

_DOCUMENT = _svg(
    '<rect width="960" height="600" fill="#fff"/><g font-family="sans-serif" font-size="30">'
    '<text x="60" y="90" font-size="40">Application</text>'
    '<text x="60" y="200">Name:</text><text x="260" y="200">Ada Example</text>'
    '<text x="60" y="280">Date:</text><text x="260" y="280">3 May 2024</text></g>'
)

TEXT = (
    "Mira Okafor flew from Lisbon to Oslo on Tuesday. The parcel she sent ahead came a day early, undamaged."
)
LABELS = ["Car", "Person", "House"]


def _block(
    block_id: str, kind: str, text: str, left: float, top: float, *related: tuple[str, str]
) -> dict[str, Any]:
    width, height = 0.24, 0.06
    corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    return {
        "id": block_id,
        "blockType": "KEY_VALUE_SET",
        "entityTypes": [kind],
        "text": text,
        "confidence": 93.5,
        "relationships": [{"type": name, "ids": [other]} for name, other in related],
        "geometry": {
            "boundingBox": {"width": width, "height": height, "left": left, "top": top},
            "polygon": [{"x": x, "y": y} for x, y in corners],
        },
    }


SAMPLE_INPUT: dict[str, Any] = {
    "picture": PICTURE,
    "labels": LABELS,
    "text": TEXT,
    "prompt": "Why is the sky blue?",
    "responses": [
        "Air scatters blue light more than red light.",
        "Because it mirrors the sea.",
        "Sunlight meets air, whose molecules scatter short waves most; so blue comes from everywhere.",
    ],
    "document": _DOCUMENT,
    "blocks": [
        _block("k1", "KEY", "Name:", 0.06, 0.29, ("VALUE", "v1")),
        _block("v1", "VALUE", "Ada Exarnple", 0.27, 0.29),
        _block("k2", "KEY", "Date:", 0.06, 0.42, ("VALUE", "v2")),
        _block("v2", "VALUE", "3 May 2024", 0.27, 0.42),
    ],
}
"""``task.input`` of the examples of elements."""


def _metadata(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "human-annotated": "yes",
        "creation-date": "2024-05-03T10:00:00.000000",
        "job-name": "labeling-job/earlier",
        **more,
    }


def prior_boxes(name: str) -> dict[str, Any]:
    """Two boxes of an earlier job, the second one too small."""
    boxes = [
        {"class_id": 0, "left": 120, "top": 400, "width": 240, "height": 120},
        {"class_id": 0, "left": 560, "top": 430, "width": 120, "height": 60},
    ]
    about = _metadata(
        "groundtruth/object-detection",
        **{"class-map": {"0": "Car"}, "objects": [{"confidence": 0.9}, {"confidence": 0.6}]},
    )
    size = {"width": _WIDTH, "height": _HEIGHT, "depth": 3}
    return {name: {"image_size": [size], "annotations": boxes}, f"{name}-metadata": about}


def prior_mask(name: str) -> dict[str, Any]:
    """A mask of an earlier job: the first car, roughly."""
    colors = {
        "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.9},
        "1": {"class-name": "Car", "hex-color": "#2ca02c", "confidence": 0.9},
    }
    about = _metadata("groundtruth/semantic-segmentation", **{"internal-color-map": colors})
    return {f"{name}-ref": _mask(), name: _mask(), f"{name}-metadata": about, f"{name}-ref-metadata": about}


def _mask() -> str:
    """A PNG with a palette: 0 white, 1 green, as data URI."""
    inside = bytes(120) + b"\x01" * 240 + bytes(_WIDTH - 360)
    rows = b"".join(b"\0" + (inside if 400 <= y < 510 else bytes(_WIDTH)) for y in range(_HEIGHT))
    head = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 3, 0, 0, 0)
    chunks = [
        (b"IHDR", head),
        (b"PLTE", b"\xff\xff\xff\x2c\xa0\x2c"),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    ]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()
