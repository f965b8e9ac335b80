"""Single-label classification, shared by images, text and video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.consolidation import ALGORITHMS, Responses, classify, consolidate_classes
from labelwright.errors import InvalidRequest
from labelwright.tasks._worker_reports import of_classes
from labelwright.tasks.task_type import (
    COMPATIBLE,
    Categories,
    Certainty,
    Failure,
    JobNames,
    Label,
    Media,
    ObjectAnswers,
    Outcome,
    ReadLine,
    TaskType,
    WorkerReport,
)

__all__ = ["CERTAIN_ALGORITHM", "CLASS_ALGORITHMS", "SingleLabelClassification", "built_in_input", "shown"]

CLASS_ALGORITHMS: Mapping[str, str] = {name: algorithm.version for name, algorithm in ALGORITHMS.items()}

CERTAIN_ALGORITHM = "bayesian"
"""Tells how sure a label is, whichever algorithm makes it: its probabilities are calibrated. Those of the
compatible one and of Dawid-Skene promise far more than they keep in small groups."""

_N_EARLIER = 1000
_ALONE = frozenset({COMPATIBLE, "majority"})  # the original forgets its workers; votes know none


class SingleLabelClassification(TaskType):
    """One class per object, estimated over a group.

    Parameters
    ----------
    suffixes : tuple of str
    source_keys : tuple of str
    media : Media
    kind : str
        ``type`` of the metadata.
    element : str
        Conventional name of the classifier element in the template.
    n_labels_min : int
    n_labels_max : int or None
    """

    algorithms = CLASS_ALGORITHMS
    certainty: Certainty = "posterior"
    n_reported = 2000

    def __init__(
        self,
        suffixes: tuple[str, ...],
        *,
        source_keys: tuple[str, ...],
        media: Media,
        kind: str,
        element: str,
        n_labels_min: int = 2,
        n_labels_max: int | None = None,
    ) -> None:
        self.suffixes = suffixes
        self.source_keys = source_keys
        self.media = media
        self.kind = kind
        self.element = element
        self.n_labels_min = n_labels_min
        self.n_labels_max = n_labels_max

    def task_input(self, line: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
        """``taskObject``, ``labels`` and the whole line as ``manifestLine``."""
        return built_in_input(line, categories)

    def validate_answer(
        self, answer: Mapping[str, Any], categories: Categories, line: ReadLine
    ) -> dict[str, Any]:
        """Require one classifier whose label is in the label category file."""
        key, label = self.find(answer)
        if label not in categories.index:
            raise InvalidRequest(
                f"answer.{key}.label is {label!r}, which is not one of the job's labels: "
                f"{shown(categories.labels)}.",
                field=f"answer.{key}.label",
                value=label,
                rule="a label of the job",
            )
        return dict(answer)

    def find(self, answer: Mapping[str, Any]) -> tuple[str, str]:
        """The name of the classifier in the form, and the label that was chosen.

        Raises
        ------
        InvalidRequest
            When the answer holds no classification.
        """
        # By the shape of the value: authors rename elements.
        keys = [self.element, *sorted(answer)] if self.element in answer else sorted(answer)
        for key in keys:
            value = answer[key]
            if isinstance(value, Mapping) and isinstance(value.get("label"), str):
                return key, value["label"]
        raise InvalidRequest(
            f'answer holds no classification; expected {{"{self.element}": {{"label": "<label>"}}}}.',
            field=f"answer.{self.element}.label",
            rule="one classifier with a label",
        )

    def consolidate(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> list[Outcome]:
        """The group's labels; with one worker per object the answer itself, confidence 0."""
        return [
            found if isinstance(found, Failure) else self.label(item, found, categories, names)
            for item, found in zip(objects, self._estimated(objects, categories, names), strict=True)
        ]

    def n_earlier(self, categories: Categories, names: JobNames) -> int:
        """As many as a hundred workers or so can be judged by; none for algorithms that judge nobody."""
        return 0 if names.algorithm in _ALONE else _N_EARLIER

    def label(
        self, item: ObjectAnswers, found: tuple[int, float], categories: Categories, names: JobNames
    ) -> Label:
        """The label that a class index and its confidence give."""
        index, confidence = found
        metadata = self.metadata(item, names, class_name=categories.labels[index], confidence=confidence)
        return Label({names.label_attribute_name: index, names.metadata_name: metadata})

    def estimated_whole(
        self,
        objects: npt.NDArray[np.int64],
        workers: npt.NDArray[np.int64],
        labels: npt.NDArray[np.int64],
        *,
        n_objects: int,
        categories: Categories,
        names: JobNames,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Class indices and confidences of all objects of a job at once.

        Parameters
        ----------
        objects, workers, labels : ndarray of shape (n_answers,), int64
            Answer ``k`` is class ``labels[k]`` by ``workers[k]`` on ``objects[k]``; objects and workers are
            numbered from 0.
        n_objects : int
            Objects without an answer get a label that means nothing.
        """
        n_classes = len(categories.labels)
        crowd = Responses.from_arrays(
            objects,
            workers,
            labels,
            n_tasks=n_objects,
            n_workers=int(workers.max(initial=-1)) + 1,
            n_classes=n_classes,
        )
        found = classify(crowd, n_classes, algorithm=names.algorithm, n_workers_asked=names.n_workers)
        return found.labels, found.confidences

    def metadata(
        self, item: ObjectAnswers, names: JobNames, *, class_name: str, confidence: float
    ) -> dict[str, Any]:
        """What goes with a label."""
        return {
            "confidence": confidence,
            "job-name": names.reference,
            "class-name": class_name,
            "human-annotated": "yes",
            "creation-date": item.creation_date,
            "type": self.kind,
        }

    def _estimated(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> list[tuple[int, float] | Failure]:
        votes = [self.votes(item, categories) for item in objects]
        estimated = iter(_estimate([vote for vote in votes if vote], len(categories.labels), names))
        missing = Failure("no answer names a label of the label category file.")
        return [next(estimated) if vote else missing for vote in votes]

    def certainties(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> list[float]:
        """The probability of each object's label; 0 where no answer names a label."""
        votes = [self.votes(item, categories) for item in objects]
        given = [vote for vote in votes if vote]
        if not given:
            return [0.0] * len(votes)
        found = classify(given, len(categories.labels), algorithm=CERTAIN_ALGORITHM)
        best = iter(found.posteriors.max(axis=1).tolist())
        return [next(best) if vote else 0.0 for vote in votes]

    def worker_reports(self, objects: Sequence[ObjectAnswers], categories: Categories) -> list[WorkerReport]:
        """The workers' accuracy."""
        return of_classes([self.votes(item, categories) for item in objects], categories.labels)

    def votes(self, item: ObjectAnswers, categories: Categories) -> list[tuple[str, int]]:
        """``(worker, class index)`` of the answers that name a label of the job."""
        votes = []
        for answer in item.answers:
            try:
                _, label = self.find(answer.content)
            except InvalidRequest:
                continue
            if label in categories.index:
                votes.append((answer.worker, categories.index[label]))
        return votes


def _estimate(votes: list[list[tuple[str, int]]], n_classes: int, names: JobNames) -> list[tuple[int, float]]:
    if names.algorithm == COMPATIBLE or not votes:
        return consolidate_classes(votes, n_classes, n_workers_asked=names.n_workers)
    found = classify(votes, n_classes, algorithm=names.algorithm, n_workers_asked=names.n_workers)
    return [
        (int(label), round(float(confidence), 2))
        for label, confidence in zip(found.labels, found.confidences, strict=True)
    ]


def built_in_input(line: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
    """What the built-in pre-annotation functions give to a template."""
    source = line.get("source")
    return {
        "taskObject": line["source-ref"] if source is None else source,
        "labels": list(categories.labels),
        "manifestLine": dict(line),
    }


def shown(labels: Sequence[str]) -> str:
    """The first labels, for messages."""
    first = ", ".join(repr(label) for label in labels[:10])
    return first if len(labels) <= 10 else f"{first} and {len(labels) - 10} more"
