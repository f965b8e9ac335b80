"""Named entity recognition (``NamedEntityRecognition``): labeled spans of a text.

Offsets are code points of the text, the end exclusive; worker pages convert from the browser's UTF-16 units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from labelwright.consolidation import ConsolidatedSpan, LabeledSpan, consolidate_spans
from labelwright.consolidation.span_sequences import combine_span_sequences, span_document
from labelwright.errors import InvalidRequest
from labelwright.tasks._agreement import best_agreement, spans_agreement
from labelwright.tasks._classes import built_in_input, shown
from labelwright.tasks._worker_reports import of_spans
from labelwright.tasks.task_type import (
    COMPATIBLE,
    Answer,
    Categories,
    Certainty,
    JobNames,
    Label,
    Media,
    ObjectAnswers,
    Outcome,
    ReadLine,
    TaskType,
    WorkerReport,
)

__all__ = ["TASK_TYPE", "NamedEntityRecognition"]

SPAN_ALGORITHMS: Mapping[str, str] = {COMPATIBLE: "1", "sequence": "1"}

_N_EARLIER = 100
_ELEMENT = "crowd-entity-annotation"
_KIND = "groundtruth/text-span"
_NAMES = ("label", "shortDisplayName", "fullDisplayName")
_INSTRUCTIONS = ("shortInstruction", "fullInstruction")
_ENTITIES_MAX = 5000  # of one answer, so that matching those of nine workers takes seconds at most


class NamedEntityRecognition(TaskType):
    """Any number of labeled spans; those of different workers are matched by overlap."""

    suffixes = ("NamedEntityRecognition",)
    source_keys = ("source",)
    media: Media = "text"
    algorithms = SPAN_ALGORITHMS
    certainty: Certainty = "agreement"
    n_reported = 200
    is_checked_in_thread = True  # offsets are checked against the text

    def check_categories(self, categories: Categories) -> None:
        """Display names and instructions must be text where they are given."""
        for i, entry in enumerate(categories.document["labels"]):
            for name in _NAMES[1:]:
                _must_be_text(entry.get(name), f"labels[{i}].{name}")
        instructions = categories.document.get("instructions")
        if instructions is None:
            return
        if not isinstance(instructions, dict):
            _refuse_file("instructions", 'must be an object with "shortInstruction" and "fullInstruction"')
        for name in _INSTRUCTIONS:
            _must_be_text(instructions.get(name), f"instructions.{name}")

    def task_input(self, line: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
        """``taskObject``, ``labels`` as objects, ``instructions``, and the line as ``manifestLine``."""
        instructions = categories.document.get("instructions") or {}
        labels = [
            {name: entry[name] for name in _NAMES if entry.get(name) is not None}
            for entry in categories.document["labels"]
        ]
        return {
            **built_in_input(line, categories),
            "labels": labels,
            "instructions": {name: instructions[name] for name in _INSTRUCTIONS if instructions.get(name)},
        }

    def validate_answer(
        self, answer: Mapping[str, Any], categories: Categories, line: ReadLine
    ) -> dict[str, Any]:
        """Check every entity: a label of the job, and offsets within the text."""
        key = _find(answer)
        path = f"answer.{key}.entities"
        entities = answer[key]["entities"]
        if entities is None:
            entities = []
        if not isinstance(entities, list):
            _refuse(path, entities, "must be a list of entities")
        if len(entities) > _ENTITIES_MAX:
            _refuse(path, len(entities), f"must have at most {_ENTITIES_MAX} entities")
        length = len(str(line()["source"])) if entities else 0
        for i, entity in enumerate(entities):
            _check_entity(entity, f"{path}[{i}]", length=length, categories=categories)
        return {**answer, key: {**answer[key], "entities": entities}}

    def consolidate(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> list[Outcome]:
        """Matched entities, or sequences of words estimated together with the workers of the group."""
        answers = [
            [(answer.worker, _spans(answer, categories)) for answer in item.answers] for item in objects
        ]
        if names.algorithm == COMPATIBLE or names.n_workers == 1:
            found = [
                consolidate_spans(
                    marked, n_workers_asked=names.n_workers, seed=f"{names.job_name}\0{item.object_no}"
                )
                for item, marked in zip(objects, answers, strict=True)
            ]
        else:
            found = _sequences(objects, answers)
        return [_label(item, spans, categories, names) for item, spans in zip(objects, found, strict=True)]

    def n_earlier(self, categories: Categories, names: JobNames) -> int:
        """Texts of before, from which the workers' habits are known."""
        return 0 if names.algorithm == COMPATIBLE else _N_EARLIER

    def certainties(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> list[float]:
        """How well the two answers that agree best agree."""
        return [
            best_agreement([_spans(answer, categories) for answer in item.answers], spans_agreement)
            for item in objects
        ]

    def worker_reports(self, objects: Sequence[ObjectAnswers], categories: Categories) -> list[WorkerReport]:
        """Precision and recall of the workers' spans."""
        answers = [
            [(answer.worker, _spans(answer, categories)) for answer in item.answers] for item in objects
        ]
        return of_spans(answers, _sequences(objects, answers))


def _sequences(
    objects: Sequence[ObjectAnswers], answers: Sequence[Sequence[tuple[str, Sequence[LabeledSpan]]]]
) -> list[list[ConsolidatedSpan]]:
    return combine_span_sequences(
        [
            span_document(str(item.line["source"]), marked)
            for item, marked in zip(objects, answers, strict=True)
        ]
    )


def _label(
    item: ObjectAnswers, found: Sequence[ConsolidatedSpan], categories: Categories, names: JobNames
) -> Label:
    annotations = {
        "entities": [
            {"endOffset": span.end, "startOffset": span.start, "label": categories.labels[span.class_id]}
            for span in found
        ],
        "labels": [
            {name: entry[name] for name in _NAMES[:2] if entry.get(name) is not None}
            for entry in categories.document["labels"]
        ],
    }
    metadata = {
        "entities": [{"confidence": span.confidence} for span in found],
        "job-name": names.reference,
        "type": _KIND,
        "creation-date": item.creation_date,
        "human-annotated": "yes",
    }
    return Label({names.label_attribute_name: {"annotations": annotations}, names.metadata_name: metadata})


def _spans(answer: Answer, categories: Categories) -> list[LabeledSpan]:
    try:
        entities = answer.content[_find(answer.content)]["entities"] or []
    except InvalidRequest:
        return []
    return [
        LabeledSpan(entity["startOffset"], entity["endOffset"], categories.index[entity["label"]])
        for entity in entities
        if entity["label"] in categories.index
    ]


def _find(answer: Mapping[str, Any]) -> str:
    # By the shape of the value: authors rename elements.
    keys = [_ELEMENT, *sorted(answer)] if _ELEMENT in answer else sorted(answer)
    for key in keys:
        if isinstance(answer[key], Mapping) and "entities" in answer[key]:
            return key
    raise InvalidRequest(
        f'answer holds no entities; expected {{"{_ELEMENT}": {{"entities": [...]}}}}.',
        field=f"answer.{_ELEMENT}.entities",
        rule="one entity annotation element",
    )


def _check_entity(entity: Any, path: str, *, length: int, categories: Categories) -> None:
    if not isinstance(entity, Mapping):
        _refuse(path, entity, "must be an object with startOffset, endOffset and label")
    for side in ("startOffset", "endOffset"):
        value = entity.get(side)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            _refuse(f"{path}.{side}", value, "must be a whole number of characters, at least 0")
    start, end = entity["startOffset"], entity["endOffset"]
    if end <= start:
        _refuse(f"{path}.endOffset", end, f"must be more than startOffset ({start}): a span needs a length")
    if end > length:
        _refuse(f"{path}.endOffset", end, f"must be at most {length}, the length of the text")
    label = entity.get("label")
    if not isinstance(label, str) or label not in categories.index:
        _refuse(f"{path}.label", label, f"must be one of the job's labels: {shown(categories.labels)}")


def _refuse(path: str, value: Any, rule: str) -> NoReturn:
    raise InvalidRequest(f"{path} is {value!r}; it {rule}.", field=path, value=value, rule=rule)


def _must_be_text(value: Any, field: str) -> None:
    if value is not None and not isinstance(value, str):
        _refuse_file(field, "must be text")


def _refuse_file(field: str, rule: str) -> NoReturn:
    raise InvalidRequest(f"The label category file's {field} {rule}.", field=field, rule=rule)


TASK_TYPE = NamedEntityRecognition()
