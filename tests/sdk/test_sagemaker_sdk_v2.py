"""The SageMaker Python SDK 2, unmodified, doing what notebooks do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.train]

ROLE = "arn:aws:iam::000000000000:role/LabelwrightRole"


@pytest.fixture(scope="module")
def flow(run_flow: Callable[[str], Any]) -> Any:
    return run_flow("v2")


def test_the_session_finds_bucket_and_role(flow: Any) -> None:
    facts = flow.facts("session")
    assert facts == {
        "bucket": "sagemaker-us-east-1-000000000000", "role": ROLE, "account": "000000000000",
        "image": "811284229777.dkr.ecr.us-east-1.amazonaws.com/object-detection:1",
    }  # fmt: skip
    facts = flow.facts("upload")
    assert facts["uri"] == "s3://sagemaker-us-east-1-000000000000/flow/images"
    assert facts["read"] == "1 2 6\n"
    assert facts["listed"] == 15
    assert facts["same"]


def test_nothing_is_asked_of_others(flow: Any) -> None:
    assert flow.lines
    assert flow.elsewhere == []


def test_a_detector_is_trained_from_an_augmented_manifest_in_pipe_mode(flow: Any) -> None:
    facts, printed = flow.facts("fit"), flow.printed("fit")
    assert facts["model"].endswith(f"/walk/output/{facts['job']}/output/model.tar.gz")
    for text in (
        "Training - Training image download completed. Training in progress.",
        "#quality_metric: host=algo-1, epoch=0, validation mAP <score>=(",
        "Uploading - Uploading generated training model",
        "Completed - Training job completed",
        "Training seconds: ",
        "Billable seconds: ",
    ):
        assert text in printed, text
    assert "Downloading" not in printed  # there is no channel in File mode
    attached = flow.facts("attach")
    assert attached["model"] == facts["model"]
    assert attached["hyperparameters"]["base_network"] == "mobilenet"
    frame = flow.facts("analytics")
    assert {"train:smooth_l1", "train:cross_entropy", "validation:mAP"} <= set(frame["names"])
    assert all(isinstance(value, float) for value in frame["values"])


def test_the_detector_answers_under_an_endpoint(flow: Any) -> None:
    facts = flow.facts("deploy")
    assert facts["endpoint"].startswith("object-detection-")
    assert facts["variant"] == "AllTraffic"
    assert facts["plain"] == facts["answer"]
    for class_id, score, *corners in facts["answer"]["prediction"]:
        assert class_id in (0.0, 1.0)
        assert 0 < score <= 1
        assert all(0 <= corner <= 1 for corner in corners)
    updated = flow.facts("update_endpoint")
    assert (updated["status"], updated["count"]) == ("InService", 2)
    assert updated["answer"] == facts["answer"]
    assert flow.facts("delete")["models"] == 0
    again = flow.facts("existing_model")
    assert again["answer"] == facts["answer"]
    assert "Cannot create already existing endpoint" in again["twice"]


def test_the_detector_transforms_a_prefix(flow: Any) -> None:
    facts, printed = flow.facts("transform"), flow.printed("transform")
    assert facts["outputs"] == [f"validation-000{i}.jpg" for i in range(3)]
    assert facts["found"] == facts["answer"]  # of the endpoint
    assert facts["drawn"] == [200, 160]
    assert printed.strip(), "the log of the job is shown"


def test_scripts_are_trained_and_served(flow: Any) -> None:
    facts, printed = flow.facts("script"), flow.printed("script")
    assert "epoch=1; error=0.750000;" in printed
    assert [(m["MetricName"], m["Value"]) for m in facts["metrics"]] == [("error", 0.75)]
    assert facts["tags"] == [{"Key": "team", "Value": "flow"}]
    assert flow.facts("frameworks")["statuses"] == ["Completed", "Completed"]
    assert flow.facts("script_endpoint")["answer"] == [0.25, 2.25]


def test_variants_share_the_traffic_and_filters_join_what_comes_in(flow: Any) -> None:
    facts = flow.facts("variants")
    assert facts["answers"] == [[-1.25, 0.75], [-1.25, 0.75]]
    assert facts["weights"] == {"a": 0.0, "b": 3.0}
    facts = flow.facts("filters")
    assert facts["joined"] == [
        {"id": 1, "SageMakerOutput": [-1.25, 0.75]}, {"id": 2, "SageMakerOutput": [-0.25]},
    ]  # fmt: skip
    assert facts["attached"].endswith("/flow/joined")


def test_failures_and_stopping(flow: Any) -> None:
    facts = flow.facts("failures")
    assert (
        'Failed. Reason: AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: '
        in (facts["script"])
    )
    assert "ClientError: " in facts["builtin"]
    assert "num_training_samples" in facts["builtin"]
    stopped = flow.facts("stop")
    assert stopped["status"] == "Stopped"
    assert "training job is in status Stopped" in stopped["again"]


def test_hyperparameters_are_tuned(flow: Any) -> None:
    facts = flow.facts("tuner")
    assert facts["best"] == facts["attached"]
    assert len(facts["values"]) == 3
    assert {"rate", "epochs", "FinalObjectiveValue", "TrainingJobName"} <= set(facts["columns"])
    assert facts["warm"].startswith("warm-")
