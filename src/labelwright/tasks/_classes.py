"""Single-label classification, shared by images and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labelwright.consolidation import consolidate_classes
from labelwright.errors import InvalidRequest
from labelwright.tasks.task_type import (
    Categories,
    Failure,
    JobNames,
    Label,
    Media,
    ObjectAnswers,
    Outcome,
)

__all__ = ["SingleLabelClassification"]


class SingleLabelClassification:
    """One class per object, by the modified Dawid-Skene estimate over a group.

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
    n_labels_max: int | None = None

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

    def validate_answer(self, answer: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
        """Require one classifier whose label is in the label category file."""
        key, label = self._find(answer)
        if label not in categories.index:
            raise InvalidRequest(
                f"answer.{key}.label is {label!r}, which is not one of the job's labels: "
                f"{_shown(categories.labels)}.",
                field=f"answer.{key}.label",
                value=label,
                rule="a label of the job",
            )
        return dict(answer)

    def _find(self, answer: Mapping[str, Any]) -> tuple[str, str]:
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
        votes = [self._votes(item, categories) for item in objects]
        estimated = iter(
            consolidate_classes(
                [vote for vote in votes if vote],
                len(categories.labels),
                n_workers_asked=names.n_workers,
            )
        )
        results = [next(estimated) if vote else None for vote in votes]
        outcomes: list[Outcome] = []
        for item, result in zip(objects, results, strict=True):
            if result is None:
                outcomes.append(Failure("no answer names a label of the label category file."))
                continue
            class_index, confidence = int(result[0]), float(result[1])
            metadata = {
                "confidence": confidence,
                "job-name": names.reference,
                "class-name": categories.labels[class_index],
                "human-annotated": "yes",
                "creation-date": item.creation_date,
                "type": self.kind,
            }
            outcomes.append(Label({names.label_attribute_name: class_index, names.metadata_name: metadata}))
        return outcomes

    def _votes(self, item: ObjectAnswers, categories: Categories) -> list[tuple[str, int]]:
        votes = []
        for answer in item.answers:
            try:
                _, label = self._find(answer.content)
            except InvalidRequest:
                continue
            if label in categories.index:
                votes.append((answer.worker, categories.index[label]))
        return votes


def built_in_input(line: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
    """What the built-in pre-annotation functions give to a template."""
    source = line.get("source")
    return {
        "taskObject": line["source-ref"] if source is None else source,
        "labels": list(categories.labels),
        "manifestLine": dict(line),
    }


def _shown(labels: Sequence[str]) -> str:
    shown = ", ".join(repr(label) for label in labels[:10])
    return shown if len(labels) <= 10 else f"{shown} and {len(labels) - 10} more"
