"""What does not change about a job once it is initialized, parsed once."""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson

from labelwright.core.arn import team_kind
from labelwright.core.functions import CUSTOM, recognise
from labelwright.core.job_options import JobOptions, parse_job_options
from labelwright.core.limits import BATCH_SIZE_DEFAULT, LIFETIME_S_DEFAULT_PUBLIC, LIFETIME_S_MAX
from labelwright.core.stopping import StoppingConditions
from labelwright.engine.paths import s3_uri
from labelwright.store.labeling_jobs import JobRow
from labelwright.tasks import Categories, JobNames, TaskType, implemented, parse_categories, task_type

__all__ = ["JobFacts", "facts_of"]


@dataclasses.dataclass(frozen=True, slots=True)
class JobFacts:
    """A job's configuration.

    Attributes
    ----------
    id : int
        Row id.
    names : JobNames
    type : TaskType
    type_name : str
        Suffix of the built-in functions, or ``Custom``.
    input_type : TaskType
        What makes ``task.input`` of a line; another than ``type`` when a built-in pre-annotation function
        goes with an own post-annotation function.
    pre_function, post_function : str
        ARNs of the user's own functions; empty where a built-in one is used, or none.
    categories : Categories
        Empty until the job is initialized, and for jobs without a label category file.
    n_workers, time_limit_s, lifetime_s, batch_size : int
        ``n_workers`` are asked for an object at first; adaptive redundancy may ask more.
    stopping : StoppingConditions
    options : JobOptions
        What its tags choose beyond the AWS API.
    algorithm : str
        Of automated labeling (``image-classification`` ...); empty for jobs without.
    output_uri : str
        ``<S3OutputPath>/<job name>``, without a slash at the end.
    manifest_uri, template : str
        Our copy of the input manifest, and the worker template; empty until the job is initialized.
    request : dict
        The whole request.
    """

    id: int
    region: str
    arn: str
    reference_code: str
    workteam_arn: str
    created_at: float
    names: JobNames
    type: TaskType
    type_name: str
    input_type: TaskType
    pre_function: str
    post_function: str
    categories: Categories
    n_workers: int
    time_limit_s: int
    lifetime_s: int
    batch_size: int
    stopping: StoppingConditions
    options: JobOptions
    algorithm: str
    output_uri: str
    manifest_uri: str
    template: str
    title: str
    description: str
    keywords: tuple[str, ...]
    request: dict[str, Any]


def facts_of(row: JobRow) -> JobFacts:
    """Parse a job's row."""
    request = orjson.loads(row.request)
    human = request["HumanTaskConfig"]
    kind = task_type(row.task_type)
    conditions = request.get("StoppingConditions") or {}
    document = orjson.loads(row.label_categories) if row.label_categories else {}
    if "labels" in document:
        categories = parse_categories(document, n_min=kind.n_labels_min, n_max=kind.n_labels_max)
    else:  # none, or what a custom job keeps in the file
        categories = Categories((), {}, document)
    pre_function, input_suffix = _own_function(human.get("PreHumanTaskLambdaArn"))
    consolidation = human.get("AnnotationConsolidationConfig") or {}
    post_function, _ = _own_function(consolidation.get("AnnotationConsolidationLambdaArn"))
    options = parse_job_options(request.get("Tags") or (), is_task_priced=True)
    n_workers_max = max(row.n_workers, options.max_workers_per_object or 1)
    is_public = team_kind(row.workteam_arn) == "public-crowd"
    lifetime_s = LIFETIME_S_DEFAULT_PUBLIC if is_public else LIFETIME_S_MAX
    return JobFacts(
        id=row.id,
        region=row.region,
        arn=row.arn,
        reference_code=row.reference_code,
        workteam_arn=row.workteam_arn,
        created_at=row.created_at,
        names=JobNames(request["LabelAttributeName"], row.name, n_workers_max, options.consolidation),
        type=kind,
        type_name=row.task_type,
        input_type=task_type(input_suffix) if input_suffix in implemented() else kind,
        pre_function=pre_function,
        post_function=post_function,
        categories=categories,
        n_workers=row.n_workers,
        time_limit_s=human["TaskTimeLimitInSeconds"],
        lifetime_s=human.get("TaskAvailabilityLifetimeInSeconds") or lifetime_s,
        batch_size=human.get("MaxConcurrentTaskCount") or BATCH_SIZE_DEFAULT,
        stopping=StoppingConditions(
            max_human_labeled=conditions.get("MaxHumanLabeledObjectCount"),
            max_percentage_labeled=conditions.get("MaxPercentageOfInputDatasetLabeled"),
        ),
        options=options,
        algorithm=_algorithm(request),
        output_uri=f"{s3_uri(request['OutputConfig']['S3OutputPath']).rstrip('/')}/{row.name}",
        manifest_uri=row.manifest_uri or "",
        template=row.template or "",
        title=human["TaskTitle"],
        description=human["TaskDescription"],
        keywords=tuple(human.get("TaskKeywords") or ()),
        request=request,
    )


def _own_function(arn: str | None) -> tuple[str, str]:
    """The ARN of a function of the user's own, or the type of a built-in one; the other is empty."""
    if not arn:
        return "", ""
    found = recognise(arn, field="function", added=implemented() - {CUSTOM})
    return (arn, "") if found is None else ("", found.suffix)


def _algorithm(request: dict[str, Any]) -> str:
    config = request.get("LabelingJobAlgorithmsConfig") or {}
    return str(config.get("LabelingJobAlgorithmSpecificationArn", "")).rpartition("/")[2]
