"""How the things in the sample hall look: one drawing function per class, on a transparent layer.

Every function draws one thing standing on the point ``(x, y)`` (middle of its foot, canvas pixels) about
``size`` pixels wide, and takes all its randomness from the generator it is given. Where things stand and
what hides what is decided in `labelwright.demo.scene`.
"""

from __future__ import annotations

import colorsys

import numpy as np
from PIL import ImageDraw

__all__ = ["draw_barrel", "draw_box", "draw_crate", "draw_pallet"]

Colour = tuple[int, int, int]
Point = tuple[float, float]


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(
        hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0)
    )
    return int(red * 255), int(green * 255), int(blue * 255)


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, int(channel * factor)) for channel in colour)
    return red, green, blue


def _block(
    draw: ImageDraw.ImageDraw, *, foot: Point, width: float, height: float, lean: Point, colour: Colour
) -> tuple[list[Point], list[Point]]:
    """A cuboid seen from a little above: front, top and one side. Returns the front and the top face."""
    x, y = foot
    dx, dy = lean  # from the front face to the back face, on the canvas
    front: list[Point] = [
        (x - width / 2, y - height),
        (x + width / 2, y - height),
        (x + width / 2, y),
        (x - width / 2, y),
    ]
    top: list[Point] = [
        front[0],
        front[1],
        (front[1][0] + dx, front[1][1] - dy),
        (front[0][0] + dx, front[0][1] - dy),
    ]
    i_near = 1 if dx > 0 else 0
    near_top, near_foot = front[i_near], front[2 if dx > 0 else 3]
    side: list[Point] = [
        near_top,
        (near_top[0] + dx, near_top[1] - dy),
        (near_foot[0] + dx, near_foot[1] - dy),
        near_foot,
    ]
    draw.polygon(side, fill=(*_shade(colour, 0.62), 255))
    draw.polygon(top, fill=(*_shade(colour, 1.16), 255))
    draw.polygon(front, fill=(*colour, 255))
    draw.line([front[0], front[1]], fill=(*_shade(colour, 0.8), 255), width=1)
    return front, top


def _lean(rng: np.random.Generator, size: float) -> Point:
    return float(rng.choice([-1, 1]) * rng.uniform(0.10, 0.26) * size), float(rng.uniform(0.12, 0.22) * size)


def draw_box(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, rng: np.random.Generator) -> None:
    """A cardboard box with tape, now and then with a sticker."""
    colour = _hsv(rng.uniform(0.07, 0.105), rng.uniform(0.38, 0.6), rng.uniform(0.58, 0.85))
    height = size * rng.uniform(0.55, 1.05)
    lean = _lean(rng, size)
    front, top = _block(draw, foot=(x, y), width=size, height=height, lean=lean, colour=colour)
    tape = _shade(colour, float(rng.uniform(0.74, 0.86)))
    half = size * 0.06
    middle = x + rng.uniform(-0.05, 0.05) * size
    draw.rectangle(
        [middle - half, front[0][1], middle + half, front[0][1] + height * rng.uniform(0.25, 0.5)],
        fill=(*tape, 255),
    )
    draw.polygon(
        [
            (middle - half, top[0][1]),
            (middle + half, top[0][1]),
            (middle + half + lean[0], top[0][1] - lean[1]),
            (middle - half + lean[0], top[0][1] - lean[1]),
        ],
        fill=(*tape, 255),
    )
    if rng.random() < 0.5:
        left, upper = x + rng.uniform(-0.4, 0.05) * size, y - height * rng.uniform(0.42, 0.55)
        right, lower = left + size * 0.3, upper + height * 0.24
        draw.rectangle([left, upper, right, lower], fill=(232, 230, 222, 255))
        for i_row in range(2):
            row = upper + (lower - upper) * (0.3 + 0.35 * i_row)
            draw.line([left + size * 0.03, row, right - size * 0.05, row], fill=(110, 110, 110, 255), width=1)


def draw_crate(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, rng: np.random.Generator) -> None:
    """An open plastic crate with slots; some are brown and look like boxes from afar."""
    hue = float(rng.choice([0.58, 0.36, 0.0, 0.09, 0.13]) + rng.uniform(-0.02, 0.02))
    colour = _hsv(hue, rng.uniform(0.45, 0.8), rng.uniform(0.5, 0.8))
    height = size * rng.uniform(0.45, 0.7)
    lean = _lean(rng, size)
    front, top = _block(draw, foot=(x, y), width=size, height=height, lean=lean, colour=colour)
    inner = [
        (px + (x + lean[0] / 2 - px) * 0.14, py + (top[0][1] - lean[1] / 2 - py) * 0.2) for px, py in top
    ]
    draw.polygon(inner, fill=(*_shade(colour, 0.3), 255))
    n_columns, n_rows = int(rng.integers(3, 6)), int(rng.integers(2, 4))
    rim = height * 0.16
    cell_w, cell_h = size * 0.9 / n_columns, (height - rim) * 0.9 / n_rows
    for i_row in range(n_rows):
        for i_column in range(n_columns):
            left = front[0][0] + size * 0.05 + i_column * cell_w + cell_w * 0.16
            upper = front[0][1] + rim + i_row * cell_h + cell_h * 0.16
            draw.rectangle(
                [left, upper, left + cell_w * 0.68, upper + cell_h * 0.6], fill=(*_shade(colour, 0.42), 255)
            )
    draw.rectangle(
        [front[0][0] - 1, front[0][1], front[1][0] + 1, front[0][1] + rim * 0.6],
        fill=(*_shade(colour, 1.2), 255),
    )


def draw_barrel(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, rng: np.random.Generator) -> None:
    """A steel drum: shaded cylinder, two ribs, a lid."""
    hue = float(rng.choice([0.6, 0.02, 0.35, 0.07, 0.12]) + rng.uniform(-0.02, 0.02))
    colour = _hsv(hue, rng.uniform(0.45, 0.85), rng.uniform(0.4, 0.72))
    width = size * 0.78
    height = width * rng.uniform(1.15, 1.45)
    flat = width * rng.uniform(0.13, 0.19)  # half the height of the lid's ellipse
    left = x - width / 2
    n_strips = max(int(width), 2)
    light_from = rng.uniform(0.25, 0.6)
    for i_strip in range(n_strips):
        across = (i_strip + 0.5) / n_strips
        bow = flat * float(np.sqrt(max(0.0, 1 - (2 * across - 1) ** 2)))
        factor = 1.22 - 1.1 * abs(across - light_from) ** 1.3
        strip = left + i_strip * width / n_strips
        draw.rectangle(
            [strip, y - height, strip + width / n_strips, y - flat + bow], fill=(*_shade(colour, factor), 255)
        )
    for along in (0.34, 0.67):
        row = y - height + (height - flat) * along
        draw.arc(
            [left, row - flat, left + width, row + flat], 0, 180, fill=(*_shade(colour, 0.6), 255), width=2
        )
        draw.arc(
            [left, row - flat - 2, left + width, row + flat - 2],
            0,
            180,
            fill=(*_shade(colour, 1.25), 255),
            width=1,
        )
    lid = [left, y - height - flat, left + width, y - height + flat]
    draw.ellipse(lid, fill=(*_shade(colour, 1.12), 255), outline=(*_shade(colour, 0.65), 255))
    bung = x - width * 0.2
    draw.ellipse([bung - 2, y - height - 2, bung + 2, y - height + 1], fill=(*_shade(colour, 0.5), 255))


def draw_pallet(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, rng: np.random.Generator) -> None:
    """A stack of one to four wooden pallets."""
    colour = _hsv(rng.uniform(0.085, 0.12), rng.uniform(0.3, 0.52), rng.uniform(0.55, 0.82))
    width = size * 1.25
    layer = size * rng.uniform(0.17, 0.22)
    lean = _lean(rng, size)
    n_layers = int(rng.integers(1, 5))
    for i_layer in range(n_layers):
        shift = rng.uniform(-0.03, 0.03) * width if i_layer else 0.0
        tint = _shade(colour, float(rng.uniform(0.92, 1.08)))
        foot = (x + shift, y - i_layer * layer)
        front, top = _block(draw, foot=foot, width=width, height=layer * 0.92, lean=lean, colour=tint)
        for i_gap in range(2):  # the two openings for the fork
            left = front[0][0] + width * (0.13 + 0.42 * i_gap)
            draw.rectangle(
                [left, front[0][1] + layer * 0.3, left + width * 0.32, front[0][1] + layer * 0.7],
                fill=(*_shade(tint, 0.28), 255),
            )
        if i_layer == n_layers - 1:
            for i_board in range(1, 5):  # gaps between the boards of the deck
                along = i_board / 5
                start = (top[0][0] + lean[0] * along, top[0][1] - lean[1] * along)
                draw.line([start, (start[0] + width, start[1])], fill=(*_shade(tint, 0.5), 255), width=2)
