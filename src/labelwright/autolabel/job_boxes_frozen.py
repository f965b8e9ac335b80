"""Finding boxes without pretrained weights: a small network on the maps of fixed filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelwright.autolabel.job_boxes_finding import LEAST_SCORE, Found, found_boxes, labeled_boxes, no_model
from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_features import FeatureMaps, view_of
from labelwright.autolabel.job_nets import BOX_STRIDE, BoxNet, box_loss, decode_boxes
from labelwright.autolabel.job_pictures import Pictures
from labelwright.autolabel.job_training import Seen, load_weights, save_weights, seen_in_views, train_on_maps
from labelwright.autolabel.job_trunks import trunk_for

__all__ = ["FrozenFinder"]

_MODEL = "detector.pt"
_STRIDES = (8, 16, 32)
_CHUNK = 32
_LEAST_SIDE, _LEAST_LEFT = 3.0, 0.35  # canvas pixels, and share of a box that a cut must leave


class FrozenFinder:
    """`BoxFinder` on feature maps that are computed once for all iterations of a job.

    Parameters
    ----------
    content : Mapping
        The program's input.
    folder : Path
    pictures : Pictures
    seed : int
    """

    def __init__(self, content: Mapping[str, Any], folder: Path, pictures: Pictures, *, seed: int) -> None:
        self._content = content
        self._folder = folder
        self._seed = seed
        self._n_classes = len(content["labels"])
        trunk = trunk_for(content.get("weights"))
        self._features = FeatureMaps(content, folder, pictures, trunk, _STRIDES)
        self._fits = {"trunk": trunk.key, "n_classes": self._n_classes}
        self._net: BoxNet | None = None

    def load(self, folder: Path) -> bool:
        """Begin from an earlier network."""
        net = BoxNet(self._features.channels, self._n_classes)
        if not load_weights(folder / _MODEL, net, self._fits):
            return False
        self._net = net
        return True

    def save(self, folder: Path) -> None:
        """Write the network."""
        save_weights(folder / _MODEL, self._need(), self._fits)

    def _need(self) -> BoxNet:
        if self._net is None:
            raise no_model()
        return self._net

    def train(self, objects: Objects, kept: NDArray[np.int64]) -> int:
        """Train on pictures and their boxes; how many pictures there were."""
        attribute = self._content["label_attribute_name"]
        limit_s = float(self._content["training_s"])
        seen = seen_in_views(self._features, objects, kept, limit_s=limit_s)
        height, width = self._features.canvas(objects)
        sizes = self._features.sizes(objects, np.arange(len(objects)))
        truths = {
            i: np.array(labeled_boxes(objects.line(i)[attribute]), np.float32).reshape(-1, 5)
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
    def candidates(
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

    def boxes(
        self, candidates: tuple[Tensor, Tensor, tuple[int, int]] | None, overlap: float
    ) -> Found | None:
        """Boxes in pixels of the picture, best first."""
        if candidates is None:
            return None
        scores, corners, (width, height) = candidates
        found = decode_boxes(scores[None], corners[None], least_score=LEAST_SCORE, overlap_most=overlap)
        scale_x = width / (BOX_STRIDE * scores.shape[2])
        scale_y = height / (BOX_STRIDE * scores.shape[1])
        corners_px = found[0][0] * torch.tensor([scale_x, scale_y, scale_x, scale_y])
        rows = zip(corners_px.tolist(), found[0][1].tolist(), found[0][2].tolist(), strict=True)
        return found_boxes(rows, width, height)
