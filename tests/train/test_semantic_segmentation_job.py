"""Whole jobs of semantic segmentation on pictures drawn here: every input, resume, artifact and answers."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra: pip install 'labelwright[train]'")
pytest.importorskip("torchvision", reason="training needs the extra: pip install 'labelwright[train]'")

import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file

from labelwright import recordio
from labelwright.inference import BadInput, UnsupportedContent, load_predictor
from labelwright.inference.semantic_segmentation import working_size
from labelwright.streaming import open_objects
from labelwright.testing.training_folder import TrainingFolder
from labelwright.train.semantic_segmentation.networks import build_segmenter

pytestmark = pytest.mark.train

NAME = "semantic-segmentation"
LEAST = {
    "num_classes": 2,
    "num_training_samples": 8,
    "backbone": "mobilenet",
    "use_pretrained_model": "False",
    "algorithm": "fcn",
    "base_size": 64,
    "crop_size": 44,
    "mini_batch_size": 4,
    "validation_mini_batch_size": 3,
    "epochs": 2,
    "learning_rate": 0.01,
    "optimizer": "adam",
}


def scene(seed: int, *, size: tuple[int, int] = (64, 48)) -> tuple[bytes, np.ndarray]:
    """A JPEG of a bright box on dark ground, and its mask: 1 where the box is."""
    chance = np.random.default_rng(seed)
    pixels = chance.normal(60, 15, (size[1], size[0], 3))
    mask = np.zeros((size[1], size[0]), dtype=np.uint8)
    top, left = chance.integers(0, size[1] // 2), chance.integers(0, size[0] // 2)
    mask[top : top + size[1] // 2, left : left + size[0] // 2] = 1
    pixels[mask == 1] += (120, 40, 0)
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=92)
    return file.getvalue(), mask


def png(mask: np.ndarray, mode: str = "P") -> bytes:
    image = Image.fromarray(mask, "L")
    if mode == "P":
        image.putpalette([0, 0, 0, 200, 10, 10])  # keeps the values, makes it a palette image
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def file_folder(base: Path, *, checkpoints: bool = False, factor: int = 1, **given: object) -> TrainingFolder:
    folder = TrainingFolder(base, LEAST | given, checkpoints=checkpoints)
    for name, n in (("train", 8), ("validation", 4)):
        images = folder.channel(name, content_type="image/jpeg")
        masks = folder.channel(f"{name}_annotation", content_type="image/png")
        for i in range(n):
            picture, mask = scene(i)
            (images / f"{i}.jpg").write_bytes(picture)
            (masks / f"{i}.png").write_bytes(png(mask * factor, "P" if i % 2 else "L"))
    return folder


def test_files_train_to_a_model_that_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = file_folder(tmp_path, epochs=12, lr_scheduler="cosine")
    assert folder.run(NAME) == 0, folder.failure
    log = capsys.readouterr().out
    for form in (
        r"#quality_metric: host=algo-1, epoch=0, train loss <loss>=\d\S*",
        r"#quality_metric: host=algo-1, epoch=0, validation pixel_accuracy <score>=\d\.\d+",
        r"#quality_metric: host=algo-1, epoch=11, validation mIOU <score>=\d\.\d+",
        r"#throughput_metric: host=algo-1, epoch=0, train throughput=\S+ samples/sec",
        r"#progress_metric: host=algo-1, completed 100 % of epochs",
    ):
        assert re.search(rf"^\[\S+ \S+ INFO \d+\] {form}$", log, re.MULTILINE), form
    assert {path.name for path in folder.model.iterdir()} == {
        "hyperparams.json",
        "labelwright.json",
        "model.safetensors",
        "model.onnx",
    }
    described = json.loads((folder.model / "labelwright.json").read_text())
    assert described["final_metrics"]["validation:mIOU"] > 0.6

    predictor = load_predictor(folder.model)
    bodies = [scene(100 + i, size=(64, 48) if i % 2 else (150, 90))[0] for i in range(5)]
    masks = [scene(100 + i, size=(64, 48) if i % 2 else (150, 90))[1] for i in range(5)]
    answers = predictor.predict_many([*bodies, b"nonsense"], "image/jpeg", None)
    assert isinstance(answers.pop(), BadInput)
    right = []
    for answer, mask in zip(answers, masks, strict=True):
        assert isinstance(answer, tuple) and answer[1] == "image/png"
        with Image.open(io.BytesIO(answer[0])) as image:
            assert image.mode == "L"
            found = np.asarray(image)
        assert found.shape == mask.shape
        right.append((found == mask).mean())
    assert np.mean(right) > 0.75
    with pytest.raises(UnsupportedContent):
        predictor.predict(bodies[0], "image/jpeg", "application/json")

    # Probabilities come as a client of the original reads them, and argmax of them is the mask.
    body, _ = predictor.predict(bodies[0], "image/png", "application/x-protobuf")
    record = recordio.decode_record(next(iter(recordio.read([body]))))
    shape = record.features["shape"].values.tolist()  # type: ignore[union-attr]
    assert shape == [1, 2, 90, 150]
    values = record.features["target"].values.reshape(shape)[0]  # type: ignore[union-attr]
    np.testing.assert_allclose(values.sum(axis=0), 1, atol=1e-4)
    first = np.asarray(Image.open(io.BytesIO(answers[0][0])))  # type: ignore[index]
    assert (values.argmax(axis=0) == first).mean() > 0.999


@pytest.mark.parametrize(
    ("backbone", "algorithm"),
    [("mobilenet", "fcn"), ("resnet-18", "psp"), ("mobilenet", "deeplab"), ("resnet-50", "psp")],
)
def test_graphs_of_any_size_equal_pytorch(tmp_path: Path, backbone: str, algorithm: str) -> None:
    from labelwright.inference.images import open_session
    from labelwright.train.semantic_segmentation.serving import ServedSegmenter, export_segmenter

    torch.manual_seed(1)
    network = build_segmenter(backbone, algorithm, 5)
    with torch.no_grad():  # statistics that are not the neutral ones
        network.train()(torch.rand(2, 3, 32, 48) * 255)
    network.eval()
    export_segmenter(network, tmp_path / "model.onnx")
    session = open_session(tmp_path / "model.onnx")
    chance = np.random.default_rng(0)
    for shape in ((1, 48, 80, 3), (2, 64, 32, 3)):
        images = chance.integers(0, 256, shape, dtype=np.uint8)
        with torch.inference_mode():
            expected = ServedSegmenter(network)(torch.from_numpy(images)).numpy()
        (found,) = session.run(None, {"images": images})
        assert found.shape == (shape[0], 5, *shape[1:3])
        np.testing.assert_allclose(found, expected, atol=2e-4)


def test_a_label_map_and_whole_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = file_folder(
        tmp_path, factor=5, validation_mini_batch_size=1, algorithm="psp", epochs=1, optimizer="rmsprop"
    )
    maps = folder.channel("label_map")
    (maps / "train_label_map.json").write_text(json.dumps({"map": {"0": 0, "1": 5}}))
    (maps / "validation_label_map.json").write_text(json.dumps({"scale": "5"}))
    assert folder.run(NAME) == 0, folder.failure
    (maps / "validation_label_map.json").unlink()
    assert folder.run(NAME) == 2
    assert "has the value 5, which stands for the class 5; num_classes is 2" in folder.failure
    capsys.readouterr()


def test_pairs_through_a_real_pipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = TrainingFolder(tmp_path / "ml", LEAST | {"algorithm": "deeplab", "backbone": "resnet-18"})
    lines = []
    for i in range(5):
        picture, mask = scene(i)
        (tmp_path / f"{i}.jpg").write_bytes(picture)
        (tmp_path / f"{i}.png").write_bytes(png(mask))
        pair = {"source-ref": str(tmp_path / f"{i}.jpg"), "box-ref": str(tmp_path / f"{i}.png")}
        lines.append(json.dumps(pair) + "\n")
    manifest = tmp_path / "pictures.manifest"
    manifest.write_text("".join(lines))
    for name in ("train", "validation"):
        folder.pipe(name, manifest, ["source-ref", "box-ref"], objects=open_objects())
    assert folder.run(NAME) == 0, folder.failure
    assert len(re.findall("validation mIOU", capsys.readouterr().out)) == 2


def test_a_resumed_job_equals_an_unbroken_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = file_folder(
        tmp_path / "whole", checkpoints=True, epochs=2, lr_scheduler="step", lr_scheduler_step=1
    )
    assert whole.run(NAME) == 0
    broken = file_folder(tmp_path / "broken", checkpoints=True, lr_scheduler="step", lr_scheduler_step=1)
    (broken.base / "checkpoints").mkdir(exist_ok=True)
    first = (whole.base / "checkpoints" / "checkpoint-0001.pt").read_bytes()
    (broken.base / "checkpoints" / "checkpoint-0001.pt").write_bytes(first)
    assert broken.run(NAME) == 0
    assert "Resuming from the checkpoint of epoch 1" in capsys.readouterr().out
    expected, found = (load_file(each.model / "model.safetensors") for each in (whole, broken))
    for name, value in expected.items():
        assert torch.equal(value, found[name]), name


def test_a_model_is_trained_further_if_it_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = file_folder(tmp_path / "first", epochs=1)
    assert first.run(NAME) == 0
    second = file_folder(tmp_path / "second", epochs=1)
    archive = second.channel("model", content_type="application/x-sagemaker-model") / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for path in first.model.iterdir():
            tar.add(path, path.name)
    assert second.run(NAME) == 0, second.failure
    assert "goes on from the model" in capsys.readouterr().out
    other = file_folder(tmp_path / "second", crop_size=64)
    other.channel("model", content_type="application/x-sagemaker-model")
    assert other.run(NAME) == 2
    assert "'crop_size' is '64'" in other.failure


def test_a_pretrained_backbone_is_taken_and_keeps_its_statistics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    monkeypatch.setenv("LABELWRIGHT_PRETRAINED_DIR", str(weights))
    state = torchvision.models.mobilenet_v2().state_dict()
    state["features.1.conv.0.1.running_mean"] += 0.25
    torch.save(state, weights / "mobilenet_v2.pth")
    folder = file_folder(tmp_path / "job", use_pretrained_model="True", epochs=1, optimizer="sgd")
    assert folder.run(NAME) == 0, folder.failure
    found = load_file(folder.model / "model.safetensors")
    for name, value in state.items():
        if "running" in name and not name.startswith("features.18"):
            assert torch.equal(found[f"backbone.{name}"], value), name
    name = "features.1.conv.0.0.weight"
    assert not torch.equal(found[f"backbone.{name}"], state[name])  # it is trained, though
    capsys.readouterr()


def test_what_is_wrong_with_files_is_said_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = file_folder(tmp_path / "1")
    (folder.base / "input/data/train_annotation/3.png").unlink()
    assert folder.run(NAME) == 2
    assert "'3.jpg' of the channel 'train' has no mask in the channel 'train_annotation'" in folder.failure
    folder = file_folder(tmp_path / "2")
    (folder.base / "input/data/train_annotation/3.png").write_bytes(png(np.zeros((20, 20), np.uint8)))
    assert folder.run(NAME) == 2
    assert "The mask of 3.jpg has 20 x 20 pixels, its image 64 x 48" in folder.failure
    folder = TrainingFolder(tmp_path / "3", LEAST)
    folder.channel("train", content_type="image/jpeg")
    folder.channel("validation", content_type="image/jpeg")
    assert folder.run(NAME) == 2
    assert "Required channel 'train_annotation' is missing" in folder.failure
    capsys.readouterr()


def test_pictures_keep_their_proportions() -> None:
    assert working_size(480, 360, 480) == (480, 352)
    assert working_size(360, 480, 240) == (176, 240)
