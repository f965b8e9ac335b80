"""What passes of every kind share: sets, state and files that go from one to the next, training."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from labelwright.autolabel.job_data import (
    Joined,
    Objects,
    ObjectSet,
    pack_model,
    unpack_model,
    write_jsonl,
)
from labelwright.autolabel.job_trainers import Hints, Predictions, Said, Trainer
from labelwright.work import report_progress

__all__ = [
    "SaidRounds",
    "Some",
    "drawn_at_random",
    "learn",
    "result_of",
    "say_quality",
    "state_of",
    "target_error_of",
    "threshold_of",
    "write_predictions",
    "write_queries",
]

_SAID = "said.json"


class Some(Objects):
    """Some objects of a set."""

    def __init__(self, objects: Objects, positions: Iterable[int] | NDArray[np.int64]) -> None:
        self._objects = objects
        self._positions = np.asarray(positions, np.int64)
        self.ids = objects.ids[self._positions]

    def line(self, i: int) -> dict[str, Any]:
        """The manifest line of one object."""
        return self._objects.line(int(self._positions[i]))


def target_error_of(content: Mapping[str, Any]) -> float:
    """The error that is allowed: one less the target quality."""
    return round(1.0 - float(content["target"]), 9)


def state_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """What the program of the pass before left for this one."""
    state = content.get("state") or {
        "n_attempts": 0,
        "certificate": None,
        "first_pass": content["iteration"],
        "n_human": [],
        "shares": [],
        "random": {},  # by iteration: from this place of its batch on, objects were drawn at random
    }
    copied = {key: list(state[key]) for key in ("n_human", "shares")}
    return {**state, **copied, "random": dict(state["random"])}


def drawn_at_random(objects: ObjectSet, state: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Objects that were drawn at random; labels that came with the manifest are taken for such."""
    first = np.array(
        [
            0
            if iteration < state["first_pass"]
            else state["random"].get(str(iteration), np.iinfo(np.int64).max)
            for iteration in objects.iterations.tolist()
        ],
        np.int64,
    )
    return np.asarray(objects.draws >= first, np.bool_)


class SaidRounds:
    """What models said of the objects of the last batches before people labeled them."""

    _N_ROUNDS = 2

    def __init__(self, rounds: list[dict[str, list[Any]]]) -> None:
        self._rounds = rounds

    @classmethod
    def load(cls, folder: Path | None) -> SaidRounds:
        """Those that a folder holds; none without one."""
        path = None if folder is None else folder / _SAID
        return cls(orjson.loads(path.read_bytes()) if path is not None and path.exists() else [])

    def add(self, found: Predictions, positions: Iterable[int] | NDArray[np.int64]) -> None:
        """Add what is said of some objects, and forget the oldest batch."""
        chosen = [int(i) for i in positions if not math.isnan(found.certainties[int(i)])]
        made: dict[str, list[Any]] = {
            "ids": [int(found.ids[i]) for i in chosen],
            "certainties": [float(found.certainties[i]) for i in chosen],
            "labels": [found.labels[i] for i in chosen],
        }
        self._rounds = [*self._rounds, made][-self._N_ROUNDS :]

    def save(self, folder: Path) -> None:
        """Write them into a folder."""
        (folder / _SAID).write_bytes(orjson.dumps(self._rounds))

    def by_id(self) -> dict[int, Said]:
        """The last word on every object."""
        return {
            number: Said(certainty, label)
            for made in self._rounds
            for number, certainty, label in zip(made["ids"], made["certainties"], made["labels"], strict=True)
        }


def learn(
    content: Mapping[str, Any],
    folder: Path,
    trainer: Trainer,
    labeled: Objects,
    others: Sequence[Objects],
    hints: Hints,
) -> tuple[bool, dict[str, float]]:
    """Train, or take the model that was given as it is; whether a model was trained, and its metrics.

    ``training_s`` among them is the time it took.
    """
    started = time.monotonic()
    for name, is_own in (("start_model", False), ("last_model", True)):
        if content.get(name):
            unpack_model(folder / content[name], folder / name)
            trainer.load(folder / name, is_own=is_own)
    prepare = getattr(trainer, "prepare", None)
    if prepare is not None:
        prepare(Joined(labeled, *others))
    if not content["fit"] and getattr(trainer, "has_model", True):
        return False, {}
    n, labels = len(labeled), len(content["labels"])
    # The form of the line is what monitoring of AWS's trainings reads.
    print(f"INFO Final configuration: {{'num_training_samples': u'{n}', 'num_classes': u'{labels}'}}")
    report_progress(folder, "training", n=n)
    metrics = trainer.fit(labeled, hints)
    (folder / "model").mkdir(exist_ok=True)
    trainer.save(folder / "model")
    _describe(content, folder / "model")
    pack_model(folder / "model", folder / "model.tar.gz")
    return True, {**metrics, "training_s": round(time.monotonic() - started, 3)}


def _describe(content: Mapping[str, Any], folder: Path) -> None:
    """Say what the artifact is, so that it can be served where it can."""
    description = {
        "format": "labelwright-model",
        "version": 1,
        "algorithm": "labeling-job",
        "task": content["algorithm"],
        "labels": content["labels"],
        "needs_network": bool(content.get("weights")) and content["algorithm"] != "text-classification",
    }
    (folder / "labelwright.json").write_bytes(orjson.dumps(description))


def say_quality(algorithm: str, quality: float) -> None:
    """Print the quality of checked labels in the form that monitoring of AWS's trainings reads."""
    if algorithm == "object-detection":
        print(f"INFO #quality_metric: validation mAP <score>=({quality:.6f})")
    else:
        print(f"INFO Epoch[0] Validation-accuracy={quality:.6f}")


def write_predictions(
    folder: Path,
    validation: Objects | None,
    confidences: NDArray[np.float64] | None,
    qualities: NDArray[np.float64] | None,
    unlabeled: Objects,
    found: Predictions,
) -> None:
    """Write ``validation.jsonl``, where there was a validation set, and ``unlabeled.jsonl``."""
    if validation is not None and confidences is not None and qualities is not None:
        write_jsonl(
            folder / "validation.jsonl",
            (
                {"id": int(i), "confidence": None if c < 0 else float(c), "quality": float(q)}
                for i, c, q in zip(validation.ids, confidences, qualities, strict=True)
            ),
        )
    write_jsonl(
        folder / "unlabeled.jsonl",
        (
            {"id": int(i), "confidence": None if math.isnan(c) else round(float(c), 6)}
            for i, c in zip(unlabeled.ids, found.confidences, strict=True)
        ),
    )


def write_queries(folder: Path, ids: NDArray[np.int64]) -> None:
    """Write which objects people should see next, most wanted first."""
    np.asarray(ids, np.int64).tofile(folder / "queries.ids")


def threshold_of(
    content: Mapping[str, Any],
    value: float | None,
    n_above: int,
    estimate: float | None,
    upper: float | None,
) -> dict[str, Any]:
    """The content of ``threshold.json``."""
    if estimate is not None and math.isnan(estimate):
        estimate = None
    return {
        "target": content["target"],
        "threshold": value,
        "value": value,
        "support": n_above,
        "quality": None if estimate is None else 1.0 - estimate,
        "error_estimate": estimate,
        "error_upper": upper,
        "confidence": content["confidence"],
    }


def result_of(
    content: Mapping[str, Any],
    *,
    is_fitted: bool,
    metrics: Mapping[str, float],
    threshold: Mapping[str, Any],
    n_auto: int,
    next_: str,
    share: float | None,
    state: Mapping[str, Any] | None = None,
    folds: bool = False,
    advice: str | None = None,
) -> dict[str, Any]:
    """The content of ``result.json``."""
    kept = {name: value for name, value in metrics.items() if not math.isnan(value)}
    if share is not None:
        kept["machine_share"] = share
    return {
        "is_fitted": is_fitted,
        "metrics": kept,
        "threshold": dict(threshold),
        "n_auto": n_auto,
        "next": next_,
        "state": dict(state) if state is not None else None,
        "folds_validation": folds,
        "advice": advice,
    }
