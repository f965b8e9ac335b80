"""One pass at a time, with a model whose every word is scripted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from labelwright.autolabel.job_data import Objects, ObjectSet, pack_model, unpack_model
from labelwright.autolabel.job_quality import ExpectedQuality, box_quality, mask_quality
from labelwright.autolabel.job_rounds import certified_round, plain_round
from labelwright.autolabel.job_trainers import Hints, Predictions
from labelwright.errors import InvalidRequest


class Scripted:
    """Says class 0 of everything, as surely as it is told; people say 1 where it is wrong."""

    n_seen = 0

    def __init__(self, confidences: dict[int, float]) -> None:
        self.confidences = confidences
        self.fitted: list[tuple[list[int], Hints]] = []

    def load(self, folder: Path, *, is_own: bool) -> None: ...

    def save(self, folder: Path) -> None:
        (folder / "model.json").write_text("{}")

    def fit(self, objects: Objects, hints: Hints) -> dict[str, float]:
        self.fitted.append((objects.ids.tolist(), hints))
        return {"n_training": float(len(objects))}

    def predict(self, objects: Objects) -> Predictions:
        found = np.array([self.confidences.get(int(i), 0.99) for i in objects.ids])
        return Predictions(objects.ids, found, [0] * len(objects), found)

    def qualities(self, objects: Objects, labels: Sequence[Any]) -> NDArray[np.float64]:
        truth = objects.labels("topic")
        return np.array([float(a == b) for a, b in zip(truth, labels, strict=True)])

    def queries(self, objects: Objects, predictions: Predictions, n: int, *, seed: int) -> NDArray[np.int64]:
        return np.argsort(predictions.confidences, kind="stable")[:n]


def put(
    folder: Path,
    name: str,
    ids: Sequence[int],
    wrong: Sequence[int] = (),
    *,
    iteration: int = 1,
    labeled: bool = True,
) -> None:
    """Write a set; objects in ``wrong`` have another class than the model says."""
    folder.mkdir(exist_ok=True)
    lines = [{"source": str(i), **({"topic": int(i in wrong)} if labeled else {})} for i in ids]
    (folder / f"{name}.manifest").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for column, values in (("ids", ids), ("iterations", [iteration] * len(ids)), ("draws", range(len(ids)))):
        np.array(list(values), np.int64).tofile(folder / f"{name}.{column}")


def content(**changes: Any) -> dict[str, Any]:
    return {
        "algorithm": "text-classification",
        "label_attribute_name": "topic",
        "labels": ["a", "b"],
        "target": 0.95,
        "confidence": 0.95,
        "seed": 5,
        "iteration": 3,
        "batch_size": 200,
        "n_objects": 1000,
        "fit": True,
        "previous": None,
        "state": None,
        **changes,
    }


def ids_in(path: Path) -> list[int]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def queries(folder: Path) -> list[int]:
    return list(np.fromfile(folder / "queries.ids", np.int64).tolist())


def test_the_threshold_of_the_worked_example(tmp_path: Path) -> None:
    # By falling confidence: 143 objects with 2 errors, 160 with 8, 161 with 9, never recovering.
    order = list(range(200))
    wrong = [50, 100, *range(154, 160), 160, *range(161, 200)]
    confidences = {i: round(0.999 - i / 1000, 3) for i in order}
    confidences |= {1000: confidences[159], 1001: confidences[160], 1002: 0.1, 1003: 0.99}
    put(tmp_path, "training", [500, 501])
    put(tmp_path, "validation", order, wrong)
    put(tmp_path, "unlabeled", [1000, 1001, 1002, 1003], labeled=False)
    result = plain_round(content(), tmp_path, Scripted(confidences))
    assert result["threshold"]["value"] == confidences[159]
    assert result["threshold"]["support"] == 160 and result["threshold"]["quality"] == pytest.approx(0.95)
    assert ids_in(tmp_path / "auto.jsonl") == [1000, 1003]  # meeting the threshold is enough
    assert queries(tmp_path) == [1002, 1001]  # the least sure first


def test_a_sample_that_proves_the_rest(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    put(first, "training", range(70))
    put(first, "unlabeled", range(70, 1000), labeled=False)
    asked = certified_round(content(), first, Scripted({}))
    assert asked["next"] == "validation" and asked["n_auto"] == 0 and asked["is_fitted"]
    sample = queries(first)
    assert 60 <= len(sample) <= 200 and len(set(sample)) == len(sample)
    assert sample != sorted(sample)
    put(second, "training", range(70))
    put(second, "validation", sample, iteration=3)
    put(second, "unlabeled", sorted(set(range(70, 1000)) - set(sample)), labeled=False)
    trainer = Scripted({})
    done = certified_round(content(iteration=4, previous=str(first), state=asked["state"]), second, trainer)
    assert not trainer.fitted  # what was frozen is judged, nothing is learned
    assert done["n_auto"] == 930 - len(sample) and not done["is_fitted"]
    assert ids_in(second / "auto.jsonl") == sorted(set(range(70, 1000)) - set(sample))
    assert done["threshold"]["error_upper"] <= 0.05


def test_a_part_is_certified_and_the_loop_goes_on_with_what_is_left(tmp_path: Path) -> None:
    first, second, third = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    hard = dict.fromkeys(range(1700, 2000), 0.5)
    put(first, "training", range(1000))
    put(first, "unlabeled", range(1000, 2000), labeled=False)
    # Batches of ten: another one would change nothing about the hard objects.
    asked = certified_round(content(batch_size=10, n_objects=2000), first, Scripted(hard))
    frozen = {json.loads(line)["id"] for line in (first / "frozen.jsonl").read_text().splitlines()}
    assert asked["next"] == "validation"
    assert 600 <= len(frozen) < 960 and frozen >= set(range(1000, 1600))
    sample = [json.loads(line)["id"] for line in (first / "frozen.jsonl").read_text().splitlines()][:90]
    assert queries(first) == sample[:10]
    put(second, "training", range(1000))
    put(second, "validation", sample, iteration=3)
    put(second, "unlabeled", sorted(set(range(1000, 2000)) - set(sample)), labeled=False)
    done = certified_round(
        content(iteration=4, n_objects=2000, previous=str(first), state=asked["state"]),
        second,
        Scripted(hard),
    )
    assert ids_in(second / "auto.jsonl") == sorted(frozen - set(sample))
    assert set(queries(second)) == set(range(1000, 2000)) - frozen
    assert done["state"]["certificate"] is None and done["state"]["n_attempts"] == 1
    left = sorted(set(range(1000, 2000)) - frozen)
    put(third, "training", range(1000))
    put(third, "validation", sample, iteration=3)
    put(third, "unlabeled", left, labeled=False)
    trainer = Scripted(hard)
    again = certified_round(
        content(iteration=5, n_objects=2000, previous=str(second), state=done["state"]), third, trainer
    )
    assert again["folds_validation"] and len(trainer.fitted[0][0]) == 1000 + len(sample)
    assert again["state"]["shares"][-1] >= done["n_auto"] / 2000
    assert set(queries(third)) <= set(left)


def test_a_sample_that_shows_a_bad_model_teaches_the_next_one(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    put(first, "training", range(70))
    put(first, "unlabeled", range(70, 1000), labeled=False)
    asked = certified_round(content(), first, Scripted({}))
    sample = queries(first)
    put(second, "training", range(70))
    put(second, "validation", sample, wrong=sample[::4], iteration=3)
    put(second, "unlabeled", sorted(set(range(70, 1000)) - set(sample)), labeled=False)
    trainer = Scripted(dict.fromkeys(range(1000), 0.6))
    failed = certified_round(content(iteration=4, previous=str(first), state=asked["state"]), second, trainer)
    assert failed["folds_validation"] and failed["is_fitted"] and failed["n_auto"] == 0
    assert failed["state"]["n_attempts"] == 1 and failed["state"]["certificate"] is None
    ((learned, hints),) = trainer.fitted
    assert learned == [*range(70), *sample]
    assert hints.is_random.all() and len(hints.said) >= len(sample)
    assert failed["next"] == "training" and 0 < len(queries(second)) <= 200


def test_queries_are_not_taken_for_random_draws(tmp_path: Path) -> None:
    put(tmp_path, "training", range(60), iteration=3)
    put(tmp_path, "unlabeled", range(100, 400), labeled=False)
    trainer = Scripted(dict.fromkeys(range(1000), 0.6))
    before = {"n_human": [40], "shares": [0.0], "random": {"3": 54}}
    state = {"n_attempts": 0, "certificate": None, "first_pass": 3, **before}
    certified_round(content(iteration=4, state=state), tmp_path, trainer)
    assert np.flatnonzero(trainer.fitted[0][1].is_random).tolist() == [54, 55, 56, 57, 58, 59]


def test_sets_and_models_of_a_folder(tmp_path: Path) -> None:
    put(tmp_path, "training", [7, 9])
    found = ObjectSet(tmp_path, "training")
    assert [line["source"] for line in found.lines()] == ["7", "9"] and found.labels("topic") == [0, 0]
    assert len(ObjectSet(tmp_path, "validation")) == 0
    (tmp_path / "training.ids").write_bytes(b"")
    with pytest.raises(InvalidRequest, match="2 lines for 0"):
        ObjectSet(tmp_path, "training")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "w.json").write_text("1")
    pack_model(tmp_path / "model", tmp_path / "model.tar.gz")
    unpack_model(tmp_path / "model.tar.gz", tmp_path / "again")
    assert (tmp_path / "again" / "w.json").read_text() == "1"
    (tmp_path / "model.tar.gz").write_bytes(b"no archive")
    with pytest.raises(InvalidRequest, match="not a model"):
        unpack_model(tmp_path / "model.tar.gz", tmp_path / "again")


def test_qualities_of_boxes_and_masks() -> None:
    box = (0, 0.0, 0.0, 10.0, 10.0)
    assert box_quality([], []) == 1.0
    assert box_quality([], [box]) == box_quality([(*box, 0.9)], []) == 0.0
    assert box_quality([(0, 10, 0, 10, 10, 0.9)], [box]) == 0.0  # touching is no overlap
    # The surer box takes the partner; the second one counts 0, and the missed class counts 0.
    assert box_quality([(0, 0, 0, 10, 5, 0.5), (*box, 0.9)], [box, (1, 0, 0, 2, 2)]) == 0.25
    truth = np.array([[1, 1, 0, 0], [2, 2, 0, 0]], np.uint8)
    assert mask_quality(truth, truth) == 1.0
    assert mask_quality(np.zeros_like(truth), np.zeros_like(truth)) == 1.0
    assert mask_quality(np.array([[1, 0, 0, 0], [2, 2, 2, 2]], np.uint8), truth) == pytest.approx(0.5)


def test_expected_quality_keeps_the_order() -> None:
    rng = np.random.default_rng(0)
    confidences = rng.random(100)
    expected = ExpectedQuality(confidences, np.clip(confidences - 0.3 + rng.normal(0, 0.2, 100), 0, 1))
    values = expected(np.linspace(0, 1, 50))
    assert np.all(np.diff(values) > 0) and values[0] >= 0 and values[-1] <= 1
    assert np.isnan(expected([np.nan]))[0]
    assert ExpectedQuality([], [])([0.3]).tolist() == [0.3]
