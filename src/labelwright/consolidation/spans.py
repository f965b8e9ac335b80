"""Spans of text from several workers: match by overlap, vote on boundaries and label, score.

The service says that it clusters selections by Jaccard similarity, takes the mode of the boundaries, or their
median where there is no clear mode, and the label given most often, ties at random. What it leaves open is
ours:

* Similarity ``J`` of two spans is the length of their overlap over the length of their union, in characters.
  Pairs of different workers with ``J >= 0.5`` are taken one by one: those of the same label first (so that a
  span that carries several labels stays apart), then by falling ``J``, then by start. A pair joins the
  clusters of its two spans unless the result would hold two spans of one worker.
* A cluster of one is kept, as with boxes.
* Confidence: the sum of ``J(member, result)`` over the members with the winning label, over the number of
  answers.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ConsolidatedSpan", "LabeledSpan", "consolidate_spans", "span_iou"]

_IOU_MIN = 0.5


@dataclass(frozen=True, slots=True)
class LabeledSpan:
    """A span as a worker marked it: ``start`` inclusive, ``end`` exclusive, in code points."""

    start: int
    end: int
    class_id: int


@dataclass(frozen=True, slots=True)
class ConsolidatedSpan:
    """A span of the label."""

    start: int
    end: int
    class_id: int
    confidence: float


@dataclass(frozen=True, slots=True)
class _Member:
    i_answer: int
    span: LabeledSpan


def span_iou(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Return the Jaccard index of two spans ``(start, end)``; 0 for spans without length.

    Examples
    --------
    >>> span_iou((0, 4), (0, 5))
    0.8
    """
    shared = min(a[1], b[1]) - max(a[0], b[0])
    if shared <= 0:
        return 0.0
    return shared / (a[1] - a[0] + b[1] - b[0] - shared)


def consolidate_spans(
    answers: Sequence[tuple[str, Sequence[LabeledSpan]]], *, n_workers_asked: int, seed: str = ""
) -> list[ConsolidatedSpan]:
    """Combine the spans that several workers marked in one text.

    Parameters
    ----------
    answers : sequence of (str, sequence of LabeledSpan)
        ``(worker id, spans)`` in the order of submission, also of workers who marked nothing. A worker may
        mark overlapping spans, and one span with several labels; spans without length and exact repetitions
        are dropped.
    n_workers_asked : int
        Workers per object of the job; with 1 all confidences are 0.
    seed : str
        Decides ties between labels, together with the start of the cluster: the same every time.

    Returns
    -------
    list of ConsolidatedSpan
        By start, end and class; no two are equal in all three.

    Examples
    --------
    >>> marked = [("a", [LabeledSpan(0, 4, 1)]), ("b", [LabeledSpan(0, 4, 1)]), ("c", [LabeledSpan(0, 5, 1)])]
    >>> consolidate_spans(marked, n_workers_asked=3)
    [ConsolidatedSpan(start=0, end=4, class_id=1, confidence=0.93)]
    """
    members = [
        _Member(i, span)
        for i, (_, spans) in enumerate(answers)
        for span in dict.fromkeys(spans)
        if span.end > span.start
    ]
    found: dict[tuple[int, int, int], ConsolidatedSpan] = {}
    for cluster in _cluster(members):
        span = _consolidate(cluster, len(answers), seed, has_confidence=n_workers_asked != 1)
        key = (span.start, span.end, span.class_id)
        if key not in found or found[key].confidence < span.confidence:
            found[key] = span
    return [found[key] for key in sorted(found)]


def _cluster(members: list[_Member]) -> list[list[_Member]]:
    """Group matching spans; clusters and their members come in the order of ``members``."""
    root = list(range(len(members)))  # cluster of each span, named by its first member
    clusters = {i: [i] for i in root}
    for i, j in _pairs(members):
        a, b = sorted((root[i], root[j]))
        if a == b:
            continue
        workers = {members[k].i_answer for k in clusters[a]}
        if any(members[k].i_answer in workers for k in clusters[b]):
            continue
        for k in clusters.pop(b):
            clusters[a].append(k)
            root[k] = a
    return [[members[k] for k in sorted(clusters[a])] for a in sorted(clusters)]


def _pairs(members: list[_Member]) -> list[tuple[int, int]]:
    """Return pairs of spans that may match, the best first, ties in the order of the spans."""
    by_start = sorted(range(len(members)), key=lambda i: members[i].span.start)
    found: list[tuple[bool, float, int, int, int]] = []
    for position, i in enumerate(by_start):
        one = members[i]
        start, end = one.span.start, one.span.end
        # What begins behind the middle covers less than half of the union.
        last_start = start + (end - start) / 2
        for j in by_start[position + 1 :]:
            other = members[j]
            if other.span.start > last_start:
                break
            if other.i_answer == one.i_answer:
                continue
            iou = span_iou((start, end), (other.span.start, other.span.end))
            if iou >= _IOU_MIN:
                is_other_label = one.span.class_id != other.span.class_id
                found.append((is_other_label, -iou, start, min(i, j), max(i, j)))
    found.sort()
    return [(i, j) for *_, i, j in found]


def _consolidate(
    cluster: list[_Member], n_answers: int, seed: str, *, has_confidence: bool
) -> ConsolidatedSpan:
    spans = [member.span for member in cluster]
    start = _mode_or_median([span.start for span in spans])
    end = _mode_or_median([span.end for span in spans])
    if start >= end:
        best = max(spans, key=lambda span: sum(_iou(span, other) for other in spans))
        start, end = best.start, best.end
    class_id = _majority([span.class_id for span in spans], f"{seed}\0{start}")
    confidence = 0.0
    if has_confidence:
        agreeing = [span_iou((s.start, s.end), (start, end)) for s in spans if s.class_id == class_id]
        confidence = round(sum(agreeing) / n_answers, 2)
    return ConsolidatedSpan(start, end, class_id, confidence)


def _iou(a: LabeledSpan, b: LabeledSpan) -> float:
    return span_iou((a.start, a.end), (b.start, b.end))


def _mode_or_median(values: list[int]) -> int:
    counts = Counter(values).most_common(2)
    if len(counts) == 1 or counts[0][1] > counts[1][1]:
        return counts[0][0]
    return sorted(values)[(len(values) - 1) // 2]


def _majority(class_ids: list[int], seed: str) -> int:
    counts = Counter(class_ids)
    most = max(counts.values())
    tied = sorted(class_id for class_id, n in counts.items() if n == most)
    if len(tied) == 1:
        return tied[0]
    drawn = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    return tied[drawn % len(tied)]
