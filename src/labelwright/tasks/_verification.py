"""Verification: workers judge a label of an earlier job and may say why. The checked label stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labelwright.errors import InvalidRequest
from labelwright.tasks._classes import SingleLabelClassification
from labelwright.tasks.task_type import Categories, JobNames, ObjectAnswers, ReadLine

__all__ = ["LabelVerification"]

_COMMENT = "workerComment"


class LabelVerification(SingleLabelClassification):
    """One verdict per object, estimated as a class, with the comments of the workers.

    Parameters
    ----------
    suffix : str
    what : str
        Name of the labels to check, for messages.
    earlier : callable
        ``(line, label attribute name)`` to the labels of that kind.
    """

    audits_labels = True

    def __init__(
        self, suffix: str, *, what: str, earlier: Callable[[Mapping[str, Any], str], Sequence[object]]
    ) -> None:
        super().__init__(
            (suffix,),
            source_keys=("source-ref",),
            media="image",
            kind="groundtruth/label-verification",
            element="crowd-image-classifier",
            n_labels_min=1,
        )
        self._what = what
        self._earlier = earlier

    def problem_with(self, line: Mapping[str, Any], label_attribute_name: str) -> str | None:
        """A line without a label to check cannot be given to workers."""
        if self._earlier(line, label_attribute_name):
            return None
        return f"The object has no {self._what} to check."

    def validate_answer(
        self, answer: Mapping[str, Any], categories: Categories, line: ReadLine
    ) -> dict[str, Any]:
        """As a classification; a comment must be text."""
        checked = super().validate_answer(answer, categories, line)
        key, _ = self.find(answer)
        comment = answer[key].get(_COMMENT)
        if comment is not None and not isinstance(comment, str):
            field = f"answer.{key}.{_COMMENT}"
            raise InvalidRequest(
                f"{field} is {comment!r}; it must be text.", field=field, value=comment, rule="text"
            )
        return checked

    def metadata(
        self, item: ObjectAnswers, names: JobNames, *, class_name: str, confidence: float
    ) -> dict[str, Any]:
        """What goes with a verdict; ``worker-feedback`` is there when somebody has commented."""
        feedback = [{"comment": comment} for comment in self._comments(item)]
        metadata = {
            "class-name": class_name,
            "confidence": confidence,
            "type": self.kind,
            "job-name": names.reference,
            "human-annotated": "yes",
            "creation-date": item.creation_date,
        }
        return metadata | ({"worker-feedback": feedback} if feedback else {})

    def _comments(self, item: ObjectAnswers) -> list[str]:
        comments = []
        for answer in item.answers:
            key, _ = self.find(answer.content)
            comment = answer.content[key].get(_COMMENT)
            if isinstance(comment, str) and comment.strip():
                comments.append(comment)
        return comments
