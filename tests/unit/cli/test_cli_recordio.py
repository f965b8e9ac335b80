from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from labelwright import recordio as rio
from labelwright.cli import cli


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return 1, result.stdout, result.stderr + str(result.exception)
    return result.exit_code, result.stdout, result.stderr


def picture(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for i, kind in enumerate(("cat", "cat", "dog", "dog")):
        path = tmp_path / "images" / kind / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(30 + i, 20))
    return tmp_path / "images"


def test_from_folder_to_records_and_back(root: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "pets"
    code, out, _ = run(
        "im2rec", "--list", "--recursive", "--no-shuffle", "--exts", ".png", ".jpg", prefix, root
    )
    assert (code, out) == (0, f"cat 0\ndog 1\n{prefix}.lst: 4 images\n")
    code, out, err = run("recordio", "pack", "--pass-through", "--pack-label", "True", prefix, root)
    assert (code, err) == (0, "")
    assert out.startswith(
        f"Creating .rec file from {prefix}.lst in {tmp_path}\n{prefix}.rec: 4 images, 0 skipped"
    )

    code, out, _ = run("recordio", "list", f"{prefix}.rec", "--json")
    listed = json.loads(out)
    assert [(entry["id"], entry["labels"], entry["width"]) for entry in listed] == [
        (0, [0.0], 30), (1, [0.0], 31), (2, [1.0], 32), (3, [1.0], 33),
    ]  # fmt: skip
    assert [entry["offset"] for entry in listed] == rio.read_index(f"{prefix}.idx").offsets.tolist()
    code, out, _ = run("recordio", "list", f"{prefix}.rec", "--limit", 2)
    assert out.splitlines()[0].split() == [
        "record",
        "offset",
        "bytes",
        "parts",
        "kind",
        "id",
        "labels",
        "content",
    ]
    assert len(out.splitlines()) == 4

    back = tmp_path / "back"
    code, out, _ = run("recordio", "unpack", f"{prefix}.rec", back, "--lst", f"{prefix}.lst", "--json")
    assert json.loads(out)["n_files"] == 4
    for path in root.rglob("*.jpg"):
        assert (back / path.relative_to(root)).read_bytes() == path.read_bytes()
    assert (back / "pets.lst").read_bytes() == (tmp_path / "pets.lst").read_bytes()
    code, _, err = run("recordio", "unpack", f"{prefix}.rec", back)
    assert code == 1
    assert "is there already" in err

    index = (tmp_path / "pets.idx").read_bytes()
    assert run("recordio", "index", f"{prefix}.rec") == (0, f"{prefix}.idx: 4 records\n", "")
    assert (tmp_path / "pets.idx").read_bytes() == index


def test_images_are_resized_and_bad_ones_named(root: Path, tmp_path: Path) -> None:
    (root / "cat" / "0.jpg").write_bytes(b"?")
    (tmp_path / "p.lst").write_text("0\t1\tcat/0.jpg\nbroken\n1\t1\tcat/1.jpg\n2\t1\tno.jpg\n")
    code, out, err = run(
        "recordio", "pack", "--resize", 10, tmp_path / "p", root, "--json", "--num-thread", 2
    )
    assert code == 0
    (facts,) = json.loads(out)
    assert (facts["n_packed"], facts["n_skipped"]) == (1, 2)
    for words in (
        "p.lst, line 2: ",
        "cat/0.jpg: the file is no image that can be read",
        "no.jpg: cannot be read: No such file",
    ):
        assert words in err
    (record,) = rio.read(facts["rec"])
    assert Image.open(io.BytesIO(rio.unpack(record)[1])).size == (15, 10)


def test_augmented_manifest(root: Path, tmp_path: Path) -> None:
    box = {"class_id": 1, "left": 3, "top": 5, "width": 15, "height": 10}
    lines = [
        {
            "source-ref": f"s3://acme/pets/cat/{i}.jpg",
            "boxes": {"annotations": [box], "image_size": [{"width": 30 + i, "height": 20, "depth": 3}]},
            "boxes-metadata": {"type": "groundtruth/object-detection", "human-annotated": "yes"},
        }
        for i in range(2)
    ]
    manifest = tmp_path / "m.manifest"
    unlabeled = {"source-ref": "s3://acme/pets/dog/2.jpg"}
    manifest.write_text("".join(json.dumps(line) + "\n" for line in [*lines, unlabeled]))
    prefix = tmp_path / "boxes"
    options = ("--augmented-manifest", manifest, "--attribute", "boxes", "--strip", "s3://acme/pets/")
    code, out, err = run("im2rec", prefix, root, *options)
    assert (code, err) == (0, "")
    assert "2 images, 0 skipped" in out
    assert "1 lines without a label left out" in out
    header, _ = rio.unpack(next(iter(rio.read(f"{prefix}.rec"))))
    assert rio.decode_boxes(header.label).tolist() == [[1, np.float32(0.1), 0.25, np.float32(0.6), 0.75]]
    assert [entry.path for entry in rio.read_list(f"{prefix}.lst")] == [line["source-ref"] for line in lines]


def test_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    good = rio.frame(b"text")
    path.write_bytes(good + b"junkjunk" + good + good[:8])
    code, out, err = run("recordio", "list", path)
    assert code == 1
    assert "byte 12: a record must begin with 0a 23 d7 ce" in err
    code, out, err = run("recordio", "list", path, "--skip-broken", "--json")
    assert (code, [entry["offset"] for entry in json.loads(out)]) == (1, [0, 20])
    assert err.splitlines()[-1] == "2 broken places were skipped."
    code, out, err = run("recordio", "unpack", path, tmp_path / "out", "--skip-broken")
    assert code == 1
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["00000000.bin", "00000001.bin"]


def test_protobuf_records(tmp_path: Path) -> None:
    path = tmp_path / "a.pbr"
    with rio.RecordWriter(path) as writer:
        rio.write_matrix(writer, [[1.0, 2.0], [3.0, 4.0]], [0.0, 1.0])
    _, out, _ = run("recordio", "list", path)
    assert "features[values]=float32[2] label[values]=float32[1]" in out
    assert run("recordio", "unpack", path, tmp_path / "out")[0] == 0
    lines = [json.loads(line) for line in (tmp_path / "out" / "a.jsonl").read_text().splitlines()]
    assert [line["features"]["values"]["values"] for line in lines] == [[1, 2], [3, 4]]


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    path.touch()
    assert run("recordio", "list", path, "--json") == (0, "[]\n", "")
    assert run("recordio", "unpack", path, tmp_path / "out")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["p"], 2, "Name ROOT"),
        (["p", "no-folder"], 2, "there is no folder"),
        (["p", ".", "--attribute", "x"], 2, "go with --augmented-manifest"),
        (["p", ".", "--quality", "0"], 2, "--quality"),
        (["no-such-prefix", "."], 1, "Did not find a list file with prefix"),
        (["--list", "--train-ratio", "2", "p", "."], 1, "at most 1"),
    ],
)
def test_misuse(
    arguments: list[str], code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    got, _, err = run("recordio", "pack", *arguments)
    assert got == code
    assert words in err
