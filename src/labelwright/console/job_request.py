"""From the form to what a labeling job needs: the request, and the two files that it names."""

from __future__ import annotations

import dataclasses
import json
import shlex
from typing import Any, Final

from labelwright.config import ACCOUNT_ID
from labelwright.console.job_form import Form, choice_of, kind_rules, label_attribute_name
from labelwright.console.wording import literal
from labelwright.core.arn import ALGORITHM_ACCOUNT, PUBLIC_CROWD_ACCOUNT
from labelwright.core.functions import BUILT_IN_ACCOUNTS, CUSTOM
from labelwright.core.job_options import PREFIX
from labelwright.errors import InvalidRequest

__all__ = [
    "Plan",
    "cli_snippet",
    "label_document",
    "label_entries",
    "plan_of",
    "python_snippet",
    "template_of",
    "whole_number",
]

_UNNAMED: Final = "job"
_TITLE_CHARS_MAX = 128
_OPTIONS: Final = (
    ("consolidation", "consolidation"),
    ("max_workers", "max-workers-per-object"),
    ("ask_more_below", "ask-more-below"),
    ("auto_labeling", "auto-labeling"),
    ("price_per_task", "price-per-task"),
    ("price_per_hour", "price-per-hour"),
    ("price_per_machine_label", "price-per-machine-label"),
    ("currency", "currency"),
    ("budget", "budget"),
)
_DEFAULTS: Final = {"consolidation": "compatible", "auto_labeling": "certified"}


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """A request to CreateLabelingJob, and the files that must be there before: URI, content, content type."""

    request: dict[str, Any]
    files: tuple[tuple[str, bytes, str], ...]


def plan_of(form: Form) -> Plan:
    """What the form asks for, whether it is right or not.

    Raises
    ------
    InvalidRequest
        A field cannot be put into a request at all: ``field`` is its name.
    """
    name = form["name"].strip() or _UNNAMED
    folder = f"{form['output'].strip().rstrip('/') or 's3://bucket/output'}/{name}/annotation-tool"
    is_custom = form["task_type"] in ("", CUSTOM)  # before a type is chosen, anything goes
    has_own_page = is_custom or form["page"] == "own"
    files: list[tuple[str, bytes, str]] = []
    human: dict[str, Any] = {"WorkteamArn": form["team"] or _no_team(form)}
    if form["task_type"] == "NamedEntityRecognition" and not has_own_page:
        ui = f"arn:aws:sagemaker:{form['region']}:{PUBLIC_CROWD_ACCOUNT}:human-task-ui/NamedEntityRecognition"
        human["UiConfig"] = {"HumanTaskUiArn": ui}
    else:
        uri = f"{folder}/template.liquid"
        human["UiConfig"] = {"UiTemplateS3Uri": uri}
        files.append((uri, template_of(form).encode("utf-8", "replace"), "text/html; charset=utf-8"))
    human |= _functions(form)
    keywords = [word.strip() for word in form["keywords"].split(",") if word.strip()]
    if keywords:
        human["TaskKeywords"] = keywords
    human |= {
        "TaskTitle": form["title"].strip() or form["question"].strip()[:_TITLE_CHARS_MAX] or name,
        "TaskDescription": form["description"].strip() or form["question"].strip()[:255] or name,
        "NumberOfHumanWorkersPerDataObject": whole_number(form, "n_workers"),
        "TaskTimeLimitInSeconds": _seconds(form, "time_limit", unit_s=60, unit="minutes"),
    }
    if form["lifetime"].strip():
        human["TaskAvailabilityLifetimeInSeconds"] = _seconds(form, "lifetime", unit_s=3600, unit="hours")
    if form["batch"].strip():
        human["MaxConcurrentTaskCount"] = whole_number(form, "batch")
    request: dict[str, Any] = {
        "LabelingJobName": name,
        "LabelAttributeName": label_attribute_name(form) or name,
        "InputConfig": {
            "DataSource": {
                "S3DataSource": {"ManifestS3Uri": form["manifest"].strip() or "s3://bucket/input.manifest"}
            }
        },
        "OutputConfig": {"S3OutputPath": form["output"].strip() or "s3://bucket/output"},
        "RoleArn": form["role"].strip(),
    }
    document = label_document(form)
    if document is not None:
        uri = f"{folder}/data.json"
        files.append((uri, json.dumps(document, ensure_ascii=False, indent=1).encode(), "application/json"))
        request["LabelCategoryConfigS3Uri"] = uri
    request |= _rest(form)
    request["HumanTaskConfig"] = human
    tags = _tags(form)
    if tags:
        request["Tags"] = tags
    return Plan(request, tuple(files))


def _no_team(form: Form) -> str:
    # A name that no team can have: whoever has none is told so where teams are chosen.
    return f"arn:aws:sagemaker:{form['region']}:{ACCOUNT_ID}:workteam/private-crowd/-"


def _functions(form: Form) -> dict[str, Any]:
    region, suffix = form["region"], form["task_type"]
    pre, post = form["pre_function"].strip(), form["post_function"].strip()
    if suffix and suffix != CUSTOM:
        account = BUILT_IN_ACCOUNTS.get(region, BUILT_IN_ACCOUNTS["us-east-1"])
        functions = f"arn:aws:lambda:{region}:{account}:function"
        pre, post = f"{functions}:PRE-{suffix}", f"{functions}:ACS-{suffix}"
    found: dict[str, Any] = {}
    if pre:
        found["PreHumanTaskLambdaArn"] = pre
    if post:
        found["AnnotationConsolidationConfig"] = {"AnnotationConsolidationLambdaArn": post}
    return found


def _rest(form: Form) -> dict[str, Any]:
    found: dict[str, Any] = {}
    conditions = {
        member: whole_number(form, field)
        for member, field in (
            ("MaxHumanLabeledObjectCount", "stop_human"),
            ("MaxPercentageOfInputDatasetLabeled", "stop_percent"),
        )
        if form[field].strip()
    }
    if conditions:
        found["StoppingConditions"] = conditions
    algorithm = kind_rules(form).algorithm
    if form["automated"] and algorithm:
        owner = f"arn:aws:sagemaker:{form['region']}:{ALGORITHM_ACCOUNT}"
        arn = f"{owner}:labeling-job-algorithm-specification/{algorithm}"
        found["LabelingJobAlgorithmsConfig"] = {"LabelingJobAlgorithmSpecificationArn": arn}
    return found


def _tags(form: Form) -> list[dict[str, str]]:
    tags = []
    for line in form["tags"].splitlines():
        if line.strip():
            key, _, value = line.partition("=")
            tags.append({"Key": key.strip(), "Value": value.strip()})
    for field, option in _OPTIONS:
        value = form[field].strip()
        if value and value != _DEFAULTS.get(field):
            tags.append({"Key": PREFIX + option, "Value": value})
    return tags


def label_entries(form: Form) -> list[dict[str, str]]:
    """The labels, one a line; behind a ``|`` the short name of an entity. Blanks inside names are kept."""
    has_short = form["task_type"] == "NamedEntityRecognition"
    entries = []
    for line in form["labels"].split("\n"):
        name, bar, short = line.partition("|") if has_short else (line, "", "")
        if not name.strip():
            continue
        entry = {"label": name.strip()}
        if bar and short.strip():
            entry["shortDisplayName"] = short.strip()
        entries.append(entry)
    return entries


def label_document(form: Form) -> dict[str, Any] | None:
    """The label category file; None for a job without labels."""
    entries = label_entries(form)
    if form["task_type"] == CUSTOM and not entries:
        return None
    document: dict[str, Any] = {"document-version": "2018-11-28", "labels": entries}
    if form["task_type"] == "NamedEntityRecognition":
        short, full = _instructions(form)
        document["instructions"] = {"shortInstruction": short, "fullInstruction": full}
    return document


def _instructions(form: Form) -> tuple[str, str]:
    from labelwright.templates.instructions import default_instructions

    short, full = default_instructions(form["task_type"])
    return form["short"].strip() or short, form["full"].strip() or full


def template_of(form: Form) -> str:
    """The worker template.

    Raises
    ------
    InvalidRequest
        When the label to check or adjust has a name that cannot be: ``field`` is ``prior``.
    """
    if form["task_type"] in ("", CUSTOM) or form["page"] == "own":
        return form["template"]
    from labelwright.templates.builtin import builtin

    choice = choice_of(form)
    try:
        short, full = _instructions(form)
        return builtin(
            form["task_type"],
            header=form["question"].strip() or (choice.about if choice else ""),
            short_instructions=short,
            full_instructions=full,
            prior_label_attribute_name=form["prior"].strip() or _UNNAMED,
        )
    except InvalidRequest as error:
        raise InvalidRequest(
            f"{form['prior']!r} is no label attribute name; write the one of the label in the manifest.",
            field="prior",
        ) from error


def whole_number(form: Form, field: str) -> int:
    """A field as a number.

    Raises
    ------
    InvalidRequest
    """
    text = form[field].strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        shown = repr(text[:20]) if text else "Nothing"
        raise InvalidRequest(f"{shown} is no whole number. Write one, such as 3.", field=field, value=text)
    return int(text)


def _seconds(form: Form, field: str, *, unit_s: int, unit: str) -> int:
    text = form[field].strip().replace(",", ".")
    whole, _, fraction = text.partition(".")
    if not ((whole + fraction).isascii() and (whole + fraction).isdigit() and len(text) <= 9):
        shown = repr(text[:20]) if text else "Nothing"
        raise InvalidRequest(
            f"{shown} is no number of {unit}. Write one, such as 5.", field=field, value=text
        )
    return round(float(text) * unit_s)


def python_snippet(plan: Plan, region: str) -> str:
    """Python lines that create the same job."""
    members = "".join(f"    {key}={_indented(value)},\n" for key, value in plan.request.items())
    return (
        "import boto3\n\n"
        f'sagemaker = boto3.client("sagemaker", region_name={literal(region)})\n'
        f"sagemaker.create_labeling_job(\n{members})"
    )


def _indented(value: Any) -> str:
    # Strings, numbers, lists and objects: all of it reads the same in Python and JSON.
    return json.dumps(value, ensure_ascii=False, indent=4).replace("\n", "\n    ")


def cli_snippet(plan: Plan, region: str) -> str:
    """The same as a command of the AWS CLI."""
    document = json.dumps(plan.request, ensure_ascii=False, indent=2)
    return (
        f"aws sagemaker create-labeling-job --region {shlex.quote(region)} \\\n"
        f"  --cli-input-json {shlex.quote(document)}"
    )
