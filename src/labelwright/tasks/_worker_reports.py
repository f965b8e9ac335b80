"""How good each worker seems to be, for every kind of label: shares with 95 % intervals.

Nobody knows the truth, so workers are judged by what all answers together make likely.

* Classes: the share of answers that name the true class, and the surest confusion where there is one.
* Several labels: ``precision``, the share of ticked labels that are right; ``recall``, the share of right
  labels that were ticked.
* Boxes and spans: ``precision``, the share of the worker's that are real; ``recall``, the share of the real
  ones that the worker found. A span counts when both ends and the label are right.
* Masks: of the pixels where worker or label saw something, the share where both saw the same; the mean over
  pictures with the interval of Student's t, drawn towards all workers' by two pictures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from labelwright.consolidation import (
    ALGORITHMS,
    ConsolidatedSpan,
    LabeledBox,
    LabeledSpan,
    Responses,
    classify,
    confusion_intervals,
    consolidate_masks,
    estimate_boxes,
    share_intervals,
)
from labelwright.tasks._agreement import masks_agreement
from labelwright.tasks.task_type import Measure, WorkerReport

__all__ = ["of_boxes", "of_classes", "of_masks", "of_several_labels", "of_spans"]

_Floats = npt.NDArray[np.float64]
_ALGORITHM = "bayesian"  # calibrated, so its intervals hold what they promise
_PRIOR_PICTURES = 2  # as many as answers and boxes have
_CONFUSION_MIN = 0.1  # least share, with 97.5 % certainty, of a confusion that is told


def of_classes(votes: Sequence[Sequence[tuple[str, int]]], labels: Sequence[str]) -> list[WorkerReport]:
    """From ``(worker, class index)`` of every object; objects without votes are left out."""
    given = [answers for answers in votes if answers]
    if not given:
        return []
    found = classify(given, len(labels), algorithm=_ALGORITHM)
    quality = found.worker_quality
    crowd = Responses.from_votes(given, len(labels))
    remarks = _confusions(crowd, found.posteriors, labels) if quality.confusion is not None else {}
    rows = zip(
        quality.workers,
        quality.n_answers.tolist(),
        quality.accuracy.tolist(),
        quality.lower.tolist(),
        quality.upper.tolist(),
        strict=True,
    )
    return [
        WorkerReport(str(name), n, (Measure("accuracy", *values),), remarks.get(j, ""))
        for j, (name, n, *values) in enumerate(rows)
    ]


def _confusions(crowd: Responses, posteriors: _Floats, labels: Sequence[str]) -> dict[int, str]:
    """For each worker the surest confusion of two classes, in words."""
    if len(labels) < 2:
        return {}
    mean, lower, _ = confusion_intervals(crowd, posteriors)
    each = np.arange(len(labels))
    lower[:, each, each] = 0.0
    flat = lower.reshape(len(lower), -1)
    best = flat.argmax(axis=1)
    told = {}
    for j, cell in enumerate(best.tolist()):
        if flat[j, cell] >= _CONFUSION_MIN:
            true, said = divmod(cell, len(labels))
            told[j] = f"takes {labels[true]} for {labels[said]} in {100 * mean[j, true, said]:.0f} %"
    return told


def of_several_labels(
    ticked: Sequence[Sequence[tuple[str, frozenset[int]]]], n_labels: int
) -> list[WorkerReport]:
    """From ``(worker, labels ticked)`` of every object."""
    tally = _Tally()
    given = [answers for answers in ticked if answers]
    for answers in given:
        for worker, _ in answers:
            tally.n_objects[worker] += 1
    for label in range(n_labels):
        binary = [[(worker, int(label in chosen)) for worker, chosen in answers] for answers in given]
        if not any(vote for votes in binary for _, vote in votes):
            continue
        p = ALGORITHMS[_ALGORITHM].posteriors(Responses.from_votes(binary, 2))[:, 1].tolist()
        for probability, votes in zip(p, binary, strict=True):
            for worker, is_ticked in votes:
                tally.add(worker, probability, is_drawn=bool(is_ticked))
    return tally.reports()


def of_boxes(images: Sequence[Sequence[tuple[str, Sequence[LabeledBox]]]]) -> list[WorkerReport]:
    """From ``(worker, boxes)`` of every image."""
    n_images: dict[str, int] = defaultdict(int)
    for answers in images:
        for worker, _ in answers:
            n_images[worker] += 1
    n_labels = len({box.class_id for answers in images for _, boxes in answers for box in boxes})
    reports = []
    for name, found in estimate_boxes(images).workers.items():
        remark = f"sides are off by {100 * found.spread:.1f} % of the box"
        if n_labels > 1:
            remark += f"; {100 * found.label_accuracy:.0f} % of the labels right"
        measures = (
            Measure("precision", found.precision, *found.precision_interval),
            Measure("recall", found.recall, *found.recall_interval),
        )
        reports.append(WorkerReport(name, n_images[name], measures, remark))
    return reports


def of_spans(
    answers: Sequence[Sequence[tuple[str, Sequence[LabeledSpan]]]],
    found: Sequence[Sequence[ConsolidatedSpan]],
) -> list[WorkerReport]:
    """From ``(worker, spans)`` of every text, and the spans that are likely real with their probability."""
    tally = _Tally()
    for marked, likely in zip(answers, found, strict=True):
        real = {LabeledSpan(span.start, span.end, span.class_id): span.confidence for span in likely}
        for worker, spans in marked:
            tally.n_objects[worker] += 1
            own = set(spans)
            for span in real.keys() | own:
                tally.add(worker, real.get(span, 0.0), is_drawn=span in own)
    return tally.reports()


class _Tally:
    """Expected hits of every worker, for things that are real with a probability and were drawn or not."""

    def __init__(self) -> None:
        self.n_objects: dict[str, int] = defaultdict(int)
        # Drawn: number, hits, their variance. Real: expected number, hits, their variance.
        self._sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * 6)

    def add(self, worker: str, probability: float, *, is_drawn: bool) -> None:
        sums, unsure = self._sums[worker], probability * (1 - probability)
        if is_drawn:
            sums[0] += 1
            sums[1] += probability
            sums[2] += unsure
            sums[4] += probability
        sums[3] += probability
        sums[5] += unsure

    def reports(self) -> list[WorkerReport]:
        names = list(self.n_objects)
        if not names:
            return []
        sums = np.array([self._sums[name] for name in names])
        columns = [
            ("precision", share_intervals(sums[:, 1], sums[:, 0], sums[:, 2])),
            ("recall", share_intervals(sums[:, 4], sums[:, 3], sums[:, 5])),
        ]
        return [
            WorkerReport(
                name,
                self.n_objects[name],
                tuple(Measure(what, *(float(side[j]) for side in shares)) for what, shares in columns),
            )
            for j, name in enumerate(names)
        ]


def of_masks(
    pictures: Iterable[Sequence[tuple[str, npt.NDArray[np.uint8]]]],
) -> list[WorkerReport]:
    """From ``(worker, mask)`` of every picture, the masks of one picture at one size."""
    shares: dict[str, list[float]] = defaultdict(list)
    for masks in pictures:
        if len(masks) < 2:
            continue
        label = consolidate_masks(np.stack([mask for _, mask in masks]), n_workers_asked=len(masks)).mask
        for worker, mask in masks:
            shares[worker].append(masks_agreement(mask, label))
    everybody = np.array([share for found in shares.values() for share in found])
    return [
        WorkerReport(worker, len(found), (_mean_with_interval(np.array(found), everybody),))
        for worker, found in shares.items()
    ]


def _mean_with_interval(values: _Floats, everybody: _Floats) -> Measure:
    """Mean and interval of Student's t, as if the worker had done two average pictures more."""
    from scipy.special import stdtrit

    n = values.size + _PRIOR_PICTURES
    crowd = float(everybody.mean())
    mean = (float(values.sum()) + _PRIOR_PICTURES * crowd) / n
    squares = float(((values - mean) ** 2).sum())
    squares += _PRIOR_PICTURES * (float(everybody.var()) + (crowd - mean) ** 2)
    half = float(stdtrit(n - 1, 0.975)) * np.sqrt(squares / (n - 1) / n)
    return Measure("agreement with the label", mean, max(0.0, mean - half), min(1.0, mean + half))
