"""Finding boxes with pretrained weights: the single-shot detector of the training jobs, fine-tuned.

All of it learns, not only what lies on top: on real pictures that is worth more than the time it costs. A
later iteration goes on from the network of the one before.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.ops import batched_nms

from labelwright.autolabel.features.backbone import load_backbone
from labelwright.autolabel.job_boxes_finding import LEAST_SCORE, Found, found_boxes, labeled_boxes, no_model
from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_pictures import Pictures
from labelwright.autolabel.job_training import load_weights, save_weights
from labelwright.errors import InvalidRequest
from labelwright.train.object_detection.batches import Batches, changed
from labelwright.train.object_detection.crops import Cropping
from labelwright.train.object_detection.detecting import best_of_anchors
from labelwright.train.object_detection.labels import LabelRules
from labelwright.train.object_detection.loss import detection_loss
from labelwright.train.object_detection.network import Detector, DetectorShape
from labelwright.train.schedule import one_cycle_schedule
from labelwright.train.toolkit.pictures import decode_picture, resized, stacked
from labelwright.train.toolkit.precision import precision_for
from labelwright.train.toolkit.problems import CustomerError
from labelwright.train.toolkit.samples import EncodedSample, Share
from labelwright.work import report_progress

__all__ = ["DetectorFinder"]

_MODEL = "detector.pt"
_SIDE = 300
_BATCH, _N_EPOCHS, _STEPS_LEAST, _STEPS_MAX = 16, 30, 60, 4000
_LEARNING_RATE, _WEIGHT_DECAY, _NORM_MOST = 1e-3, 5e-4, 10.0
_GOING_ON = 0.4  # of rate and epochs, for a network that has learned before
_CHUNK = 16
_N_BEST = 300


class _Candidates(NamedTuple):
    boxes_xyxy: Tensor  # (k, 4) in pixels
    class_ids: Tensor  # (k,)
    scores: Tensor  # (k,), by falling score
    width: int
    height: int


class DetectorFinder:
    """`BoxFinder` that fine-tunes a detector on MobileNetV2.

    Parameters
    ----------
    content : Mapping
        The program's input; ``weights`` names a state dict of torchvision's ``mobilenet_v2``.
    folder : Path
    pictures : Pictures
    seed : int
    """

    def __init__(self, content: Mapping[str, Any], folder: Path, pictures: Pictures, *, seed: int) -> None:
        self._content = content
        self._folder = folder
        self._pictures = pictures
        self._seed = seed
        self._shape = DetectorShape("mobilenet", len(content["labels"]), _SIDE)
        self._fits = {"network": "ssd-mobilenet", "side": _SIDE, "n_classes": self._shape.n_classes}
        self._precision = precision_for()
        self._net: Detector | None = None

    def load(self, folder: Path) -> bool:
        """Begin from an earlier network."""
        net = Detector(self._shape)
        if not load_weights(folder / _MODEL, net, self._fits):
            return False
        self._net = net
        return True

    def save(self, folder: Path) -> None:
        """Write the network."""
        save_weights(folder / _MODEL, self._need(), self._fits)

    def train(self, objects: Objects, kept: NDArray[np.int64]) -> int:
        """Train for some epochs, or until the time is up; how many pictures there were."""
        source = _Labeled(objects, kept, self._content["label_attribute_name"], self._pictures, self._shape)
        if len(source) < 2:
            raise InvalidRequest(
                "Too few of the labeled pictures can be read to train from; check that they exist and are "
                "JPEG or PNG files.",
                field="training",
            )
        torch.manual_seed(self._seed)
        net, scale = self._net, _GOING_ON
        if net is None:
            net, scale = Detector(self._shape), 1.0
            state = load_backbone(Path(self._content["weights"])).state_dict()
            net.base.take_pretrained({f"features.{name}": value for name, value in state.items()})
        net.fix_norms([], whole_base=True)
        self._precision.put(net)
        rules = LabelRules(self._shape.n_classes, label_width=1 << 30)
        self._run(net, Batches(source, rules, side_px=_SIDE, seed=self._seed), len(source), scale)
        self._net = net
        return len(source)

    def _run(self, net: Detector, batches: Batches, n_samples: int, scale: float) -> None:
        limit_s = float(self._content["training_s"])
        size = min(_BATCH, n_samples)
        n_steps = int(np.clip(scale * _N_EPOCHS * n_samples / size, scale * _STEPS_LEAST, _STEPS_MAX))
        optimizer = torch.optim.AdamW(net.parameters(), lr=scale * _LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
        scheduler = one_cycle_schedule(optimizer, n_steps=n_steps, time_limit_s=limit_s)
        generator = torch.Generator().manual_seed(self._seed)
        ends_at = time.monotonic() + limit_s
        step = epoch = 0
        net.train()
        while step < n_steps and time.monotonic() < ends_at:
            for batch in batches.training(epoch, size=size, share=Share(), cropping=Cropping()):
                item = changed(batch, self._precision.pictures(batch.pictures), generator)
                with self._precision.autocast():
                    scores, offsets = net(item.pictures)
                entropy, distance = detection_loss(
                    scores.float(),
                    offsets.float(),
                    net.anchors,
                    item.boxes_xyxy.to(scores.device),
                    item.class_ids.to(scores.device),
                )
                loss = entropy + distance
                if not torch.isfinite(loss):
                    raise InvalidRequest(
                        f"The training diverged at step {step}: its loss is no longer a number.",
                        field="training",
                    )
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call,unused-ignore]
                nn.utils.clip_grad_norm_(net.parameters(), _NORM_MOST)
                optimizer.step()
                scheduler.step()
                step += 1
                if step % 20 == 0:
                    report_progress(
                        self._folder, "training", step=step, of=n_steps, loss=float(loss.detach())
                    )
                if step >= n_steps or time.monotonic() > ends_at:
                    break
            epoch += 1
        net.eval()

    @torch.inference_mode()
    def candidates(self, objects: Objects, chosen: NDArray[np.int64]) -> list[_Candidates | None]:
        """The best boxes of every picture."""
        net = self._need()
        net.eval()
        found: list[_Candidates | None] = [None] * len(chosen)
        for start in range(0, len(chosen), _CHUNK):
            read: list[tuple[int, NDArray[np.uint8], int, int]] = []
            for place in range(start, min(start + _CHUNK, len(chosen))):
                pixels = self._pixels(objects.line(int(chosen[place])))
                if pixels is not None:
                    read.append((place, *pixels))
            if not read:
                continue
            pictures = self._precision.pictures(stacked([pixels for _, pixels, _, _ in read]))
            with self._precision.autocast():
                scores, offsets = net(pictures)
            probability, class_ids, boxes = best_of_anchors(scores, offsets, net.anchors)
            value, anchor = probability.topk(min(_N_BEST, probability.shape[1]), dim=1)
            for k, (place, _, width, height) in enumerate(read):
                mine = anchor[k][value[k] >= LEAST_SCORE]
                sides = torch.tensor([width, height, width, height], device=boxes.device)
                found[place] = _Candidates(
                    (boxes[k, mine] * sides).cpu(),
                    class_ids[k, mine].cpu(),
                    value[k, : len(mine)].cpu(),
                    width,
                    height,
                )
        return found

    def boxes(self, candidates: _Candidates | None, overlap: float) -> Found | None:
        """Boxes in pixels of the picture, best first."""
        if candidates is None:
            return None
        boxes, class_ids, scores, width, height = candidates
        kept = batched_nms(boxes, scores, class_ids, overlap)
        rows = zip(boxes[kept].tolist(), class_ids[kept].tolist(), scores[kept].tolist(), strict=True)
        return found_boxes(rows, width, height)

    def _need(self) -> Detector:
        if self._net is None:
            raise no_model()
        return self._net

    def _pixels(self, line: Mapping[str, Any]) -> tuple[NDArray[np.uint8], int, int] | None:
        content = self._pictures.of_line(line)
        if content is None:
            return None
        try:
            pixels, width, height = decode_picture(content, "", enough_px=(_SIDE, _SIDE))
        except CustomerError:
            return None
        return resized(pixels, (_SIDE, _SIDE)), width, height


class _Labeled:
    """`SampleSource` of the labeled pictures that can be read."""

    can_revisit = True

    def __init__(
        self,
        objects: Objects,
        chosen: NDArray[np.int64],
        attribute: str,
        pictures: Pictures,
        shape: DetectorShape,
    ) -> None:
        self._objects, self._attribute, self._pictures = objects, attribute, pictures
        self._n_classes = shape.n_classes
        self._usable = [int(i) for i in chosen if self._is_readable(int(i))]
        self.n_samples: int | None = len(self._usable)

    def __len__(self) -> int:
        return len(self._usable)

    def epoch(
        self,
        epoch: int,
        *,
        seed: int | None = None,
        share: Share = Share(),  # noqa: B008 - frozen
    ) -> Iterator[EncodedSample]:
        """The pictures in an order that seed and epoch decide."""
        order = np.arange(len(self))
        if seed is not None:
            order = np.random.default_rng([seed, epoch]).permutation(len(self))
        for place in order.tolist():
            line = self._objects.line(self._usable[place])
            content = self._pictures.of_line(line)
            if content is not None:
                yield EncodedSample(content, self._label(line), line.get("source-ref", ""), place)

    def _label(self, line: Mapping[str, Any]) -> bytes:
        """The label with the boxes of known classes only; an earlier job may have had more classes."""
        label = line[self._attribute]
        kept = [
            {"class_id": int(class_id), "left": left, "top": top, "width": width, "height": height}
            for class_id, left, top, width, height in labeled_boxes(label)
            if 0 <= class_id < self._n_classes
        ]
        return json.dumps({"image_size": label.get("image_size"), "annotations": kept}).encode()

    def _is_readable(self, i: int) -> bool:
        content = self._pictures.of_line(self._objects.line(i))
        if content is None:
            return False
        try:
            decode_picture(content, "", enough_px=(1, 1))
        except CustomerError:
            return False
        return True
