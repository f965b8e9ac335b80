"""The trainings that labeling jobs ran, shown as training jobs.

They belong to their labeling job: what people pay for or choose elsewhere (instances, channels) is shown as
it was, one local process, and only the labeling job can stop them.
"""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.engine.automated import places
from labelwright.engine.facts import facts_of
from labelwright.store import automated, labeling_jobs, models, runs
from labelwright.store.runs import RunRow

__all__ = ["SECONDARY", "described"]

SECONDARY = {
    runs.IN_PROGRESS: "Training",
    runs.COMPLETED: "Completed",
    runs.FAILED: "Failed",
    runs.STOPPED: "Stopped",
}
"""``SecondaryStatus`` by status."""

_ENDED = {
    runs.COMPLETED: "Training job completed",
    runs.FAILED: "Training job failed",
    runs.STOPPED: "Training job stopped",
}


def described(context: RequestContext, connection: Connection, run: RunRow) -> dict[str, Any] | None:
    """One training; None when its labeling job is gone."""
    job = labeling_jobs.get(connection, run.job_id)
    if job is None:
        return None
    facts = facts_of(job)
    answer: dict[str, Any] = {
        "TrainingJobName": run.name,
        "TrainingJobArn": run.arn,
        "LabelingJobArn": job.arn,
        "TrainingJobStatus": run.status,
        "SecondaryStatus": SECONDARY[run.status],
        "SecondaryStatusTransitions": _story(run),
        "ModelArtifacts": {"S3ModelArtifacts": _artifact_uri(connection, facts.output_uri, run)},
        "HyperParameters": {},
        "AlgorithmSpecification": {"TrainingImage": "labelwright/autolabel", "TrainingInputMode": "File"},
        "RoleArn": facts.request["RoleArn"],
        "InputDataConfig": [_channel(places.training_manifest_uri(facts.output_uri, run.iteration))],
        "OutputDataConfig": {
            "KmsKeyId": "",
            "S3OutputPath": f"{facts.output_uri}/training/{run.iteration}/model",
        },
        "ResourceConfig": {"InstanceType": "local", "InstanceCount": 1, "VolumeSizeInGB": 30},
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
        seconds = max(1, round(run.ended_at - run.started_at))
        optional |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    return answer | {key: value for key, value in optional.items() if value is not None}


def _artifact_uri(connection: Connection, output_uri: str, run: RunRow) -> str:
    """Where the run's model is: its own, or the one that it applied when there was nothing to learn."""
    if run.status == runs.COMPLETED:
        trained = runs.last_that_trained(connection, run.job_id, until=run.id)
        if trained is not None:
            return places.model_uri(output_uri, trained.iteration, trained.name)
        state = automated.get(connection, run.job_id)
        start = state and state.start_model_arn and models.by_arn(connection, state.start_model_arn)
        if start and start.artifact_uri:
            return start.artifact_uri
    return places.model_uri(output_uri, run.iteration, run.name)


def _story(run: RunRow) -> list[dict[str, Any]]:
    steps = [("Starting", "Preparing the instances for training", run.created_at)]
    if run.started_at is not None:
        steps.append(("Training", "Training in progress.", run.started_at))
    if run.ended_at is not None:
        steps.append((SECONDARY[run.status], _ENDED[run.status], run.ended_at))
    story: list[dict[str, Any]] = [
        {"Status": status, "StatusMessage": message, "StartTime": at} for status, message, at in steps
    ]
    for i, step in enumerate(story[:-1]):
        step["EndTime"] = story[i + 1]["StartTime"]
    if run.ended_at is not None:
        story[-1]["EndTime"] = run.ended_at
    return story


def _channel(uri: str) -> dict[str, Any]:
    source = {
        "S3DataType": "AugmentedManifestFile",
        "S3Uri": uri,
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
