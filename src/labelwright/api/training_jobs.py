"""Training job operations.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html and its neighbours.
Differences: no quota refuses a job, it waits until there is a place; algorithms of a marketplace and file
systems are refused by name; profiling, debugging rules, experiments and warm pools are kept and shown, and
have no effect. Trainings of automated labeling are listed and described as well; they belong to their
labeling job.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import orjson
from sqlalchemy.engine import Connection

from labelwright import algorithms
from labelwright.api import labeling_trainings
from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation, reads, writes
from labelwright.api.paging import JobFilters, listing_of, page_of_listing
from labelwright.core.arn import training_job_arn
from labelwright.core.training_job import TERMINAL, StopRequested
from labelwright.core.training_rules import check_training_request
from labelwright.engine.training import KIND
from labelwright.engine.training.describing import described, summarised
from labelwright.engine.training.telling import announce, transition
from labelwright.errors import IllegalTransition, InvalidRequest, LabelwrightError
from labelwright.store import metric_points, runs
from labelwright.store import training_jobs as store
from labelwright.store.runs import RunRow
from labelwright.store.tags import add_tags, delete_all_tags
from labelwright.store.training_jobs import Listing, TrainingJobRow

__all__: list[str] = []

_CHANGEABLE = ("ProfilerConfig", "ProfilerRuleConfigurations", "ResourceConfig", "RemoteDebugConfig")


@operation("sagemaker", "CreateTrainingJob")
async def create_training_job(
    context: RequestContext, *, training_job_name: str, tags: list[dict[str, str]] | None = None, **_: Any
) -> dict[str, Any]:
    """Check the request and keep it; the job begins as soon as there is a place."""
    request = {key: value for key, value in context.parameters.items() if key != "Tags"}
    check_request(request)
    arn = training_job_arn(context.region, context.account_id, training_job_name)

    def create(connection: Connection) -> int:
        job_id = store.create(
            connection,
            region=context.region,
            name=training_job_name,
            arn=arn,
            request=request,
            now=context.now,
        )
        announce(connection, job_id, at=context.now)
        if tags:
            add_tags(connection, arn, tags)
        return job_id

    context.app.supervisor.wake(KIND, await context.app.database.awrite(create))
    return {"TrainingJobArn": arn}


def check_request(request: Mapping[str, Any]) -> None:
    """Check the rules beyond the service model.

    Raises
    ------
    InvalidRequest
    """
    image = (request.get("AlgorithmSpecification") or {}).get("TrainingImage") or ""
    name = algorithms.algorithm_of(image)
    can_checkpoint = name is None or algorithms.get(name).can_checkpoint
    check_training_request(request, algorithm=name, can_checkpoint=can_checkpoint)


@reads("sagemaker", "DescribeTrainingJob")
def describe_training_job(
    context: RequestContext, connection: Connection, *, training_job_name: str
) -> dict[str, Any]:
    """Everything about one training job."""
    job = store.named(connection, context.region, training_job_name)
    if job is not None:
        points = metric_points.last_values(connection, KIND, job.id)
        return described(job, store.transitions(connection, job.id), points)
    run = runs.named(connection, context.region, training_job_name)
    answer = None if run is None else labeling_trainings.described(context, connection, run)
    if answer is None:
        raise _missing(training_job_name)
    return answer


@operation("sagemaker", "StopTrainingJob")
async def stop_training_job(context: RequestContext, *, training_job_name: str) -> None:
    """Ask a job to end; it has two minutes, and what is in its model folder is kept."""

    def stop(connection: Connection) -> int:
        job = _own(context, connection, training_job_name, "stopped")
        try:
            transition(connection, job.id, StopRequested(at=context.now))
        except IllegalTransition as error:
            raise InvalidRequest(error.message, field="TrainingJobName", value=job.name) from error
        return job.id

    context.app.supervisor.wake(KIND, await context.app.database.awrite(stop))


@writes("sagemaker", "UpdateTrainingJob")
def update_training_job(
    context: RequestContext, connection: Connection, *, training_job_name: str, **_: Any
) -> dict[str, Any]:
    """Change what may change of a job: profiling, remote debugging, the period of its warm pool."""
    job = _own(context, connection, training_job_name, "changed")
    given = {key: context.parameters[key] for key in _CHANGEABLE if key in context.parameters}
    if job.status in TERMINAL and set(given) - {"ResourceConfig"}:
        raise InvalidRequest(
            f"The request was rejected because the training job is in status {job.status}. Only "
            "ResourceConfig.KeepAlivePeriodInSeconds can be changed now.",
            field="TrainingJobName",
            value=job.name,
        )
    values: dict[str, Any] = {
        "changes": orjson.dumps({**orjson.loads(job.changes), **given}).decode(),
        "modified_at": context.now,
    }
    if "ResourceConfig" in given:
        if job.keep_alive_s is None:
            raise InvalidRequest(
                f"The training job {job.name} was created without KeepAlivePeriodInSeconds, so it has no "
                "warm pool whose period could be changed.",
                field="ResourceConfig.KeepAlivePeriodInSeconds",
            )
        values["keep_alive_s"] = given["ResourceConfig"]["KeepAlivePeriodInSeconds"]
    store.set_columns(connection, job.id, **values)
    return {"TrainingJobArn": job.arn}


@writes("sagemaker", "DeleteTrainingJob")
def delete_training_job(context: RequestContext, connection: Connection, *, training_job_name: str) -> None:
    """Show a job that has ended no more; its name stays taken and its outputs stay where they are."""
    job = _own(context, connection, training_job_name, "deleted")
    if job.status not in TERMINAL:
        raise InvalidRequest(
            f"The request was rejected because the training job is in status {job.status}. Stop it and wait "
            "until it has ended.",
            field="TrainingJobName",
            value=job.name,
        )
    delete_all_tags(connection, job.arn)
    metric_points.delete_points(connection, KIND, job.id)
    store.delete(connection, job.id, now=context.now)


@reads("sagemaker", "ListTrainingJobs")
def list_training_jobs(
    context: RequestContext,
    connection: Connection,
    *,
    warm_pool_status_equals: str | None = None,
    training_plan_arn_equals: str | None = None,
    **asked: Unpack[JobFilters],
) -> dict[str, Any]:
    """The training jobs of the region; the newest first unless an order is given."""
    is_by_time = asked.get("sort_by", "CreationTime") == "CreationTime"
    listing = listing_of(
        context,
        asked,
        Listing,
        sort_order="Descending" if is_by_time else "Ascending",
        warm_pool_status=warm_pool_status_equals,
        training_plan_arn=training_plan_arn_equals,
    )
    page = page_of_listing(
        context,
        connection,
        store.list_jobs,
        listing,
        asked.get("max_results"),
        key=lambda summary: summary.key,
    )
    return {
        "TrainingJobSummaries": [summarised(summary, labeling_trainings.SECONDARY) for summary in page.items],
        "NextToken": page.next_token,
    }


def _own(context: RequestContext, connection: Connection, name: str, verb: str) -> TrainingJobRow:
    """A training job that clients may change."""
    job = store.named(connection, context.region, name)
    if job is not None:
        return job
    run: RunRow | None = runs.named(connection, context.region, name)
    if run is None:
        raise _missing(name)
    if run.status != runs.IN_PROGRESS:
        raise InvalidRequest(
            f"The request was rejected because the training job is in status {run.status}.",
            field="TrainingJobName",
            value=name,
        )
    raise InvalidRequest(
        f"The training job {run.name} belongs to a labeling job and cannot be {verb} by itself; stop the "
        "labeling job.",
        field="TrainingJobName",
        value=name,
    )


def _missing(name: str) -> LabelwrightError:
    # Waiters and SDKs depend on this code and text; ResourceNotFound, although modelled, is not used here.
    return InvalidRequest("Requested resource not found.", field="TrainingJobName", value=name)
