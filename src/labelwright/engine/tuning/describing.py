"""DescribeHyperParameterTuningJob and the summaries of the lists: from rows to answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from labelwright.core.tuning_job import better, improvement_lag
from labelwright.core.tuning_rules import OBJECTIVE_PARAMETER, Plan, resource_config
from labelwright.engine.training.describing import algorithm_specification
from labelwright.engine.tuning.looking import COMPLETED, NON_RETRYABLE, RETRYABLE, STOPPED
from labelwright.store.tuning_jobs import TrialRow, TuningJobRow

__all__ = ["best_of", "described", "summarised", "trial_summary"]

_ECHOED = ("HyperParameterTuningJobConfig", "WarmStartConfig", "Autotune")


def described(
    row: TuningJobRow,
    plan: Plan,
    trials: Sequence[TrialRow],
    parents: Sequence[tuple[str, Plan, TrialRow]],
    *,
    now: float,
) -> dict[str, Any]:
    """One tuning job.

    Parameters
    ----------
    row : TuningJobRow
    plan : Plan
    trials : sequence of TrialRow
    parents : sequence of (str, Plan, TrialRow)
        Trials of the parents of a warm start on identical data: the parent's name, its plan, the trial.
    now : float
        Epoch seconds.
    """
    request = orjson.loads(row.request)
    answer: dict[str, Any] = {
        "HyperParameterTuningJobName": row.name,
        "HyperParameterTuningJobArn": row.arn,
        "HyperParameterTuningJobStatus": row.status,
        **{key: request[key] for key in _ECHOED if key in request},
        **_definitions(request, plan),
        **_counters(trials),
        "CreationTime": row.created_at,
        "LastModifiedTime": row.modified_at,
        "ConsumedResources": {"RuntimeInSeconds": max(0, round((row.ended_at or now) - row.created_at))},
    }
    values = [
        trial.value
        for trial in sorted(trials, key=lambda trial: trial.ended_no or 0)
        if trial.value is not None
    ]
    details: dict[str, Any] = {}
    if values:
        details["NumberOfTrainingJobsObjectiveNotImproving"] = improvement_lag(
            values, is_maximised=plan.criteria.is_maximised
        )
    if row.converged_at is not None:
        details["ConvergenceDetectedTime"] = row.converged_at
    if details:
        answer["TuningJobCompletionDetails"] = details
    if row.ended_at is not None:
        answer["HyperParameterTuningEndTime"] = row.ended_at
        if row.failure_reason:
            answer["FailureReason"] = row.failure_reason
    best = best_of(plan, trials)
    if best is not None:
        answer["BestTrainingJob"] = trial_summary(plan, best)
    if plan.is_identical:
        answer |= _overall(row, plan, best, parents)
    return answer


def best_of(plan: Plan, trials: Sequence[TrialRow]) -> TrialRow | None:
    """The trial with the best value; the earlier one of two that are equally good."""
    best: TrialRow | None = None
    for trial in trials:
        if trial.value is not None and (
            best is None
            or best.value is None
            or better(trial.value, best.value, is_maximised=plan.criteria.is_maximised)
        ):
            best = trial
    return best


def trial_summary(plan: Plan, trial: TrialRow, tuning_job_name: str | None = None) -> dict[str, Any]:
    """``HyperParameterTrainingJobSummary`` of one trial."""
    definition = plan.definitions[trial.definition]
    answer: dict[str, Any] = {
        "TrainingJobDefinitionName": definition.name,
        "TrainingJobName": trial.name,
        "TrainingJobArn": trial.arn,
        "TuningJobName": tuning_job_name,
        "CreationTime": trial.created_at,
        "TrainingStartTime": trial.started_at,
        "TrainingEndTime": trial.ended_at,
        "TrainingJobStatus": trial.status,
        "TunedHyperParameters": orjson.loads(trial.tuned),
        "FailureReason": trial.failure_reason,
        "ObjectiveStatus": _objective_status(trial),
    }
    if trial.value is not None:
        answer["FinalHyperParameterTuningJobObjectiveMetric"] = {
            "Type": "Maximize" if definition.is_maximised else "Minimize",
            "MetricName": definition.metric,
            "Value": trial.value,
        }
    return {key: value for key, value in answer.items() if value is not None}


def summarised(row: TuningJobRow, trials: Sequence[TrialRow]) -> dict[str, Any]:
    """One entry of ListHyperParameterTuningJobs."""
    request = orjson.loads(row.request)
    answer = {
        "HyperParameterTuningJobName": row.name,
        "HyperParameterTuningJobArn": row.arn,
        "HyperParameterTuningJobStatus": row.status,
        "Strategy": row.strategy,
        "CreationTime": row.created_at,
        "HyperParameterTuningEndTime": row.ended_at,
        "LastModifiedTime": row.modified_at,
        **_counters(trials),
        "ResourceLimits": request["HyperParameterTuningJobConfig"]["ResourceLimits"],
    }
    return {key: value for key, value in answer.items() if value is not None}


def _definitions(request: dict[str, Any], plan: Plan) -> dict[str, Any]:
    shown = [
        {
            **definition.request,
            "AlgorithmSpecification": _specification(definition.request),
            "OutputDataConfig": {"KmsKeyId": "", **definition.request["OutputDataConfig"]},
            # SDKs take this key out again, and fail where it is not there.
            "StaticHyperParameters": {**definition.static, OBJECTIVE_PARAMETER: definition.metric},
            # In the form of training jobs as well, in which SDK 2 looks for it when it attaches to a job.
            "ResourceConfig": {"VolumeSizeInGB": 30, **resource_config(definition.request)},
        }
        for definition in plan.definitions
    ]
    if "TrainingJobDefinition" in request:
        return {"TrainingJobDefinition": shown[0]}
    return {"TrainingJobDefinitions": shown}


def _specification(definition: Any) -> dict[str, Any]:
    shown = algorithm_specification(
        definition["AlgorithmSpecification"], definition.get("StaticHyperParameters") or {}
    )
    shown.pop("EnableSageMakerMetricsTimeSeries", None)  # not a member of a definition
    return shown


def _counters(trials: Sequence[TrialRow]) -> dict[str, dict[str, int]]:
    outcomes = [trial.outcome for trial in trials]
    statuses = [_objective_status(trial) for trial in trials]
    return {
        "TrainingJobStatusCounters": {
            "Completed": outcomes.count(COMPLETED),
            "InProgress": outcomes.count(None),
            "RetryableError": outcomes.count(RETRYABLE),
            "NonRetryableError": outcomes.count(NON_RETRYABLE),
            "Stopped": outcomes.count(STOPPED),
        },
        "ObjectiveStatusCounters": {
            name: statuses.count(name) for name in ("Succeeded", "Pending", "Failed")
        },
    }


def _objective_status(trial: TrialRow) -> str:
    if trial.outcome is None:
        return "Pending"
    return "Failed" if trial.value is None else "Succeeded"


def _overall(
    row: TuningJobRow,
    plan: Plan,
    best: TrialRow | None,
    parents: Sequence[tuple[str, Plan, TrialRow]],
) -> dict[str, Any]:
    """``OverallBestTrainingJob``: the best one of this tuning job and of its parents."""
    candidates = [*parents, *([(row.name, plan, best)] if best is not None else [])]
    overall: tuple[str, Plan, TrialRow] | None = None
    for candidate in candidates:
        value = candidate[2].value
        if value is None:
            continue
        held = None if overall is None else overall[2].value
        if held is None or better(value, held, is_maximised=plan.criteria.is_maximised):
            overall = candidate
    if overall is None:
        return {}
    name, its_plan, trial = overall
    return {"OverallBestTrainingJob": trial_summary(its_plan, trial, name)}
