"""The report on paper: a title page, then pages of three columns and five rows, each with its number.

Pictures have their file name above them. Boxes are lines of the file, not of the picture, so they stay sharp;
masks are laid over in colours; classes of whole pictures stand below them. Texts make a table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, TypeVar

from labelwright.prediction.drawing import jpeg_bytes, mask_overlay, small_picture
from labelwright.prediction.palette import colour_of
from labelwright.prediction.pdf import A4_PT, Canvas, PdfWriter, fitting, text_width
from labelwright.prediction.results import Box, Result, Summary

__all__ = ["Report", "write_pdf_report"]

T = TypeVar("T")

N_COLUMNS, N_ROWS = 3, 5

_MARGIN = 36.0
_GAP = 9.0
_FOOTER = 18.0
_CELL_W = (A4_PT[0] - 2 * _MARGIN - (N_COLUMNS - 1) * _GAP) / N_COLUMNS
_CELL_H = (A4_PT[1] - 2 * _MARGIN - _FOOTER - (N_ROWS - 1) * _GAP) / N_ROWS
_TITLE_H = 11.0
_CAPTION_H = 10.0
_PX_PER_PT = 2.2
_GREY = "#666666"
_INK = "#111111"
_LEGEND_ROWS = 26
_TEXTS_A_PAGE = 40
_LABEL_SIZE = 5.5


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What the reports on paper and for the browser are told.

    Attributes
    ----------
    title : str
    facts : sequence of (str, str)
        Name and value, for the title page: model, folder, date.
    threshold : float
        Scores below are not shown.
    names : sequence of str
        Of the classes by index; missing ones are shown as ``class 7``.
    pictures, results : Path
        Folders that names of pictures and of masks are relative to.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    threshold: float
    names: Sequence[str]
    pictures: Path
    results: Path

    def name_of(self, class_id: str | int) -> str:
        """What a class is called; labels of texts without fastText's prefix."""
        if isinstance(class_id, str):
            return class_id.removeprefix("__label__")
        return self.names[class_id] if 0 <= class_id < len(self.names) else f"class {class_id}"


def write_pdf_report(
    file: IO[bytes],
    report: Report,
    summary: Summary,
    results: Iterable[Result],
    *,
    tell: Callable[[int], object] = lambda _: None,
) -> int:
    """Write the report.

    Parameters
    ----------
    file : binary file
    report : Report
    summary : Summary
        Counted beforehand with the same threshold.
    results : iterable of Result
        Read once; a page's worth is held at a time.
    tell : callable
        Called with the number of results that were put on a page.

    Returns
    -------
    int
        Pages.
    """
    with PdfWriter(file, title=report.title) as writer:
        writer.page(_title_page(report, summary))
        at_once = _TEXTS_A_PAGE if summary.kind == "text" else N_COLUMNS * N_ROWS
        for part in _parts(results, at_once):
            canvas = Canvas(A4_PT)
            if summary.kind == "text":
                _draw_texts(canvas, report, part)
            else:
                for i, result in enumerate(part):
                    i_row, i_column = divmod(i, N_COLUMNS)
                    x = _MARGIN + i_column * (_CELL_W + _GAP)
                    _draw_cell(canvas, report, result, x, _MARGIN + i_row * (_CELL_H + _GAP))
            _draw_footer(canvas, writer.n_pages + 1)
            writer.page(canvas)
            tell(len(part))
        return writer.n_pages


def _parts(items: Iterable[T], n: int) -> Iterator[list[T]]:
    source = iter(items)
    while part := list(islice(source, n)):
        yield part


def _draw_footer(canvas: Canvas, number: int) -> None:
    y = A4_PT[1] - _MARGIN + 8
    canvas.text(A4_PT[0] / 2, y, f"Page {number}", size=8, colour=_GREY, anchor="middle")


def _title_page(report: Report, summary: Summary) -> Canvas:
    canvas = Canvas(A4_PT)
    width = A4_PT[0] - 2 * _MARGIN
    y = 150.0
    canvas.text(_MARGIN, y, fitting(report.title, 25, width), size=26, is_bold=True)
    canvas.line(_MARGIN, y + 14, A4_PT[0] - _MARGIN, y + 14, colour="#cccccc", line_width=0.8)
    y += 42
    unit = "texts" if summary.kind == "text" else "pictures"
    facts = [
        *report.facts,
        (unit.capitalize(), f"{summary.n_inputs:,}"),
        ("Shown from", f"score {report.threshold:g}") if summary.kind != "mask" else ("Shown", "every class"),
    ]
    if summary.n_empty:
        facts.append(("Without result", f"{summary.n_empty:,} below that score"))
    if summary.n_failed:
        facts.append(("Not readable", f"{summary.n_failed:,}"))
    for name, value in facts:
        canvas.text(_MARGIN, y, name, size=11, colour=_GREY)
        canvas.text(_MARGIN + 110, y, fitting(value, 11, width - 110), size=11)
        y += 18
    y += 22
    head = {"mask": "Classes, with the pictures they are in", "boxes": "Classes, with the objects found"}
    canvas.text(
        _MARGIN,
        y,
        head.get(summary.kind or "", "Classes, with what was assigned to them"),
        size=11,
        is_bold=True,
    )
    y += 10
    _draw_legend(canvas, report, summary, y)
    _draw_footer(canvas, 1)
    return canvas


def _draw_legend(canvas: Canvas, report: Report, summary: Summary, y: float) -> None:
    """Classes in two columns, the most frequent first."""
    rows = summary.counts.most_common(2 * _LEGEND_ROWS)
    width = (A4_PT[0] - 2 * _MARGIN - 24) / 2
    for i, (class_id, count) in enumerate(rows):
        x = _MARGIN + (i // _LEGEND_ROWS) * (width + 24)
        line = y + 16 * (i % _LEGEND_ROWS) + 12
        canvas.rectangle(x, line - 8, 10, 10, fill=_colour(report, class_id))
        canvas.text(x + 16, line, fitting(report.name_of(class_id), 10, width - 80), size=10)
        canvas.text(x + width, line, f"{count:,}", size=10, anchor="right")
    n_more = len(summary.counts) - len(rows)
    if n_more > 0:
        line = y + 16 * _LEGEND_ROWS + 14
        canvas.text(_MARGIN, line, f"and {n_more:,} more classes", size=10, colour=_GREY)


def _draw_cell(canvas: Canvas, report: Report, result: Result, x: float, y: float) -> None:
    canvas.text(x, y + 8, fitting(result.name, 7.5, _CELL_W), size=7.5)
    top = y + _TITLE_H
    has_caption = result.kind in ("classes", "mask")
    height = _CELL_H - _TITLE_H - (_CAPTION_H if has_caption else 0)
    room_px = (round(_CELL_W * _PX_PER_PT), round(height * _PX_PER_PT))
    try:
        if result.error is not None:
            raise OSError(result.error)
        image = small_picture(report.pictures / result.name, room_px)
        if result.mask is not None:
            overlay = mask_overlay(report.results / result.mask, image.size)
            image.paste(overlay, mask=overlay.getchannel("A"))
    except (OSError, ValueError) as error:
        canvas.rectangle(x, top, _CELL_W, height, fill="#f2f2f2")
        canvas.text(x + 6, top + 14, "no result", size=8, is_bold=True, colour=_GREY)
        canvas.text(x + 6, top + 25, fitting(str(error), 6.5, _CELL_W - 12), size=6.5, colour=_GREY)
        return
    scale = min(_CELL_W / image.width, height / image.height)
    shown = (image.width * scale, image.height * scale)
    left = x + (_CELL_W - shown[0]) / 2
    canvas.picture(left, top, *shown, jpeg_bytes(image), image.size)
    # The best box last, so that it lies on top.
    for box in reversed([box for box in result.boxes if box.score >= report.threshold]):
        _draw_box(canvas, report, box, (left, top), shown)
    if has_caption:
        _draw_caption(canvas, report, result, x, top + shown[1] + 8)


def _draw_box(
    canvas: Canvas, report: Report, box: Box, origin: tuple[float, float], shown: tuple[float, float]
) -> None:
    left, right = (min(max(edge, 0.0), 1.0) * shown[0] + origin[0] for edge in (box.left, box.right))
    top, bottom = (min(max(edge, 0.0), 1.0) * shown[1] + origin[1] for edge in (box.top, box.bottom))
    if right <= left or bottom <= top:
        return
    colour = _colour(report, box.class_id)
    canvas.rectangle(left, top, right - left, bottom - top, stroke=colour, line_width=0.9)
    label = fitting(f"{report.name_of(box.class_id)} {box.score:.2f}", _LABEL_SIZE, shown[0] - 3)
    width = text_width(label, _LABEL_SIZE) + 3
    place_x = min(left, origin[0] + shown[0] - width)
    place_y = top - 7 if top - 7 >= origin[1] else top
    canvas.rectangle(place_x - 0.45, place_y, width, 7, fill=colour)
    canvas.text(place_x + 1, place_y + 5.3, label, size=_LABEL_SIZE, colour=_INK)


def _draw_caption(canvas: Canvas, report: Report, result: Result, x: float, y: float) -> None:
    """Classes of the whole picture, as many as fit."""
    right = x + _CELL_W
    above = result.above(report.threshold)
    if not above:
        canvas.text(x, y, f"nothing from {report.threshold:g}", size=7, colour=_GREY)
    for class_id, share in above:
        value = f"{share:.0%}" if result.kind == "mask" else f"{share:.2f}"
        label = fitting(f"{report.name_of(class_id)} {value}", 7, _CELL_W - 8)
        if x + 7.5 + text_width(label, 7) > right:
            return
        canvas.rectangle(x, y - 5, 5.5, 5.5, fill=_colour(report, class_id))
        canvas.text(x + 7.5, y, label, size=7)
        x += text_width(label, 7) + 14


def _draw_texts(canvas: Canvas, report: Report, part: Sequence[Result]) -> None:
    y = _MARGIN + 10
    label_x, score_x = A4_PT[0] - _MARGIN - 150, A4_PT[0] - _MARGIN
    for x, head, anchor in (
        (_MARGIN, "Text", "left"),
        (label_x, "Label", "left"),
        (score_x, "Score", "right"),
    ):
        canvas.text(x, y, head, size=8, is_bold=True, anchor=anchor)
    for result in part:
        y += 18
        canvas.line(_MARGIN, y - 12, score_x, y - 12, colour="#dddddd", line_width=0.4)
        canvas.text(_MARGIN, y, fitting(result.name, 8, label_x - _MARGIN - 12), size=8)
        above = result.above(report.threshold)
        if above:
            label, share = above[0]
            canvas.rectangle(label_x - 9, y - 5.5, 6, 6, fill=_colour(report, label))
            canvas.text(label_x, y, fitting(report.name_of(label), 8, 115), size=8)
            canvas.text(score_x, y, f"{share:.3f}", size=8, anchor="right")
        else:
            canvas.text(label_x, y, f"nothing from {report.threshold:g}", size=8, colour=_GREY)


def _colour(report: Report, class_id: str | int) -> str:
    if isinstance(class_id, int):
        return colour_of(class_id)
    return colour_of(report.names.index(class_id) if class_id in report.names else 0)
