"""How workers go wrong: pure functions from a true label, a skill and a generator to an answer.

Every worker has a `Skill`, drawn around the crowd's accuracy. Mistakes follow what is seen in real box jobs:

- a class is mistaken for one it resembles far more often than for any other, and all workers of a crowd find
  the same classes alike (`confusable`), so mistakes agree, as they do in life;
- sides of boxes are off by a share of the box's size, small boxes relatively more, and a bit outwards;
- small objects are missed more often than large ones;
- extra boxes are mostly second boxes around a true object, seldom something in the background.

Answers are dicts in the form of ``answerContent`` of the built-in templates.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.errors import InvalidRequest
from labelwright.simulate.truth import BoxTruth, TrueBox

__all__ = ["Floats", "Skill", "answer_boxes", "answer_class", "confusable", "draw_skills", "named"]

Floats = npt.NDArray[np.float64]

_SPREAD = 60.0  # pseudo-counts of the Beta distribution of skills; larger means more alike workers
_LEAST_SIDE_PX = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Skill:
    """How good one worker is.

    Attributes
    ----------
    accuracy : float
        Probability of naming a class rightly, 0 to 1.
    side_error : float
        Standard deviation of a box side as a share of the box's extent.
    miss_rate : float
        Probability of overlooking a box of middling size.
    extra_rate : float
        Expected number of superfluous boxes per picture.
    decline_rate : float
        Probability of declining a task.
    """

    accuracy: float
    side_error: float
    miss_rate: float
    extra_rate: float
    decline_rate: float

    @classmethod
    def of_accuracy(cls, accuracy: float) -> Skill:
        """The other rates that usually go with an accuracy; a perfect worker makes no mistake at all."""
        weakness = 1.0 - accuracy
        return cls(
            accuracy=accuracy,
            side_error=0.35 * weakness,
            miss_rate=0.6 * weakness,
            extra_rate=0.8 * weakness,
            decline_rate=0.02 * weakness,
        )


def draw_skills(n_workers: int, accuracy: float, rng: np.random.Generator) -> list[Skill]:
    """Skills of a crowd.

    Parameters
    ----------
    n_workers : int
        At least 1.
    accuracy : float
        Mean of the crowd, above 0 and at most 1. With 1 all workers are perfect.
    rng : numpy.random.Generator

    Raises
    ------
    InvalidRequest
        When a number is out of range.
    """
    if n_workers < 1:
        raise InvalidRequest(f"--workers {n_workers}: at least one worker is needed.", field="workers")
    if not 0.0 < accuracy <= 1.0:
        raise InvalidRequest(
            f"--accuracy {accuracy}: give a share above 0 and at most 1, for instance 0.9.", field="accuracy"
        )
    if accuracy == 1.0:
        return [Skill.of_accuracy(1.0)] * n_workers
    drawn = rng.beta(accuracy * _SPREAD, (1 - accuracy) * _SPREAD, n_workers)
    return [Skill.of_accuracy(float(value)) for value in drawn]


def confusable(n_classes: int, rng: np.random.Generator) -> Floats:
    """Which classes a crowd takes for which.

    Returns
    -------
    ndarray of shape (n_classes, n_classes), float64
        Row c: probabilities of the wrong class when the truth is c; the diagonal is zero, rows sum to one.
        With one class there is nothing to confuse: a zero.
    """
    if n_classes == 1:
        return np.zeros((1, 1))
    alike = rng.gamma(0.4, size=(n_classes, n_classes)) + 0.02  # few classes get most of the weight
    alike = (alike + alike.T) / 2  # if boxes look like crates, crates look like boxes
    np.fill_diagonal(alike, 0.0)
    rows: Floats = alike / alike.sum(axis=1, keepdims=True)
    return rows


def answer_class(
    class_id: int,
    labels: Sequence[str],
    skill: Skill,
    alike: Floats,
    rng: np.random.Generator,
    *,
    element: str,
) -> dict[str, Any]:
    """Answer of an image or text classification task.

    Parameters
    ----------
    class_id : int
        The truth.
    labels : sequence of str
    skill : Skill
    alike : ndarray of shape (n_classes, n_classes)
        From `confusable`.
    rng : numpy.random.Generator
    element : str
        Name of the element in the template: ``crowd-image-classifier`` or ``crowd-classifier``.
    """
    return {element: {"label": labels[named(class_id, skill, alike, rng)]}}


def answer_boxes(
    truth: BoxTruth, labels: Sequence[str], skill: Skill, alike: Floats, rng: np.random.Generator
) -> dict[str, Any]:
    """Answer of a bounding box task.

    Parameters
    ----------
    truth : BoxTruth
    labels : sequence of str
    skill : Skill
    alike : ndarray of shape (n_classes, n_classes)
        From `confusable`.
    rng : numpy.random.Generator

    Returns
    -------
    dict
        Integer boxes of at least 2 pixels a side, wholly inside the picture. A perfect worker returns the
        truth, rounded.
    """
    size = (truth.image_width, truth.image_height)
    drawn: list[dict[str, Any]] = []
    for box in truth.boxes:
        # The rate holds for a side of 48 px; of things half that size twice as many are overlooked.
        smallness = 48.0 / max(min(box.width, box.height), 1.0)
        if rng.random() < min(skill.miss_rate * smallness, 0.9):
            continue
        class_id = named(box.class_id, skill, alike, rng)
        drawn.append(_drawn(_jittered(box, skill.side_error, rng), labels[class_id], size))
    for _ in range(int(rng.poisson(skill.extra_rate))):
        if truth.boxes and rng.random() < 0.7:
            near = truth.boxes[int(rng.integers(len(truth.boxes)))]
            wrong = _jittered(near, max(4 * skill.side_error, 0.1), rng)
            class_id = named(near.class_id, skill, alike, rng)
        else:
            wrong, class_id = _somewhere(size, rng), int(rng.integers(len(labels)))
        drawn.append(_drawn(wrong, labels[class_id], size))
    order = rng.permutation(len(drawn))
    return {
        "boundingBox": {
            "boundingBoxes": [drawn[int(i)] for i in order],
            "inputImageProperties": {"height": truth.image_height, "width": truth.image_width},
        }
    }


def named(class_id: int, skill: Skill, alike: Floats, rng: np.random.Generator) -> int:
    """The class that a worker sees: mostly the true one, else one that the crowd takes for it."""
    if rng.random() < skill.accuracy or len(alike) == 1:
        return class_id
    return int(rng.choice(len(alike), p=alike[class_id]))


_Extent = tuple[float, float, float, float]  # left, top, right, bottom


def _jittered(box: TrueBox, side_error: float, rng: np.random.Generator) -> _Extent:
    # A hand is never steadier than about a pixel, unless it is a perfect one.
    dx, dy = ((side_error * side + 0.7) if side_error > 0 else 0.0 for side in (box.width, box.height))
    outwards = 0.3
    return (
        box.left + float(rng.normal(-outwards * dx, dx)),
        box.top + float(rng.normal(-outwards * dy, dy)),
        box.left + box.width + float(rng.normal(outwards * dx, dx)),
        box.top + box.height + float(rng.normal(outwards * dy, dy)),
    )


def _somewhere(size: tuple[int, int], rng: np.random.Generator) -> _Extent:
    left, top = float(rng.uniform(0, size[0])), float(rng.uniform(0, size[1]))
    return (
        left,
        top,
        left + float(rng.uniform(0.06, 0.3)) * size[0],
        top + float(rng.uniform(0.06, 0.3)) * size[1],
    )


def _drawn(extent: _Extent, label: str, size: tuple[int, int]) -> dict[str, Any]:
    """Whole pixels, inside the picture, the keys in the order the widget gives them."""
    left, right = _span(extent[0], extent[2], size[0])
    top, bottom = _span(extent[1], extent[3], size[1])
    return {"height": bottom - top, "label": label, "left": left, "top": top, "width": right - left}


def _span(low: float, high: float, end: int) -> tuple[int, int]:
    least = min(_LEAST_SIDE_PX, end)
    start = min(max(round(min(low, high)), 0), end - least)
    return start, min(max(round(max(low, high)), start + least), end)
