"""Mean average precision of the detector on a channel."""

from __future__ import annotations

import torch

from labelwright.train.evaluate import Boxes, DetectionScores, evaluate_detections
from labelwright.train.object_detection.batches import Batches
from labelwright.train.object_detection.detecting import Suppression, detections
from labelwright.train.object_detection.network import Detector
from labelwright.train.toolkit.distributed import Processes
from labelwright.train.toolkit.precision import Precision
from labelwright.train.toolkit.samples import Share

__all__ = ["evaluate"]


@torch.no_grad()
def evaluate(
    model: Detector,
    batches: Batches,
    *,
    epoch: int,
    batch_size: int,
    share: Share,
    precision: Precision,
    suppression: Suppression,
    overlap_threshold: float,
    processes: Processes,
) -> DetectionScores:
    """Detect in all pictures and compare; every process gets the result for all of them."""
    was_training = model.training
    model.eval()
    found: list[Boxes] = []
    true: list[Boxes] = []
    for batch in batches.validation(epoch, size=batch_size, share=share):
        with precision.autocast():
            scores, offsets = model(precision.pictures(batch.pictures))
        found += detections(scores, offsets, model.anchors, suppression)
        for boxes, class_ids in zip(batch.boxes_xyxy.numpy(), batch.class_ids.numpy(), strict=True):
            is_box = class_ids >= 0
            true.append(Boxes.true(boxes[is_box], class_ids[is_box]))
    model.train(was_training)
    parts = processes.gather((found, true))
    return evaluate_detections(
        [boxes for part, _ in parts for boxes in part],
        [boxes for _, part in parts for boxes in part],
        n_classes=model.shape.n_classes,
        iou_threshold=overlap_threshold,
    )
