"""What may be done to pictures, and what is drawn for one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from labelwright.dataprep.augment.geometry import Move
from labelwright.errors import InvalidRequest

__all__ = ["Draw", "Recipe"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Ranges that one augmentation of a picture is drawn from.

    Attributes
    ----------
    mirror, flip : bool
        Swap left and right, top and bottom, each in half of the cases.
    turn : bool
        Turn by 0, 90, 180 or 270 degrees.
    rotate_degrees : float
        Turn by up to this angle either way; at most 45.
    crop : float
        Keep at least this share of the area, of the same aspect, anywhere; 1 keeps all.
    scale : tuple of (float, float)
        Factor of both sides.
    color : float
        How much brightness, contrast and saturation vary (factors ``1 - color`` to ``1 + color``), and the
        hue by a tenth of that; from 0 to 0.9.
    min_visible : float
        Boxes of which less is left are dropped.
    seed : int
    """

    mirror: bool = False
    flip: bool = False
    turn: bool = False
    rotate_degrees: float = 0.0
    crop: float = 1.0
    scale: tuple[float, float] = (1.0, 1.0)
    color: float = 0.0
    min_visible: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        rules: tuple[tuple[str, bool, str], ...] = (
            ("rotate_degrees", 0 <= self.rotate_degrees <= 45, "0 to 45"),
            ("crop", 0.05 <= self.crop <= 1, "0.05 to 1"),
            (
                "scale",
                0.05 <= self.scale[0] <= self.scale[1] <= 8,
                "two factors from 0.05 to 8, low and high",
            ),
            ("color", 0 <= self.color <= 0.9, "0 to 0.9"),
            ("min_visible", 0 <= self.min_visible <= 1, "0 to 1"),
        )
        for name, is_good, rule in rules:
            if not is_good:
                value = getattr(self, name)
                raise InvalidRequest(
                    f"{name} is {value}; it must be {rule}.", field=name, value=value, rule=rule
                )

    @property
    def does_nothing(self) -> bool:
        """Whether every copy would be the picture itself."""
        kept = ("min_visible", "seed")
        return all(
            getattr(self, field.name) == field.default for field in fields(self) if field.name not in kept
        )

    def draw(self, i_object: int, i_copy: int, width: int, height: int) -> Draw:
        """What is done to one copy of one picture: the same for the same seed, wherever it runs.

        Parameters
        ----------
        i_object : int
            Line number of the object.
        i_copy : int
        width, height : int
            Of the picture.
        """
        rng = np.random.default_rng([self.seed, i_object, i_copy])
        # All numbers are drawn, used or not, so that switching one thing on leaves the others as they are.
        u = rng.random(12)
        steps: list[Callable[[Move], Move]] = []
        if self.mirror and u[0] < 0.5:
            steps.append(Move.mirrored)
        if self.flip and u[1] < 0.5:
            steps.append(Move.flipped)
        if self.turn:
            steps += [Move.turned] * int(u[2] * 4)
        move = Move.none(width, height)
        for step in steps:
            move = step(move)
        if self.rotate_degrees:
            move = move.rotated((2 * u[3] - 1) * self.rotate_degrees)
        if self.crop < 1:
            side = (self.crop + u[4] * (1 - self.crop)) ** 0.5
            w, h = max(1, round(move.width * side)), max(1, round(move.height * side))
            move = move.cropped(int(u[5] * (move.width - w + 1)), int(u[6] * (move.height - h + 1)), w, h)
        low, high = self.scale
        if low != 1 or high != 1:
            move = move.scaled(low * (high / low) ** u[7])
        factors = (
            tuple(float(1 + (2 * v - 1) * self.color) for v in u[8:11]) if self.color else (1.0, 1.0, 1.0)
        )
        hue = float((2 * u[11] - 1) * self.color / 10)
        is_exact = not self.rotate_degrees and low == high == 1
        return Draw(move, (factors[0], factors[1], factors[2]), hue, is_exact)


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """What is done to one copy.

    Attributes
    ----------
    move : Move
    factors : tuple of three floats
        Of brightness, contrast and saturation.
    hue : float
        Shift of the hue in turns of the colour circle.
    is_exact : bool
        Whether pixels move as whole ones, so that nothing needs to be interpolated.
    """

    move: Move
    factors: tuple[float, float, float]
    hue: float
    is_exact: bool
