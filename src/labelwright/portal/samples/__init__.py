"""Live examples: a template for each element, and the frames of the built-in task types, with sample data.

The templates are the files beside this one, named after their element. They share one input, so that authors
can put parts of several together.
"""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from pathlib import Path
from typing import Any

from labelwright.portal.samples.data import LABELS, PICTURE, SAMPLE_INPUT, TEXT, prior_boxes, prior_mask

__all__ = ["Sample", "samples", "task_type_sample"]

_FOLDER = Path(__file__).parent


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One example.

    Attributes
    ----------
    name : str
        Element or task type.
    group : {"element", "task type"}
    template : str
    input : dict
        ``task.input``.
    """

    name: str
    group: str
    template: str
    input: dict[str, Any]


@cache
def samples() -> dict[str, Sample]:
    """All examples by name: elements in alphabetical order, then the task types."""
    from labelwright.templates.builtin import BUILTIN_TASK_TYPES  # late: the template language loads slowly

    found = [
        Sample(path.stem, "element", template, _used(template))
        for path in sorted(_FOLDER.glob("*.html"))
        for template in [path.read_text(encoding="utf-8")]
    ]
    found += [task_type_sample(name) for name in BUILTIN_TASK_TYPES]
    return {sample.name: sample for sample in found}


def _used(template: str) -> dict[str, Any]:
    """Of the common input what a template reads: an author should see what belongs to it."""
    names = set(re.findall(r"task\.input\.(\w+)", template))
    return {key: value for key, value in SAMPLE_INPUT.items() if key in names}


def task_type_sample(task_type: str) -> Sample:
    """The built-in template of a task type with an object that fits it."""
    from labelwright.templates.builtin import builtin

    is_audit = task_type.startswith(("Adjustment", "Verification"))
    template = builtin(
        task_type, header="Try it out", prior_label_attribute_name="earlier" if is_audit else None
    )
    return Sample(task_type, "task type", template, _task_input(task_type))


def _task_input(task_type: str) -> dict[str, Any]:
    if task_type == "NamedEntityRecognition" or task_type.startswith("Text"):
        labels = ["Person", "Place", "Time"] if task_type.startswith("Named") else ["Praise", "Complaint"]
        found: dict[str, Any] = {"taskObject": TEXT, "labels": labels, "manifestLine": {"source": TEXT}}
        if task_type.startswith("Named"):
            found["instructions"] = {
                "shortInstruction": "<p>Mark whole names.</p>",
                "fullInstruction": "<p>Leave titles such as Dr. out.</p>",
            }
        return found
    line: dict[str, Any] = {"source-ref": PICTURE}
    labels = LABELS
    if task_type.endswith("BoundingBox"):
        line |= prior_boxes("earlier")
    if task_type.endswith("SemanticSegmentation"):
        line |= prior_mask("earlier")
    if task_type.startswith("Verification"):
        labels = ["Good", "Needs work"]
    return {"taskObject": PICTURE, "labels": labels, "manifestLine": line}
