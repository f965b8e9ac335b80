"""The PDF writer: a file whose every reference leads where it says, page by page."""

from __future__ import annotations

import io
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from labelwright.prediction.drawing import jpeg_bytes
from labelwright.prediction.pdf import A4_PT, Canvas, PdfWriter, fitting, text_width


def written(n_pages: int) -> bytes:
    file = io.BytesIO()
    with PdfWriter(file, title="Été (1)") as writer:
        for i in range(n_pages):
            canvas = Canvas(A4_PT)
            canvas.text(40, 50, f"Page ({i}) \\ naïve 日", size=9, anchor="middle", is_bold=True)
            canvas.rectangle(10, 20, 30, 40, fill="#ff0000", stroke="#00ff00")
            canvas.line(0, 0, 10, 10, colour="#000000", line_width=1)
            canvas.picture(50, 60, 70, 80, jpeg_bytes(Image.new("RGB", (7, 5), "#123456")), (7, 5))
            writer.page(canvas)
    return file.getvalue()


def test_every_reference_leads_to_its_object() -> None:
    content = written(3)
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", content).group(1))  # type: ignore[union-attr]
    lines = content[start:].split(b"\n")
    assert lines[0] == b"xref"
    n_objects = int(lines[1].split()[1])
    for number, line in enumerate(lines[3 : 2 + n_objects], start=1):
        assert len(line) == 19  # and the line end: 20, as the format demands
        assert content[int(line[:10]) :].startswith(b"%d 0 obj\n" % number)
    assert f"/Size {n_objects} /Root 1 0 R".encode() in content
    assert content.count(b"/Type /Page /Parent") == 3
    assert b"/Count 3" in content


def test_streams_have_the_length_they_announce() -> None:
    content = written(2)
    found = list(re.finditer(rb"/Length (\d+) >>\nstream\n", content))
    assert len(found) == 4  # a picture and a page's operators, twice
    for each in found:
        assert content[each.end() + int(each.group(1)) :].startswith(b"\nendstream\nendobj")
    drawn = zlib.decompress(content[found[1].end() :][: int(found[1].group(1))]).decode("latin-1")
    assert "(Page \\(0\\) \\\\ na\xefve ?) Tj" in drawn
    assert "70.00 0 0 80.00 50.00 701.89 cm /I0 Do" in drawn  # 841.89 - 60 - 80


def test_a_page_that_fails_leaves_no_complete_file() -> None:
    file = io.BytesIO()
    with pytest.raises(RuntimeError), PdfWriter(file, title="t"):
        raise RuntimeError
    assert b"%%EOF" not in file.getvalue()


@given(text=st.text(max_size=60), width=st.floats(20, 300))
def test_shortened_texts_fit_and_keep_both_ends(text: str, width: float) -> None:
    found = fitting(text, 8, width)
    if found != text:
        assert text_width(text, 8) > width
        assert "..." in found
        assert found[0] == text[0] and found[-1] == text[-1]
    assert text_width(found, 8) <= max(width, text_width("...", 8))
