"""Whole jobs of object detection on pictures drawn here: artifact, answers, resume, kill, several hosts."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra: pip install 'labelwright[train]'")
pytest.importorskip("torchvision", reason="training needs the extra: pip install 'labelwright[train]'")

import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file

from labelwright import recordio
from labelwright.inference import BadInput, UnsupportedContent, load_predictor
from labelwright.testing.training_folder import TrainingFolder
from labelwright.train.object_detection.detecting import Suppression, detections
from labelwright.train.object_detection.network import Detector, DetectorShape

pytestmark = pytest.mark.train
ONE_THREAD = {"OMP_NUM_THREADS": "1"}

NAME = "object-detection"
RECORDS = "application/x-recordio"
LEAST: dict[str, object] = {
    "num_classes": 2,
    "num_training_samples": 6,
    "base_network": "resnet-18",
    "use_pretrained_model": 0,
    "mini_batch_size": 4,
    "epochs": 2,
    "learning_rate": 0.01,
}


def picture(seed: int) -> tuple[bytes, list[float]]:
    """A JPEG of 96 x 72 with one square, and its object: class, left, top, right, bottom."""
    rng = np.random.default_rng(seed)
    class_id = seed % 2
    left, top, side = int(rng.integers(0, 60)), int(rng.integers(0, 36)), int(rng.integers(20, 36))
    image = Image.new("RGB", (96, 72), (90, 100, 110))
    color = [(220, 40, 40), (40, 60, 230)][class_id]
    ImageDraw.Draw(image).rectangle((left, top, left + side - 1, top + side - 1), fill=color)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    return file.getvalue(), [class_id, left / 96, top / 72, (left + side) / 96, (top + side) / 72]


def pack(path: Path, n_pictures: int) -> None:
    with recordio.RecordWriter(path) as writer:
        for seed in range(n_pictures):
            image, row = picture(seed)
            rows = [row] if seed != 5 else []  # one picture in which nothing is
            header = recordio.IRHeader(0, recordio.encode_boxes(rows), seed)
            writer.write(recordio.pack(header, image))


def folder_of(base: Path, *, checkpoints: bool = False, **hyperparameters: object) -> TrainingFolder:
    """A job on a file of records."""
    folder = TrainingFolder(base, LEAST | hyperparameters, checkpoints=checkpoints)
    for name, n_pictures in (("train", 6), ("validation", 3)):
        pack(folder.channel(name, content_type=RECORDS) / f"{name}.rec", n_pictures)
    return folder


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As many as the processes have: sums in another order would end in other weights."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TrainingFolder, str]]:
    """A job that ran to its end, and its log."""
    folder = folder_of(tmp_path_factory.mktemp("whole"), checkpoints=True)
    process = folder.start(NAME, **ONE_THREAD)
    log, _ = process.communicate(timeout=900)
    assert process.returncode == 0, log
    yield folder, log
    shutil.rmtree(folder.base)


def test_log_has_the_documented_lines(trained: tuple[TrainingFolder, str]) -> None:
    _, log = trained
    lines = log.splitlines()
    prefix = r"\[\d\d/\d\d/\d{4} \d\d:\d\d:\d\d (INFO|WARNING) \d+\] "
    assert re.fullmatch(prefix + r"Docker entrypoint called with argument\(s\): train", lines[0])
    final = next(line for line in lines if "Final configuration: {" in line)
    assert final.split("num_training_samples': u'")[1].split("'")[0] == "6"
    scores = [line for line in lines if "validation mAP <score>=" in line]
    assert len(scores) == 2
    for line in scores:
        assert line.endswith(")")
        assert 0 <= float(line[line.index("(") + 1 : line.rindex(")")]) <= 1
    for epoch in (0, 1):
        for name in ("cross_entropy", "smooth_l1"):
            wanted = rf"#quality_metric: host=algo-1, epoch={epoch}, batch=2 train {name} <loss>=[0-9.e+-]+$"
            assert any(re.search(wanted, line) for line in lines)
    progress = [line.partition("#progress_metric: ")[2] for line in lines if "#progress_metric" in line]
    assert progress == [f"host=algo-1, completed {percent} % of epochs" for percent in (50, 100)]
    assert re.search(r"#throughput_metric: host=algo-1, train throughput=[0-9.e+]+ records/second", log)
    metrics = [json.loads(line.removeprefix("#metrics ")) for line in lines if line.startswith("#metrics ")]
    assert [entry["Dimensions"]["epoch"] for entry in metrics] == [0, 1]


def test_artifact_is_complete_and_answers_as_the_network_does(trained: tuple[TrainingFolder, str]) -> None:
    folder, _ = trained
    assert sorted(os.listdir(folder.model)) == [
        "hyperparams.json",
        "labelwright.json",
        "model.onnx",
        "model.safetensors",
    ]
    hyperparameters = json.loads((folder.model / "hyperparams.json").read_text())
    assert hyperparameters["image_shape"] == "300"
    assert hyperparameters["nms_topk"] == "400"
    description = json.loads((folder.model / "labelwright.json").read_text())
    assert description["algorithm"] == NAME
    assert description["image_shape"] == [3, 300, 300]
    model = Detector(DetectorShape("resnet-18", 2)).eval()
    model.load_state_dict(load_file(folder.model / "model.safetensors"))
    predictor = load_predictor(folder.model)
    bodies = [picture(seed)[0] for seed in range(9)]  # more than one batch
    answers = predictor.predict_many(bodies, "image/jpeg", None)
    for body, answer in zip(bodies, answers, strict=True):
        assert isinstance(answer, tuple)
        assert answer[1] == "application/json"
        rows = np.array(json.loads(answer[0])["prediction"])
        with Image.open(io.BytesIO(body)) as image:
            pixels = np.array(image.resize((300, 300), Image.Resampling.BILINEAR))
        with torch.no_grad():
            out = model(torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255)
        wanted = detections(*out, model.anchors, Suppression())[0]
        np.testing.assert_allclose(rows[:, 1], wanted.scores, atol=2e-5)
        assert (np.diff(rows[:, 1]) <= 0).all()
        # Equal scores may change places; every box has its like.
        distance = np.abs(rows[:, None, 2:] - wanted.boxes_xyxy_px[None]).max(axis=2).min(axis=1)
        assert distance.max() < 1e-4


def test_answers_have_the_documented_forms(trained: tuple[TrainingFolder, str]) -> None:
    predictor = load_predictor(trained[0].model, n_threads=2)
    body = picture(0)[0]
    plain, kind = predictor.predict(body, "application/x-image", "application/json")
    assert kind == "application/json"
    first = json.loads(plain)["prediction"][0]
    assert [type(value) for value in first] == [float] * 6
    line, kind = predictor.predict(body, "image/jpeg", "application/jsonlines")
    assert kind == "application/jsonlines"
    assert line == plain + b"\n"
    labels = json.loads(predictor.predict(body, "image/jpeg", "application/json;annotation=1")[0])
    assert labels["image_size"] == [{"width": 96, "height": 72, "depth": 3}]
    box = labels["annotations"][0]
    assert list(box) == ["class_id", "score", "left", "top", "width", "height"]
    assert box["class_id"] == int(first[0])
    assert box["left"] == round(first[2] * 96)
    assert box["left"] + box["width"] == round(first[4] * 96)
    with pytest.raises(UnsupportedContent, match="text/csv"):
        predictor.predict(body, "text/csv", None)
    with pytest.raises(UnsupportedContent, match="image/png"):
        predictor.predict(body, "image/jpeg", "image/png")
    good, bad = predictor.predict_many([body, b"no picture"], "image/jpeg", None)
    assert good == (plain, "application/json")
    assert isinstance(bad, BadInput)


def test_killed_job_goes_on_and_ends_like_an_unbroken_one(
    trained: tuple[TrainingFolder, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(tmp_path, checkpoints=True)
    process = folder.start(NAME, **ONE_THREAD)
    checkpoint = tmp_path / "checkpoints" / "checkpoint-0001.pt"
    try:
        while not checkpoint.exists():
            assert process.poll() is None
            time.sleep(0.005)
    finally:
        process.kill()
        process.communicate()
    for later in (tmp_path / "checkpoints").glob("*0002.pt"):
        later.write_bytes(later.read_bytes()[:1000])  # cut off while it was copied
    shutil.rmtree(folder.model)
    assert folder.run(NAME) == 0
    assert "Resuming from the checkpoint of epoch 1." in capfd.readouterr().out
    ours, theirs = (load_file(each.model / "model.safetensors") for each in (folder, trained[0]))
    for name, value in theirs.items():
        assert torch.equal(ours[name], value), name


def test_checkpoint_of_another_network_is_refused(
    trained: tuple[TrainingFolder, str], tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, checkpoints=True, num_classes=3)
    shutil.copytree(trained[0].base / "checkpoints", tmp_path / "checkpoints")
    assert folder.run(NAME) == 2
    assert "was written with num_classes=2, this job has num_classes=3" in folder.failure


def test_goes_on_from_a_model_and_stops_when_asked(
    trained: tuple[TrainingFolder, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(tmp_path, epochs=1000)
    add_model(folder, trained[0].model)
    asked = threading.Event()

    def ask() -> None:
        """As soon as there is a score, so that the model of that epoch is what is left."""
        seen = ""
        while "validation mAP" not in seen:
            seen += capfd.readouterr().out
            time.sleep(0.02)
        asked.set()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=ask, daemon=True).start()
    assert folder.run(NAME) == 0
    assert asked.is_set()
    load_predictor(folder.model).predict(picture(0)[0], "image/jpeg", None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_classes": 3}, "'num_classes' is '3', but the model in channel 'model' was trained with '2'"),
        ({"base_network": "mobilenet"}, "'base_network' is 'mobilenet'"),
    ],
)
def test_model_with_other_settings_is_refused(
    trained: tuple[TrainingFolder, str], tmp_path: Path, change: dict[str, object], message: str
) -> None:
    folder = folder_of(tmp_path, **change)
    add_model(folder, trained[0].model)
    assert folder.run(NAME) == 2
    assert message in folder.failure


def add_model(folder: TrainingFolder, model: Path) -> None:
    channel = folder.channel("model", content_type="application/x-sagemaker-model")
    with tarfile.open(channel / "model.tar.gz", "w:gz", compresslevel=1) as tar:
        for path in sorted(model.iterdir()):
            if path.suffix != ".onnx":  # not needed to go on, and slow to pack
                tar.add(path, path.name)


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ({"foo": 1}, "Additional properties are not allowed ('foo' was unexpected)"),
        ({"epochs": "many"}, "'many' is not valid under any of the given schemas"),
        ({"num_classes": 1}, "class id 1; num_classes is 1"),
        ({"label_width": 6}, "more than label_width=6"),
        ({"freeze_layer_pattern": ".*"}, "freezes every layer"),
    ],
)
def test_customer_errors_end_with_code_two_and_the_reason(
    tmp_path: Path, hyperparameters: dict[str, object], message: str
) -> None:
    folder = folder_of(tmp_path, **hyperparameters)
    assert folder.run(NAME) == 2
    assert message in folder.failure


def test_missing_channel_and_broken_data_are_customer_errors(tmp_path: Path) -> None:
    lacking = TrainingFolder(tmp_path / "lacking", LEAST)
    lacking.channel("train", content_type=RECORDS)
    assert lacking.run(NAME) == 2
    assert lacking.failure.startswith("Required channel 'validation' is missing")
    empty = TrainingFolder(tmp_path / "empty", LEAST)
    for name in ("train", "validation"):
        empty.channel(name, content_type=RECORDS)
    assert empty.run(NAME) == 2
    assert "Channel 'train' holds 0 files that end in .rec" in empty.failure
    broken = folder_of(tmp_path / "broken")
    path = tmp_path / "broken" / "input" / "data" / "train" / "train.rec"
    path.write_bytes(path.read_bytes()[:-5])
    assert broken.run(NAME) == 2
    assert "train.rec cannot be read" in broken.failure


def test_two_hosts_train_one_model(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = str(listener.getsockname()[1])
    folders = []
    for number in (1, 2):
        base = tmp_path / f"algo-{number}"
        folders.append(folder_of(base, epochs=1))
        hosts = {"current_host": f"algo-{number}", "hosts": ["algo-1", "algo-2"]}
        (base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(hosts))
    meeting = ONE_THREAD | {"LABELWRIGHT_MASTER_ADDR": "127.0.0.1", "LABELWRIGHT_MASTER_PORT": port}
    processes = [folder.start(NAME, **meeting) for folder in folders]
    logs = [process.communicate(timeout=900)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(logs)
    assert (folders[0].model / "model.onnx").exists()
    assert not list(folders[1].model.iterdir())
    assert "validation mAP" in logs[0]
    assert "validation mAP" not in logs[1]
