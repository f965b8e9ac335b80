"""Labeling job operations.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateLabelingJob.html and its neighbours.
Differences: functions of one's own and streaming are refused by name until they are there; stopping a job
that has ended is a ValidationException.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation, reads
from labelwright.api.labeling_job_rules import check_request
from labelwright.api.paging import DEFAULT_PAGE, after_of, cut
from labelwright.core.arn import labeling_job_arn
from labelwright.core.job_options import PREFIX
from labelwright.core.labeling_job import StopRequested
from labelwright.engine.paths import output_manifest_uri, s3_uri
from labelwright.errors import AccessRefused, IllegalTransition, InvalidRequest, NotFound
from labelwright.store import automated
from labelwright.store import labeling_jobs as store
from labelwright.store.labeling_jobs import JobRow, Listing
from labelwright.store.tags import add_tags, list_tags
from labelwright.store.workteams import workteam_by_arn
from labelwright.tasks import parse_categories

__all__: list[str] = []

_REFERENCE_CODE_BYTES = 12


@operation("sagemaker", "CreateLabelingJob")
async def create_labeling_job(
    context: RequestContext, *, labeling_job_name: str, tags: list[dict[str, str]] | None = None, **_: Any
) -> dict[str, Any]:
    """Check the request, keep it, and let the engine begin."""
    request = {key: value for key, value in context.parameters.items() if key != "Tags"}
    options = [tag for tag in tags or () if tag["Key"].startswith(PREFIX)]
    if options:  # kept with the request: tags may be changed later, a job's options may not
        request["Tags"] = options
    arn = labeling_job_arn(context.region, context.account_id, labeling_job_name)
    labels = await asyncio.to_thread(_labels_for_model, context, request)

    def create(connection: Connection) -> int:
        kind = check_request(
            connection,
            request,
            region=context.region,
            labels=labels,
            has_lambda_endpoint=bool(context.app.settings.lambda_endpoint_url),
        )
        human = request["HumanTaskConfig"]
        job_id = store.create(
            connection,
            region=context.region,
            name=labeling_job_name,
            arn=arn,
            reference_code=secrets.token_hex(_REFERENCE_CODE_BYTES),
            workteam_arn=human["WorkteamArn"],
            request=request,
            n_workers=human["NumberOfHumanWorkersPerDataObject"],
            task_type=kind.suffix,
            now=context.now,
        )
        if tags:
            add_tags(connection, arn, tags)
        return job_id

    context.app.engine.wake(await context.app.database.awrite(create))
    return {"LabelingJobArn": arn}


def _labels_for_model(context: RequestContext, request: Mapping[str, Any]) -> list[str] | None:
    """The labels of a job that is to start from a model; what cannot be read is left to the engine."""
    config = request.get("LabelingJobAlgorithmsConfig") or {}
    uri = request.get("LabelCategoryConfigS3Uri")
    if not uri or not config.get("InitialActiveLearningModelArn"):
        return None
    try:
        document = orjson.loads(context.app.blobs.read(s3_uri(uri)))
        return list(parse_categories(document, n_min=0, n_max=None).labels)
    except (NotFound, InvalidRequest, AccessRefused, ValueError):
        return None


@reads("sagemaker", "DescribeLabelingJob")
def describe_labeling_job(
    context: RequestContext, connection: Connection, *, labeling_job_name: str
) -> dict[str, Any]:
    """Everything about one job."""
    job = _named(connection, context.region, labeling_job_name)
    request = orjson.loads(job.request)
    answer: dict[str, Any] = {
        "LabelingJobStatus": job.status,
        "LabelCounters": _counters(job),
        "CreationTime": job.created_at,
        "LastModifiedTime": job.modified_at,
        "JobReferenceCode": job.reference_code,
        "LabelingJobName": job.name,
        "LabelingJobArn": job.arn,
        "LabelAttributeName": request["LabelAttributeName"],
        "InputConfig": request["InputConfig"],
        "OutputConfig": request["OutputConfig"],
        "RoleArn": request["RoleArn"],
        "HumanTaskConfig": request["HumanTaskConfig"],
        "Tags": list_tags(connection, job.arn),
    }
    for key in ("LabelCategoryConfigS3Uri", "StoppingConditions", "LabelingJobAlgorithmsConfig"):
        if key in request:
            answer[key] = request[key]
    return answer | _outcome(connection, job, request)


@operation("sagemaker", "StopLabelingJob")
async def stop_labeling_job(context: RequestContext, *, labeling_job_name: str) -> None:
    """Stop a job: open tasks are withdrawn, answers that exist are consolidated."""

    def stop(connection: Connection) -> int:
        job = _named(connection, context.region, labeling_job_name)
        try:
            store.transition(connection, job.id, StopRequested(at=context.now))
        except IllegalTransition as error:
            raise InvalidRequest(
                f"The labeling job {job.name} is {job.status}; only a job that is Initializing or InProgress "
                "can be stopped.",
                field="LabelingJobName",
                value=labeling_job_name,
            ) from error
        return job.id

    context.app.engine.wake(await context.app.database.awrite(stop))


@reads("sagemaker", "ListLabelingJobs")
def list_labeling_jobs(
    context: RequestContext,
    connection: Connection,
    *,
    creation_time_after: float | None = None,
    creation_time_before: float | None = None,
    last_modified_time_after: float | None = None,
    last_modified_time_before: float | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
    name_contains: str = "",
    sort_by: Any = "CreationTime",
    sort_order: str = "Ascending",
    status_equals: str | None = None,
) -> dict[str, Any]:
    """The jobs of the region."""
    listing = Listing(
        region=context.region,
        sort_by=sort_by,
        is_descending=sort_order == "Descending",
        created_after=creation_time_after,
        created_before=creation_time_before,
        modified_after=last_modified_time_after,
        modified_before=last_modified_time_before,
        name_contains=name_contains,
        status=status_equals,
        after=after_of(context, next_token),
    )
    jobs, token = _page(context, connection, listing, max_results)
    return {"LabelingJobSummaryList": [_summary(connection, job) for job in jobs], "NextToken": token}


@reads("sagemaker", "ListLabelingJobsForWorkteam")
def list_labeling_jobs_for_workteam(
    context: RequestContext,
    connection: Connection,
    *,
    workteam_arn: str,
    creation_time_after: float | None = None,
    creation_time_before: float | None = None,
    job_reference_code_contains: str = "",
    max_results: int | None = None,
    next_token: str | None = None,
    sort_by: str = "CreationTime",
    sort_order: str = "Ascending",
) -> dict[str, Any]:
    """The jobs of one team."""
    workteam_by_arn(connection, workteam_arn)  # raises when there is none
    listing = Listing(
        region=context.region,
        is_descending=sort_order == "Descending",
        created_after=creation_time_after,
        created_before=creation_time_before,
        workteam_arn=workteam_arn,
        reference_code_contains=job_reference_code_contains,
        after=after_of(context, next_token),
    )
    jobs, token = _page(context, connection, listing, max_results)
    summaries = [_team_summary(context, job) for job in jobs]
    return {"LabelingJobSummaryList": summaries, "NextToken": token}


def _named(connection: Connection, region: str, name: str) -> JobRow:
    job = store.named(connection, region, name)
    if job is None:
        raise NotFound(
            f"There is no labeling job named {name!r} in {region}; see ListLabelingJobs.",
            kind="labeling job",
            name=name,
        )
    return job


def _page(
    context: RequestContext, connection: Connection, listing: Listing, max_results: int | None
) -> tuple[list[JobRow], str | None]:
    size = max_results or DEFAULT_PAGE
    found = store.list_jobs(connection, listing, size + 1)
    return cut(context, found, size, key=lambda job: job.id)


def _counters(job: JobRow) -> dict[str, int]:
    counters = job.counters
    return {
        "TotalLabeled": counters.n_labeled,
        "HumanLabeled": counters.n_human,
        "MachineLabeled": counters.n_machine,
        "FailedNonRetryableError": counters.n_failed,
        "Unlabeled": counters.n_unlabeled,
    }


def _outcome(connection: Connection, job: JobRow, request: dict[str, Any]) -> dict[str, Any]:
    """What is there only after something happened: the reason of a failure, the output once it is written."""
    outcome: dict[str, Any] = {}
    if job.failure_reason:
        outcome["FailureReason"] = job.failure_reason
    if job.manifest_written_at is not None:
        root = f"{s3_uri(request['OutputConfig']['S3OutputPath']).rstrip('/')}/{job.name}"
        outcome["LabelingJobOutput"] = {"OutputDatasetS3Uri": output_manifest_uri(root)}
        if "LabelingJobAlgorithmsConfig" in request and job.ended_at is not None:
            state = automated.get(connection, job.id)
            if state is not None and state.model_arn:
                outcome["LabelingJobOutput"]["FinalActiveLearningModelArn"] = state.model_arn
    return outcome


def _summary(connection: Connection, job: JobRow) -> dict[str, Any]:
    request = orjson.loads(job.request)
    human = request["HumanTaskConfig"]
    summary: dict[str, Any] = {
        "LabelingJobName": job.name,
        "LabelingJobArn": job.arn,
        "CreationTime": job.created_at,
        "LastModifiedTime": job.modified_at,
        "LabelingJobStatus": job.status,
        "LabelCounters": _counters(job),
        "WorkteamArn": job.workteam_arn,
        "InputConfig": request["InputConfig"],
    }
    if "PreHumanTaskLambdaArn" in human:
        summary["PreHumanTaskLambdaArn"] = human["PreHumanTaskLambdaArn"]
    post = human.get("AnnotationConsolidationConfig")
    if post:
        summary["AnnotationConsolidationLambdaArn"] = post["AnnotationConsolidationLambdaArn"]
    return summary | _outcome(connection, job, request)


def _team_summary(context: RequestContext, job: JobRow) -> dict[str, Any]:
    counters = job.counters
    return {
        "JobReferenceCode": job.reference_code,
        "WorkRequesterAccountId": context.account_id,
        "CreationTime": job.created_at,
        "LabelingJobName": job.name,
        "NumberOfHumanWorkersPerDataObject": job.n_workers,
        "LabelCounters": {
            "HumanLabeled": counters.n_human,
            "PendingHuman": counters.n_unlabeled,
            "Total": counters.n_objects,
        },
    }
