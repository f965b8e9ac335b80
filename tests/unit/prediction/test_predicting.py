"""A folder through a model: results in order, what cannot be read, reports that show what is in them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("onnxruntime", reason="models run on the extra: pip install 'labelwright[train]'")
pytest.importorskip("onnx", reason="the tests make graphs with the extra: pip install 'labelwright[train]'")

from PIL import Image
from small_models import BOXES, draw_pictures, model_of

from labelwright.cli import cli
from labelwright.inference.fasttext_file import FastTextSettings, write_model
from labelwright.prediction import read_results, summarise
from labelwright.prediction.drawing import mask_overlay

RESULTS = "validation-inference-results.json"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def text_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    rows = np.array([[0, 0], [4, -4], [-4, 4]], np.float32)
    write_model(
        folder / "model.bin",
        FastTextSettings(dimension=2),
        words=[(b"</s>", 9), (b"good", 5), (b"bad", 4)],
        labels=[(b"__label__yes", 5), (b"__label__no", 4)],
        n_tokens=18,
        input_rows=rows,
        bucket_of_row=np.empty(0, np.int64),
        output_rows=np.eye(2, dtype=np.float32),
    )
    return folder


def test_boxes_come_as_lines_in_the_order_of_names(tmp_path: Path) -> None:
    model = model_of(tmp_path / "model", "object-detection")
    pictures = draw_pictures(tmp_path / "in", 21)
    (pictures / "005.jpg").write_bytes(b"no picture")
    (pictures / "notes.txt").write_text("not asked about")
    found = run("predict", model, pictures, "--out", tmp_path / "out", "--workers", 3)
    assert found.exit_code == 0, found.output
    lines = lines_of(tmp_path / "out" / RESULTS)
    names = [str(line["image"]) for line in lines]
    assert names == sorted(names) and len(names) == 21 and "more/003.jpg" in names
    assert lines[0]["prediction"] == [pytest.approx(row) for row in BOXES[:2]]  # not -1, not 0.02
    broken = next(line for line in lines if line["image"] == "005.jpg")
    assert broken["prediction"] == [] and "no image" in str(broken["error"])
    assert "1 could not be read" in found.output


def test_all_scores_are_kept_on_demand(tmp_path: Path) -> None:
    model = model_of(tmp_path / "model", "object-detection")
    draw_pictures(tmp_path / "in", 1)
    out = tmp_path / "rows.json"
    assert run("predict", model, tmp_path / "in", "--out", out, "--least-score", 0).exit_code == 0
    assert len(lines_of(out)[0]["prediction"]) == 3  # type: ignore[arg-type]


def test_reports_count_and_show_what_is_above_the_threshold(tmp_path: Path) -> None:
    model = model_of(tmp_path / "model", "object-detection", classes=["hen", "<b>fox</b>"])
    draw_pictures(tmp_path / "in", 18)
    reports = ["--report", tmp_path / "r.pdf", "--html", tmp_path / "r.html", "-c", 0.5]
    found = run("predict", model, tmp_path / "in", "--out", tmp_path / "out", *reports)
    assert found.exit_code == 0, found.output
    pdf = (tmp_path / "r.pdf").read_bytes()
    assert pdf.count(b"/Type /Page /Parent") == 3  # title, 15, 3
    assert pdf.count(b"/Subtype /Image") == 18
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "<b>fox" not in page and "\\u003cb>fox" in page
    assert "http" not in page.split("<script", 1)[0]
    data = (tmp_path / "r_files" / "data" / "0.js").read_text("utf-8")
    entries = json.loads(data.removeprefix("labelwrightReport.part(0, ").removesuffix(");\n"))
    assert len(entries) == 18
    name, file, width, height, _, boxes, mask, error = entries[0]
    assert (name, width, height, mask, error) == ("000.jpg", 96, 64, None, None)
    assert (tmp_path / "r_files" / file).is_file()
    assert boxes == [[0, 0.9, 0.1, 0.2, 0.5, 0.6], [1, 0.4, 0.5, 0.5, 0.9, 0.9]]
    summary = summarise(read_results(tmp_path / "out" / RESULTS), 0.5)
    assert (summary.kind, summary.n_inputs, dict(summary.counts)) == ("boxes", 18, {0: 18})


def test_classes_and_given_names(tmp_path: Path) -> None:
    model = model_of(tmp_path / "model", "image-classification", classes=["a", "b", "c"])
    draw_pictures(tmp_path / "in", 3)
    found = run(
        "predict", model, tmp_path / "in", "red", "green", "blue",
        "--out", tmp_path / "out", "--html", tmp_path / "r.html", "--report", tmp_path / "r.pdf",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    best = [each.shares[0][0] for each in read_results(tmp_path / "out" / RESULTS)]
    assert best == [0, 1, 2]
    page = (tmp_path / "r.html").read_text("utf-8")
    assert '"names":{"0":"red","1":"green","2":"blue"' in page


def test_masks_are_kept_and_drawn(tmp_path: Path) -> None:
    model = model_of(tmp_path / "model", "semantic-segmentation")
    pictures = tmp_path / "in"
    pictures.mkdir()
    half = Image.new("RGB", (64, 64), (250, 0, 0))
    half.paste((0, 250, 0), (32, 0, 64, 64))
    half.save(pictures / "half.png")
    found = run("predict", model, pictures, "--out", tmp_path / "out", "--html", tmp_path / "r.html")
    assert found.exit_code == 0, found.output
    line = lines_of(tmp_path / "out" / RESULTS)[0]
    assert line["mask"] == "masks/half.png.png"
    assert sorted(line["classes"]) == [[0, 0.5], [1, 0.5]]  # type: ignore[call-overload]
    mask = tmp_path / "out" / "masks" / "half.png.png"
    overlay = np.asarray(mask_overlay(mask, (32, 32)))
    assert overlay[5, 5, 3] == 0 and overlay[5, 25, 3] == 140  # class 0 is clear
    assert (tmp_path / "r_files" / "pictures" / "0" / "0-mask.png").is_file()


@pytest.mark.parametrize("form", ["lines", "json", "files"])
def test_texts_from_lines_json_and_files(tmp_path: Path, form: str) -> None:
    model = text_model(tmp_path / "model")
    place = tmp_path / ("texts" if form == "files" else {"lines": "a.txt", "json": "a.jsonl"}[form])
    texts = ["good and good", "bad"]
    if form == "files":
        place.mkdir()
        for i, text in enumerate(texts):
            (place / f"{i}.txt").write_text(text + "\n")
    else:
        written = [json.dumps({"source": text}) if form == "json" else text for text in texts]
        place.write_text("\n\n".join(written))
    found = run(
        "predict", model, place, "--out", tmp_path / "out", "-k", 1,
        "--report", tmp_path / "r.pdf", "--html", tmp_path / "r.html",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    lines = lines_of(tmp_path / "out" / RESULTS)
    assert [line["source"] for line in lines] == texts
    assert [line["label"] for line in lines] == [["__label__yes"], ["__label__no"]]
    assert (tmp_path / "r.pdf").read_bytes().count(b"/Type /Page /Parent") == 2


def test_an_archive_is_a_model_as_well(tmp_path: Path) -> None:
    model = model_of(tmp_path / "model", "object-detection")
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        for path in model.iterdir():
            archive.add(path, path.name)
    draw_pictures(tmp_path / "in", 2)
    found = run("predict", tmp_path / "model.tar.gz", tmp_path / "in", "--out", tmp_path / "out")
    assert found.exit_code == 0, found.output
    assert len(lines_of(tmp_path / "out" / RESULTS)) == 2


@pytest.mark.parametrize(
    ("model", "inputs", "says"),
    [
        ("nowhere", "in", "There is no model"),
        ("model", "nothing", "nothing at"),
        ("model", "empty", "no JPEG"),
    ],
)
def test_what_is_not_there_is_said(tmp_path: Path, model: str, inputs: str, says: str) -> None:
    model_of(tmp_path / "model", "object-detection")
    draw_pictures(tmp_path / "in", 1)
    (tmp_path / "empty").mkdir()
    found = run("predict", tmp_path / model, tmp_path / inputs, "--out", tmp_path / "out")
    assert found.exit_code == 1
    assert says in found.output
    assert not (tmp_path / "out" / RESULTS).exists()


def test_a_damaged_line_of_results_is_named(tmp_path: Path) -> None:
    from labelwright.errors import InvalidRequest

    path = tmp_path / "r.json"
    path.write_text('{"image": "a.jpg", "prediction": []}\n{"image": "b.jpg"}\n')
    with pytest.raises(InvalidRequest, match=r"Line 2 of r\.json"):
        list(read_results(path))


def test_a_folder_that_is_no_reports_is_left_alone(tmp_path: Path) -> None:
    model = model_of(tmp_path / "model", "object-detection")
    draw_pictures(tmp_path / "in", 1)
    precious = tmp_path / "r_files" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years of work")
    arguments = ["predict", model, tmp_path / "in", "--out", tmp_path / "out", "--html", tmp_path / "r.html"]
    found = run(*arguments)
    assert found.exit_code == 1 and "holds no report" in found.output
    precious.rename(tmp_path / "thesis.txt")
    assert run(*arguments).exit_code == 0
    assert run(*arguments).exit_code == 0  # a report may be replaced


def test_int8_says_what_it_costs(tmp_path: Path) -> None:
    model = model_of(tmp_path / "model", "image-classification")
    pictures = draw_pictures(tmp_path / "in", 12)
    target = tmp_path / "small.onnx"
    found = run("export", model, target, "--to", "int8", "--calibration", pictures, "--json")
    assert found.exit_code == 0, found.output
    said = json.loads(found.output)
    assert said["is_static"] and said["n_calibration"] == 8
    assert said["agreement"]["n_pictures"] == 4 and said["agreement"]["share"] == 1.0
    assert said["bytes_after"] == target.stat().st_size
    import onnx

    kinds = {node.op_type for node in onnx.load(target).graph.node}
    assert "DequantizeLinear" in kinds


def test_a_graph_without_weights_is_exported_unchecked(tmp_path: Path) -> None:
    model = model_of(tmp_path / "model", "object-detection")
    found = run("export", model, tmp_path / "out.onnx", "--to", "onnx")
    assert found.exit_code == 0, found.output
    assert "images: tensor(uint8)" in found.output and "no model.safetensors" in found.output
    assert (tmp_path / "out.onnx").read_bytes() == (model / "model.onnx").read_bytes()


def test_text_models_have_no_graph(tmp_path: Path) -> None:
    found = run("export", text_model(tmp_path / "model"), tmp_path / "out.onnx", "--to", "onnx")
    assert found.exit_code == 1
    assert "fastText" in found.output


_ALONE = """
import importlib.abc, sys, runpy
allowed = {"labelwright", "numpy", "PIL", "onnxruntime"}
class Guard(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in {"torch", "torchvision", "scipy", "botocore", "sqlalchemy", "click", "orjson", "onnx"}:
            raise ImportError(f"{name} must not be needed")
        return None
sys.meta_path.insert(0, Guard())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
import labelwright
assert labelwright.__file__.startswith(sys.argv[0].rsplit("/", 1)[0]), labelwright.__file__
"""


def alone(*arguments: object) -> list[dict[str, object]]:
    """Run a program that finds its own files and the three packages, and nothing else of ours."""
    command = [sys.executable, "-I", "-c", _ALONE, *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_runtime_folder_answers_alone_as_predict_does(tmp_path: Path) -> None:
    model = model_of(tmp_path / "model", "object-detection")
    pictures = draw_pictures(tmp_path / "in", 3)
    target = tmp_path / "alone"
    assert run("export", model, target, "--to", "runtime").exit_code == 0
    assert run("predict", model, pictures, "--out", tmp_path / "out").exit_code == 0
    rows = [line["prediction"] for line in lines_of(tmp_path / "out" / RESULTS)]
    found = alone(target / "predict.py", pictures, "-c", 0.05)
    for mine, theirs in zip(rows, found, strict=True):
        assert np.allclose(np.array(mine), np.array(theirs["prediction"]), atol=1e-6)
    again = run("export", model, target, "--to", "runtime")
    assert again.exit_code == 1 and "is there already" in again.output


def test_the_runtime_folder_of_texts_answers_alone(tmp_path: Path) -> None:
    target = tmp_path / "alone"
    assert run("export", text_model(tmp_path / "model"), target, "--to", "runtime").exit_code == 0
    assert (target / "requirements.txt").read_text() == "numpy\n"
    (tmp_path / "a.txt").write_text("good\nbad bad\n")
    found = alone(target / "predict.py", tmp_path / "a.txt", "-k", 2)
    assert [line["label"] for line in found] == [
        ["__label__yes", "__label__no"],
        ["__label__no", "__label__yes"],
    ]


def test_results_of_very_many_inputs_are_not_held(tmp_path: Path) -> None:
    """Inputs are taken from their iterator only as far as answers were taken."""
    from labelwright.inference import load_predictor
    from labelwright.prediction import Input, predict_inputs

    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield Input(str(taken), "good")

    predictor = load_predictor(text_model(tmp_path / "model"))
    results = predict_inputs(predictor, endless(), tmp_path, n_workers=2)  # type: ignore[arg-type]
    for _ in range(5000):
        next(results)
    assert taken <= 5000 + 5 * 512
    results.close()  # type: ignore[attr-defined]


def test_a_pdf_with_unreadable_pictures_is_still_written(tmp_path: Path) -> None:
    from labelwright.prediction import write_pdf_report
    from labelwright.prediction.pdf_report import Report

    path = tmp_path / "r.json"
    path.write_text('{"image": "gone.jpg", "prediction": [[0, 0.9, 0, 0, 1, 1]]}\n')
    report = Report("Title", [], 0.2, [], tmp_path, tmp_path)
    file = io.BytesIO()
    n_pages = write_pdf_report(file, report, summarise(read_results(path), 0.2), read_results(path))
    assert n_pages == 2
    assert file.getvalue().endswith(b"%%EOF\n")
