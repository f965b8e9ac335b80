"""A new form from a job that exists: cloned, or chained to its output."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from labelwright.blobs import Blobs
from labelwright.console.job_form import TASKS, Form, filled
from labelwright.core.functions import CUSTOM
from labelwright.core.job_options import PREFIX
from labelwright.engine.paths import output_manifest_uri, s3_uri
from labelwright.errors import LabelwrightError
from labelwright.store.labeling_jobs import JobRow

__all__ = ["form_of"]

_OPTION_FIELDS: Final = {"max-workers-per-object": "max_workers"}
_NAME_CHARS_MAX: Final = 63


def form_of(job: JobRow, blobs: Blobs, *, is_chained: bool, tags: Sequence[Mapping[str, str]] = ()) -> Form:
    """The form that makes a job like this one.

    The worker page is taken as it is, as a template. A chain takes the job's output as its input; it goes on
    under the same label attribute name unless the job has completed, as in Amazon's console.
    """
    request = orjson.loads(job.request)
    if job.manifest_uri is None:  # it has not read its files yet
        job = _with_files(job, request, blobs)
    human = request["HumanTaskConfig"]
    suffix = job.task_type if job.task_type in TASKS else CUSTOM
    if job.task_type == "VideoClassification":
        suffix = "VideoMultiClass"
    lifetime_s = human.get("TaskAvailabilityLifetimeInSeconds")
    conditions = request.get("StoppingConditions") or {}
    own_name = request["LabelAttributeName"]
    keeps_name = not is_chained or job.status != "Completed"
    given: dict[str, Any] = {
        "origin": f"{'chain' if is_chained else 'clone'}:{job.region}/{job.name}",
        "begun": suffix,
        "task_type": suffix,
        "name": _new_name(job.name, "-chain" if is_chained else "-clone"),
        "differs": "on" if keeps_name else "",
        "attribute": own_name if keeps_name else "",
        "region": job.region,
        "manifest": _input_of(request, job) if is_chained else _manifest(request),
        "output": request["OutputConfig"]["S3OutputPath"],
        "role": request["RoleArn"],
        "labels": _labels(job),
        "question": human["TaskDescription"],
        "page": "own",
        "template": job.template or "",
        "team": human["WorkteamArn"],
        "title": human["TaskTitle"],
        "description": human["TaskDescription"],
        "keywords": ", ".join(human.get("TaskKeywords") or ()),
        "n_workers": human["NumberOfHumanWorkersPerDataObject"],
        "time_limit": _short(human["TaskTimeLimitInSeconds"] / 60),
        "lifetime": "" if lifetime_s is None else _short(lifetime_s / 3600),
        "batch": human.get("MaxConcurrentTaskCount", ""),
        "automated": "on" if request.get("LabelingJobAlgorithmsConfig") else "",
        "stop_human": conditions.get("MaxHumanLabeledObjectCount", ""),
        "stop_percent": conditions.get("MaxPercentageOfInputDatasetLabeled", ""),
    }
    if "HumanTaskUiArn" in human["UiConfig"] and suffix == "NamedEntityRecognition":
        short, full = _instructions(job)
        given |= {"page": "built-in", "template": "", "short": short, "full": full}
    if suffix == CUSTOM:
        post = human.get("AnnotationConsolidationConfig") or {}
        given["pre_function"] = human.get("PreHumanTaskLambdaArn", "")
        given["post_function"] = post.get("AnnotationConsolidationLambdaArn", "")
    given["tags"] = "\n".join(
        f"{tag['Key']}={tag['Value']}" for tag in tags if not tag["Key"].startswith(PREFIX)
    )
    for tag in request.get("Tags") or ():
        option = tag["Key"].removeprefix(PREFIX)
        given[_OPTION_FIELDS.get(option, option.replace("-", "_"))] = tag["Value"]
    return filled({name: str(value) for name, value in given.items()})


def _with_files(job: JobRow, request: dict[str, Any], blobs: Blobs) -> JobRow:
    def read(uri: str | None) -> str | None:
        with contextlib.suppress(LabelwrightError, UnicodeDecodeError):
            return blobs.read(s3_uri(uri)).decode("utf-8-sig") if uri else None
        return None

    return dataclasses.replace(
        job,
        template=read(request["HumanTaskConfig"]["UiConfig"].get("UiTemplateS3Uri")),
        label_categories=read(request.get("LabelCategoryConfigS3Uri")),
    )


def _manifest(request: dict[str, Any]) -> str:
    return str(request["InputConfig"]["DataSource"].get("S3DataSource", {}).get("ManifestS3Uri", ""))


def _input_of(request: dict[str, Any], job: JobRow) -> str:
    return output_manifest_uri(f"{request['OutputConfig']['S3OutputPath'].rstrip('/')}/{job.name}")


def _document(job: JobRow) -> dict[str, Any]:
    with contextlib.suppress(orjson.JSONDecodeError):
        document = orjson.loads(job.label_categories or "{}")
        if isinstance(document, dict):
            return document
    return {}


def _instructions(job: JobRow) -> tuple[str, str]:
    found = _document(job).get("instructions")
    found = found if isinstance(found, dict) else {}
    return str(found.get("shortInstruction") or ""), str(found.get("fullInstruction") or "")


def _labels(job: JobRow) -> str:
    lines = []
    entries = _document(job).get("labels")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("label"), str):
            # Only the form of entities has short names; elsewhere the line is the label.
            short = entry.get("shortDisplayName") if job.task_type == "NamedEntityRecognition" else None
            lines.append(f"{entry['label']} | {short}" if short else entry["label"])
    return "\n".join(lines)


def _new_name(name: str, tail: str) -> str:
    return name[: _NAME_CHARS_MAX - len(tail)].rstrip("-") + tail


def _short(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")
