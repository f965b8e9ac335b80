"""One bridge per task type: from a true label to a worker's answer, and from answers to agreement.

Decides which task types can be simulated. Custom templates cannot: only their author knows what their form
asks.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from labelwright.consolidation import LabeledBox, consolidate_boxes, consolidate_classes
from labelwright.errors import InvalidRequest
from labelwright.simulate.agreement import BoxAgreement, ClassAgreement
from labelwright.simulate.error_models import Skill, answer_boxes, answer_class, confusable
from labelwright.simulate.truth import BoxTruth, ClassTruth, TrueBox

__all__ = ["Answering", "answering_for", "rng_of"]

Truth = BoxTruth | ClassTruth
Answers = Sequence[tuple[str, Mapping[str, Any]]]
"""(worker, answer) of one object in the order of submission."""


class Answering(Protocol):
    """What `simulate_job` needs to know about a task type."""

    def answer(self, truth: Truth, skill: Skill, rng: np.random.Generator) -> dict[str, Any]:
        """A worker's answer in the form of ``answerContent``."""

    def single_quality(self, answers: Sequence[tuple[Truth, Mapping[str, Any]]]) -> dict[str, float]:
        """Agreement of single answers with the truth."""

    def consolidated_quality(
        self, objects: Sequence[tuple[Truth, Answers]], n_asked: int
    ) -> dict[str, float]:
        """Agreement of the consolidated labels with the truth."""


def answering_for(task_type: str, labels: Sequence[str], seed: int) -> Answering:
    """The bridge of a task type.

    Parameters
    ----------
    task_type : str
        Suffix of the job's ``PRE-`` function; empty for custom templates.
    labels : sequence of str
        The job's labels.
    seed : int
        Decides which classes the crowd confuses.

    Raises
    ------
    InvalidRequest
        The type cannot be simulated.
    """
    match task_type:
        case "BoundingBox":
            return _Boxes(labels, seed)
        case "ImageMultiClass":
            return _Classes(labels, seed, "crowd-image-classifier")
        case "TextMultiClass":
            return _Classes(labels, seed, "crowd-classifier")
    what = f"Jobs of type {task_type}" if task_type else "Jobs with a custom template"
    raise InvalidRequest(
        f"{what} cannot be simulated: synthetic workers can answer BoundingBox, ImageMultiClass and "
        "TextMultiClass jobs made from the built-in templates. Rehearse a custom job with your own bot "
        "through the worker API (/portal/api/openapi.json).",
        field="PreHumanTaskLambdaArn",
        value=task_type,
    )


def rng_of(seed: int, i_worker: int, task_object: str) -> np.random.Generator:
    """The generator of one worker's answer to one object: the same in whatever order tasks come."""
    return np.random.default_rng([seed, i_worker, zlib.crc32(task_object.encode())])


class _Classes:
    def __init__(self, labels: Sequence[str], seed: int, element: str) -> None:
        self._labels = list(labels)
        self._index = {label: i for i, label in enumerate(labels)}
        self._element = element
        self._alike = confusable(len(labels), np.random.default_rng([seed, len(labels)]))

    def answer(self, truth: Truth, skill: Skill, rng: np.random.Generator) -> dict[str, Any]:
        if not isinstance(truth, ClassTruth):
            raise _wrong_truth("a class", truth)
        return answer_class(truth.class_id, self._labels, skill, self._alike, rng, element=self._element)

    def single_quality(self, answers: Sequence[tuple[Truth, Mapping[str, Any]]]) -> dict[str, float]:
        agreement = ClassAgreement()
        for truth, answer in answers:
            if isinstance(truth, ClassTruth):
                agreement.add(self._class_id(answer), truth.class_id)
        return {"accuracy": agreement.accuracy}

    def consolidated_quality(
        self, objects: Sequence[tuple[Truth, Answers]], n_asked: int
    ) -> dict[str, float]:
        votes = [[(worker, self._class_id(answer)) for worker, answer in answers] for _, answers in objects]
        agreement = ClassAgreement()
        for (truth, _), (class_id, _) in zip(
            objects, consolidate_classes(votes, len(self._labels), n_workers_asked=n_asked), strict=True
        ):
            if isinstance(truth, ClassTruth):
                agreement.add(class_id, truth.class_id)
        return {"accuracy": agreement.accuracy}

    def _class_id(self, answer: Mapping[str, Any]) -> int:
        return self._index[answer[self._element]["label"]]


class _Boxes:
    def __init__(self, labels: Sequence[str], seed: int) -> None:
        self._labels = list(labels)
        self._index = {label: i for i, label in enumerate(labels)}
        self._alike = confusable(len(labels), np.random.default_rng([seed, len(labels)]))

    def answer(self, truth: Truth, skill: Skill, rng: np.random.Generator) -> dict[str, Any]:
        if not isinstance(truth, BoxTruth):
            raise _wrong_truth("boxes", truth)
        return answer_boxes(truth, self._labels, skill, self._alike, rng)

    def single_quality(self, answers: Sequence[tuple[Truth, Mapping[str, Any]]]) -> dict[str, float]:
        agreement = BoxAgreement()
        for truth, answer in answers:
            if isinstance(truth, BoxTruth):
                agreement.add(self._boxes(answer), truth.boxes)
        return _box_numbers(agreement)

    def consolidated_quality(
        self, objects: Sequence[tuple[Truth, Answers]], n_asked: int
    ) -> dict[str, float]:
        agreement = BoxAgreement()
        for truth, answers in objects:
            if not isinstance(truth, BoxTruth):
                continue
            drawn = [
                (
                    worker,
                    [LabeledBox(b.class_id, b.left, b.top, b.width, b.height) for b in self._boxes(answer)],
                )
                for worker, answer in answers
            ]
            merged = consolidate_boxes(drawn, image_height=truth.image_height, n_workers_asked=n_asked)
            agreement.add(
                [TrueBox(b.class_id, b.left, b.top, b.width, b.height) for b in merged], truth.boxes
            )
        return _box_numbers(agreement)

    def _boxes(self, answer: Mapping[str, Any]) -> list[TrueBox]:
        return [
            TrueBox(self._index[b["label"]], b["left"], b["top"], b["width"], b["height"])
            for b in answer["boundingBox"]["boundingBoxes"]
        ]


def _box_numbers(agreement: BoxAgreement) -> dict[str, float]:
    return {
        "precision": agreement.precision,
        "recall": agreement.recall,
        "f1": agreement.f1,
        "mean_iou": agreement.mean_iou,
    }


def _wrong_truth(wanted: str, truth: Truth) -> InvalidRequest:
    has = "boxes" if isinstance(truth, BoxTruth) else "a class"
    return InvalidRequest(
        f"The job asks for {wanted} but the truth manifest's attribute holds {has}; name another "
        "--attribute.",
        field="attribute",
    )
