"""Colours of classes in masks, by the position of the label; worker pages use the same ones."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

__all__ = ["BACKGROUND_COLOR", "HEX_COLOR", "class_colors", "palette"]

BACKGROUND_COLOR = "#ffffff"
HEX_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_BASE = (
    "#2ca02c",
    "#1f77b4",
    "#ff7f0e",
    "#d62728",
    "#9467bd",
    "#8c564b",
    "#e377c2",
    "#7f7f7f",
    "#bcbd22",
    "#17becf",
)


def palette(n: int) -> list[str]:
    """The first colours ``#rrggbb``: the known ones, then generated ones; all distinct, never white.

    Examples
    --------
    >>> palette(2)
    ['#2ca02c', '#1f77b4']
    """
    made = dict.fromkeys(_BASE)
    for step in range(max(0, n - len(_BASE))):
        # The golden angle keeps neighbours far apart in hue; three bands of lightness tell the rest apart.
        color = _hex((step * 137.508 + 20) % 360, 0.62, (0.46, 0.62, 0.34)[step % 3])
        nudge = 1
        while color in made:
            color = _hex((step * 137.508 + 20 + nudge) % 360, 0.5, 0.5)
            nudge += 1
        made[color] = None
    return list(made)[:n]


def class_colors(labels: Sequence[str], earlier: Mapping[str, str] | None = None) -> list[str]:
    """The colour of every label: the one it had before, else that of its place in the palette.

    Parameters
    ----------
    labels : sequence of str
    earlier : mapping of str to str, optional
        Colours of an earlier job by label. White and what is taken already is passed over.
    """
    given: dict[str, str] = {}
    taken = {BACKGROUND_COLOR}
    for label in labels:
        color = (earlier or {}).get(label, "").lower()
        if HEX_COLOR.fullmatch(color) and color not in taken:
            given[label] = color
            taken.add(color)
    places = palette(max(len(_BASE), len(labels)) + 2 * len(labels))
    for i, label in enumerate(labels):
        if label not in given and places[i] not in taken:
            given[label] = places[i]
            taken.add(places[i])
    # Whose place was taken moves on to the generated colours, so that nobody else has to move.
    for i, label in enumerate(labels):
        if label not in given:
            given[label] = next(c for c in places[max(len(_BASE), i) :] if c not in taken)
            taken.add(given[label])
    return [given[label] for label in labels]


def _hex(hue: float, saturation: float, lightness: float) -> str:
    def channel(n: int) -> str:
        k = (n + hue / 30) % 12
        value = lightness - saturation * min(lightness, 1 - lightness) * max(-1, min(k - 3, 9 - k, 1))
        return f"{math.floor(255 * value + 0.5):02x}"

    return f"#{channel(0)}{channel(8)}{channel(4)}"
