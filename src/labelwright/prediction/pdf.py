"""A PDF file, written page by page: text in Helvetica, lines, rectangles and JPEG pictures.

Just what a report needs. Each page goes to the file as soon as it is finished; only the places of objects
are kept. Coordinates are points (1/72 inch) from the upper left corner, y downwards.

References
----------
ISO 32000-1 (PDF 1.7), sections 7.5 (file structure), 8 (graphics), 9 (text); widths of Helvetica: Adobe's
font metrics for the standard 14 fonts.
"""

from __future__ import annotations

import zlib
from types import TracebackType
from typing import IO, Self

from labelwright.prediction.palette import rgb_of

__all__ = ["A4_PT", "Canvas", "PdfWriter", "fitting", "text_width"]

A4_PT = (595.28, 841.89)

_CATALOGUE, _PAGES, _REGULAR, _BOLD = 1, 2, 3, 4
_HELVETICA = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 "
    "556 556 278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 "
    "667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 "
    "556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 334 260 334 584"
)
_WIDTHS = {chr(32 + i): int(width) for i, width in enumerate(_HELVETICA.split())}
_BOLD_FACTOR = 1.07


def text_width(text: str, size: float, *, is_bold: bool = False) -> float:
    """Width of a line of Helvetica in points.

    Examples
    --------
    >>> round(text_width("Page 1", 10), 2)
    31.69
    """
    width = sum(_WIDTHS.get(letter, 556) for letter in text) * size / 1000
    return width * _BOLD_FACTOR if is_bold else width


def fitting(text: str, size: float, width: float) -> str:
    """The text, or as much of its beginning and end as fits with an ellipsis between them.

    Examples
    --------
    >>> fitting("a very long file name.jpg", 8, 60)
    'a very ...ame.jpg'
    """
    if text_width(text, size) <= width:
        return text
    n_kept = len(text)
    while n_kept > 2:
        n_kept -= 1
        shorter = f"{text[: (n_kept + 1) // 2]}...{text[-(n_kept // 2) :]}"
        if text_width(shorter, size) <= width:
            return shorter
    return "..."


class Canvas:
    """One page under way."""

    def __init__(self, size_pt: tuple[float, float]) -> None:
        self.size_pt = size_pt
        self.operators: list[str] = []
        self.pictures: list[tuple[bytes, int, int]] = []

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float,
        colour: str = "#111111",
        is_bold: bool = False,
        anchor: str = "left",
    ) -> None:
        """One line; ``y`` is its base line, ``anchor`` left, middle or right says what ``x`` is.

        Letters outside of Windows-1252 become question marks.
        """
        if anchor != "left":
            x -= text_width(text, size, is_bold=is_bold) * (0.5 if anchor == "middle" else 1.0)
        encoded = text.encode("cp1252", "replace").decode("latin-1")
        escaped = encoded.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        escaped = "".join(letter if letter >= " " else " " for letter in escaped)
        font = "F2" if is_bold else "F1"
        self.operators.append(
            f"BT {_rgb(colour)} rg /{font} {size:g} Tf {x:.2f} {self._y(y):.2f} Td ({escaped}) Tj ET"
        )

    def rectangle(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str | None = None,
        stroke: str | None = None,
        line_width: float = 1.0,
    ) -> None:
        """Filled, outlined, or both."""
        shape = f"{x:.2f} {self._y(y + height):.2f} {width:.2f} {height:.2f} re"
        if fill is not None:
            self.operators.append(f"{_rgb(fill)} rg {shape} f")
        if stroke is not None:
            self.operators.append(f"{_rgb(stroke)} RG {line_width:g} w {shape} S")

    def line(self, x: float, y: float, x_end: float, y_end: float, *, colour: str, line_width: float) -> None:
        """A straight line."""
        begin, end = f"{x:.2f} {self._y(y):.2f}", f"{x_end:.2f} {self._y(y_end):.2f}"
        self.operators.append(f"{_rgb(colour)} RG {line_width:g} w {begin} m {end} l S")

    def picture(
        self, x: float, y: float, width: float, height: float, jpeg: bytes, size_px: tuple[int, int]
    ) -> None:
        """A JPEG file of RGB, stretched over the rectangle."""
        name = f"I{len(self.pictures)}"
        self.pictures.append((jpeg, *size_px))
        self.operators.append(
            f"q {width:.2f} 0 0 {height:.2f} {x:.2f} {self._y(y + height):.2f} cm /{name} Do Q"
        )

    def _y(self, y: float) -> float:
        return self.size_pt[1] - y


class PdfWriter:
    """Writes a file; a context manager that completes it at the end.

    Parameters
    ----------
    file : binary file
        Written from its beginning to its end, never read or sought.
    title : str
    """

    def __init__(self, file: IO[bytes], *, title: str) -> None:
        self._file = file
        self._n_bytes = 0
        self._title = title
        self._places: dict[int, int] = {}
        self._page_numbers: list[int] = []
        self._next = _BOLD + 1
        self._write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
        for number, name in ((_REGULAR, "Helvetica"), (_BOLD, "Helvetica-Bold")):
            font = f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>"
            self._object(number, font.encode())

    @property
    def n_pages(self) -> int:
        """Pages written so far."""
        return len(self._page_numbers)

    def page(self, canvas: Canvas) -> None:
        """Write a finished page."""
        pictures = []
        for i, (jpeg, width, height) in enumerate(canvas.pictures):
            number = self._new_number()
            head = (
                f"<< /Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceRGB "
                f"/BitsPerComponent 8 /Filter /DCTDecode /Length {len(jpeg)} >>"
            )
            self._object(number, head.encode() + b"\nstream\n" + jpeg + b"\nendstream")
            pictures.append(f"/I{i} {number} 0 R")
        drawn = zlib.compress("\n".join(canvas.operators).encode("latin-1"))
        content = self._new_number()
        head = f"<< /Filter /FlateDecode /Length {len(drawn)} >>"
        self._object(content, head.encode() + b"\nstream\n" + drawn + b"\nendstream")
        page = self._new_number()
        width_pt, height_pt = canvas.size_pt
        self._object(
            page,
            (
                f"<< /Type /Page /Parent {_PAGES} 0 R /MediaBox [0 0 {width_pt:g} {height_pt:g}] "
                f"/Contents {content} 0 R /Resources << /Font << /F1 {_REGULAR} 0 R /F2 {_BOLD} 0 R >> "
                f"/XObject << {' '.join(pictures)} >> >> >>"
            ).encode(),
        )
        self._page_numbers.append(page)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()

    def _finish(self) -> None:
        kids = " ".join(f"{number} 0 R" for number in self._page_numbers)
        self._object(_PAGES, f"<< /Type /Pages /Kids [{kids}] /Count {self.n_pages} >>".encode())
        self._object(_CATALOGUE, f"<< /Type /Catalog /Pages {_PAGES} 0 R >>".encode())
        about = self._new_number()
        title = self._title.encode("utf-16-be").hex()
        self._object(about, f"<< /Title <FEFF{title}> /Producer (Labelwright) >>".encode())
        start = self._n_bytes
        self._write(f"xref\n0 {self._next}\n0000000000 65535 f \n".encode())
        for number in range(1, self._next):
            self._write(f"{self._places[number]:010d} 00000 n \n".encode())
        trailer = f"<< /Size {self._next} /Root {_CATALOGUE} 0 R /Info {about} 0 R >>"
        self._write(f"trailer\n{trailer}\nstartxref\n{start}\n%%EOF\n".encode())

    def _new_number(self) -> int:
        self._next += 1
        return self._next - 1

    def _object(self, number: int, content: bytes) -> None:
        self._places[number] = self._n_bytes
        self._write(b"%d 0 obj\n%s\nendobj\n" % (number, content))

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._n_bytes += len(data)


def _rgb(colour: str) -> str:
    return " ".join(f"{value / 255:.3f}" for value in rgb_of(colour))
