"""Scripted scenes: what is to be marked on each picture. Drawn here, the same in every run."""

from __future__ import annotations

import dataclasses
import io
import random

from PIL import Image, ImageDraw

from benchmarks.portal.pictures import LABELS

SIZE = (1280, 800)
COLORS = {"car": "#c23b32", "person": "#2f62b3"}
_GAP = 24


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """One object: its label and box in pixels of the picture."""

    label: str
    left: int
    top: int
    width: int
    height: int


Scene = list[Target]


def street(n_scenes: int, *, seed: int = 5) -> list[Scene]:
    """Unrelated pictures with two to six objects each; objects of a label mostly stand together."""
    rng = random.Random(seed)
    return [_sorted(_scene(rng, rng.randint(2, 6))) for _ in range(n_scenes)]


def footage(n_scenes: int, *, seed: int = 6) -> list[Scene]:
    """Pictures of a camera that stands still: five objects, one of which moves from picture to picture."""
    rng = random.Random(seed)
    scenes = [_sorted(_scene(rng, 5))]
    while len(scenes) < n_scenes:
        scene = list(scenes[-1])
        i = len(scenes) % len(scene)
        other = [target for j, target in enumerate(scene) if j != i]
        # To another place altogether, so that it has to be drawn anew.
        scene[i] = _placed(rng, scene[i].label, other)
        scenes.append(scene)
    return scenes


def _scene(rng: random.Random, n: int) -> Scene:
    scene: Scene = []
    for _ in range(n):
        scene.append(_placed(rng, rng.choice(LABELS), scene))
    return scene


def _placed(rng: random.Random, label: str, others: Scene) -> Target:
    while True:
        width, height = rng.randint(70, 220), rng.randint(70, 180)
        left, top = rng.randint(_GAP, SIZE[0] - width - _GAP), rng.randint(_GAP, SIZE[1] - height - _GAP)
        target = Target(label, left, top, width, height)
        if not any(_near(target, other) for other in others):
            return target


def _near(a: Target, b: Target) -> bool:
    return (
        a.left < b.left + b.width + _GAP
        and b.left < a.left + a.width + _GAP
        and a.top < b.top + b.height + _GAP
        and b.top < a.top + a.height + _GAP
    )


def _sorted(scene: Scene) -> Scene:
    """As a person goes about it who wants to change the label seldom."""
    return sorted(scene, key=lambda target: (target.label, target.left))


def picture(scene: Scene) -> bytes:
    """A JPEG of the scene."""
    image = Image.new("RGB", SIZE, "#cfd8dc")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, SIZE[1] // 2, *SIZE), fill="#9aa3a8")
    for target in scene:
        corner = (target.left + target.width - 1, target.top + target.height - 1)
        draw.rectangle((target.left, target.top, *corner), fill=COLORS[target.label])
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()
