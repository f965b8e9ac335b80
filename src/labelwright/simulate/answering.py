"""One bridge per task type: from a true label to a worker's answer, and from answers to agreement.

Decides which task types can be simulated. Custom templates cannot: only their author knows what their form
asks.
"""

from __future__ import annotations

import abc
import base64
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

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


Mask = npt.NDArray[np.uint8]
T = TypeVar("T", bound=Truth)
L = TypeVar("L")
L_contra = TypeVar("L_contra", contravariant=True)


class Agreement(Protocol[L_contra]):
    """Counts how well what was found agrees with the truth."""

    def add(self, found: L_contra, true: L_contra) -> None:
        """Count one object."""

    def numbers(self) -> dict[str, float]:
        """Shares by name."""


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


class _Bridge(abc.ABC, Generic[T, L]):
    """What all bridges do; a subclass says how an answer is made, read and consolidated."""

    holds: type[T]
    """The truth it answers from."""
    wants: str
    """The same in words."""
    agreement: Callable[[], Agreement[L]]

    def __init__(self, labels: Sequence[str], seed: int, element: str) -> None:
        self._labels = list(labels)
        self._index = {label: i for i, label in enumerate(labels)}
        self._element = element
        self._alike = confusable(len(labels), np.random.default_rng([seed, len(labels)]))

    def answer(self, truth: Truth, skill: Skill, rng: np.random.Generator) -> dict[str, Any]:
        """See `Answering.answer`."""
        if not isinstance(truth, self.holds):
            raise InvalidRequest(
                f"The job asks for {self.wants} but the truth manifest's attribute holds "
                f"{_HELD[type(truth)]}; name another --attribute.",
                field="attribute",
            )
        return self._answer(truth, skill, rng)

    def single_quality(self, answers: Sequence[tuple[Truth, Mapping[str, Any]]]) -> dict[str, float]:
        """See `Answering.single_quality`."""
        agreement = self.agreement()
        for truth, answer in answers:
            if isinstance(truth, self.holds):
                agreement.add(self._read(answer), self._true(truth))
        return agreement.numbers()

    def consolidated_quality(
        self, objects: Sequence[tuple[Truth, Answers]], n_asked: int
    ) -> dict[str, float]:
        """See `Answering.consolidated_quality`."""
        agreement = self.agreement()
        ours = [(truth, answers) for truth, answers in objects if isinstance(truth, self.holds)]
        read = (
            (truth, [(worker, self._read(answer)) for worker, answer in answers]) for truth, answers in ours
        )
        for (truth, _), found in zip(ours, self._consolidated(read, n_asked), strict=True):
            agreement.add(found, self._true(truth))
        return agreement.numbers()

    @abc.abstractmethod
    def _answer(self, truth: T, skill: Skill, rng: np.random.Generator) -> dict[str, Any]:
        """A worker's answer."""

    @abc.abstractmethod
    def _read(self, answer: Mapping[str, Any]) -> L:
        """What an answer says."""

    @abc.abstractmethod
    def _true(self, truth: T) -> L:
        """What it should say."""

    @abc.abstractmethod
    def _consolidated(
        self, objects: Iterable[tuple[T, Sequence[tuple[str, L]]]], n_asked: int
    ) -> Iterable[L]:
        """What the answers to each object say together."""


class _Classes(_Bridge[ClassTruth, int]):
    holds, wants, agreement = ClassTruth, "a class", ClassAgreement

    def _answer(self, truth: ClassTruth, skill: Skill, rng: np.random.Generator) -> dict[str, Any]:
        return answer_class(truth.class_id, self._labels, skill, self._alike, rng, element=self._element)

    def _read(self, answer: Mapping[str, Any]) -> int:
        return self._index[answer[self._element]["label"]]

    def _true(self, truth: ClassTruth) -> int:
        return truth.class_id

    def _consolidated(
        self, objects: Iterable[tuple[ClassTruth, Sequence[tuple[str, int]]]], n_asked: int
    ) -> Iterable[int]:
        votes = [votes for _, votes in objects]
        found = consolidate_classes(votes, len(self._labels), n_workers_asked=n_asked)
        return (class_id for class_id, _ in found)


class _Ticks(_Bridge[TicksTruth, frozenset[int]]):
    holds, wants, agreement = TicksTruth, "a list of classes", SetAgreement

    def _answer(self, truth: TicksTruth, skill: Skill, rng: np.random.Generator) -> dict[str, Any]:
        return answer_ticks(truth, self._labels, skill, self._alike, rng, element=self._element)

    def _read(self, answer: Mapping[str, Any]) -> frozenset[int]:
        return frozenset(self._index[label] for label in answer[self._element]["labels"])

    def _true(self, truth: TicksTruth) -> frozenset[int]:
        return truth.class_ids

    def _consolidated(
        self, objects: Iterable[tuple[TicksTruth, Sequence[tuple[str, frozenset[int]]]]], n_asked: int
    ) -> Iterable[frozenset[int]]:
        votes = [votes for _, votes in objects]
        found = consolidate_multi_label(votes, len(self._labels), n_workers_asked=n_asked)
        return (frozenset(class_id for class_id, _ in ticked) for ticked in found)


class _Spans(_Bridge[SpansTruth, Sequence[Any]]):
    holds, wants = SpansTruth, "spans of text"

    @staticmethod
    def agreement() -> Agreement[Sequence[Any]]:
        return _SpanAgreement()

    def _answer(self, truth: SpansTruth, skill: Skill, rng: np.random.Generator) -> dict[str, Any]:
        return answer_spans(truth, self._labels, skill, self._alike, rng)

    def _read(self, answer: Mapping[str, Any]) -> Sequence[Any]:
        return [
            LabeledSpan(e["startOffset"], e["endOffset"], self._index[e["label"]])
            for e in answer[self._element]["entities"]
        ]

    def _true(self, truth: SpansTruth) -> Sequence[Any]:
        return truth.spans

    def _consolidated(
        self, objects: Iterable[tuple[SpansTruth, Sequence[tuple[str, Sequence[Any]]]]], n_asked: int
    ) -> Iterable[Sequence[Any]]:
        return (consolidate_spans(marked, n_workers_asked=n_asked) for _, marked in objects)


class _SpanAgreement(SetAgreement):
    """Of spans: equal ones have the same extent and class."""

    def add(self, found: Iterable[Any], true: Iterable[Any]) -> None:
        """Count one text."""
        SetAgreement.add(self, set(map(_extent, found)), set(map(_extent, true)))


def _extent(span: Any) -> tuple[int, int, int]:
    return (span.start, span.end, span.class_id)


class _Masks(_Bridge[MaskTruth, Mask]):
    holds, wants, agreement = MaskTruth, "a mask", MaskAgreement

    def _answer(self, truth: MaskTruth, skill: Skill, rng: np.random.Generator) -> dict[str, Any]:
        return answer_mask(truth.load(), self._labels, skill, self._alike, rng)

    def _read(self, answer: Mapping[str, Any]) -> Mask:
        value = answer[self._element]
        classes = {entry["color"]: self._index[label] + 1 for label, entry in value["labelMappings"].items()}
        return read_mask(base64.b64decode(value["labeledImage"]["pngImageData"]), classes)

    def _true(self, truth: MaskTruth) -> Mask:
        return truth.load()

    def _consolidated(
        self, objects: Iterable[tuple[MaskTruth, Sequence[tuple[str, Mask]]]], n_asked: int
    ) -> Iterable[Mask]:
        return (
            consolidate_masks(np.stack([mask for _, mask in painted]), n_workers_asked=n_asked).mask
            for _, painted in objects
        )


class _Boxes(_Bridge[BoxTruth, Sequence[TrueBox]]):
    holds, wants, agreement = BoxTruth, "boxes", BoxAgreement

    def _answer(self, truth: BoxTruth, skill: Skill, rng: np.random.Generator) -> dict[str, Any]:
        return answer_boxes(truth, self._labels, skill, self._alike, rng)

    def _read(self, answer: Mapping[str, Any]) -> Sequence[TrueBox]:
        return [
            TrueBox(self._index[b["label"]], b["left"], b["top"], b["width"], b["height"])
            for b in answer["boundingBox"]["boundingBoxes"]
        ]

    def _true(self, truth: BoxTruth) -> Sequence[TrueBox]:
        return truth.boxes

    def _consolidated(
        self, objects: Iterable[tuple[BoxTruth, Sequence[tuple[str, Sequence[TrueBox]]]]], n_asked: int
    ) -> Iterable[Sequence[TrueBox]]:
        for truth, answers in objects:
            drawn = [
                (worker, [LabeledBox(b.class_id, b.left, b.top, b.width, b.height) for b in boxes])
                for worker, boxes in answers
            ]
            merged = consolidate_boxes(drawn, image_height=truth.image_height, n_workers_asked=n_asked)
            yield [TrueBox(b.class_id, b.left, b.top, b.width, b.height) for b in merged]


_HELD: Mapping[type, str] = {
    bridge.holds: bridge.wants for bridge in (_Boxes, _Classes, _Masks, _Spans, _Ticks)
}


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
