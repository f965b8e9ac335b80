"""Transform job operations.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html and its neighbours.
Differences: no quota refuses a job, it waits until there is a place; whatever ``InstanceCount`` says, one
program of this machine does the work; ``S3DataType`` may be AugmentedManifestFile, one object for each line;
data capture and experiments are kept and shown, and have no effect.
"""

from __future__ import annotations

from typing import Any, Unpack

import orjson
from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation, reads
from labelwright.api.paging import JobFilters, listing_of, page_of_listing
from labelwright.core.transform_job import StopRequested, check_request
from labelwright.engine.transform import KIND
from labelwright.engine.transform.telling import announce, described, transition
from labelwright.errors import InvalidRequest
from labelwright.store import models
from labelwright.store import transform_jobs as store
from labelwright.store.tags import add_tags
from labelwright.store.transform_jobs import Listing, TransformJobRow

__all__: list[str] = []


@operation("sagemaker", "CreateTransformJob")
async def create_transform_job(
    context: RequestContext,
    *,
    transform_job_name: str,
    model_name: str,
    tags: list[dict[str, str]] | None = None,
    **_: Any,
) -> dict[str, Any]:
    """Check the request and keep it with the model as it is now; the job begins when there is a place."""
    request = {key: value for key, value in context.parameters.items() if key != "Tags"}
    check_request(request)
    prefix = f"arn:aws:sagemaker:{context.region}:{context.account_id}"
    arn = f"{prefix}:transform-job/{transform_job_name}"

    def create(connection: Connection) -> int:
        model = models.named(connection, context.region, model_name)
        if model is None:
            raise InvalidRequest(
                f'Could not find model "{prefix}:model/{model_name.lower()}".',
                field="ModelName",
                value=model_name,
            )
        job_id = store.create(
            connection,
            region=context.region,
            name=transform_job_name,
            arn=arn,
            request=request,
            model=orjson.loads(model.request),
            now=context.now,
        )
        if tags:
            add_tags(connection, arn, tags)
        announce(connection, job_id, at=context.now)
        return job_id

    context.app.supervisor.wake(KIND, await context.app.database.awrite(create))
    return {"TransformJobArn": arn}


@reads("sagemaker", "DescribeTransformJob")
def describe_transform_job(
    context: RequestContext, connection: Connection, *, transform_job_name: str
) -> dict[str, Any]:
    """Everything about one transform job."""
    return described(_named(context, connection, transform_job_name))


@operation("sagemaker", "StopTransformJob")
async def stop_transform_job(context: RequestContext, *, transform_job_name: str) -> None:
    """Ask a job to end; outputs of objects that are done stay, nothing is stored for the others."""

    def stop(connection: Connection) -> int:
        job = _named(context, connection, transform_job_name)
        transition(connection, job.id, StopRequested(at=context.now))
        return job.id

    context.app.supervisor.wake(KIND, await context.app.database.awrite(stop))


@reads("sagemaker", "ListTransformJobs")
def list_transform_jobs(
    context: RequestContext, connection: Connection, **asked: Unpack[JobFilters]
) -> dict[str, Any]:
    """The transform jobs of the region; the newest first unless an order is given."""
    listing = listing_of(context, asked, Listing, sort_order="Descending")
    page = page_of_listing(
        context, connection, store.list_jobs, listing, asked.get("max_results"), key=lambda job: job.id
    )
    return {"TransformJobSummaries": [_summary(job) for job in page.items], "NextToken": page.next_token}


def _summary(job: TransformJobRow) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "TransformJobName": job.name,
        "TransformJobArn": job.arn,
        "CreationTime": job.created_at,
        "LastModifiedTime": job.modified_at,
        "TransformJobStatus": job.status,
    }
    if job.ended_at is not None:
        summary["TransformEndTime"] = job.ended_at
    if job.failure_reason is not None:
        summary["FailureReason"] = job.failure_reason
    return summary


def _named(context: RequestContext, connection: Connection, name: str) -> TransformJobRow:
    job = store.named(connection, context.region, name)
    if job is None:
        raise InvalidRequest(
            f"Could not find requested job with name: {name}", field="TransformJobName", value=name
        )
    return job
