"""One pass of the loop, from labeled sets to labels of the machine and the next questions for people.

`certified_round` follows `labelwright.autolabel.rounds`: learn and ask until the model expects to reach the
target on all that is left; then freeze its labels, let people check a random sample of them, and take the
rest only when the sample proves it. `plain_round` is the rule as the service describes it: a threshold on a
fixed validation set.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from labelwright.autolabel.certify import certify_rest, next_look
from labelwright.autolabel.forecast import forecast, machine_share_now
from labelwright.autolabel.job_data import (
    Joined,
    Objects,
    ObjectSet,
    pack_model,
    sorted_by_id,
    unpack_model,
    write_json,
    write_jsonl,
)
from labelwright.autolabel.job_trainers import Hints, Predictions, Said, Trainer
from labelwright.autolabel.queries import random_count
from labelwright.autolabel.rounds import RoundOptions, Step, is_hopeless, next_step, sample_order
from labelwright.autolabel.thresholds import plain_threshold
from labelwright.work import report_progress

__all__ = ["certified_round", "plain_round"]

_SPARE_BATCHES = 4  # as many are ranked, for iterations in which no model is trained
_SAMPLE_LEAST = 10
_FROZEN, _SAID = "frozen.jsonl", "said.json"


def plain_round(content: Mapping[str, Any], folder: Path, trainer: Trainer) -> dict[str, Any]:
    """Train, find the lowest confidence at which the validation set reaches the target, label from there."""
    training, validation = ObjectSet(folder, "training"), ObjectSet(folder, "validation")
    unlabeled = ObjectSet(folder, "unlabeled")
    state = _state(content)
    hints = Hints(_is_random(training, state), {})
    is_fitted, metrics = _learn(content, folder, trainer, training, [validation, unlabeled], hints)
    checked = trainer.predict(validation)
    usable = np.flatnonzero(~np.isnan(checked.confidences))
    qualities = np.zeros(len(validation))
    qualities[usable] = trainer.qualities(_Some(validation, usable), [checked.labels[int(i)] for i in usable])
    metrics["validation-quality"] = float(qualities.mean()) if len(qualities) else math.nan
    _say_quality(content["algorithm"], metrics["validation-quality"])
    confidences = np.nan_to_num(checked.confidences, nan=-1.0)  # what cannot be read is below every threshold
    value = plain_threshold(confidences, qualities, target_quality=content["target"])
    above = confidences >= value if value is not None else np.zeros(len(confidences), np.bool_)
    estimate = 1.0 - float(qualities[above].mean()) if above.any() else None
    found = trainer.predict(unlabeled)
    known = np.nan_to_num(found.confidences, nan=-1.0)
    chosen = np.flatnonzero(known >= value) if value is not None else np.empty(0, np.int64)
    _write_predictions(folder, validation, confidences, qualities, unlabeled, found)
    n_auto = write_jsonl(
        folder / "auto.jsonl", sorted_by_id(found.ids, known, found.labels.__getitem__, chosen.tolist())
    )
    rest = np.setdiff1d(np.arange(len(unlabeled)), chosen)
    # Least sure first, ties by the object's number; an object that cannot be read is people's in any case.
    order = rest[np.lexsort((found.ids[rest], known[rest]))]
    _write_queries(folder, found.ids[order[: _SPARE_BATCHES * int(content["batch_size"])]])
    threshold = {
        "target": content["target"],
        "threshold": value,
        "value": value,
        "support": int(above.sum()),
        "quality": None if estimate is None else 1.0 - estimate,
        "error_estimate": estimate,
        "error_upper": None,
        "confidence": None,
    }
    write_json(folder / "threshold.json", threshold)
    share = n_auto / len(unlabeled) if len(unlabeled) else 0.0
    return _result(
        content,
        is_fitted=is_fitted,
        metrics=metrics,
        threshold=threshold,
        n_auto=n_auto,
        next_="training",
        share=share,
        state=state,
    )


def certified_round(content: Mapping[str, Any], folder: Path, trainer: Trainer) -> dict[str, Any]:
    """Look at the sample that people checked, if there is one; otherwise or when it fails, learn and ask."""
    training, validation = ObjectSet(folder, "training"), ObjectSet(folder, "validation")
    unlabeled = ObjectSet(folder, "unlabeled")
    state = _state(content)
    previous = Path(content["previous"]) if content.get("previous") else None
    labeled: Objects = training
    if state["certificate"] is not None:
        frozen = _Frozen.load(previous) if previous is not None else None
        if frozen is not None and previous is not None:
            done = _certify(content, folder, trainer, state, frozen, validation, unlabeled, previous)
            if done is not None:
                return done
        state["n_attempts"] += 1
        state["certificate"] = None
    is_random = _is_random(training, state)
    folds = len(validation) > 0
    if folds:
        labeled = Joined(training, validation)
        is_random = np.concatenate([is_random, _is_random(validation, state)])
    said = _Said.load(previous)
    hints = Hints(is_random, said.by_id())
    is_fitted, metrics = _learn(content, folder, trainer, labeled, [unlabeled], hints)
    found = trainer.predict(unlabeled)
    usable = np.flatnonzero(~np.isnan(found.confidences))
    options = RoundOptions(
        target_error=_target_error(content),
        confidence=content["confidence"],
        batch_most=int(content["batch_size"]),
    )
    step = next_step(
        found.confidences[usable],
        n_human=len(labeled) + trainer.n_seen,  # a model from elsewhere has little to learn from a few more
        n_attempts=state["n_attempts"],
        options=options,
    )
    report_progress(folder, "decided", step=step.kind, n=step.n, expected_error=step.expected_error)
    _write_predictions(folder, None, None, None, unlabeled, found)
    (folder / "auto.jsonl").write_bytes(b"")
    next_ = "training"
    if step.kind == "certify" and len(usable):
        next_ = "validation"
        order = usable[sample_order(len(usable), seed=int(content["seed"]), i_attempt=state["n_attempts"])]
        state["certificate"] = {
            "n_most": int(step.n_most),
            "expected_error": float(step.expected_error),
            "level": float(step.level),
        }
        _Frozen(found.ids[order], found.confidences[order], [found.labels[int(i)] for i in order]).save(
            folder
        )
        # A sample that could not be enough even without an error would only be followed by another one.
        least = next_look(
            [],
            len(usable),
            target_error=options.target_error,
            confidence=1 - step.level,
            expected_error=step.expected_error,
        )
        queries = found.ids[order[: min(max(step.n, least), options.batch_most)]]
        said.add(found, order[: step.n_most])
        state["random"][str(content["iteration"])] = 0
    elif step.kind == "humans":
        next_ = "people"
        queries = found.ids[np.argsort(np.nan_to_num(found.confidences, nan=-1.0), kind="stable")]
    else:
        positions = trainer.queries(
            unlabeled, found, max(1, int(step.n)), seed=int(content["seed"]) + int(content["iteration"])
        )
        unreadable = np.flatnonzero(np.isnan(found.confidences))
        queries = found.ids[positions if len(positions) else unreadable]
        said.add(found, positions)
        state["random"][str(content["iteration"])] = len(positions) - random_count(len(positions))
    said.save(folder)
    _write_queries(folder, queries)
    n_objects = int(content["n_objects"])
    share = machine_share_now(found.confidences[usable], n_objects, target_error=options.target_error)
    state["n_human"].append(len(labeled))
    state["shares"].append(share)
    expected = forecast(state["n_human"], state["shares"], n_objects=n_objects)
    threshold = _threshold(content, None, 0, None, None)
    write_json(folder / "threshold.json", threshold)
    return _result(
        content,
        is_fitted=is_fitted,
        metrics={
            **metrics,
            "expected_error": float(step.expected_error),
            "expected_coverage": expected.coverage,
        },
        threshold=threshold,
        n_auto=0,
        next_=next_,
        share=share,
        state=state,
        folds=folds,
        advice=expected.advice or None,
    )


# -- certificates ----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class _Frozen:
    """Labels that are not changed any more, in the order in which they are sampled."""

    ids: NDArray[np.int64]
    confidences: NDArray[np.float64]
    labels: Sequence[Any]

    def save(self, folder: Path) -> None:
        write_jsonl(
            folder / _FROZEN,
            (
                {"id": int(i), "confidence": float(c), "label": label}
                for i, c, label in zip(self.ids, self.confidences, self.labels, strict=True)
            ),
        )

    @classmethod
    def load(cls, folder: Path) -> _Frozen | None:
        path = folder / _FROZEN
        if not path.exists():
            return None
        with path.open("rb") as file:
            items = [orjson.loads(line) for line in file]
        return cls(
            np.array([item["id"] for item in items], np.int64),
            np.array([item["confidence"] for item in items], np.float64),
            [item["label"] for item in items],
        )


def _certify(
    content: Mapping[str, Any],
    folder: Path,
    trainer: Trainer,
    state: dict[str, Any],
    frozen: _Frozen,
    validation: ObjectSet,
    unlabeled: ObjectSet,
    previous: Path,
) -> dict[str, Any] | None:
    """The pass's result while the sample grows or when it certifies the rest; None when it has failed."""
    certificate = state["certificate"]
    place = {int(number): i for i, number in enumerate(frozen.ids)}
    drawn = np.lexsort((validation.draws, validation.iterations))
    drawn = np.array([i for i in drawn if int(validation.ids[i]) in place], np.int64)
    sampled = np.array([place[int(number)] for number in validation.ids[drawn]], np.int64)
    left = np.flatnonzero(np.isin(frozen.ids, unlabeled.ids))
    qualities = trainer.qualities(_Some(validation, drawn), [frozen.labels[i] for i in sampled])
    # Objects that nobody could label are neither checked nor labeled: the rest is what can still be labeled.
    found = certify_rest(
        1 - qualities,
        len(sampled) + len(left),
        target_error=_target_error(content),
        confidence=1 - certificate["level"],
        expected_error=certificate["expected_error"],
    )
    report_progress(folder, "checked", n=len(sampled), rest=len(left), error_upper=found.error_upper)
    _say_quality(content["algorithm"], float(qualities.mean()) if len(qualities) else math.nan)
    write_jsonl(
        folder / "validation.jsonl",
        (
            {"id": int(frozen.ids[i]), "confidence": float(frozen.confidences[i]), "quality": float(q)}
            for i, q in zip(sampled, qualities, strict=True)
        ),
    )
    n, n_errors = len(sampled), float((1 - qualities).sum())
    target_error = _target_error(content)
    if not found.is_met:
        step = Step("certify", 0, certificate["n_most"], certificate["expected_error"], certificate["level"])
        if n >= step.n_most or is_hopeless(n_errors, n, n + len(left), step, target_error=target_error):
            return None
    next_ = "training" if found.is_met else "validation"
    chosen = left if found.is_met else np.empty(0, np.int64)
    n_auto = write_jsonl(
        folder / "auto.jsonl",
        sorted_by_id(frozen.ids, frozen.confidences, frozen.labels.__getitem__, chosen.tolist()),
    )
    if found.is_met:
        _write_queries(folder, np.setdiff1d(unlabeled.ids, frozen.ids))
        lowest = float(frozen.confidences[chosen].min()) if len(chosen) else None
        threshold = _threshold(content, lowest, len(sampled), found.error_estimate, found.error_upper)
    else:
        frozen.save(folder)
        more = next_look(
            1 - qualities,
            n + len(left),
            target_error=target_error,
            confidence=1 - certificate["level"],
            expected_error=certificate["expected_error"],
        )
        n_next = min(max(_SAMPLE_LEAST, more), int(content["batch_size"]), certificate["n_most"] - n)
        _write_queries(folder, frozen.ids[left[:n_next]])
        state["random"][str(content["iteration"])] = 0
        _Said.load(previous).save(folder)
        threshold = _threshold(content, None, len(sampled), found.error_estimate, found.error_upper)
    _carry_files(previous, folder)
    write_json(folder / "threshold.json", threshold)
    return _result(
        content,
        is_fitted=False,
        metrics={"n_checked": float(len(sampled))},
        threshold=threshold,
        n_auto=n_auto,
        next_=next_,
        share=None,
        state={**state, "certificate": None if found.is_met else certificate},
    )


def _carry_files(source: Path, target: Path) -> None:
    """Files that frozen labels name (masks) go along; the old folder may be removed."""
    masks = source / "masks"
    if masks.is_dir():
        (target / "masks").mkdir(exist_ok=True)
        for path in masks.iterdir():
            if not (target / "masks" / path.name).exists():
                os.link(path, target / "masks" / path.name)


# -- shared ----------------------------------------------------------------------------------------


class _Some(Objects):
    """Some objects of a set."""

    def __init__(self, objects: Objects, positions: Iterable[int] | NDArray[np.int64]) -> None:
        self._objects = objects
        self._positions = np.asarray(positions, np.int64)
        self.ids = objects.ids[self._positions]

    def line(self, i: int) -> dict[str, Any]:
        return self._objects.line(int(self._positions[i]))


def _target_error(content: Mapping[str, Any]) -> float:
    return round(1.0 - float(content["target"]), 9)


def _state(content: Mapping[str, Any]) -> dict[str, Any]:
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


def _is_random(objects: ObjectSet, state: Mapping[str, Any]) -> NDArray[np.bool_]:
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


class _Said:
    """What models said of the objects of the last batches before people labeled them."""

    _N_ROUNDS = 2

    def __init__(self, rounds: list[dict[str, list[Any]]]) -> None:
        self._rounds = rounds

    @classmethod
    def load(cls, folder: Path | None) -> _Said:
        path = None if folder is None else folder / _SAID
        return cls(orjson.loads(path.read_bytes()) if path is not None and path.exists() else [])

    def add(self, found: Predictions, positions: Iterable[int] | NDArray[np.int64]) -> None:
        chosen = [int(i) for i in positions if not math.isnan(found.certainties[int(i)])]
        made: dict[str, list[Any]] = {
            "ids": [int(found.ids[i]) for i in chosen],
            "certainties": [float(found.certainties[i]) for i in chosen],
            "labels": [found.labels[i] for i in chosen],
        }
        self._rounds = [*self._rounds, made][-self._N_ROUNDS :]

    def save(self, folder: Path) -> None:
        (folder / _SAID).write_bytes(orjson.dumps(self._rounds))

    def by_id(self) -> dict[int, Said]:
        return {
            number: Said(certainty, label)
            for made in self._rounds
            for number, certainty, label in zip(made["ids"], made["certainties"], made["labels"], strict=True)
        }


def _learn(
    content: Mapping[str, Any],
    folder: Path,
    trainer: Trainer,
    labeled: Objects,
    others: Sequence[Objects],
    hints: Hints,
) -> tuple[bool, dict[str, float]]:
    """Train, or take the model that was given as it is; whether a model was trained, and its metrics."""
    for name, is_own in (("start_model", False), ("last_model", True)):
        if content.get(name):
            unpack_model(folder / content[name], folder / name)
            trainer.load(folder / name, is_own=is_own)
    prepare = getattr(trainer, "prepare", None)
    if prepare is not None:
        prepare(Joined(labeled, *others))
    if not content["fit"]:
        return False, {}
    n, labels = len(labeled), len(content["labels"])
    # The form of the line is what monitoring of AWS's trainings reads.
    print(f"INFO Final configuration: {{'num_training_samples': u'{n}', 'num_classes': u'{labels}'}}")
    report_progress(folder, "training", n=n)
    metrics = trainer.fit(labeled, hints)
    (folder / "model").mkdir(exist_ok=True)
    trainer.save(folder / "model")
    pack_model(folder / "model", folder / "model.tar.gz")
    return True, metrics


def _say_quality(algorithm: str, quality: float) -> None:
    if algorithm == "object-detection":
        print(f"INFO #quality_metric: validation mAP <score>=({quality:.6f})")
    else:
        print(f"INFO Epoch[0] Validation-accuracy={quality:.6f}")


def _write_predictions(
    folder: Path,
    validation: Objects | None,
    confidences: NDArray[np.float64] | None,
    qualities: NDArray[np.float64] | None,
    unlabeled: Objects,
    found: Predictions,
) -> None:
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


def _write_queries(folder: Path, ids: NDArray[np.int64]) -> None:
    np.asarray(ids, np.int64).tofile(folder / "queries.ids")


def _threshold(
    content: Mapping[str, Any],
    value: float | None,
    n_above: int,
    estimate: float | None,
    upper: float | None,
) -> dict[str, Any]:
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


def _result(
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
