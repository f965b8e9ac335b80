"""DescribeTrainingJob and the summaries of ListTrainingJobs: from rows to answers.

What a client asked for comes back as it was, with the defaults that clients rely on filled in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from labelwright import algorithms
from labelwright.core.training_job import TERMINAL, Status
from labelwright.core.training_rules import (
    MAX_RUNTIME_S_DEFAULT,
    VOLUME_GB_DEFAULT,
    output_prefix,
)
from labelwright.store.training_jobs import Summary, TrainingJobRow, Transition

__all__ = ["MetricValue", "algorithm_specification", "described", "summarised", "warm_pool"]

MetricValue = tuple[str, float, float]
"""Name, value, epoch seconds."""

_FLAGS = ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining")


def described(
    row: TrainingJobRow, story: Sequence[Transition], metrics: Sequence[MetricValue]
) -> dict[str, Any]:
    """One training job.

    Parameters
    ----------
    row : TrainingJobRow
    story : sequence of Transition
        Oldest first.
    metrics : sequence of MetricValue
        The last value of each metric.
    """
    request = _merged(orjson.loads(row.request), orjson.loads(row.changes))
    given = request.get("HyperParameters") or {}
    optional = {
        "TuningJobArn": row.tuning_job_arn,
        "FailureReason": row.failure_reason,
        "TrainingStartTime": row.started_at,
        "TrainingEndTime": row.ended_at,
        "WarmPoolStatus": warm_pool(row.keep_alive_s, row.status),
    }
    if row.status in TERMINAL:
        # Both must be there and at least 1, also of a job that never began.
        seconds = max(1, round(row.state.training_s))
        optional |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    return {
        **request,
        "TrainingJobName": row.name,
        "TrainingJobArn": row.arn,
        "TrainingJobStatus": row.status,
        "SecondaryStatus": row.secondary,
        "SecondaryStatusTransitions": [_transition(step) for step in story],
        "ModelArtifacts": {"S3ModelArtifacts": _artifacts(request, row.name)},
        "HyperParameters": given,
        "Environment": request.get("Environment") or {},
        "AlgorithmSpecification": algorithm_specification(request["AlgorithmSpecification"], given),
        "InputDataConfig": [_channel(channel) for channel in request.get("InputDataConfig") or ()],
        "OutputDataConfig": {"KmsKeyId": "", "CompressionType": "GZIP", **request["OutputDataConfig"]},
        "ResourceConfig": _resources(request.get("ResourceConfig") or {}),
        "StoppingCondition": {
            "MaxRuntimeInSeconds": MAX_RUNTIME_S_DEFAULT,
            **(request.get("StoppingCondition") or {}),
        },
        **{flag: request.get(flag, False) for flag in _FLAGS},
        "CreationTime": row.created_at,
        "LastModifiedTime": row.modified_at,
        "FinalMetricDataList": [
            {"MetricName": name, "Value": value, "Timestamp": at} for name, value, at in metrics
        ],
        "ProfilingStatus": "Disabled",
        "DebugRuleEvaluationStatuses": [
            {
                "RuleConfigurationName": rule["RuleConfigurationName"],
                "RuleEvaluationStatus": "Stopped",
                "StatusDetails": "This server does not evaluate rules.",
                "LastModifiedTime": row.created_at,
            }
            for rule in request.get("DebugRuleConfigurations") or ()
        ],
        **{key: value for key, value in optional.items() if value is not None},
    }


def summarised(summary: Summary, secondary: Mapping[str, str]) -> dict[str, Any]:
    """One entry of a listing; ``secondary`` is the status of trainings that have none of their own."""
    answer = {
        "TrainingJobName": summary.name,
        "TrainingJobArn": summary.arn,
        "CreationTime": summary.created_at,
        "LastModifiedTime": summary.modified_at,
        "TrainingJobStatus": summary.status,
        "SecondaryStatus": summary.secondary or secondary[summary.status],
        "TrainingEndTime": summary.ended_at,
        "TrainingPlanArn": summary.training_plan_arn,
        "WarmPoolStatus": warm_pool(summary.keep_alive_s, summary.status),
    }
    return {key: value for key, value in answer.items() if value is not None}


def algorithm_specification(given: Mapping[str, Any], hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    """A specification as it is shown: of a built-in algorithm with the metrics that it reports."""
    name = algorithms.algorithm_of(given.get("TrainingImage") or "")
    if name is None:
        return {"EnableSageMakerMetricsTimeSeries": False, **given}
    metrics = algorithms.get(name).metrics_of(hyperparameters)
    return {
        "EnableSageMakerMetricsTimeSeries": True,
        **given,
        "MetricDefinitions": [{"Name": metric.name, "Regex": metric.regex} for metric in metrics],
    }


def warm_pool(keep_alive_s: int | None, status: str) -> dict[str, Any] | None:
    """``WarmPoolStatus``: nothing is kept running after a job, so a pool ends with its job."""
    if keep_alive_s is None:
        return None
    if Status(status) not in TERMINAL:
        return {"Status": "InUse"}
    return {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": 0}


def _merged(request: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A request with what UpdateTrainingJob changed since; structures are merged, lists replaced."""
    for key, value in changes.items():
        old = request.get(key)
        request[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return request


def _transition(step: Transition) -> dict[str, Any]:
    shown = {"Status": step.status, "StartTime": step.started_at, "StatusMessage": step.message}
    return shown if step.ended_at is None else {**shown, "EndTime": step.ended_at}


def _artifacts(request: Mapping[str, Any], name: str) -> str:
    is_plain = request["OutputDataConfig"].get("CompressionType") == "NONE"
    return f"{output_prefix(request, name)}/{'model/' if is_plain else 'model.tar.gz'}"


def _channel(channel: Mapping[str, Any]) -> dict[str, Any]:
    return {"CompressionType": "None", "RecordWrapperType": "None", **channel}


def _resources(given: Mapping[str, Any]) -> dict[str, Any]:
    defaults: dict[str, Any] = {"VolumeSizeInGB": VOLUME_GB_DEFAULT}
    if not given.get("InstanceGroups"):
        defaults["InstanceCount"] = 1
    return {**defaults, **given}
