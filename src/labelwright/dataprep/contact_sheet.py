"""Contact sheets: a grid of pictures with their labels drawn, to look at many at once."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from labelwright.core.limits import IMAGE_PIXELS_MAX
from labelwright.dataprep.files import Files, open_image
from labelwright.dataprep.items import Item, MaskLabel, color_of
from labelwright.errors import InvalidRequest
from labelwright.manifests import BoxesLabel, ClassLabel, MultiLabel

__all__ = ["SheetLayout", "contact_sheet", "encode_sheet"]

_GAP = 8
_CAPTION = 18
_MASK_SHARE = 0.5  # how much of a mask's colour covers the picture


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """Size of a sheet.

    Attributes
    ----------
    columns : int
    cell_px : int
        Side of the square that each picture is fitted into.
    """

    columns: int = 6
    cell_px: int = 240

    def __post_init__(self) -> None:
        if not (1 <= self.columns <= 50 and 32 <= self.cell_px <= 2000):
            raise InvalidRequest(
                "A sheet has 1 to 50 columns with cells of 32 to 2000 pixels.", field="columns"
            )


def contact_sheet(
    items: Sequence[Item], files: Files, layout: SheetLayout, *, colors: Sequence[str] = ()
) -> Image.Image:
    """Draw a sheet.

    Parameters
    ----------
    items : sequence of Item
        One cell each; a picture that cannot be read becomes a grey cell with the reason.
    files : Files
    layout : SheetLayout
    colors : sequence of str
        ``#rrggbb`` of the classes 0, 1, ...; a row of distinct ones without it.

    Raises
    ------
    InvalidRequest
        There are no pictures, or too many for one sheet.
    """
    if not items:
        raise InvalidRequest("There are no pictures to draw.", field="items")
    columns = min(layout.columns, len(items))
    rows = -(-len(items) // columns)
    step_x, step_y = layout.cell_px + _GAP, layout.cell_px + _CAPTION + _GAP
    size = (columns * step_x + _GAP, rows * step_y + _GAP)
    if size[0] * size[1] > IMAGE_PIXELS_MAX:
        raise InvalidRequest(
            f"The sheet would have {size[0]}x{size[1]} pixels. Take fewer pictures or smaller cells.",
            field="n",
        )
    sheet = Image.new("RGB", size, "#f4f4f4")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    for i, item in enumerate(items):
        left, top = _GAP + i % columns * step_x, _GAP + i // columns * step_y
        cell, caption = _cell(item, files, layout.cell_px, colors, font)
        sheet.paste(
            cell, (left + (layout.cell_px - cell.width) // 2, top + (layout.cell_px - cell.height) // 2)
        )
        draw.text((left, top + layout.cell_px + 2), _fitting(caption, font, layout.cell_px), "#202020", font)
    return sheet


def encode_sheet(sheet: Image.Image, suffix: str) -> bytes:
    """The sheet as PNG or, for ``.jpg`` and ``.jpeg``, as JPEG."""
    out = io.BytesIO()
    if suffix.lower() in (".jpg", ".jpeg"):
        sheet.save(out, "JPEG", quality=90)
    else:
        sheet.save(out, "PNG")
    return out.getvalue()


_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def _cell(item: Item, files: Files, side: int, colors: Sequence[str], font: _Font) -> tuple[Image.Image, str]:
    name = item.name.rpartition("/")[2]
    try:
        image = open_image(files.read(item.uri or item.name), item.name)
        image.draft("RGB", (side, side))  # JPEGs are decoded at about the size they are shown at
        full = item.size or (image.width, image.height, 3)
        picture = image.convert("RGB")
        picture.thumbnail((side, side))
    except (InvalidRequest, OSError, ValueError, SyntaxError) as error:
        return _reason(str(error), side, font), name
    scale = picture.width / full[0]
    draw = ImageDraw.Draw(picture)
    match item.label:
        case BoxesLabel(boxes=boxes):
            for box in boxes:
                edges = (box.left, box.top, box.left + box.width, box.top + box.height)
                color = _color(box.class_id, colors)
                x0, y0, x1, y1 = (edge * scale for edge in edges)
                draw.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=color, width=2)
                text = box.name or f"#{box.class_id}"
                if box.confidence:
                    text += f" {box.confidence:.2f}"
                _tag(draw, (x0, y0), text, color, font)
            name = f"{len(boxes)} boxes  {name}"
        case MaskLabel(indices=indices, classes=classes):
            palette = np.full((256, 3), 255, dtype=np.uint8)
            for entry in classes:
                palette[entry.class_index] = list(
                    bytes.fromhex(color_of(entry.class_index, entry.hex_color)[1:7])
                )
            small = Image.fromarray(indices).resize(picture.size, Image.Resampling.NEAREST)
            cover = Image.fromarray(palette[np.asarray(small)])
            picture = Image.blend(picture, cover, _MASK_SHARE)
        case ClassLabel() as entry:
            name = f"{_class_text(entry)}  {name}"
        case MultiLabel(entries):
            name = f"{', '.join(map(_class_text, entries))}  {name}"
        case None:
            name = f"(no label)  {name}"
    return picture, name


def _class_text(entry: ClassLabel) -> str:
    text = entry.name or f"#{entry.class_index}"
    return f"{text} {entry.confidence:.2f}" if entry.confidence else text


def _color(index: int, colors: Sequence[str]) -> str:
    return colors[index] if index < len(colors) else color_of(index + 1)


def _tag(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, color: str, font: _Font) -> None:
    x, y = place
    box = draw.textbbox((x + 1, y), text, font)
    draw.rectangle((box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1), fill=color)
    red, green, blue = bytes.fromhex(color[1:7])
    is_light = 299 * red + 587 * green + 114 * blue > 140_000
    draw.text((x + 1, y), text, "#000000" if is_light else "#ffffff", font)


def _reason(text: str, side: int, font: _Font) -> Image.Image:
    cell = Image.new("RGB", (side, side), "#d0d0d0")
    words: Iterable[str] = text.split()
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) > side // 7:
            lines.append(line)
            line = ""
        line += word[: side // 7] + " "
    ImageDraw.Draw(cell).multiline_text((6, 6), "\n".join([*lines, line][: side // 16]), "#802020", font)
    return cell


def _fitting(text: str, font: _Font, width: int) -> str:
    while len(text) > 4 and font.getlength(text) > width:
        text = text[: max(4, int(len(text) * 0.9) - 1)]
        if font.getlength(text + "…") <= width:
            return text + "…"
    return text
