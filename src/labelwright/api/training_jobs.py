"""The trainings that labeling jobs ran, as training jobs; reading only.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html and its neighbour.
Differences: only trainings of automated labeling are there; what people pay for or choose there (instances,
channels) is shown as it was: one local process.
"""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import reads
from labelwright.api.paging import page_of
from labelwright.engine.automated import places
from labelwright.engine.facts import facts_of
from labelwright.errors import NotFound
from labelwright.store import labeling_jobs, runs
from labelwright.store.runs import RunRow

__all__: list[str] = []

_SECONDARY = {
    runs.IN_PROGRESS: "Training",
    runs.COMPLETED: "Completed",
    runs.FAILED: "Failed",
    runs.STOPPED: "Stopped",
}


@reads("sagemaker", "DescribeTrainingJob")
def describe_training_job(
    context: RequestContext, connection: Connection, *, training_job_name: str
) -> dict[str, Any]:
    """One training."""
    run = runs.named(connection, context.region, training_job_name)
    job = None if run is None else labeling_jobs.get(connection, run.job_id)
    if run is None or job is None:
        raise NotFound(
            f"There is no training job {training_job_name!r} in {context.region}; see ListTrainingJobs.",
            kind="training job",
            name=training_job_name,
        )
    facts = facts_of(job)
    answer: dict[str, Any] = {
        "TrainingJobName": run.name,
        "TrainingJobArn": run.arn,
        "LabelingJobArn": job.arn,
        "TrainingJobStatus": run.status,
        "SecondaryStatus": _SECONDARY[run.status],
        "ModelArtifacts": {"S3ModelArtifacts": places.model_uri(facts.output_uri, run.iteration, run.name)},
        "AlgorithmSpecification": {"TrainingImage": "labelwright/autolabel", "TrainingInputMode": "File"},
        "RoleArn": facts.request["RoleArn"],
        "InputDataConfig": [_channel(places.training_manifest_uri(facts.output_uri, run.iteration))],
        "OutputDataConfig": {
            "S3OutputPath": f"{facts.output_uri}/training/{run.iteration}/model",
        },
        "StoppingCondition": {
            "MaxRuntimeInSeconds": max(1, int(context.app.settings.autolabel_time_limit_s))
        },
        "CreationTime": run.created_at,
        "LastModifiedTime": run.modified_at,
        "FinalMetricDataList": [
            {"MetricName": name, "Value": float(value), "Timestamp": run.ended_at or run.modified_at}
            for name, value in sorted(orjson.loads(run.detail).items())
            if isinstance(value, int | float)
        ],
        "EnableNetworkIsolation": False,
    }
    optional = {
        "TrainingStartTime": run.started_at,
        "TrainingEndTime": run.ended_at,
        "FailureReason": run.failure_reason,
    }
    if run.started_at is not None and run.ended_at is not None:
        optional["TrainingTimeInSeconds"] = max(1, round(run.ended_at - run.started_at))
    return answer | {key: value for key, value in optional.items() if value is not None}


def _channel(uri: str) -> dict[str, Any]:
    source = {
        "S3DataType": "AugmentedManifestFile",
        "S3Uri": uri,
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": "train", "DataSource": {"S3DataSource": source}}


@reads("sagemaker", "ListTrainingJobs")
def list_training_jobs(
    context: RequestContext,
    connection: Connection,
    *,
    creation_time_after: float | None = None,
    creation_time_before: float | None = None,
    last_modified_time_after: float | None = None,
    last_modified_time_before: float | None = None,
    max_results: int | None = None,
    name_contains: str = "",
    next_token: str | None = None,
    sort_by: str = "CreationTime",
    sort_order: str = "Ascending",
    status_equals: str | None = None,
    **_: Any,
) -> dict[str, Any]:
    """The trainings of the region."""
    found = [
        run
        for run in runs.all_of_region(connection, context.region)
        if name_contains.lower() in run.name
        and (status_equals is None or run.status == status_equals)
        and (creation_time_after is None or run.created_at > creation_time_after)
        and (creation_time_before is None or run.created_at < creation_time_before)
        and (last_modified_time_after is None or run.modified_at > last_modified_time_after)
        and (last_modified_time_before is None or run.modified_at < last_modified_time_before)
    ]

    def key(run: RunRow) -> tuple[Any, ...]:
        return ({"Name": run.name, "Status": run.status}.get(sort_by, run.created_at), run.id)

    page = page_of(
        context,
        found,
        key=key,
        max_results=max_results,
        next_token=next_token,
        descending=sort_order == "Descending",
    )
    return {"TrainingJobSummaries": [_summary(run) for run in page.items], "NextToken": page.next_token}


def _summary(run: RunRow) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "TrainingJobName": run.name,
        "TrainingJobArn": run.arn,
        "CreationTime": run.created_at,
        "LastModifiedTime": run.modified_at,
        "TrainingJobStatus": run.status,
    }
    if run.ended_at is not None:
        summary["TrainingEndTime"] = run.ended_at
    return summary
