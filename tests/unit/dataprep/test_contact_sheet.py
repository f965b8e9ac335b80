from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labelwright.dataprep.contact_sheet import SheetLayout, contact_sheet, encode_sheet
from labelwright.dataprep.files import Files
from labelwright.dataprep.items import Item, MaskLabel
from labelwright.errors import InvalidRequest
from labelwright.manifests import BoxesLabel, ClassLabel, LabeledBox, MultiLabel, SegmentationClass


def test_every_kind_of_label_is_drawn_and_a_missing_picture_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (200, 100), (0, 0, 0)).save(path)
    box = LabeledBox(0, 50, 25, 100, 50, 0.9, "thing")
    indices = np.zeros((100, 200), dtype=np.uint8)
    indices[:, 100:] = 1
    classes = (
        SegmentationClass(0, "BACKGROUND", "#ffffff", None),
        SegmentationClass(1, "road", "#ff0000", None),
    )
    labels = [
        BoxesLabel(200, 100, 3, (box,)),
        MaskLabel(indices, classes),
        ClassLabel(0, "zebra", 0.5),
        MultiLabel((ClassLabel(0, "a", None), ClassLabel(1, "b", None))),
        None,
    ]
    items = [Item("a.png", str(path), label=label) for label in labels]
    items.append(Item("none.png", str(tmp_path / "none.png")))
    sheet = contact_sheet(items, Files(), SheetLayout(columns=3, cell_px=100), colors=["#00ff00"])
    assert sheet.size == (3 * 108 + 8, 2 * 126 + 8)
    pixels = np.asarray(sheet)
    first, second, missing = pixels[8:108, 8:108], pixels[8:108, 116:216], pixels[134:234, 224:324]
    assert (first[50, 25] == (0, 255, 0)).all()  # left edge of the box: x 50 of 200, shown at half the size
    assert (second[50, 75] == (127, 0, 0)).all()  # half a red mask on black
    assert (missing[99, 99] == 208).all()


def test_sheets_are_written_as_png_or_jpeg_and_have_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (20, 10)).save(path)
    item = Item("a.png", str(path))
    sheet = contact_sheet([item], Files(), SheetLayout(1, 64))
    assert Image.open(io.BytesIO(encode_sheet(sheet, ".png"))).format == "PNG"
    assert Image.open(io.BytesIO(encode_sheet(sheet, ".JPG"))).format == "JPEG"
    with pytest.raises(InvalidRequest, match="fewer pictures"):
        contact_sheet([item] * 2000, Files(), SheetLayout(50, 1000))
    with pytest.raises(InvalidRequest, match="no pictures"):
        contact_sheet([], Files(), SheetLayout())
