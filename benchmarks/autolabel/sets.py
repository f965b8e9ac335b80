"""The data sets: pools with a label for every item, found beside the repository or in a given folder."""

from __future__ import annotations

import csv
import gzip
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel import image_features, text_features
from labelwright.autolabel.blocks import Blocks
from labelwright.autolabel.features.encoder import load_text_encoder

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("digits", "mnist12k", "sms_spam", "banking77", "rt_polarity", "trashnet", "trashnet_hog")
WITH_ENCODER = ("sms_spam+encoder", "banking77+encoder", "rt_polarity+encoder")


def find_data(given: str | None) -> Path | None:
    """Folder with ``auto-labeling`` (and ``vision``, ``weights``) in it."""
    places = [Path(given)] if given else [ROOT.parent / "shared" / "data", ROOT / "shared" / "data"]
    return next((place for place in places if (place / "auto-labeling").is_dir()), None)


def load(data: Path, name: str, encoder: Path | None = None) -> tuple[Any, NDArray[np.int64], float] | None:
    """Raw features, labels and the CPU seconds that the features took; None where the set is absent.

    A name that ends with ``+encoder`` is a set of texts with the vectors of a sentence encoder beside its
    n-grams.
    """
    folder = data / "auto-labeling"
    begin = time.process_time()
    name, plus, _ = name.partition("+encoder")
    if plus and encoder is None:
        return None
    if name in ("trashnet", "trashnet_hog"):
        return _trashnet(data, begin, is_backbone=name == "trashnet")
    if (folder / f"{name}.npz").exists():
        with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
            x, y = file["x"], file["y"].astype(np.int64)
        return image_features(list(x)), y, time.process_time() - begin
    if (folder / f"{name}.csv.gz").exists():
        with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        y = np.unique([row["label"] for row in rows], return_inverse=True)[1].astype(np.int64)
        texts = [row["text"] for row in rows]
        counts = text_features(texts)
        if plus and encoder is not None:
            vectors = load_text_encoder(encoder)(texts)
            return Blocks(counts, vectors), y, time.process_time() - begin
        return counts, y, time.process_time() - begin
    return None


def _trashnet(data: Path, begin: float, *, is_backbone: bool) -> tuple[Any, NDArray[np.int64], float] | None:
    """Photographs with a local pretrained backbone, or with gradient histograms."""
    folder = data / "vision" / "trashnet"
    weights = sorted((data / "weights").glob("mobilenet_v2*.pth"))
    manifests = sorted(folder.rglob("*.manifest"))
    if not manifests or (is_backbone and not weights):
        return None
    paths, labels = [], []
    for manifest in manifests:
        for line in manifest.read_text().splitlines():
            row = json.loads(line)
            name = next(key for key in row if f"{key}-metadata" in row)
            paths.append(folder / row["source-ref"].split("/trashnet/", 1)[1])
            labels.append(int(row[name]))
    chosen = list(dict.fromkeys(zip(paths, labels, strict=True)))
    features = image_features([path for path, _ in chosen], backbone=weights[0] if is_backbone else None)
    return features, np.array([label for _, label in chosen], np.int64), time.process_time() - begin
