from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result
from PIL import Image

from labelwright.cli.manifest import manifest


def run(*arguments: object) -> Result:
    return CliRunner().invoke(manifest, [str(argument) for argument in arguments])


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(line + "\n" for line in lines))
    return path


def test_join_and_its_summary(tmp_path: Path) -> None:
    a = write(tmp_path / "a.manifest", '{"source":"x","n":1}')
    b = write(tmp_path / "b.manifest", '{"source":"x","n":2}', '{"source":"y"}')
    out = tmp_path / "out.manifest"
    refused = run("join", a, b, "--output", out)
    assert refused.exit_code == 1
    assert "b.manifest line 1" in refused.output
    assert not out.exists()
    done = run("join", a, b, "--output", out, "--on-conflict", "last", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["n_conflicts"] == {"n": 1}
    assert out.read_text() == '{"source":"x","n":2}\n{"source":"y"}\n'
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.manifest", "b.manifest", "out.manifest"]


def test_split_names_its_parts(tmp_path: Path) -> None:
    source = write(tmp_path / "all.manifest", *(f'{{"source":"{i}"}}' for i in range(10)))
    done = run("split", source, "--part", "train=70%", "--part", "val=30%")
    assert done.exit_code == 0, done.output
    assert len((tmp_path / "all-train.manifest").read_text().splitlines()) == 7
    assert len((tmp_path / "all-val.manifest").read_text().splitlines()) == 3
    assert run("split", source, "--part", "../x=1", "--part", "b=1").exit_code == 2
    assert run("split", source, "--part", "a=1").exit_code == 2


def test_filter_writes_nothing_when_nothing_passes(tmp_path: Path) -> None:
    source = write(tmp_path / "all.manifest", '{"source":"x"}')
    out = tmp_path / "out.manifest"
    refused = run("filter", source, "--output", out, "--label-attribute-name", "a", "--labeled")
    assert (refused.exit_code, out.exists()) == (1, False)
    assert "No line passes" in refused.output
    assert run("filter", source, "--output", out, "--min-confidence", "0.5").exit_code == 2


def test_a_bad_line_is_named_with_its_file(tmp_path: Path) -> None:
    source = write(tmp_path / "all.manifest", '{"source":"x"}', "nonsense")
    refused = run("inject", source, "--output", tmp_path / "o", "--from", "a=b", "--into", "c")
    assert refused.exit_code == 1
    assert f"{source}: line 2: " in refused.output


def boxes_manifest(folder: Path) -> Path:
    (folder / "pictures").mkdir()
    Image.new("RGB", (40, 30), (200, 10, 10)).save(folder / "pictures" / "a.jpg")
    line = {
        "source-ref": "s3://b/p/a.jpg",
        "parts": {
            "image_size": [{"width": 40, "height": 30, "depth": 3}],
            "annotations": [{"class_id": 0, "top": 2, "left": 1, "height": 9, "width": 8}],
        },
        "parts-metadata": {
            "objects": [{"confidence": 0.9}],
            "class-map": {"0": "bolt"},
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": "2024-05-01T10:00:00.000000",
            "job-name": "labeling-job/parts",
        },
    }
    return write(folder / "in.manifest", json.dumps(line, separators=(",", ":")))


def test_convert_there_and_back(tmp_path: Path) -> None:
    source = boxes_manifest(tmp_path)
    maps = ("--map", f"s3://b/p={tmp_path / 'pictures'}")
    coco = tmp_path / "out.json"
    done = run("convert", source, "--to", "coco", "--output", coco, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["lost"] == []
    back = tmp_path / "back.manifest"
    assert run("convert", coco, "--output", back, "--label-attribute-name", "parts").exit_code == 0
    assert back.read_bytes() == source.read_bytes()
    yolo = tmp_path / "yolo"
    done = run("convert", coco, "--to", "yolo", "--output", yolo, "--copy-images", *maps)
    assert done.exit_code == 0, done.output
    assert (yolo / "images" / "train" / "a.jpg").is_file()
    assert (yolo / "labels" / "train" / "a.txt").read_text().startswith("0 0.125 ")
    refused = run("convert", source, "--to", "yolo", "--output", yolo)
    assert refused.exit_code == 1
    assert "is there already" in refused.output
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_augment_and_contact_sheet(tmp_path: Path) -> None:
    source = boxes_manifest(tmp_path)
    maps = ("--map", f"s3://b/p={tmp_path / 'pictures'}")
    out, new = tmp_path / "out.manifest", tmp_path / "new"
    done = run(
        "augment", source, "--output", out, "--images-to", new, "--copies", 2, "--mirror", *maps, "--json"
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["n_pictures"] == 2
    assert len(list(new.iterdir())) == 2
    assert len(out.read_text().splitlines()) == 3
    sheet = tmp_path / "sheet.png"
    assert run("contact-sheet", out, "--output", sheet, "--seed", 1, *maps).exit_code == 0
    with Image.open(sheet) as image:
        assert image.width > 3 * 240
    nothing = run("augment", source, "--output", out, "--images-to", new)
    assert nothing.exit_code == 2
    assert "Nothing is to be changed" in nothing.output
