"""Semantic segmentation: a small U-shaped network that is trained on the CPU, on pictures scaled down.

References
----------
Ronneberger, Fischer, Brox (2015), U-Net: convolutional networks for biomedical image segmentation, MICCAI,
arXiv:1505.04597; here with fewer channels and depthwise separable convolutions.
"""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_pictures import Pictures, split_holdout
from labelwright.autolabel.job_quality import ExpectedQuality, mask_quality
from labelwright.autolabel.job_trainers import Hints, Predictions
from labelwright.errors import InvalidRequest
from labelwright.train.schedule import one_cycle_schedule
from labelwright.work import report_progress

__all__ = ["MaskTrainer", "SmallSegmenter"]

_MODEL, _ABOUT = "segmenter.pt", "about.json"
_SIDE = 224  # pixels of the longer side that the network sees
_STRIDE = 32
_BATCH, _N_EPOCHS, _STEPS_MAX = 8, 60, 3000
_LEARNING_RATE, _WEIGHT_DECAY = 4e-3, 1e-3
_IGNORED = 255
_WIDTHS = (16, 32, 64, 96, 128)


class _Block(nn.Sequential):
    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(
            nn.Conv2d(n_in, n_in, 3, padding=1, groups=n_in, bias=False),
            nn.Conv2d(n_in, n_out, 1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(n_out, n_out, 3, padding=1, groups=n_out, bias=False),
            nn.Conv2d(n_out, n_out, 1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(inplace=True),
        )


class SmallSegmenter(nn.Module):
    """Pictures (n, 3, h, w) in [0, 1], sides divisible by 32, to class scores (n, n_classes, h, w)."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(5, _WIDTHS[0], 5, stride=2, padding=2)
        self.down = nn.ModuleList(_Block(a, b) for a, b in zip((_WIDTHS[0], *_WIDTHS), _WIDTHS, strict=False))
        self.up = nn.ModuleList(
            _Block(a + b, b) for a, b in zip(_WIDTHS[:0:-1], _WIDTHS[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(_WIDTHS[0], n_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        n, _, height, width = x.shape
        rows = torch.linspace(-1, 1, height).view(1, 1, height, 1).expand(n, 1, height, width)
        columns = torch.linspace(-1, 1, width).view(1, 1, 1, width).expand(n, 1, height, width)
        # Where something is tells what it is.
        x = self.stem(torch.cat([(x - 0.45) / 0.25, rows, columns], dim=1))
        levels: list[Tensor] = []
        for i, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if i else x)
            levels.append(x)
        for block, level in zip(self.up, levels[-2::-1], strict=True):
            x = functional.interpolate(x, size=level.shape[-2:], mode="nearest")
            x = block(torch.cat([x, level], dim=1))
        return functional.interpolate(
            self.head(x), size=(height, width), mode="bilinear", align_corners=False
        )


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
        self._model: SmallSegmenter | None = None
        self._expected = ExpectedQuality([], [])
        self.n_seen = self._n_learned = 0
        torch.set_num_threads(int(content.get("n_threads") or 1))

    def load(self, folder: Path, *, is_own: bool) -> None:
        """Begin from an earlier network."""
        model = SmallSegmenter(self._n_classes)
        model.load_state_dict(torch.load(folder / _MODEL, map_location="cpu", weights_only=True))
        self._model = model.eval()
        about = json.loads((folder / _ABOUT).read_text())
        self._expected = ExpectedQuality(about["confidences"], about["qualities"])
        if not is_own:
            self.n_seen = int(about["n_seen"])

    def save(self, folder: Path) -> None:
        """Write network and calibration."""
        torch.save(self._need().state_dict(), folder / _MODEL)
        about = {
            "confidences": list(self._expected.x),
            "qualities": list(self._expected.y),
            "n_seen": self.n_seen + self._n_learned,
        }
        (folder / _ABOUT).write_text(json.dumps(about))

    def fit(self, objects: Objects, hints: Hints) -> dict[str, float]:
        """Train on four fifths, calibrate on the rest."""
        kept, held = split_holdout(objects, seed=self._seed)
        self._n_learned = len(objects)
        examples = [self._example(objects.line(int(i))) for i in kept]
        self._train([example for example in examples if example is not None])
        confidences, qualities = [], []
        for i in held:
            line = objects.line(int(i))
            found, truth = self._segment(line), self._truth(line)
            if found is not None and truth is not None and truth.shape == found[0].shape:
                confidences.append(found[1])
                qualities.append(mask_quality(found[0], truth))
        self._expected = ExpectedQuality(confidences, qualities)
        mean = float(np.mean(qualities)) if qualities else math.nan
        return {"n_training": float(len(kept)), "training-accuracy": mean}

    def predict(self, objects: Objects) -> Predictions:
        """A mask file for every picture, and the quality to expect of it."""
        masks = self._folder / "masks"
        masks.mkdir(exist_ok=True)
        confidences = np.full(len(objects), np.nan)
        labels: list[Any] = [None] * len(objects)
        for i in range(len(objects)):
            found = self._segment(objects.line(i))
            if found is not None:
                name = f"masks/{int(objects.ids[i])}.png"
                (self._folder / name).write_bytes(self._png(found[0]))
                confidences[i], labels[i] = found[1], name
            if i % 100 == 99:
                report_progress(self._folder, "predicting", done=i + 1, of=len(objects))
        return Predictions(objects.ids, self._expected(confidences), labels, confidences)

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
        """Those of which least is expected."""
        usable = np.flatnonzero(~np.isnan(predictions.confidences))
        return usable[np.argsort(predictions.confidences[usable], kind="stable")[:n]]

    def _need(self) -> SmallSegmenter:
        if self._model is None:
            raise InvalidRequest("There is no model yet.", field="model")
        return self._model

    def _mask_file(self, name: str) -> NDArray[np.uint8]:
        path = self._folder / name
        if not path.exists() and self._content.get("previous"):
            path = Path(self._content["previous"]) / name
        with Image.open(path) as image:
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
            with Image.open(io.BytesIO(content)) as image:
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

    def _example(self, line: Mapping[str, Any]) -> tuple[Tensor, Tensor] | None:
        pixels, truth = self._pictures.pixels(line), self._truth(line)
        if pixels is None or truth is None or truth.shape != pixels.shape[:2]:
            return None
        x = _small(pixels)
        size = (int(x.shape[2]), int(x.shape[1]))
        y = np.asarray(Image.fromarray(truth, "L").resize(size, Image.Resampling.NEAREST)).astype(np.int64)
        return x, torch.from_numpy(y)

    def _train(self, examples: list[tuple[Tensor, Tensor]]) -> None:
        if len(examples) < 2:
            raise InvalidRequest("Too few masks fit their pictures to train from.", field="training")
        torch.manual_seed(self._seed)
        model = SmallSegmenter(self._n_classes)
        if self._model is not None:
            model.load_state_dict(self._model.state_dict())
        batch = min(_BATCH, len(examples))
        n_steps = min(_STEPS_MAX, _N_EPOCHS * max(1, len(examples) // batch))
        counts = torch.zeros(self._n_classes)
        for _, y in examples:
            counts += torch.bincount(y.flatten(), minlength=self._n_classes)[: self._n_classes]
        # Rare classes count more, within bounds: the quality is a mean over classes.
        weights = (counts.sum() / (counts + 1)).sqrt().clamp(max=10.0) * (counts > 0)
        weights = weights / weights[counts > 0].mean()
        optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
        limit_s = float(self._content["training_s"])
        scheduler = one_cycle_schedule(optimizer, n_steps=n_steps, time_limit_s=limit_s)
        rng = np.random.default_rng([self._seed, 1])
        ends_at = time.monotonic() + limit_s
        model.train()
        for step in range(n_steps):
            chosen = rng.integers(len(examples), size=batch)
            x, y = _batch([examples[int(i)] for i in chosen], flips=rng.random(batch) < 0.5)
            x = (x * float(rng.uniform(0.7, 1.3)) + float(rng.uniform(-0.1, 0.1))).clamp(0, 1)
            loss = functional.cross_entropy(model(x), y, weight=weights, ignore_index=_IGNORED)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call,unused-ignore]
            optimizer.step()
            scheduler.step()
            if time.monotonic() > ends_at:
                break
            if step % 50 == 49:
                report_progress(
                    self._folder, "training", step=step + 1, of=n_steps, loss=float(loss.detach())
                )
        self._model = model.eval()

    @torch.inference_mode()
    def _segment(self, line: Mapping[str, Any]) -> tuple[NDArray[np.uint8], float] | None:
        """Class indices in the picture's size, and the mean over pixels of the greatest class probability."""
        pixels = self._pictures.pixels(line)
        if pixels is None:
            return None
        small = _small(pixels)
        x, _ = _batch([(small, torch.zeros(small.shape[1:], dtype=torch.int64))])
        scores = self._need()(x)[:, :, : small.shape[1], : small.shape[2]]
        confidence = float(scores.softmax(dim=1).amax(dim=1).mean())
        height, width = pixels.shape[:2]
        large = functional.interpolate(scores, size=(height, width), mode="bilinear", align_corners=False)
        return large[0].argmax(dim=0).to(torch.uint8).numpy(), confidence


def _small(pixels: NDArray[np.uint8]) -> Tensor:
    """The picture at the network's scale, (3, h, w) in [0, 1]."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float() / 255


def _batch(
    examples: Sequence[tuple[Tensor, Tensor]], flips: NDArray[np.bool_] | None = None
) -> tuple[Tensor, Tensor]:
    """Pictures and masks of mixed sizes in one tensor, filled up at the right and the bottom."""
    height = max(_STRIDE, *(-(-x.shape[1] // _STRIDE) * _STRIDE for x, _ in examples))
    width = max(_STRIDE, *(-(-x.shape[2] // _STRIDE) * _STRIDE for x, _ in examples))
    xs = torch.full((len(examples), 3, height, width), 0.45)
    ys = torch.full((len(examples), height, width), _IGNORED, dtype=torch.int64)
    for i, (x, y) in enumerate(examples):
        if flips is not None and flips[i]:
            x, y = x.flip(2), y.flip(1)
        xs[i, :, : x.shape[1], : x.shape[2]] = x
        ys[i, : y.shape[0], : y.shape[1]] = y
    return xs, ys


def _rgb(palette: Sequence[str]) -> list[tuple[int, int, int]]:
    return [(int(c[1:3], 16), int(c[3:5], 16), int(c[5:7], 16)) for c in palette]


def _palette_bytes(palette: Sequence[str]) -> list[int]:
    colors = _rgb(palette) + [(255, 255, 255)] * (256 - len(palette))
    return [value for color in colors for value in color]
