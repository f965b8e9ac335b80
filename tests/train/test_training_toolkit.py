"""What the built-in algorithms share inside the training program."""

from __future__ import annotations

import ast
import io
import json
import pickle
import re
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra: pip install 'labelwright[train]'")
pytest.importorskip("torchvision", reason="training needs the extra: pip install 'labelwright[train]'")

import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from labelwright import algorithms
from labelwright.train.toolkit.artifact import read_model_channel, write_artifact
from labelwright.train.toolkit.checkpoints import Checkpoints
from labelwright.train.toolkit.distributed import Processes
from labelwright.train.toolkit.environment import Environment, TrainingChannel
from labelwright.train.toolkit.jitter import jitter_colors
from labelwright.train.toolkit.log import JobLog, python2_dict
from labelwright.train.toolkit.optimizers import build_optimizer, cosine_rate, poly_rate, step_rate
from labelwright.train.toolkit.pictures import PictureCache, ahead, batched, decode_picture, resized
from labelwright.train.toolkit.precision import precision_for
from labelwright.train.toolkit.pretrained import pretrained_weights
from labelwright.train.toolkit.problems import CustomerError
from labelwright.train.toolkit.stopping import BestWeights, EarlyStopping

pytestmark = pytest.mark.train

DETECTION = algorithms.get("object-detection")


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=5))
def test_configuration_is_printed_as_python_2_did(values: dict[str, str]) -> None:
    assert ast.literal_eval(python2_dict(values)) == values


def test_environment_reads_what_the_platform_wrote(tmp_path: Path) -> None:
    config = tmp_path / "input" / "config"
    config.mkdir(parents=True)
    (config / "hyperparameters.json").write_text('{"epochs": "3", "list": [1]}')
    (config / "inputdataconfig.json").write_text(
        json.dumps(
            {
                "train": {
                    "ContentType": "Application/X-Recordio; label-format=class-id",
                    "TrainingInputMode": "Pipe",
                    "S3DistributionType": "ShardedByS3Key",
                    "RecordWrapperType": "RecordIO",
                },
                "validation": {"TrainingInputMode": "File", "RecordWrapperType": "None"},
            }
        )
    )
    hosts = [f"algo-{i}" for i in (1, 10, 2, 3)]
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-10", "hosts": hosts}))
    (config / "checkpointconfig.json").write_text('{"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/checkpoints"}')
    environment = Environment.read(tmp_path)
    assert environment.hyperparameters == {"epochs": "3", "list": "[1]"}
    assert environment.hosts == ("algo-1", "algo-2", "algo-3", "algo-10")
    assert environment.current_host == "algo-10"
    assert environment.checkpoint_dir == tmp_path / "checkpoints"
    train = environment.channel("train")
    assert train.content_type == "application/x-recordio"
    assert train.parameters == {"label-format": "class-id"}
    assert train.is_wrapped
    assert train.is_sharded
    assert train.pipe(2) == tmp_path / "input" / "data" / "train_2"
    assert environment.channel("validation").content_type == ""
    with pytest.raises(CustomerError, match="Required channel 'test' is missing"):
        environment.channel("test")


def test_damaged_configuration_is_told(tmp_path: Path) -> None:
    (tmp_path / "input" / "config").mkdir(parents=True)
    (tmp_path / "input" / "config" / "hyperparameters.json").write_text("[]")
    with pytest.raises(CustomerError, match=re.escape("hyperparameters.json holds a list")):
        Environment.read(tmp_path)


def test_rates() -> None:
    assert [step_rate(1.0, epoch, (2, 4), 0.5) for epoch in range(6)] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    for rate in (poly_rate, cosine_rate):
        assert rate(0.2, 0.0) == pytest.approx(0.2)
        assert rate(0.2, 1.0) == pytest.approx(0.0)
        assert rate(0.2, 0.3) > rate(0.2, 0.6)


def test_early_stopping_waits_for_least_epochs_and_patience() -> None:
    stopping = EarlyStopping(min_epochs=4, patience=2)
    scores = [0.5, 0.4, 0.4, 0.4, 0.6, 0.6, 0.6]
    assert [stopping.update(score, i + 1) for i, score in enumerate(scores)] == [
        False, False, False, True, False, False, True,
    ]  # fmt: skip
    resumed = EarlyStopping(min_epochs=4, patience=2)
    resumed.restore(stopping.state())
    assert resumed == stopping


def test_gains_below_the_tolerance_are_none() -> None:
    stopping = EarlyStopping(min_epochs=1, patience=2, tolerance=0.1)
    assert [stopping.update(score, 9) for score in (0.50, 0.52, 0.54)] == [False, False, True]
    stopping = EarlyStopping(min_epochs=1, patience=2, tolerance=0.1)
    assert [stopping.update(score, 9) for score in (0.50, 0.56, 0.62)] == [False, False, False]


def test_best_weights_are_copies() -> None:
    module, best = nn.Linear(1, 1, bias=False), BestWeights()
    for epoch, (weight, score) in enumerate([(1.0, 0.1), (2.0, 0.3), (3.0, 0.2)]):
        nn.init.constant_(module.weight, weight)
        best.offer(module, score, epoch)
    best.put_into(module)
    assert module.weight.item() == 2.0
    assert (best.score, best.epoch) == (0.3, 1)


def test_checkpoints_keep_two_and_pass_over_damaged_ones(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, {"network": "a"})
    assert checkpoints.latest() is None
    for epoch in (1, 2, 3):
        checkpoints.save(epoch, {"weight": torch.tensor([float(epoch)])})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-0002.pt", "checkpoint-0003.pt"]
    found = checkpoints.latest()
    assert found is not None
    assert (found[0], found[1]["weight"].item()) == (3, 3.0)
    newest = tmp_path / "checkpoint-0003.pt"
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    found = checkpoints.latest()
    assert found is not None
    assert found[0] == 2
    with pytest.raises(CustomerError, match="written with network=a, this job has network=b"):
        Checkpoints(tmp_path, {"network": "b"}).latest()


@pytest.mark.parametrize("name", ["sgd", "nag", "adam", "rmsprop", "adadelta", "adagrad"])
def test_every_optimizer_lowers_a_loss(name: str) -> None:
    torch.manual_seed(0)
    module = nn.Linear(4, 1)
    optimizer = build_optimizer(name, module.parameters(), learning_rate=0.05, momentum=0.9, weight_decay=0.1)
    decays = {group["weight_decay"]: len(group["params"]) for group in optimizer.param_groups}
    assert decays[0.0] == 1  # the bias
    x, y = torch.randn(32, 4), torch.randn(32, 1)
    losses = []
    for _ in range(30):
        loss = (module(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_colours_change_within_range_and_only_when_asked() -> None:
    pictures = torch.rand(4, 3, 9, 7)
    generator = torch.Generator().manual_seed(0)
    torch.testing.assert_close(jitter_colors(pictures, generator), pictures, atol=1e-5, rtol=0)
    changed = jitter_colors(pictures, generator, brightness=0.5, contrast=0.5, saturation=0.5, hue=0.2)
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert (changed - pictures).abs().mean() > 0.02
    grey = torch.full((2, 3, 4, 4), 0.5)
    torch.testing.assert_close(
        jitter_colors(grey, generator, saturation=0.9, hue=0.5), grey, atol=1e-4, rtol=0
    )


def test_pictures_are_made_ahead_in_order_and_errors_come_in_their_place() -> None:
    seen: list[int] = []
    lock = threading.Lock()

    def make(n: int) -> int:
        with lock:
            seen.append(n)
        if n == 7:
            raise CustomerError("seven")
        return n * n

    results = ahead(make, iter(range(100)), n_threads=3, n_ahead=5)
    assert [next(results) for _ in range(7)] == [n * n for n in range(7)]
    with pytest.raises(CustomerError, match="seven"):
        next(results)
    assert max(seen) < 7 + 5 + 1
    assert list(batched(range(5), 2)) == [[0, 1], [2, 3], [4]]


def test_decoding() -> None:
    file = io.BytesIO()
    Image.new("L", (640, 480), 128).save(file, "JPEG")
    pixels, width, height = decode_picture(file.getvalue(), "a.jpg", enough_px=(100, 100))
    assert (width, height) == (640, 480)
    assert pixels.shape == (120, 160, 3)
    assert resized(pixels, (30, 20)).shape == (20, 30, 3)
    with pytest.raises(CustomerError, match=re.escape("a.jpg is no image that can be read")):
        decode_picture(file.getvalue()[:200], "a.jpg")


def test_cache_keeps_no_more_than_its_budget() -> None:
    cache, n_made = PictureCache(100), 0

    def make() -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], int, int]:
        nonlocal n_made
        n_made += 1
        return np.zeros((4, 5, 3), dtype=np.uint8), 5, 4

    for index in (0, 1, 0, 1):
        cache.get(index, make)
    assert n_made == 3  # 60 bytes each: the second never fits


def test_pretrained_weights_come_from_the_named_folder_and_run_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LABELWRIGHT_PRETRAINED_DIR", str(tmp_path))
    torch.save({"x": torch.ones(1)}, tmp_path / "resnet18-abc.pth")
    found = pretrained_weights("resnet18", JobLog())
    assert found is not None
    assert found["x"].item() == 1
    assert "Pretrained weights of resnet18: resnet18-abc.pth" in capfd.readouterr().out
    (tmp_path / "vgg16.pth").write_bytes(pickle.dumps({"x": print}, protocol=2))
    with pytest.raises(CustomerError, match=re.escape("vgg16.pth cannot be read")):
        pretrained_weights("vgg16", JobLog())


def artifact(folder: Path) -> dict[str, str]:
    hyperparameters = {"base_network": "vgg-16", "num_classes": "2"}
    write_artifact(
        folder,
        algorithm="object-detection",
        hyperparameters=hyperparameters,
        network={},
        classes=None,
        image_shape=[3, 300, 300],
        final_metrics={},
        weights={"a": torch.ones(2)},
    )
    return hyperparameters


def test_model_channel(tmp_path: Path) -> None:
    hyperparameters = artifact(tmp_path / "model")
    folder = tmp_path / "channel"
    folder.mkdir()
    channel = TrainingChannel("model", folder, "application/x-sagemaker-model")
    with pytest.raises(CustomerError, match="holds 0 files that end in"):
        read_model_channel(channel, DETECTION, hyperparameters, tmp_path / "s0")
    with tarfile.open(folder / "any.tar.gz", "w:gz") as tar:
        for path in (tmp_path / "model").iterdir():
            tar.add(path, f"./{path.name}")
        outside = tarfile.TarInfo("../outside")
        tar.addfile(outside, io.BytesIO(b""))
    found = read_model_channel(channel, DETECTION, hyperparameters, tmp_path / "s1")
    assert found.weights["a"].tolist() == [1, 1]
    assert not (tmp_path / "outside").exists()
    with pytest.raises(CustomerError, match="'num_classes' is '3'"):
        read_model_channel(channel, DETECTION, hyperparameters | {"num_classes": "3"}, tmp_path / "s2")
    other = algorithms.get("image-classification")
    with pytest.raises(CustomerError, match="holds a model of object-detection"):
        read_model_channel(channel, other, hyperparameters, tmp_path / "s3")
    whole = (folder / "any.tar.gz").read_bytes()
    for damaged in (b"no archive", whole[: len(whole) // 2], whole[:60] + b"\0" * 40 + whole[100:]):
        (folder / "any.tar.gz").write_bytes(damaged)
        with pytest.raises(CustomerError, match="cannot be unpacked"):
            read_model_channel(channel, DETECTION, hyperparameters, tmp_path / "s4")
    with tarfile.open(folder / "any.tar.gz", "w:gz") as tar:
        bomb = tarfile.TarInfo("model.onnx")
        bomb.size = 1 << 40
        tar.fileobj.write(bomb.tobuf())
    with pytest.raises(CustomerError, match=r"model\.onnx in any\.tar\.gz has 1099511627776 bytes"):
        read_model_channel(channel, DETECTION, hyperparameters, tmp_path / "s6")
    wrong = TrainingChannel("model", folder, "application/x-recordio")
    with pytest.raises(CustomerError, match="give application/x-sagemaker-model and File"):
        read_model_channel(wrong, DETECTION, hyperparameters, tmp_path / "s5")


def test_a_process_alone_agrees_with_itself() -> None:
    alone = Processes.join(Environment(Path(), {}, {}), "object-detection")
    assert alone.is_first
    assert alone.agree(True, False) == (True, False)
    assert alone.gather("x") == ["x"]
    assert alone.pipe_of(TrainingChannel("train", Path(), mode="Pipe")) is None


def test_precision_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELWRIGHT_PRECISION", "float32")
    assert precision_for().dtype == torch.float32
    monkeypatch.setenv("LABELWRIGHT_PRECISION", "half")
    with pytest.raises(CustomerError, match="LABELWRIGHT_PRECISION is 'half'"):
        precision_for()
