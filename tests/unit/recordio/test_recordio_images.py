"""Image records, lists, and packing as im2rec does."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from labelwright import recordio as rio
from labelwright.errors import ManifestError

CLASSIFICATION = "1c000000 00000000 00004040 07000000 00000000 00000000 00000000 ffd8ffd9"
DETECTION = (
    "38000000 07000000 00000000 2a000000 00000000 00000000 00000000"
    "00000040 0000a040 0000803f 0000803e 0000003e 0000403f 0000003f ffd8ffd9"
)
TINY = b"\xff\xd8\xff\xd9"
ORDER_OF_IM2REC = [0, 4, 7, 5, 1, 6, 3, 2]


def picture(width: int, height: int, kind: str = "JPEG", mode: str = "RGB", **options: object) -> bytes:
    stream = io.BytesIO()
    rows = np.linspace(0, 255, height)[:, None] * np.ones(width)
    Image.fromarray(rows.astype(np.uint8)).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def size_of(record: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(rio.unpack(record)[1])).size


class TestHeader:
    def test_golden_bytes(self) -> None:
        one = rio.pack(rio.IRHeader(0, 3.0, 7), TINY)
        many = rio.pack((5, [2, 5, 1, 0.25, 0.125, 0.75, 0.5], 42, 0), TINY)
        for record, on_disk in ((one, CLASSIFICATION), (many, DETECTION)):
            assert rio.frame(record)[4:] == bytes.fromhex(on_disk)
        assert rio.unpack(one) == (rio.IRHeader(0, 3.0, 7, 0), TINY)
        header, data = rio.unpack(many)
        assert (header.flag, header.id, data) == (7, 42, TINY)
        assert rio.decode_boxes(header.label).tolist() == [[1, 0.25, 0.125, 0.75, 0.5]]

    @given(
        st.one_of(st.floats(width=32, allow_nan=False), st.lists(st.floats(width=32, allow_nan=False))),
        st.integers(0, 2**64 - 1),
        st.binary(max_size=30),
    )
    @settings(deadline=None)
    def test_round_trip(self, label: float | list[float], key: int, data: bytes) -> None:
        header, got = rio.unpack(rio.pack(rio.IRHeader(0, label, key), data))  # type: ignore[arg-type]
        assert (header.id, header.id2, got if label != [] else data) == (key, 0, data)
        assert np.atleast_1d(header.label).tolist() == (np.atleast_1d(label).tolist() or [0.0])

    def test_array_of_one_label_has_flag_1(self) -> None:
        header, _ = rio.unpack(rio.pack(rio.IRHeader(0, [4.0], 1), b""))
        assert (header.flag, header.label.tolist()) == (1, [4.0])

    @pytest.mark.parametrize("key", [-1, 2**64, "a"])
    def test_id_out_of_range(self, key: object) -> None:
        with pytest.raises(rio.RecordIOError, match="id must be 0 to"):
            rio.pack((0, 1.0, key, 0), b"")

    @pytest.mark.parametrize("record", [b"", bytes(23), b"\xff\xff\xff\xff" + bytes(30)])
    def test_short_record(self, record: bytes) -> None:
        with pytest.raises(rio.RecordIOError, match="Is this a file of image records"):
            rio.unpack(record)

    def test_images_in_and_out(self) -> None:
        pixels = np.random.default_rng(1).integers(0, 255, (6, 8, 3), dtype=np.uint8)
        header, got = rio.unpack_img(rio.pack_img((0, 1.0, 5, 0), pixels, quality=9, img_fmt=".PNG"))
        assert header.id == 5
        assert (got == pixels).all()
        _, grey = rio.unpack_img(rio.pack_img((0, 1.0, 5, 0), pixels[..., 0]))
        assert grey.shape == (6, 8)
        with pytest.raises(rio.RecordIOError, match=r"Choose \.jpg or \.png"):
            rio.pack_img((0, 1.0, 5, 0), pixels, img_fmt=".gif")
        with pytest.raises(rio.RecordIOError, match="8 x 6 pixels; 40 are allowed"):
            rio.unpack_img(rio.pack_img((0, 1.0, 5, 0), pixels), pixels_max=40)
        with pytest.raises(rio.RecordIOError, match="no image"):
            rio.unpack_img(rio.pack((0, 1.0, 5, 0), b"text"))


class TestBoxes:
    def test_extra_header_and_wider_objects(self) -> None:
        rows = rio.decode_boxes([3, 6, 99, 1, 0, 0, 1, 1, 7, 2, 0, 0, 1, 1, 8])
        assert rows.tolist() == [[1, 0, 0, 1, 1, 7], [2, 0, 0, 1, 1, 8]]

    def test_no_objects(self) -> None:
        assert rio.encode_boxes([]).tolist() == [2, 5]
        assert rio.decode_boxes([2, 5]).shape == (0, 5)

    @pytest.mark.parametrize(
        "labels",
        [
            [],
            [3.0],
            [2, 4, 1, 1, 1, 1],
            [2, 5, 1],
            [1, 5],
            [9, 5, 1],
            [2, 5.5],
            [float("nan"), 5],
            [2, np.inf],
        ],
    )
    def test_what_is_no_detection_label(self, labels: list[float]) -> None:
        with pytest.raises(rio.RecordIOError, match="detection label"):
            rio.decode_boxes(labels)


class TestLists:
    def test_lines(self, tmp_path: Path) -> None:
        path = tmp_path / "a.lst"
        path.write_text("5\t1\tdir/my dog.jpg\n\n 7 \t2\t5\t0.12 \t a/b.jpg \r\n")
        entries = [rio.ListEntry(5, (1.0,), "dir/my dog.jpg"), rio.ListEntry(7, (2.0, 5.0, 0.12), "a/b.jpg")]
        assert list(rio.read_list(path)) == entries
        assert rio.write_list(path, entries) == 2
        assert path.read_text() == ("5\t1.000000\tdir/my dog.jpg\n7\t2.000000\t5.000000\t0.120000\ta/b.jpg\n")

    @pytest.mark.parametrize(
        "line", ["5 1 a.jpg", "5\ta.jpg", "x\t1\ta.jpg", "5\tcat\ta.jpg", "-1\t1\ta.jpg"]
    )
    def test_broken_lines_are_named_or_skipped(self, tmp_path: Path, line: str) -> None:
        path = tmp_path / "a.lst"
        path.write_text(f"1\t0\tok.jpg\n{line}\n2\t0\tok2.jpg\n")
        with pytest.raises(rio.RecordIOError, match=r"a\.lst, line 2: "):
            list(rio.read_list(path))
        problems: list[rio.RecordIOError] = []
        assert [entry.id for entry in rio.read_list(path, on_broken=problems.append)] == [1, 2]
        assert len(problems) == 1

    def test_index_twice(self) -> None:
        entries = [rio.ListEntry(i, (0.0,), "a") for i in (4, 9, 4)]
        with pytest.raises(rio.RecordIOError, match="index 4 is there more than once"):
            rio.check_unique("a.lst", entries)
        assert rio.check_unique("a.lst", entries[:2]) == 2

    def test_path_that_cannot_stand_in_a_list(self) -> None:
        with pytest.raises(rio.RecordIOError, match="Rename the file"):
            rio.format_entry(rio.ListEntry(1, (0.0,), "a\tb.jpg"))


class TestMakeLists:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        for name in ("b/1.jpg", "b/2.PNG", "a/3.jpeg", "a/x.txt", "a/.jpg", "4.jpg", "empty/n.gif"):
            (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "images" / name).write_bytes(b"")
        return tmp_path / "images"

    def test_folders_are_classes(self, root: Path, tmp_path: Path) -> None:
        made = rio.make_lists(tmp_path / "p", root, is_recursive=True, is_shuffled=False)
        assert made.classes == {".": 0, "a": 1, "b": 2}
        assert (tmp_path / "p.lst").read_text() == (
            "0\t0.000000\t4.jpg\n1\t1.000000\ta/3.jpeg\n2\t2.000000\tb/1.jpg\n3\t2.000000\tb/2.PNG\n"
        )

    def test_link_that_leads_back_up_ends(self, root: Path, tmp_path: Path) -> None:
        (root / "a" / "up").symlink_to(root)
        made = rio.make_lists(tmp_path / "p", root, is_recursive=True)
        assert made.files[0][1] == 4

    def test_only_the_root_itself(self, root: Path, tmp_path: Path) -> None:
        rio.make_lists(tmp_path / "p", root)
        assert (tmp_path / "p.lst").read_text() == "0\t0.000000\t4.jpg\n"

    def test_order_is_that_of_im2rec(self, tmp_path: Path) -> None:
        (tmp_path / "i").mkdir()
        for i in range(8):
            (tmp_path / "i" / f"{i}.jpg").touch()
        rio.make_lists(tmp_path / "p", tmp_path / "i")
        # Seen in the list that MXNet 1.9.1 made of such a folder.
        assert [entry.id for entry in rio.read_list(tmp_path / "p.lst")] == ORDER_OF_IM2REC

    @pytest.mark.parametrize(
        ("options", "sizes"),
        [
            ({}, {"p.lst": 10}),
            ({"train_ratio": 0.75}, {"p_val.lst": 3, "p_train.lst": 7}),
            ({"train_ratio": 0.75, "test_ratio": 0.25}, {"p_test.lst": 2, "p_train.lst": 7}),
            ({"train_ratio": 0.5, "test_ratio": 0.2}, {"p_test.lst": 2, "p_val.lst": 3, "p_train.lst": 5}),
            ({"n_chunks": 3}, {"p_0.lst": 4, "p_1.lst": 4, "p_2.lst": 2}),
            (
                {"n_chunks": 2, "train_ratio": 0.6},
                {"p_0_val.lst": 2, "p_0_train.lst": 3, "p_1_val.lst": 2, "p_1_train.lst": 3},
            ),
        ],
    )
    def test_ratios_and_chunks(
        self, tmp_path: Path, options: dict[str, float], sizes: dict[str, int]
    ) -> None:
        (tmp_path / "i").mkdir()
        for i in range(10):
            (tmp_path / "i" / f"{i}.jpg").touch()
        made = rio.make_lists(tmp_path / "p", tmp_path / "i", **options)  # type: ignore[arg-type]
        assert {path.name: n for path, n in made.files} == sizes

    def test_bad_input(self, root: Path, tmp_path: Path) -> None:
        with pytest.raises(rio.RecordIOError, match="at most 1"):
            rio.make_lists(tmp_path / "p", root, train_ratio=0.8, test_ratio=0.3)
        with pytest.raises(rio.RecordIOError, match="--recursive"):
            rio.make_lists(tmp_path / "p", root / "empty")


class TestEncoding:
    @pytest.mark.parametrize(
        ("size", "options", "expected"),
        [
            ((64, 48), {"resize": 24}, (32, 24)),
            ((48, 65), {"resize": 24}, (24, 32)),
            ((10, 7), {"resize": 21}, (30, 21)),
            ((65, 48), {"is_center_cropped": True}, (48, 48)),
            ((640, 481), {"is_center_cropped": True, "resize": 32}, (32, 32)),
            ((20, 20), {"is_center_cropped": True}, (20, 20)),
        ],
    )
    def test_sizes(self, size: tuple[int, int], options: dict[str, int], expected: tuple[int, int]) -> None:
        data, _ = rio.Encoding(**options).encode(picture(*size))  # type: ignore[arg-type]
        assert Image.open(io.BytesIO(data)).size == expected

    def test_pixels_keep_their_places_when_a_large_jpeg_shrinks(self) -> None:
        data, _ = rio.Encoding(resize=50, color=0).encode(picture(1600, 1000))
        column = np.asarray(Image.open(io.BytesIO(data)))[:, 40].astype(float)
        assert np.abs(column - np.linspace(0, 255, 50)).max() < 8

    @pytest.mark.parametrize(
        ("mode", "color", "encoding", "expected"),
        [
            ("RGBA", 1, ".png", "RGB"), ("RGBA", -1, ".png", "RGBA"), ("RGBA", -1, ".jpg", "RGB"),
            ("RGB", 0, ".jpg", "L"), ("L", 1, ".jpg", "RGB"), ("L", -1, ".jpg", "L"), ("P", 1, ".jpg", "RGB"),
            ("LA", -1, ".jpg", "L"), ("1", 0, ".png", "L"), ("I;16", 1, ".jpg", "RGB"),
        ],
    )  # fmt: skip
    def test_colors(self, mode: str, color: int, encoding: str, expected: str) -> None:
        source = picture(8, 8, "PNG", mode)
        data, _ = rio.Encoding(color=color, format=encoding).encode(source)  # type: ignore[arg-type]
        image = Image.open(io.BytesIO(data))
        assert (image.mode, image.format) == (expected, {".jpg": "JPEG", ".png": "PNG"}[encoding])

    def test_turned_images(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        data = picture(40, 20, exif=exif)
        assert Image.open(io.BytesIO(rio.Encoding().encode(data)[0])).size == (20, 40)
        assert Image.open(io.BytesIO(rio.Encoding(resize=10).encode(data)[0])).size == (10, 20)
        assert rio.Encoding().encode(data, labeled_size=(40, 20))[1] == rio.Frame(40, 20, 0, 0, 40, 20)
        assert rio.Encoding().encode(data, labeled_size=(20, 40))[1] == rio.Frame(20, 40, 0, 0, 20, 40)

    def test_bytes_pass_through(self) -> None:
        assert rio.Encoding(is_passed_through=True).encode(b"anything") == (b"anything", None)

    def test_limits(self) -> None:
        small = rio.Encoding(pixels_max=100)
        with pytest.raises(rio.RecordIOError, match="11 x 10 pixels; 100 are allowed"):
            small.encode(picture(11, 10))
        with pytest.raises(rio.RecordIOError, match="pixels allowed"):
            rio.Encoding(pixels_max=1000, resize=30).encode(picture(20, 10))
        with pytest.raises(rio.RecordIOError, match="cannot be decoded"):
            rio.Encoding().encode(picture(300, 300)[:1000])
        for options in ({"quality": 0}, {"resize": -1}, {"format": ".gif"}):
            with pytest.raises(rio.RecordIOError, match=r"not possible|not known"):
                rio.Encoding(**options)  # type: ignore[arg-type]


class TestPacking:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        root = tmp_path / "images"
        root.mkdir()
        for i in range(12):
            (root / f"{i}.jpg").write_bytes(picture(20 + i, 16))
        (root / "3.jpg").write_bytes(b"no image")
        (root / "5.jpg").unlink()
        return root

    @pytest.mark.parametrize("n_threads", [1, 3])
    def test_order_follows_the_list_and_bad_images_are_left_out(
        self, root: Path, tmp_path: Path, n_threads: int
    ) -> None:
        entries = [rio.ListEntry(100 - i, (float(i), 9.0), f"{i}.jpg") for i in range(12)]
        skipped: list[int] = []
        done: list[int] = []
        packed = rio.pack_items(
            rio.items_of_list(entries, root),
            tmp_path / "a.rec",
            tmp_path / "a.idx",
            encoding=rio.Encoding(),
            n_threads=n_threads,
            on_skipped=lambda item, why: skipped.append(item.key),
            on_done=lambda item: done.append(item.key),
        )
        assert (packed.n_packed, packed.n_skipped, skipped) == (10, 2, [97, 95])
        assert done == [entry.id for entry in entries]
        with rio.RecordFile(tmp_path / "a.rec") as records:
            headers = [rio.unpack(record)[0] for record in records]
            assert [(h.id, h.label, h.flag) for h in headers] == [
                (100 - i, float(i), 0) for i in range(12) if i not in (3, 5)
            ]
            assert size_of(records.by_key(93)) == (27, 16)

    def test_all_labels(self, root: Path, tmp_path: Path) -> None:
        entries = [rio.ListEntry(0, (1.0, 2.0), "0.jpg"), rio.ListEntry(1, (3.0,), "1.jpg")]
        items = rio.items_of_list(entries, root, packs_labels=True)
        rio.pack_items(items, tmp_path / "a.rec", None, encoding=rio.Encoding(is_passed_through=True))
        first, second = map(rio.unpack, rio.read(tmp_path / "a.rec"))
        assert (first[0].flag, first[0].label.tolist()) == (2, [1.0, 2.0])
        assert (second[0].flag, second[0].label) == (0, 3.0)  # one label stays a number, as in im2rec
        assert first[1] == (root / "0.jpg").read_bytes()

    def test_nothing_to_pack_writes_nothing(self, root: Path, tmp_path: Path) -> None:
        items = rio.items_of_list([rio.ListEntry(0, (1.0,), "no.jpg")], root)
        with pytest.raises(rio.RecordIOError, match="all 1 images were skipped"):
            rio.pack_items(items, tmp_path / "a.rec", tmp_path / "a.idx", encoding=rio.Encoding())
        assert not list(tmp_path.glob("*a.*"))

    def test_lists_of_a_prefix(self, tmp_path: Path) -> None:
        for name in ("birds_train.lst", "birds_val.lst", "cats.lst", "birds.txt"):
            (tmp_path / name).touch()
        names = [path.name for path in rio.lists_of_prefix(tmp_path / "birds")]
        assert names == ["birds_train.lst", "birds_val.lst"]
        assert len(rio.lists_of_prefix(tmp_path)) == 3
        assert rio.lists_of_prefix(tmp_path / "no" / "folder") == []


def boxes_line(
    source: str, boxes: list[dict[str, int]], width: int = 40, height: int = 20
) -> dict[str, object]:
    return {
        "source-ref": source,
        "b": {"annotations": boxes, "image_size": [{"width": width, "height": height, "depth": 3}]},
        "b-metadata": {"type": "groundtruth/object-detection", "human-annotated": "yes"},
    }


class TestAugmentedManifest:
    def write(self, tmp_path: Path, *lines: dict[str, object]) -> Path:
        path = tmp_path / "m.manifest"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    def labels(
        self, path: Path, encoding: rio.Encoding, image: bytes, **options: object
    ) -> list[list[float]]:
        items = rio.items_of_manifest(path, None, lambda source: image, **options)  # type: ignore[arg-type]
        rec = path.with_name("m.rec")
        rio.pack_items(items, rec, None, encoding=encoding, lst=path.with_name("m.lst"))
        return [np.atleast_1d(rio.unpack(record)[0].label).tolist() for record in rio.read(rec)]

    def test_boxes(self, tmp_path: Path) -> None:
        box = {"class_id": 3, "left": 10, "top": 5, "width": 20, "height": 10}
        edge = {"class_id": 1, "left": 0, "top": 0, "width": 8, "height": 50}
        path = self.write(
            tmp_path,
            boxes_line("s3://b/0", [box, edge]),
            {"source-ref": "s3://b/1"},
            boxes_line("s3://b/2", []),
        )
        image = picture(40, 20)
        whole = [2, 5, 3, 0.25, 0.25, 0.75, 0.75, 1, 0, 0, np.float32(0.2), 1]
        assert self.labels(path, rio.Encoding(resize=10), image) == [whole, [2, 5]]
        # The square in the middle is left 10 to 30; nothing is left of the second box.
        cropped = [2, 5, 3, 0, 0.25, 1, 0.75]
        left_out: list[int] = []
        assert self.labels(
            path,
            rio.Encoding(is_center_cropped=True),
            image,
            keeps_empty=False,
            on_left_out=lambda line, reason: left_out.append(line),
        ) == [cropped]
        assert left_out == [2, 3]
        assert [entry.id for entry in rio.read_list(tmp_path / "m.lst")] == [0]

    def test_boxes_made_on_another_image(self, tmp_path: Path) -> None:
        box = {"class_id": 3, "left": 10, "top": 5, "width": 20, "height": 10}
        path = self.write(tmp_path, boxes_line("s3://b/0", [box], width=41))
        with pytest.raises(rio.RecordIOError, match="nothing was packed"):
            self.labels(path, rio.Encoding(), picture(40, 20))

    def test_classes(self, tmp_path: Path) -> None:
        def meta(kind: str) -> dict[str, str]:
            return {"type": f"groundtruth/{kind}", "human-annotated": "yes"}

        image = picture(8, 8)
        one = self.write(
            tmp_path, {"source-ref": "s3://b/0", "c": 4, "c-metadata": meta("image-classification")}
        )
        assert self.labels(one, rio.Encoding(), image) == [[4.0]]
        kind = meta("image-classification-multilabel")
        many = self.write(
            tmp_path,
            {"source-ref": "s3://b/0", "c": [0, 2], "c-metadata": kind},
            {"source-ref": "s3://b/1", "c": [3], "c-metadata": kind},
        )
        assert self.labels(many, rio.Encoding(), image) == [[1, 0, 1, 0], [0, 0, 0, 1]]
        assert self.labels(many, rio.Encoding(), image, n_classes=5)[1] == [0, 0, 0, 1, 0]
        with pytest.raises(ManifestError, match="number of classes, 3"):
            self.labels(many, rio.Encoding(), image, n_classes=3)

    def test_labels_that_records_cannot_hold(self, tmp_path: Path) -> None:
        path = self.write(
            tmp_path,
            {
                "source-ref": "s3://b/0",
                "m": "s3://b/m.png",
                "m-metadata": {"type": "groundtruth/semantic-segmentation"},
            },
        )
        with pytest.raises(ManifestError, match="SegmentationLabel, which image records cannot hold"):
            self.labels(path, rio.Encoding(), picture(8, 8))

    @pytest.mark.parametrize("source", ["s3://b/../../etc/passwd", "/etc/passwd", "s3://b/", "s3://b"])
    def test_paths_stay_in_the_folder(self, source: str, tmp_path: Path) -> None:
        with pytest.raises(rio.RecordIOError, match="leads out"):
            rio.local_path(source, tmp_path)

    def test_paths(self, tmp_path: Path) -> None:
        assert rio.local_path("s3://b/a/1.jpg", tmp_path) == tmp_path / "a" / "1.jpg"
        assert rio.local_path("s3://b/a/1.jpg", tmp_path, "s3://b/a/") == tmp_path / "1.jpg"
        with pytest.raises(rio.RecordIOError, match="correct --strip"):
            rio.local_path("s3://b/a/1.jpg", tmp_path, "s3://c/")
