"""A picture report as one HTML file that needs nothing else: numbers, tables, curves, pictures with boxes.

Pictures are embedded, boxes are drawn over them as SVG (sharp at any size, with a tooltip each), and there
is no script. `contact_sheet` makes one PNG of the same pictures for places that show no HTML.
"""

from __future__ import annotations

import base64
import dataclasses
import html
import io
from collections.abc import Sequence
from importlib import resources

from PIL import Image, ImageDraw

from labelwright.prediction.palette import CLASS_COLOURS

__all__ = [
    "CLASS_COLOURS",
    "Curve",
    "Gallery",
    "Overlay",
    "Picture",
    "Section",
    "Table",
    "contact_sheet",
    "render_report",
]

_STYLE = resources.files("labelwright.train").joinpath("report.css").read_text("utf-8")


@dataclasses.dataclass(frozen=True, slots=True)
class Overlay:
    """One box over a picture, in the picture's pixels.

    ``is_dashed`` is for the truth and ``is_thin`` for raw material; both have their label as a tooltip only.
    """

    left: float
    top: float
    width: float
    height: float
    label: str
    colour: str
    is_dashed: bool = False
    is_thin: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG or PNG file with boxes over it. Width and height in pixels."""

    content: bytes
    width: int
    height: int
    caption: str
    overlays: tuple[Overlay, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """Cells are shown as they are given; the first column is left-aligned, the others right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Curve:
    """One line over 1, 2, 3 ..."""

    values: tuple[float, ...]
    x_label: str
    y_label: str


@dataclasses.dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures in a grid, with a legend of (name, colour, is_dashed)."""

    pictures: tuple[Picture, ...]
    legend: tuple[tuple[str, str, bool], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """A heading, a paragraph and things to see."""

    heading: str
    text: str
    items: tuple[Table | Curve | Gallery, ...]


def render_report(
    *, title: str, lead: str, headline: Sequence[tuple[str, str]], sections: Sequence[Section]
) -> str:
    """The report as an HTML document.

    Parameters
    ----------
    title, lead : str
    headline : sequence of (value, label)
        The few numbers to see first.
    sections : sequence of Section

    Returns
    -------
    str
        All text is escaped; no script, no address outside the file.
    """
    cards = "".join(
        f"<div><b>{html.escape(v)}</b><span>{html.escape(label)}</span></div>" for v, label in headline
    )
    body = "".join(_section(section) for section in sections)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{html.escape(title)}</h1><p class=lead>{html.escape(lead)}</p>"
        f"<div class=headline>{cards}</div>{body}</main></body></html>\n"
    )


def contact_sheet(pictures: Sequence[Picture], *, n_columns: int = 3) -> bytes:
    """The pictures with their boxes side by side, as a PNG file. Cells have the first picture's size."""
    if not pictures:
        return b""
    width, height = pictures[0].width, pictures[0].height
    n_rows = -(-len(pictures) // n_columns)
    gap = 6
    sheet = Image.new("RGB", (n_columns * (width + gap) - gap, n_rows * (height + gap) - gap), "#f6f7f9")
    for i_picture, picture in enumerate(pictures):
        with Image.open(io.BytesIO(picture.content)) as opened:
            image = opened.convert("RGB").resize((width, height))
        draw = ImageDraw.Draw(image)
        for box in picture.overlays:
            is_fine = box.is_dashed or box.is_thin
            corners = [box.left, box.top, box.left + box.width, box.top + box.height]
            draw.rectangle(corners, outline=box.colour, width=1 if is_fine else 2)
            if not is_fine:
                place = (box.left + 2, max(0.0, box.top - 11))
                draw.rectangle(draw.textbbox(place, box.label), fill=box.colour)
                draw.text(place, box.label, fill="#111111")
        sheet.paste(
            image, ((i_picture % n_columns) * (width + gap), (i_picture // n_columns) * (height + gap))
        )
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _section(section: Section) -> str:
    parts = [f"<section><h2>{html.escape(section.heading)}</h2><p>{html.escape(section.text)}</p>"]
    for item in section.items:
        match item:
            case Table():
                parts.append(_table(item))
            case Curve():
                parts.append(_curve(item))
            case Gallery():
                parts.append(_gallery(item))
    parts.append("</section>")
    return "".join(parts)


def _table(table: Table) -> str:
    caption = f"<caption>{html.escape(table.caption)}</caption>" if table.caption else ""
    head = "".join(f"<th>{html.escape(column)}</th>" for column in table.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _curve(curve: Curve) -> str:
    if not curve.values:
        return ""
    width, height, left, lower = 640, 240, 46, 210
    top = max(curve.values) or 1.0
    step = (width - left - 12) / max(1, len(curve.values) - 1)

    def y_of(value: float) -> float:
        return lower - (lower - 14) * value / top

    points = " L".join(f"{left + step * i:.1f},{y_of(value):.1f}" for i, value in enumerate(curve.values))
    grid = "".join(
        f'<line x1="{left}" x2="{width - 8}" y1="{y_of(top * k / 4):.1f}" y2="{y_of(top * k / 4):.1f}"/>'
        f'<text x="{left - 6}" y="{y_of(top * k / 4) + 4:.1f}" text-anchor="end">{top * k / 4:.2f}</text>'
        for k in range(5)
    )
    name = html.escape(f"{curve.y_label} by {curve.x_label}")
    return (
        f'<svg class=curve viewBox="0 0 {width} {height}" role="img" aria-label="{name}">'
        f'{grid}<path d="M{points}"/>'
        f'<text x="{left}" y="{height - 8}">{html.escape(curve.x_label)} 1 to {len(curve.values)}</text>'
        f'<text x="{left + 6}" y="12">{html.escape(curve.y_label)}</text></svg>'
    )


def _gallery(gallery: Gallery) -> str:
    legend = "".join(
        f'<span><i style="border-color:{html.escape(colour)};'
        f'border-style:{"dashed" if dashed else "solid"}"></i>{html.escape(name)}</span>'
        for name, colour, dashed in gallery.legend
    )
    figures = "".join(_figure(picture) for picture in gallery.pictures)
    return f"<div class=legend>{legend}</div><div class=gallery>{figures}</div>"


def _figure(picture: Picture) -> str:
    kind = "png" if picture.content.startswith(b"\x89PNG") else "jpeg"
    data = base64.b64encode(picture.content).decode("ascii")
    boxes = []
    for box in picture.overlays:
        colour = html.escape(box.colour)
        dash = ' stroke-dasharray="4 3"' if box.is_dashed else ""
        boxes.append(
            f'<rect x="{box.left:.1f}" y="{box.top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
            f'fill="none" stroke="{colour}" stroke-width="{1 if box.is_dashed or box.is_thin else 2}"{dash}>'
            f"<title>{html.escape(box.label)}</title></rect>"
        )
        if not (box.is_dashed or box.is_thin):
            label = html.escape(box.label)
            y = max(box.top - 11, 0.0)
            boxes.append(
                f'<rect x="{box.left - 1:.1f}" y="{y:.1f}" width="{5 * len(box.label) + 5}" height="11" '
                f'fill="{colour}"/><text x="{box.left + 1.5:.1f}" y="{y + 8.5:.1f}" font-size="9" '
                f'textLength="{5 * len(box.label)}" font-family="sans-serif" fill="#111">{label}</text>'
            )
    caption = html.escape(picture.caption)
    return (
        f'<figure><svg viewBox="0 0 {picture.width} {picture.height}" role="img" aria-label="{caption}">'
        f'<image width="{picture.width}" height="{picture.height}" href="data:image/{kind};base64,{data}"/>'
        f"{''.join(boxes)}</svg><figcaption>{caption}</figcaption></figure>"
    )
