"""Whole jobs of image classification on pictures drawn here: every input, resume, artifact and answers."""

from __future__ import annotations

import io
import json
import re
import signal
import tarfile
from collections.abc import Sequence
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
from labelwright.streaming import open_objects
from labelwright.testing.training_folder import TrainingFolder
from labelwright.train.image_classification.networks import build_classifier

pytestmark = pytest.mark.train

COLORS = ((200, 60, 60), (60, 200, 60), (60, 60, 200))
NAME = "image-classification"
LEAST = {
    "num_classes": 3,
    "num_training_samples": 24,
    "num_layers": 20,
    "image_shape": "3,16,16",
    "mini_batch_size": 8,
    "epochs": 3,
    "learning_rate": 0.02,
    "optimizer": "adam",
}


def picture(class_id: int, seed: int, *, size: tuple[int, int] = (26, 20)) -> bytes:
    """A JPEG of the class's colour under noise."""
    noise = np.random.default_rng(seed).normal(0, 20, (size[1], size[0], 3))
    pixels = (np.array(COLORS[class_id]) + noise).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def pack(path: Path, labels: Sequence[object], **options: tuple[int, int]) -> None:
    """A .rec of one picture a label; a list of zeros and ones is a multi-hot label."""
    with recordio.RecordWriter(path) as writer:
        for i, label in enumerate(labels):
            shown = label if isinstance(label, int) else int(np.argmax(label))  # type: ignore[call-overload]
            header = recordio.IRHeader(0, label, i)  # type: ignore[arg-type]
            writer.write(recordio.pack(header, picture(shown, i, **options)))


def rec_folder(base: Path, *, checkpoints: bool = False, **hyperparameters: object) -> TrainingFolder:
    folder = TrainingFolder(base, LEAST | hyperparameters, checkpoints=checkpoints)
    for name, n in (("train", 24), ("validation", 9)):
        channel = folder.channel(name, content_type="application/x-recordio")
        pack(channel / f"{name}.rec", [i % 3 for i in range(n)])
    return folder


def test_what_is_not_offered_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = rec_folder(tmp_path, epochs=1, kv_store="dist_async")
    assert folder.run(NAME) == 0
    assert re.search(r"WARNING \d+\] kv_store=dist_async is not offered", capsys.readouterr().out)


def test_records_train_to_a_model_that_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"epochs": 6, "optimizer": "sgd", "learning_rate": 0.05, "lr_scheduler_step": "3"}
    folder = rec_folder(tmp_path, top_k=2, augmentation_type="crop", checkpoint_frequency=3, **given)
    assert folder.run(NAME) == 0
    log = capsys.readouterr().out
    assert re.search(r"^\[\S+ \S+ INFO \d+\] Creating checkpoint directory$", log, re.MULTILINE)
    for form in (
        r"Epoch\[0\] Train-accuracy=\d\.\d{6}$",
        r"Epoch\[5\] Time cost=\d+\.\d{3}$",
        r"Epoch\[5\] Validation-accuracy=1\.000000$",
        r"Epoch\[5\] Validation-top_k_accuracy_2=1\.000000$",
        r'Saved checkpoint to "/opt/ml/model/image-classification-0003.safetensors"$',
    ):
        assert re.search(rf"INFO \d+\] {form}", log, re.MULTILINE), form
    assert "Final configuration: {" in log

    names = {path.name for path in folder.model.iterdir()}
    assert names == {
        "hyperparams.json",
        "labelwright.json",
        "model.safetensors",
        "model.onnx",
        *(f"image-classification-{epoch:04d}.safetensors" for epoch in (3, 6)),
    }
    kept = json.loads((folder.model / "hyperparams.json").read_text())
    assert kept["num_layers"] == "20" and kept["lr_scheduler_factor"] == "0.1"
    assert all(isinstance(value, str) for value in kept.values())

    predictor = load_predictor(folder.model)
    bodies = [picture(i % 3, 100 + i, size=(40 + i, 30)) for i in range(11)]
    answers = predictor.predict_many(bodies, "image/jpeg", None)
    rows = np.array([json.loads(answer[0]) for answer in answers])  # type: ignore[index]
    assert rows.argmax(axis=1).tolist() == [i % 3 for i in range(11)]
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-5)
    body, content_type = predictor.predict(bodies[0], "application/x-image", "application/jsonlines")
    assert content_type == "application/jsonlines" and body.endswith(b"\n")
    np.testing.assert_allclose(json.loads(body)["prediction"], rows[0], atol=1e-5)
    with pytest.raises(BadInput, match="no image"):
        predictor.predict(b"nonsense", "image/jpeg", None)
    with pytest.raises(UnsupportedContent, match="text/csv"):
        predictor.predict(b"1,2", "text/csv", None)

    # The graph and PyTorch agree.
    network = build_classifier("resnet", 20, (3, 16, 16), 3).eval()
    network.load_state_dict(load_file(folder.model / "model.safetensors"))
    sized = [Image.open(io.BytesIO(body)).convert("RGB").resize((16, 16), 2) for body in bodies]
    with torch.inference_mode():
        data = torch.from_numpy(np.stack([np.asarray(image) for image in sized])).permute(0, 3, 1, 2)
        expected = network(data).softmax(dim=1).numpy()
    np.testing.assert_allclose(rows, expected, atol=1e-4)


def test_images_with_a_list_and_the_grey_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = LEAST | {"image_shape": "1,16,16", "resize": 18, "epochs": 1, "optimizer": "nag"}
    folder = TrainingFolder(tmp_path, given)
    for name in ("train", "validation"):
        images = folder.channel(name, content_type="application/x-image")
        lists = folder.channel(f"{name}_lst", content_type="application/x-image")
        (images / "a dog").mkdir()
        lines = []
        for i in range(8):
            (images / "a dog" / f"{i}.jpg").write_bytes(picture(i % 3, i))
            lines.append(f"{i}\t{i % 3}\ta dog/{i}.jpg\n")
        (lists / "any.lst").write_text("".join(lines))
    assert folder.run(NAME) == 0
    assert json.loads((folder.model / "labelwright.json").read_text())["image_shape"] == [1, 16, 16]
    body, _ = load_predictor(folder.model).predict(picture(0, 1), "image/jpeg", None)
    assert len(json.loads(body)) == 3

    # What is wrong with files is said by name.
    (folder.base / "input/data/train_lst/any.lst").write_text("0\t1\tnowhere.jpg\n")
    assert folder.run(NAME) == 2
    assert "'nowhere.jpg', which is not in the channel 'train'" in folder.failure
    capsys.readouterr()


def test_several_labels_through_a_real_pipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = LEAST | {"multi_label": 1, "use_weighted_loss": 1, "epochs": 2, "learning_rate": 0.001}
    folder = TrainingFolder(tmp_path / "ml", given)
    lines = []
    for i in range(12):
        (tmp_path / f"{i}.jpg").write_bytes(picture(i % 3, i))
        label = [i % 3] if i % 2 else json.dumps([i % 3])  # a list, or a string that holds one
        lines.append(json.dumps({"source-ref": str(tmp_path / f"{i}.jpg"), "kinds": label}) + "\n")
    manifest = tmp_path / "pictures.manifest"
    manifest.write_text("".join(lines))
    content_type = "application/x-recordio; label-format=class-id"
    for name in ("train", "validation"):
        folder.pipe(
            name, manifest, ["source-ref", "kinds"], objects=open_objects(), content_type=content_type
        )
    assert folder.run(NAME) == 0, folder.failure
    accuracies = re.findall(r"Validation-accuracy=(\S+)", capsys.readouterr().out)
    assert len(accuracies) == 2
    row = json.loads(load_predictor(folder.model).predict(picture(1, 7), "image/jpeg", None)[0])
    assert len(row) == 3 and not np.isclose(sum(row), 1)


def test_an_interrupted_job_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    """Killed after the first epoch and started again, against one that ran through."""
    whole = rec_folder(tmp_path / "whole", checkpoints=True, augmentation_type="crop_color_transform")
    assert whole.run(NAME) == 0
    broken = rec_folder(
        tmp_path / "broken", checkpoints=True, augmentation_type="crop_color_transform", epochs=400
    )
    process = broken.start(NAME)
    assert process.stdout is not None
    for line in process.stdout:
        if "Epoch[1] Train-accuracy" in line:  # the checkpoint of the first epoch is there
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    checkpoints = broken.base / "checkpoints"
    for path in checkpoints.iterdir():  # whatever came later would shorten the way
        if path.name > "checkpoint-0001.pt":
            path.unlink()
    # What was cut off while it was copied is passed over.
    (checkpoints / "checkpoint-0002.pt").write_bytes(b"PK\x03\x04 cut off")
    again = rec_folder(tmp_path / "broken", checkpoints=True, augmentation_type="crop_color_transform")
    assert again.run(NAME) == 0, again.failure
    expected, found = (load_file(each.model / "model.safetensors") for each in (whole, again))
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert torch.equal(value, found[name]), name


def test_a_model_is_trained_further_if_it_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = rec_folder(tmp_path / "first", epochs=1)
    assert first.run(NAME) == 0
    second = rec_folder(tmp_path / "second", epochs=1, learning_rate=0.0, use_pretrained_model=0)
    archive = second.channel("model", content_type="application/x-sagemaker-model") / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for path in first.model.iterdir():
            tar.add(path, path.name)
    assert second.run(NAME) == 0, second.failure
    assert "goes on from the model" in capsys.readouterr().out
    before, after = (load_file(each.model / "model.safetensors") for each in (first, second))
    assert torch.equal(before["body.fc.weight"], after["body.fc.weight"])
    other = rec_folder(tmp_path / "second", image_shape="3,18,18")
    other.channel("model", content_type="application/x-sagemaker-model")
    assert other.run(NAME) == 2
    assert "'image_shape' is '3,18,18'" in other.failure and "'3,16,16'" in other.failure


def test_pretrained_weights_fill_all_but_the_last_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    monkeypatch.setenv("LABELWRIGHT_PRETRAINED_DIR", str(weights))
    torch.manual_seed(3)
    state = torchvision.models.mobilenet_v2(num_classes=1000).state_dict()
    torch.save(state, weights / "mobilenet_v2-of-mine.pth")
    given = {"base_network": "mobilenet", "use_pretrained_model": 1, "learning_rate": 0.0, "epochs": 1}
    folder = rec_folder(tmp_path / "job", optimizer="sgd", **given)
    assert folder.run(NAME) == 0, folder.failure
    assert "Pretrained weights of mobilenet_v2: mobilenet_v2-of-mine.pth" in capsys.readouterr().out
    found = load_file(folder.model / "model.safetensors")
    for name, value in state.items():
        if not name.startswith("classifier"):
            assert torch.equal(found[f"body.{name}"], value), name
    assert found["body.classifier.1.weight"].shape == (3, 1280)

    torch.save(torchvision.models.resnet18(num_classes=5).state_dict(), weights / "mobilenet_v2-of-mine.pth")
    assert rec_folder(tmp_path / "job", **given).run(NAME) == 2
    assert "belong to another network" in folder.failure
    capsys.readouterr()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"image_shape": "3,24,24"}, "is smaller than image_shape: it has 26 x 20 pixels"),
        ({"num_classes": 2}, "of train.rec: The label '2.0' is no class"),
        ({"multi_label": 1}, "has 1 entries; num_classes is 3"),
        ({"colour": 1}, "Additional properties are not allowed ('colour' was unexpected)"),
        ({"resize": 16}, "'resize' is 16; it must be larger"),
    ],
)
def test_wrong_settings_and_data_end_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: dict[str, object], message: str
) -> None:
    folder = rec_folder(tmp_path, **given)
    assert folder.run(NAME) == 2
    assert message in folder.failure
    assert "Customer Error" in capsys.readouterr().out


def test_pictures_without_a_list_or_a_size_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = TrainingFolder(tmp_path / "1", LEAST)
    for name in ("train", "validation"):
        folder.channel(name, content_type="image/jpeg")
    assert folder.run(NAME) == 2
    assert "Required channel 'train_lst' is missing" in folder.failure
    folder = TrainingFolder(tmp_path / "2", LEAST)
    for name in ("train", "validation", "train_lst", "validation_lst"):
        folder.channel(name, content_type="image/jpeg")
    assert folder.run(NAME) == 2
    assert "'resize' is a required property" in folder.failure
    capsys.readouterr()
