"""Bounding boxes: a small network on frozen feature maps, scores to cut at, and what to expect of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelwright.autolabel.job_box_rule import BoxRule
from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_features import FeatureMaps, view_of
from labelwright.autolabel.job_nets import BOX_STRIDE, BoxNet, box_loss, decode_boxes
from labelwright.autolabel.job_picture_quality import SPREAD
from labelwright.autolabel.job_pictures import Pictures, split_holdout
from labelwright.autolabel.job_quality import box_quality
from labelwright.autolabel.job_trainers import Hints, Predictions
from labelwright.autolabel.job_training import Seen, load_weights, save_weights, seen_in_views, train_on_maps
from labelwright.autolabel.job_trunks import trunk_for
from labelwright.autolabel.queries import choose_queries
from labelwright.errors import InvalidRequest
from labelwright.work import report_progress

__all__ = ["BoxTrainer"]

_MODEL, _ABOUT = "detector.pt", "about.json"
_OVERLAPS = (0.3, 0.4, 0.5, 0.6)  # boxes of one class that overlap more are taken for the same
_LEAST_SCORE = 0.05
_STRIDES = (8, 16, 32)
_CHUNK = 32
_LEAST_SIDE, _LEAST_LEFT = 3.0, 0.35  # canvas pixels, and share of a box that a cut must leave

_Found = list[list[float]]


class BoxTrainer:
    """`Trainer` of bounding boxes.

    Parameters
    ----------
    content : Mapping
        The program's input.
    folder : Path
    """

    def __init__(self, content: Mapping[str, Any], folder: Path) -> None:
        self._content = content
        self._folder = folder
        self._attribute = content["label_attribute_name"]
        self._n_classes = len(content["labels"])
        self._seed = int(content["seed"]) % (1 << 31)
        self._pictures = Pictures(content)
        trunk = trunk_for(content.get("weights"))
        self._features = FeatureMaps(content, folder, self._pictures, trunk, _STRIDES)
        self._fits = {"trunk": trunk.key, "n_classes": self._n_classes}
        self._net: BoxNet | None = None
        self._rule, self._overlap = BoxRule.untaught(self._n_classes), 0.5
        self._held: list[int] = []  # numbers of objects that the network was not trained on
        self._learned: list[int] = []  # and of those that it was
        self.spread = SPREAD
        self.n_seen = self._n_learned = 0
        torch.set_num_threads(int(content.get("n_threads") or 1))

    def load(self, folder: Path, *, is_own: bool) -> None:
        """Begin from an earlier network; one that was made for other features is left aside."""
        net = BoxNet(self._features.channels, self._n_classes)
        if not load_weights(folder / _MODEL, net, self._fits):
            return
        self._net = net
        about = json.loads((folder / _ABOUT).read_text())
        self._rule, self._overlap = BoxRule.from_dict(about["rule"]), float(about["overlap"])
        self.spread = float(about["spread"])
        if is_own:
            self._held, self._learned = about["held"], about["learned"]
        if not is_own:
            self.n_seen = int(about["n_seen"])

    def save(self, folder: Path) -> None:
        """Write network, rule and what was learned from."""
        save_weights(folder / _MODEL, self._need(), self._fits)
        about = {
            "rule": self._rule.as_dict(),
            "overlap": self._overlap,
            "spread": self.spread,
            "held": self._held,
            "learned": self._learned,
            "n_seen": self.n_seen + self._n_learned,
        }
        (folder / _ABOUT).write_text(json.dumps(about))

    def fit(self, objects: Objects, hints: Hints) -> dict[str, float]:
        """Train on four fifths; learn from the rest which boxes count, and what to expect."""
        kept, held = split_holdout(
            objects,
            seed=self._seed,
            is_random=hints.is_random,
            held_before=self._held,
            learned_before=self._learned,
        )
        self._n_learned = len(objects)
        n_read = self._train(objects, kept)
        self._held = objects.ids[held].tolist()
        self._learned = sorted({*self._learned, *objects.ids[kept].tolist()})
        scores = self._scores(objects, held)
        truths = [_truth(objects.line(int(i))[self._attribute]) for i in held]
        best = -1.0
        for overlap in _OVERLAPS:
            found = [self._boxes(item, overlap) for item in scores]
            seen = [(item[0], truth) for item, truth in zip(found, truths, strict=True) if item is not None]
            is_seen = np.array([item is not None for item in found], np.bool_)
            rule, qualities = BoxRule.fit(
                [boxes for boxes, _ in seen],
                [truth for _, truth in seen],
                self._n_classes,
                hints.is_random[held][is_seen],
            )
            mean = float(qualities.mean()) if seen else 0.0
            if mean > best:
                best, self._rule, self._overlap = mean, rule, overlap
                self.spread = self._rule.spread
        return {
            "n_training": float(n_read),
            "box-cut": float(np.mean(self._rule.cuts)),
            "training-accuracy": best,
        }

    def predict(self, objects: Objects) -> Predictions:
        """Boxes at or above the cut of their class, and the quality to expect of them."""
        confidences = np.full(len(objects), np.nan)
        labels: list[Any] = [None] * len(objects)
        for start in range(0, len(objects), _CHUNK):
            part = np.arange(start, min(start + _CHUNK, len(objects)))
            for i, maps in zip(part.tolist(), self._scores(objects, part), strict=True):
                item = self._boxes(maps, self._overlap)
                if item is not None:
                    boxes, confidences[i] = self._rule.boxes(item[0])
                    labels[i] = {"size": list(item[1]), "boxes": boxes}
            report_progress(self._folder, "predicting", done=start + len(part), of=len(objects))
        return Predictions(objects.ids, confidences, labels, confidences)

    def qualities(self, objects: Objects, labels: Sequence[Any]) -> NDArray[np.float64]:
        """Mean overlap per class, then over classes, of every object."""
        truths = (_truth(value) for value in objects.labels(self._attribute))
        return np.array(
            [box_quality(label["boxes"], truth) for label, truth in zip(labels, truths, strict=True)],
            np.float64,
        )

    def queries(self, objects: Objects, predictions: Predictions, n: int, *, seed: int) -> NDArray[np.int64]:
        """Those of which least is expected, and some at random."""
        usable = np.flatnonzero(~np.isnan(predictions.confidences))
        return usable[choose_queries(predictions.confidences[usable], None, n, seed=seed)]

    def _need(self) -> BoxNet:
        if self._net is None:
            raise InvalidRequest(
                "There is no model for these features yet; when the operator's weights have changed, an "
                "earlier model cannot be used.",
                field="model",
            )
        return self._net

    def _train(self, objects: Objects, kept: NDArray[np.int64]) -> int:
        """Train on pictures and their boxes; how many pictures there were."""
        limit_s = float(self._content["training_s"])
        seen = seen_in_views(self._features, objects, kept, limit_s=limit_s)
        height, width = self._features.canvas(objects)
        sizes = self._features.sizes(objects, np.arange(len(objects)))
        truths = {
            i: np.array(_truth(objects.line(i)[self._attribute]), np.float32).reshape(-1, 5)
            for i in {item.position for item in seen}
        }
        targets = {item: self._target(item, truths[item.position], sizes, (height, width)) for item in seen}
        torch.manual_seed(self._seed)
        net = BoxNet(self._features.channels, self._n_classes)
        if self._net is not None:
            net.load_state_dict(self._net.state_dict())
        else:
            some = np.stack([self._features.stored(objects, 0)[item.number] for item in seen[:32]])
            net.fusion.standardize(self._features.maps(some))
            sides = torch.cat([(boxes[:, 2:] - boxes[:, :2]).flatten() for boxes, _ in targets.values()])
            if len(sides):
                net.base.copy_(sides.clamp(min=1).log().mean().exp() / 2)

        def loss_of(maps: list[Tensor], batch: Sequence[Seen]) -> Tensor:
            scores, corners = net(maps)
            return box_loss(
                scores, corners, [targets[item][0] for item in batch], [targets[item][1] for item in batch]
            )

        train_on_maps(
            net,
            loss_of,
            self._features,
            objects,
            seen,
            seed=self._seed,
            limit_s=limit_s,
            folder=self._folder,
            start_scale=1.0 if self._net is None else 0.5,
        )
        self._net = net
        return len(truths)

    def _target(
        self, item: Seen, truth: NDArray[np.float32], sizes: NDArray[np.int32], canvas: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Corners in canvas pixels and classes of the boxes that a view shows."""
        left, top, right, bottom, is_mirrored = view_of(item.number, item.i_view, seed=self._seed)
        height, width = (float(value) for value in sizes[item.position])
        corners = np.concatenate([truth[:, 1:3], truth[:, 1:3] + truth[:, 3:5]], axis=1)
        x = (corners[:, 0::2] / width - left) / (right - left) * canvas[1]
        y = (corners[:, 1::2] / height - top) / (bottom - top) * canvas[0]
        if is_mirrored:
            x = canvas[1] - x[:, ::-1]
        cut_x, cut_y = x.clip(0, canvas[1]), y.clip(0, canvas[0])
        sides = np.stack([cut_x[:, 1] - cut_x[:, 0], cut_y[:, 1] - cut_y[:, 0]], axis=1)
        area = (x[:, 1] - x[:, 0]) * (y[:, 1] - y[:, 0])
        is_there = (sides.min(axis=1) >= _LEAST_SIDE) & (sides.prod(axis=1) >= _LEAST_LEFT * area)
        is_there &= (truth[:, 0] >= 0) & (truth[:, 0] < self._n_classes)
        boxes = np.stack([cut_x[:, 0], cut_y[:, 0], cut_x[:, 1], cut_y[:, 1]], axis=1)[is_there]
        return torch.from_numpy(boxes.astype(np.float32)), torch.from_numpy(
            truth[is_there, 0].astype(np.int64)
        )

    @torch.inference_mode()
    def _scores(
        self, objects: Objects, chosen: NDArray[np.int64]
    ) -> list[tuple[Tensor, Tensor, tuple[int, int]] | None]:
        """Scores, corners and (width, height) of pictures; None where one cannot be read."""
        net = self._need()
        found: list[tuple[Tensor, Tensor, tuple[int, int]] | None] = []
        for start in range(0, len(chosen), _CHUNK):
            part = chosen[start : start + _CHUNK]
            rows, is_usable = self._features.rows(objects, part)
            scores, corners = net(self._features.maps(rows))
            for k, (height, width) in enumerate(self._features.sizes(objects, part).tolist()):
                found.append((scores[k], corners[k], (width, height)) if is_usable[k] else None)
        return found

    def _boxes(
        self, item: tuple[Tensor, Tensor, tuple[int, int]] | None, overlap: float
    ) -> tuple[_Found, tuple[int, int]] | None:
        """Candidate boxes in pixels of the picture, best first."""
        if item is None:
            return None
        scores, corners, (width, height) = item
        found = decode_boxes(scores[None], corners[None], least_score=_LEAST_SCORE, overlap_most=overlap)
        scale_x = width / (BOX_STRIDE * scores.shape[2])
        scale_y = height / (BOX_STRIDE * scores.shape[1])
        rows: _Found = []
        for (left, top, right, bottom), class_id, score in zip(
            *(part.tolist() for part in found[0]), strict=True
        ):
            left, right = round(max(0.0, left * scale_x)), round(min(float(width), right * scale_x))
            top, bottom = round(max(0.0, top * scale_y)), round(min(float(height), bottom * scale_y))
            if right > left and bottom > top:
                rows.append([class_id, left, top, right - left, bottom - top, round(score, 4)])
        return rows, (width, height)


def _truth(label: Mapping[str, Any]) -> list[list[float]]:
    return [
        [
            int(box["class_id"]),
            float(box["left"]),
            float(box["top"]),
            float(box["width"]),
            float(box["height"]),
        ]
        for box in label["annotations"]
    ]
