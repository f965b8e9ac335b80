"""The certificate of a pass: frozen labels, the sample of them that people check, and what it proves."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from labelwright.autolabel.certify import certify_rest, next_look
from labelwright.autolabel.job_data import ObjectSet, sorted_by_id, write_json, write_jsonl
from labelwright.autolabel.job_passes import (
    SaidRounds,
    Some,
    result_of,
    say_quality,
    target_error_of,
    threshold_of,
    write_queries,
)
from labelwright.autolabel.job_trainers import Trainer
from labelwright.autolabel.rounds import Step, is_hopeless
from labelwright.work import report_progress

__all__ = ["Frozen", "certify"]

_SAMPLE_LEAST = 10
_FROZEN = "frozen.jsonl"


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    """Labels that are not changed any more, in the order in which they are sampled."""

    ids: NDArray[np.int64]
    confidences: NDArray[np.float64]
    labels: Sequence[Any]

    def save(self, folder: Path) -> None:
        """Write them into a folder."""
        write_jsonl(
            folder / _FROZEN,
            (
                {"id": int(i), "confidence": float(c), "label": label}
                for i, c, label in zip(self.ids, self.confidences, self.labels, strict=True)
            ),
        )

    @classmethod
    def load(cls, folder: Path) -> Frozen | None:
        """Those that a folder holds, if any."""
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


def certify(
    content: Mapping[str, Any],
    folder: Path,
    trainer: Trainer,
    state: dict[str, Any],
    frozen: Frozen,
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
    qualities = trainer.qualities(Some(validation, drawn), [frozen.labels[i] for i in sampled])
    # Objects that nobody could label are neither checked nor labeled: the rest is what can still be labeled.
    found = certify_rest(
        1 - qualities,
        len(sampled) + len(left),
        target_error=target_error_of(content),
        confidence=1 - certificate["level"],
        expected_error=certificate["expected_error"],
        spread=certificate.get("spread"),
    )
    report_progress(folder, "checked", n=len(sampled), rest=len(left), error_upper=found.error_upper)
    say_quality(content["algorithm"], float(qualities.mean()) if len(qualities) else math.nan)
    write_jsonl(
        folder / "validation.jsonl",
        (
            {"id": int(frozen.ids[i]), "confidence": float(frozen.confidences[i]), "quality": float(q)}
            for i, q in zip(sampled, qualities, strict=True)
        ),
    )
    n, n_errors = len(sampled), float((1 - qualities).sum())
    n_most = (n + len(left)) // 2
    target_error = target_error_of(content)
    more = 0
    if not found.is_met:
        more = next_look(
            1 - qualities,
            n + len(left),
            target_error=target_error,
            confidence=1 - certificate["level"],
            expected_error=certificate["expected_error"],
            spread=certificate.get("spread"),
        )
        step = Step(
            "certify",
            0,
            certificate["n_most"],
            certificate["expected_error"],
            certificate["level"],
            tuple((int(taken), float(factor)) for taken, factor in certificate.get("ways", ())),
            certificate.get("spread"),
        )
        # Beyond half, people might as well label all of it: where right is right, not even a sample without
        # another error ends before.
        is_too_far = n >= n_most or (step.spread is None and n + more > n_most)
        if is_too_far or is_hopeless(n_errors, n, n + len(left), step, target_error=target_error):
            return None
    next_ = "training" if found.is_met else "validation"
    chosen = left if found.is_met else np.empty(0, np.int64)
    n_auto = write_jsonl(
        folder / "auto.jsonl",
        sorted_by_id(frozen.ids, frozen.confidences, frozen.labels.__getitem__, chosen.tolist()),
    )
    if found.is_met:
        write_queries(folder, np.setdiff1d(unlabeled.ids, frozen.ids))
        lowest = float(frozen.confidences[chosen].min()) if len(chosen) else None
        threshold = threshold_of(content, lowest, len(sampled), found.error_estimate, found.error_upper)
    else:
        frozen.save(folder)
        n_next = min(max(_SAMPLE_LEAST, more), int(content["batch_size"]), n_most - n)
        write_queries(folder, frozen.ids[left[:n_next]])
        state["random"][str(content["iteration"])] = 0
        SaidRounds.load(previous).save(folder)
        threshold = threshold_of(content, None, len(sampled), found.error_estimate, found.error_upper)
    _carry_files(previous, folder)
    write_json(folder / "threshold.json", threshold)
    return result_of(
        content,
        is_fitted=False,
        metrics={"n_checked": float(len(sampled))},
        threshold=threshold,
        n_auto=n_auto,
        next_=next_,
        share=None,
        state=_certified(state, n_auto) if found.is_met else state,
    )


def _certified(state: Mapping[str, Any], n_auto: int) -> dict[str, Any]:
    """The state after a part was certified: what is left may be certified later, at the next level."""
    return {
        **state,
        "certificate": None,
        "n_attempts": state["n_attempts"] + 1,
        "n_machine": state.get("n_machine", 0) + n_auto,
    }


def _carry_files(source: Path, target: Path) -> None:
    """Files that frozen labels name (masks) go along; the old folder may be removed."""
    masks = source / "masks"
    if masks.is_dir():
        (target / "masks").mkdir(exist_ok=True)
        for path in masks.iterdir():
            if not (target / "masks" / path.name).exists():
                os.link(path, target / "masks" / path.name)
