"""The form that makes a labeling job: its steps, its fields, and what each task type begins with.

The whole form travels with every request: the fields of the step that is shown as inputs, all others hidden.
So the server keeps nothing, and a page that was left open can be gone on with after a restart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

from labelwright.config import ACCOUNT_ID, DEFAULT_REGION
from labelwright.core.functions import CUSTOM, TASK_KINDS, TaskKind, kind_of
from labelwright.core.names import default_label_attribute_name
from labelwright.tasks import TaskType, task_type

__all__ = [
    "CUSTOM_TEMPLATE",
    "FORM_BYTES_MAX",
    "FORM_FIELDS_MAX",
    "STEPS",
    "TASKS",
    "Choice",
    "Form",
    "Step",
    "choice_of",
    "filled",
    "kind_rules",
    "label_attribute_name",
    "step_of_field",
    "type_of",
]

FORM_BYTES_MAX: Final = 1 << 20
FORM_FIELDS_MAX: Final = 80

Form = dict[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """One task type to choose.

    Attributes
    ----------
    suffix, group, title, about : str
        ``about`` says in a sentence what workers do.
    n_workers, minutes : int
        What the form begins with, as in Amazon's console.
    """

    suffix: str
    group: str
    title: str
    about: str
    n_workers: int = 3
    minutes: int = 5

    @property
    def audits(self) -> bool:
        """Whether labels of an earlier job are shown."""
        return self.suffix.startswith(("Adjustment", "Verification"))


TASKS: Final[dict[str, Choice]] = {
    choice.suffix: choice
    for choice in (
        Choice(
            "ImageMultiClass", "Image", "Image classification", "Choose the one label that fits a picture."
        ),
        Choice(
            "ImageMultiClassMultiLabel",
            "Image",
            "Image classification, several labels",
            "Tick every label that fits a picture.",
        ),
        Choice("BoundingBox", "Image", "Bounding boxes", "Draw a box around each object.", 5, 60),
        Choice(
            "SemanticSegmentation", "Image", "Semantic segmentation", "Paint what each pixel shows.", 3, 60
        ),
        Choice(
            "AdjustmentBoundingBox",
            "Image",
            "Adjust bounding boxes",
            "Correct the boxes of an earlier job.",
            5,
            60,
        ),
        Choice(
            "AdjustmentSemanticSegmentation",
            "Image",
            "Adjust masks",
            "Correct the masks of an earlier job.",
            3,
            60,
        ),
        Choice(
            "VerificationBoundingBox", "Image", "Verify bounding boxes", "Judge the boxes of an earlier job."
        ),
        Choice(
            "VerificationSemanticSegmentation", "Image", "Verify masks", "Judge the masks of an earlier job."
        ),
        Choice("TextMultiClass", "Text", "Text classification", "Choose the one label that fits a text."),
        Choice(
            "TextMultiClassMultiLabel",
            "Text",
            "Text classification, several labels",
            "Tick every label that fits a text.",
        ),
        Choice(
            "NamedEntityRecognition", "Text", "Named entities", "Mark names and the like in a text.", 3, 60
        ),
        Choice(
            "VideoMultiClass",
            "Video",
            "Video classification",
            "Choose the one label that fits a video.",
            3,
            60,
        ),
        Choice(CUSTOM, "Custom", "Own template", "Whatever your template asks for.", 1, 60),
    )
}

CUSTOM_TEMPLATE: Final = """\
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>

<crowd-form>
  <p style="white-space: pre-wrap">{{ task.input.source }}</p>
  <crowd-text-area name="note" label="What do you see?" required></crowd-text-area>
</crowd-form>
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One page of the form. ``fields`` have the values that they begin with."""

    name: str
    title: str
    fields: Mapping[str, str]


STEPS: Final = (
    Step(
        "task",
        "Task",
        {"task_type": "", "name": "", "differs": "", "attribute": "", "region": DEFAULT_REGION},
    ),
    Step(
        "input",
        "Input",
        {
            "setup": "manifest",
            "manifest": "",
            "prefix": "",
            "data": "",
            "how": "full",
            "percent": "10",
            "seed": "",
            "where": "",
            "prior": "",
            "output": "",
            "role": f"arn:aws:iam::{ACCOUNT_ID}:role/LabelingRole",
        },
    ),
    Step(
        "labels",
        "Labels and instructions",
        {
            "labels": "",
            "question": "",
            "short": "",
            "full": "",
            "page": "built-in",
            "template": "",
            "pre_function": "",
            "post_function": "",
        },
    ),
    Step(
        "workers",
        "Workers",
        {
            "team": "",
            "title": "",
            "description": "",
            "keywords": "",
            "n_workers": "",
            "time_limit": "",
            "lifetime": "",
            "batch": "",
            "automated": "",
            "stop_human": "",
            "stop_percent": "",
        },
    ),
    Step(
        "options",
        "Options",
        {
            "consolidation": "compatible",
            "max_workers": "",
            "ask_more_below": "",
            "auto_labeling": "certified",
            "price_per_task": "",
            "price_per_hour": "",
            "price_per_machine_label": "",
            "currency": "",
            "budget": "",
            "tags": "",
        },
    ),
    Step("review", "Review", {}),
)

_HIDDEN: Final = {"origin": "", "begun": ""}
"""Where a copied job comes from, and the task type whose defaults were filled in."""


def filled(given: Mapping[str, str]) -> Form:
    """A whole form from what was sent; what it lacks has its first value. Line ends become line feeds."""
    form: Form = dict(_HIDDEN)
    for step in STEPS:
        form |= step.fields
    for name in form:
        if name in given:
            form[name] = given[name].replace("\r\n", "\n")
    choice = choice_of(form)
    if choice is None:
        form["task_type"] = ""
    elif form["begun"] != choice.suffix:
        _begin(form, choice)
    return form


def choice_of(form: Form) -> Choice | None:
    """The chosen task type; None before there is one."""
    return TASKS.get(form["task_type"])


def _begin(form: Form, choice: Choice) -> None:
    """Fill in what depends on the task type, unless somebody has written something else there."""
    before = TASKS.get(form["begun"])
    defaults = {"n_workers": str(choice.n_workers), "time_limit": str(choice.minutes)}
    if before is not None:
        old = {"n_workers": str(before.n_workers), "time_limit": str(before.minutes)}
    for name, value in defaults.items():
        if not form[name] or (before is not None and form[name] == old[name]):
            form[name] = value
    form["begun"] = choice.suffix
    if choice.suffix == CUSTOM:
        form["page"] = "own"
        form["template"] = form["template"] or CUSTOM_TEMPLATE
    elif before is not None and before.suffix == CUSTOM and form["template"] == CUSTOM_TEMPLATE:
        form["page"], form["template"] = "built-in", ""
    form["data"] = {"Image": "image", "Text": "text", "Video": "video"}.get(choice.group, "image")


def type_of(form: Form) -> TaskType:
    """The task type's own module, for a form that has one."""
    return task_type(form["task_type"])


def kind_rules(form: Form) -> TaskKind:
    """The documented rules on the chosen type."""
    return TASK_KINDS.get(form["task_type"]) or kind_of(None, None)


def label_attribute_name(form: Form) -> str:
    """The name that the label will have."""
    if form["differs"] and form["attribute"].strip():
        return form["attribute"].strip()
    return default_label_attribute_name(form["name"].strip(), kind_rules(form))


def step_of_field(name: str) -> Step | None:
    """The step whose page has a field."""
    return next((step for step in STEPS if name in step.fields), None)
