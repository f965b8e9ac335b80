"""Classification with any number of labels, shared by images and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from labelwright.consolidation import classify_multi_label
from labelwright.errors import InvalidRequest
from labelwright.tasks._classes import CERTAIN_ALGORITHM, CLASS_ALGORITHMS, built_in_input, shown
from labelwright.tasks._worker_reports import of_several_labels
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

__all__ = ["MultiLabelClassification"]

_N_EARLIER_MIN, _N_EARLIER_MAX, _N_EARLIER_CELLS = 100, 1000, 4000


class MultiLabelClassification(TaskType):
    """At least one class per object. Every class has its own confidence.

    The compatible algorithm keeps every class that any worker ticked; the others keep those that are more
    likely right than not, and at least the likeliest.

    Parameters
    ----------
    suffixes : tuple of str
    source_keys : tuple of str
    media : Media
    kind : str
        ``type`` of the metadata.
    element : str
        Conventional name of the classifier element in the template.
    """

    n_labels_min = 2
    n_labels_max = 50
    algorithms = CLASS_ALGORITHMS
    certainty: Certainty = "posterior"
    n_reported = 500

    def __init__(
        self,
        suffixes: tuple[str, ...],
        *,
        source_keys: tuple[str, ...],
        media: Media,
        kind: str,
        element: str,
    ) -> None:
        self.suffixes = suffixes
        self.source_keys = source_keys
        self.media = media
        self.kind = kind
        self.element = element

    def task_input(self, line: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
        """``taskObject``, ``labels`` and the whole line as ``manifestLine``."""
        return built_in_input(line, categories)

    def validate_answer(
        self, answer: Mapping[str, Any], categories: Categories, line: ReadLine
    ) -> dict[str, Any]:
        """Require one classifier with at least one label, all of them in the label category file."""
        key = self._find(answer)
        path, labels = f"answer.{key}.labels", answer[key]["labels"]
        if not isinstance(labels, list) or not labels:
            _refuse(path, labels, "must be a list of at least one label")
        for i, label in enumerate(labels):
            if not isinstance(label, str) or label not in categories.index:
                rule = f"must be one of the job's labels: {shown(categories.labels)}"
                _refuse(f"{path}[{i}]", label, rule)
        return dict(answer)

    def _find(self, answer: Mapping[str, Any]) -> str:
        # By the shape of the value: authors rename elements.
        keys = [self.element, *sorted(answer)] if self.element in answer else sorted(answer)
        for key in keys:
            if isinstance(answer[key], Mapping) and "labels" in answer[key]:
                return key
        raise InvalidRequest(
            f'answer holds no classification; expected {{"{self.element}": {{"labels": ["<label>"]}}}}.',
            field=f"answer.{self.element}.labels",
            rule="one classifier with labels",
        )

    def consolidate(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> list[Outcome]:
        """The group's labels; with one worker per object the answer itself, all confidences 0."""
        ticked = [self._ticked(item, categories) for item in objects]
        estimated = iter(
            classify_multi_label(
                [answers for answers in ticked if answers],
                len(categories.labels),
                algorithm=names.algorithm,
                n_workers_asked=names.n_workers,
            )
        )
        missing = Failure("no answer names a label of the label category file.")
        return [
            self._label(item, _chosen(next(estimated), names), categories, names) if answers else missing
            for item, answers in zip(objects, ticked, strict=True)
        ]

    def n_earlier(self, categories: Categories, names: JobNames) -> int:
        """Fewer where there are many labels: each is a question of its own, answered in its own time."""
        if names.algorithm in (COMPATIBLE, "majority"):
            return 0
        return max(_N_EARLIER_MIN, min(_N_EARLIER_MAX, _N_EARLIER_CELLS // len(categories.labels)))

    def certainties(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> list[float]:
        """The probability of the least certain of an object's classes; 0 where no answer names one."""
        ticked = [self._ticked(item, categories) for item in objects]
        estimated = iter(
            classify_multi_label(
                [answers for answers in ticked if answers],
                len(categories.labels),
                algorithm=CERTAIN_ALGORITHM,
            )
        )
        return [min(max(p, 1 - p) for _, p in next(estimated)) if answers else 0.0 for answers in ticked]

    def worker_reports(self, objects: Sequence[ObjectAnswers], categories: Categories) -> list[WorkerReport]:
        """Precision and recall of what the workers tick."""
        ticked = [self._ticked(item, categories) for item in objects]
        return of_several_labels(ticked, len(categories.labels))

    def _label(
        self, item: ObjectAnswers, found: list[tuple[int, float]], categories: Categories, names: JobNames
    ) -> Label:
        metadata = {
            "job-name": names.reference,
            "confidence-map": {str(index): confidence for index, confidence in found},
            "class-map": {str(index): categories.labels[index] for index, _ in found},
            "type": self.kind,
            "human-annotated": "yes",
            "creation-date": item.creation_date,
        }
        value = [index for index, _ in found]
        return Label({names.label_attribute_name: value, names.metadata_name: metadata})

    def _ticked(self, item: ObjectAnswers, categories: Categories) -> list[tuple[str, frozenset[int]]]:
        answers = []
        for answer in item.answers:
            try:
                labels = answer.content[self._find(answer.content)]["labels"]
            except InvalidRequest:
                continue
            known = frozenset(categories.index[label] for label in labels if label in categories.index)
            if known:  # nobody ticks nothing; what is left then is a label that does not exist
                answers.append((answer.worker, known))
        return answers


def _chosen(found: list[tuple[int, float]], names: JobNames) -> list[tuple[int, float]]:
    if names.algorithm == COMPATIBLE or names.n_workers == 1:
        return found
    rounded = [(index, round(probability, 2)) for index, probability in found]
    return [item for item in rounded if item[1] >= 0.5] or rounded[:1]  # the likeliest come first


def _refuse(path: str, value: Any, rule: str) -> NoReturn:
    raise InvalidRequest(f"{path} is {value!r}; it {rule}.", field=path, value=value, rule=rule)
