"""What is wrong with the form that makes a labeling job, by field, step after step.

The rules are those of the API: the request is made and checked as if it were sent, and what concerns the step
that is shown stands beside its fields. What the API leaves to the job's start (labels, template) is looked at
here, so that no job is made only to fail.
"""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

from labelwright.console.job_form import STEPS, Form, Step, choice_of, type_of
from labelwright.console.job_look import Look, look_at
from labelwright.console.job_request import Plan, label_entries, plan_of, template_of, whole_number
from labelwright.context import AppContext
from labelwright.core.functions import CUSTOM
from labelwright.core.limits import TEMPLATE_CHARS_MAX
from labelwright.core.names import check_region
from labelwright.errors import InvalidRequest, LabelwrightError, TemplateError
from labelwright.store import labeling_jobs
from labelwright.tasks import parse_categories
from labelwright.wire.validate import ConstraintsBroken

__all__ = ["Door", "Problems", "check_step", "first_problem", "problems_of"]

Problems = dict[str, str]

INSTRUCTIONS_BYTES_MAX: Final = 100 * 1024

_VIOLATION: Final = re.compile(
    r"Value '(.*)' at '([^']+)' failed to satisfy constraint: Member (.+)", re.DOTALL
)
_FIELDS: Final = {
    "labelingjobname": "name",
    "labelattributename": "attribute",
    "manifests3uri": "manifest",
    "s3outputpath": "output",
    "rolearn": "role",
    "workteamarn": "team",
    "tasktitle": "title",
    "taskdescription": "description",
    "taskkeywords": "keywords",
    "numberofhumanworkersperdataobject": "n_workers",
    "tasktimelimitinseconds": "time_limit",
    "taskavailabilitylifetimeinseconds": "lifetime",
    "maxconcurrenttaskcount": "batch",
    "maxhumanlabeledobjectcount": "stop_human",
    "maxpercentageofinputdatasetlabeled": "stop_percent",
    "labelingjobalgorithmspecificationarn": "automated",
    "prehumantasklambdaarn": "pre_function",
    "annotationconsolidationlambdaarn": "post_function",
    "uitemplates3uri": "template",
    "tags": "tags",
}
_NUMBERS: Final = ("n_workers", "batch", "stop_human", "stop_percent")


class Door(Protocol):
    """Where labeling jobs are created, as the API does it."""

    def check(self, request: dict[str, Any], *, region: str) -> None:
        """Raise what creating it would raise."""

    async def create(self, request: dict[str, Any], *, region: str) -> str:
        """Create it; its ARN."""

    async def stop(self, name: str, *, region: str) -> None:
        """Stop a job."""


def check_step(context: AppContext, door: Door, form: Form, step: Step) -> tuple[Problems, Look | None]:
    """What is wrong with the fields of one step.

    Returns
    -------
    tuple of (Problems, Look or None)
        The second is what was seen of the manifest, where the step looks at it.
    """
    problems: Problems = {}
    look = None
    if step.name == "task":
        _check_task(context, form, problems)
    elif step.name == "input":
        look = _check_input(context, form, problems)
    elif step.name == "labels":
        _check_labels(form, problems)
    elif step.name == "workers":
        _check_workers(context, form, problems)
    for field, message in problems_of(door, form).items():
        if field in step.fields:
            problems.setdefault(field, message)
    if "name" in problems and not form["differs"]:
        problems.pop("attribute", None)  # it follows from the name
    return problems, look


def first_problem(context: AppContext, door: Door, form: Form, until: Step) -> tuple[Step, Problems] | None:
    """The first step before ``until`` that has problems; the manifest is not read again."""
    for step in STEPS[: STEPS.index(until)]:
        if step.name == "input":
            problems = {
                field: message for field, message in problems_of(door, form).items() if field in step.fields
            }
            for field, what in (("manifest", "Name the manifest."), ("output", "Name the output location.")):
                if not form[field].strip():
                    problems[field] = what
        else:
            problems, _ = check_step(context, door, form, step)
        if problems:
            return step, problems
    return None


def problems_of(door: Door, form: Form) -> Problems:
    """What the API would say about the request that the form makes, by field of the form."""
    if not form["task_type"]:  # which is what fills these in
        form = {**form, "n_workers": "1", "time_limit": "1"}
    try:
        plan: Plan = plan_of(form)
        door.check(plan.request, region=form["region"])
    except ConstraintsBroken as error:
        return dict(map(_violation, reversed(error.violations)))
    except InvalidRequest as error:
        return {_field_of(error.field or ""): error.message}
    except LabelwrightError as error:
        return {"team": error.message}
    return {}


def _violation(text: str) -> tuple[str, str]:
    found = _VIOLATION.fullmatch(text)
    if found is None:
        return "", text
    value, path, rule = found.groups()
    return _field_of(path), f"{value!r} {rule}."


def _field_of(member: str) -> str:
    """The form's field for a member of the request; the member itself where there is none."""
    name = member.removeprefix("The tag ")
    if name.startswith("labelwright:"):
        return name.removeprefix("labelwright:").replace("-per-object", "").replace("-", "_")
    parts = [part.lower() for part in re.split(r"[.\[\]]", member)]
    return next((_FIELDS[part] for part in reversed(parts) if part in _FIELDS), member)


def _check_task(context: AppContext, form: Form, problems: Problems) -> None:
    if choice_of(form) is None:
        problems["task_type"] = "Choose what workers shall do."
    name = form["name"].strip()
    if not name:
        problems["name"] = "Give the job a name: letters, digits and hyphens."
    try:
        check_region(form["region"])
    except InvalidRequest as error:
        problems["region"] = error.message
        return
    if name and context.database.read(lambda c: labeling_jobs.named(c, form["region"], name)) is not None:
        problems["name"] = (
            f"A labeling job named {name!r} exists already in {form['region']}; finished jobs keep their "
            "names. Choose another one."
        )


def _check_input(context: AppContext, form: Form, problems: Problems) -> Look | None:
    choice = choice_of(form)
    if not form["output"].strip():
        problems["output"] = "Name a place for the output: s3://bucket/prefix."
    else:
        _check_place(context, form["output"].strip(), problems)
    if not form["manifest"].strip():
        problems["manifest"] = (
            "Name the manifest (s3://bucket/path/input.manifest), or make one of your files."
        )
        return None
    look = look_at(context.blobs, form)
    if look.problem:
        problems["manifest"] = look.problem
    elif choice is not None and choice.audits and not form["prior"].strip():
        if len(look.priors) == 1:
            form["prior"] = look.priors[0]
        else:
            problems["prior"] = "Choose the label that workers shall look at."
    elif choice is not None and choice.audits and form["prior"].strip() not in look.priors:
        known = ", ".join(look.priors) or "none"
        problems["prior"] = f"No line looked at has a label {form['prior']!r} of this kind; there is {known}."
    return look


def _check_place(context: AppContext, uri: str, problems: Problems) -> None:
    try:
        next(iter(context.blobs.list(uri.rstrip("/") + "/")), None)
    except LabelwrightError as error:
        problems["output"] = f"{error.message} Write s3://bucket/prefix, with a bucket that exists."


def _check_labels(form: Form, problems: Problems) -> None:
    entries = label_entries(form)
    if entries or form["task_type"] != CUSTOM:
        kind = type_of(form)
        try:
            document = {"labels": entries}
            kind.check_categories(
                parse_categories(document, n_min=kind.n_labels_min, n_max=kind.n_labels_max)
            )
        except InvalidRequest as error:
            problems["labels"] = error.message.replace("The label category file", "The list", 1)
    if form["task_type"] != CUSTOM and form["page"] != "own":
        if not form["question"].strip():
            problems["question"] = "Tell workers in a sentence what to do; it stands above each task."
        for field, what in (("short", "Short instructions"), ("full", "Full instructions")):
            n_bytes = len(form[field].encode("utf-8", "replace"))
            if n_bytes > INSTRUCTIONS_BYTES_MAX:
                problems[field] = (
                    f"{what} have {n_bytes // 1024} KB; at most {INSTRUCTIONS_BYTES_MAX // 1024} are "
                    "allowed, pictures included. Refer to pictures by their addresses."
                )
    if not problems:
        _check_template(form, problems)


def _check_template(form: Form, problems: Problems) -> None:
    from labelwright.templates import parse

    is_own = form["task_type"] == CUSTOM or form["page"] == "own"
    field = "template" if is_own else "short"
    try:
        text = template_of(form)
        if not text.strip():
            problems[field] = "Write the template of the worker page: HTML with Liquid."
        elif len(text) > TEMPLATE_CHARS_MAX:
            problems[field] = (
                f"The template has {len(text):,} characters; at most {TEMPLATE_CHARS_MAX:,} are allowed."
            )
        else:
            for part in () if is_own else ("question", "short", "full"):
                field = part
                parse(form[part])
            parse(text)
    except TemplateError as error:
        place = f"Line {error.line}, column {error.column}: " if error.line else ""
        problems[field] = f"{place}{error.message}"
    except InvalidRequest as error:
        problems[error.field or field] = error.message


def _check_workers(context: AppContext, form: Form, problems: Problems) -> None:
    if not form["team"]:
        problems["team"] = "Choose the team that shall do the work."
    if form["automated"]:
        least, look = context.settings.autolabel_min_objects, look_at(context.blobs, form)
        if look.is_whole and look.n_lines < least:
            problems["automated"] = (
                f"The manifest has {look.n_lines:,} objects; automated data labeling needs at least "
                f"{least:,}. Leave it off, or label more data."
            )
    for field in _NUMBERS:
        if form[field].strip() or field == "n_workers":
            try:
                whole_number(form, field)
            except InvalidRequest as error:
                problems[field] = error.message
