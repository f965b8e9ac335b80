"""Sample pictures that the demo draws itself: a storage hall with boxes, crates, barrels and pallets.

A scene is a pure function of its seed: what stands where, what hides what, the light and the camera's
noise. It comes with the true boxes, each tight around what is *visible* of the thing, as a careful worker
would draw it. How a thing looks is decided in `labelwright.demo.props`.

The pictures are meant to be learnable by a small detector but not trivial: brown crates look like boxes,
drums come in crate colours, things overlap, light and noise vary, and racks and signs distract.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from labelwright.demo.props import draw_barrel, draw_box, draw_crate, draw_pallet

__all__ = ["CLASSES", "IMAGE_SIZE", "Scene", "TrueBox", "draw_scene", "jpeg_bytes"]

CLASSES: tuple[str, ...] = ("box", "crate", "barrel", "pallet")
"""Class names; the index of a name is its class index."""

IMAGE_SIZE: tuple[int, int] = (320, 240)
"""Width and height of every picture, pixels."""

_SCALE = 2  # everything is drawn at twice the size and shrunk, which smooths the edges
_WIDTH, _HEIGHT = IMAGE_SIZE[0] * _SCALE, IMAGE_SIZE[1] * _SCALE
_LEAST_VISIBLE = 0.5  # a thing hidden more than this is not placed: nobody could box it fairly
_LEAST_SIDE_PX = 10  # in the final picture

_Painter = Callable[[ImageDraw.ImageDraw, float, float, float, np.random.Generator], None]
_PAINTERS: tuple[_Painter, ...] = (draw_box, draw_crate, draw_barrel, draw_pallet)


@dataclasses.dataclass(frozen=True, slots=True)
class TrueBox:
    """One thing in a picture: class index and its visible extent in pixels, origin top-left."""

    class_id: int
    left: int
    top: int
    width: int
    height: int


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """A picture (RGB, `IMAGE_SIZE`) and what is truly in it."""

    image: Image.Image
    boxes: tuple[TrueBox, ...]


def draw_scene(seed: int) -> Scene:
    """Draw one storage hall.

    Parameters
    ----------
    seed : int
        Not negative. Equal seeds give equal pictures and boxes.

    Returns
    -------
    Scene
        With 2 to 8 things, none less than half visible and none under 10 pixels on a side.
    """
    rng = np.random.default_rng([seed, 0x5CE9E])
    horizon = _HEIGHT * rng.uniform(0.34, 0.44)
    canvas = _draw_hall(horizon, rng)
    layers: list[tuple[int, Image.Image]] = []
    visible: list[npt.NDArray[np.bool_]] = []
    full: list[int] = []
    n_wanted = int(rng.integers(3, 9))
    spots = sorted(_spots(n_wanted, horizon, rng), key=lambda spot: spot[1])  # far things first
    for x, y, size in spots:
        class_id = int(rng.integers(len(CLASSES)))
        layer = Image.new("RGBA", (_WIDTH, _HEIGHT), (0, 0, 0, 0))
        _PAINTERS[class_id](ImageDraw.Draw(layer), x, y, size, rng)
        covers = np.asarray(layer)[:, :, 3] > 127  # (height, width)
        if not covers.any():
            continue
        if any(
            (seen & ~covers).sum() < _LEAST_VISIBLE * area for seen, area in zip(visible, full, strict=True)
        ):
            continue
        visible = [seen & ~covers for seen in visible]
        visible.append(covers)
        full.append(int(covers.sum()))
        layers.append((class_id, layer))
        _cast_shadow(canvas, covers, y)
        canvas.alpha_composite(layer)
    picture = _photograph(canvas.convert("RGB"), rng)
    boxes = tuple(
        box
        for (class_id, _), seen in zip(layers, visible, strict=True)
        if min((box := _tight_box(class_id, seen)).width, box.height) >= _LEAST_SIDE_PX
    )
    return Scene(picture, boxes)


def jpeg_bytes(scene: Scene, quality: int = 88) -> bytes:
    """The picture as a JPEG file (about 15 kB)."""
    buffer = io.BytesIO()
    scene.image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _spots(n_spots: int, horizon: float, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Feet (x, y) and sizes: on the floor the nearer the larger; on the shelf of the back wall small."""
    spots = []
    for _ in range(n_spots):
        depth = rng.uniform(0.12, 0.95) ** 0.85  # 0 at the horizon, 1 at the lower edge
        y = horizon + (_HEIGHT - horizon) * depth
        size = (26 + 105 * depth) * rng.uniform(0.8, 1.25) * _SCALE / 2
        x = rng.uniform(size * 0.55, _WIDTH - size * 0.75)
        spots.append((float(x), float(y), float(size)))
        if rng.random() < 0.22:  # something is put on top of it
            spots.append(
                (float(x + rng.uniform(-0.1, 0.1) * size), float(y - size * 0.4 + 1), float(size * 0.7))
            )
    return spots


def _draw_hall(horizon: float, rng: np.random.Generator) -> Image.Image:
    """Wall, racks, floor and lane: everything that is not to be labeled."""
    wall = np.array([rng.uniform(120, 190)] * 3) + rng.uniform(-12, 12, 3)
    floor = np.array([rng.uniform(105, 165)] * 3) + rng.uniform(-10, 14, 3)
    rows = np.arange(_HEIGHT)[:, None, None]  # (height, 1, 1)
    fade = np.where(
        rows < horizon, 0.78 + 0.22 * rows / horizon, 0.72 + 0.4 * (rows - horizon) / (_HEIGHT - horizon)
    )
    base = np.where(rows < horizon, wall, floor) * fade  # (height, 1, 3)
    pixels = np.repeat(base, _WIDTH, axis=1)
    pixels += rng.normal(0, 3.5, (_HEIGHT, _WIDTH, 1)) * (rows >= horizon)  # grain of the concrete
    canvas = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).convert("RGBA")
    draw = ImageDraw.Draw(canvas)
    _draw_wall_panels(draw, horizon, rng)
    _draw_rack(draw, horizon, rng)
    lane = float(rng.uniform(-0.3, 1.3) * _WIDTH)
    vanish = float(rng.uniform(0.3, 0.7) * _WIDTH)
    width = float(rng.uniform(10, 18))
    draw.polygon(
        [(vanish - 1, horizon), (vanish + 1, horizon), (lane + width, _HEIGHT), (lane - width, _HEIGHT)],
        fill=(196, 164, 62, 255),
    )
    for i_joint in range(1, 4):  # joints of the concrete slabs
        y = horizon + (_HEIGHT - horizon) * (i_joint / 4) ** 1.8
        draw.line([(0, y), (_WIDTH, y)], fill=(70, 70, 72, 255), width=1)
    return canvas


def _draw_wall_panels(draw: ImageDraw.ImageDraw, horizon: float, rng: np.random.Generator) -> None:
    step = float(rng.uniform(34, 60))
    for i_panel in range(int(_WIDTH / step) + 1):
        x = i_panel * step
        draw.line([(x, 0), (x, horizon)], fill=(96, 98, 102, 255), width=1)
    n_windows = int(rng.integers(0, 4))
    for i_window in range(n_windows):
        left = (i_window + rng.uniform(0.15, 0.4)) * _WIDTH / max(n_windows, 1)
        draw.rectangle(
            [left, 14, left + 84, 50], fill=(214, 226, 234, 255), outline=(84, 86, 90, 255), width=3
        )
        draw.line([(left + 42, 14), (left + 42, 50)], fill=(84, 86, 90, 255), width=3)


def _draw_rack(draw: ImageDraw.ImageDraw, horizon: float, rng: np.random.Generator) -> None:
    """A rack along the wall with vague goods in it; too far away to be labeled, on purpose."""
    if rng.random() < 0.15:
        return
    left, right = sorted(rng.uniform(-0.1, 1.1, 2) * _WIDTH)
    if right - left < 0.3 * _WIDTH:
        right = left + 0.3 * _WIDTH
    upper = horizon * rng.uniform(0.25, 0.45)
    beam = (int(rng.uniform(190, 220)), int(rng.uniform(90, 120)), 46, 255)
    post = (48, 76, int(rng.uniform(110, 150)), 255)
    n_levels = int(rng.integers(2, 4))
    for i_level in range(n_levels):
        y = upper + (horizon - upper) * (i_level + 1) / n_levels
        x = left
        while x < right - 12:
            width = float(rng.uniform(10, 34))
            height = (horizon - upper) / n_levels * rng.uniform(0.25, 0.72)
            grey = int(rng.uniform(84, 140))
            if rng.random() < 0.75:
                draw.rectangle(
                    [x, y - height, min(x + width, right), y], fill=(grey + 14, grey + 4, grey - 10, 255)
                )
            x += width + float(rng.uniform(1, 14))
        draw.rectangle([left, y, right, y + 5], fill=beam)
    n_bays = max(2, int((right - left) / 120))
    for i_post in range(n_bays + 1):
        x = left + (right - left) * i_post / n_bays
        draw.rectangle([x - 3, upper - 8, x + 3, horizon + 6], fill=post)


def _cast_shadow(canvas: Image.Image, covers: npt.NDArray[np.bool_], foot: float) -> None:
    columns = np.flatnonzero(covers.any(axis=0))
    left, right = float(columns[0]), float(columns[-1])
    shadow = Image.new("L", canvas.size, 0)
    thick = (right - left) * 0.1 + 3
    ImageDraw.Draw(shadow).ellipse([left - thick, foot - thick, right + thick, foot + thick * 0.9], fill=120)
    shadow = shadow.filter(ImageFilter.BoxBlur(4))
    canvas.paste((18, 18, 22, 255), (0, 0), shadow)


def _photograph(canvas: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Light, lens and sensor: brightness, colour cast, uneven lamps, slight blur, noise."""
    small = canvas.resize(IMAGE_SIZE, Image.Resampling.BOX)
    blur = rng.uniform(0.0, 0.9)
    if blur > 0.3:
        small = small.filter(ImageFilter.GaussianBlur(blur))
    pixels = np.asarray(small, dtype=np.float64)  # (height, width, 3)
    height, width = pixels.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width]
    light = np.full((height, width), rng.uniform(0.6, 1.12))
    for _ in range(int(rng.integers(1, 4))):  # pools of light under the lamps
        x, y = rng.uniform(0, width), rng.uniform(0.2, 1.0) * height
        reach = rng.uniform(60, 150)
        light += rng.uniform(0.05, 0.32) * np.exp(
            -((columns - x) ** 2 + 2.2 * (rows - y) ** 2) / (2 * reach**2)
        )
    light *= 1 - 0.25 * (((columns / width - 0.5) ** 2 + (rows / height - 0.5) ** 2) * 2)  # vignette
    cast = np.array([1 + rng.uniform(-0.08, 0.1), 1.0, 1 + rng.uniform(-0.12, 0.1)])
    pixels = pixels * light[:, :, None] * cast + rng.normal(0, rng.uniform(2, 8), pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _tight_box(class_id: int, seen: npt.NDArray[np.bool_]) -> TrueBox:
    """The box around the visible pixels, from the canvas to the final picture, rounded outwards."""
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    left, top = int(columns[0]) // _SCALE, int(rows[0]) // _SCALE
    right, bottom = -(-(int(columns[-1]) + 1) // _SCALE), -(-(int(rows[-1]) + 1) // _SCALE)
    return TrueBox(class_id, left, top, right - left, bottom - top)
