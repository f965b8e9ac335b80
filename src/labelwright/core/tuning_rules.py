"""The rules of CreateHyperParameterTuningJob that its service model cannot say, and what follows from it.

A request is parsed into a `Plan` once; everything behind the door trusts that.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labelwright.core.training_rules import check_training_request
from labelwright.core.tuning_job import Criteria
from labelwright.core.tuning_ranges import Categorical, Space, n_combinations, parse_ranges
from labelwright.errors import InvalidRequest

__all__ = [
    "OBJECTIVE_PARAMETER",
    "AlgorithmFacts",
    "Definition",
    "Hyperband",
    "Plan",
    "definitions_of",
    "parse_plan",
    "resource_config",
    "training_request",
]

OBJECTIVE_PARAMETER = "_tuning_objective_metric"
"""The hyperparameter that tells every training job what is tuned."""

_HYPERPARAMETERS_MAX = 100
_PARALLEL_MAX = 100
_JOBS_MAX = 750
_RANDOM_JOBS_MAX = 10_000
_EPOCHS_MAX = 20_000
_EPOCHS_NAMES = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
_COPIED = (
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "RetryStrategy",
    "Environment",
)


@dataclasses.dataclass(frozen=True, slots=True)
class AlgorithmFacts:
    """What must be known of a built-in algorithm.

    Attributes
    ----------
    name : str
    objectives : Mapping of str to str
        Metrics that may be tuned, with ``Maximize`` or ``Minimize``.
    tunable : frozenset of str
    can_checkpoint : bool
    """

    name: str
    objectives: Mapping[str, str]
    tunable: frozenset[str]
    can_checkpoint: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Definition:
    """One training job definition.

    Attributes
    ----------
    name : str or None
        None for the only one.
    space : Space
    metric : str
    is_maximised : bool
    request : Mapping
        The member of the request.
    """

    name: str | None
    space: Space
    metric: str
    is_maximised: bool
    request: Mapping[str, Any]

    @property
    def static(self) -> Mapping[str, str]:
        """Hyperparameters that are the same in every job."""
        return self.request.get("StaticHyperParameters") or {}


@dataclasses.dataclass(frozen=True, slots=True)
class Hyperband:
    """Epochs at which jobs are compared first and last."""

    min_resource: int
    max_resource: int


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """A tuning job as it is carried out.

    Attributes
    ----------
    strategy : str
        ``Bayesian``, ``Random``, ``Hyperband`` or ``Grid``.
    definitions : tuple of Definition
    criteria : Criteria
    n_parallel : int
    stops_early : bool
        By the median rule.
    hyperband : Hyperband or None
    seed : int or None
    parents : tuple of str
        Names of the tuning jobs of a warm start.
    is_identical : bool
        Whether the warm start is on the same data and algorithm.
    """

    strategy: str
    definitions: tuple[Definition, ...]
    criteria: Criteria
    n_parallel: int
    stops_early: bool
    hyperband: Hyperband | None
    seed: int | None
    parents: tuple[str, ...]
    is_identical: bool


def definitions_of(request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The training job definitions, one or several."""
    only = request.get("TrainingJobDefinition")
    return [only] if only is not None else request.get("TrainingJobDefinitions") or []


def parse_plan(request: Mapping[str, Any], facts_of: Callable[[str], AlgorithmFacts | None]) -> Plan:
    """Check a request that has passed the service model, and read it.

    Parameters
    ----------
    request : Mapping
    facts_of : callable
        From a training image to what is known of the built-in algorithm; None for somebody's own image.

    Raises
    ------
    InvalidRequest
        The first rule that is broken.
    """
    config = request["HyperParameterTuningJobConfig"]
    strategy = config["Strategy"]
    definitions = _definitions(request, config, facts_of)
    limits = config["ResourceLimits"]
    if limits["MaxParallelTrainingJobs"] > _PARALLEL_MAX:
        raise _broken(
            "ResourceLimits.MaxParallelTrainingJobs",
            limits["MaxParallelTrainingJobs"],
            f"must be at most {_PARALLEL_MAX}",
        )
    warm = request.get("WarmStartConfig")
    stops_early = config.get("TrainingJobEarlyStoppingType", "Off") == "Auto"
    _check_strategy(strategy, definitions, stops_early=stops_early, is_warm=warm is not None)
    criteria = config.get("TuningJobCompletionCriteria") or {}
    target = criteria.get("TargetObjectiveMetricValue")
    if target is not None and not math.isfinite(target):
        raise _broken("TuningJobCompletionCriteria.TargetObjectiveMetricValue", target, "must be a number")
    not_improving = criteria.get("BestObjectiveNotImproving") or {}
    convergence = criteria.get("ConvergenceDetected") or {}
    return Plan(
        strategy=strategy,
        definitions=definitions,
        criteria=Criteria(
            n_jobs_max=_n_jobs_max(strategy, limits, definitions),
            runtime_s_max=limits.get("MaxRuntimeInSeconds"),
            target=target,
            n_not_improving_max=not_improving.get("MaxNumberOfTrainingJobsNotImproving"),
            ends_on_convergence=convergence.get("CompleteOnConvergence") == "Enabled",
            is_maximised=definitions[0].is_maximised,
        ),
        n_parallel=limits["MaxParallelTrainingJobs"],
        stops_early=stops_early,
        hyperband=_hyperband(config, definitions) if strategy == "Hyperband" else None,
        seed=config.get("RandomSeed"),
        parents=_parents(warm),
        is_identical=warm is not None and warm["WarmStartType"] == "IdenticalDataAndAlgorithm",
    )


def training_request(
    definition: Mapping[str, Any], name: str, metric: str, tuned: Mapping[str, str]
) -> dict[str, Any]:
    """The CreateTrainingJob request of one training job.

    Parameters
    ----------
    definition : Mapping
        The member of the tuning job's request.
    name : str
    metric : str
        The objective.
    tuned : Mapping of str to str
        Values of the tuned hyperparameters.
    """
    specification = definition["AlgorithmSpecification"]
    static = definition.get("StaticHyperParameters") or {}
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": dict(specification),
        "HyperParameters": {**static, **tuned, OBJECTIVE_PARAMETER: metric},
        "ResourceConfig": resource_config(definition),
        **{key: definition[key] for key in _COPIED if key in definition},
    }


def resource_config(definition: Mapping[str, Any]) -> dict[str, Any]:
    """``ResourceConfig`` of the training jobs, whichever form the definition has."""
    own = definition.get("ResourceConfig")
    if own is not None:
        return dict(own)
    given = dict(definition.get("HyperParameterTuningResourceConfig") or {})
    given.pop("AllocationStrategy", None)
    configs = given.pop("InstanceConfigs", None)
    # Alternatives in order of preference; there is one kind of machine here, so the first one is taken.
    return {**given, **configs[0]} if configs else given


def _definitions(
    request: Mapping[str, Any],
    config: Mapping[str, Any],
    facts_of: Callable[[str], AlgorithmFacts | None],
) -> tuple[Definition, ...]:
    if (request.get("TrainingJobDefinition") is None) == (not request.get("TrainingJobDefinitions")):
        raise InvalidRequest(
            "Exactly one of TrainingJobDefinition and TrainingJobDefinitions must be given.",
            field="TrainingJobDefinition",
        )
    is_one = request.get("TrainingJobDefinition") is not None
    top = (config.get("HyperParameterTuningJobObjective"), config.get("ParameterRanges"))
    if not is_one and any(top):
        raise InvalidRequest(
            "With TrainingJobDefinitions each definition has its own TuningObjective and "
            "HyperParameterRanges; leave HyperParameterTuningJobObjective and ParameterRanges of "
            "HyperParameterTuningJobConfig out.",
            field="HyperParameterTuningJobConfig",
        )
    found: list[Definition] = []
    for definition in definitions_of(request):
        objective = top[0] if is_one else definition.get("TuningObjective")
        ranges = top[1] if is_one else definition.get("HyperParameterRanges")
        name = definition.get("DefinitionName")
        if not is_one and (name is None or name in [other.name for other in found]):
            raise _broken(
                "TrainingJobDefinitions.DefinitionName", name, "must be given and differ between definitions"
            )
        where = "HyperParameterTuningJobConfig" if is_one else f"definition {name}"
        if objective is None:
            raise InvalidRequest(f"The objective metric of {where} is missing.", field="TuningObjective")
        if ranges is None:
            raise InvalidRequest(
                f"The ranges of hyperparameters of {where} are missing; give at least one range"
                f"{', also with Autotune' if request.get('Autotune') else ''}.",
                field="ParameterRanges",
            )
        parsed = Definition(
            name=None if is_one else name,
            space=parse_ranges(ranges),
            metric=objective["MetricName"],
            is_maximised=objective["Type"] == "Maximize",
            request=definition,
        )
        _check_definition(parsed, objective["Type"], facts_of)
        found.append(parsed)
    if len({definition.is_maximised for definition in found}) > 1:
        raise _broken(
            "TuningObjective.Type",
            ["Maximize", "Minimize"],
            "must be the same in all definitions, or no job of them could be the best",
        )
    return tuple(found)


def _check_definition(
    definition: Definition, direction: str, facts_of: Callable[[str], AlgorithmFacts | None]
) -> None:
    request = definition.request
    has_one = (request.get("ResourceConfig") is None) != (
        request.get("HyperParameterTuningResourceConfig") is None
    )
    if not has_one:
        raise InvalidRequest(
            "Exactly one of ResourceConfig and HyperParameterTuningResourceConfig must be given in a "
            "training job definition.",
            field="ResourceConfig",
        )
    names = {each.name for each in definition.space}
    both = sorted(names & set(definition.static))
    if both:
        raise _broken("StaticHyperParameters", both, "must not name hyperparameters that have a range")
    if len(names) + len(definition.static) + 1 > _HYPERPARAMETERS_MAX:
        raise _broken(
            "StaticHyperParameters",
            len(definition.static),
            f"and ranges may name at most {_HYPERPARAMETERS_MAX - 1} hyperparameters together",
        )
    specification = request["AlgorithmSpecification"]
    facts = facts_of(specification.get("TrainingImage") or "")
    if facts is not None:
        _check_built_in(definition, direction, facts)
    else:
        metrics = [metric["Name"] for metric in specification.get("MetricDefinitions") or ()]
        if definition.metric not in metrics:
            raise _broken(
                "The objective metric",
                definition.metric,
                f"must be one of the MetricDefinitions of the algorithm: {metrics}",
            )
    check_training_request(
        training_request(request, "a", definition.metric, {}),
        algorithm=None if facts is None else facts.name,
        can_checkpoint=facts is None or facts.can_checkpoint,
    )


def _check_built_in(definition: Definition, direction: str, facts: AlgorithmFacts) -> None:
    expected = facts.objectives.get(definition.metric)
    if expected is None:
        raise _broken(
            "The objective metric",
            definition.metric,
            f"must be one that {facts.name} can be tuned for: {sorted(facts.objectives)}",
        )
    if expected != direction:
        raise _broken(
            "The objective type", direction, f"must be {expected} for the metric {definition.metric}"
        )
    wrong = sorted(each.name for each in definition.space if each.name not in facts.tunable)
    if wrong:
        raise _broken(
            "ParameterRanges",
            wrong,
            f"must name hyperparameters of {facts.name} that can be tuned: {sorted(facts.tunable)}",
        )


def _check_strategy(
    strategy: str, definitions: Sequence[Definition], *, stops_early: bool, is_warm: bool
) -> None:
    if is_warm and strategy not in ("Bayesian", "Random"):
        raise _broken("WarmStartConfig", strategy, "may be given only with the strategy Bayesian or Random")
    if strategy in ("Grid", "Hyperband") and stops_early:
        raise _broken("TrainingJobEarlyStoppingType", "Auto", f"must be Off with the strategy {strategy}")
    if strategy == "Grid":
        for definition in definitions:
            for each in definition.space:
                if not isinstance(each, Categorical):
                    raise _broken("ParameterRanges", each.name, "must be categorical with the strategy Grid")


def _n_jobs_max(strategy: str, limits: Mapping[str, Any], definitions: Sequence[Definition]) -> int:
    given = limits.get("MaxNumberOfTrainingJobs")
    if strategy == "Grid":
        n = sum(n_combinations(definition.space) for definition in definitions)
        if given is not None and given != n:
            raise _broken(
                "ResourceLimits.MaxNumberOfTrainingJobs",
                given,
                f"must be the number of combinations, {n}, or be left out with the strategy Grid",
            )
        return n
    most = _RANDOM_JOBS_MAX if strategy == "Random" else _JOBS_MAX
    if given is not None and given > most:
        raise _broken("ResourceLimits.MaxNumberOfTrainingJobs", given, f"must be at most {most}")
    return most if given is None else int(given)


def _hyperband(config: Mapping[str, Any], definitions: Sequence[Definition]) -> Hyperband:
    given = (config.get("StrategyConfig") or {}).get("HyperbandStrategyConfig") or {}
    lowest, highest = given.get("MinResource", 1), given.get("MaxResource")
    if highest is None:
        epochs = [_epochs(definition) for definition in definitions]
        if None in epochs:
            raise InvalidRequest(
                "The strategy Hyperband needs HyperbandStrategyConfig.MaxResource, or a static "
                f"hyperparameter named one of {', '.join(_EPOCHS_NAMES)} with a value from 1 to "
                f"{_EPOCHS_MAX}.",
                field="HyperbandStrategyConfig.MaxResource",
            )
        highest = max(each for each in epochs if each is not None)
    if lowest > highest:
        raise _broken(
            "HyperbandStrategyConfig.MinResource", lowest, f"must be at most MaxResource ({highest})"
        )
    return Hyperband(int(lowest), int(highest))


def _epochs(definition: Definition) -> int | None:
    for name in _EPOCHS_NAMES:
        text = definition.static.get(name)
        if text is not None:
            try:
                value = int(float(text))
            except (ValueError, OverflowError):
                continue
            if 0 < value <= _EPOCHS_MAX:
                return value
    return None


def _parents(warm: Mapping[str, Any] | None) -> tuple[str, ...]:
    if warm is None:
        return ()
    names = [parent.get("HyperParameterTuningJobName") for parent in warm["ParentHyperParameterTuningJobs"]]
    if None in names or len(set(names)) < len(names):
        raise _broken("ParentHyperParameterTuningJobs", names, "must name tuning jobs that differ")
    return tuple(str(name) for name in names)


def _broken(field: str, value: object, rule: str) -> InvalidRequest:
    shown = "" if value is None else f" is {value!r}, it"
    return InvalidRequest(f"{field}{shown} {rule}.", field=field, value=value, rule=rule)
