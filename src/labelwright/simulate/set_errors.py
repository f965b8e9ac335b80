"""How workers go wrong with sets: labels to tick, and spans to mark in a text.

As with boxes, things are overlooked more often than made up, and mistakes of class follow what the whole
crowd confuses. Answers are dicts in the form of ``answerContent`` of the built-in templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelwright.simulate.error_models import Floats, Skill, named
from labelwright.simulate.truth import SpansTruth, TicksTruth, TrueSpan

__all__ = ["answer_spans", "answer_ticks"]


def answer_ticks(
    truth: TicksTruth,
    labels: Sequence[str],
    skill: Skill,
    alike: Floats,
    rng: np.random.Generator,
    *,
    element: str,
) -> dict[str, Any]:
    """Answer of a multi-label classification task.

    Parameters
    ----------
    truth : TicksTruth
    labels : sequence of str
    skill : Skill
    alike : ndarray of shape (n_classes, n_classes)
        From `confusable`.
    rng : numpy.random.Generator
    element : str
        Name of the element in the template.

    Returns
    -------
    dict
        At least one label is ticked, as the page demands. A perfect worker ticks the truth.
    """
    ticked = {
        named(class_id, skill, alike, rng)
        for class_id in sorted(truth.class_ids)
        if rng.random() >= skill.miss_rate
    }
    for class_id in sorted(truth.class_ids):
        # What resembles a true label is ticked beside it now and then.
        if len(alike) > 1 and rng.random() < skill.extra_rate / max(len(truth.class_ids), 1):
            ticked.add(int(rng.choice(len(alike), p=alike[class_id])))
    if not ticked:
        ticked = {min(truth.class_ids) if truth.class_ids else int(rng.integers(len(labels)))}
    return {element: {"labels": [labels[class_id] for class_id in sorted(ticked)]}}


def answer_spans(
    truth: SpansTruth, labels: Sequence[str], skill: Skill, alike: Floats, rng: np.random.Generator
) -> dict[str, Any]:
    """Answer of a named entity recognition task.

    Parameters
    ----------
    truth : SpansTruth
    labels : sequence of str
    skill : Skill
    alike : ndarray of shape (n_classes, n_classes)
        From `confusable`.
    rng : numpy.random.Generator

    Returns
    -------
    dict
        Spans within the text, each with a length. A perfect worker returns the truth.
    """
    marked: dict[tuple[int, int, int], None] = {}
    for span in truth.spans:
        if rng.random() < skill.miss_rate:
            continue
        start, end = _shifted(span, truth.length, skill, rng)
        marked[start, end, named(span.class_id, skill, alike, rng)] = None
    for _ in range(int(rng.poisson(skill.extra_rate)) if truth.length else 0):
        start = int(rng.integers(truth.length))
        end = min(truth.length, start + 1 + int(rng.geometric(0.15)))
        marked[start, end, int(rng.integers(len(labels)))] = None
    return {
        "crowd-entity-annotation": {
            "entities": [
                {"endOffset": end, "label": labels[class_id], "startOffset": start}
                for start, end, class_id in sorted(marked)
            ]
        }
    }


def _shifted(span: TrueSpan, length: int, skill: Skill, rng: np.random.Generator) -> tuple[int, int]:
    """Boundaries are taken wrongly by a few characters, as when an article or a blank is marked with it."""
    start, end = span.start, span.end
    if rng.random() < skill.side_error:
        start += int(rng.choice([-4, -1, 1, 4]))
    if rng.random() < skill.side_error:
        end += int(rng.choice([-4, -1, 1, 4]))
    start, end = max(start, 0), min(end, length)
    return (start, end) if start < end else (span.start, span.end)
