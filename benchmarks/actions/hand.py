"""A hand on mouse and keyboard that counts what it does.

The keystroke-level model (Card, Moran and Newell, CACM 1980) gives the time of a practised person: 0.2 s for
a key, 1.1 s for pointing, 0.1 s for pressing or letting go of a button.
"""

from __future__ import annotations

import dataclasses
import math

from playwright.sync_api import Page

KEY_S, POINT_S, BUTTON_S = 0.2, 1.1, 0.1


@dataclasses.dataclass(slots=True)
class Counts:
    """What was done; ``travel_px`` is the way of the pointer on the screen."""

    keys: int = 0
    clicks: int = 0
    drags: int = 0
    travel_px: float = 0.0

    @property
    def actions(self) -> int:
        """Keys, clicks and drags."""
        return self.keys + self.clicks + self.drags

    @property
    def model_s(self) -> float:
        """Seconds by the keystroke-level model."""
        pressed = 2 * BUTTON_S * (self.clicks + self.drags)
        return KEY_S * self.keys + POINT_S * (self.clicks + 2 * self.drags) + pressed


class Hand:
    """Acts on a page and counts."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._at: tuple[float, float] | None = None
        self.counts = Counts()

    def key(self, name: str) -> None:
        """Press a key, or keys held together, which count each."""
        self.counts.keys += name.count("+") + 1
        self._page.keyboard.press(name)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press, move, let go."""
        self.counts.drags += 1
        mouse = self._page.mouse
        self._move(start)
        mouse.down()
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        mouse.move(*middle, steps=3)
        mouse.move(*end, steps=3)
        mouse.up()
        self._travelled(end)

    def click(self, at: tuple[float, float]) -> None:
        """Press and let go in one place."""
        self.counts.clicks += 1
        self._move(at)
        self._page.mouse.down()
        self._page.mouse.up()

    def _move(self, to: tuple[float, float]) -> None:
        self._page.mouse.move(*to)
        self._travelled(to)

    def _travelled(self, to: tuple[float, float]) -> None:
        if self._at is not None:
            self.counts.travel_px += math.dist(self._at, to)
        self._at = to
