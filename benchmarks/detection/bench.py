"""Speed of the object detector beside torchvision's SSD at its defaults: CPU time for each picture.

From encoded pictures (640 x 480, BCCD) on both sides, on one thread. Training: decoding, augmentation (ours),
forward, loss, backward, step. Answers: ours from bytes to the JSON of a request through onnxruntime,
torchvision's from bytes to boxes. How good the detectors get is another benchmark, ``detection_accuracy``.

``python -m benchmarks.detection.bench [FOLDER] [BASE,BASE]``
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.detection import peer
from benchmarks.report import Report
from benchmarks.training import data_folder, lines_of, local
from labelwright import recordio
from labelwright.inference import load_predictor
from labelwright.train.object_detection.batches import Batches
from labelwright.train.object_detection.crops import Cropping
from labelwright.train.object_detection.detecting import Suppression
from labelwright.train.object_detection.export import export_onnx
from labelwright.train.object_detection.labels import LabelRules
from labelwright.train.object_detection.loop import Channels, Training
from labelwright.train.object_detection.network import Detector, DetectorShape
from labelwright.train.toolkit.artifact import write_artifact
from labelwright.train.toolkit.checkpoints import Checkpoints
from labelwright.train.toolkit.distributed import Processes
from labelwright.train.toolkit.environment import Environment
from labelwright.train.toolkit.log import JobLog
from labelwright.train.toolkit.optimizers import build_optimizer
from labelwright.train.toolkit.precision import precision_for
from labelwright.train.toolkit.samples import RecordSource, Share
from labelwright.train.toolkit.stopping import StopWish

N_CLASSES = 3
BATCH = 8
N_BATCHES = {"mobilenet": 4, "resnet-50": 2, "vgg-16": 1}
VALUES: dict[str, Any] = {
    "kv_store": "device",
    "epochs": 1,
    "early_stopping": False,
    "mini_batch_size": BATCH,
    "nms_threshold": 0.45,
    "nms_topk": 400,
    "early_stopping_min_epochs": 1,
    "early_stopping_patience": 1,
    "early_stopping_tolerance": 0.0,
    "learning_rate": 0.001,
    "lr_scheduler_step": (),
    "lr_scheduler_factor": 0.1,
    "num_training_samples": 100,
}


def cpu_ms(act: Callable[[], object], n_pictures: int) -> float:
    """CPU milliseconds a picture of the better of two goes, after one to warm up."""
    act()
    found = []
    for _ in range(2):
        started = time.process_time()
        act()
        found.append((time.process_time() - started) / n_pictures * 1000)
    return min(found)


def pack(folder: Path, path: Path, n_pictures: int) -> list[tuple[bytes, torch.Tensor, torch.Tensor]]:
    """The first pictures of the set as records; their bytes, boxes in pixels and class ids."""
    found = []
    with recordio.RecordWriter(path) as writer:
        for i, line in enumerate(lines_of(folder, "train")[:n_pictures]):
            label = line["bounding-box"]
            width, height = label["image_size"][0]["width"], label["image_size"][0]["height"]
            rows = [
                (a["class_id"], a["left"], a["top"], a["left"] + a["width"], a["top"] + a["height"])
                for a in label["annotations"]
            ]
            boxes = torch.tensor([row[1:] for row in rows], dtype=torch.float32)
            shares = boxes / torch.tensor([width, height, width, height])
            ids = torch.tensor([row[0] for row in rows])
            image = local(folder, line["source-ref"]).read_bytes()
            label_row = recordio.encode_boxes(torch.cat([ids[:, None], shares], dim=1).numpy())
            writer.write(recordio.pack(recordio.IRHeader(0, label_row, i), image))
            found.append((image, boxes, ids))
    return found


def our_training(model: Detector, records: Path) -> Callable[[], object]:
    """An epoch of the real loop."""
    precision = precision_for()
    precision.put(model)
    batches = Batches(RecordSource(records), LabelRules(N_CLASSES), side_px=300, cache_bytes=0)
    training = Training(
        model,
        build_optimizer("sgd", model.parameters(), learning_rate=0.001, momentum=0.9, weight_decay=5e-4),
        VALUES,
        Channels(batches, batches, Share(), Share()),
        processes=Processes(Environment(Path(), {}, {}), 0, 1, 0, 1),
        precision=precision,
        checkpoints=Checkpoints(None, {}),
        log=JobLog(is_quiet=True),
        cropping=Cropping(),
    )
    return lambda: training._train_epoch(0, StopWish())


def our_answers(model: Detector, bodies: list[bytes], folder: Path) -> Callable[[], object]:
    """Requests in batches, through the model folder."""
    write_artifact(
        folder,
        algorithm="object-detection",
        hyperparameters={},
        network={},
        classes=None,
        image_shape=[3, 300, 300],
        final_metrics={},
        weights={},
    )
    export_onnx(model, folder / "model.onnx", Suppression())
    predictor = load_predictor(folder)
    return lambda: predictor.predict_many(bodies, "image/jpeg", None)


def main() -> None:
    """All rows."""
    torch.set_num_threads(1)
    folder = data_folder("bccd", sys.argv[1] if len(sys.argv) > 1 else None)
    bases = sys.argv[2].split(",") if len(sys.argv) > 2 else list(N_BATCHES)
    report = Report("detection", "torchvision SSD")
    with tempfile.TemporaryDirectory() as scratch:
        for base in bases:
            records = Path(scratch) / f"{base}.rec"
            n_pictures = BATCH * N_BATCHES[base]
            samples = pack(folder, records, n_pictures)
            bodies = [image for image, _, _ in samples]
            model = Detector(DetectorShape(base, N_CLASSES))
            # As with pretrained weights; torchvision's bases have frozen norms as well.
            model.fix_norms([], whole_base=True)
            for head in model.class_heads:
                peer.expect_background(head, N_CLASSES + 1)
            training = cpu_ms(our_training(model, records), n_pictures)
            answers = cpu_ms(our_answers(model, bodies, Path(scratch) / base), n_pictures)
            their_training = their_answers = None
            if base != "resnet-50":
                theirs = peer.build(base, N_CLASSES).train()
                for head in theirs.head.classification_head.module_list:
                    peer.expect_background(head, N_CLASSES + 1)
                optimizer = torch.optim.SGD(theirs.parameters(), lr=0.001, momentum=0.9, weight_decay=5e-4)

                def epoch(theirs=theirs, optimizer=optimizer, samples=samples) -> None:  # type: ignore[no-untyped-def]
                    for i in range(0, len(samples), BATCH):
                        part = samples[i : i + BATCH]
                        peer.step(
                            theirs,
                            optimizer,
                            peer.pictures([image for image, _, _ in part]),
                            peer.targets([boxes for _, boxes, _ in part], [ids for _, _, ids in part]),
                        )

                their_training = cpu_ms(epoch, n_pictures)
                theirs.eval()

                def detect(theirs=theirs, bodies=bodies) -> None:  # type: ignore[no-untyped-def]
                    with torch.inference_mode():
                        for i in range(0, len(bodies), BATCH):
                            theirs(peer.pictures(bodies[i : i + BATCH]))

                their_answers = cpu_ms(detect, n_pictures)
            report.row(f"training, {base}", "CPU ms/picture", training, their_training)
            report.row(f"answers, {base}", "CPU ms/picture", answers, their_answers)
    report.note(f"300 x 300, batches of {BATCH}, one thread, {precision_for().dtype} (ours in training).")
    report.note("torchvision has no SSD with resnet-50.")
    report.finish()


if __name__ == "__main__":
    main()
