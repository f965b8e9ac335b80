"""Hyperparameter tuning job operations.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html and its
neighbours. Differences: no quota refuses a job, its training jobs wait until there is a place; Autotune is
taken only together with ranges, and chooses nothing; all definitions of a tuning job maximise or all
minimise; of alternative instances the first is taken.
"""

from __future__ import annotations

import importlib.util
import secrets
from typing import Any, Unpack

import orjson
from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation, reads, writes
from labelwright.api.paging import JobFilters, listing_of, page_of, page_of_listing
from labelwright.core.arn import tuning_job_arn
from labelwright.core.tuning_job import TERMINAL, Status
from labelwright.core.tuning_rules import Plan
from labelwright.core.tuning_warm_start import check_parent, check_total
from labelwright.engine.tuning import KIND
from labelwright.engine.tuning.describing import described, summarised, trial_summary
from labelwright.engine.tuning.plans import plan_of
from labelwright.engine.tuning.telling import announce
from labelwright.errors import InvalidRequest, NotFound
from labelwright.store import tuning_jobs as store
from labelwright.store.tags import add_tags, delete_all_tags
from labelwright.store.tuning_jobs import Listing, TrialRow, TuningJobRow

__all__: list[str] = []

_SEED_BITS = 31


@operation("sagemaker", "CreateHyperParameterTuningJob")
async def create_hyper_parameter_tuning_job(
    context: RequestContext,
    *,
    hyper_parameter_tuning_job_name: str,
    tags: list[dict[str, str]] | None = None,
    **_: Any,
) -> dict[str, Any]:
    """Check the request and keep it; its first training jobs are made at once."""
    name = hyper_parameter_tuning_job_name
    request = {key: value for key, value in context.parameters.items() if key != "Tags"}
    plan = plan_of(request)
    if plan.strategy == "Bayesian" and importlib.util.find_spec("optuna") is None:
        raise InvalidRequest(
            "Strategy is Bayesian, which needs Optuna on the server: install labelwright[train] there, or "
            "use Random, Grid or Hyperband.",
            field="HyperParameterTuningJobConfig.Strategy",
            value=plan.strategy,
        )
    arn = tuning_job_arn(context.region, context.account_id, name)
    seed = secrets.randbits(_SEED_BITS) if plan.seed is None else plan.seed

    def create(connection: Connection) -> int:
        _check_parents(context, connection, plan)
        job_id = store.create(
            connection,
            region=context.region,
            name=name,
            arn=arn,
            request=request,
            seed=seed,
            now=context.now,
        )
        announce(connection, job_id, at=context.now)
        if tags:
            add_tags(connection, arn, tags)
        return job_id

    context.app.supervisor.wake(KIND, await context.app.database.awrite(create))
    return {"HyperParameterTuningJobArn": arn}


@reads("sagemaker", "DescribeHyperParameterTuningJob")
def describe_hyper_parameter_tuning_job(
    context: RequestContext, connection: Connection, *, hyper_parameter_tuning_job_name: str
) -> dict[str, Any]:
    """Everything about one tuning job, its best training job included."""
    row = _named(context, connection, hyper_parameter_tuning_job_name)
    plan = plan_of(orjson.loads(row.request))
    parents: list[tuple[str, Plan, TrialRow]] = []
    if plan.is_identical:
        for name in plan.parents:
            parent = store.named(connection, context.region, name)
            if parent is not None:
                its_plan = plan_of(orjson.loads(parent.request))
                parents += [(parent.name, its_plan, trial) for trial in store.trials(connection, parent.id)]
    return described(row, plan, store.trials(connection, row.id), parents, now=context.now)


@operation("sagemaker", "StopHyperParameterTuningJob")
async def stop_hyper_parameter_tuning_job(
    context: RequestContext, *, hyper_parameter_tuning_job_name: str
) -> None:
    """Stop a tuning job with all training jobs that run."""

    def stop(connection: Connection) -> int:
        row = _named(context, connection, hyper_parameter_tuning_job_name)
        if row.status in TERMINAL:
            raise _in_status(row)
        if row.status == Status.IN_PROGRESS:
            store.set_columns(connection, row.id, status=Status.STOPPING.value, modified_at=context.now)
            announce(connection, row.id, at=context.now)
        return row.id

    context.app.supervisor.wake(KIND, await context.app.database.awrite(stop))


@writes("sagemaker", "DeleteHyperParameterTuningJob")
def delete_hyper_parameter_tuning_job(
    context: RequestContext, connection: Connection, *, hyper_parameter_tuning_job_name: str
) -> None:
    """Show a tuning job that has ended no more; its training jobs stay, and its name stays taken."""
    row = _named(context, connection, hyper_parameter_tuning_job_name)
    if row.status not in TERMINAL:
        raise _in_status(row)
    delete_all_tags(connection, row.arn)
    store.delete(connection, row.id, now=context.now)


@reads("sagemaker", "ListHyperParameterTuningJobs")
def list_hyper_parameter_tuning_jobs(
    context: RequestContext, connection: Connection, **asked: Unpack[JobFilters]
) -> dict[str, Any]:
    """The tuning jobs of the region."""
    listing = listing_of(context, asked, Listing, sort_by="Name", sort_order="Ascending")
    page = page_of_listing(
        context, connection, store.list_jobs, listing, asked.get("max_results"), key=lambda row: row.id
    )
    return {
        "HyperParameterTuningJobSummaries": [
            summarised(row, store.trials(connection, row.id)) for row in page.items
        ],
        "NextToken": page.next_token,
    }


@reads("sagemaker", "ListTrainingJobsForHyperParameterTuningJob")
def list_training_jobs_for_hyper_parameter_tuning_job(
    context: RequestContext,
    connection: Connection,
    *,
    hyper_parameter_tuning_job_name: str,
    max_results: int | None = None,
    next_token: str | None = None,
    sort_by: str = "Name",
    sort_order: str = "Ascending",
    status_equals: str | None = None,
) -> dict[str, Any]:
    """The training jobs of a tuning job; sorted by the objective, only those that have a value."""
    row = _named(context, connection, hyper_parameter_tuning_job_name)
    plan = plan_of(orjson.loads(row.request))
    found = [
        trial
        for trial in store.trials(connection, row.id)
        if (status_equals is None or trial.status == status_equals)
        and (sort_by != "FinalObjectiveMetricValue" or trial.value is not None)
    ]

    def key(trial: TrialRow) -> tuple[Any, ...]:
        values = {
            "Name": trial.name.lower(),
            "Status": trial.status,
            "CreationTime": trial.created_at,
            "FinalObjectiveMetricValue": trial.value,
        }
        return (values[sort_by], trial.number)

    page = page_of(
        context,
        found,
        key=key,
        max_results=max_results,
        next_token=next_token,
        descending=sort_order == "Descending",
    )
    return {
        "TrainingJobSummaries": [trial_summary(plan, trial) for trial in page.items],
        "NextToken": page.next_token,
    }


def _check_parents(context: RequestContext, connection: Connection, plan: Plan) -> None:
    if not plan.parents:
        return
    n_jobs = 0
    for name in plan.parents:
        parent = _named(context, connection, name)
        if parent.status not in TERMINAL:
            raise InvalidRequest(
                f"The tuning job {name!r} cannot be a parent of this one: it is {parent.status}; wait until "
                "it has ended.",
                field="WarmStartConfig",
                value=name,
            )
        check_parent(name, plan_of(orjson.loads(parent.request)), plan)
        n_jobs += len(store.trials(connection, parent.id))
    check_total(n_jobs, plan)


def _named(context: RequestContext, connection: Connection, name: str) -> TuningJobRow:
    row = store.named(connection, context.region, name)
    if row is None:
        raise NotFound(
            f"Amazon SageMaker can't find a tuning job with the name {name}. Check the name and the region; "
            "ListHyperParameterTuningJobs shows those there are.",
            kind="tuning job",
            name=name,
        )
    return row


def _in_status(row: TuningJobRow) -> InvalidRequest:
    return InvalidRequest(
        f"The request was rejected because the hyperparameter tuning job is in status {row.status}.",
        field="HyperParameterTuningJobName",
        value=row.name,
    )
