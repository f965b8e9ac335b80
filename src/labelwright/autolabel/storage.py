"""Models as files: one npz of plain arrays with a JSON header. Reading one never executes anything."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.calibration import Calibration
from labelwright.autolabel.embeddings import EMBEDDING_ARRAYS, Embedding
from labelwright.autolabel.learners import Learner
from labelwright.autolabel.memory import memory_from_arrays
from labelwright.errors import InvalidRequest

__all__ = ["FORMAT", "load_learner", "save_learner"]

FORMAT = "labelwright-learner"
_VERSION = 1
_BYTES_MOST = 4 << 30  # of all arrays unpacked; a small file may claim to be huge


def save_learner(learner: Learner, path: Path) -> None:
    """Write a fitted learner to `path`, replacing a file there only when the new one is complete."""
    header = {
        "format": FORMAT,
        "version": _VERSION,
        "n_classes": learner.n_classes,
        "n_seen": learner.n_seen_,
        "ridge": learner.ridge_,
        "loss": learner.loss_,
        "calibration": learner.calibration_.as_dict(),
        "embedding": None if learner.embedding is None else learner.embedding.kind,
        "source": "" if learner.embedding is None else learner.embedding.source,
    }
    arrays: dict[str, NDArray[Any]] = {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "weights": learner.weights_,
        **learner.memory_.as_arrays(),
    }
    if learner.embedding is not None:
        arrays.update({f"embedding_{name}": value for name, value in learner.embedding.arrays.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def load_learner(path: Path) -> Learner:
    """Read a learner.

    Raises
    ------
    InvalidRequest
        For a file that :func:`save_learner` of this or an earlier version did not write, with what is wrong.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _BYTES_MOST:
                raise ValueError(f"it unpacks to more than {_BYTES_MOST:,} bytes")
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(bytes(file["header"]))
            if not isinstance(header, dict) or header.get("format") != FORMAT:
                raise ValueError(f"its header does not say {FORMAT!r}")
            if header.get("version") != _VERSION:
                raise ValueError(f"its version is {header.get('version')!r}, this program reads {_VERSION}")
            return _learner(header, {name: file[name] for name in file.files if name != "header"})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, InvalidRequest) as error:
        raise InvalidRequest(
            f"{path.name} is not a model of automated labeling: {error}. "
            "Give a file that such a job has written.",
            field="model",
        ) from error


def _learner(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Learner:
    embedding = None
    if header["embedding"] is not None:
        kind = str(header["embedding"])
        names = EMBEDDING_ARRAYS.get(kind, ())
        found = {name: arrays[f"embedding_{name}"] for name in names}
        embedding = Embedding(kind, found, str(header.get("source", "")))
    learner = Learner(int(header["n_classes"]), embedding=embedding)
    weights = arrays["weights"]
    if weights.ndim != 2 or weights.shape[1] != learner.n_classes or weights.dtype != np.float32:
        raise ValueError(f"its weights have shape {weights.shape}, not (features + 1, {learner.n_classes})")
    if not np.isfinite(weights).all():
        raise ValueError("its weights are not all finite")
    learner.weights_ = weights
    learner.memory_ = memory_from_arrays(arrays, n_columns=len(weights) - 1, n_classes=learner.n_classes)
    learner.ridge_ = float(header["ridge"])
    learner.loss_ = str(header["loss"])
    learner.n_seen_ = int(header["n_seen"])
    learner.calibration_ = Calibration(**{str(k): float(v) for k, v in header["calibration"].items()})
    return learner
