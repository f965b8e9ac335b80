"""One bridge per task type: from a true label to a worker's answer, and from answers to agreement.

Decides which task types can be simulated. Custom templates cannot: only their author knows what their form
asks.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from labelwright.consolidation import (
    LabeledBox,
    LabeledSpan,
    consolidate_boxes,
    consolidate_classes,
    consolidate_masks,
    consolidate_multi_label,
    consolidate_spans,
)
from labelwright.errors import InvalidRequest
from labelwright.simulate.agreement import BoxAgreement, ClassAgreement, MaskAgreement, SetAgreement
from labelwright.simulate.error_models import Skill, answer_boxes, answer_class, confusable
from labelwright.simulate.mask_errors import answer_mask
from labelwright.simulate.set_errors import answer_spans, answer_ticks
from labelwright.simulate.truth import BoxTruth, ClassTruth, MaskTruth, SpansTruth, TicksTruth, TrueBox, Truth
from labelwright.tasks._png import read_mask

__all__ = ["Answering", "Answers", "SIMULATED", "Truth", "answering_for", "rng_of"]

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
    try:
        make, element = SIMULATED[task_type]
    except KeyError:
        what = f"Jobs of type {task_type}" if task_type else "Jobs with a custom template"
        raise InvalidRequest(
            f"{what} cannot be simulated: synthetic workers can answer jobs of the types "
            f"{', '.join(sorted(SIMULATED))} made from the built-in templates. Rehearse a custom job with "
            "your own bot through the worker API (/portal/api/openapi.json).",
            field="PreHumanTaskLambdaArn",
            value=task_type,
        ) from None
    return make(labels, seed, element)


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


class _Ticks:
    def __init__(self, labels: Sequence[str], seed: int, element: str) -> None:
        self._labels = list(labels)
        self._index = {label: i for i, label in enumerate(labels)}
        self._element = element
        self._alike = confusable(len(labels), np.random.default_rng([seed, len(labels)]))

    def answer(self, truth: Truth, skill: Skill, rng: np.random.Generator) -> dict[str, Any]:
        if not isinstance(truth, TicksTruth):
            raise _wrong_truth("a list of classes", truth)
        return answer_ticks(truth, self._labels, skill, self._alike, rng, element=self._element)

    def single_quality(self, answers: Sequence[tuple[Truth, Mapping[str, Any]]]) -> dict[str, float]:
        agreement = SetAgreement()
        for truth, answer in answers:
            if isinstance(truth, TicksTruth):
                agreement.add(self._class_ids(answer), truth.class_ids)
        return _set_numbers(agreement)

    def consolidated_quality(
        self, objects: Sequence[tuple[Truth, Answers]], n_asked: int
    ) -> dict[str, float]:
        votes = [[(worker, self._class_ids(answer)) for worker, answer in answers] for _, answers in objects]
        agreement = SetAgreement()
        for (truth, _), found in zip(
            objects, consolidate_multi_label(votes, len(self._labels), n_workers_asked=n_asked), strict=True
        ):
            if isinstance(truth, TicksTruth):
                agreement.add({class_id for class_id, _ in found}, truth.class_ids)
        return _set_numbers(agreement)

    def _class_ids(self, answer: Mapping[str, Any]) -> frozenset[int]:
        return frozenset(self._index[label] for label in answer[self._element]["labels"])


class _Spans:
    def __init__(self, labels: Sequence[str], seed: int, element: str) -> None:
        self._labels = list(labels)
        self._index = {label: i for i, label in enumerate(labels)}
        self._element = element
        self._alike = confusable(len(labels), np.random.default_rng([seed, len(labels)]))

    def answer(self, truth: Truth, skill: Skill, rng: np.random.Generator) -> dict[str, Any]:
        if not isinstance(truth, SpansTruth):
            raise _wrong_truth("spans of text", truth)
        return answer_spans(truth, self._labels, skill, self._alike, rng)

    def single_quality(self, answers: Sequence[tuple[Truth, Mapping[str, Any]]]) -> dict[str, float]:
        agreement = SetAgreement()
        for truth, answer in answers:
            if isinstance(truth, SpansTruth):
                agreement.add(set(map(_extent, self._spans(answer))), set(map(_extent, truth.spans)))
        return _set_numbers(agreement)

    def consolidated_quality(
        self, objects: Sequence[tuple[Truth, Answers]], n_asked: int
    ) -> dict[str, float]:
        agreement = SetAgreement()
        for truth, answers in objects:
            if isinstance(truth, SpansTruth):
                marked = [(worker, self._spans(answer)) for worker, answer in answers]
                found = consolidate_spans(marked, n_workers_asked=n_asked)
                agreement.add(set(map(_extent, found)), set(map(_extent, truth.spans)))
        return _set_numbers(agreement)

    def _spans(self, answer: Mapping[str, Any]) -> list[LabeledSpan]:
        return [
            LabeledSpan(e["startOffset"], e["endOffset"], self._index[e["label"]])
            for e in answer[self._element]["entities"]
        ]


def _extent(span: Any) -> tuple[int, int, int]:
    return (span.start, span.end, span.class_id)


def _set_numbers(agreement: SetAgreement) -> dict[str, float]:
    return {"precision": agreement.precision, "recall": agreement.recall, "f1": agreement.f1}


class _Masks:
    def __init__(self, labels: Sequence[str], seed: int, element: str) -> None:
        self._labels = list(labels)
        self._index = {label: i for i, label in enumerate(labels)}
        self._element = element
        self._alike = confusable(len(labels), np.random.default_rng([seed, len(labels)]))

    def answer(self, truth: Truth, skill: Skill, rng: np.random.Generator) -> dict[str, Any]:
        if not isinstance(truth, MaskTruth):
            raise _wrong_truth("a mask", truth)
        return answer_mask(truth.load(), self._labels, skill, self._alike, rng)

    def single_quality(self, answers: Sequence[tuple[Truth, Mapping[str, Any]]]) -> dict[str, float]:
        agreement = MaskAgreement()
        for truth, answer in answers:
            if isinstance(truth, MaskTruth):
                agreement.add(self._mask(answer), truth.load())
        return {"accuracy": agreement.accuracy, "mean_iou": agreement.mean_iou}

    def consolidated_quality(
        self, objects: Sequence[tuple[Truth, Answers]], n_asked: int
    ) -> dict[str, float]:
        agreement = MaskAgreement()
        for truth, answers in objects:
            if isinstance(truth, MaskTruth):
                painted = np.stack([self._mask(answer) for _, answer in answers])
                agreement.add(consolidate_masks(painted, n_workers_asked=n_asked).mask, truth.load())
        return {"accuracy": agreement.accuracy, "mean_iou": agreement.mean_iou}

    def _mask(self, answer: Mapping[str, Any]) -> npt.NDArray[np.uint8]:
        value = answer[self._element]
        classes = {entry["color"]: self._index[label] + 1 for label, entry in value["labelMappings"].items()}
        return read_mask(base64.b64decode(value["labeledImage"]["pngImageData"]), classes)


class _Boxes:
    def __init__(self, labels: Sequence[str], seed: int, element: str) -> None:
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


_HELD: Mapping[type, str] = {
    BoxTruth: "boxes",
    ClassTruth: "a class",
    MaskTruth: "a mask",
    SpansTruth: "spans of text",
    TicksTruth: "a list of classes",
}


def _wrong_truth(wanted: str, truth: Truth) -> InvalidRequest:
    has = _HELD[type(truth)]
    return InvalidRequest(
        f"The job asks for {wanted} but the truth manifest's attribute holds {has}; name another "
        "--attribute.",
        field="attribute",
    )


SIMULATED: Mapping[str, tuple[Callable[[Sequence[str], int, str], Answering], str]] = {
    "AdjustmentBoundingBox": (_Boxes, "boundingBox"),
    "AdjustmentSemanticSegmentation": (_Masks, "crowd-semantic-segmentation"),
    "BoundingBox": (_Boxes, "boundingBox"),
    "ImageMultiClass": (_Classes, "crowd-image-classifier"),
    "ImageMultiClassMultiLabel": (_Ticks, "crowd-image-classifier-multi-select"),
    "NamedEntityRecognition": (_Spans, "crowd-entity-annotation"),
    "SemanticSegmentation": (_Masks, "crowd-semantic-segmentation"),
    "TextMultiClass": (_Classes, "crowd-classifier"),
    "TextMultiClassMultiLabel": (_Ticks, "crowd-classifier-multi-select"),
    "VerificationBoundingBox": (_Classes, "crowd-image-classifier"),
    "VerificationSemanticSegmentation": (_Classes, "crowd-image-classifier"),
    "VideoClassification": (_Classes, "crowd-classifier"),
    "VideoMultiClass": (_Classes, "crowd-classifier"),
}
"""What can be simulated: the bridge of each task type, and the element that its template names."""
