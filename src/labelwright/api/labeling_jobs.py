"""Labeling job operations.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateLabelingJob.html and its neighbours.
Differences: functions of one's own and streaming are refused by name until they are there; stopping a job
that has ended is a ValidationException.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any, Unpack

import orjson
from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation, reads
from labelwright.api.labeling_job_rules import check_request
from labelwright.api.paging import JobFilters, listing_of, page_of_listing
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
from labelwright.wire.paginate import Page

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
    context: RequestContext, connection: Connection, **asked: Unpack[JobFilters]
) -> dict[str, Any]:
    """The jobs of the region."""
    listing = listing_of(context, asked, Listing, sort_order="Ascending")
    page = _page(context, connection, listing, asked)
    return {
        "LabelingJobSummaryList": [_summary(connection, job) for job in page.items],
        "NextToken": page.next_token,
    }


@reads("sagemaker", "ListLabelingJobsForWorkteam")
def list_labeling_jobs_for_workteam(
    context: RequestContext,
    connection: Connection,
    *,
    workteam_arn: str,
    job_reference_code_contains: str = "",
    **asked: Unpack[JobFilters],
) -> dict[str, Any]:
    """The jobs of one team."""
    workteam_by_arn(connection, workteam_arn)  # raises when there is none
    listing = listing_of(
        context,
        asked,
        Listing,
        sort_order="Ascending",
        workteam_arn=workteam_arn,
        reference_code_contains=job_reference_code_contains,
    )
    page = _page(context, connection, listing, asked)
    return {
        "LabelingJobSummaryList": [_team_summary(context, job) for job in page.items],
        "NextToken": page.next_token,
    }


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
    context: RequestContext, connection: Connection, listing: Listing, asked: JobFilters
) -> Page[JobRow]:
    return page_of_listing(
        context, connection, store.list_jobs, listing, asked.get("max_results"), key=lambda job: job.id
    )


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
