"""Rules of CreateHyperParameterTuningJob, one at a time."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from labelwright.core.tuning_rules import AlgorithmFacts, Plan, parse_plan, training_request
from labelwright.core.tuning_warm_start import check_parent, check_total
from labelwright.errors import InvalidRequest

FACTS = AlgorithmFacts(
    name="object-detection",
    objectives={"validation:mAP": "Maximize"},
    tunable=frozenset({"learning_rate", "optimizer"}),
    can_checkpoint=True,
)


def plan(request: dict[str, Any]) -> Plan:
    return parse_plan(request, lambda image: FACTS if "object-detection" in image else None)


def request(**changes: Any) -> dict[str, Any]:
    """The example of the documentation, with members replaced by path: ``Config__Strategy``."""
    made: dict[str, Any] = {
        "Config": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:mAP"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {
                "ContinuousParameterRanges": [
                    {"Name": "learning_rate", "MinValue": "1e-05", "MaxValue": "0.1"}
                ],
                "IntegerParameterRanges": [],
                "CategoricalParameterRanges": [{"Name": "optimizer", "Values": ["sgd", "adam"]}],
            },
            "TrainingJobEarlyStoppingType": "Auto",
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {"num_classes": "2", "epochs": "9"},
            "AlgorithmSpecification": {"TrainingImage": "x/object-detection:1", "TrainingInputMode": "File"},
            "RoleArn": "arn:aws:iam::000000000000:role/t",
            "InputDataConfig": [],
            "OutputDataConfig": {"S3OutputPath": "s3://acme/out"},
            "HyperParameterTuningResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.p3.2xlarge"},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        },
    }
    made = copy.deepcopy(made)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = made
        for key in parents:
            place = place[key]
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    made["HyperParameterTuningJobConfig"] = made.pop("Config")
    return made


OBJECTIVE = "Config__HyperParameterTuningJobObjective"
LIMITS = "Config__ResourceLimits"
RANGES = "Config__ParameterRanges"
STATIC = "TrainingJobDefinition__StaticHyperParameters"
CATEGORY = {"CategoricalParameterRanges": [{"Name": "optimizer", "Values": ["sgd", "adam"]}]}


def test_the_example_is_planned() -> None:
    found = plan(request())
    assert (found.strategy, found.n_parallel, found.stops_early) == ("Bayesian", 2, True)
    assert found.criteria.n_jobs_max == 4
    assert [each.name for each in found.definitions[0].space] == ["learning_rate", "optimizer"]
    made = training_request(
        found.definitions[0].request, "a-001", "validation:mAP", {"learning_rate": "0.1", "optimizer": "sgd"}
    )
    assert made["HyperParameters"] == {
        "num_classes": "2",
        "epochs": "9",
        "learning_rate": "0.1",
        "optimizer": "sgd",
        "_tuning_objective_metric": "validation:mAP",
    }
    assert made["ResourceConfig"] == {"InstanceCount": 1, "InstanceType": "ml.p3.2xlarge"}


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"TrainingJobDefinition": None}, "Exactly one of TrainingJobDefinition"),
        ({OBJECTIVE: None}, "objective metric of .* is missing"),
        ({RANGES: None}, "ranges of hyperparameters of .* are missing"),
        ({f"{OBJECTIVE}__MetricName": "loss"}, "object-detection can be tuned for"),
        ({f"{OBJECTIVE}__Type": "Minimize"}, "must be Maximize"),
        ({f"{STATIC}__optimizer": "sgd"}, "must not name hyperparameters that have a range"),
        ({STATIC: {f"p{i}": "1" for i in range(98)}}, "at most 99"),
        (
            {RANGES: {"IntegerParameterRanges": [{"Name": "epochs2", "MinValue": "1", "MaxValue": "2"}]}},
            "that can be tuned",
        ),
        ({f"{LIMITS}__MaxParallelTrainingJobs": 101}, "at most 100"),
        ({f"{LIMITS}__MaxNumberOfTrainingJobs": 751}, "at most 750"),
        ({"Config__Strategy": "Grid"}, "must be Off with the strategy Grid"),
        ({"Config__Strategy": "Hyperband"}, "must be Off with the strategy Hyperband"),
        (
            {"Config__Strategy": "Grid", "Config__TrainingJobEarlyStoppingType": "Off"},
            "must be categorical",
        ),
        (
            {
                "Config__Strategy": "Grid",
                "Config__TrainingJobEarlyStoppingType": "Off",
                RANGES: CATEGORY,
            },
            "number of combinations, 2",
        ),
        (
            {
                "Config__Strategy": "Hyperband",
                "Config__TrainingJobEarlyStoppingType": "Off",
                f"{STATIC}__epochs": "0",
            },
            "MaxResource",
        ),
        (
            {
                "Config__Strategy": "Hyperband",
                "Config__TrainingJobEarlyStoppingType": "Off",
                "Config__StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 10}},
            },
            "must be at most MaxResource",
        ),
        (
            {"TrainingJobDefinition__ResourceConfig": {"InstanceType": "local"}},
            "Exactly one of ResourceConfig",
        ),
        ({"TrainingJobDefinition__OutputDataConfig__S3OutputPath": "https://x/y"}, "S3OutputPath"),
        (
            {"TrainingJobDefinition__AlgorithmSpecification__TrainingImage": "acme/own"},
            "one of the MetricDefinitions",
        ),
        (
            {
                "Config__Strategy": "Hyperband",
                "Config__TrainingJobEarlyStoppingType": "Off",
                "WarmStartConfig": {
                    "ParentHyperParameterTuningJobs": [],
                    "WarmStartType": "TransferLearning",
                },
            },
            "only with the strategy Bayesian or Random",
        ),
    ],
)
def test_requests_that_cannot_be(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        plan(request(**changes))


def test_hyperband_takes_its_resource_from_the_epochs() -> None:
    found = plan(request(Config__Strategy="Hyperband", Config__TrainingJobEarlyStoppingType="Off"))
    assert found.hyperband is not None
    assert (found.hyperband.min_resource, found.hyperband.max_resource) == (1, 9)


def test_definitions_of_their_own() -> None:
    asked = request()
    only = asked.pop("TrainingJobDefinition")
    config = asked["HyperParameterTuningJobConfig"]
    own = {
        "TuningObjective": config["HyperParameterTuningJobObjective"],
        "HyperParameterRanges": config["ParameterRanges"],
    }
    asked["TrainingJobDefinitions"] = [{**only, **own, "DefinitionName": name} for name in "ab"]
    with pytest.raises(InvalidRequest, match="leave HyperParameterTuningJobObjective"):
        plan(asked)
    del config["HyperParameterTuningJobObjective"], config["ParameterRanges"]
    assert [each.name for each in plan(asked).definitions] == ["a", "b"]
    asked["TrainingJobDefinitions"][1]["DefinitionName"] = "a"
    with pytest.raises(InvalidRequest, match="differ between definitions"):
        plan(asked)


def warm(**changes: Any) -> Plan:
    kind = changes.pop("kind", "IdenticalDataAndAlgorithm")
    config = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "p"}],
        "WarmStartType": kind,
    }
    return plan(request(WarmStartConfig=config, **changes))


@pytest.mark.parametrize(
    "changes, words",
    [
        ({f"{STATIC}__more": "1"}, "3 hyperparameters|has 4 hyperparameters"),
        (
            {"TrainingJobDefinition__AlgorithmSpecification__TrainingImage": "x/object-detection:2"},
            "training image",
        ),
        (
            {
                "TrainingJobDefinition__InputDataConfig": [
                    {
                        "ChannelName": "a",
                        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://other/x"}},
                    }
                ]
            },
            "input data differ",
        ),
        (
            {
                RANGES: {
                    "CategoricalParameterRanges": [
                        {"Name": "optimizer", "Values": ["sgd", "adam"]},
                        {"Name": "learning_rate", "Values": ["0.1"]},
                    ]
                }
            },
            "was continuous and is categorical",
        ),
    ],
)
def test_parents_that_do_not_fit(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        check_parent("p", plan(request()), warm(**changes))


def test_parents_that_fit() -> None:
    parent = plan(request())
    check_parent("p", parent, warm())
    check_parent("p", parent, warm(**{RANGES: CATEGORY, f"{STATIC}__learning_rate": "0.1"}))
    newer = {"TrainingJobDefinition__AlgorithmSpecification__TrainingImage": "x/object-detection:2"}
    check_parent("p", parent, warm(kind="TransferLearning", **newer))
    with pytest.raises(InvalidRequest, match="at most 500"):
        check_total(497, parent)


def test_what_becomes_static_counts_as_a_change() -> None:
    static = {f"p{i}": "1" for i in range(9)}
    parent = plan(request(**{STATIC: static}))
    changed = {f"p{i}": "2" for i in range(9)}
    ranges = {
        "ContinuousParameterRanges": [{"Name": "learning_rate", "MinValue": "1e-05", "MaxValue": "0.1"}]
    }
    check_parent("p", parent, warm(**{STATIC: changed}))
    # A pair that becomes static is two changes: 9 and 2 are too many.
    with pytest.raises(InvalidRequest, match="11 hyperparameters became static"):
        check_parent("p", parent, warm(**{STATIC: {**changed, "optimizer": "sgd"}, RANGES: ranges}))
