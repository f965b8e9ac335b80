"""One pass of the loop, from labeled sets to labels of the machine and the next questions for people.

`certified_round` follows `labelwright.autolabel.rounds`: learn and ask until the model expects to reach the
target on all that is left; then freeze its labels, let people check a random sample of them, and take the
rest only when the sample proves it. `plain_round` is the rule as the service describes it: a threshold on a
fixed validation set.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from labelwright.autolabel.certify import next_look
from labelwright.autolabel.forecast import forecast, machine_share_now
from labelwright.autolabel.job_certificate import Frozen, certify
from labelwright.autolabel.job_data import Joined, Objects, ObjectSet, sorted_by_id, write_json, write_jsonl
from labelwright.autolabel.job_passes import (
    SaidRounds,
    Some,
    drawn_at_random,
    learn,
    result_of,
    say_quality,
    state_of,
    target_error_of,
    threshold_of,
    write_predictions,
    write_queries,
)
from labelwright.autolabel.job_trainers import Hints, Trainer
from labelwright.autolabel.queries import random_count
from labelwright.autolabel.rounds import RoundOptions, next_step, sample_order, surest
from labelwright.autolabel.thresholds import plain_threshold
from labelwright.work import report_progress

__all__ = ["certified_round", "plain_round"]

_SPARE_BATCHES = 4  # as many are ranked, for iterations in which no model is trained


def plain_round(content: Mapping[str, Any], folder: Path, trainer: Trainer) -> dict[str, Any]:
    """Train, find the lowest confidence at which the validation set reaches the target, label from there."""
    training, validation = ObjectSet(folder, "training"), ObjectSet(folder, "validation")
    unlabeled = ObjectSet(folder, "unlabeled")
    state = state_of(content)
    hints = Hints(drawn_at_random(training, state), {})
    is_fitted, metrics = learn(content, folder, trainer, training, [validation, unlabeled], hints)
    checked = trainer.predict(validation)
    usable = np.flatnonzero(~np.isnan(checked.confidences))
    qualities = np.zeros(len(validation))
    qualities[usable] = trainer.qualities(Some(validation, usable), [checked.labels[int(i)] for i in usable])
    metrics["validation-quality"] = float(qualities.mean()) if len(qualities) else math.nan
    say_quality(content["algorithm"], metrics["validation-quality"])
    confidences = np.nan_to_num(checked.confidences, nan=-1.0)  # what cannot be read is below every threshold
    value = plain_threshold(confidences, qualities, target_quality=content["target"])
    above = confidences >= value if value is not None else np.zeros(len(confidences), np.bool_)
    estimate = 1.0 - float(qualities[above].mean()) if above.any() else None
    found = trainer.predict(unlabeled)
    known = np.nan_to_num(found.confidences, nan=-1.0)
    chosen = np.flatnonzero(known >= value) if value is not None else np.empty(0, np.int64)
    write_predictions(folder, validation, confidences, qualities, unlabeled, found)
    n_auto = write_jsonl(
        folder / "auto.jsonl", sorted_by_id(found.ids, known, found.labels.__getitem__, chosen.tolist())
    )
    rest = np.setdiff1d(np.arange(len(unlabeled)), chosen)
    # Least sure first, ties by the object's number; an object that cannot be read is people's in any case.
    order = rest[np.lexsort((found.ids[rest], known[rest]))]
    write_queries(folder, found.ids[order[: _SPARE_BATCHES * int(content["batch_size"])]])
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
    return result_of(
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
    state = state_of(content)
    has_just_failed = False
    previous = Path(content["previous"]) if content.get("previous") else None
    labeled: Objects = training
    if state["certificate"] is not None:
        frozen = Frozen.load(previous) if previous is not None else None
        if frozen is not None and previous is not None:
            done = certify(content, folder, trainer, state, frozen, validation, unlabeled, previous)
            if done is not None:
                return done
        state["n_attempts"] += 1
        state["certificate"] = None
        has_just_failed = True
    is_random = drawn_at_random(training, state)
    folds = len(validation) > 0
    if folds:
        labeled = Joined(training, validation)
        is_random = np.concatenate([is_random, drawn_at_random(validation, state)])
    said = SaidRounds.load(previous)
    hints = Hints(is_random, said.by_id())
    is_fitted, metrics = learn(content, folder, trainer, labeled, [unlabeled], hints)
    found = trainer.predict(unlabeled)
    usable = np.flatnonzero(~np.isnan(found.confidences))
    options = RoundOptions(
        target_error=target_error_of(content),
        confidence=content["confidence"],
        batch_most=int(content["batch_size"]),
        spread=getattr(trainer, "spread", None),
    )
    step = next_step(
        found.confidences[usable],
        n_human=len(labeled),
        n_before=trainer.n_seen,  # a model from elsewhere has little to learn from a few more
        n_attempts=state["n_attempts"],
        has_just_failed=has_just_failed,
        has_certified=state.get("n_machine", 0) > 0,
        n_allowed=content.get("n_allowed"),
        options=options,
    )
    report_progress(folder, "decided", step=step.kind, n=step.n, expected_error=step.expected_error)
    write_predictions(folder, None, None, None, unlabeled, found)
    (folder / "auto.jsonl").write_bytes(b"")
    next_ = "training"
    if step.kind == "certify" and len(usable):
        next_ = "validation"
        part = usable[surest(found.confidences[usable], found.certainties[usable], step.n_part)]
        order = part[sample_order(len(part), seed=int(content["seed"]), i_attempt=state["n_attempts"])]
        state["certificate"] = {
            "n_most": int(step.n_most),
            "expected_error": float(step.expected_error),
            "level": float(step.level),
            "ways": [list(way) for way in step.ways],
            "spread": step.spread,
        }
        Frozen(found.ids[order], found.confidences[order], [found.labels[int(i)] for i in order]).save(folder)
        # A sample that could not be enough even without an error would only be followed by another one.
        least = next_look(
            [],
            len(order),
            target_error=options.target_error,
            confidence=1 - step.level,
            expected_error=step.expected_error,
            spread=step.spread,
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
    write_queries(folder, queries)
    n_objects = int(content["n_objects"])
    share = machine_share_now(found.confidences[usable], n_objects, target_error=options.target_error)
    state["n_human"].append(len(labeled))
    state["shares"].append(share + state.get("n_machine", 0) / n_objects)
    expected = forecast(state["n_human"], state["shares"], n_objects=n_objects)
    threshold = threshold_of(content, None, 0, None, None)
    write_json(folder / "threshold.json", threshold)
    return result_of(
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
