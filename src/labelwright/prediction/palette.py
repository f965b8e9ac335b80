"""Colours that tell classes apart, on white paper and over photographs."""

from __future__ import annotations

import colorsys

__all__ = ["CLASS_COLOURS", "colour_of", "rgb_of"]

CLASS_COLOURS: tuple[str, ...] = (
    "#ff7f0e",
    "#2ca02c",
    "#17becf",
    "#e377c2",
    "#bcbd22",
    "#9467bd",
    "#d62728",
    "#8c564b",
)
"""Colour of a class by its index; bright enough for dark letters."""

_GOLDEN_RATIO = 0.618033988749895


def colour_of(index: int) -> str:
    """Colour of a class as ``#rrggbb``; behind the chosen ones, hues that stay far from their neighbours.

    Examples
    --------
    >>> colour_of(0), colour_of(8) != colour_of(9)
    ('#ff7f0e', True)
    """
    if 0 <= index < len(CLASS_COLOURS):
        return CLASS_COLOURS[index]
    hue = index * _GOLDEN_RATIO % 1.0
    red, green, blue = colorsys.hls_to_rgb(hue, 0.6 if index % 2 else 0.45, 0.65)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def rgb_of(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#rrggbb``, from 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
