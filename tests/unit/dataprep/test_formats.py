"""Every format: golden files in their documented form, and round trips."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataprep_making import boxes_line, class_line, lines_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from labelwright.dataprep.converting import Imported, export_dataset, import_dataset
from labelwright.dataprep.detecting import detect_format
from labelwright.dataprep.files import Files
from labelwright.dataprep.formats import FORMATS, Reading, carries_table
from labelwright.dataprep.to_manifest import ManifestTarget, encode_mask
from labelwright.errors import InvalidRequest

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "conversions.md"
NAMES = {0: "screw", 1: "nut & bolt", 2: "clip"}
SIZE = (100, 80)


def picture(size: tuple[int, int] = SIZE) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (90, 120, 60)).save(out, "JPEG")
    return out.getvalue()


class Shop:
    """A folder with pictures ``s3://b/p/...`` and a way there and back."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = Files(maps=[("s3://b/p", root / "pictures")])

    def add(self, name: str, data: bytes) -> None:
        path = self.root / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def there(self, lines: list[dict[str, Any]], name: str, **options: Any) -> tuple[Path, list[str]]:
        manifest = self.root / "in.manifest"
        manifest.write_bytes(b"".join(lines_of(*lines)))
        target = self.root / f"out.{name}"
        if FORMATS[name].is_folder:
            target.mkdir()
        done = export_dataset(
            manifest, target, FORMATS[name], files=self.files, copies_images=True, **options
        )
        return target, done.lost

    def back(self, source: Path, name: str, attribute: str, **options: Any) -> list[dict[str, Any]]:
        options.setdefault("images", "s3://b/p")
        reading = Reading(source, self.files, **options)
        target = ManifestTarget(attribute, "s3://b/p", "", str(self.root / "masks"), "labeling-job/x", "then")
        lines = [json.loads(line) for line in import_dataset(reading, FORMATS[name], target, Imported())]
        return sorted(lines, key=lambda line: str(line["source-ref"]))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    for name in ("a.jpg", "b.jpg", "sub/c.jpg"):
        made.add(name, picture())
    return made


@pytest.mark.parametrize("name", ["coco", "label-studio"])
def test_lossless_formats_give_lines_back(shop: Shop, name: str) -> None:
    lines = [
        boxes_line(
            "s3://b/p/a.jpg",
            [(0, 1.5, 2.25, 30, 40), (2, 5, 6, 7.125, 8)],
            NAMES,
            batch=4,
            confidences=[0.5, 0.75],
        ),
        boxes_line("s3://b/p/b.jpg", [], NAMES, human="no"),
        {"source-ref": "s3://b/p/sub/c.jpg", "batch": "é"},
    ]
    target, lost = shop.there(lines, name)
    assert lost == []
    assert detect_format(target) == name or name == "label-studio"
    assert shop.back(target, name, "parts") == lines


boxes = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 400).map(lambda v: v / 8),
        st.integers(0, 300).map(lambda v: v / 8),
        st.integers(8, 400).map(lambda v: v / 8),
        st.integers(8, 300).map(lambda v: v / 8),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("name", ["coco", "voc", "yolo", "lst", "label-studio", "cvat"])
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(found=boxes)
def test_boxes_survive_to_the_last_fraction(name: str, found: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        shop.add("a.jpg", picture())
        line = boxes_line("s3://b/p/a.jpg", found, NAMES)
        target, _ = shop.there([line], name, names=list(NAMES.values()))
        (again,) = shop.back(target, name, "parts")
        assert again["parts"] == line["parts"]
        assert again["parts-metadata"]["class-map"] == line["parts-metadata"]["class-map"]


masks = st.lists(st.lists(st.integers(0, 3), min_size=9, max_size=9), min_size=7, max_size=7)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("coco", {}),
        ("coco", {"polygons": True}),
        ("voc", {}),
        ("yolo", {}),
        ("label-studio", {}),
        ("cvat", {}),
        ("cvat", {"polygons": True}),
    ],
)
@settings(max_examples=10, deadline=None)
@given(pixels=masks)
def test_masks_survive_pixel_by_pixel(name: str, options: dict[str, Any], pixels: list[list[int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        shop.add("a.jpg", picture((9, 7)))
        colors = {0: "#ffffff", 1: "#2ca02c", 2: "#1f77b4", 3: "#123456"}
        indices = np.array(pixels, dtype=np.uint8)
        indices[0, 0] = 1
        shop.add("m.png", encode_mask(indices, colors))
        classes = {0: "BACKGROUND", 1: "road", 2: "car", 3: "tree"}
        line = {
            "source-ref": "s3://b/p/a.jpg",
            "street-ref": "s3://b/p/m.png",
            "street-ref-metadata": {
                "internal-color-map": {
                    str(i): {"class-name": classes[i], "hex-color": colors[i], "confidence": 0.5}
                    for i in classes
                },
                "type": "groundtruth/semantic-segmentation",
                "human-annotated": "yes",
            },
        }
        target, _ = shop.there([line], name, **options)
        (again,) = shop.back(target, name, "street-ref")
        with Image.open(again["street-ref"]) as image:
            assert image.mode == "P"
            assert np.array_equal(np.array(image), indices)
            color_map = again["street-ref-metadata"]["internal-color-map"]
            assert {int(i): entry["class-name"] for i, entry in color_map.items()} == classes
            palette = image.getpalette() or []
            assert bytes(palette[9:12]).hex() == color_map["3"]["hex-color"][1:]
            if name in ("coco", "voc", "cvat"):
                assert color_map["3"]["hex-color"] == "#123456"


@pytest.mark.parametrize("name", ["lst", "folders", "label-studio", "cvat", "cub"])
def test_one_class_per_picture(shop: Shop, name: str) -> None:
    lines = [
        class_line("s3://b/p/a.jpg", 0, "zebra"),
        class_line("s3://b/p/b.jpg", 1, "ant"),
        class_line("s3://b/p/sub/c.jpg", 0, "zebra"),
    ]
    target, _ = shop.there(lines, name)
    images = "s3://b/p" if name != "folders" else ""
    again = shop.back(target, name, "kind", images=images)
    found = sorted(
        (line["source-ref"].rpartition("/")[2][-5:], line["kind"], line["kind-metadata"]["class-name"])
        for line in again
    )
    assert found == [("a.jpg", 0, "zebra"), ("b.jpg", 1, "ant"), ("c.jpg", 0, "zebra")]


@pytest.mark.parametrize("name", ["lst", "label-studio", "cvat"])
def test_several_classes_per_picture(shop: Shop, name: str) -> None:
    line = {
        "source-ref": "s3://b/p/a.jpg",
        "scene": [2, 0],
        "scene-metadata": {
            "class-map": {"2": "lake", "0": "tree"},
            "confidence-map": {"2": 0.9, "0": 0.4},
            "type": "groundtruth/image-classification-multilabel",
            "human-annotated": "yes",
        },
    }
    target, _ = shop.there([line], name)
    (again,) = shop.back(target, name, "scene")
    assert again["scene"] == [2, 0]
    assert again["scene-metadata"]["class-map"] == {"2": "lake", "0": "tree"}


def test_cub_holds_one_box_and_a_training_flag(shop: Shop) -> None:
    lines = [
        boxes_line("s3://b/p/a.jpg", [(2, 60, 27.5, 20, 30)], NAMES, split="train"),
        boxes_line("s3://b/p/b.jpg", [(0, 1, 2, 3, 4)], NAMES, split="test"),
    ]
    target, _ = shop.there(lines, "cub")
    assert (target / "bounding_boxes.txt").read_text().startswith("1 60.0 27.5 20.0 30.0\n")
    again = shop.back(target, "cub", "parts")
    assert [line["split"] for line in again] == ["train", "test"]
    assert [line["parts"] for line in again] == [line["parts"] for line in lines]
    assert len(shop.back(target, "cub", "parts", part="test")) == 1
    shop.root = shop.root / "more"
    shop.root.mkdir()
    with pytest.raises(InvalidRequest, match="has 2 boxes"):
        shop.there([boxes_line("s3://b/p/a.jpg", [(0, 1, 2, 3, 4)] * 2, NAMES)], "cub")


GOLDEN: dict[str, dict[str, str]] = {
    "coco": {
        "a.json": json.dumps(
            {
                "images": [{"id": 7, "file_name": "a.jpg", "width": 100, "height": 80}],
                "annotations": [
                    {
                        "id": 1,
                        "image_id": 7,
                        "category_id": 18,
                        "bbox": [10, 20, 30, 40],
                        "area": 1200,
                        "iscrowd": 0,
                    },
                    {
                        "id": 2,
                        "image_id": 7,
                        "category_id": 3,
                        "bbox": [1, 2, 3, 4],
                        "area": 12,
                        "iscrowd": 0,
                    },
                ],
                "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}],
            }
        )
    },
    "voc": {
        "Annotations/a.xml": """<annotation><folder>VOC2012</folder><filename>a.jpg</filename>
<size><width>100</width><height>80</height><depth>3</depth></size>
<object><name>dog</name><difficult>0</difficult><part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin>
<xmax>2</xmax><ymax>2</ymax></bndbox></part>
<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>40</xmax><ymax>60</ymax></bndbox></object>
<object><name>car</name><bndbox><xmin>2</xmin><ymin>3</ymin><xmax>4</xmax><ymax>6</ymax></bndbox></object>
</annotation>""",
        "ImageSets/Main/train.txt": "a\n",
    },
    "yolo": {
        "data.yaml": "path: x  # root\ntrain: images/train\nnc: 2\nnames: ['car', \"dog\"]\n",
        "images/train/a.jpg": "",
        "labels/train/a.txt": "1 0.25 0.5 0.3 0.5\n0 0.025 0.05 0.03 0.05\n",
    },
    "lst": {
        "a.lst": "0\t2\t5\t1\t0.1\t0.25\t0.4\t0.75\t0\t0.01\t0.025\t0.04\t0.075\ta.jpg\n",
        "a.labels.json": '{"labels": [{"label": "car"}, {"label": "dog"}]}',
    },
    "label-studio": {
        "a.json": json.dumps(
            [
                {
                    "id": 1,
                    "data": {"image": "/data/local-files/?d=a.jpg"},
                    "annotations": [
                        {"was_cancelled": True, "result": []},
                        {
                            "result": [
                                {
                                    "type": "rectanglelabels",
                                    "original_width": 100,
                                    "original_height": 80,
                                    "value": {
                                        "x": 10,
                                        "y": 25,
                                        "width": 30,
                                        "height": 50,
                                        "rotation": 0,
                                        "rectanglelabels": ["dog"],
                                    },
                                },
                                {
                                    "type": "rectanglelabels",
                                    "original_width": 100,
                                    "original_height": 80,
                                    "value": {
                                        "x": 1,
                                        "y": 2.5,
                                        "width": 3,
                                        "height": 5,
                                        "rotation": 0,
                                        "rectanglelabels": ["car"],
                                    },
                                },
                            ]
                        },
                    ],
                }
            ]
        )
    },
    "cvat": {
        "a.xml": """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><labels><label><name>car</name></label><label><name>dog</name>
</label></labels></task></meta>
<image id="0" name="a.jpg" width="100" height="80">
<box label="dog" source="manual" occluded="0" xtl="10.00" ytl="20.00" xbr="40.00" ybr="60.00"
z_order="0"></box>
<box label="car" occluded="1" xtl="1" ytl="2" xbr="4" ybr="6"/>
<points label="dog" points="1,2"/></image></annotations>""",
    },
}


@pytest.mark.parametrize("name", list(GOLDEN))
def test_golden_files_of_other_tools(name: str, tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.add("a.jpg", picture())
    folder = tmp_path / "golden"
    for relative, text in GOLDEN[name].items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture() if path.suffix == ".jpg" else text.encode())
    source = folder if FORMATS[name].is_folder else folder / next(iter(GOLDEN[name]))
    assert detect_format(source) == name
    (line,) = shop.back(source, name, "parts")
    assert line["source-ref"] == "s3://b/p/a.jpg"
    assert line["parts"]["image_size"] == [{"width": 100, "height": 80, "depth": 3}]
    assert [
        tuple(box[k] for k in ("class_id", "left", "top", "width", "height"))
        for box in line["parts"]["annotations"]
    ] == [
        (1, 10, 20, 30, 40),
        (0, 1, 2, 3, 4),
    ]
    assert line["parts-metadata"]["class-map"] == {"0": "car", "1": "dog"}


BAD: list[tuple[str, dict[str, str], str]] = [
    ("coco", {"a.json": '{"images": [{"id": 1, "file_name": "../a.jpg"}], "categories": []}'}, "leads out"),
    ("coco", {"a.json": '{"images": [{"id": "x"}]}'}, "whole number"),
    (
        "coco",
        {"a.json": '{"images": [{"id": 1, "file_name": "a", "width": 9, "height": 9}], "annotations": '
         '[{"image_id": 1, "category_id": 5, "bbox": [1, 2, 3, 4]}], "categories": []}'},
        "not in the list of categories",
    ),
    (
        "coco",
        {"a.json": '{"images": [{"id": 1, "file_name": "a", "width": 999999, "height": 999999}]}'},
        "cannot be",
    ),
    ("voc", {"Annotations/a.xml": "<annotation><filename>/etc/x.jpg</filename></annotation>"}, "leads out"),
    ("voc", {"Annotations/a.xml": "<annotation/>"}, "no <size>"),
    ("yolo", {"data.yaml": "names: [a]", "labels/t/a.txt": "3 1 1 1 1", "images/t/a.jpg": ""}, "line 1 is"),
    ("yolo", {"data.yaml": "names: [a]", "labels/t/a.txt": "0 nan 0 0", "images/t/a.jpg": ""}, "line 1 is"),
    ("lst", {"a.lst": "0\t1\t../../x.jpg"}, "leads out"),
    ("lst", {"a.lst": "0 1 x.jpg"}, "1 cells"),
    ("label-studio", {"a.json": '[{"id": 1}]'}, "list of tasks"),
    (
        "cvat",
        {"a.xml": '<annotations><image name="a" width="9" height="9"><tag label="x"/></image></annotations>'},
        "CVAT's form",
    ),
    ("cub", {"images.txt": "1 a.jpg", "image_class_labels.txt": "2 1", "classes.txt": "1 a"}, "one order"),
    ("folders", {"labels.json": '{"labels": [{"label": "a"}]}', "b/x.jpg": ""}, "not among the labels"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "contents", "why"), BAD)
def test_bad_files_are_refused_with_the_reason(
    name: str, contents: dict[str, str], why: str, tmp_path: Path
) -> None:
    for relative, text in contents.items():
        path = tmp_path / "bad" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture() if path.suffix == ".jpg" else text.encode())
    source = tmp_path / "bad" if FORMATS[name].is_folder else tmp_path / "bad" / next(iter(contents))
    with pytest.raises(InvalidRequest, match=why):
        Shop(tmp_path).back(source, name, "parts", images="")


def test_what_a_format_cannot_hold_is_refused_or_said(shop: Shop) -> None:
    lines = [class_line("s3://b/p/a.jpg", 0, "a", batch=4)]
    with pytest.raises(InvalidRequest, match=r"YOLO cannot hold one class per picture\. These can: cub, lst"):
        shop.there(lines, "yolo")
    with pytest.raises(InvalidRequest, match="class 0; the labels given are 0"):
        shop.there(lines, "folders", names=[])
    for path in shop.root.glob("out.*"):
        path.rmdir()
    _, lost = shop.there(lines, "folders")
    assert "other attributes" in lost


def test_two_pictures_of_one_name_are_refused(shop: Shop) -> None:
    lines = [boxes_line(f"s3://b/p/{name}", [(0, 1, 2, 3, 4)], NAMES) for name in ("a.jpg", "a.png")]
    shop.add("a.png", picture())
    with pytest.raises(InvalidRequest, match="share the file"):
        shop.there(lines, "voc")


def test_the_page_has_the_table_of_what_formats_carry() -> None:
    page = PAGE.read_text()
    assert carries_table() in page
    for format_ in FORMATS.values():
        assert f"`{format_.name}`" in page
        assert format_.notes in page
