"""Every input of the object detector gives the same pictures and boxes; pipes are dealt out to processes."""

from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra: pip install 'labelwright[train]'")
pytest.importorskip("torchvision", reason="training needs the extra: pip install 'labelwright[train]'")

import torch
from PIL import Image

from labelwright import recordio
from labelwright.streaming import open_objects
from labelwright.testing.training_folder import TrainingFolder
from labelwright.train.object_detection.batches import Batch, Batches, changed
from labelwright.train.object_detection.crops import Cropping
from labelwright.train.object_detection.labels import LabelRules, annotated_files, class_names
from labelwright.train.toolkit.dealing import Dealer
from labelwright.train.toolkit.environment import Environment, TrainingChannel
from labelwright.train.toolkit.log import JobLog
from labelwright.train.toolkit.problems import CustomerError
from labelwright.train.toolkit.samples import PipeSource, RecordSource, Share, records_of_channel

pytestmark = pytest.mark.train

RULES = LabelRules(n_classes=3)
SIDE = 32
N = 5


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def label(seed: int) -> dict[str, object]:
    """A box for every picture but the second."""
    boxes = [{"class_id": seed % 3, "left": seed, "top": 2, "width": 20, "height": 12}] if seed != 1 else []
    return {"image_size": [{"width": 40, "height": 24, "depth": 3}], "annotations": boxes}


def row(seed: int) -> list[list[float]]:
    return [[seed % 3, seed / 40, 2 / 24, (seed + 20) / 40, 14 / 24]] if seed != 1 else []


def packed(path: Path) -> Path:
    with recordio.RecordWriter(path) as writer:
        for seed in range(N):
            header = recordio.IRHeader(0, recordio.encode_boxes(row(seed)), seed)
            writer.write(recordio.pack(header, picture(seed)))
    return path


def whole(source: object, share: Share = Share()) -> Batch:  # noqa: B008 - frozen
    """All of a source in one batch."""
    batches = Batches(source, RULES, side_px=SIDE)  # type: ignore[arg-type]
    return next(batches.validation(0, size=N, share=share))


def test_records_files_and_pipes_give_the_same_batch(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from_records = whole(RecordSource(packed(tmp_path / "a.rec")))
    assert from_records.pictures.shape == (N, 3, SIDE, SIDE)
    assert from_records.class_ids.tolist() == [[0], [-1], [2], [0], [1]]
    np.testing.assert_allclose(from_records.boxes_xyxy[2, 0], row(2)[0][1:], rtol=1e-6)

    folder = TrainingFolder(tmp_path / "files", {})
    images = folder.channel("train", content_type="image/png")
    annotations = folder.channel("train_annotation", content_type="image/png")
    manifest = tmp_path / "a.manifest"
    lines = []
    for seed in range(N):
        (images / "deep").mkdir(exist_ok=True)
        (images / "deep" / f"{seed}.png").write_bytes(picture(seed))
        names = {"categories": [{"class_id": i, "name": name} for i, name in enumerate("abc")]}
        annotation = label(seed) | {"file": f"deep/{seed}.png"} | (names if seed == 3 else {})
        (annotations / f"{seed}.json").write_text(json.dumps(annotation))
        line = {"boxes-metadata": {"x": 1}, "boxes": label(seed)}
        lines.append(json.dumps(line | {"source-ref": (images / "deep" / f"{seed}.png").as_uri()}))
    (images / "forgotten.png").write_bytes(picture(9))
    manifest.write_text("\n".join(lines))
    environment = Environment.read(folder.base)
    channel, described = environment.channel("train"), environment.channel("train_annotation")
    from_files = whole(annotated_files(channel, described, JobLog()))
    assert "1 images of channel 'train' have no annotation file" in capfd.readouterr().out
    assert class_names(described, 3) == ["a", "b", "c"]

    piped = TrainingFolder(tmp_path / "pipe", {})
    piped.pipe("train", manifest, ["source-ref", "boxes"], objects=open_objects())
    channel = Environment.read(piped.base).channel("train")
    assert channel.is_wrapped
    source = records_of_channel(channel)
    with piped.feeding():
        epochs = [whole(source), whole(source)]
    for other in (from_files, *epochs):
        assert torch.equal(other.pictures, from_records.pictures)
        torch.testing.assert_close(other.boxes_xyxy, from_records.boxes_xyxy)
        assert torch.equal(other.class_ids, from_records.class_ids)


def test_annotation_of_a_picture_that_is_not_there_is_the_customers_error(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path, {})
    folder.channel("train", content_type="image/png")
    annotations = folder.channel("train_annotation")
    (annotations / "1.json").write_text(json.dumps(label(1) | {"file": "1.png"}))
    environment = Environment.read(tmp_path)
    with pytest.raises(CustomerError, match=r"names the image '1\.png', which is not in channel 'train'"):
        annotated_files(environment.channel("train"), environment.channel("train_annotation"), JobLog())


def test_training_batches_depend_on_seed_and_epoch_alone(tmp_path: Path) -> None:
    def read(seed: int, epoch: int) -> Batch:
        batches = Batches(RecordSource(packed(tmp_path / "a.rec")), RULES, side_px=SIDE, seed=seed)
        return next(batches.training(epoch, size=N, share=Share(), cropping=Cropping()))

    first, again, other = read(1, 0), read(1, 0), read(1, 1)
    assert torch.equal(first.pictures, again.pictures)
    assert torch.equal(first.boxes_xyxy, again.boxes_xyxy)
    assert not torch.equal(first.pictures, other.pictures)


def test_flips_move_boxes_with_pictures() -> None:
    pictures = torch.zeros(64, 3, 8, 8)
    pictures[..., :2] = 1.0
    boxes = torch.tensor([[[0.0, 0.0, 0.25, 1.0]]]).expand(64, 1, 4)
    batch = Batch(pictures, boxes, torch.zeros(64, 1, dtype=torch.int64))
    moved = changed(batch, pictures, torch.Generator().manual_seed(0))
    is_left = moved.boxes_xyxy[:, 0, 0] == 0
    assert 10 < int(is_left.sum()) < 54
    left, right = moved.pictures[:, :, :, 0].mean((1, 2)), moved.pictures[:, :, :, -1].mean((1, 2))
    assert torch.equal(left > right, is_left)


def test_ranks_share_an_epoch(tmp_path: Path) -> None:
    source = RecordSource(packed(tmp_path / "a.rec"))
    exact = [[s.index for s in source.epoch(0, share=Share(rank, 2))] for rank in (0, 1)]
    assert exact == [[0, 2, 4], [1, 3]]
    even = [[s.index for s in source.epoch(0, seed=3, share=Share(rank, 2, "drop"))] for rank in (0, 1)]
    assert [len(part) for part in even] == [2, 2]
    assert len({*even[0], *even[1]}) == 4


def test_one_pipe_is_dealt_out_to_several_processes(tmp_path: Path) -> None:
    channel = TrainingChannel("train", tmp_path / "train", mode="Pipe")
    content = packed(tmp_path / "a.rec").read_bytes()
    for i_opening in range(2):
        os.mkfifo(channel.pipe(i_opening))

    def feed() -> None:
        for i_opening in range(2):
            channel.pipe(i_opening).write_bytes(content)

    threading.Thread(target=feed, daemon=True).start()
    dealer = Dealer(channel, tmp_path / "dealt", 2)
    found: dict[int, list[list[str]]] = {0: [], 1: []}

    def read(rank: int) -> None:
        source = PipeSource(channel, pipe=lambda i: tmp_path / "dealt" / str(rank) / f"train_{i}")
        for epoch in range(2):
            labels = [np.asarray(sample.label).tolist() for sample in source.epoch(epoch)]
            found[rank].append([str(each[2:3]) for each in labels])

    readers = [threading.Thread(target=read, args=(rank,)) for rank in (0, 1)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    dealer.close()
    classes = [str(np.asarray(recordio.encode_boxes(row(seed))).tolist()[2:3]) for seed in range(N)]
    assert found == {0: [classes[0::2]] * 2, 1: [classes[1::2]] * 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no samples"),
        (b"not recordio at all", "cannot be read as RecordIO"),
        (recordio.frame(picture(0)), "has no label"),
        (recordio.frame(b"12345"), "is no image record"),
    ],
)
def test_broken_pipes_are_customer_errors(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "train_0"
    path.write_bytes(content)
    source = PipeSource(TrainingChannel("train", tmp_path / "train", mode="Pipe"))
    with pytest.raises(CustomerError, match=message):
        list(source.epoch(0))


def test_pipe_that_never_comes_is_an_error_in_the_end(tmp_path: Path) -> None:
    source = PipeSource(TrainingChannel("train", tmp_path / "train", mode="Pipe"), patience_s=0)
    with pytest.raises(CustomerError, match="train_0 did not appear"):
        list(source.epoch(0))
