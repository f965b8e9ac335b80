"""The picture report: self-contained, escaped, complete."""

from __future__ import annotations

import io
import re

from PIL import Image

from labelwright.train.report import (
    Curve,
    Gallery,
    Overlay,
    Picture,
    Section,
    Table,
    contact_sheet,
    render_report,
)


def _picture(caption: str = "held-out 1") -> Picture:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "#336699").save(buffer, "JPEG")
    boxes = (
        Overlay(5, 6, 20, 10, "crate 0.91", "#2ca02c"),
        Overlay(4, 5, 21, 12, "crate", "#ffffff", is_dashed=True),
    )
    return Picture(buffer.getvalue(), 40, 30, caption, boxes)


def _report() -> str:
    return render_report(
        title="Box <b> & crate",
        lead="What came out",
        headline=[("0.94", "mAP@0.5")],
        sections=[
            Section(
                "Training",
                "Loss.",
                (Curve((2.0, 1.5, 1.0), "epoch", "mean loss"), Table(("class", "AP"), (("box", "0.9"),))),
            ),
            Section(
                "Pictures", "Held out.", (Gallery((_picture("<script>"),), (("truth", "#ffffff", True),)),)
            ),
        ],
    )


def test_report_escapes_text_and_needs_nothing_else() -> None:
    document = _report()
    assert "Box &lt;b&gt; &amp; crate" in document
    assert "<script" not in document
    assert not re.search(r"(?:src|href)=\"(?!data:)", document)


def test_report_holds_numbers_curve_and_boxes() -> None:
    document = _report()
    assert "<b>0.94</b>" in document
    assert document.count("<path d=") == 1
    assert (
        document.count("<rect ") == 3
    )  # two boxes, and the ground of the label of the one that is not dashed
    assert "stroke-dasharray" in document
    assert "crate 0.91" in document


def test_empty_curve_is_left_out() -> None:
    section = Section("Training", "", (Curve((), "epoch", "loss"),))
    assert "<path" not in render_report(title="t", lead="", headline=[], sections=[section])


def test_contact_sheet_is_a_png_with_a_cell_per_picture() -> None:
    with Image.open(io.BytesIO(contact_sheet([_picture()] * 4, n_columns=3))) as sheet:
        assert sheet.format == "PNG"
        assert sheet.size == (3 * 46 - 6, 2 * 36 - 6)
    assert contact_sheet([]) == b""
