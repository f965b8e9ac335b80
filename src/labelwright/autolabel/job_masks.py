"""Semantic segmentation: a small network on frozen feature maps."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_features import FeatureMaps, view_of
from labelwright.autolabel.job_nets import MASK_STRIDE, MaskNet, mask_loss
from labelwright.autolabel.job_picture_quality import SPREAD
from labelwright.autolabel.job_pictures import Pictures, split_holdout
from labelwright.autolabel.job_quality import mask_quality
from labelwright.autolabel.job_regions import RegionRule
from labelwright.autolabel.job_trainers import Hints, Predictions
from labelwright.autolabel.job_training import Seen, load_weights, save_weights, seen_in_views, train_on_maps
from labelwright.autolabel.job_trunks import STRIDES, trunk_for
from labelwright.autolabel.queries import choose_queries
from labelwright.core.limits import IMAGE_FORMATS
from labelwright.errors import InvalidRequest
from labelwright.work import report_progress

__all__ = ["MaskTrainer"]

_MODEL, _ABOUT = "segmenter.pt", "about.json"
_IGNORED = 255
_CHUNK = 8
_WEIGHT_MOST = 8.0  # of a rare class against the average one


class MaskTrainer:
    """`Trainer` of semantic segmentation.

    Parameters
    ----------
    content : Mapping
        The program's input; ``palette`` gives the colours of the classes, background first, as ``#rrggbb``.
    folder : Path
    """

    def __init__(self, content: Mapping[str, Any], folder: Path) -> None:
        self._content = content
        self._folder = folder
        self._attribute = content["label_attribute_name"]
        self._n_classes = len(content["labels"]) + 1
        self._seed = int(content["seed"]) % (1 << 31)
        self._pictures = Pictures(content)
        self._palette = _palette_bytes(content["palette"])
        self._colors = np.array(_rgb(content["palette"]), np.int64)  # (n_classes, 3)
        trunk = trunk_for(content.get("weights"))
        self._features = FeatureMaps(content, folder, self._pictures, trunk, STRIDES)
        self._fits = {"trunk": trunk.key, "n_classes": self._n_classes}
        self._net: MaskNet | None = None
        self._rule = RegionRule(np.zeros(self._n_classes))
        self._held: list[int] = []  # numbers of objects that the network was not trained on
        self._learned: list[int] = []  # and of those that it was
        self.spread = SPREAD
        self.n_seen = self._n_learned = 0
        torch.set_num_threads(int(content.get("n_threads") or 1))

    def load(self, folder: Path, *, is_own: bool) -> None:
        """Begin from an earlier network; one that was made for other features is left aside."""
        net = MaskNet(self._features.channels, self._n_classes)
        if not load_weights(folder / _MODEL, net, self._fits):
            return
        self._net = net
        about = json.loads((folder / _ABOUT).read_text())
        self._rule = RegionRule.from_dict(about["rule"])
        self.spread = float(about["spread"])
        if is_own:
            self._held, self._learned = about["held"], about["learned"]
        if not is_own:
            self.n_seen = int(about["n_seen"])

    def save(self, folder: Path) -> None:
        """Write network and calibration."""
        save_weights(folder / _MODEL, self._need(), self._fits)
        about = {
            "rule": self._rule.as_dict(),
            "spread": self.spread,
            "held": self._held,
            "learned": self._learned,
            "n_seen": self.n_seen + self._n_learned,
        }
        (folder / _ABOUT).write_text(json.dumps(about))

    def fit(self, objects: Objects, hints: Hints) -> dict[str, float]:
        """Train on four fifths; learn from the rest what to make of the scores, and what to expect."""
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
        scores: list[Tensor] = []
        truths: list[NDArray[np.uint8]] = []
        is_random: list[bool] = []
        for start in range(0, len(held), _CHUNK):
            part = held[start : start + _CHUNK]
            for i, (found, size) in zip(part.tolist(), self._scores(objects, part), strict=True):
                truth = self._truth(objects.line(i))
                if found is not None and truth is not None and truth.shape == size:
                    scores.append(found.half())
                    truths.append(truth)
                    is_random.append(bool(hints.is_random[i]))
        if not scores:
            self._rule = RegionRule(np.zeros(self._n_classes))
            return {"n_training": float(n_read), "training-accuracy": math.nan}
        self._rule, qualities = RegionRule.fit(scores, truths, np.array(is_random))
        self.spread = self._rule.spread
        return {"n_training": float(n_read), "training-accuracy": float(qualities.mean())}

    def predict(self, objects: Objects) -> Predictions:
        """A mask file for every picture, and the quality to expect of it."""
        masks = self._folder / "masks"
        masks.mkdir(exist_ok=True)
        confidences = np.full(len(objects), np.nan)
        labels: list[Any] = [None] * len(objects)
        for start in range(0, len(objects), _CHUNK):
            part = np.arange(start, min(start + _CHUNK, len(objects)))
            for i, (scores, size) in zip(part.tolist(), self._scores(objects, part), strict=True):
                if scores is None:
                    continue
                mask, confidences[i] = self._rule.mask(scores, size)
                labels[i] = f"masks/{int(objects.ids[i])}.png"
                (self._folder / labels[i]).write_bytes(self._png(mask))
            report_progress(self._folder, "predicting", done=start + len(part), of=len(objects))
        return Predictions(objects.ids, confidences, labels, confidences)

    def qualities(self, objects: Objects, labels: Sequence[Any]) -> NDArray[np.float64]:
        """Mean overlap of the classes of every object; 0 where people's mask cannot be compared."""
        values = []
        for line, name in zip(objects.lines(), labels, strict=True):
            truth = self._truth(line)
            mask = self._mask_file(name)
            is_comparable = truth is not None and truth.shape == mask.shape
            values.append(mask_quality(mask, truth) if truth is not None and is_comparable else 0.0)
        return np.array(values, np.float64)

    def queries(self, objects: Objects, predictions: Predictions, n: int, *, seed: int) -> NDArray[np.int64]:
        """Those of which least is expected, and some at random."""
        usable = np.flatnonzero(~np.isnan(predictions.confidences))
        return usable[choose_queries(predictions.confidences[usable], None, n, seed=seed)]

    def _need(self) -> MaskNet:
        if self._net is None:
            raise InvalidRequest(
                "There is no model for these features yet; when the operator's weights have changed, an "
                "earlier model cannot be used.",
                field="model",
            )
        return self._net

    def _mask_file(self, name: str) -> NDArray[np.uint8]:
        path = self._folder / name
        if not path.exists() and self._content.get("previous"):
            path = Path(self._content["previous"]) / name
        with Image.open(path, formats=IMAGE_FORMATS) as image:
            return np.asarray(image)

    def _png(self, mask: NDArray[np.uint8]) -> bytes:
        image = Image.fromarray(mask, "L").convert("L")
        image = Image.frombytes("P", image.size, image.tobytes())
        image.putpalette(self._palette)
        out = io.BytesIO()
        image.save(out, "PNG")
        return out.getvalue()

    def _truth(self, line: Mapping[str, Any]) -> NDArray[np.uint8] | None:
        """People's mask as class indices: those of a palette as they are, colours by the nearest class."""
        content = self._pictures.bytes_of(str(line[self._attribute]))
        if content is None:
            return None
        try:
            with Image.open(io.BytesIO(content), formats=IMAGE_FORMATS) as image:
                if image.mode in ("P", "L"):
                    mask = np.asarray(image).copy()
                    mask[(mask >= self._n_classes) & (mask != _IGNORED)] = 0
                    return np.where(mask == _IGNORED, 0, mask).astype(np.uint8)
                pixels = np.asarray(image.convert("RGB")).astype(np.int64)
        except (OSError, ValueError, Image.DecompressionBombError):
            return None
        distances = ((pixels[:, :, None, :] - self._colors) ** 2).sum(axis=3)  # (height, width, n_classes)
        nearest: NDArray[np.uint8] = distances.argmin(axis=2).astype(np.uint8)
        return nearest

    def _train(self, objects: Objects, kept: NDArray[np.int64]) -> int:
        """Train on pictures and their masks; how many pictures there were."""
        limit_s = float(self._content["training_s"])
        seen = seen_in_views(self._features, objects, kept, limit_s=limit_s)
        targets = self._targets(objects, seen)
        seen = [item for item in seen if item in targets]
        n_pictures = len({item.position for item in seen})
        if n_pictures < 2:
            raise InvalidRequest("Too few masks fit their pictures to train from.", field="training")
        torch.manual_seed(self._seed)
        net = MaskNet(self._features.channels, self._n_classes)
        if self._net is not None:
            net.load_state_dict(self._net.state_dict())
        else:
            some = np.stack([self._features.stored(objects, 0)[item.number] for item in seen[:32]])
            net.standardize(self._features.maps(some))
        counts = torch.zeros(self._n_classes)
        for target in targets.values():
            counts += torch.from_numpy(np.bincount(target.ravel(), minlength=self._n_classes)).float()
        # Rare classes count more, within bounds: the quality is a mean over classes.
        weights = (counts.sum() / (counts + 1)).sqrt() * (counts > 0)
        weights = (weights / weights[counts > 0].mean()).clamp(max=_WEIGHT_MOST)

        def loss_of(maps: list[Tensor], batch: Sequence[Seen]) -> Tensor:
            truth = np.stack([targets[item] for item in batch]).astype(np.int64)
            return mask_loss(net(maps), torch.from_numpy(truth), weights)

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
        return n_pictures

    def _targets(self, objects: Objects, seen: Sequence[Seen]) -> dict[Seen, NDArray[np.uint8]]:
        """Class indices of the places of the finest map, in every view; without masks that do not fit."""
        height, width = (side // MASK_STRIDE for side in self._features.canvas(objects))
        views: dict[int, list[Seen]] = {}
        for item in seen:
            views.setdefault(item.position, []).append(item)
        sizes = self._features.sizes(objects, np.arange(len(objects)))
        targets = {}
        for position, items in views.items():
            truth = self._truth(objects.line(position))
            if truth is None or truth.shape != tuple(sizes[position].tolist()):
                continue
            image = Image.fromarray(truth)
            for item in items:
                left, top, right, bottom, is_mirrored = view_of(item.number, item.i_view, seed=self._seed)
                box = (left * image.width, top * image.height, right * image.width, bottom * image.height)
                small = np.asarray(image.resize((width, height), Image.Resampling.NEAREST, box=box))
                targets[item] = small[:, ::-1].copy() if is_mirrored else small
        return targets

    @torch.inference_mode()
    def _scores(
        self, objects: Objects, chosen: NDArray[np.int64]
    ) -> list[tuple[Tensor | None, tuple[int, int]]]:
        """Class scores (n_classes, h, w) of every picture and its size; None where it cannot be read."""
        rows, is_usable = self._features.rows(objects, chosen)
        sizes = self._features.sizes(objects, chosen).tolist()
        scores = self._need()(self._features.maps(rows))
        return [
            (scores[k] if is_usable[k] else None, (int(height), int(width)))
            for k, (height, width) in enumerate(sizes)
        ]


def _rgb(palette: Sequence[str]) -> list[tuple[int, int, int]]:
    return [(int(c[1:3], 16), int(c[3:5], 16), int(c[5:7], 16)) for c in palette]


def _palette_bytes(palette: Sequence[str]) -> list[int]:
    colors = _rgb(palette) + [(255, 255, 255)] * (256 - len(palette))
    return [value for color in colors for value in color]
